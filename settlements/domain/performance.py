"""How well bets did, with how sure one may be of it.  Pure: arrays in, frozen figures out.

Yield is profit over turnover, and turnover is stakes (liabilities for lays); bets that never
were (void) are in neither.  Every rate carries its 95 % interval: bets on one event are not
independent, so sums are taken by event first and events are drawn, never bets.

Sources: E. B. Wilson, JASA 22 (1927); A. C. Cameron, J. B. Gelbach, D. L. Miller, Review of
Economics and Statistics 90 (2008), on resampling clusters; W. F. Sharpe, Journal of Portfolio
Management 21 (1994); F. A. Sortino, L. N. Price, Journal of Investing 3 (1994).
"""

import math
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

Z = 1.959963984540054  # the 97.5 % point of the standard normal
RESAMPLES = 2_000
MOST_CLUSTERS = 5_000  # above it the linearised interval, which the bootstrap tends to
_BLOCK = 2_000_000  # draws held in memory at a time
DAYS_A_YEAR = 365  # every day counts, those without bets too


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its 95 % interval; None where nothing can be said."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Performance:
    """The figures of a set of settled bets.  Money in the bankrolls' currency; shares in [0, 1].

    ``void`` bets are counted apart and are in no other figure.
    """

    n: int
    events: int
    void: int
    turnover: Decimal
    profit: Decimal
    yield_: Rate
    win_rate: Rate  # of the bets that won or lost anything
    valued: int  # bets held against a close
    clv: Rate  # mean, margin-free
    clv_by_stake: float | None
    clv_raw: float | None
    beat_close: Rate  # share of valued bets with margin-free CLV above 0
    opening: Decimal
    equity: Decimal
    max_drawdown: float | None
    drawdown: float | None  # now
    sharpe: float | None
    sortino: float | None

    @property
    def coverage(self) -> float | None:
        """Return which share of the bets could be held against a close."""
        return self.valued / self.n if self.n else None


@dataclass(frozen=True, slots=True)
class EventSums:
    """Sums over the bets of each event, all of length n_events; money in minor units."""

    bets: Ints
    void: Ints
    turnover: Ints
    profit: Ints
    won: Ints
    decided: Ints  # won or lost anything
    valued: Ints
    clv: Floats
    clv_raw: Floats
    clv_by_stake: Floats  # clv x turnover of the valued bets
    valued_turnover: Ints
    beat: Ints


@dataclass(frozen=True, slots=True)
class Steps:
    """Profit by moment of settlement, in time order: minor units, and the betting day's number."""

    profit: Ints
    day: Ints


def measure(*, events: EventSums, steps: Steps, opening: Decimal, seed: int = 0) -> Performance:
    """Return the figures of bets given by event and by moment of settlement.

    ``opening`` is the money the steps start from.
    """
    bets, valued = int(events.bets.sum()), int(events.valued.sum())
    cents = round(opening * 100)
    equity = cents + np.concatenate([[0], np.cumsum(steps.profit)])
    worst, now = drawdowns(equity=equity.astype(np.float64))
    returns = daily_returns(day=steps.day, profit=steps.profit, opening=cents)
    return Performance(
        n=bets,
        events=int((events.bets > 0).sum()),
        void=int(events.void.sum()),
        turnover=_money(int(events.turnover.sum())),
        profit=_money(int(events.profit.sum())),
        yield_=ratio(top=events.profit, bottom=events.turnover, seed=seed),
        win_rate=wilson(hits=int(events.won.sum()), n=int(events.decided.sum())),
        valued=valued,
        clv=ratio(top=events.clv, bottom=events.valued, seed=seed),
        clv_by_stake=_divide(events.clv_by_stake.sum(), events.valued_turnover.sum()),
        clv_raw=_divide(events.clv_raw.sum(), valued),
        beat_close=wilson(hits=int(events.beat.sum()), n=valued),
        opening=_money(cents),
        equity=_money(int(equity[-1])),
        max_drawdown=worst,
        drawdown=now,
        sharpe=sharpe(returns=returns),
        sortino=sortino(returns=returns),
    )


def _money(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2).quantize(Decimal("0.01"))


def _divide(top: float, bottom: float) -> float | None:
    return float(top / bottom) if bottom else None


