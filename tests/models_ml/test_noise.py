"""Where results are pure chance, nothing may score better than chance: every pipeline there is.

The whole way is gone: a world is made whose sides, runners and players differ, its results are
shuffled between the events of a season, what prices say is made the base rates, features are made
from that world by the real set, and the real estimator learns from them.  On rows it has not seen
it may be no better than a forecaster who knows the base rates alone: the paired difference of log
loss stays below three standard errors, and above what the noise of a few hundred rows costs.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from models_ml.domain import figures, goals, margins, scoring, softmax, us_places
from models_ml.domain.estimators import losses, runners
from models_ml.domain.estimators.base import questions
from models_ml.domain.examples import Examples
from models_ml.domain.facts import Facts
from models_ml.domain.feature_sets import FEATURE_SETS
from models_ml.services import learning
from models_ml.services.default_pipelines import DEFAULTS
from models_ml.services.learning import Learned
from tests.models_ml import fact_worlds, labelled_worlds, player_worlds, race_worlds
from tests.models_ml.fact_worlds import DAY
from tests.models_ml.labelled_worlds import with_other_results, with_prices, with_strong_sides

QUICK = {"rounds": 60, "patience": 15, "eta": 0.1, "min_child_weight": 5.0, "lambda": 5.0}
WORST = 0.06  # nats a row that learning from noise may cost
US = {"head_to_head": "MONEYLINE", "handicap": "SPREAD"}
EVEN = (0.5, 0.5)


def soccer() -> Facts:
    world = fact_worlds.a_busy_world(seed=1, sides=10, seasons=4)
    said = {"MATCH_ODDS": (np.nan, (0.41, 0.25, 0.34)), "ASIAN_HANDICAP": (0.0, EVEN),
            "TOTAL": (2.5, EVEN)}  # fmt: skip
    return with_prices(with_strong_sides(world, mean=1.3, spread=0.25, seed=1), said)


def points(seed: int, teams: dict, mean: float) -> Facts:
    world = fact_worlds.a_busy_world(
        seed=seed, points=mean, names_of_teams=list(teams), sides=10, seasons=4, **US
    )
    said = {"MONEYLINE": (np.nan, (0.6, 0.4)), "SPREAD": (-0.1 * mean, EVEN),
            "TOTAL": (2.1 * mean + 0.5, EVEN)}  # fmt: skip
    return with_prices(with_strong_sides(world, mean=mean, spread=0.1, seed=seed), said)


def gridiron() -> Facts:
    return points(2, us_places.NFL, 21.0)


def basketball() -> Facts:
    return points(3, us_places.NBA, 105.0)


def players() -> Facts:
    return player_worlds.a_busy_world(seed=5, seasons=3)


def races() -> Facts:
    return race_worlds.a_busy_world(seed=4, days=80)


@dataclass(frozen=True)
class Case:
    """A pipeline: its set, its target, its world, and a column that a leak is planted in."""

    feature_set: str
    target: str
    world: Callable[[], Facts]
    column: str


CASES = [
    Case("soccer_v1", "OUTCOME", soccer, "rest_home"),
    Case("soccer_v1", "GOALS", soccer, "rest_home"),
    *(Case("nfl_v1", target, gridiron, "rest_home") for target in ("OUTCOME", "MARGIN", "TOTAL")),
    *(Case("nba_v1", target, basketball, "rest_home") for target in ("OUTCOME", "MARGIN", "TOTAL")),
    Case("players_v1", "FIGURE", players, "days_since"),
    Case("racing_v1", "WINNER", races, "number"),
]
every_pipeline = pytest.mark.parametrize(
    "case", CASES, ids=[f"{case.feature_set}-{case.target}" for case in CASES]
)


@cache
def shuffled(world: Callable[[], Facts]) -> Facts:
    return with_other_results(world(), seed=11)


@cache
def rows(name: str, world: Callable[[], Facts]) -> Examples:
    """Return the rows of a world whose results were shuffled."""
    facts = shuffled(world)
    asks = player_worlds.final_asks(facts, every=2) if name == "players_v1" else None
    return labelled_worlds.examples(name, facts, asks)


def chance(case: Case, learned: Learned) -> NDArray:
    """Return the log losses of who knows nothing but how often what happens."""
    test = learned.test
    estimator = learned.estimator
    match case.target:
        case "GOALS":
            return goals.log_losses(
                home=np.full(len(test), test.home.mean()),
                away=np.full(len(test), test.away.mean()),
                home_goals=test.home, away_goals=test.away, rho=estimator.rho,
            )  # fmt: skip
        case "MARGIN" | "TOTAL":
            labels = estimator.target.labels(test)
            return margins.log_losses(
                mean=np.full(len(test), labels.mean()), observed=labels, sd=float(labels.std()),
                weights=estimator.weights, support=estimator.target.support,
            )  # fmt: skip
        case "FIGURE":
            mean = np.full(len(test), test.figure.mean())
            spread = figures.fit_spread(
                mean=mean, observed=test.figure, family=estimator.spread["family"]
            )
            return figures.log_losses(mean=mean, observed=test.figure, spread=spread)
        case "WINNER":
            good = test.part(runners.whole(test))
            return np.log(softmax.sizes_of(softmax.starts_of(good.group), len(good)))
    outcomes = happened(learned)
    return scoring.log_losses(base_rates(outcomes), outcomes)


def happened(learned: Learned) -> NDArray:
    """Return what came, numbered: of two where ties are nobody's."""
    outcomes = learned.test.outcome
    return outcomes if learned.fitted.kind == "boosted3" else outcomes[outcomes != 1] // 2


