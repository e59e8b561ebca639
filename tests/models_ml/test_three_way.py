import numpy as np
import pytest

from models_ml.domain import artefacts, calibrating, scoring, splitting
from models_ml.domain.estimators import three_way, trees
from models_ml.domain.examples import Examples
from models_ml.domain.soccer_v1 import SOCCER_V1
from monitoring.errors import Cancelled
from tests.models_ml import rooms
from tests.models_ml.unfolding import unfold
from tests.models_ml.worlds import World, a_world

QUICK = {"rounds": 60, "patience": 20, "eta": 0.1, "min_child_weight": 5.0, "lambda": 5.0}
WORLD = a_world(seasons=4)


def examples(world: World) -> Examples:
    rows = unfold(feature_set=SOCCER_V1, history=world.matches, fixtures=world.fixtures)
    scores = np.array([(m.home_score, m.away_score) for m in world.matches], dtype=float)
    return rooms.examples(np.array(rows), home=scores[:, 0], away=scores[:, 1])


def fitted(rows: Examples, *, seed: int = 0, parameters=QUICK, after_round=None):
    """Return the fit, its estimator without calibration, and how the rows were parted."""
    split = splitting.in_time_order(rows.starts)
    fit = three_way.fit(
        examples=rows, split=split, columns=SOCCER_V1, parameters=parameters, seed=seed,
        after_round=after_round,
    )  # fmt: skip
    estimator = three_way.load(
        artefact=artefacts.unpack(fit.content), columns=SOCCER_V1, calibration=calibrating.IDENTITY
    )
    return fit, estimator, split


class TestFit:
    def test_gives_the_same_bytes_for_the_same_rows_and_seed(self):
        rows = examples(WORLD)
        assert fitted(rows)[0] == fitted(rows)[0]

    def test_keeps_no_tree_where_the_first_already_does_harm(self):
        wild = {**QUICK, "eta": 1.0, "max_depth": 8, "min_child_weight": 0.0, "lambda": 0.0}
        rows = examples(WORLD)
        fit, estimator, split = fitted(rows, parameters={**wild, "alpha": 0.0, "gamma": 0.0})
        values = rows.values[split.test]
        assert fit.report["rounds_kept"] == 0 < fit.report["rounds_tried"]
        assert fit.report["validation_loss"] == fit.report["validation_loss_of_start"]
        market = three_way.market_of(values, SOCCER_V1)
        assert estimator.probabilities(values) == pytest.approx(market, abs=1e-6)

    def test_tries_trees_on_a_young_league_too(self):
        rows = examples(WORLD).part(np.arange(trees.FEWEST * 4))
        fit, _, split = fitted(rows)
        assert len(split.validation) < trees.FEWEST and fit.report["rounds_tried"] > 0

    def test_corrects_a_market_that_is_wrong_in_a_way_features_tell(self):
        rows = examples(WORLD)
        rows.values[:, list(SOCCER_V1.market)] = 1 / 3
        fit, estimator, split = fitted(rows)
        flat = np.full((len(split.test), 3), 1 / 3)
        model = estimator.probabilities(rows.values[split.test])
        assert fit.report["rounds_kept"] > 0
        assert scoring.log_loss(model, rows.outcome[split.test]) < scoring.log_loss(
            flat, rows.outcome[split.test]
        )

    def test_can_be_called_off_between_rounds(self):
        def after_round(done: int, total: int) -> None:
            if done == 3:
                raise Cancelled("asked for")

        with pytest.raises(Cancelled):
            fitted(examples(WORLD), after_round=after_round)


class TestStarts:
    def test_are_the_markets_logarithms(self):
        values = np.full((1, len(SOCCER_V1.features)), np.nan)
        values[0, list(SOCCER_V1.market)] = [0.5, 0.3, 0.2]
        assert np.exp(three_way.starts_of(values, SOCCER_V1)[0]) == pytest.approx([0.5, 0.3, 0.2])

    def test_are_elos_where_there_is_no_market(self):
        values = np.full((1, len(SOCCER_V1.features)), np.nan)
        values[0, SOCCER_V1.expectation] = 0.6
        found = np.exp(three_way.starts_of(values, SOCCER_V1)[0])
        assert found.sum() == pytest.approx(1.0)
        assert found[0] + found[1] / 2 == pytest.approx(0.6)
        assert np.isnan(values[0, list(SOCCER_V1.market)]).all()


class TestThreeWay:
    def test_gives_probabilities_that_sum_to_one_whatever_is_missing(self):
        rows = examples(WORLD)
        estimator = fitted(rows)[1]
        values = rows.values[:50].copy()
        values[::3, :30] = np.nan
        values[:, SOCCER_V1.expectation] = rows.values[:50, SOCCER_V1.expectation]
        found = estimator.probabilities(values)
        assert found.sum(axis=1) == pytest.approx(np.ones(50), abs=1e-12)
        assert ((found > 0) & (found < 1)).all()

    def test_gives_a_row_the_same_alone_as_in_a_batch(self):
        rows = examples(WORLD)
        estimator = fitted(rows)[1]
        batch = estimator.probabilities(rows.values[:20])
        alone = np.vstack([estimator.probabilities(rows.values[i : i + 1]) for i in range(20)])
        assert np.array_equal(batch, alone)

    def test_explains_what_parts_homes_logit_from_aways(self):
        rows = examples(WORLD)
        rows.values[:, list(SOCCER_V1.market)] = 1 / 3
        estimator = fitted(rows)[1]
        values = rows.values[:20]
        margins = estimator.margins(values)
        parts = estimator.explain(values)
        assert np.abs(parts[:, :-1]).max() > 0.01
        assert parts.sum(axis=1) == pytest.approx(margins[:, 0] - margins[:, 2], abs=1e-5)
