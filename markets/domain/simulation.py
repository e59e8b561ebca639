"""A soccer league that never was: clubs, calendar, goals and five books' prices, from a seed.

Everything here is a function of (seed, season, match, book, step): a process that starts anew
computes the same league again, so nothing but the rows of the catalogue has to be stored.

Time is counted in **league hours**.  A league whose calendar runs ``time_scale`` times too fast
has a league hour every ``3600 / time_scale`` seconds; only ``duration`` turns one into the other.

What a match is
    strengths   attack and defence per club, log goals; they wander slowly, across seasons too
    news        what becomes known between opening and start; until then nobody has it
    rates       log expected goals of both sides: strengths + home advantage + all of the news
    goals       drawn from independent Poisson distributions of those rates

What a book sees
    The sharp book sees strengths plus the news so far, blurred by an error that dies away: its
    close is efficient.  The others see the same some hours late, each with an opinion of its
    own about every match, and charge more: that is where a careful bettor's edge comes from.

Source of the goal model: Maher (1982), "Modelling association football scores".
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from math import lgamma

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CLUBS = (
    "Ashwick Rovers",
    "Brackenholt Town",
    "Caldermoor United",
    "Dunmarrow Athletic",
    "Eastmere City",
    "Fenwright Albion",
    "Gallowby Wanderers",
    "Harrowdene Town",
    "Ivelbridge United",
    "Jarrowmoor Rangers",
    "Kestrelvale City",
    "Lynbeck Rovers",
    "Mossgate Athletic",
    "Northolme Albion",
    "Oakenshaw Vale",
    "Pellworth United",
    "Quarrington Town",
    "Ravensmoor City",
    "Stonewick Rangers",
    "Thistlecombe Rovers",
)
N_CLUBS = len(CLUBS)
N_ROUNDS = 2 * (N_CLUBS - 1)
PER_ROUND = N_CLUBS // 2
N_MATCHES = N_ROUNDS * PER_ROUND

# League hours.  A club's result is known before its next match begins: the last start of a
# round and its result come 14 hours after the first, the next round 18 hours.
ROUND_EVERY = 18.0
SLOTS = (0.0, 0.0, 0.0, 0.0, 3.0, 3.0, 6.0, 6.0, 9.0, 12.0)  # starts within a round
RESULT_AFTER = 2.0
SEASON_LENGTH = N_ROUNDS * ROUND_EVERY + ROUND_EVERY  # with a free round before the next

# League hours before the start at which every book looks at its prices again; each lies just
# before a stage of the features ladder, so that the stage sees it.
STEPS: Floats = np.array(
    [24.5, 20.0, 16.0, 12.0, 9.0, 6.0, 4.0, 2.5, 1.75, 1.4, 1.1, 0.6, 0.1], dtype=np.float64
)
KEPT_STEPS = (0, 10, 12)  # opening, last stage of the ladder, close: all that history keeps

HOME_WINS, DRAW, AWAY_WINS, HOME_COVERS, AWAY_COVERS, OVER, UNDER = range(7)
MARKETS = ((HOME_WINS, DRAW, AWAY_WINS), (HOME_COVERS, AWAY_COVERS), (OVER, UNDER))
N_SELECTIONS = 7
TOTAL_LINE = 2.5

BASE_RATE, HOME_ADVANTAGE = 0.16, 0.24  # log goals
ATTACK_SPREAD, DEFENCE_SPREAD, CARRY_OVER = 0.22, 0.17, 0.85
NEWS_SPREAD, OPENING_ERROR, CLOSING_ERROR = 0.085, 0.05, 0.012  # log goals, per side
NEWS_LATE = 0.6  # below 1: more of the news comes in the last hours
MAX_GOALS = 12
REMEMBERED_SEASONS = 40  # 0.85 ** 40: what lies further back changes nothing

CALENDAR, STRENGTH, NEWS, BLUR, GOALS, OPINIONS = range(1, 7)  # streams of random numbers


@dataclass(frozen=True, slots=True)
class SimulatedBook:
    """How one book works: ``margin`` of each market, hours it lags, log goals of own opinion."""

    code: str
    name: str
    margins: tuple[float, float, float]  # 1X2, Asian handicap, total
    lag: float
    opinion: float
    reference_rank: int | None = None


BOOKS = (
    SimulatedBook("sim-sharp", "Meridian Exchange House", (0.024, 0.020, 0.022), 0.0, 0.0, 1),
    SimulatedBook("sim-north", "Northlight Sports", (0.045, 0.038, 0.042), 0.3, 0.021),
    SimulatedBook("sim-harbour", "Harbour & Pine", (0.052, 0.045, 0.048), 0.6, 0.026),
    SimulatedBook("sim-crown", "Crownfield Bet", (0.060, 0.050, 0.055), 1.2, 0.023),
    SimulatedBook("sim-lantern", "Lantern Row", (0.048, 0.042, 0.046), 0.9, 0.030),
)


@dataclass(frozen=True, slots=True)
class LeagueSeason:
    """All of one season.  Rows are matches in calendar order; prices are (match, book, step, 7)."""

    home: Ints
    away: Ints
    hours: Floats  # after the season's first kick-off
    rates: Floats  # (match, 2) log expected goals, home and away
    goals: Ints  # (match, 2)
    goals_half: Ints
    line: Floats  # the home side's main handicap
    fair: Floats  # (match, 7) true probabilities; a push is taken out
    prices: Floats

    def match_of(self, home: int, away: int) -> int:
        """Return the row of a pairing: each meets once at each home."""
        return int(np.flatnonzero((self.home == home) & (self.away == away))[0])


def duration(hours: float, *, time_scale: float) -> timedelta:
    """Return how long some league hours last on the clock.

    >>> duration(18.0, time_scale=360.0)
    datetime.timedelta(seconds=180)
    """
    return timedelta(hours=float(hours)) / time_scale


def _random(seed: int, stream: int, *more: int) -> np.random.Generator:
    return np.random.default_rng([seed, stream, *more])


@lru_cache(maxsize=8)
def season(seed: int, number: int) -> LeagueSeason:
    """Compute one season of the league; seasons are numbered from 1."""
    home, away, hours = calendar(seed=seed, number=number)
    share = np.repeat(np.arange(N_ROUNDS) / N_ROUNDS, PER_ROUND)
    known = match_rates(seed=seed, number=number, home=home, away=away, share=share)
    news, error = _paths(seed, number)
    rates = (
        known + news[:, -1] + _random(seed, NEWS, number, 1).normal(0.0, CLOSING_ERROR, known.shape)
    )
    goals = _random(seed, GOALS, number).poisson(np.exp(rates))
    goals_half = _random(seed, GOALS, number, 1).binomial(goals, 0.45)
    seen = known[:, None] + news + error
    line = main_line(seen[:, 0])
    return LeagueSeason(
        home, away, hours, rates, goals, goals_half, line,
        fair=fair_probabilities(rates, line),
        prices=_prices(seed, number, seen, line),
    )  # fmt: skip


def calendar(*, seed: int, number: int) -> tuple[Ints, Ints, Floats]:
    """Draw up a double round robin: home, away and league hours after the first kick-off.

    Circle method: one club stands still, the others turn about it; the second half repeats the
    first with sides exchanged.

    >>> home, away, hours = calendar(seed=1, number=1)
    >>> len(set(zip(home.tolist(), away.tolist()))), float(hours.max())
    (380, 678.0)
    """
    random = _random(seed, CALENDAR, number)
    circle = random.permutation(N_CLUBS)
    homes, aways = [], []
    for turn in range(N_CLUBS - 1):
        ring = np.concatenate([circle[:1], np.roll(circle[1:], turn)])
        first, second = ring[:PER_ROUND], ring[PER_ROUND:][::-1]
        flip = np.arange(PER_ROUND) % 2 == 1
        flip[0] = turn % 2 == 1  # the one that stands still would always be at home
        homes.append(np.where(flip, second, first))
        aways.append(np.where(flip, first, second))
    home, away = np.array(homes), np.array(aways)
    home, away = np.concatenate([home, away]), np.concatenate([away, home])
    order = random.permuted(np.tile(np.arange(PER_ROUND), (N_ROUNDS, 1)), axis=1)
    home, away = np.take_along_axis(home, order, 1), np.take_along_axis(away, order, 1)
    hours = np.arange(N_ROUNDS)[:, None] * ROUND_EVERY + np.array(SLOTS)
    return home.ravel(), away.ravel(), hours.ravel()


def strengths(*, seed: int, number: int) -> Floats:
    """Return attack and defence of each club when a season begins, (2, clubs), in log goals.

    A stationary autoregression over seasons, summed backwards from the season asked for, so
    that no season has to be played to know a later one.
    """
    weights = CARRY_OVER ** np.arange(REMEMBERED_SEASONS) * np.sqrt(1.0 - CARRY_OVER**2)
    years = number + REMEMBERED_SEASONS - np.arange(REMEMBERED_SEASONS)  # never negative
    drawn = np.stack([_random(seed, STRENGTH, int(y)).normal(size=(2, N_CLUBS)) for y in years])
    wandered = np.tensordot(weights, drawn, axes=1)
    centred: Floats = wandered - wandered.mean(axis=1, keepdims=True)
    return centred * np.array([[ATTACK_SPREAD], [DEFENCE_SPREAD]])


def match_rates(*, seed: int, number: int, home: Ints, away: Ints, share: Floats) -> Floats:
    """Return log expected goals (matches, 2) before any news; ``share`` of the season is past."""
    begin, end = strengths(seed=seed, number=number), strengths(seed=seed, number=number + 1)
    attack, defence = begin[:, :, None] * (1.0 - share) + end[:, :, None] * share
    row = np.arange(len(home))
    at_home = BASE_RATE + HOME_ADVANTAGE + attack[home, row] - defence[away, row]
    return np.stack([at_home, BASE_RATE + attack[away, row] - defence[home, row]], axis=1)


def _paths(seed: int, number: int) -> tuple[Floats, Floats]:
    """Return the news so far and the sharp book's error, each (match, step, 2) in log goals.

    News comes in independent pieces, so a price made of it moves without memory; the error is
    what an opening gets wrong, and goes the same way.
    """
    left = (STEPS / STEPS[0]) ** NEWS_LATE
    left = (left - left[-1]) / (1.0 - left[-1])  # 1 at the opening, 0 at the last step
    came = np.concatenate([[0.0], -np.diff(left)])
    shape = (N_MATCHES, len(STEPS), 2)
    pieces = _random(seed, NEWS, number).normal(size=shape) * np.sqrt(came)[:, None]
    blur = _random(seed, BLUR, number).normal(size=(N_MATCHES, 1, 2)) * OPENING_ERROR
    return np.cumsum(pieces, axis=1) * NEWS_SPREAD, blur * left[:, None]


def _prices(seed: int, number: int, seen: Floats, line: Floats) -> Floats:
    """Return what each book quotes at each step: (match, book, step, 7), rounded as shown."""
    quoted = np.empty((N_MATCHES, len(BOOKS), len(STEPS), N_SELECTIONS))
    for at, book in enumerate(BOOKS):
        opinion = _random(seed, OPINIONS, number, at).normal(size=(N_MATCHES, 1, 2))
        view = _delayed(seen, book.lag) + opinion * book.opinion
        fair = fair_probabilities(view.reshape(-1, 2), np.repeat(line, len(STEPS)))
        quoted[:, at] = shown(with_margins(fair, book.margins)).reshape(quoted[:, at].shape)
    return quoted


def _delayed(seen: Floats, lag: float) -> Floats:
    """Return what was to be seen ``lag`` hours before each step; the opening before that."""
    at = np.minimum(STEPS + lag, STEPS[0])
    earlier = np.searchsorted(-STEPS, -at, side="right") - 1
    delayed: Floats = seen[:, earlier]
    return delayed


def score_grid(rates: Floats) -> Floats:
    """Return the probability of every score, (matches, home goals x away goals), summing to 1."""
    goals = np.arange(MAX_GOALS + 1)
    factorials = np.array([lgamma(k + 1.0) for k in goals])
    log_p = rates[:, :, None] * goals - np.exp(rates)[:, :, None] - factorials
    p = np.exp(log_p)
    p /= p.sum(axis=2, keepdims=True)
    grid: Floats = (p[:, 0, :, None] * p[:, 1, None, :]).reshape(len(rates), -1)
    return grid


_HOME_GOALS, _AWAY_GOALS = (
    axis.ravel() for axis in np.meshgrid(*2 * [np.arange(MAX_GOALS + 1)], indexing="ij")
)
_MARGIN = _HOME_GOALS - _AWAY_GOALS
_OUTCOMES = np.stack(
    [_MARGIN > 0, _MARGIN == 0, _MARGIN < 0, _HOME_GOALS + _AWAY_GOALS > TOTAL_LINE], axis=1
).astype(np.float64)
_BY_MARGIN = (_MARGIN[:, None] == np.arange(-MAX_GOALS, MAX_GOALS + 1)).astype(np.float64)


def fair_probabilities(rates: Floats, line: Floats) -> Floats:
    """Return (matches, 7) probabilities at which each selection's fair price is one over it.

    Of a handicap that is the share of the stake that wins among what wins or loses: a fair
    price ``O`` solves ``won * (O - 1) = lost``.  A quarter line is half a stake on either side.

    >>> even = fair_probabilities(np.log([[1.4, 1.4]]), np.array([0.0]))
    >>> even.round(3).tolist()
    [[0.374, 0.253, 0.374, 0.5, 0.5, 0.531, 0.469]]
    """
    grid = score_grid(rates)
    match_odds = grid @ _OUTCOMES
    covers = _covers(grid @ _BY_MARGIN, line)
    over = match_odds[:, 3]
    return np.column_stack([match_odds[:, :3], covers, 1 - covers, over, 1 - over])


def _covers(margins: Floats, line: Floats) -> Floats:
    """Return the home side's share of what is won or lost on a handicap, from margins' odds."""
    won, lost = np.zeros(len(line)), np.zeros(len(line))
    quarters = np.rint(line * 4)
    odd = quarters % 2
    for half in (quarters - odd, quarters + odd):
        after = np.arange(-MAX_GOALS, MAX_GOALS + 1) + half[:, None] / 4
        won += (margins * (after > 0)).sum(axis=1)
        lost += (margins * (after < 0)).sum(axis=1)
    share: Floats = won / (won + lost)
    return share


def main_line(rates: Floats) -> Floats:
    """Return the quarter line whose two sides are nearest to evens; fixed for the whole match."""
    lines = np.arange(-3.0, 3.25, 0.25)
    margins = score_grid(rates) @ _BY_MARGIN
    covers = np.stack([_covers(margins, np.full(len(rates), at)) for at in lines])
    best: Floats = lines[np.abs(covers - 0.5).argmin(axis=0)]
    return best


def with_margins(fair: Floats, margins: tuple[float, float, float]) -> Floats:
    """Return implied probabilities that sum to 1 + margin in each market.

    Each probability is raised to one power below 1, so longshots carry more of the margin.
    Source: the power method of Clarke, Kovalchik & Ingram (2017), run backwards.

    >>> even = np.full((1, 7), 0.5)
    >>> even[:, :3] = 1 / 3
    >>> implied = with_margins(even, (0.06, 0.02, 0.04))
    >>> [round(float(implied[0, list(m)].sum()), 6) for m in MARKETS]
    [1.06, 1.02, 1.04]
    """
    implied = np.empty_like(fair)
    for market, margin in zip(MARKETS, margins, strict=True):
        logs = np.log(fair[:, market])
        power = np.ones(len(fair))
        for _ in range(8):  # Newton: the sum is smooth and convex in the power
            raised = np.exp(power[:, None] * logs)
            excess = raised.sum(axis=1) - (1.0 + margin)
            power -= excess / (raised * logs).sum(axis=1)
        implied[:, market] = np.exp(power[:, None] * logs)
    return implied


def shown(implied: Floats) -> Floats:
    """Return prices as books show them: in steps that grow with the price, never below 1.01.

    >>> shown(np.array([0.5024, 0.2817, 0.1374, 0.0613])).tolist()
    [1.99, 3.55, 7.3, 16.5]
    """
    price = 1.0 / implied
    step = np.select([price < 3.0, price < 6.0, price < 10.0], [0.01, 0.05, 0.1], 0.5)
    rounded: Floats = np.maximum(np.round(np.rint(price / step) * step, 3), 1.01)
    return rounded
