"""The first 37 columns of soccer_v1 match by match: what the vectorised engine must equal.

A result takes its place by (first known, start, event); one that is corrected folds all anew.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice

from models_ml.domain import elo
from models_ml.domain.facts import Asks, Facts
from models_ml.domain.features import DAY, NAN
from tests.models_ml.unfolding import Fixture, Match

REST_CAP = 30.0
SHORT, LONG, MEETINGS = 5, 10, 4
BASE_RATE_MATCHES = 30

Game = tuple[int, int, int]  # goals for, goals against, points


def _points(scored: int, conceded: int) -> int:
    return 3 if scored > conceded else 1 if scored == conceded else 0


def _means(games: Sequence[Game] | deque[Game], size: int) -> list[float]:
    """Return mean points, goals for and goals against of the latest ``size`` games, or NaN."""
    if len(games) < size:
        return [NAN, NAN, NAN]
    goals = conceded = points = 0
    for scored, against, won in islice(games, len(games) - size, None):
        goals, conceded, points = goals + scored, conceded + against, points + won
    return [points / size, goals / size, conceded / size]


class Side:
    """One participant in one competition, after the matches learned so far."""

    __slots__ = ("at_home", "away", "games", "last_start", "played", "rating", "season_id")

    def __init__(self, rating: float, season_id: int) -> None:
        self.rating = rating
        self.season_id = season_id
        self.played = 0  # in that season
        self.last_start: int | None = None
        self.games: deque[Game] = deque(maxlen=LONG)
        self.at_home: deque[Game] = deque(maxlen=SHORT)
        self.away: deque[Game] = deque(maxlen=SHORT)

    def rating_in(self, season_id: int) -> float:
        return self.rating if season_id == self.season_id else elo.carried_over(self.rating)

    def played_in(self, season_id: int) -> int:
        return self.played if season_id == self.season_id else 0

    def learn(self, match: Match, game: Game, venue: deque[Game], rating: float) -> None:
        self.played = self.played_in(match.season_id) + 1
        self.season_id, self.rating, self.last_start = match.season_id, rating, match.starts_at
        self.games.append(game)
        venue.append(game)


class State:
    """The fold over final results in order of start; never looks back."""

    def __init__(self) -> None:
        self.sides: dict[int, Side] = {}
        self.meetings: dict[tuple[int, int], deque[tuple[int, Game]]] = {}
        self.first_season: int | None = None
        self.n = self.home_wins = self.draws = self.goals = 0

    def side(self, participant_id: int, season_id: int) -> Side:
        """Return a side, or what it is taken for before its first match here."""
        if found := self.sides.get(participant_id):
            return found
        came_up = self.first_season is not None and season_id != self.first_season
        return Side(elo.NEWCOMER if came_up else elo.MEAN, season_id)

    def learn(self, match: Match) -> None:
        if self.first_season is None:
            self.first_season = match.season_id
        home, away = (self.side(i, match.season_id) for i in (match.home_id, match.away_id))
        scored, conceded = match.home_score, match.away_score
        r_home, r_away = home.rating_in(match.season_id), away.rating_in(match.season_id)
        gain = elo.change(r_home, r_away, scored, conceded)
        at_home: Game = (scored, conceded, _points(scored, conceded))
        away_from_home: Game = (conceded, scored, _points(conceded, scored))
        home.learn(match, at_home, home.at_home, r_home + gain)
        away.learn(match, away_from_home, away.away, r_away - gain)
        self.sides[match.home_id], self.sides[match.away_id] = home, away
        pair = (min(match.home_id, match.away_id), max(match.home_id, match.away_id))
        self.meetings.setdefault(pair, deque(maxlen=MEETINGS)).append((match.home_id, at_home))
        self.n += 1
        self.home_wins += scored > conceded
        self.draws += scored == conceded
        self.goals += scored + conceded


def _ratings(state: State, fixture: Fixture, home: Side, away: Side) -> list[float]:
    r_home, r_away = home.rating_in(fixture.season_id), away.rating_in(fixture.season_id)
    return [r_home, r_away, r_home - r_away, elo.expectation(r_home, r_away)]


def _form(state: State, fixture: Fixture, home: Side, away: Side) -> list[float]:
    return [
        *_means(home.games, SHORT),
        *_means(home.games, LONG),
        *_means(away.games, SHORT),
        *_means(away.games, LONG),
        *_means(home.at_home, SHORT),
        *_means(away.away, SHORT),
    ]


def _rest(state: State, fixture: Fixture, home: Side, away: Side) -> list[float]:
    def days(side: Side) -> float:
        if side.last_start is None:
            return NAN
        gap = (fixture.starts_at - side.last_start) / DAY * fixture.time_scale
        return min(REST_CAP, max(0.0, gap))

    rest_home, rest_away = days(home), days(away)
    return [rest_home, rest_away, rest_home - rest_away]


def _season(state: State, fixture: Fixture, home: Side, away: Side) -> list[float]:
    return [float(side.played_in(fixture.season_id)) for side in (home, away)]


def _head_to_head(state: State, fixture: Fixture, home: Side, away: Side) -> list[float]:
    pair = (min(fixture.home_id, fixture.away_id), max(fixture.home_id, fixture.away_id))
    met = state.meetings.get(pair)
    if not met:
        return [0.0, NAN, NAN]
    points = margin = 0
    for host, (scored, conceded, won) in met:
        ours = host == fixture.home_id
        points += won if ours else _points(conceded, scored)
        margin += scored - conceded if ours else conceded - scored
    return [float(len(met)), points / len(met), margin / len(met)]


def _base_rates(state: State, fixture: Fixture, home: Side, away: Side) -> list[float]:
    if state.n < BASE_RATE_MATCHES:
        return [NAN, NAN, NAN]
    return [state.home_wins / state.n, state.draws / state.n, state.goals / state.n]


def _market(state: State, fixture: Fixture, home: Side, away: Side) -> list[float]:
    return [*fixture.market, fixture.overround]


GROUPS = (_ratings, _form, _rest, _season, _head_to_head, _base_rates, _market)


class SoccerFold:
    """``State`` that also bears corrected and withdrawn results."""

    def __init__(self) -> None:
        self._state = State()
        self._known: dict[int, Match] = {}  # event -> its latest version
        self._place: dict[int, tuple[int, int, int]] = {}
        self._is_current = True

    def learn(self, match: Match) -> None:
        self._known[match.event_id] = match
        if match.event_id in self._place:
            self._is_current = False
        elif match.is_final:
            place = (match.known_at, match.starts_at, match.event_id)
            self._is_current &= all(place > other for other in list(self._place.values())[-1:])
            self._place[match.event_id] = place
            if self._is_current:
                self._state.learn(match)

    def values(self, fixture: Fixture) -> list[float]:
        if not self._is_current:
            self._fold_anew()
        home = self._state.side(fixture.home_id, fixture.season_id)
        away = self._state.side(fixture.away_id, fixture.season_id)
        return [value for values in GROUPS for value in values(self._state, fixture, home, away)]

    def _fold_anew(self) -> None:
        self._state, self._is_current = State(), True
        for event in sorted(self._place, key=lambda e: self._place[e]):
            if self._known[event].is_final:
                self._state.learn(self._known[event])


def unfold(*, history: Iterable[Match], fixtures: Sequence[Fixture]) -> list[list[float]]:
    """Return each fixture's values, in the fixtures' order, by one pass over the history.

    A fixture sees exactly the result versions with ``known_at <= as_of``.
    """
    versions = sorted(history, key=lambda m: (m.known_at, m.starts_at, m.event_id, m.version))
    order = sorted(range(len(fixtures)), key=lambda i: fixtures[i].as_of)
    folds: dict[int, SoccerFold] = {}
    rows: list[list[float]] = [[]] * len(fixtures)
    learned = 0
    for index in order:
        fixture = fixtures[index]
        while learned < len(versions) and versions[learned].known_at <= fixture.as_of:
            match = versions[learned]
            fold = folds.get(match.competition_id)
            if fold is None:
                fold = folds[match.competition_id] = SoccerFold()
            fold.learn(match)
            learned += 1
        fold = folds.get(fixture.competition_id)
        if fold is None:
            fold = folds[fixture.competition_id] = SoccerFold()
        rows[index] = fold.values(fixture)
    return rows


def matches_of(facts: Facts) -> list[Match]:
    """Return the results of facts; a match has started when it was first known to have ended."""
    f, r = facts.fixtures, facts.results
    found, starts = [], {}
    for row in range(len(r.event)):
        event, known = int(r.event[row]), int(r.known_at[row])
        planned = [i for i in range(len(f.event)) if f.event[i] == event and f.known_at[i] <= known]
        last = max(planned, key=lambda i: (f.known_at[i], i))
        starts.setdefault(event, int(f.starts_at[last]))
        found.append(
            Match(
                event, int(f.competition[last]), int(f.season_rank[last]), int(f.home[last]),
                int(f.away[last]), starts[event], known, int(r.version[row]),
                bool(r.is_final[row]), int(r.home_score[row]), int(r.away_score[row]),
            )
        )  # fmt: skip
    return found


def fixtures_of(facts: Facts, asks: Asks) -> list[Fixture]:
    """Return the asked fixtures as planned at each ask's moment, without a market."""
    f = facts.fixtures
    found = []
    for event, as_of in zip(asks.event.tolist(), asks.as_of.tolist(), strict=True):
        planned = [i for i in range(len(f.event)) if f.event[i] == event and f.known_at[i] <= as_of]
        last = max(planned, key=lambda i: (f.known_at[i], i))
        found.append(
            Fixture(
                event, int(f.competition[last]), int(f.season_rank[last]), int(f.home[last]),
                int(f.away[last]), int(f.starts_at[last]), as_of,
            )
        )  # fmt: skip
    return found
