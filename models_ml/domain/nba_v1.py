"""The feature set ``nba_v1``: ratings, form, how much both have played lately, and the market."""

import numpy as np

from models_ml.domain import sports, us_games, us_places
from models_ml.domain.arrays import Floats
from models_ml.domain.sports import FIXTURES, LIST, NBA, Group
from models_ml.domain.us_games import where
from models_ml.domain.world import World

SIZES = (5, 10, 20)
SEASON_GAMES = 82.0


def _rest(asked: World) -> list[Floats]:
    home, away = us_games.rests(asked)
    lately = us_games.starts_within(asked, 3)
    return [
        *sports.differences(home, away),
        *[where(rest <= 1, rest) for rest in (home, away)],
        *[(count >= 2).astype(np.float64) for count in lately],
        *us_games.starts_within(asked, 7),
    ]


def _streaks(asked: World) -> list[Floats]:
    return [seen.streak("margin").astype(np.float64) for seen in asked.both_seen]


def _season(asked: World) -> list[Floats]:
    columns = us_games.season(asked)
    return [*columns, asked.attribute("is_playoff"), (columns[0] + columns[1]) / 2 / SEASON_GAMES]


def _place(asked: World) -> list[Floats]:
    homes, at_home, away = us_games.homes_of(asked, us_places.NBA)
    neutral = asked.fixture("is_neutral") == 1
    return [
        homes.same_division(at_home, away),
        *us_games.travel(asked, homes, at_home, away),
        np.where(neutral, np.nan, homes.climb(away, at_home)),
        neutral.astype(np.float64),
    ]


GROUPS = (
    Group(us_games.rating_features(), lambda asked: us_games.ratings(asked, NBA)),
    Group(us_games.form_features(SIZES), lambda asked: us_games.form(asked, SIZES)),
    Group(
        us_games.rated(
            *us_games.both_sides("streak", "{side} side's wins in a row, losses below 0", "games")
        ),
        _streaks,
    ),
    Group(
        (
            *us_games.rest_features(),
            *sports.told(
                FIXTURES,
                LIST,
                *us_games.both_sides("back_to_back", "1: the {side} side played yesterday", "flag"),
                *us_games.both_sides(
                    "third_in_four", "1: third game in four days of the {side} side", "flag"
                ),
                *us_games.both_sides(
                    "games_7d", "Starts of the {side} side in the 7 days before", "games"
                ),
            ),
        ),
        _rest,
    ),
    Group(
        (
            *us_games.season_features(),
            *sports.told(FIXTURES, LIST, ("is_playoff", "1: after the regular season", "flag")),
            *us_games.rated(("season_share", "Share of the season that both have played", "share")),
        ),
        _season,
    ),
    Group(
        (
            *sports.told(FIXTURES, LIST, ("is_division", "1: both are of one division", "flag")),
            *us_games.travel_features(),
            *sports.told(
                FIXTURES,
                LIST,
                ("altitude_away", "How far the away side came up from its home", "metres"),
                ("is_neutral", "1: nobody plays at home", "flag"),
            ),
        ),
        _place,
    ),
    Group(us_games.absence_features(), us_games.absences),
    Group(us_games.rate_features(NBA.base_window), lambda asked: us_games.rates(asked, NBA)),
    Group(us_games.market_features(), lambda asked: us_games.market(asked, ())),
)

NBA_V1 = sports.feature_set(
    name="nba_v1",
    sport="basketball",
    groups=GROUPS,
    starts={
        "market": ("market_home", "market_away"),
        "expectation": ("elo_expectation",),
        "margin": ("expected_margin",),
        "total": ("expected_total",),
        "spread": ("spread_line", "spread_home"),
        "total_market": ("total_line", "total_over"),
    },
    needed=("market_home", "rest_home", "rest_away"),
)
