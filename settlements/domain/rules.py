"""How a bet is judged and what it pays.  Pure: no Django, no clock, no I/O.

Words
    stake     what a backer risks; a layer of the same stake risks ``stake x (price - 1)``
    profit    net and signed: what the bankroll gains or loses; the stake is not in it
    outcome   how the selection did, its line included; the same word for backer and layer
    line      the selection's own handicap (0.25 steps), or the total of its market

Each rule stands here twice: once for one bet in Decimal, which is the definition, and once for
arrays in integers (quarter goals, minor units), which a property test holds equal to it.

Source: Asian handicap and goal-line rules as bet365 and Pinnacle publish them; back and lay as
Betfair's Exchange does.
"""

import enum
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import numpy.typing as npt

CENT = Decimal("0.01")
QUARTER = Decimal("0.25")
Ints = npt.NDArray[np.int64]


class Outcome(enum.StrEnum):
    WON = "WON"
    HALF_WON = "HALF_WON"
    PUSH = "PUSH"  # the line was hit exactly: the stake comes back, the bet stands
    HALF_LOST = "HALF_LOST"
    LOST = "LOST"
    VOID = "VOID"  # the bet never was: abandoned, postponed, cancelled


#: The share of the stake that wins and the share that loses, in halves.  The rest comes back.
HALVES: dict[Outcome, tuple[int, int]] = {
    Outcome.WON: (2, 0),
    Outcome.HALF_WON: (1, 0),
    Outcome.PUSH: (0, 0),
    Outcome.HALF_LOST: (0, 1),
    Outcome.LOST: (0, 2),
    Outcome.VOID: (0, 0),
}
#: An outcome's code in arrays is its place here; ``UNKNOWN`` where no rule says.
OUTCOMES: tuple[Outcome, ...] = tuple(Outcome)
UNKNOWN = -1
_CODE = {outcome: code for code, outcome in enumerate(OUTCOMES)}
_WIN_HALVES = np.array([HALVES[outcome][0] for outcome in OUTCOMES], dtype=np.int64)
_LOSS_HALVES = np.array([HALVES[outcome][1] for outcome in OUTCOMES], dtype=np.int64)

VOIDING = ("ABANDONED", "POSTPONED", "CANCELLED")
_KINDS = ("MATCH_ODDS", "ASIAN_HANDICAP", "TOTAL")
_ROLES = ("HOME", "DRAW", "AWAY", "OVER", "UNDER")
_SAFE = 2**62


class UnknownMarket(ValueError):
    """No rule says how this bet is judged.  Never guess: money hangs on it."""


def judge(*, kind: str, role: str, line: Decimal | None, home: int, away: int) -> Outcome:
    """Say how a selection did, from the final score.

    ``line`` is the selection's own handicap, or the total; a multiple of 0.25, None for 1X2.

    Raises:
        UnknownMarket: no rule covers this kind, role and line.

    >>> judge(kind="ASIAN_HANDICAP", role="HOME", line=Decimal("-0.75"), home=2, away=1).value
    'HALF_WON'
    """
    match kind, role:
        case "MATCH_ODDS", "HOME" | "AWAY" | "DRAW":
            winner = "DRAW" if home == away else "HOME" if home > away else "AWAY"
            return Outcome.WON if role == winner else Outcome.LOST
        case "ASIAN_HANDICAP", "HOME" | "AWAY":
            margin = home - away if role == "HOME" else away - home
            return by_margin(margin + _quarters(kind, line))
        case "TOTAL", "OVER" | "UNDER":
            over = home + away - _quarters(kind, line)
            return by_margin(over if role == "OVER" else -over)
    raise UnknownMarket(f"no rule for {kind} {role}")


def _quarters(kind: str, line: Decimal | None) -> Decimal:
    if line is None or line % QUARTER:
        raise UnknownMarket(f"{kind} with the line {line}: not a multiple of a quarter")
    return line


def by_margin(margin: Decimal) -> Outcome:
    """Judge by how far past its line a selection came, in goals.

    A quarter line is two half stakes on the half lines beside it, so a quarter past it wins on
    one and gets the other back.

    >>> [by_margin(Decimal(m)).value for m in ("0.5", "0.25", "0", "-0.25", "-1")]
    ['WON', 'HALF_WON', 'PUSH', 'HALF_LOST', 'LOST']
    """
    if margin == 0:
        return Outcome.PUSH
    if abs(margin) == QUARTER:
        return Outcome.HALF_WON if margin > 0 else Outcome.HALF_LOST
    return Outcome.WON if margin > 0 else Outcome.LOST


