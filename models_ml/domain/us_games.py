"""Columns that American football and basketball share."""

from collections.abc import Iterable, Mapping

import numpy as np

from models_ml.domain import sports
from models_ml.domain.arrays import Bools, Floats, Ints
from models_ml.domain.asof import NAN
from models_ml.domain.features import Feature
from models_ml.domain.sports import (
    AFTER,
    BEFORE,
    FIXTURES,
    LIST,
    MARKET,
    NOTICES,
    RESULTS,
    SEEN,
    TOLD,
    Sport,
)
from models_ml.domain.us_places import Homes, Place
from models_ml.domain.world import World

MEETINGS = 4
SIDES = ("home", "away")
Row = tuple[str, str, str]


def rated(*rows: Row) -> tuple[Feature, ...]:
    return sports.told(RESULTS, AFTER, *rows)


def both_sides(name: str, meaning: str, unit: str) -> Iterable[Row]:
    """Return a row for each side; ``{side}`` in the meaning names it."""
    for side in SIDES:
        yield f"{name}_{side}", meaning.format(side=side), unit


def rating_features() -> tuple[Feature, ...]:
    return rated(
        ("elo_home", "Elo rating of the home side", "rating points"),
        ("elo_away", "Elo rating of the away side", "rating points"),
        ("elo_difference", "elo_home - elo_away, without home advantage", "rating points"),
        ("elo_expectation", "Home side's expected score by Elo", "P(win)"),
        ("expected_margin", "Home side's margin by what both score and allow", "points"),
        ("expected_total", "Points of both by what both score and allow", "points"),
    )


def ratings(asked: World, sport: Sport) -> list[Floats]:
    home, away, expected = sports.ratings(asked, sport)
    ours, theirs = sports.expected_points(asked, sport)
    return [home, away, home - away, expected, ours - theirs, ours + theirs]


def form_features(sizes: tuple[int, ...]) -> tuple[Feature, ...]:
    rows: list[Row] = []
    for side in SIDES:
        for size in sizes:
            over = f"{side} side's mean over its last {size} games; null before it has {size}"
            rows += [
                (f"{side}_margin_{size}", f"Margin: {over}", "points per game"),
                (f"{side}_for_{size}", f"Points scored: {over}", "points per game"),
                (f"{side}_against_{size}", f"Points allowed: {over}", "points per game"),
            ]
    for side in SIDES:
        share = f"Games won of the {side} side's last {sizes[-1]}, a tie as half"
        rows.append((f"{side}_wins_{sizes[-1]}", share, "share"))
    return rated(*rows)


def form(asked: World, sizes: tuple[int, ...]) -> list[Floats]:
    found = [
        seen.mean(name, size)
        for seen in asked.both_seen
        for size in sizes
        for name in ("margin", "scored", "conceded")
    ]
    return found + [seen.mean("halves", sizes[-1]) / 2.0 for seen in asked.both_seen]


def rest_features() -> tuple[Feature, ...]:
    return sports.told(
        FIXTURES,
        LIST,
        *both_sides("rest", "Days since the {side} side's last planned start, at most 30", "days"),
        ("rest_difference", "rest_home - rest_away", "days"),
    )


def rests(asked: World) -> tuple[Floats, Floats]:
    schedule, a = asked.ground.schedule, asked.asked
    home, away = (
        schedule.days_of_rest(asked=a, side=side, by_day=True) for side in (a.home, a.away)
    )
    return home, away


def starts_within(asked: World, days: int) -> tuple[Floats, Floats]:
    schedule, a = asked.ground.schedule, asked.asked
    home, away = (
        schedule.starts_within(asked=a, side=side, days=days) for side in (a.home, a.away)
    )
    return home, away


def where(flags: Bools, values: Floats) -> Floats:
    """Return a condition as 1 and 0, NaN where what it is about is not known."""
    return np.where(np.isnan(values), NAN, flags.astype(np.float64))


