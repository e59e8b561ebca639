"""How a bet is judged and what it pays.  Pure: no Django, no clock, no I/O.

Words
    stake     what a backer risks; a layer of the same stake risks ``stake x (price - 1)``
    profit    net and signed: what the bankroll gains or loses; the stake is not in it
    outcome   how the selection did, its line included; the same word for backer and layer
    line      the selection's own handicap (0.25 steps), or the total of its market
    figure    what a team's or a player's total counts; None for a player who took no part

Each rule stands here twice: once for one bet in Decimal, which is the definition, and once for
arrays in integers (quarter goals, minor units), which a property test holds equal to it.

Source: Asian handicap and goal-line rules as bet365 and Pinnacle publish them; back and lay as
Betfair's Exchange does; a tied moneyline is a push, and a player who takes no part voids, as both
bet365 and DraftKings publish.
"""

import enum
from collections.abc import Sequence
from contextlib import suppress
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import product

import numpy as np
import numpy.typing as npt

CENT = Decimal("0.01")
QUARTER = Decimal("0.25")
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


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
WIN_HALVES = np.array([HALVES[outcome][0] for outcome in OUTCOMES], dtype=np.int64)
LOSS_HALVES = np.array([HALVES[outcome][1] for outcome in OUTCOMES], dtype=np.int64)

VOIDING = ("ABANDONED", "POSTPONED", "CANCELLED")
_BY_SCORE = ("MATCH_ODDS", "MONEYLINE", "DRAW_NO_BET", "DOUBLE_CHANCE", "BOTH_SCORE")
_HANDICAPS = ("ASIAN_HANDICAP", "SPREAD")
_TOTALS = ("TOTAL", "TEAM_TOTAL", "PLAYER_TOTAL")
KINDS = (*_BY_SCORE, *_HANDICAPS, *_TOTALS)
ROLES = (
    "HOME", "DRAW", "AWAY", "HOME_DRAW", "HOME_AWAY", "DRAW_AWAY", "YES", "NO", "OVER", "UNDER",
)  # fmt: skip
_SAFE = 2**62


class UnknownMarket(ValueError):
    """No rule says how this bet is judged.  Never guess: money hangs on it."""


def judge(
    *,
    kind: str,
    role: str,
    line: Decimal | None,
    home: int,
    away: int,
    figure: Decimal | None = None,
) -> Outcome:
    """Say how a selection did, from the final score.

    ``line`` is the selection's own handicap, or the total, a multiple of 0.25; None where its
    kind has none.  ``figure`` is what the total of a team or of a player counts.

    Raises:
        UnknownMarket: no rule covers this kind, role and line.

    >>> judge(kind="ASIAN_HANDICAP", role="HOME", line=Decimal("-0.75"), home=2, away=1).value
    'HALF_WON'
    >>> judge(kind="MONEYLINE", role="AWAY", line=None, home=20, away=20).value
    'PUSH'
    """
    if kind in _BY_SCORE:
        return _by_score(kind=kind, role=role, home=home, away=away)
    if kind in _HANDICAPS and role in ("HOME", "AWAY"):
        margin = home - away if role == "HOME" else away - home
        return by_margin(margin + _quarters(kind, line))
    if kind in _TOTALS and role in ("OVER", "UNDER"):
        beyond = -_quarters(kind, line)
        if kind == "PLAYER_TOTAL" and figure is None:
            return Outcome.VOID
        beyond += (
            Decimal(home + away) if kind == "TOTAL" else _quarters(f"a figure of {kind}", figure)
        )
        return by_margin(beyond if role == "OVER" else -beyond)
    raise UnknownMarket(f"no rule for {kind} {role}")


def _by_score(*, kind: str, role: str, home: int, away: int) -> Outcome:
    """Judge what has no line; a tie gives two-way bets on a winner their stake back."""
    came = "DRAW" if home == away else "HOME" if home > away else "AWAY"
    match kind, role:
        case "MATCH_ODDS", "HOME" | "DRAW" | "AWAY":
            won = role == came
        case "MONEYLINE" | "DRAW_NO_BET", "HOME" | "AWAY":
            if came == "DRAW":
                return Outcome.PUSH
            won = role == came
        case "DOUBLE_CHANCE", "HOME_DRAW" | "HOME_AWAY" | "DRAW_AWAY":
            won = came in role.split("_")
        case "BOTH_SCORE", "YES" | "NO":
            won = (role == "YES") == (home > 0 and away > 0)
        case _:
            raise UnknownMarket(f"no rule for {kind} {role}")
    return Outcome.WON if won else Outcome.LOST