def profit(*, side: str, outcome: Outcome, stake: Decimal, price: Decimal) -> Decimal:
    """Return a bet's profit before commission, rounded half-even to the cent, once.

    A layer gets exactly what the backer does not.

    >>> profit(side="BACK", outcome=Outcome.HALF_WON, stake=Decimal(10), price=Decimal("1.90"))
    Decimal('4.50')
    >>> profit(side="LAY", outcome=Outcome.WON, stake=Decimal(10), price=Decimal("1.90"))
    Decimal('-9.00')
    """
    wins, loses = HALVES[outcome]
    back = stake * (wins * (price - 1) - loses) / 2
    return (back if side == "BACK" else -back).quantize(CENT, rounding=ROUND_HALF_EVEN)


def codes(values: Sequence[str], *, of: Sequence[str]) -> Ints:
    """Return each value's place in ``of``, or ``UNKNOWN``."""
    places = {value: place for place, value in enumerate(of)}
    return np.fromiter((places.get(value, UNKNOWN) for value in values), np.int64, len(values))


def judge_many(
    *,
    kinds: Sequence[str],
    roles: Sequence[str],
    quarters: npt.NDArray[np.float64],
    home: Ints,
    away: Ints,
    voided: npt.NDArray[np.bool_],
) -> Ints:
    """Judge n bets: their places in ``OUTCOMES``, ``UNKNOWN`` where ``judge`` would raise.

    ``quarters`` is each selection's line times four, NaN where it has none; scores are read
    only where ``voided`` (abandoned, postponed, cancelled) is false.

    >>> judge_many(kinds=["TOTAL"], roles=["OVER"], quarters=np.array([9.0]), home=np.array([2]),
    ...            away=np.array([0]), voided=np.array([False])).tolist()
    [3]
    """
    kind, role = codes(kinds, of=_KINDS), codes(roles, of=_ROLES)
    margin = home - away
    won = np.select([role == 0, role == 1, role == 2], [margin > 0, margin == 0, margin < 0])
    straight = np.where(won, _CODE[Outcome.WON], _CODE[Outcome.LOST])
    has_line = np.isfinite(quarters) & (quarters == np.rint(quarters))
    line = np.where(has_line, quarters, 0.0).astype(np.int64)
    handicap = np.where(role == 0, margin, -margin) * 4 + line
    over = (home + away) * 4 - line
    past = np.where(kind == 1, handicap, np.where(role == 3, over, -over))
    sides = (kind == 1) & ((role == 0) | (role == 2)) | (kind == 2) & (role >= 3)
    judged = np.select(
        [(kind == 0) & (role >= 0) & (role <= 2), sides & has_line],
        [straight, _by_quarters(past)],
        default=UNKNOWN,
    )
    return np.where(voided, _CODE[Outcome.VOID], judged)


def _by_quarters(past: Ints) -> Ints:
    """Judge by quarter goals past the line: ``by_margin`` for arrays."""
    steps = np.array([_CODE[by_margin(QUARTER * step)] for step in range(-2, 3)], dtype=np.int64)
    return steps[np.clip(past, -2, 2) + 2]


def profit_many(*, is_lay: npt.NDArray[np.bool_], outcome: Ints, stake: Ints, price: Ints) -> Ints:
    """Return n profits in minor units: ``stake`` in minor units, ``price`` in thousandths.

    Exact in integers, rounded half-even once; where a product would not fit 64 bits it is
    reckoned in Python's integers.

    >>> profit_many(is_lay=np.array([False]), outcome=np.array([1]), stake=np.array([1005]),
    ...             price=np.array([1900])).tolist()
    [452]
    """
    factor = _WIN_HALVES[outcome] * (price - 1000) - _LOSS_HALVES[outcome] * 1000
    if len(stake) and float(np.max(np.abs(stake))) * float(np.max(np.abs(factor))) >= _SAFE:
        exact = [_half_even(int(s) * int(f), 2000) for s, f in zip(stake, factor, strict=True)]
        back = np.array(exact, dtype=np.int64)
    else:
        back = _half_even_many(stake * factor, 2000)
    return np.where(is_lay, -back, back)


def _half_even(value: int, unit: int) -> int:
    whole, rest = divmod(value, unit)
    return whole + (2 * rest > unit or (2 * rest == unit and whole % 2 == 1))


def _half_even_many(value: Ints, unit: int) -> Ints:
    whole, rest = np.divmod(value, unit)
    return whole + ((2 * rest > unit) | ((2 * rest == unit) & (whole % 2 == 1)))
