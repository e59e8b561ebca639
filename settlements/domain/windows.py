"""What sums by betting day tell of a window of days.  Pure.

A rate is a ratio of sums over clusters (the bets on one event that settled on one day).  Its
95 % interval is the linearised, cluster-robust one with Student's t at clusters − 1 degrees: of
sums A and B, r = A ∕ B and ``var r = G ∕ (G − 1) · Σ(a − r b)² ∕ B²``, where the sum over clusters
opens into ``Σa² − 2 r Σab + r² Σb²`` and so needs the clusters' squares and products alone.  Those
add up over days; that is why any window costs the same.

Sources: A. C. Cameron, D. L. Miller, "A Practitioner's Guide to Cluster-Robust Inference", Journal
of Human Resources 50 (2015); W. G. Cochran, "Sampling Techniques" (1977), 6.3, on ratios; A. W. Lo,
"The Statistics of Sharpe Ratios", Financial Analysts Journal 58 (2002).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt
from scipy import special

from settlements.domain import performance
from settlements.domain.performance import Rate

Floats = npt.NDArray[np.float64]
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Figures:
    """How the bets of a window did.  Money in the bankrolls' currency; shares in [0, 1]."""

    bets: int
    events: int
    void: int
    turnover: Decimal
    profit: Decimal
    commission: Decimal
    yield_: Rate
    win_rate: Rate
    decided: int  # won or lost anything: what the win rate is of
    valued: int
    clv: Rate
    clv_by_stake: float | None
    clv_raw: float | None
    beat_close: Rate
    expected: Decimal  # by the close, of the valued bets
    excess: Rate  # yield of the valued bets less what the close expected of them
    excess_p: float | None  # of an excess as far from 0 as this, were there none
    modelled: int
    model_expected: Decimal  # by our probabilities, of the bets that had one
    model_profit: Decimal  # what those brought

    @property
    def coverage(self) -> float | None:
        """Return which share of the bets could be held against a close."""
        return self.valued / self.bets if self.bets else None


@dataclass(frozen=True, slots=True)
class Money:
    """What a window's betting days made of the money that was there before them."""

    opening: Decimal
    equity: Decimal
    growth: float | None  # profit over the opening money: the return on the bankroll
    max_drawdown: float | None
    drawdown: float | None  # now
    sharpe: Rate
    sortino: float | None
    days: int  # first to last day on which a bet settled, those without bets too


def figures(sums: Mapping[str, float | Decimal]) -> Figures:
    """Return the figures of a window from the sums of its rows, by the rows' names."""
    at = {name: float(value) for name, value in sums.items()}
    valued, turnover = at["valued"], at["turnover"]
    excess = ratio(
        top=at["valued_profit"] - at["expected"], bottom=at["valued_turnover"],
        squares=(at["excess_2"], at["excess_turnover"], at["valued_turnover_2"]),
        clusters=at["valued_events"],
    )  # fmt: skip
    return Figures(
        bets=int(at["bets"]),
        events=int(at["events"]),
        void=int(at["void"]),
        turnover=_money(sums["turnover"]),
        profit=_money(sums["profit"]),
        commission=_money(sums["commission"]),
        yield_=ratio(
            top=at["profit"], bottom=turnover,
            squares=(at["profit_2"], at["profit_turnover"], at["turnover_2"]),
            clusters=at["events"],
        ),
        win_rate=performance.wilson(hits=int(at["won"]), n=int(at["won"] + at["lost"])),
        decided=int(at["won"] + at["lost"]),
        valued=int(valued),
        clv=ratio(
            top=at["clv"], bottom=valued,
            squares=(at["clv_2"], at["clv_valued"], at["valued_2"]),
            clusters=at["valued_events"],
        ),
        clv_by_stake=_share(at["clv_by_stake"], at["valued_turnover"]),
        clv_raw=_share(at["clv_raw"], valued),
        beat_close=performance.wilson(hits=int(at["beat"]), n=int(valued)),
        expected=_money(sums["expected"]),
        excess=excess,
        excess_p=p_value(excess, clusters=at["valued_events"]),
        modelled=int(at["modelled"]),
        model_expected=_money(sums["model_expected"]),
        model_profit=_money(sums["modelled_profit"]),
    )  # fmt: skip


def _money(amount: float | Decimal) -> Decimal:
    return Decimal(amount).quantize(CENT)


def _share(top: float, bottom: float) -> float | None:
    return top / bottom if bottom else None


def ratio(
    *, top: float, bottom: float, squares: tuple[float, float, float], clusters: float
) -> Rate:
    """Return top ∕ bottom with its interval; ``squares`` are Σa², Σab and Σb² over clusters.

    Three clusters of 1 unit that brought 2, 3 and 4:

    >>> rate = ratio(top=9, bottom=3, squares=(29, 9, 3), clusters=3)
    >>> rate.value, round(rate.low, 3), round(rate.high, 3)
    (3.0, 0.516, 5.484)
    """
    if not bottom:
        return Rate()
    value = top / bottom
    if clusters < 2:
        return Rate(value)
    half = standard_error(
        value=value, bottom=bottom, squares=squares, clusters=clusters
    ) * special.stdtrit(clusters - 1, 0.975)
    return Rate(value, float(value - half), float(value + half))


