"""The feature set ``racing_v1``: a row per runner, from all who are entered in his race.

Ratings of others, the runner's own past, the distance and the track, and the market where one is
known.  Runners that are removed later were entered then: what is computed of a race as of a
moment is of everyone who was entered at that moment, whoever is asked about.
"""

from collections.abc import Sequence

import numpy as np

from models_ml.domain import asof, history, sports
from models_ml.domain.arrays import Bools, Floats, Ints
from models_ml.domain.asof import NAN, Appearances
from models_ml.domain.facts import Asks, Facts
from models_ml.domain.features import DAY, FeatureSet
from models_ml.domain.history import Plan
from models_ml.domain.races import RATED, STARTING, TAKES_BETS, Field, Prices, Runs
from models_ml.domain.sports import FIXTURES, LIST, SEEN
from models_ml.domain.versions import Told

PRIOR = 5.0  # runs that a share is drawn to the field's mean with
NEAR = 200.0  # metres: a run over about this distance
CLOSES = 5
RUNS, RATINGS, MARKET = "results of races", "rated prices", "prices, margin shared in proportion"
ENDED = "when the result of each race used is known"
CLOSED = "at the start of each earlier race"
#: Columns of a runner's own past, in order.
PAST = (
    "runs", "wins", "places", "last_won", "last_placed", "days_since", "runs_90d", "strength",
    "last_close", "mean_close", "best_close", "distance_change", "runs_track", "wins_track",
    "runs_distance", "wins_distance", "number_runs", "number_wins",
)  # fmt: skip


class _Race:
    """The asked races with everything that columns are made of."""

    def __init__(self, facts: Facts, asks: Asks) -> None:
        self.facts, self.plan = facts, Plan(fixtures=facts.fixtures, unit="sport")
        self.asked = history.asked(plan=self.plan, asks=asks)
        self.field = Field(facts=facts, plan=self.plan, asked=self.asked)
        self.rows = self.field.rows_of(self.asked)
        self.prices = Prices(facts)
        self.distance = _attribute(facts, "distance", self.field.fixture)
        self.horses = np.unique(
            np.concatenate([facts.entries.participant, facts.runners.participant])
        )
        self.past = {name: np.full(len(self.field.race), NAN) for name in PAST}
        told = Told(facts=facts, plan=self.plan, of_races=True)
        epoch = np.searchsorted(told.corrected_at, self.field.as_of, side="right")
        for number in np.unique(epoch):
            mine = np.flatnonzero(epoch == number)
            until = int(self.field.as_of[mine].max())
            runs = Runs(facts=facts, plan=self.plan, told=told, until=until)
            for name, column in _past(self, runs, mine).items():
                self.past[name][mine] = column


def _attribute(facts: Facts, name: str, rows: Ints) -> Floats:
    values = facts.fixtures.attributes.get(name)
    return np.full(len(rows), NAN) if values is None else values[rows]


def _past(race: _Race, runs: Runs, mine: Ints) -> dict[str, Floats]:
    """Return what some entered runners have done in the races known at their moments."""
    f = race.field
    ran = np.searchsorted(race.horses, runs.participant)
    of_horses = Appearances(
        keys=ran, positions=runs.race, n_positions=len(runs.starts),
        columns={"won": runs.won, "placed": runs.placed, "starts_at": runs.starts_at},
    )  # fmt: skip
    position = np.searchsorted(runs.race_known_at, f.as_of[mine], side="right")
    seen = of_horses.before(
        keys=np.searchsorted(race.horses, f.participant[mine]), positions=position
    )
    newest = seen.newest()
    strength = runs.strengths(ran, len(race.horses))
    since = (f.starts_at[mine] - seen.latest("starts_at", NAN)) / DAY
    return {
        "runs": seen.count.astype(np.float64),
        "wins": seen.total("won").astype(np.float64),
        "places": seen.total("placed").astype(np.float64),
        "last_won": seen.latest("won", NAN),
        "last_placed": seen.latest("placed", NAN),
        "days_since": since,
        "strength": asof.taken(strength, newest, 0.0),
        **_closes(race, runs, of_horses, seen),
        **_like_this(race, runs, of_horses, seen, mine),
        **_numbers(race, runs, mine, position),
    }


def _closes(race: _Race, runs: Runs, of_horses: Appearances, seen: asof.Seen) -> dict[str, Floats]:
    """Return -ln of the starting prices of the latest runs: last, mean of 3, shortest of 5."""
    books = [book for _, book in race.prices.books(STARTING)]
    prices = race.prices.of(
        kind="WIN", books=books, events=runs.event, persons=runs.participant, as_of=runs.known_at
    )
    closes = -np.log(prices)[of_horses.order]
    back = [
        asof.taken(closes, np.where(seen.count > n, seen.end - 1 - n, -1), NAN)
        for n in range(CLOSES)
    ]
    best = back[0]
    for close in back[1:]:
        best = np.fmax(best, close)
    return {
        "last_close": back[0],
        "mean_close": (back[0] + back[1] + back[2]) / 3.0,
        "best_close": best,
    }


