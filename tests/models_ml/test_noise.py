"""Where results are pure chance, nothing may score better than chance, whatever is foretold."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from models_ml.domain import figures, goals, margins, scoring, softmax
from models_ml.domain.estimators import losses, runners
from models_ml.domain.examples import Examples
from models_ml.domain.features import unfold
from models_ml.domain.soccer_v1 import SOCCER_V1
from models_ml.services import learning
from models_ml.services.learning import Learned
from tests.models_ml import rooms
from tests.models_ml.worlds import World, a_world

QUICK = {"rounds": 80, "patience": 20, "eta": 0.1, "min_child_weight": 5.0, "lambda": 5.0}


def chance_of_winners(learned: Learned, test: Examples) -> NDArray:
    decided = test.outcome[test.outcome != 1] // 2
    rates = np.bincount(decided, minlength=2) / len(decided)
    return scoring.log_losses(np.tile(rates, (len(decided), 1)), decided)


def chance_of_points(learned: Learned, test: Examples) -> NDArray:
    estimator = learned.estimator
    labels = estimator.target.labels(test)
    return margins.log_losses(
        mean=np.full(len(test), labels.mean()), observed=labels, sd=float(labels.std()),
        weights=estimator.weights, support=estimator.target.support,
    )  # fmt: skip


def chance_of_goals(learned: Learned, test: Examples) -> NDArray:
    return goals.log_losses(
        home=np.full(len(test), test.home.mean()), away=np.full(len(test), test.away.mean()),
        home_goals=test.home, away_goals=test.away, rho=learned.estimator.rho,
    )  # fmt: skip


def chance_of_figures(learned: Learned, test: Examples) -> NDArray:
    mean = np.full(len(test), test.figure.mean())
    family = learned.estimator.spread["family"]
    spread = figures.fit_spread(mean=mean, observed=test.figure, family=family)
    return figures.log_losses(mean=mean, observed=test.figure, spread=spread)


def chance_of_runners(learned: Learned, test: Examples) -> NDArray:
    good = test.part(runners.whole(test))
    sizes = softmax.sizes_of(softmax.starts_of(good.group), len(good))
    return np.log(sizes)


CHANCE: dict[str, Callable[[Learned, Examples], NDArray]] = {
    "OUTCOME": chance_of_winners,
    "MARGIN": chance_of_points,
    "TOTAL": chance_of_points,
    "GOALS": chance_of_goals,
    "FIGURE": chance_of_figures,
    "WINNER": chance_of_runners,
}
#: Rows, columns, what prices would say if they knew no more than the base rates, a column to plant
WORLDS = {
    "OUTCOME": (rooms.gridiron, rooms.GRIDIRON, {4: 0.5, 5: -2.0, 6: 0.5, 7: 45.0, 8: 0.5}, 3),
    "MARGIN": (rooms.gridiron, rooms.GRIDIRON, {4: 0.5, 5: -2.0, 6: 0.5, 7: 45.0, 8: 0.5}, 3),
    "TOTAL": (rooms.gridiron, rooms.GRIDIRON, {4: 0.5, 5: -2.0, 6: 0.5, 7: 45.0, 8: 0.5}, 3),
    "GOALS": (rooms.soccer, rooms.SOCCER, {3: 0.44, 4: 0.26, 5: 0.3, 6: 2.5, 7: 0.52}, 2),
    "FIGURE": (rooms.player, rooms.PLAYER, {}, 1),
    "WINNER": (rooms.races, rooms.RACES, {}, 4),
}
targets = pytest.mark.parametrize("target", WORLDS)


def shuffled(examples: Examples, seed: int = 11) -> Examples:
    """Return the same rows with the results of other events; in a race, of other runners."""
    rng = np.random.default_rng(seed)
    if not np.isnan(examples.winner).any():
        order = np.lexsort([rng.random(len(examples)), examples.group])
    else:
        order = rng.permutation(len(examples))
    names = ("home", "away", "figure", "winner", "placed")
    return replace(examples, **{name: getattr(examples, name)[order] for name in names})


def noise(target: str) -> Examples:
    make, _, base_rates, _ = WORLDS[target]
    examples = shuffled(make())
    for column, rate in base_rates.items():
        examples.values[:, column] = np.where(np.isnan(examples.values[:, column]), np.nan, rate)
    return examples


def gain_over_chance(target: str, examples: Examples, columns) -> tuple[float, float]:
    """Return mean and standard error of chance's log loss less the model's."""
    learned = learning.learn(
        target=target, examples=examples, feature_set=columns, parameters=QUICK, seed=0
    )
    told = losses.log_losses(learned.estimator, learned.test)
    gain = CHANCE[target](learned, learned.test) - told
    return float(gain.mean()), float(gain.std(ddof=1) / len(gain) ** 0.5)


class TestNoise:
    @targets
    def test_scores_like_chance_with_results_shuffled(self, target):
        gain, error = gain_over_chance(target, noise(target), WORLDS[target][1])
        assert gain < 3 * error

    @targets
    def test_would_be_seen_to_leak_if_a_feature_told_the_result(self, target):
        examples = noise(target)
        label = {
            "OUTCOME": examples.margin, "MARGIN": examples.margin, "TOTAL": examples.total,
            "GOALS": examples.margin, "FIGURE": examples.figure, "WINNER": examples.winner,
        }[target]  # fmt: skip
        examples.values[:, WORLDS[target][3]] = label
        gain, error = gain_over_chance(target, examples, WORLDS[target][1])
        assert gain > 3 * error

    def test_gives_a_league_of_coins_a_quarter_of_brier(self):
        rng = np.random.default_rng(4)
        home = rng.integers(0, 2, 3000).astype(float)
        values = rng.normal(size=(3000, len(rooms.GRIDIRON.names)))
        values[:, 4:] = np.nan
        learned = learning.learn(
            target="OUTCOME", examples=rooms.examples(values, home=home, away=1 - home),
            feature_set=rooms.GRIDIRON, parameters=QUICK, seed=0,
        )  # fmt: skip
        test = learned.test
        squares = (learned.estimator.probabilities(test.values)[:, 0] - test.home) ** 2
        assert squares.mean() == pytest.approx(
            0.25, abs=3 * squares.std() / len(test) ** 0.5 + 1e-3
        )


class TestNoiseOfSoccer:
    """The whole way: features are made anew from a league whose results were shuffled."""

    WORLD = a_world(seasons=4)

    def rows(self) -> Examples:
        order = np.random.default_rng(11).permutation(len(self.WORLD.matches))
        matches = [
            match._replace(
                home_score=self.WORLD.matches[i].home_score,
                away_score=self.WORLD.matches[i].away_score,
            )
            for match, i in zip(self.WORLD.matches, order, strict=True)
        ]
        return examples_of(World(matches, self.WORLD.fixtures))

    @pytest.mark.parametrize("target", ["OUTCOME", "GOALS"])
    def test_scores_like_chance(self, target):
        gain, error = self.gain(target, self.rows())
        assert gain < 3 * error

    @pytest.mark.parametrize("target", ["OUTCOME", "GOALS"])
    def test_would_be_seen_to_leak(self, target):
        rows = self.rows()
        rows.values[:, SOCCER_V1.names.index("rest_home")] = rows.margin
        gain, error = self.gain(target, rows)
        assert gain > 3 * error

    def gain(self, target: str, rows: Examples) -> tuple[float, float]:
        learned = learning.learn(
            target=target, examples=rows, feature_set=SOCCER_V1, parameters=QUICK, seed=0
        )
        test = learned.test
        if target == "GOALS":
            chance = chance_of_goals(learned, test)
        else:
            rates = np.bincount(test.outcome, minlength=3) / len(test)
            chance = scoring.log_losses(np.tile(rates, (len(test), 1)), test.outcome)
        gain = chance - losses.log_losses(learned.estimator, test)
        return float(gain.mean()), float(gain.std(ddof=1) / len(gain) ** 0.5)


def examples_of(world: World) -> Examples:
    """Return a world's rows as they were an hour before each start."""
    values = unfold(feature_set=SOCCER_V1, history=world.matches, fixtures=world.fixtures)
    starts = np.array([fixture.starts_at for fixture in world.fixtures])
    made = rooms.examples(
        np.array(values),
        home=np.array([match.home_score for match in world.matches], dtype=float),
        away=np.array([match.away_score for match in world.matches], dtype=float),
    )
    return replace(
        made, starts=starts, as_of=starts - rooms.DAY // 24, week=starts // (7 * rooms.DAY),
        label_known_at=np.array([match.known_at for match in world.matches]),
    )  # fmt: skip
