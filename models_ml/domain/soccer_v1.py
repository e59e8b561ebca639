"""The feature set ``soccer_v1``: ratings, form, rest, meetings, expected goals and the market.

Everything from results is of the same competition.  What is not known is NaN: a side's first
match, a window that is not full yet, a market without a reference.
"""

from collections.abc import Iterable

import numpy as np

from models_ml.domain import sports, strengths
from models_ml.domain.arrays import Floats
from models_ml.domain.asof import NAN, Appearances
from models_ml.domain.features import DAY, Feature
from models_ml.domain.rule_flags import FLAGS
from models_ml.domain.sports import (
    AFTER,
    BEFORE,
    FIXTURES,
    HOUR,
    LIST,
    MARKET,
    RESULTS,
    RULE,
    RULES,
    SEEN,
    SOCCER,
    Group,
)  # fmt: skip
from models_ml.domain.world import World

REST_CAP = 30.0
SHORT, LONG, MEETINGS = 5, 10, 4
BASE_RATE_MATCHES = SOCCER.minimum


def _ratings(asked: World) -> list[Floats]:
    home, away, expected = sports.ratings(asked, SOCCER)
    return [home, away, home - away, expected]


def _form(asked: World) -> list[Floats]:
    def means(of: Appearances, side: int, *sizes: int) -> list[Floats]:
        seen = asked.both_seen[side] if of is asked.both else asked.sides(of)[side]
        return [
            seen.mean(name, size) for size in sizes for name in ("points", "scored", "conceded")
        ]

    return [
        *means(asked.both, 0, SHORT, LONG),
        *means(asked.both, 1, SHORT, LONG),
        *means(asked.at_home, 0, SHORT),
        *means(asked.away, 1, SHORT),
    ]


def _rest(asked: World) -> list[Floats]:
    found = []
    for seen in asked.both_seen:
        gap = (asked.asked.starts_at - seen.latest("starts_at", NAN)) / DAY
        gap = gap * asked.fixture("time_scale")
        found.append(np.minimum(REST_CAP, np.maximum(0.0, gap)))
    return sports.differences(*found)


def _season(asked: World) -> list[Floats]:
    found = []
    for side in (asked.asked.home, asked.asked.away):
        keys = asked.season_key(side, asked.asked.season)
        seen = asked.in_season.before(keys=keys, positions=asked.position)
        found.append(seen.count.astype(np.float64))
    return found


def _meetings(asked: World) -> list[Floats]:
    met = asked.met()
    is_low = asked.asked.home < asked.asked.away
    points = np.where(
        is_low, met.mean_of_up_to("points", MEETINGS), met.mean_of_up_to("other_points", MEETINGS)
    )
    margin = met.mean_of_up_to("margin", MEETINGS)
    count = np.minimum(met.count, MEETINGS).astype(np.float64)
    return [count, points, np.where(is_low, margin, 0.0 - margin)]


def _base_rates(asked: World) -> list[Floats]:
    seen = asked.unit_seen
    enough = seen.count >= BASE_RATE_MATCHES
    n = np.maximum(seen.count, 1)
    return [np.where(enough, seen.total(name) / n, NAN) for name in ("home_wins", "draws", "total")]


def _market(asked: World) -> list[Floats]:
    reference = asked.reference("MATCH_ODDS")
    return [*reference.probability.T, reference.overround]


def _goals(asked: World) -> list[Floats]:
    home, away = sports.expected_goals(asked, SOCCER)
    return [home, away, home - away, *strengths.outcomes(home, away)]


def _beginnings(asked: World) -> list[Floats]:
    schedule, a = asked.ground.schedule, asked.asked
    return [
        *asked.is_newcomer(),
        *[schedule.starts_within(asked=a, side=side, days=14) for side in (a.home, a.away)],
        asked.fixture("is_neutral").astype(np.float64),
    ]


def _rules(asked: World) -> list[Floats]:
    a = asked.asked
    return [FLAGS["closed_doors"].at(starts_at=a.starts_at, as_of=a.as_of)]


def _moves(asked: World) -> list[Floats]:
    reference = asked.reference("MATCH_ODDS")
    age = (asked.asked.as_of - reference.changed_at) / HOUR * asked.fixture("time_scale")
    return [reference.probability[:, 0] - reference.opening[:, 0], age]


def _lines(asked: World) -> list[Floats]:
    total, handicap = asked.reference("TOTAL"), asked.reference("ASIAN_HANDICAP")
    return [total.line, total.probability[:, 0], handicap.line, handicap.probability[:, 0]]


def _results(*rows: tuple[str, str, str]) -> tuple[Feature, ...]:
    return sports.told(RESULTS, AFTER, *rows)