def wilson(*, hits: int, n: int) -> Rate:
    """Return a proportion with Wilson's 95 % interval.

    >>> rate = wilson(hits=8, n=10)
    >>> round(rate.low, 4), round(rate.high, 4)
    (0.4902, 0.9433)
    """
    if not n:
        return Rate()
    share, z2 = hits / n, Z * Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return Rate(share, middle - half, middle + half)


def ratio(
    *, top: npt.NDArray, bottom: npt.NDArray, seed: int = 0, resamples: int = RESAMPLES
) -> Rate:
    """Return sum(top) / sum(bottom) over clusters, with the 95 % interval of drawing clusters.

    The interval is the percentile bootstrap's, seeded; beyond ``MOST_CLUSTERS`` it is the
    linearised one (normal, cluster-robust).  One cluster has no interval.

    >>> ratio(top=np.array([5.0]), bottom=np.array([10]))
    Rate(value=0.5, low=None, high=None)
    """
    used = bottom > 0
    top, bottom = top[used].astype(np.float64), bottom[used].astype(np.float64)
    if not len(top):
        return Rate()
    value = float(top.sum() / bottom.sum())
    if len(top) == 1:
        return Rate(value)
    if len(top) > MOST_CLUSTERS:
        half = Z * _linearised_error(top, bottom, value)
        return Rate(value, value - half, value + half)
    low, high = np.quantile(_bootstrap(top, bottom, seed, resamples), [0.025, 0.975])
    return Rate(value, float(low), float(high))


def _linearised_error(top: Floats, bottom: Floats, value: float) -> float:
    rest = top - value * bottom
    n = len(top)
    return math.sqrt(n / (n - 1) * float((rest * rest).sum())) / float(bottom.sum())


def _bootstrap(top: Floats, bottom: Floats, seed: int, resamples: int) -> Floats:
    """Return ``resamples`` ratios over clusters drawn with replacement, in bounded memory."""
    random, n = np.random.default_rng(seed), len(top)
    rows = max(1, _BLOCK // n)
    found = []
    for done in range(0, resamples, rows):
        drawn = random.integers(0, n, size=(min(rows, resamples - done), n))
        found.append(top[drawn].sum(axis=1) / bottom[drawn].sum(axis=1))
    return np.concatenate(found)


def drawdowns(*, equity: Floats) -> tuple[float | None, float | None]:
    """Return the worst fall from a peak, and the fall from the peak now, as shares of the peak.

    ``equity`` begins with the opening balance.  None while there was never money.

    >>> drawdowns(equity=np.array([100.0, 120.0, 90.0, 108.0]))
    (0.25, 0.1)
    """
    peak = np.maximum.accumulate(equity)
    if not len(equity) or peak[-1] <= 0:
        return None, None
    fall = np.where(peak > 0, (peak - equity) / np.where(peak > 0, peak, 1.0), 0.0)
    return float(fall.max()), float(fall[-1])


def daily_returns(*, day: Ints, profit: Ints, opening: int) -> Floats:
    """Return each day's profit over the money at its start, from the first day to the last.

    Days without bets return 0.  Empty where the money was ever used up.

    >>> daily_returns(day=np.array([3, 3, 5]), profit=np.array([10, -5, 21]), opening=100)
    array([0.05, 0.  , 0.2 ])
    """
    if not len(day):
        return np.empty(0)
    by_day = np.zeros(int(day[-1] - day[0]) + 1)
    np.add.at(by_day, day - day[0], profit)
    before = opening + np.concatenate([[0.0], np.cumsum(by_day)[:-1]])
    return by_day / before if (before > 0).all() else np.empty(0)


def sharpe(*, returns: Floats) -> float | None:
    """Return mean over standard deviation of daily returns, times the root of 365.

    >>> sharpe(returns=np.array([0.01, 0.03]))
    27.018512172212592
    """
    if len(returns) < 2 or not (deviation := returns.std(ddof=1)):
        return None
    return float(returns.mean() / deviation * math.sqrt(DAYS_A_YEAR))


def sortino(*, returns: Floats) -> float | None:
    """Return mean over downside deviation (below 0) of daily returns, times the root of 365."""
    if len(returns) < 2 or not (down := math.sqrt(float((np.minimum(returns, 0.0) ** 2).mean()))):
        return None
    return float(returns.mean() / down * math.sqrt(DAYS_A_YEAR))