def season_features() -> tuple[Feature, ...]:
    return (
        *rated(*both_sides("played", "Games of the {side} side this season", "games")),
        *rated(
            ("meetings", f"Earlier meetings used, at most {MEETINGS}", "games"),
            ("meetings_margin", "Home side's mean margin in them", "points per game"),
        ),
    )


def season(asked: World) -> list[Floats]:
    played = []
    for side in (asked.asked.home, asked.asked.away):
        keys = asked.season_key(side, asked.asked.season)
        seen = asked.in_season.before(keys=keys, positions=asked.position)
        played.append(seen.count.astype(np.float64))
    met = asked.met()
    margin = met.mean_of_up_to("margin", MEETINGS)
    is_low = asked.asked.home < asked.asked.away
    count = np.minimum(met.count, MEETINGS).astype(np.float64)
    return [*played, count, np.where(is_low, margin, 0.0 - margin)]


def travel_features() -> tuple[Feature, ...]:
    return sports.told(
        "homes of the teams",
        BEFORE,
        ("travel_km_away", "Away side's way from its home; null if neutral", "km"),
        ("zones_east_away", "Zones that the away side went east; null if neutral", "hours"),
    )


def homes_of(asked: World, places: Mapping[str, Place]) -> tuple[Homes, Ints, Ints]:
    """Return the homes of the asked sides at the time."""
    homes = Homes(places, asked.ground.facts.names)
    days = asked.fixture("local_day")
    teams = [asked.fixture(side) for side in SIDES]
    at_home, away = (homes.of(teams=team, days=days) for team in teams)
    return homes, at_home, away


def travel(asked: World, homes: Homes, at_home: Ints, away: Ints) -> list[Floats]:
    neutral = asked.fixture("is_neutral") == 1
    ways = (
        homes.distances(away, at_home),
        homes.zones_east(away, at_home),
    )
    return [np.where(neutral, NAN, way) for way in ways]


def absence_features() -> tuple[Feature, ...]:
    return sports.told(
        NOTICES,
        TOLD,
        *both_sides("injuries_out", "Persons of the {side} side told to be out", "persons"),
        ("lineup_known", "1: somebody has told a line-up of this game", "flag"),
    )


def absences(asked: World) -> list[Floats]:
    told, a = asked.ground.told, asked.asked
    out = [told.out(sides=asked.fixture(side), as_of=a.as_of) for side in SIDES]
    return [*out, told.is_told(kind="LINEUP", events=a.event, as_of=a.as_of)]


def rate_features(window: int) -> tuple[Feature, ...]:
    return rated(
        ("rate_home", f"Home wins of the last {window} games here", "share"),
        ("rate_total", f"Points of both in the last {window} games here", "points per game"),
    )


def rates(asked: World, sport: Sport) -> list[Floats]:
    seen = asked.unit_seen
    return [
        np.where(seen.count >= sport.minimum, seen.mean_of_up_to(name, sport.base_window), NAN)
        for name in ("home_wins", "total")
    ]


def market_features() -> tuple[Feature, ...]:
    return sports.told(
        MARKET,
        SEEN,
        ("market_home", "P(home) of the reference", "probability"),
        ("market_away", "P(away) of the reference", "probability"),
        ("market_overround", "Sum of 1/price, less 1", "share"),
        ("market_move", "market_home less what the same books said first", "probability"),
        ("spread_line", "Points given to the home side", "points"),
        ("spread_home", "P(home | not refunded) at that line", "probability"),
        ("total_line", "Points at which the total is balanced", "points"),
        ("total_over", "P(over | not refunded) at that line", "probability"),
    )


def market(asked: World, fallback: tuple[str, ...]) -> list[Floats]:
    head, spread, total = (
        asked.reference(kind, fallback) for kind in ("MONEYLINE", "SPREAD", "TOTAL")
    )
    return [
        *head.probability.T,
        head.overround,
        head.probability[:, 0] - head.opening[:, 0],
        spread.line,
        spread.probability[:, 0],
        total.line,
        total.probability[:, 0],
    ]
