"""What the bets of a run came to, and where the candidates without a bet stopped.  Pure."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from betting.domain import funnel, selecting
from betting.domain.funnel import Funnel, Tally
from settlements.domain import performance, presenting, rules
from settlements.domain.backtesting import appraising, money
from settlements.domain.backtesting.engine import Bets, Ground
from settlements.domain.backtesting.history import Ints
from settlements.domain.backtesting.plans import Plan
from settlements.domain.performance import EventSums, Performance, Steps

_VOID = rules.OUTCOMES.index(rules.Outcome.VOID)
NEAREST = 10


@dataclass(frozen=True, slots=True, eq=False)
class Days:
    """Profit and stakes by betting day with a payment, in time order: minor units."""

    day: Ints
    profit: Ints
    staked: Ints


@dataclass(frozen=True, slots=True)
class Miss:
    """A candidate that one filter alone stopped; ``missing`` is a share of the bound."""

    place: int
    reason: str
    values: tuple[float, ...]
    missing: float
    needed: str


def counts(bets: Bets) -> np.ndarray:
    """Tell which bets count: settled, and not void."""
    return bets.is_settled & (bets.outcome != _VOID)


def performance_of(bets: Bets, plan: Plan) -> Performance:
    """Return the figures of live betting's own measure; each bet is on an event of its own."""
    counted, valued = counts(bets), np.isfinite(bets.clv)
    valued &= counted
    clv = np.where(valued, bets.clv, 0.0)
    profit = np.where(counted, bets.profit, 0)
    sums = EventSums(
        bets=counted.astype(np.int64),
        void=(bets.is_settled & ~counted).astype(np.int64),
        turnover=np.where(counted, bets.stake, 0),
        profit=profit,
        won=(profit > 0).astype(np.int64),
        decided=(profit != 0).astype(np.int64),
        valued=valued.astype(np.int64),
        clv=clv,
        clv_raw=np.where(valued, bets.clv_raw, 0.0),
        clv_by_stake=clv * bets.stake,
        valued_turnover=np.where(valued, bets.stake, 0),
        beat=(clv > 0).astype(np.int64),
    )
    return performance.measure(events=sums, steps=steps(bets), opening=plan.opening)


def steps(bets: Bets) -> Steps:
    """Return profit by moment of payment, with the betting day's number."""
    paid = bets.is_settled
    moments, first, at = np.unique(bets.settles[paid], return_index=True, return_inverse=True)
    profit = np.zeros(len(moments), dtype=np.int64)
    np.add.at(profit, at, bets.profit[paid])
    return Steps(profit=profit, day=bets.paid_day[paid][first])


def by_day(bets: Bets) -> Days:
    """Return what each betting day's payments came to, of the bets that count."""
    counted = counts(bets)
    day, at = np.unique(bets.paid_day[counted], return_inverse=True)
    profit, staked = np.zeros(len(day), dtype=np.int64), np.zeros(len(day), dtype=np.int64)
    np.add.at(profit, at, bets.profit[counted])
    np.add.at(staked, at, bets.stake[counted])
    return Days(day, profit, staked)


def figures(bets: Bets, plan: Plan) -> dict[str, Any]:
    """Return everything that is told of a run, as JSON can hold it."""
    shown = performance_of(bets, plan)
    counted = counts(bets)
    n = int(counted.sum())
    staked = int(bets.stake[counted].sum())
    return {
        **presenting.figures(shown),
        "open": int((~bets.is_settled).sum()),
        "commission": f"{money.amount(int(bets.commission.sum())):.2f}",
        "growth": float(shown.equity / shown.opening - 1) if shown.opening else None,
        "mean_price": float((bets.price[counted] / 1000.0).mean()) if n else None,
        "mean_edge": float(bets.edge[counted].mean()) if n else None,
        "mean_stake": f"{money.amount(staked // n):.2f}" if n else None,
        "p_value": p_value(bets),
        "longest_losing_streak": longest_streak(bets.profit[counted] < 0),
    }


def brief(bets: Bets, plan: Plan) -> dict[str, Any]:
    """Return the figures that a cell of a grid is compared by: no interval is drawn."""
    counted = counts(bets)
    staked, profit = bets.stake[counted], bets.profit[counted]
    clv = bets.clv[counted]
    clv = clv[np.isfinite(clv)]
    turnover, made = int(staked.sum()), int(profit.sum())
    stepped = steps(bets)
    opening = money.cents(plan.opening)
    equity = opening + np.concatenate([[0], np.cumsum(stepped.profit)])
    returns = performance.daily_returns(day=stepped.day, profit=stepped.profit, opening=opening)
    return {
        "bets": len(profit),
        "turnover": presenting.money(money.amount(turnover)),
        "profit": presenting.money(money.amount(made)),
        "yield": made / turnover if turnover else None,
        "growth": made / opening,
        "clv": float(clv.mean()) if len(clv) else None,
        "max_drawdown": performance.drawdowns(equity=equity.astype(np.float64))[0],
        "sharpe": performance.sharpe(returns=returns),
    }


