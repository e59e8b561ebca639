"""The feature set ``players_v1``: a row per player, of one statistic of a basketball game.

``of_sport`` makes the same set for another sport with two sides.

Facts hold one statistic: ``of_statistic`` leaves the others out.  Who plays for whom is not told
with a statistic: a player's side is the one of the two that he has met more often lately.
"""

from dataclasses import replace
from functools import partial

import numpy as np

from models_ml.domain import asof, history, known, sports, world
from models_ml.domain.arrays import Floats, Ints
from models_ml.domain.asof import NAN, Appearances, BadAsk, Seen
from models_ml.domain.facts import Asks, Facts
from models_ml.domain.features import DAY, FeatureSet
from models_ml.domain.history import Plan
from models_ml.domain.reference import Boards, Reference
from models_ml.domain.sports import AFTER, MARKET, NBA, NOTICES, SEEN, TOLD, Sport
from models_ml.domain.versions import Told
from models_ml.domain.world import World

SIZES = (5, 10, 20)
FADING = 0.85  # weight of each game against the next
LATELY = 10
CENTS = 100.0
FIGURES = "statistics of players"
PAST = (
    "mean_5", "mean_10", "mean_20", "mean_weighted", "sd_10", "share_played_10", "games",
    "days_since", "at_home",
)  # fmt: skip
FEATURES = (
    *sports.told(
        FIGURES,
        AFTER,
        *[
            (f"mean_{n}", f"Mean of the last {n} games played; null before", "per game")
            for n in SIZES
        ],
        ("mean_weighted", f"Mean of up to 20 games, each {FADING} of the next", "per game"),
        ("sd_10", "Standard deviation of the last 10 games played", "per game"),
        ("share_played_10", "Share of his last 10 games that he took part in", "share"),
        ("games", "Games played", "games"),
        ("days_since", "Since his last game", "days"),
        ("is_home", "1: his side is at home; null where that cannot be told", "flag"),
    ),
    *sports.told(
        sports.RESULTS,
        AFTER,
        ("own_strength", "Elo rating of his side", "rating points"),
        ("opponent_strength", "Elo rating of the other side", "rating points"),
        ("expected_margin", "Margin expected of his side", "points"),
        ("expected_total", "Points expected of both sides", "points"),
    ),
    *sports.told(
        MARKET,
        SEEN,
        ("line", "Line of the reference", "per game"),
        ("over", "P(over | not refunded) at that line", "probability"),
    ),
    *sports.told(NOTICES, TOLD, ("is_starter", "1 a starter, 0 on the bench", "flag")),
)


def of_statistic(facts: Facts, statistic: str) -> Facts:
    """Return facts with the figures and player lines of one statistic alone."""
    figures, quotes = facts.figures, facts.quotes
    of_players = quotes.kind == known.KINDS.index("PLAYER_TOTAL")
    return replace(
        facts,
        figures=figures.take(figures.statistic == _place(figures.statistics, statistic)),
        quotes=quotes.take(
            ~of_players | (quotes.statistic == _place(quotes.statistics, statistic))
        ),
    )


def _place(names: tuple[str, ...], name: str) -> int:
    return names.index(name) if name in names else len(names)


def _compute(facts: Facts, asks: Asks, sport: Sport) -> Floats:
    if len(np.unique(facts.figures.statistic)) > 1:
        raise BadAsk("figures of one statistic, not of several: see of_statistic")
    if not len(asks.event):
        return np.empty((0, len(FEATURES)))
    sides = world.answered(
        facts=facts, asks=asks, unit="competition", width=5, columns=partial(_sides, sport=sport)
    )
    past = _past(facts, asks)
    is_home = past["at_home"]
    home, away, margin, total, starter = sides.T
    quoted = _lines(facts, asks)
    columns = [
        *[past[name] for name in PAST[:-1]],
        is_home,
        _own(is_home, home, away),
        _own(is_home, away, home),
        _own(is_home, margin, -margin),
        total,
        quoted.line,
        quoted.probability[:, 0],
        starter,
    ]
    return np.stack(columns, axis=1)


def _own(is_home: Floats, at_home: Floats, away: Floats) -> Floats:
    return np.where(is_home == 1.0, at_home, np.where(is_home == 0.0, away, NAN))


def _sides(asked: World, *, sport: Sport) -> list[Floats]:
    home, away, _ = sports.ratings(asked, sport)
    ours, theirs = sports.expected_points(asked, sport)
    a = asked.asked
    starter = asked.ground.told.starts(events=a.event, persons=a.participant, as_of=a.as_of)
    return [home, away, ours - theirs, ours + theirs, starter]


def _lines(facts: Facts, asks: Asks) -> Reference:
    """Return the reference of each player's own line: a player's market is his own event."""
    quotes = facts.quotes
    _, number = asof.distinct(
        np.concatenate([quotes.event, asks.event]),
        np.concatenate([quotes.participant, asks.participant]),
    )
    n = len(quotes.event)
    boards = Boards(quotes=replace(quotes, event=number[:n]), books=facts.books)
    return boards.reference(kind="PLAYER_TOTAL", events=number[n:], as_of=asks.as_of)