def _quarters(kind: str, line: Decimal | None) -> Decimal:
    if line is None or line % QUARTER:
        raise UnknownMarket(f"{kind} with the line {line}: not a multiple of a quarter")
    return line


#: Scores that stand for all: who won, and whether both scored.
_STATES = ((0, 1), (1, 2), (0, 0), (1, 1), (1, 0), (2, 1))


def _table() -> Ints:
    """Return the code of each kind without line, role and state, ``UNKNOWN`` where none judges."""
    found = np.full((len(_BY_SCORE), len(ROLES), len(_STATES)), UNKNOWN, dtype=np.int64)
    for (k, kind), (r, role), (s, score) in product(
        enumerate(_BY_SCORE), enumerate(ROLES), enumerate(_STATES)
    ):
        with suppress(UnknownMarket):
            outcome = _by_score(kind=kind, role=role, home=score[0], away=score[1])
            found[k, r, s] = _CODE[outcome]
    return found


_CODES_BY_SCORE = _table()


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
    quarters: Floats,
    home: Ints,
    away: Ints,
    voided: npt.NDArray[np.bool_],
    figures: Floats | None = None,
) -> Ints:
    """Judge n bets: their places in ``OUTCOMES``, ``UNKNOWN`` where ``judge`` would raise.

    ``quarters`` is each selection's line times four, and ``figures`` what a team's or player's
    total counts, times four; NaN where there is none.  Scores and figures are read only where
    ``voided`` (abandoned, postponed, cancelled) is false.

    >>> judge_many(kinds=["TOTAL"], roles=["OVER"], quarters=np.array([9.0]), home=np.array([2]),
    ...            away=np.array([0]), voided=np.array([False])).tolist()
    [3]
    """
    kind, role = codes(kinds, of=KINDS), codes(roles, of=ROLES)
    counted = np.full(len(kind), np.nan) if figures is None else figures
    by_score = _by_scores(kind, role, home, away)
    past = _past(kind, role, quarters, home=home, away=away, counted=counted)
    known = np.isfinite(past) & (past == np.rint(past))
    by_line = _by_quarters(np.where(known, past, 0.0).astype(np.int64))
    is_player = kind == KINDS.index("PLAYER_TOTAL")
    absent = is_player & np.isnan(counted) & _is_line(quarters) & (role >= ROLES.index("OVER"))
    judged = np.select(
        [voided | absent, (kind >= 0) & (kind < len(_BY_SCORE)), known],
        [_CODE[Outcome.VOID], by_score, by_line],
        default=UNKNOWN,
    )
    return judged.astype(np.int64)


def _by_scores(kind: Ints, role: Ints, home: Ints, away: Ints) -> Ints:
    state = 2 * (np.sign(home - away) + 1) + ((home > 0) & (away > 0))
    is_known = (kind >= 0) & (kind < len(_BY_SCORE)) & (role >= 0)
    at = (np.where(is_known, kind, 0), np.where(is_known, role, 0), state)
    return np.where(is_known, _CODES_BY_SCORE[at], UNKNOWN)


def _past(
    kind: Ints, role: Ints, quarters: Floats, *, home: Ints, away: Ints, counted: Floats
) -> Floats:
    """Return by how many quarters each selection came past its line, NaN where it has no such."""
    is_home, is_away = role == ROLES.index("HOME"), role == ROLES.index("AWAY")
    over, under = role == ROLES.index("OVER"), role == ROLES.index("UNDER")
    is_handicap = np.isin(kind, [KINDS.index(one) for one in _HANDICAPS])
    of_match = kind == KINDS.index("TOTAL")
    of_one = np.isin(kind, [KINDS.index(one) for one in _TOTALS]) & ~of_match
    line = np.where(_is_line(quarters), quarters, np.nan)
    margin = 4.0 * (home - away)
    total = np.where(of_match, 4.0 * (home + away), counted) - line
    return np.select(
        [
            is_handicap & is_home,
            is_handicap & is_away,
            (of_match | of_one) & over,
            (of_match | of_one) & under,
        ],
        [margin + line, line - margin, total, -total],
        default=np.nan,
    )


def _is_line(quarters: Floats) -> npt.NDArray[np.bool_]:
    return np.isfinite(quarters) & (quarters == np.rint(quarters))


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
    factor = WIN_HALVES[outcome] * (price - 1000) - LOSS_HALVES[outcome] * 1000
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