def p_value(bets: Bets) -> float | None:
    """Return how probable so high a yield would be without any edge: one-sided, by Student's t.

    Of the returns per unit staked, one bet an event; None of fewer than two bets.
    """
    counted = counts(bets)
    returns = bets.profit[counted] / bets.stake[counted]
    if len(returns) < 2 or not returns.std():
        return None
    return float(scipy.stats.ttest_1samp(returns, 0.0, alternative="greater").pvalue)


def longest_streak(hits: np.ndarray) -> int:
    """Return how many in a row at most.

    >>> longest_streak(np.array([True, False, True, True]))
    2
    """
    if not hits.any():
        return 0
    edges = np.flatnonzero(np.diff(np.r_[False, hits, False]))
    return int((edges[1::2] - edges[::2]).max())


def funnel_of(ground: Ground, plan: Plan, bets: Bets) -> Funnel:
    """Return the way of all candidates, through the filters and to the stake."""
    history, found = ground.history, ground.offers(appraising.terms_of(plan))
    reason = np.full(len(history), "", dtype="<U24")
    failed = np.zeros(len(history), dtype=np.int64)
    totals: dict[str, np.ndarray] = {}
    for code, fails in _asked(ground, plan):
        reason[(reason == "") & fails] = code
        failed += fails & ~totals.get(code, np.zeros(len(history), dtype=bool))
        totals[code] = totals.get(code, np.zeros(len(history), dtype=bool)) | fails
    standing = reason == ""
    best = appraising.best_of_event(history, found.edge, standing)
    beaten = standing.copy()
    beaten[best] = False
    reason[beaten] = selecting.OTHER_SELECTION_BETTER
    totals[selecting.OTHER_SELECTION_BETTER] = beaten
    failed += beaten
    for place, why in bets.unstaked.items():
        reason[place] = why
    reason[bets.place] = selecting.VALUE
    codes, number = np.unique(reason, return_counts=True)
    return funnel.build(
        Tally(
            ended=dict(zip(codes.tolist(), number.tolist(), strict=True)),
            failed={code: int(hits.sum()) for code, hits in totals.items() if hits.any()},
            alone={
                code: int((hits & (failed == 1)).sum())
                for code, hits in totals.items()
                if (hits & (failed == 1)).any()
            },
            placed={"BACKTESTED": len(bets)},
        )
    )


def _asked(ground: Ground, plan: Plan) -> list[tuple[str, np.ndarray]]:
    """Return every reason with who fails it, in the order in which live betting asks."""
    history, found = ground.history, ground.offers(appraising.terms_of(plan))
    checks = list(appraising.checks(history, found, plan))
    return [
        (checks[0].code, checks[0].fails),
        *appraising.stops(found),
        *((check.code, check.fails) for check in checks[1:]),
    ]


def nearest(ground: Ground, plan: Plan, *, most: int = NEAREST) -> list[Miss]:
    """Return the candidates that one filter alone stopped, the nearest first."""
    history, found = ground.history, ground.offers(appraising.terms_of(plan))
    failed = np.zeros(len(history), dtype=np.int64)
    seen: dict[str, np.ndarray] = {}
    for code, fails in _asked(ground, plan):
        before = seen.get(code, np.zeros(len(history), dtype=bool))
        failed += fails & ~before
        seen[code] = before | fails
    misses: list[tuple[float, int, str, tuple[float, ...]]] = []
    for check in appraising.checks(history, found, plan):
        places = np.flatnonzero(check.fails & (failed == 1))
        if not len(places) or not check.bounds:
            continue
        value = check.value[places]
        bounds = np.stack([np.broadcast_to(b, check.value.shape)[places] for b in check.bounds])
        gaps = np.abs(value - bounds)
        near = gaps.argmin(axis=0)
        bound = bounds[near, np.arange(len(places))]
        missing = np.abs(value - bound) / np.where(bound == 0.0, 1.0, np.abs(bound))
        for at in np.argsort(missing, kind="stable")[:most].tolist():
            told = (float(value[at]), *(float(one) for one in bounds[:, at]))
            misses.append((float(missing[at]), int(places[at]), check.code, told))
    return [_miss(ground, *one) for one in sorted(misses)[:most]]


def _miss(
    ground: Ground, missing: float, place: int, reason: str, values: tuple[float, ...]
) -> Miss:
    needed = funnel.needed(
        reason=reason,
        values=values,
        probability=float(ground.history.probability[place]),
        refund=float(ground.history.refund[place]),
    )
    return Miss(place, reason, values, missing, needed)


def told(of: Funnel) -> dict[str, Any]:
    """Return a funnel as JSON can hold it."""
    return {
        "candidates": of.candidates,
        "staked": of.staked,
        "bets": of.bets,
        "steps": [
            {
                "reason": step.reason,
                "count": step.count,
                "left": step.left,
                "failed": step.failed,
                "alone": step.alone,
            }
            for step in of.steps
        ],
    }


def equity(bets: Bets, plan: Plan) -> list[tuple[int, int]]:
    """Return the money by moment of payment, first the opening: (µs, minor units)."""
    stepped = steps(bets)
    moments = np.unique(bets.settles[bets.is_settled])
    if not len(moments):
        return []
    standing = money.cents(plan.opening) + np.cumsum(stepped.profit)
    opening = money.cents(plan.opening)
    return [
        (int(moments[0]), opening),
        *zip(moments.tolist(), standing.tolist(), strict=True),
    ]
