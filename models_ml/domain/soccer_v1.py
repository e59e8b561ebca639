"""The feature set ``soccer_v1``: ratings, form, rest, meetings and the market.

Everything but the market comes from results of the same competition.  What is not known is
NaN: a side's first match, a window that is not full yet, a market without a reference.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from models_ml.domain import elo
from models_ml.domain.features import NAN, Feature, FeatureSet, Fixture, Match

DAY = 86_400_000_000  # microseconds
REST_CAP = 30.0
SHORT, LONG, MEETINGS = 5, 10, 4
BASE_RATE_MATCHES = 30
RESULTS, MARKET = "results of the competition", "reference prices, margin removed"
AFTER = "when the result of each match used is known"
BEFORE = "at once: fixture list and earlier results"
SEEN = "when the prices were seen, at or before as_of"

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


Values = Callable[[State, Fixture, Side, Side], list[float]]


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


def _results(*rows: tuple[str, str, str], known_at: str = AFTER) -> tuple[Feature, ...]:
    return tuple(Feature(name, text, unit, RESULTS, known_at) for name, text, unit in rows)


def _windows(who: str, which: str, size: int, name: str) -> Iterable[tuple[str, str, str]]:
    over = f"{who} side's mean over its last {size} {which}; null before it has {size}"
    yield f"{name}_points_{size}", f"Points: {over}", "points per match"
    yield f"{name}_goals_for_{size}", f"Goals scored: {over}", "goals per match"
    yield f"{name}_goals_against_{size}", f"Goals conceded: {over}", "goals per match"


GROUPS: tuple[tuple[tuple[Feature, ...], Values], ...] = (
    (
        _results(
            ("elo_home", "Elo rating of the home side", "rating points"),
            ("elo_away", "Elo rating of the away side", "rating points"),
            ("elo_difference", "elo_home - elo_away, without home advantage", "rating points"),
            ("elo_expectation", "Home side's expected score by Elo", "P(win) + P(draw)/2"),
        ),
        _ratings,
    ),
    (
        _results(
            *_windows("home", "matches", SHORT, "home"),
            *_windows("home", "matches", LONG, "home"),
            *_windows("away", "matches", SHORT, "away"),
            *_windows("away", "matches", LONG, "away"),
            *_windows("home", "home matches", SHORT, "home_at_home"),
            *_windows("away", "away matches", SHORT, "away_away"),
        ),
        _form,
    ),
    (
        _results(
            ("rest_home", f"Since the home side's last start here, at most {REST_CAP:g}", "days"),
            ("rest_away", f"Since the away side's last start here, at most {REST_CAP:g}", "days"),
            ("rest_difference", "rest_home - rest_away", "days"),
            known_at=BEFORE,
        ),
        _rest,
    ),
    (
        _results(
            ("played_home", "Matches of the home side this season", "matches"),
            ("played_away", "Matches of the away side this season", "matches"),
        ),
        _season,
    ),
    (
        _results(
            ("meetings", f"Earlier meetings used, at most {MEETINGS}", "matches"),
            ("meetings_points", "Home side's mean points in them", "points per match"),
            ("meetings_margin", "Home side's mean goal difference in them", "goals per match"),
        ),
        _head_to_head,
    ),
    (
        _results(
            ("rate_home", f"Home wins here; null under {BASE_RATE_MATCHES} matches", "share"),
            ("rate_draw", f"Draws here; null under {BASE_RATE_MATCHES} matches", "share"),
            ("rate_goals", f"Goals here; null under {BASE_RATE_MATCHES} matches", "per match"),
        ),
        _base_rates,
    ),
    (
        (
            Feature("market_home", "P(home) of the reference", "probability", MARKET, SEEN),
            Feature("market_draw", "P(draw) of the reference", "probability", MARKET, SEEN),
            Feature("market_away", "P(away) of the reference", "probability", MARKET, SEEN),
            Feature("market_overround", "Sum of 1/price, less 1", "share", MARKET, SEEN),
        ),
        _market,
    ),
)


class SoccerFold:
    """``State`` that also bears late, corrected and withdrawn results.

    Results are folded in order of start.  One that arrives in that order costs one step; any
    other marks the state as out of date, and it is folded anew when next asked.
    """

    def __init__(self) -> None:
        self._state = State()
        self._known: dict[int, Match] = {}  # event -> its latest version
        self._last: tuple[int, int] = (-(2**63), 0)
        self._is_current = True

    def learn(self, match: Match) -> None:
        earlier = self._known.get(match.event_id)
        self._known[match.event_id] = match
        place = (match.starts_at, match.event_id)
        if earlier is None and not match.is_final:
            return
        if earlier is None and self._is_current and place > self._last:
            self._state.learn(match)
            self._last = place
        else:
            self._is_current = False

    def values(self, fixture: Fixture) -> list[float]:
        if not self._is_current:
            self._fold_anew()
        home = self._state.side(fixture.home_id, fixture.season_id)
        away = self._state.side(fixture.away_id, fixture.season_id)
        return [value for _, values in GROUPS for value in values(self._state, fixture, home, away)]

    def _fold_anew(self) -> None:
        self._state, self._is_current = State(), True
        final = [match for match in self._known.values() if match.is_final]
        for match in sorted(final, key=lambda m: (m.starts_at, m.event_id)):
            self._state.learn(match)
            self._last = (match.starts_at, match.event_id)


FEATURES = tuple(feature for features, _ in GROUPS for feature in features)
_AT = {feature.name: index for index, feature in enumerate(FEATURES)}

SOCCER_V1 = FeatureSet(
    name="soccer_v1",
    sport="soccer",
    features=FEATURES,
    fold=SoccerFold,
    market=(_AT["market_home"], _AT["market_draw"], _AT["market_away"]),
    expectation=_AT["elo_expectation"],
    draw_rate=_AT["rate_draw"],
    needed=tuple(_AT[n] for n in ("market_home", "rest_home", "rest_away")),
)
