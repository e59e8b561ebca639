import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from models_ml.services import learning
from models_ml.services.learning import TooFew
from tests.models_ml import rooms

QUICK = {"rounds": 80, "patience": 20, "eta": 0.1, "min_child_weight": 5.0, "lambda": 5.0}


def learn(target, examples, columns):
    return learning.learn(
        target=target, examples=examples, feature_set=columns, parameters=QUICK, seed=0
    )


class TestLearn:
    @pytest.mark.parametrize(
        "target, make, columns, told",
        [
            ("MARGIN", rooms.gridiron, rooms.GRIDIRON, "299 matches are known, 300 are needed"),
            ("FIGURE", rooms.player, rooms.PLAYER, "199 figures are known, 200 are needed"),
            ("WINNER", rooms.races, rooms.RACES, "199 races are known, 200 are needed"),
        ],
    )
    def test_refuses_too_few_with_their_number(self, target, make, columns, told):
        with pytest.raises(TooFew, match=told):
            learn(target, make(n=int(told.split()[0])), columns)

    def test_refuses_rows_whose_labels_all_came_too_late(self):
        rows = rooms.gridiron(n=400)
        rows.label_known_at[:] = rows.starts[-1] + rooms.DAY
        with pytest.raises(TooFew, match="none of them could be used for train"):
            learn("MARGIN", rows, rooms.GRIDIRON)


class TestContributions:
    def test_put_first_what_the_market_forgot(self):
        learned = learn("MARGIN", rooms.gridiron(), rooms.GRIDIRON)
        told = learning.contributions(learned, rooms.GRIDIRON.names)
        sizes = [feature["mean_abs"] for feature in told]
        assert told[0]["name"] == "rest" and sizes == sorted(sizes, reverse=True)
        moved, place = np.array(told[0]["points"], dtype=float).T
        assert np.corrcoef(moved, place)[0, 1] > 0.8 and len(moved) == learning.DOTS

    def test_of_races_name_what_tells_runners_apart(self):
        learned = learn("WINNER", rooms.races(n=300), rooms.RACES)
        told = learning.contributions(learned, rooms.RACES.names)
        assert {feature["name"] for feature in told[:2]} == {"rated_log", "strength"}


class TestGoldenValues:
    def test_hold_a_whole_race_and_a_runner_nobody_knows(self):
        learned = learn("WINNER", rooms.races(n=300), rooms.RACES)
        last = (learned.test.group == learned.test.group[-1]).sum()
        values = learning.golden_values(learned)
        assert len(values) == last + 1 and np.isnan(values[-1]).all()
        assert learned.estimator.sample(values).sum() == pytest.approx(1.0)


KINDS = [
    ("OUTCOME", rooms.gridiron, rooms.GRIDIRON, "boosted2"),
    ("MARGIN", rooms.gridiron, rooms.GRIDIRON, "margin"),
    ("TOTAL", rooms.gridiron, rooms.GRIDIRON, "total"),
    ("GOALS", rooms.soccer, rooms.SOCCER, "goals"),
    ("FIGURE", rooms.player, rooms.PLAYER, "figure"),
    ("WINNER", rooms.races, rooms.RACES, "runners"),
]
every_kind = pytest.mark.parametrize(
    "target, make, columns, kind", KINDS, ids=[k[3] for k in KINDS]
)


@cache
def learned_of(target):
    make, columns = next((make, columns) for name, make, columns, _ in KINDS if name == target)
    return learn(target, make(n=900), columns)


class TestReliability:
    @every_kind
    def test_holds_what_was_said_beside_what_happened(self, target, make, columns, kind):
        learned = learned_of(target)
        assert learned.fitted.kind == kind
        (points,) = learning.reliability(learned).values()
        assert len(points) == 10
        off = [point["low"] <= point["said"] <= point["high"] for point in points]
        assert sum(off) >= 5  # the worlds are what the estimators take them for
        whole = sum(point["n"] * (point["said"] - point["happened"]) for point in points)
        assert abs(whole) / sum(point["n"] for point in points) < 0.06

    @every_kind
    def test_can_be_kept_as_json(self, target, make, columns, kind):
        told = learning.reliability(learned_of(target))
        assert json.loads(json.dumps(told, allow_nan=False)) == told

    def test_would_show_an_estimator_that_exaggerates(self):
        learned = learned_of("WINNER")
        loud = replace(learned.estimator, calibration={"temperature": 0.2})
        (points,) = learning.reliability(replace(learned, estimator=loud)).values()
        assert points[-1]["said"] > points[-1]["high"]


class TestGains:
    @pytest.mark.parametrize(
        "target, first",
        [("MARGIN", "rest"), ("OUTCOME", "rest"), ("GOALS", "form"), ("FIGURE", "rest")],
        ids=["margin", "boosted2", "goals", "figure"],
    )
    def test_put_first_what_the_start_did_not_know(self, target, first):
        learned = learned_of(target)
        columns = next(columns for name, _, columns, _ in KINDS if name == target)
        told = learning.gains(learned, columns.names)
        assert next(iter(told)) == first
        assert sum(told.values()) == pytest.approx(1.0)

    def test_are_none_where_there_are_no_trees(self):
        assert learning.gains(learned_of("WINNER"), rooms.RACES.names) == {}