def standard_error(
    *, value: float, bottom: float, squares: tuple[float, float, float], clusters: float
) -> float:
    """Return the cluster-robust standard error of a ratio of sums."""
    left = squares[0] - 2 * value * squares[1] + value * value * squares[2]
    return math.sqrt(clusters / (clusters - 1) * max(left, 0.0)) / bottom


def p_value(rate: Rate, *, clusters: float) -> float | None:
    """Return how often a rate would be as far from 0 as this one if the true one were 0.

    >>> round(p_value(Rate(3.0, 0.516, 5.484), clusters=3), 3)
    0.035
    """
    if rate.value is None or rate.high is None or rate.high == rate.value:
        return None
    half = (rate.high - rate.value) / special.stdtrit(clusters - 1, 0.975)
    return float(2 * special.stdtr(clusters - 1, -abs(rate.value / half)))


def money(
    *,
    days: Sequence[int],
    profits: Sequence[Decimal],
    paths: Sequence[Sequence[Decimal] | None],
    opening: Decimal,
) -> Money:
    """Return what became of ``opening``; days are numbers in order, each once.

    A day's path is what ``PerformanceDay`` keeps of it: with it drawdowns are those by moment of
    settlement, without it those by the day's end.

    >>> found = money(days=[1, 3], profits=[Decimal(-10), Decimal(20)], opening=Decimal(100),
    ...               paths=[[Decimal(20), Decimal(-10)], None])
    >>> found.equity, found.growth, round(found.max_drawdown, 3), found.drawdown, found.days
    (Decimal('110.00'), 0.1, 0.25, 0.08333333333333333, 3)
    """
    points = walk(profits=profits, paths=paths, opening=opening)
    worst, now = performance.drawdowns(equity=points)
    returns = performance.daily_returns(
        day=np.array(days, dtype=np.int64),
        profit=np.array([round(100 * each) for each in profits], dtype=np.int64),
        opening=round(100 * opening),
    )
    total = sum(profits, Decimal(0))
    return Money(
        opening=_money(opening),
        equity=_money(opening + total),
        growth=float(total / opening) if opening > 0 else None,
        max_drawdown=worst,
        drawdown=now,
        sharpe=sharpe(returns=returns),
        sortino=performance.sortino(returns=returns),
        days=len(returns),
    )


def walk(
    *,
    profits: Sequence[Decimal],
    paths: Sequence[Sequence[Decimal] | None],
    opening: Decimal,
) -> Floats:
    """Return the money at its turning points: the opening, each day's path, each day's end."""
    points, stands = [opening], opening
    for profit, path in zip(profits, paths, strict=True):
        points += [stands + step for step in path or ()]
        stands += profit
        points.append(stands)
    return np.array(points, dtype=np.float64)


def sharpe(*, returns: Floats) -> Rate:
    """Return the Sharpe ratio by the year with Lo's interval for independent days.

    >>> rate = sharpe(returns=np.tile([0.01, -0.005, 0.0, 0.01], 25))
    >>> round(rate.value, 2), round(rate.low, 2), round(rate.high, 2)
    (10.97, 6.93, 15.02)
    """
    value = performance.sharpe(returns=returns)
    if value is None:
        return Rate()
    year = math.sqrt(performance.DAYS_A_YEAR)
    half = performance.Z * year * math.sqrt((1 + (value / year) ** 2 / 2) / len(returns))
    return Rate(value, value - half, value + half)


@dataclass(frozen=True, slots=True)
class Rolling:
    """The yield of the days up to each day, with its interval; NaN where nothing can be said."""

    value: Floats
    low: Floats
    high: Floats
    bets: npt.NDArray[np.int64]


def rolling(*, days: npt.NDArray[np.int64], columns: Mapping[str, Floats], window: int) -> Rolling:
    """Return the yield over the last ``window`` days up to each of ``days``.

    Columns are rows' sums by name, in the order of the days.

    >>> columns = {name: np.array([1.0, 1.0]) for name in
    ...            ("profit", "turnover", "profit_2", "profit_turnover", "turnover_2", "events",
    ...             "bets")}
    >>> rolling(days=np.array([1, 9]), columns=columns, window=7).value
    array([1., 1.])
    """
    first = np.searchsorted(days, days - window, side="right")
    until = np.arange(1, len(days) + 1)

    def over(name: str) -> Floats:
        added = np.concatenate([[0.0], np.cumsum(columns[name], dtype=np.float64)])
        return added[until] - added[first]

    top, bottom, clusters = over("profit"), over("turnover"), over("events")
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(bottom > 0, top / bottom, np.nan)
        left = (
            over("profit_2") - 2 * value * over("profit_turnover") + value**2 * over("turnover_2")
        )
        error = np.sqrt(clusters / (clusters - 1) * np.maximum(left, 0.0)) / bottom
        half = np.where(clusters > 1, error * special.stdtrit(clusters - 1, 0.975), np.nan)
    return Rolling(value, value - half, value + half, over("bets").astype(np.int64))