def _like_this(
    race: _Race, runs: Runs, of_horses: Appearances, seen: asof.Seen, mine: Ints
) -> dict[str, Floats]:
    """Return runs and wins of earlier races that were like the asked one."""
    f, fixtures = race.field, race.facts.fixtures
    place, owner = asof.spread(seen.start, seen.end)
    run, row = of_horses.order[place], mine[owner]
    track = fixtures.competition[runs.fixture[run]] == fixtures.competition[f.fixture[row]]
    ran_over = _attribute(race.facts, "distance", runs.fixture)
    near = np.abs(ran_over[run] - race.distance[row]) <= NEAR
    lately = runs.starts_at[run] > f.starts_at[row] - 90 * DAY

    def count(chosen: Bools) -> Floats:
        return np.bincount(owner[chosen], minlength=len(mine)).astype(np.float64)

    won = runs.won[run] == 1
    return {
        "runs_90d": count(lately),
        "runs_track": count(track),
        "wins_track": count(track & won),
        "runs_distance": count(near),
        "wins_distance": count(near & won),
        "distance_change": race.distance[mine] - asof.taken(ran_over, seen.newest(), NAN),
    }


def _numbers(race: _Race, runs: Runs, mine: Ints, position: Ints) -> dict[str, Floats]:
    """Return how often the runner's number has run and won on this track."""
    competition, width = race.facts.fixtures.competition, 1000
    tracks = np.unique(competition)
    keys = np.searchsorted(tracks, competition[runs.fixture]) * width + runs.number % width
    first = np.lexsort((np.arange(len(keys)), keys, runs.race))
    once = np.ones(len(first), dtype=bool)  # two of one number in a race: the first counts
    once[1:] = (keys[first][1:] != keys[first][:-1]) | (
        runs.race[first][1:] != runs.race[first][:-1]
    )
    chosen = np.sort(first[once])
    told = Appearances(
        keys=keys[chosen], positions=runs.race[chosen], n_positions=len(runs.starts),
        columns={"won": runs.won[chosen]},
    )  # fmt: skip
    f = race.field
    mine_at = np.searchsorted(tracks, competition[f.fixture[mine]])
    seen = told.before(keys=mine_at * width + f.number[mine] % width, positions=position)
    return {
        "number_runs": seen.count.astype(np.float64),
        "number_wins": seen.total("won").astype(np.float64),
    }


def _rated(race: _Race) -> list[Floats]:
    f = race.field
    books = [book for _, book in race.prices.books(RATED)]
    prices = race.prices.of(
        kind="WIN", books=books, events=f.event, persons=f.participant, as_of=f.as_of
    )
    logs = -np.log(prices)
    return [
        logs - f.mean(logs),
        asof.known(logs).astype(np.float64),
        f.rank(logs),
        logs - f.highest(logs),
    ]


def _own(race: _Race) -> list[Floats]:
    p, prior = race.past, 1.0 / race.field.size
    strength = p["strength"]
    return [
        p["runs"], p["wins"], p["places"],
        (p["wins"] + PRIOR * prior) / (p["runs"] + PRIOR),
        (p["places"] + PRIOR * np.minimum(3.0 * prior, 1.0)) / (p["runs"] + PRIOR),
        p["last_won"], p["last_placed"], p["days_since"], p["runs_90d"],
        strength, strength - race.field.mean(strength),
        p["last_close"], p["mean_close"], p["best_close"],
    ]  # fmt: skip


def _conditions(race: _Race) -> list[Floats]:
    p, f = race.past, race.field
    prior = 1.0 / f.size
    return [
        race.distance, p["distance_change"], p["runs_track"], p["wins_track"],
        p["runs_distance"], p["wins_distance"],
        np.where(f.number >= 0, f.number, NAN), f.size.astype(np.float64),
        (p["number_wins"] + PRIOR * prior) / (p["number_runs"] + PRIOR),
        *[
            _attribute(race.facts, name, f.fixture)
            for name in ("is_maiden", "is_handicap", "race_class", "race_group")
        ],
        f.mean((p["runs"] == 0).astype(np.float64)),
    ]  # fmt: skip


def _market(race: _Race) -> list[Floats]:
    win, place = (_shares(race, kind) for kind in ("WIN", "PLACE"))
    return [np.log(win), asof.known(win).astype(np.float64), place]


