"""Leagues of other sports that never were: what is common to them, all from one seed.

Like the soccer league (``simulation``), everything is a function of (seed, league, season,
fixture), time is counted in league hours, and a book sees the truth blurred by what is not known
yet and by an opinion of its own.  A fixture here also has **troubles**: it may be postponed or
abandoned, its result told late, twice, or wrong and corrected afterwards.

A market's prices are one array (fixture, step, book, answer); ``fair`` holds what is true.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from markets.domain import simulation
from markets.domain.simulation import Floats, Ints

#: League hours before the start at which the books look again; stages of the ladder see one each.
STEPS: Floats = np.array([24.5, 12.0, 6.0, 2.5, 1.75, 1.4, 1.1, 0.6, 0.1], dtype=np.float64)
KEPT_STEPS = (0, 6, 8)
BOOKS = simulation.BOOKS[:3]
MARGINS = (0.025, 0.045, 0.06)  # of the books, in every market
ROUND_EVERY = 18.0
SLOTS = (0.0, 3.0, 6.0, 9.0)
LINEUP_BEFORE = 1.0
NEWS_LATE = 0.6
ANNOUNCED_BEFORE, MOVED_AFTER = 0.5, 1.0  # a postponement, and its new date
CORRECTED_AFTER, REPEATED_AFTER, LATE_BY = 1.5, 0.4, 0.75
POSTPONED, ABANDONED, CORRECTED, TROUBLED_MESSAGE = 0.02, 0.005, 0.01, 0.03  # shares
REPEATED_IF_CORRECTED = 0.5  # or an old copy would come once in years
DELAYS = (6.0, 11.0, 26.0)
TOLD_WITHIN = 36.0  # league hours after its planned start, everything of a fixture is told

TROUBLE, TABLE, PATHS, OPINIONS, PLAYED, RUNNERS = range(101, 107)  # streams of random numbers


OUTAGE_SPAN = 600.0  # seconds of the clock, in each of which the feed may fall silent once
OUTAGE_SHARE, OUTAGE_SHORTEST, OUTAGE_LONGEST = 0.3, 40.0, 200.0
OUTAGES = ("did not answer in time", "closed the connection", "answers 503")
OUTAGE = 107


class Sport(enum.StrEnum):
    CUP = "soccer"
    FOOTBALL = "american_football"
    BASKETBALL = "basketball"
    RACES = "horse_racing"


@dataclass(frozen=True, slots=True)
class League:
    """One league: ``number`` keeps its random numbers apart, ``lasts`` is in league hours."""

    code: str
    name: str
    sport: Sport
    number: int
    lasts: float
    rounds: int
    sides: tuple[str, ...] = ()

    @property
    def per_round(self) -> int:
        return len(self.sides) // 2 or RACES_A_MEETING

    @property
    def season_hours(self) -> float:
        """Return from the first start of a season to that of the next."""
        return self.rounds * ROUND_EVERY + TOLD_WITHIN


RACES_A_MEETING = 4
LEAGUES: tuple[League, ...] = (
    League(
        "SIM-CUP", "Clockwork Cup", Sport.CUP, 2, 2.0, 14,
        ("Aldercombe", "Bramblewick", "Coldharbour", "Dunsmere", "Elverton", "Foxholt",
         "Greyminster", "Hollowell"),
    ),
    League(
        "SIM-NFL", "Clockwork Football", Sport.FOOTBALL, 3, 3.2, 14,
        ("Ashport Anchors", "Bayfield Bisons", "Cedar Creek Coyotes", "Drayton Drovers",
         "Eastlake Engines", "Fort Hale Foxes", "Granite Falls Giants", "Harlow Hawks"),
    ),
    League(
        "SIM-NBA", "Clockwork Basketball", Sport.BASKETBALL, 4, 2.4, 14,
        ("Ironbridge Ibex", "Juniper Jets", "Kingsway Kites", "Larkspur Lynx", "Midvale Moose",
         "Northgate Novas", "Oakhurst Otters", "Pinecrest Pikes"),
    ),
    League("SIM-RACES", "Clockwork Park", Sport.RACES, 5, 0.1, 20),
)  # fmt: skip
BY_CODE = {league.code: league for league in LEAGUES}


@dataclass(frozen=True, slots=True)
class Trouble:
    """What goes wrong with one fixture.  Hours are league hours."""

    delay: float = 0.0  # played so much later than planned
    is_abandoned: bool = False
    is_corrected: bool = False  # the first telling of its result is wrong
    is_repeated: bool = False  # the result is told twice
    late_by: float = 0.0  # the result is told so long after it is known


@dataclass(frozen=True, slots=True)
class Quoted:
    """One market of every fixture of a season: the same question, with its own line each.

    ``participant`` is "HOME", "AWAY" or "" and says whose total it is; ``star``: of its player.
    """

    kind: str
    answers: tuple[str, ...]  # roles; empty: the runners of the race
    fair: Floats  # (fixture, answer): what is true
    prices: Floats  # (fixture, step, book, answer); NaN: not offered
    line: Floats | None = None  # (fixture,)
    participant: str = ""
    star: bool = False
    statistic: str = ""
    places: int | None = None


@dataclass(frozen=True, slots=True)
class SportSeason:
    """A season: fixtures in calendar order.  Scores are (fixture, side); races have an order."""

    league: League
    home: Ints  # of sides; -1 in a race
    away: Ints
    hours: Floats  # of the planned starts, after the season's first
    quoted: tuple[Quoted, ...]
    score: Ints
    periods: tuple[dict[str, tuple[int, int]], ...] = ()
    had_overtime: tuple[bool, ...] = ()
    stars: Ints | None = None  # (fixture, side): the figure of each side's player
    runners: Ints | None = None  # (fixture, runner): of ``simulation_races.NAMES``
    order: Ints | None = None  # (fixture, runner): finishing place, 0: removed
    reduction: Floats | None = None  # (fixture, runner) %, of the removed one


def random(seed: int, league: League, stream: int, *more: int) -> np.random.Generator:
    return np.random.default_rng([seed, league.number, stream, *more])


def trouble(seed: int, league: League, season: int, fixture: int) -> Trouble:
    """Return what goes wrong with a fixture: mostly nothing.  Races are never postponed.

    >>> found = [trouble(7, LEAGUES[1], 1, n) for n in range(2000)]
    >>> round(sum(t.delay > 0 for t in found) / 2000, 2), any(t.is_abandoned for t in found)
    (0.02, True)
    """
    drawn = random(seed, league, TROUBLE, season, fixture).random(6)
    is_race = league.sport is Sport.RACES
    is_abandoned = bool(drawn[1] < ABANDONED)
    is_corrected = bool(drawn[2] < CORRECTED) and not is_abandoned
    repeated = REPEATED_IF_CORRECTED if is_corrected else TROUBLED_MESSAGE
    return Trouble(
        delay=DELAYS[int(drawn[5] * 3)] if drawn[0] < POSTPONED and not is_race else 0.0,
        is_abandoned=is_abandoned,
        is_corrected=is_corrected,
        is_repeated=bool(drawn[3] < repeated),
        late_by=LATE_BY if drawn[4] < TROUBLED_MESSAGE else 0.0,
    )


def outage(*, seed: int, at: float) -> str:
    """Return what is wrong with the simulated feed at a moment (seconds since 1970), or "".

    >>> wrong = [bool(outage(seed=7, at=float(second))) for second in range(0, 200_000, 10)]
    >>> 0.03 < sum(wrong) / len(wrong) < 0.1
    True
    """
    span = int(at // OUTAGE_SPAN)
    drawn = np.random.default_rng([seed, OUTAGE, span]).random(4)
    length = OUTAGE_SHORTEST + drawn[1] * (OUTAGE_LONGEST - OUTAGE_SHORTEST)
    begins = span * OUTAGE_SPAN + drawn[2] * (OUTAGE_SPAN - length)
    is_out = drawn[0] < OUTAGE_SHARE and begins <= at < begins + length
    return OUTAGES[int(drawn[3] * len(OUTAGES))] if is_out else ""


def table(league: League, *, seed: int, season: int) -> tuple[Ints, Ints, Floats]:
    """Draw up a season: home, away, hours after its first start; a race has no sides.

    >>> home, away, hours = table(LEAGUES[1], seed=1, season=1)
    >>> len(set(zip(home.tolist(), away.tolist()))), float(hours.max())
    (56, 243.0)
    """
    rounds, per_round = league.rounds, league.per_round
    hours = np.arange(rounds)[:, None] * ROUND_EVERY + np.array(SLOTS[:per_round])
    if not league.sides:
        nobody = np.full(rounds * per_round, -1)
        return nobody, nobody, hours.ravel()
    n = len(league.sides)
    circle = random(seed, league, TABLE, season).permutation(n)
    homes, aways = [], []
    for turn in range(rounds):
        of_half = turn % (n - 1)  # the second half repeats the first with sides exchanged
        ring = np.concatenate([circle[:1], np.roll(circle[1:], of_half)])
        first, second = ring[: n // 2], ring[n // 2 :][::-1]
        flip = np.arange(n // 2) % 2 == 1
        flip[0] = of_half % 2 == 1  # the one that stands still would always be at home
        flip ^= turn >= n - 1
        homes.append(np.where(flip, second, first))
        aways.append(np.where(flip, first, second))
    return np.concatenate(homes), np.concatenate(aways), hours.ravel()


def seen(
    truth_so_far: Floats, *, spread: Floats, seed: int, league: League, season: int
) -> tuple[Floats, Floats]:
    """Return what is true in the end, and what each book believes at each step.

    ``truth_so_far`` (fixture, parameter) is what everybody knows at the opening, ``spread`` how
    much of each parameter becomes known later.  Believed: (fixture, step, book, parameter).
    """
    left = (STEPS / STEPS[0]) ** NEWS_LATE
    came = np.concatenate([[0.0], -np.diff(left)]) / (1.0 - left[-1])
    n, k = truth_so_far.shape
    draw = random(seed, league, PATHS, season)
    pieces = draw.normal(size=(n, len(STEPS), k)) * np.sqrt(came)[:, None]
    news = np.cumsum(pieces, axis=1) * spread
    truth: Floats = truth_so_far + news[:, -1] + draw.normal(size=(n, k)) * spread * 0.1
    opinion = random(seed, league, OPINIONS, season).normal(size=(n, len(BOOKS), k)) * spread
    strength = np.array([0.0, 0.3, 0.35])[: len(BOOKS), None]
    believed: Floats = (
        truth_so_far[:, None, None] + news[:, :, None] + (opinion * strength)[:, None]
    )
    return truth, believed


def offered(fair: Floats, *, sums_to: int = 1) -> Floats:
    """Return the prices of (fixture, step, book, answer) probabilities, as the books show them.

    Each probability is raised to one power below 1 per market, as in ``simulation``; an answer
    that is not offered is NaN.

    >>> even = np.full((1, 1, 3, 2), 0.5)
    >>> offered(even)[0, 0].tolist()
    [[1.95, 1.95], [1.91, 1.91], [1.89, 1.89]]
    """
    with np.errstate(divide="ignore"):
        logs = np.log(np.clip(fair, 1e-4, 0.995))
    target = sums_to * (1.0 + np.array(MARGINS))
    power = np.ones(fair.shape[:-1])
    for _ in range(10):
        raised = np.exp(power[..., None] * logs)
        excess = np.nansum(raised, axis=-1) - target
        power = np.clip(power - excess / np.nansum(raised * logs, axis=-1), 0.3, 2.0)
    shown: Floats = simulation.shown(np.minimum(np.exp(power[..., None] * logs), 0.99))
    return shown


def two_way(
    believed: Floats, *, fair: Floats, kind: str, answers: Sequence[str], **more: Any
) -> Quoted:
    """Make a market of two answers from the probabilities of the first: believed, and true."""
    both = np.stack([believed, 1.0 - believed], axis=-1)
    true = np.stack([fair, 1.0 - fair], axis=-1)
    return Quoted(kind, tuple(answers), true, offered(both), **more)