def said(learned: Learned) -> NDArray:
    """Return the probabilities of what came of the same rows."""
    test = learned.test
    decided = slice(None) if learned.fitted.kind == "boosted3" else test.outcome != 1
    return learned.estimator.probabilities(test.values[decided])


def base_rates(outcomes: NDArray) -> NDArray:
    return np.tile(np.bincount(outcomes) / len(outcomes), (len(outcomes), 1))


def squares(probabilities: NDArray, outcomes: NDArray) -> NDArray:
    """Return each row's Brier score, as the sum over the classes."""
    return ((probabilities - np.eye(probabilities.shape[1])[outcomes]) ** 2).sum(axis=1)


def learn(case: Case, examples: Examples) -> Learned:
    return learning.learn(
        target=case.target, examples=examples, feature_set=FEATURE_SETS[case.feature_set],
        parameters=QUICK, seed=0,
    )  # fmt: skip


def gain_over_chance(case: Case, learned: Learned) -> tuple[float, float]:
    """Return mean and standard error of chance's log loss less the model's."""
    gain = chance(case, learned) - losses.log_losses(learned.estimator, learned.test)
    return float(gain.mean()), float(gain.std(ddof=1) / len(gain) ** 0.5)


CLASSIFIERS = [case for case in CASES if case.target == "OUTCOME"]
COINS = next(case for case in CASES if (case.feature_set, case.target) == ("nfl_v1", "OUTCOME"))
RACING = next(case for case in CASES if case.target == "WINNER")
TOLD_EARLY = [case for case in CASES if case.target in ("MARGIN", "WINNER")]


class TestNoise:
    def test_is_held_against_every_pipeline_that_an_installation_has(self):
        held = {(case.feature_set, case.target) for case in CASES}
        assert {(pipeline.feature_set, pipeline.target) for pipeline in DEFAULTS} == held

    @every_pipeline
    def test_scores_like_chance_with_results_shuffled(self, case):
        gain, error = gain_over_chance(case, learn(case, rows(case.feature_set, case.world)))
        assert -WORST < gain < 3 * error

    @every_pipeline
    def test_would_be_seen_to_leak_if_a_feature_told_the_result(self, case):
        told = rows(case.feature_set, case.world)
        label = {
            "OUTCOME": told.margin, "MARGIN": told.margin, "TOTAL": told.total,
            "GOALS": told.margin, "FIGURE": told.figure, "WINNER": told.winner,
        }[case.target]  # fmt: skip
        leaking = told.part(np.arange(len(told)))
        column = FEATURE_SETS[case.feature_set].names.index(case.column)
        leaking.values[:, column] = label
        gain, error = gain_over_chance(case, learn(case, leaking))
        assert gain > 3 * error

    @pytest.mark.parametrize(
        "case", CLASSIFIERS, ids=[f"{case.feature_set}-{case.target}" for case in CLASSIFIERS]
    )
    def test_has_the_brier_score_of_the_base_rates(self, case):
        learned = learn(case, rows(case.feature_set, case.world))
        outcomes = happened(learned)
        gain = squares(base_rates(outcomes), outcomes) - squares(said(learned), outcomes)
        assert abs(gain.mean()) < 3 * gain.std(ddof=1) / len(gain) ** 0.5 + 2e-3

    def test_places_like_chance(self):
        learned = learn(RACING, rows(RACING.feature_set, RACING.world))
        test = learned.test.part(runners.whole(learned.test))
        asked = questions(
            kind="PLACE", row=np.arange(len(test)), place=-1, places=3, groups=test.group
        )
        said = learned.estimator.answer(test.values, asked).probability
        starts = softmax.starts_of(test.group)
        sizes = softmax.sizes_of(starts, len(test))
        chance = np.repeat(np.minimum(3.0 / sizes, 1.0), sizes)
        better = (chance - test.placed) ** 2 - (said - test.placed) ** 2
        gain = np.add.reduceat(better, starts) / sizes
        assert -0.02 < gain.mean() < 3 * gain.std(ddof=1) / len(gain) ** 0.5

    def test_gives_a_league_of_coins_a_quarter_of_brier(self):
        facts = shuffled(gridiron)
        r, coin = facts.results, np.random.default_rng(4).random(len(facts.results)) < 0.5
        tossed = replace(
            r,
            home_score=np.where(coin, r.home_score, r.away_score),
            away_score=np.where(coin, r.away_score, r.home_score),
        )
        even = with_prices(replace(facts, results=tossed), {"MONEYLINE": (np.nan, EVEN)})
        learned = learn(COINS, labelled_worlds.examples("nfl_v1", even))
        brier = squares(said(learned), happened(learned)) / 2
        assert brier.mean() == pytest.approx(0.25, abs=3 * brier.std() / len(brier) ** 0.5)

    @pytest.mark.parametrize("case", TOLD_EARLY, ids=[case.feature_set for case in TOLD_EARLY])
    def test_would_be_seen_to_leak_if_results_were_known_before_the_start(self, case):
        facts = shuffled(case.world)
        early = {int(e): int(t) - DAY // 8 for e, t in
                 zip(facts.fixtures.event, facts.fixtures.starts_at, strict=True)}  # fmt: skip
        moved = {
            name: type(table).of(
                {**{c: getattr(table, c) for c in table.columns()},
                 "known_at": [early[event] for event in table.event.tolist()]}
            )
            for name, table in (("results", facts.results), ("runners", facts.runners))
        }  # fmt: skip
        leaking = labelled_worlds.examples(case.feature_set, replace(facts, **moved))
        gain, error = gain_over_chance(case, learn(case, leaking))
        assert gain > 3 * error