def _shares(race: _Race, kind: str) -> Floats:
    """Return each runner's share of the implied probabilities of the first book that quotes all.

    The mean where several books without a rank do.
    """
    f = race.field
    total, count = np.zeros(len(f.race)), np.zeros(len(f.race))
    best = np.full(len(f.race), np.inf)
    for rank, book in race.prices.books(*TAKES_BETS):
        prices = race.prices.of(
            kind=kind, books=[book], events=f.event, persons=f.participant, as_of=f.as_of
        )
        quoted = f.total(asof.known(prices).astype(np.float64))
        chosen = (quoted == f.size) & (rank <= best)
        implied = 1.0 / prices
        total = np.where(chosen, total + implied / f.total(implied), total)
        count, best = count + chosen, np.where(chosen, float(rank), best)
    return np.where(count > 0, total / np.maximum(count, 1.0), NAN)


GROUPS = (
    (
        sports.told(
            RATINGS, SEEN,
            ("rated_log", "-ln of the rated price, less the race's mean", "log"),
            ("has_rated", "1: somebody has rated the runner", "flag"),
            ("rated_rank", "Rank by rated price, 1 the shortest", "rank"),
            ("rated_gap", "-ln of the rated price, less the race's highest", "log"),
        ),
        _rated,
    ),
    (
        (
            *sports.told(
                RUNS, ENDED,
                ("runs", "Earlier runs", "runs"),
                ("wins", "Earlier wins", "runs"),
                ("places", "Earlier places", "runs"),
                ("win_rate", "Share won, drawn to 1/field with 5 runs", "share"),
                ("place_rate", "Share placed, drawn to 3/field with 5 runs", "share"),
                ("last_won", "1: won the last run", "flag"),
                ("last_placed", "1: placed in the last run", "flag"),
                ("days_since", "Since the last run", "days"),
                ("runs_90d", "Runs in the 90 days before", "runs"),
                ("strength", "Strength by whom it has beaten (Plackett-Luce)", "log odds"),
                ("strength_centred", "strength less the race's mean", "log odds"),
            ),
            *sports.told(
                "starting prices of earlier races", CLOSED,
                ("last_close", "-ln of the starting price of the last run", "log"),
                ("mean_close", "Mean of that over the last 3 runs", "log"),
                ("best_close", "Highest of that over the last 5 runs", "log"),
            ),
        ),
        _own,
    ),
    (
        (
            *sports.told(FIXTURES, LIST, ("distance", "Length of the race", "metres")),
            *sports.told(
                RUNS, ENDED,
                ("distance_change", "distance less that of the last run", "metres"),
                ("runs_track", "Earlier runs on this track", "runs"),
                ("wins_track", "Earlier wins on this track", "runs"),
                ("runs_distance", "Earlier runs within 200 m of the distance", "runs"),
                ("wins_distance", "Earlier wins within 200 m of the distance", "runs"),
            ),
            *sports.told(
                "entries", "with the entries; removed ones since they were",
                ("number", "Number of the runner", "number"),
                ("field_size", "Runners entered", "runners"),
            ),
            *sports.told(
                RUNS, ENDED,
                ("number_rate", "Share won by that number here, drawn to 1/field", "share"),
            ),
            *sports.told(
                FIXTURES, LIST,
                ("is_maiden", "1: for those who have not won", "flag"),
                ("is_handicap", "1: weights even the chances", "flag"),
                ("race_class", "Class of a class race", "number"),
                ("race_group", "1 to 3 a group race, 4 listed, 5 others", "number"),
            ),
            *sports.told(
                RUNS, ENDED,
                ("newcomer_share", "Share of the field without an earlier run", "share"),
            ),
        ),
        _conditions,
    ),
    (
        sports.told(
            MARKET, SEEN,
            ("market_win_log", "ln of the share of the win market", "log"),
            ("has_market", "1: a book quotes every runner to win", "flag"),
            ("market_place", "Share of the place market", "share"),
        ),
        _market,
    ),
)  # fmt: skip
FEATURES = tuple(feature for features, _ in GROUPS for feature in features)


def _compute(facts: Facts, asks: Asks) -> Floats:
    if not len(asks.event):
        return np.empty((0, len(FEATURES)))
    race = _Race(facts, asks)
    columns: Sequence[Floats] = [column for _, of in GROUPS for column in of(race)]
    return np.stack(columns, axis=1)[race.rows]


_AT = {feature.name: number for number, feature in enumerate(FEATURES)}
RACING_V1 = FeatureSet(
    name="racing_v1",
    sport="horse_racing",
    features=FEATURES,
    compute=_compute,
    starts={"market": (_AT["market_win_log"],), "rated": (_AT["rated_log"],)},
    needed=tuple(_AT[name] for name in ("rated_log", "market_win_log", "number")),
    grain="RUNNER",
    unit="sport",
)
