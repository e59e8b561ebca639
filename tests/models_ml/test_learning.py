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
