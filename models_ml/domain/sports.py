"""What the sports have in common and where they differ: how ratings move, what is told of columns.

A ``Group`` is a run of columns with the function that computes them; a feature set is groups.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from models_ml.domain import asof, elo, world
from models_ml.domain.arrays import Floats
from models_ml.domain.facts import Asks, Facts
from models_ml.domain.features import Feature, FeatureSet
from models_ml.domain.strengths import GoalRules, PointRules
from models_ml.domain.world import Learner, World

HOUR = 3_600_000_000
RESULTS, MARKET = "results of the competition", "reference prices, margin removed"
FIXTURES, NOTICES, RULES = "fixture list", "notices around the event", "rules of the game"
AFTER = "when the result of each match used is known"
BEFORE = "at once: fixture list and earlier results"
LIST = "with the fixture list as planned at as_of"
SEEN = "when the prices were seen, at or before as_of"
TOLD = "when the notice was told, at or before as_of"
RULE = "when the rule was announced"

Columns = Callable[[World], Sequence[Floats]]


@dataclass(frozen=True, slots=True)
class Group:
    features: tuple[Feature, ...]
    columns: Columns


@dataclass(frozen=True, slots=True)
class Sport:
    """How ratings and strengths of a sport move."""

    elo: elo.Rules
    goals: GoalRules
    points: PointRules
    base_window: int = 256  # matches that a competition's mean points are of
    minimum: int = 30  # matches before a competition's own rates are told


SOCCER = Sport(
    elo=elo.Rules(),
    goals=GoalRules(),
    points=PointRules(learning=0.05, home=0.2, base=1.35, carry_over=0.75),
)
NFL = Sport(
    elo=elo.Rules(
        k=20.0, home_advantage=48.0, carry_over=0.67, newcomer=elo.MEAN,
        weights=elo.weights_of_points,
    ),
    goals=GoalRules(),
    points=PointRules(learning=0.06, home=1.0, base=22.0, carry_over=0.67),
)  # fmt: skip
NBA = Sport(
    elo=elo.Rules(
        k=12.0, home_advantage=70.0, carry_over=0.75, newcomer=elo.MEAN,
        weights=elo.weights_of_points,
    ),
    goals=GoalRules(),
    points=PointRules(learning=0.05, home=1.3, base=105.0, carry_over=0.75),
)  # fmt: skip


def told(source: str, known_at: str, *rows: tuple[str, str, str]) -> tuple[Feature, ...]:
    """Return features of one source out of (name, meaning, unit)."""
    return tuple(Feature(name, text, unit, source, known_at) for name, text, unit in rows)


def feature_set(
    *,
    name: str,
    sport: str,
    groups: Sequence[Group],
    starts: dict[str, tuple[str, ...]],
    needed: Iterable[str],
    grain: str = "MATCH",
    unit: str = "competition",
) -> FeatureSet:
    """Return a set out of its groups, in their order."""
    features = tuple(feature for group in groups for feature in group.features)
    at = {feature.name: number for number, feature in enumerate(features)}

    def columns(asked: World) -> list[Floats]:
        return [column for group in groups for column in group.columns(asked)]

    def compute(facts: Facts, asks: Asks) -> Floats:
        return world.answered(
            facts=facts, asks=asks, unit=unit, width=len(features), columns=columns
        )

    return FeatureSet(
        name=name,
        sport=sport,
        features=features,
        compute=compute,
        starts={start: tuple(at[n] for n in names) for start, names in starts.items()},
        needed=tuple(at[n] for n in needed),
        grain=grain,
        unit=unit,
    )


def ratings(asked: World, sport: Sport) -> tuple[Floats, Floats, Floats]:
    """Return home's and away's Elo rating and home's expected score."""
    rules, s = sport.elo, asked.stream
    learner = Learner("elo", (elo.MEAN,), (rules.newcomer,), rules.carried, rules.step)
    neutral = asked.ground.facts.fixtures.is_neutral == 1
    after = asked.learned(
        learner,
        [np.where(neutral[s.row], 0.0, rules.home_advantage), s.home_score - s.away_score],
    )
    home, away = (state[0] for state in asked.states(learner, after))
    advantage = np.where(asked.fixture("is_neutral") == 1, 0.0, rules.home_advantage)
    return home, away, elo.expectations(home, away, advantage)


def expected_goals(asked: World, sport: Sport) -> tuple[Floats, Floats]:
    """Return the goals expected of home and away."""
    rules = sport.goals
    learner = Learner("goals", rules.mean, rules.newcomer, rules.carried, rules.step)
    after = asked.learned(learner, [asked.stream.home_score, asked.stream.away_score])
    return rules.expected(*asked.states(learner, after))


def expected_points(asked: World, sport: Sport) -> tuple[Floats, Floats]:
    """Return the points expected of home and away."""
    rules, s = sport.points, asked.stream
    learner = Learner("points", rules.mean, rules.newcomer, rules.carried, rules.step)
    places = np.arange(len(s.place))
    seen = asked.in_unit.before(keys=s.unit, positions=places)
    neutral = asked.ground.facts.fixtures.is_neutral == 1
    after = asked.learned(
        learner,
        [
            s.home_score, s.away_score, _base(seen, sport),
            np.where(neutral[s.row], 0.0, rules.home),
        ],
    )  # fmt: skip
    advantage = np.where(asked.fixture("is_neutral") == 1, 0.0, rules.home)
    home, away = asked.states(learner, after)
    return rules.expected(home, away, _base(asked.unit_seen, sport), advantage)


def _base(seen: asof.Seen, sport: Sport) -> Floats:
    """Return the mean points of a side in its competition, lately."""
    mean = seen.mean_of_up_to("total", sport.base_window) / 2.0
    return np.where(seen.count >= sport.minimum, mean, sport.points.base)


def differences(home: Floats, away: Floats) -> list[Floats]:
    return [home, away, home - away]
