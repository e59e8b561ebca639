"""Which answers each kind of market has, and how they are named.  Pure."""

from decimal import Decimal

ROLES: dict[str, tuple[str, ...]] = {
    "MATCH_ODDS": ("HOME", "DRAW", "AWAY"),
    "ASIAN_HANDICAP": ("HOME", "AWAY"),
    "TOTAL": ("OVER", "UNDER"),
}
_CENT = Decimal("0.01")
_QUARTER = Decimal("0.25")


class BadLine(ValueError):
    """A line that no market can have."""


def market_line(*, kind: str, line: Decimal | None) -> Decimal | None:
    """Return a market's line with two places and no negative zero.

    Raises:
        BadLine: the kind has no line, or needs one, or it is no multiple of a quarter.

    >>> market_line(kind="ASIAN_HANDICAP", line=Decimal("-0.0"))
    Decimal('0.00')
    """
    if kind == "MATCH_ODDS":
        if line is not None:
            raise BadLine("match odds have no line")
        return None
    if line is None or not line.is_finite() or abs(line) > 999 or line % _QUARTER:
        raise BadLine(f"a line is a multiple of 0.25, not {line}")
    return line.quantize(_CENT) + 0  # the sum takes the sign off a zero


def selection_line(*, kind: str, role: str, line: Decimal | None) -> Decimal | None:
    """Return a selection's own line: the away side's handicap is the home side's, negated.

    >>> selection_line(kind="ASIAN_HANDICAP", role="AWAY", line=Decimal("-0.75"))
    Decimal('0.75')
    >>> selection_line(kind="ASIAN_HANDICAP", role="AWAY", line=Decimal("0.00"))
    Decimal('0.00')
    """
    if line is None:
        return None
    return 0 - line if kind == "ASIAN_HANDICAP" and role == "AWAY" else line


def selection_name(*, role: str, home: str, away: str, line: Decimal | None) -> str:
    """Name a selection for people.

    >>> selection_name(role="OVER", home="Leeds", away="Derby", line=Decimal("2.50"))
    'Over 2.5'
    >>> selection_name(role="AWAY", home="Leeds", away="Derby", line=Decimal("0.25"))
    'Derby'
    """
    match role:
        case "HOME":
            return home
        case "AWAY":
            return away
        case "DRAW":
            return "Draw"
    return f"{role.title()} {line:f}".rstrip("0").rstrip(".")