def _past(facts: Facts, asks: Asks) -> dict[str, Floats]:
    """Return what the players have done in the games known at each ask's moment."""
    plan = Plan(fixtures=facts.fixtures, unit="competition")
    asked = history.asked(plan=plan, asks=asks)
    told = Told(facts=facts, plan=plan, of_races=False)
    found = {name: np.full(len(asks.event), NAN) for name in PAST}
    epoch = np.searchsorted(told.corrected_at, asks.as_of, side="right")
    for number in np.unique(epoch):
        mine = np.flatnonzero(epoch == number)
        games = _Games(facts, plan, told, int(asks.as_of[mine].max()))
        for name, column in games.of(asked.chosen(mine)).items():
            found[name][mine] = column
    return found


class _Games:
    """Games of players that had ended by a moment, in the order in which they became known."""

    def __init__(self, facts: Facts, plan: Plan, told: Told, until: int) -> None:
        f = facts.figures
        event = asof.numbers_among(f.event, plan.events)
        stands = told.versions(until)[event] == f.version
        row = np.flatnonzero((event >= 0) & stands)
        first = told.first[event[row]]
        fixture = plan.rows_at(events=f.event[row], moments=first)
        starts_at = facts.fixtures.starts_at[fixture]
        order = np.lexsort((f.participant[row], f.event[row], starts_at, first))
        row, self._fixture, self._starts_at = row[order], fixture[order], starts_at[order]
        self._plan, event = plan, f.event[row]
        new = np.ones(len(row), dtype=bool)
        new[1:] = event[1:] != event[:-1]
        self._game, self._known_at = np.cumsum(new) - 1, first[order][new]
        self._players, player = np.unique(f.participant[row], return_inverse=True)
        self._player, self._played = player, f.took_part[row] == 1
        self._cents = np.rint(np.nan_to_num(f.value[row]) * CENTS).astype(np.int64)

    def _appearances(self, chosen: Ints) -> Appearances:
        cents = self._cents[chosen]
        return Appearances(
            keys=self._player[chosen],
            positions=self._game[chosen],
            n_positions=len(self._known_at),
            columns={
                "cents": cents,
                "squares": cents * cents,
                "played": self._played[chosen].astype(np.int64),
                "starts_at": self._starts_at[chosen],
            },
        )

    def of(self, asked: history.Asked) -> dict[str, Floats]:
        position = np.searchsorted(self._known_at, asked.as_of, side="right")
        keys = asof.numbers_among(asked.participant, self._players)
        keys = np.where(keys >= 0, keys, len(self._players))  # a key that never appeared
        rows = np.arange(len(self._player)), np.flatnonzero(self._played)
        listed, played = (self._appearances(chosen) for chosen in rows)
        seen = played.before(keys=keys, positions=position)
        on_list = listed.before(keys=keys, positions=position)
        mean = seen.mean("cents", LATELY) / CENTS
        spread = seen.mean("squares", LATELY) / CENTS**2 - mean * mean
        since = asked.starts_at - seen.latest("starts_at", NAN)
        return {
            **{f"mean_{size}": seen.mean("cents", size) / CENTS for size in SIZES},
            "mean_weighted": _weighted(self._cents[rows[1]][played.order] / CENTS, seen),
            "sd_10": np.sqrt(np.maximum(spread, 0.0)),
            "share_played_10": on_list.mean("played", LATELY),
            "games": seen.count.astype(np.float64),
            "days_since": since / DAY,
            "at_home": self._at_home(asked, listed, on_list),
        }

    def _at_home(self, asked: history.Asked, of: Appearances, seen: Seen) -> Floats:
        """Return 1 where he lately met the home side more often, 0 where the away side."""
        place, owner = asof.spread(np.maximum(seen.start, seen.end - LATELY), seen.end)
        fixture = self._fixture[of.order[place]]
        counts = []
        for side in (asked.home, asked.away):
            met = (self._plan.home[fixture] == side[owner]) | (
                self._plan.away[fixture] == side[owner]
            )
            counts.append(np.bincount(owner[met], minlength=len(side)))
        return np.where(counts[0] == counts[1], NAN, (counts[0] > counts[1]).astype(np.float64))


def _weighted(values: Floats, seen: Seen) -> Floats:
    """Return the mean of the latest games, each a fraction of the next, one after the other."""
    total, weights, weight = np.zeros(len(seen.count)), np.zeros(len(seen.count)), 1.0
    for back in range(SIZES[-1]):
        there = seen.count > back
        value = asof.taken(values, np.where(there, seen.end - 1 - back, -1), 0.0)
        total, weights = total + weight * value, weights + weight * there
        weight *= FADING
    return np.where(seen.count > 0, total / np.where(weights > 0, weights, 1.0), NAN)


def of_sport(*, name: str, code: str, sport: Sport) -> FeatureSet:
    """Return the set for players of a sport, whose sides are rated by its rules."""
    at = {feature.name: number for number, feature in enumerate(FEATURES)}
    return FeatureSet(
        name=name,
        sport=code,
        features=FEATURES,
        compute=partial(_compute, sport=sport),
        starts={"mean": (at["mean_weighted"],), "market": (at["line"], at["over"])},
        needed=(at["mean_weighted"], at["line"]),
        grain="PLAYER",
    )


PLAYERS_V1 = of_sport(name="players_v1", code="basketball", sport=NBA)
