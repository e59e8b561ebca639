"""Trees as arrays against xgboost, to the bit."""

import numpy as np
import pytest
import xgboost

from models_ml.domain.estimators import flat, trees

COLUMNS = 9
KINDS = {
    "multi:softprob": {"num_class": 3},
    "binary:logistic": {},
    "reg:squarederror": {},
    "count:poisson": {},
}


def values(n: int, *, seed: int) -> np.ndarray:
    """Return rows of which a quarter is not known, with values that meet again."""
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(n, COLUMNS)).round(1)
    found[rng.random(found.shape) < 0.25] = np.nan
    return found


def grown(objective: str, *, rounds: int = 40, depth: int = 3, **settings) -> xgboost.Booster:
    rows = values(600, seed=1)
    known = np.nan_to_num(rows) + np.random.default_rng(8).normal(size=rows.shape)
    labels = (known[:, 0] > 0.2).astype(int) + (known[:, 1] * known[:, 2] > 0.5)
    if objective == "binary:logistic":
        labels = (labels > 0).astype(int)
    told = {"objective": objective, "max_depth": depth, "eta": 0.3, "nthread": 1}
    matrix = xgboost.DMatrix(rows, labels, nthread=1)
    return xgboost.train({**told, **KINDS[objective], **settings}, matrix, num_boost_round=rounds)


def by_xgboost(booster: xgboost.Booster, rows: np.ndarray, classes: int) -> np.ndarray:
    start = np.zeros((len(rows), classes) if classes > 1 else len(rows))
    said = booster.inplace_predict(rows, base_margin=start, predict_type="margin")
    return said.reshape(len(rows), classes)


class TestMargins:
    @pytest.mark.parametrize("objective", KINDS)
    @pytest.mark.parametrize("depth", [1, 2, 6])
    def test_are_xgboosts_to_the_bit(self, objective, depth):
        booster = grown(objective, depth=depth)
        found = flat.flat(booster)
        rows = values(200, seed=2)
        expected = by_xgboost(booster, rows, found.classes)
        assert found.depth == depth and np.ptp(expected) > 0.1
        assert found.margins(rows).tobytes() == expected.tobytes()

    def test_of_trees_without_a_split_are_xgboosts(self):
        booster = grown("reg:squarederror", gamma=1e9)
        found = flat.flat(booster)
        rows = values(5, seed=3)
        assert found.depth == 0
        assert found.margins(rows).tobytes() == by_xgboost(booster, rows, 1).tobytes()

    def test_refuse_other_columns(self):
        found = flat.flat(grown("reg:squarederror"))
        with pytest.raises(ValueError, match="8 columns, and the trees ask for 9"):
            found.margins(values(1, seed=4)[:, :-1])


class TestFlat:
    def test_leaves_trees_that_are_dropped_by_chance_to_xgboost(self):
        assert flat.flat(grown("reg:squarederror", booster="dart", rate_drop=0.5)) is None

    def test_leaves_several_trees_of_a_class_in_a_round_to_xgboost(self):
        assert flat.flat(grown("multi:softprob", num_parallel_tree=2)) is None

    def test_leaves_lines_to_xgboost(self):
        assert flat.flat(grown("reg:squarederror", booster="gblinear")) is None

    def test_leaves_splits_by_category_to_xgboost(self):
        rng = np.random.default_rng(5)
        rows = rng.integers(0, 4, size=(400, 1)).astype(float)
        matrix = xgboost.DMatrix(
            rows, (rows[:, 0] % 2), feature_types=["c"], enable_categorical=True, nthread=1
        )
        told = {"max_cat_to_onehot": 1, "nthread": 1}
        assert flat.flat(xgboost.train(told, matrix, num_boost_round=3)) is None


class TestTrees:
    def test_say_the_same_of_a_row_alone_and_in_a_batch(self):
        content = bytes(grown("multi:softprob").save_raw("ubj"))
        loaded = trees.load(content)
        rows, start = values(300, seed=6), np.random.default_rng(7).normal(size=(300, 3))
        assert loaded.flat.takes(1) and not loaded.flat.takes(300)
        alone = [loaded.margins(rows[i : i + 1], start[i : i + 1])[0] for i in range(300)]
        assert np.array_equal(alone, loaded.margins(rows, start))
