"""A history and a plan in, bets out: appraised, chosen, staked, paid and held against the close.

The same history and plan give the same bets to the cent.
"""

import hashlib
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from settlements.domain import clv, rules
from settlements.domain.backtesting import appraising, calendars, exact, staking
from settlements.domain.backtesting.appraising import Offers, Terms
from settlements.domain.backtesting.history import NEVER, Floats, History, Ints
from settlements.domain.backtesting.plans import Plan
from settlements.domain.backtesting.staking import Asked, Staked

PROBABILITIES_UNSOUND = "PROBABILITIES_UNSOUND"
#: What of a plan says which candidates are worth a bet, and in which days they count.
_CHOOSING = (
    "parameters", "min_edge", "max_edge", "min_probability", "min_price", "max_price",
    "max_overround", "max_price_age_seconds", "min_hours_to_start", "max_hours_to_start", "books",
    "commission", "time_zone", "time_scale",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Bets:
    """The bets of one run, in the order of time: money in minor units, prices in thousandths.

    ``place`` is the candidate's in the history.  ``unstaked`` says by place why nothing was staked
    on a candidate that had passed every filter.
    """

    place: Ints
    book: Ints
    price: Ints
    stake: Ints
    profit: Ints  # net of commission; 0 where it is not known
    commission: Ints
    outcome: Ints  # by the terms of its book; ``rules.UNKNOWN`` while it is open
    settles: Ints
    paid_day: Ints  # the betting day of it
    edge: Floats
    clv: Floats  # NaN without a close
    clv_raw: Floats
    unstaked: dict[int, str]

    def __len__(self) -> int:
        return len(self.place)

    @property
    def is_settled(self) -> np.ndarray:
        return self.settles != NEVER


class Chosen(NamedTuple):
    """Candidates worth a bet: their places, those refused for all that, how they ended."""

    picked: Ints
    unsound: dict[int, str]
    outcome: Ints
    asked: Asked


@dataclass(slots=True)
class Ground:
    """A history with what many plans ask of it, reckoned once."""

    history: History
    _offers: dict[Terms, Offers] = field(default_factory=dict)
    _days: dict[tuple[str, float], tuple[Ints, Ints]] = field(default_factory=dict)
    _paid: dict[tuple[str, float], Ints] = field(default_factory=dict)
    _chosen: "tuple[tuple[str, ...], Chosen] | None" = None

    def offers(self, terms: Terms) -> Offers:
        """Return the best price of each candidate under these terms."""
        if terms not in self._offers:
            self._offers[terms] = appraising.offers(self.history, terms)
        return self._offers[terms]

    def chosen(self, plan: Plan) -> "Chosen":
        """Return the candidates that are worth a bet, and what is asked for a stake on them.

        Stakes and limits do not count for it, so plans that differ in them alone share it; the
        last one asked for is kept.
        """
        key = tuple(str(getattr(plan, name)) for name in _CHOOSING)
        if self._chosen is None or self._chosen[0] != key:
            self._chosen = (key, _choose(self, plan))
        return self._chosen[1]

    def days(self, *, time_zone: str, time_scale: float) -> tuple[Ints, Ints]:
        """Return each candidate's betting day and week."""
        key = (time_zone, time_scale)
        if key not in self._days:
            moments, number = np.unique(self.history.as_of, return_inverse=True)
            day = calendars.days(moments, time_zone=time_zone, time_scale=time_scale)
            week = calendars.weeks(moments, time_zone=time_zone, time_scale=time_scale)
            self._days[key] = (day[number], week[number])
        return self._days[key]

    def paid_days(self, *, time_zone: str, time_scale: float) -> Ints:
        """Return the betting day on which each candidate's bet is paid; no day where never."""
        key = (time_zone, time_scale)
        if key not in self._paid:
            settles = self.history.settles
            moments, number = np.unique(np.where(settles == NEVER, 0, settles), return_inverse=True)
            day = calendars.days(moments, time_zone=time_zone, time_scale=time_scale)
            self._paid[key] = day[number]
        return self._paid[key]


def run(ground: Ground, plan: Plan, *, is_exact: bool | None = None) -> Bets:
    """Return the bets that a plan makes of a history.

    ``is_exact``: whether live betting's own functions stake each bet; None: where they must.
    """
    history, found = ground.history, ground.offers(appraising.terms_of(plan))
    picked, unsound, outcome, asked = ground.chosen(plan)
    terms = [book.terms for book in history.books]
    if is_exact or (is_exact is None and not staking.handles(plan)):
        staked = exact.walk(
            history=history, found=found, places=picked.tolist(), asked=asked, plan=plan,
            terms=terms,
        )  # fmt: skip
    else:
        limits = staking.Limits.of(plan, market_kind=history.kind)
        staked = staking.walk(asked=asked, plan=plan, limits=limits, terms=terms)
    paid_day = ground.paid_days(time_zone=plan.time_zone, time_scale=plan.time_scale)
    return _bets(history, found, picked, outcome, staked, unsound, paid_day)


def _choose(ground: Ground, plan: Plan) -> Chosen:
    history, found = ground.history, ground.offers(appraising.terms_of(plan))
    picked = appraising.picks(history, found, plan)
    is_sound = history.is_sound[picked]
    unsound = {int(place): PROBABILITIES_UNSOUND for place in picked[~is_sound]}
    picked = picked[is_sound]
    outcome = _outcomes(history, found, picked)
    return Chosen(picked, unsound, outcome, _asked(ground, found, plan, picked, outcome))


def _outcomes(history: History, found: Offers, picked: Ints) -> Ints:
    """Return how each pick ended by the terms of its book: a tie may lose."""
    outcome = history.outcome[picked]
    losing = np.array([book.terms.tie == "LOST" for book in history.books], dtype=bool)
    if history.kind != "MONEYLINE" or not losing.any():
        return outcome
    is_tie = outcome == rules.OUTCOMES.index(rules.Outcome.PUSH)
    lost = rules.OUTCOMES.index(rules.Outcome.LOST)
    return np.where(is_tie & losing[found.book[picked]], lost, outcome)


def _asked(ground: Ground, found: Offers, plan: Plan, picked: Ints, outcome: Ints) -> Asked:
    day, week = ground.days(time_zone=plan.time_zone, time_scale=plan.time_scale)
    history = ground.history
    return Asked(
        as_of=history.as_of[picked].tolist(),
        day=day[picked].tolist(),
        week=week[picked].tolist(),
        kelly=found.kelly[picked].tolist(),
        price=found.price[picked].tolist(),
        outcome=outcome.tolist(),
        settles=history.settles[picked].tolist(),
        payer=found.book[picked].tolist(),
    )


def _bets(
    history: History,
    found: Offers,
    picked: Ints,
    outcome: Ints,
    staked: Staked,
    unsound: dict[int, str],
    paid_day: Ints,
) -> Bets:
    stake = np.array(staked.stake, dtype=np.int64)
    kept = np.flatnonzero(stake > 0)
    place = picked[kept]
    price, never = found.price[place].astype(np.int64), np.zeros(len(place), dtype=bool)
    taken = np.zeros(len(picked), dtype=np.int64)
    if staked.commission:
        taken[list(staked.commission)] = list(staked.commission.values())
    odds, close = price / 1000.0, history.close_price[place]
    return Bets(
        place=place,
        book=found.book[place],
        price=price,
        stake=stake[kept],
        profit=np.array(staked.profit, dtype=np.int64)[kept],
        commission=taken[kept],
        outcome=outcome[kept],
        settles=history.settles[place],
        paid_day=paid_day[place],
        edge=found.edge[place],
        clv=clv.fair(price=odds, probability=history.close[place], is_lay=never),
        clv_raw=clv.raw(price=odds, closing_price=close, is_lay=never),
        unstaked=unsound | {int(picked[at]): why for at, why in staked.reason.items()},
    )


def digest(history: History, bets: Bets) -> str:
    """Return the SHA-256 over every bet: what it is on, its terms, what it brought."""
    sums = hashlib.sha256()
    columns = (
        history.event[bets.place], history.selection[bets.place], bets.book, bets.price,
        bets.stake, bets.profit, bets.commission, bets.outcome, bets.settles,
    )  # fmt: skip
    for column in columns:
        sums.update(np.ascontiguousarray(column, dtype="<i8").tobytes())
    sums.update("|".join(book.code for book in history.books).encode())
    return sums.hexdigest()
