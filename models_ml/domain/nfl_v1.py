"""The feature set ``nfl_v1``: ratings, form, rest, travel, rules, news and the market.

Before 2024 no price is known before the start: then the market's columns are NaN and an
estimator begins with the ratings.
"""

import numpy as np

from models_ml.domain import sports, us_games, us_places
from models_ml.domain.arrays import Floats
from models_ml.domain.rule_flags import FLAGS
from models_ml.domain.sports import FIXTURES, LIST, NFL, NOTICES, RULE, RULES, TOLD, Group
from models_ml.domain.us_games import where
from models_ml.domain.world import World

SIZES = (4, 8)
SHORT_WEEK, BYE = 5, 12  # days
FALLBACK = ("action_consensus",)
FLAG_CODES = ("kickoff_2024", "extra_point_2015", "season_17")


def _rest(asked: World) -> list[Floats]:
    home, away = us_games.rests(asked)
    return [
        *sports.differences(home, away),
        *[where(rest <= SHORT_WEEK, rest) for rest in (home, away)],
        *[where(rest >= BYE, rest) for rest in (home, away)],
    ]


def _season(asked: World) -> list[Floats]:
    week = asked.fixture("round").astype(np.float64)
    return [
        *us_games.season(asked),
        np.where(week >= 0, week, np.nan),
        asked.attribute("is_playoff"),
    ]


def _place(asked: World) -> list[Floats]:
    homes, at_home, away = us_games.homes_of(asked, us_places.NFL)
    return [
        homes.same_division(at_home, away),
        *us_games.travel(asked, homes, at_home, away),
        (asked.fixture("is_neutral") == 1).astype(np.float64),
        *[asked.attribute(name) for name in ("is_dome", "is_retractable", "is_grass")],
    ]


def _news(asked: World) -> list[Floats]:
    told, a = asked.ground.told, asked.asked
    weather = [
        told.value(kind="WEATHER", status=status, events=a.event, as_of=a.as_of)
        for status in ("temperature", "wind")
    ]
    share = told.value(kind="PUBLIC_SHARE", status="tickets", events=a.event, as_of=a.as_of)
    return [*us_games.absences(asked), *weather, share]


def _rules(asked: World) -> list[Floats]:
    a = asked.asked
    return [FLAGS[code].at(starts_at=a.starts_at, as_of=a.as_of) for code in FLAG_CODES]


GROUPS = (
    Group(us_games.rating_features(), lambda asked: us_games.ratings(asked, NFL)),
    Group(us_games.form_features(SIZES), lambda asked: us_games.form(asked, SIZES)),
    Group(
        (
            *us_games.rest_features(),
            *sports.told(
                FIXTURES,
                LIST,
                *us_games.both_sides(
                    "short_week", f"1: at most {SHORT_WEEK} days of rest, {{side}} side", "flag"
                ),
                *us_games.both_sides(
                    "bye", f"1: at least {BYE} days of rest, {{side}} side", "flag"
                ),
            ),
        ),
        _rest,
    ),
    Group(
        (
            *us_games.season_features(),
            *sports.told(
                FIXTURES,
                LIST,
                ("week", "Week of the season", "weeks"),
                ("is_playoff", "1: after the regular season", "flag"),
            ),
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
                ("is_neutral", "1: nobody plays at home", "flag"),
                ("is_dome", "1: under a fixed roof", "flag"),
                ("is_retractable", "1: under a roof that opens", "flag"),
                ("is_grass", "1: on natural grass", "flag"),
            ),
        ),
        _place,
    ),
    Group(
        (
            *us_games.absence_features(),
            *sports.told(
                NOTICES,
                TOLD,
                ("temperature", "Temperature that is forecast", "as the source tells"),
                ("wind", "Wind that is forecast", "as the source tells"),
                ("public_home", "Share of the spread's bets on the home side", "share"),
            ),
        ),
        _news,
    ),
    Group(us_games.rate_features(NFL.base_window), lambda asked: us_games.rates(asked, NFL)),
    Group(
        sports.told(
            RULES, RULE, *[(f"flag_{c}", f"1: {FLAGS[c].title}", "flag") for c in FLAG_CODES]
        ),
        _rules,
    ),
    Group(us_games.market_features(), lambda asked: us_games.market(asked, FALLBACK)),
)

NFL_V1 = sports.feature_set(
    name="nfl_v1",
    sport="american_football",
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
