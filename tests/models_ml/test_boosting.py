import numpy as np
import pytest

from models_ml.domain import boosting, calibrating, scoring, splitting
from models_ml.domain.boosting import TrainingSet
from models_ml.domain.soccer_v1 import SOCCER_V1
from monitoring.errors import Cancelled
from tests.models_ml.unfolding import unfold
from tests.models_ml.worlds import World, a_world

QUICK = {"rounds": 60, "patience": 20, "eta": 0.1, "min_child_weight": 5.0, "lambda": 5.0}
WORLD = a_world(seasons=4)


def training_set(world: World) -> TrainingSet:
    rows = unfold(feature_set=SOCCER_V1, history=world.matches, fixtures=world.fixtures)
    return TrainingSet(
        event_ids=np.array([f.event_id for f in world.fixtures]),
        starts=np.array([f.starts_at for f in world.fixtures]),
        values=np.array(rows),
        outcomes=world.outcomes,
    )


def fitted(rows: TrainingSet, *, seed: int = 0, parameters=QUICK, after_round=None):
    split = splitting.in_time_order(rows.starts)
    content, report = boosting.fit(
        rows=rows, split=split, feature_set=SOCCER_V1, parameters=parameters, seed=seed,
        after_round=after_round,
    )  # fmt: skip
    estimator = boosting.load(
        content=content, feature_set=SOCCER_V1, calibration=calibrating.IDENTITY
    )
    return content, report, estimator, split


class TestFit:
    def test_gives_the_same_bytes_for_the_same_rows_and_seed(self):
        rows = training_set(WORLD)
        assert fitted(rows)[0] == fitted(rows)[0]

    def test_keeps_no_tree_where_the_first_already_does_harm(self):
        wild = {**QUICK, "eta": 1.0, "max_depth": 8, "min_child_weight": 0.0, "lambda": 0.0}
        rows = training_set(WORLD)
        _, report, estimator, split = fitted(rows, parameters={**wild, "alpha": 0.0, "gamma": 0.0})
        values = rows.values[split.test]
        assert report["rounds_kept"] == 0
        assert report["validation_log_loss"] == report["validation_log_loss_of_base"]
        market = boosting.market_of(values, SOCCER_V1)
        assert estimator.probabilities(values) == pytest.approx(market, abs=1e-6)

    def test_corrects_a_market_that_is_wrong_in_a_way_features_tell(self):
        rows = training_set(WORLD)
        rows.values[:, list(SOCCER_V1.market)] = 1 / 3
        _, report, estimator, split = fitted(rows)
        flat = np.full((len(rows.outcomes[split.test]), 3), 1 / 3)
        model = estimator.probabilities(rows.values[split.test])
        assert report["rounds_kept"] > 0
        assert scoring.log_loss(model, rows.outcomes[split.test]) < scoring.log_loss(
            flat, rows.outcomes[split.test]
        )

    def test_can_be_called_off_between_rounds(self):
        def after_round(done: int, total: int) -> None:
            if done == 3:
                raise Cancelled("asked for")

        with pytest.raises(Cancelled):
            fitted(training_set(WORLD), after_round=after_round)


class TestBaseMargins:
    def test_are_the_markets_logarithms(self):
        values = np.full((1, len(SOCCER_V1.features)), np.nan)
        values[0, list(SOCCER_V1.market)] = [0.5, 0.3, 0.2]
        assert np.exp(boosting.base_margins(values, SOCCER_V1)[0]) == pytest.approx([0.5, 0.3, 0.2])

    def test_are_elos_where_there_is_no_market(self):
        values = np.full((1, len(SOCCER_V1.features)), np.nan)
        values[0, SOCCER_V1.expectation] = 0.6
        found = np.exp(boosting.base_margins(values, SOCCER_V1)[0])
        assert found.sum() == pytest.approx(1.0)
        assert found[0] + found[1] / 2 == pytest.approx(0.6)


class TestEstimator:
    def test_gives_probabilities_that_sum_to_one_whatever_is_missing(self):
        rows = training_set(WORLD)
        estimator = fitted(rows)[2]
        values = rows.values[:50].copy()
        values[::3, :30] = np.nan
        values[:, SOCCER_V1.expectation] = rows.values[:50, SOCCER_V1.expectation]
        found = estimator.probabilities(values)
        assert found.sum(axis=1) == pytest.approx(np.ones(50), abs=1e-12)
        assert ((found > 0) & (found < 1)).all()

    def test_gives_a_row_the_same_alone_as_in_a_batch(self):
        rows = training_set(WORLD)
        estimator = fitted(rows)[2]
        batch = estimator.probabilities(rows.values[:20])
        alone = np.vstack([estimator.probabilities(rows.values[i : i + 1]) for i in range(20)])
        assert np.array_equal(batch, alone)
