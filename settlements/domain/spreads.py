"""What a line is worth where the market closed on another one.  Pure.

A margin, a total or a count X is spread over whole numbers.  The shape of that spread is the
sport's own, as far as its history was known: American football ends by 3 and by 7 far more often
than by 2 or by 9, so half a point is worth most there.  The shape is tilted, each mass times
``exp(t x)``, until it gives the closing line its fair closing probability; then every other line
has a fair price too.  A tilt keeps a normal curve normal and a Poisson one Poisson, and heavy
numbers stay heavy.

Lines are those of the first answer: "X is over the line".  For a home side's handicap h that is
the margin over -h; the second answer (away, under) is its other side.

Sources: H. Stern, "On the Probability of Winning a Football Game", The American Statistician 45
(1991), for the normal margin around the line; F. Esscher, Skandinavisk Aktuarietidskrift 15
(1932), for the tilt; S. Kullback, "Information Theory and Statistics" (1959), that it is the
nearest shape which agrees with what is known; S. Wong, "Sharp Sports Betting" (2001), on half
points that are worth more at 3 and 7.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models_ml.domain import lines

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EMPIRICAL, NORMAL = "EMPIRICAL", "NORMAL"
MARGIN, TOTAL, TEAM, PLAYER = "MARGIN", "TOTAL", "TEAM", "PLAYER"
ENOUGH = 200  # results below which a sport's history says too little of single numbers
ENOUGH_OF_A_PLAYER = 20
SHRINKAGE = 50.0  # results that speak for the normal curve
CHUNK = 1_000  # rows whose whole spread is held in memory at a time
_STEPS = 60  # halvings: the tilt is exact to the last digits of a double
_SURE = 1e-6

#: Standard deviations around what the closing line expects, whole events with overtime.  Measured
#: on what anybody can download: football-data.co.uk (2019-24, 11,715 matches), nflverse (1999-
#: 2024, 6,991 games), one line a game of the NBA (2007-24, 21,794 games).  Ice hockey, baseball
#: and tennis (games of a match of three sets) are round figures of the trade.
SIGMA: dict[tuple[str, str], float] = {
    ("soccer", MARGIN): 1.60, ("soccer", TOTAL): 1.65, ("soccer", TEAM): 1.20,
    ("american_football", MARGIN): 13.2, ("american_football", TOTAL): 13.4,
    ("american_football", TEAM): 9.4,
    ("basketball", MARGIN): 12.3, ("basketball", TOTAL): 17.7, ("basketball", TEAM): 10.8,
    ("ice_hockey", MARGIN): 2.4, ("ice_hockey", TOTAL): 2.3, ("ice_hockey", TEAM): 1.7,
    ("baseball", MARGIN): 4.3, ("baseball", TOTAL): 4.4, ("baseball", TEAM): 3.1,
    ("tennis", MARGIN): 4.5, ("tennis", TOTAL): 5.5, ("tennis", TEAM): 3.5,
}  # fmt: skip
#: What share of the event a period is; its standard deviation is the root of it.
SHARES = {
    **dict.fromkeys(("FULL", "REG"), 1.0), **dict.fromkeys(("H1", "H2"), 0.5),
    **dict.fromkeys(("Q1", "Q2", "Q3", "Q4"), 0.25),
    **dict.fromkeys(("SET1", "SET2", "SET3", "SET4", "SET5"), 0.35),
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """A shape over the whole numbers from ``lowest`` on, as logarithms of mass, up to a tilt.

    ``n``: results that it was drawn from; 0 where only the standard deviation is the sport's.
    """

    lowest: int
    log_mass: Floats
    kind: str
    n: int

    @property
    def values(self) -> Floats:
        return self.lowest + np.arange(self.log_mass.size, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Priced:
    """Own lines at the close: P(win | decided), the share of a stake that comes back."""

    probability: Floats
    refund: Floats


def sigma_of(*, sport: str, measure: str, period: str) -> float | None:
    """Return the standard deviation around the line; None where nobody knows it.

    >>> sigma_of(sport="basketball", measure="MARGIN", period="Q1")
    6.15
    """
    whole = SIGMA.get((sport, measure))
    share = SHARES.get(period)
    return None if whole is None or share is None else whole * share**0.5


def normal(*, sd: float, centre: float = 0.0, is_count: bool, n: int = 0) -> Spread:
    """Return the normal curve on whole numbers, eight standard deviations each way.

    ``is_count``: it cannot fall below 0.

    >>> shape = normal(sd=1.0, is_count=True)
    >>> shape.lowest, len(shape.values), shape.log_mass[:2].tolist()
    (0, 10, [-0.0, -0.5])
    """
    reach = int(np.ceil(8.0 * sd)) + 1
    middle = round(centre)
    lowest = max(middle - reach, 0) if is_count else middle - reach
    values = np.arange(lowest, middle + reach + 1, dtype=np.float64)
    return Spread(lowest, -np.square((values - centre) / sd) / 2.0, NORMAL, n)


def empirical(*, values: Ints, counts: Ints, sd: float, is_count: bool) -> Spread:
    """Return the shape of what was seen, drawn toward the normal curve where little was.

    What teams of unequal strength played is wider than one game around its line: mass is taken
    off the tails (a factor ``exp(-k (x - mean)²)``) until the standard deviation is ``sd``.
    Below ``ENOUGH`` results it is the normal curve alone.

    >>> seen = empirical(values=np.array([-3, 2, 3, 4]), counts=np.array([300, 60, 300, 90]),
    ...                  sd=13.0, is_count=False)
    >>> mass = dict(zip(seen.values.tolist(), np.exp(seen.log_mass).tolist()))
    >>> seen.kind, seen.n, mass[3.0] > 3 * mass[2.0]
    ('EMPIRICAL', 750, True)
    """
    n = int(counts.sum())
    if n < ENOUGH:
        centre = float((values * counts).sum() / n) if n else 0.0
        return normal(sd=sd, centre=centre, is_count=is_count, n=n)
    mean = float((values * counts).sum() / n)
    seen_sd = float(np.sqrt((np.square(values - mean) * counts).sum() / n))
    plain = normal(sd=max(sd, seen_sd), centre=mean, is_count=is_count)
    lowest = min(plain.lowest, int(values.min()))
    highest = max(int(plain.values[-1]), int(values.max()))
    seen = np.zeros(highest - lowest + 1)
    np.add.at(seen, values - lowest, counts)
    smooth = np.zeros(seen.size)
    mass = np.exp(plain.log_mass)
    smooth[plain.lowest - lowest :][: mass.size] = mass / mass.sum()
    pooled = (seen + SHRINKAGE * smooth) / (n + SHRINKAGE)
    with np.errstate(divide="ignore"):
        log_mass = np.maximum(np.log(pooled), -700.0)
    return Spread(lowest, _narrowed(log_mass, lowest, sd), EMPIRICAL, n)


def _narrowed(log_mass: Floats, lowest: int, sd: float) -> Floats:
    """Take mass off the tails until the standard deviation is at most ``sd``."""
    values = lowest + np.arange(log_mass.size, dtype=np.float64)

    def drawn_in(k: float) -> tuple[Floats, float]:
        found = log_mass - k * square
        mass = np.exp(found - found.max())
        mass /= mass.sum()
        middle = float(mass @ values)
        return found, float(np.sqrt(mass @ np.square(values - middle)))

    mass = np.exp(log_mass - log_mass.max())
    square = np.square(values - float(mass @ values / mass.sum()))
    if drawn_in(0.0)[1] <= sd:
        return log_mass
    low, high = 0.0, 1.0 / (sd * sd)
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if drawn_in(middle)[1] > sd else (low, middle)
    return drawn_in(high)[0]


def at_close(*, shape: Spread, closing_line: Floats, probability: Floats, line: Floats) -> Priced:
    """Return what own lines are worth, "over the line" against "under", n rows of one shape.

    ``probability``: fair, that of "over the closing line", the stake not being returned.  Where
    both lines are the same it comes back as it was.

    Raises:
        lines.BadLine: a line is no multiple of a quarter.

    >>> shape = normal(sd=13.0, is_count=False)
    >>> own = at_close(shape=shape, closing_line=np.array([5.0, 5.0]),
    ...                probability=np.array([0.5, 0.5]), line=np.array([3.0, 5.0]))
    >>> own.probability.round(3).tolist(), own.refund.round(3).tolist()
    ([0.563, 0.5], [0.03, 0.031])
    """
    probability_found, refund = np.empty(len(line)), np.empty(len(line))
    for first in range(0, len(line), CHUNK):
        part = slice(first, first + CHUNK)
        found = _priced(shape, closing_line[part], probability[part], line[part])
        probability_found[part], refund[part] = found.probability, found.refund
    return Priced(probability_found, refund)


def _priced(shape: Spread, closing_line: Floats, probability: Floats, line: Floats) -> Priced:
    shape = _reaching(shape, np.concatenate([closing_line, line]))
    wanted = np.clip(probability, _SURE, 1.0 - _SURE)
    span = 40.0 / max(1.0, float(np.sqrt(_variance(shape))))
    low, high = np.full(len(line), -span), np.full(len(line), span)
    for _ in range(_STEPS):
        tilt = (low + high) / 2.0
        is_below = _answers(shape, tilt, closing_line).probability < wanted
        low, high = np.where(is_below, tilt, low), np.where(is_below, high, tilt)
    own = _answers(shape, (low + high) / 2.0, line)
    is_same = line == closing_line
    return Priced(np.where(is_same, wanted, own.probability), own.refund)


def _answers(shape: Spread, tilt: Floats, line: Floats) -> lines.Answers:
    leaning = shape.log_mass + tilt[:, None] * (shape.values - shape.values.mean())
    mass = np.exp(leaning - leaning.max(axis=1, keepdims=True))
    below = lines.below_of(pmf=mass, lowest=shape.lowest, row=np.arange(len(line)))
    return lines.answers(lines.over(below=below, line=line))


def _reaching(shape: Spread, asked: Floats) -> Spread:
    """Return the shape with room beyond every line that is asked about, by its own tails."""
    values, variance = shape.values, _variance(shape)
    room = 4.0 * np.sqrt(variance) + 1.0
    before = max(0, int(np.ceil(values[0] - (asked.min() - room))))
    after = max(0, int(np.ceil(asked.max() + room - values[-1])))
    if shape.lowest >= 0:
        before = min(before, shape.lowest)
    if not before and not after:
        return shape

    def tail(edge: float, mass: float, steps: Floats) -> Floats:
        gap = edge - centre
        return mass - (np.square(gap + steps) - gap * gap) / (2.0 * variance)

    weights = np.exp(shape.log_mass - shape.log_mass.max())
    centre = float(weights @ values / weights.sum())
    left = tail(values[0], shape.log_mass[0], -np.arange(before, 0, -1.0))
    right = tail(values[-1], shape.log_mass[-1], np.arange(1.0, after + 1.0))
    whole = np.concatenate([left, shape.log_mass, right])
    return Spread(shape.lowest - before, whole, shape.kind, shape.n)


def _variance(shape: Spread) -> float:
    mass = np.exp(shape.log_mass - shape.log_mass.max())
    mass /= mass.sum()
    return float(mass @ np.square(shape.values - mass @ shape.values))


@dataclass(frozen=True, slots=True)
class HalfPoint:
    """What half a point is worth to whoever backs a side at a line of even chances."""

    line: float  # the side's own handicap, or the total
    push: float  # the share of stakes that comes back on the line
    better: float  # P(win | decided) with half a point more
    worse: float  # and with half a point less

    @property
    def worth(self) -> float:
        """Return the mean gain in probability of half a point, of the one and the other side."""
        return (self.better - self.worse) / 2.0


def half_points(*, shape: Spread, at: Floats, is_handicap: bool) -> list[HalfPoint]:
    """Return what half a point is worth where each line closed at even chances.

    ``at``: the side's own handicaps, or totals for who backs the over.

    >>> shape = normal(sd=13.0, is_count=False)
    >>> one, = half_points(shape=shape, at=np.array([-3.0]), is_handicap=True)
    >>> round(one.push, 3), round(one.better, 3), round(one.worse, 3), round(one.worth, 3)
    (0.031, 0.515, 0.485, 0.015)
    """
    over = -at if is_handicap else at
    even = np.full(len(at), 0.5)
    own, more, less = (
        at_close(shape=shape, closing_line=over, probability=even, line=over + step)
        for step in (0.0, -0.5, 0.5)
    )
    return [
        HalfPoint(*map(float, row))
        for row in zip(at, own.refund, more.probability, less.probability, strict=True)
    ]