def _windows(who: str, which: str, size: int, name: str) -> Iterable[tuple[str, str, str]]:
    over = f"{who} side's mean over its last {size} {which}; null before it has {size}"
    yield f"{name}_points_{size}", f"Points: {over}", "points per match"
    yield f"{name}_goals_for_{size}", f"Goals scored: {over}", "goals per match"
    yield f"{name}_goals_against_{size}", f"Goals conceded: {over}", "goals per match"


GROUPS = (
    Group(
        _results(
            ("elo_home", "Elo rating of the home side", "rating points"),
            ("elo_away", "Elo rating of the away side", "rating points"),
            ("elo_difference", "elo_home - elo_away, without home advantage", "rating points"),
            ("elo_expectation", "Home side's expected score by Elo", "P(win) + P(draw)/2"),
        ),
        _ratings,
    ),
    Group(
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
    Group(
        sports.told(
            RESULTS,
            BEFORE,
            ("rest_home", f"Since the home side's last start here, at most {REST_CAP:g}", "days"),
            ("rest_away", f"Since the away side's last start here, at most {REST_CAP:g}", "days"),
            ("rest_difference", "rest_home - rest_away", "days"),
        ),
        _rest,
    ),
    Group(
        _results(
            ("played_home", "Matches of the home side this season", "matches"),
            ("played_away", "Matches of the away side this season", "matches"),
        ),
        _season,
    ),
    Group(
        _results(
            ("meetings", f"Earlier meetings used, at most {MEETINGS}", "matches"),
            ("meetings_points", "Home side's mean points in them", "points per match"),
            ("meetings_margin", "Home side's mean goal difference in them", "goals per match"),
        ),
        _meetings,
    ),
    Group(
        _results(
            ("rate_home", f"Home wins here; null under {BASE_RATE_MATCHES} matches", "share"),
            ("rate_draw", f"Draws here; null under {BASE_RATE_MATCHES} matches", "share"),
            ("rate_goals", f"Goals here; null under {BASE_RATE_MATCHES} matches", "per match"),
        ),
        _base_rates,
    ),
    Group(
        sports.told(
            MARKET,
            SEEN,
            ("market_home", "P(home) of the reference", "probability"),
            ("market_draw", "P(draw) of the reference", "probability"),
            ("market_away", "P(away) of the reference", "probability"),
            ("market_overround", "Sum of 1/price, less 1", "share"),
        ),
        _market,
    ),
    Group(
        _results(
            ("goals_home", "Goals expected of the home side by attack and defence", "goals"),
            ("goals_away", "Goals expected of the away side by attack and defence", "goals"),
            ("goals_difference", "goals_home - goals_away", "goals"),
            ("poisson_home", "P(home) where both score so by Poisson", "probability"),
            ("poisson_draw", "P(draw) where both score so by Poisson", "probability"),
            ("poisson_away", "P(away) where both score so by Poisson", "probability"),
        ),
        _goals,
    ),
    Group(
        (
            *_results(
                ("newcomer_home", "1: home side not seen here before, others were", "flag"),
                ("newcomer_away", "1: away side not seen here before, others were", "flag"),
            ),
            *sports.told(
                FIXTURES,
                LIST,
                ("starts_14d_home", "The home side's starts here, last 14 days", "matches"),
                ("starts_14d_away", "The away side's starts here, last 14 days", "matches"),
                ("is_neutral", "1: nobody plays at home", "flag"),
            ),
        ),
        _beginnings,
    ),
    Group(
        sports.told(
            RULES,
            RULE,
            ("flag_closed_doors", "1: played without spectators", "flag"),
        ),
        _rules,
    ),
    Group(
        sports.told(
            MARKET,
            SEEN,
            ("market_move_home", "market_home less what the same books said first", "probability"),
            ("market_age", "Since the reference last moved", "hours"),
        ),
        _moves,
    ),
    Group(
        sports.told(
            MARKET,
            SEEN,
            ("total_line", "Goals at which the total is balanced", "goals"),
            ("total_over", "P(over | not refunded) at that line", "probability"),
            ("handicap_line", "Goals given to the home side", "goals"),
            ("handicap_home", "P(home | not refunded) at that line", "probability"),
        ),
        _lines,
    ),
)

SOCCER_V1 = sports.feature_set(
    name="soccer_v1",
    sport="soccer",
    groups=GROUPS,
    starts={
        "market": ("market_home", "market_draw", "market_away"),
        "expectation": ("elo_expectation",),
        "draw_rate": ("rate_draw",),
        "poisson": ("poisson_home", "poisson_draw", "poisson_away"),
    },
    needed=("market_home", "rest_home", "rest_away"),
)
