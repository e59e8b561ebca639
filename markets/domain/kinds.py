"""Which answers each kind of market has, how they are named, and what they sum to.  Pure."""

from decimal import Decimal

ROLES: dict[str, tuple[str, ...]] = {
    "MATCH_ODDS": ("HOME", "DRAW", "AWAY"),
    "MONEYLINE": ("HOME", "AWAY"),
    "SPREAD": ("HOME", "AWAY"),
    "ASIAN_HANDICAP": ("HOME", "AWAY"),
    "TOTAL": ("OVER", "UNDER"),
    "TEAM_TOTAL": ("OVER", "UNDER"),
    "BOTH_SCORE": ("YES", "NO"),
    "DRAW_NO_BET": ("HOME", "AWAY"),
    "DOUBLE_CHANCE": ("HOME_DRAW", "HOME_AWAY", "DRAW_AWAY"),
    "PLAYER_TOTAL": ("OVER", "UNDER"),
}
#: Kinds whose answers are participants: as many as run.
RUNNER_KINDS = ("WIN", "PLACE", "EACH_WAY", "OUTRIGHT", "PLAYER_LEADER")
RUNNER = "RUNNER"
ALL_KINDS = (*ROLES, *RUNNER_KINDS)
LINE_KINDS = ("ASIAN_HANDICAP", "SPREAD", "TOTAL", "TEAM_TOTAL", "PLAYER_TOTAL")
HANDICAP_KINDS = ("ASIAN_HANDICAP", "SPREAD")
PARTICIPANT_KINDS = ("TEAM_TOTAL", "PLAYER_TOTAL")
STATISTIC_KINDS = ("PLAYER_TOTAL", "PLAYER_LEADER")
PERIODS = (
    "FULL", "REG", "H1", "H2", "Q1", "Q2", "Q3", "Q4", "SET1", "SET2", "SET3", "SET4", "SET5",
)  # fmt: skip
HIGHEST_LINE = 9_999
_CENT = Decimal("0.01")
_QUARTER = Decimal("0.25")
_NAMES = {
    "DRAW": "Draw",
    "YES": "Yes",
    "NO": "No",
    "HOME_DRAW": "{home} or draw",
    "HOME_AWAY": "{home} or {away}",
    "DRAW_AWAY": "Draw or {away}",
    "HOME": "{home}",
    "AWAY": "{away}",
}


class BadLine(ValueError):
    """A line that no market can have."""


class BadMarket(ValueError):
    """A question that no market can ask."""


def roles_of(kind: str) -> tuple[str, ...]:
    """Return the roles that an answer may have; none where the kind is unknown.

    >>> roles_of("BOTH_SCORE"), roles_of("WIN"), roles_of("COIN_TOSS")
    (('YES', 'NO'), ('RUNNER',), ())
    """
    return (RUNNER,) if kind in RUNNER_KINDS else ROLES.get(kind, ())


def answers(*, kind: str, runners: int = 0) -> int:
    """Return how many answers a whole market has; ``runners``: those that run in it.

    >>> answers(kind="MATCH_ODDS"), answers(kind="WIN", runners=9), answers(kind="COIN_TOSS")
    (3, 9, 0)
    """
    return runners if kind in RUNNER_KINDS else len(ROLES.get(kind, ()))


def sums_to(*, kind: str, places: int | None = None) -> int | None:
    """Return what the fair probabilities of a whole market sum to: how many answers come true.

    None where that is not known: a place market without its number of places, and each way,
    whose one price pays for two questions.

    >>> sums_to(kind="WIN"), sums_to(kind="DOUBLE_CHANCE"), sums_to(kind="PLACE", places=3)
    (1, 2, 3)
    >>> sums_to(kind="PLACE"), sums_to(kind="EACH_WAY", places=3)
    (None, None)
    """
    match kind:
        case "DOUBLE_CHANCE":
            return 2
        case "PLACE":
            return places
        case "EACH_WAY":
            return None
    return 1


def check_market(*, kind: str, period: str, participant: bool, statistic: str) -> None:
    """Refuse a question that no market can ask.

    Raises:
        BadMarket: and says what was expected.

    >>> check_market(kind="TEAM_TOTAL", period="FULL", participant=False, statistic="")
    Traceback (most recent call last):
    ...
    markets.domain.kinds.BadMarket: a participant, which TEAM_TOTAL asks about
    """
    if kind not in ALL_KINDS:
        raise BadMarket(f"a known kind of market, not {kind!r}")
    if period not in PERIODS:
        raise BadMarket(f"a known period, not {period!r}")
    if participant != (kind in PARTICIPANT_KINDS):
        whose = "a participant, which" if kind in PARTICIPANT_KINDS else "no participant, for whom"
        raise BadMarket(f"{whose} {kind} asks about")
    if bool(statistic) != (kind in STATISTIC_KINDS):
        what = "a statistic, which" if kind in STATISTIC_KINDS else "no statistic, which"
        raise BadMarket(f"{what} {kind} asks about, not {statistic!r}")


def market_line(*, kind: str, line: Decimal | None) -> Decimal | None:
    """Return a market's line with two places and no negative zero.

    Raises:
        BadLine: the kind has no line, or needs one, or it is no multiple of a quarter.

    >>> market_line(kind="ASIAN_HANDICAP", line=Decimal("-0.0"))
    Decimal('0.00')
    """
    if kind not in LINE_KINDS:
        if line is not None:
            raise BadLine(f"no line, which {kind} has none of, not {line}")
        return None
    if line is None or not line.is_finite() or abs(line) > HIGHEST_LINE or line % _QUARTER:
        raise BadLine(f"a line that is a multiple of 0.25, not {line}")
    return line.quantize(_CENT) + 0  # the sum takes the sign off a zero


def selection_line(*, kind: str, role: str, line: Decimal | None) -> Decimal | None:
    """Return a selection's own line: the away side's handicap is the home side's, negated.

    >>> selection_line(kind="ASIAN_HANDICAP", role="AWAY", line=Decimal("-0.75"))
    Decimal('0.75')
    >>> selection_line(kind="SPREAD", role="AWAY", line=Decimal("0.00"))
    Decimal('0.00')
    """
    if line is None:
        return None
    return 0 - line if kind in HANDICAP_KINDS and role == "AWAY" else line


def selection_name(*, role: str, home: str, away: str, line: Decimal | None, who: str = "") -> str:
    """Name a selection for people; ``who``: whose total it is, or who runs.

    >>> selection_name(role="OVER", home="Leeds", away="Derby", line=Decimal("2.50"))
    'Over 2.5'
    >>> selection_name(role="AWAY", home="Leeds", away="Derby", line=Decimal("0.25"))
    'Derby'
    >>> selection_name(role="UNDER", home="", away="", line=Decimal("20.00"), who="Jalen Brunson")
    'Jalen Brunson under 20'
    """
    if role == RUNNER:
        return who
    if role in _NAMES:
        return _NAMES[role].format(home=home, away=away)[:120]
    number = f"{line:f}".rstrip("0").rstrip(".") if line is not None else ""
    return f"{who} {role.lower()} {number}".strip()[:120] if who else f"{role.title()} {number}"
