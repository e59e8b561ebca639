import itertools

import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from models_ml.domain import softmax

chances = st.lists(st.floats(0.02, 1.0), min_size=3, max_size=7).map(
    lambda xs: np.array(xs) / sum(xs)
)


def by_every_order(p: np.ndarray, places: int, powers: list[float]) -> np.ndarray:
    """Return the chances to be placed as the definition says, one order of finish at a time."""
    found = np.zeros(len(p))
    for order in itertools.permutations(range(len(p)), places):
        chance, left = 1.0, set(range(len(p)))
        for runner, power in zip(order, powers, strict=False):
            chance *= p[runner] ** power / sum(p[j] ** power for j in left)
            left.remove(runner)
        found[list(order)] += chance
    return found


class TestPlaced:
    @settings(max_examples=60, deadline=None)
    @given(chances, st.integers(1, 4), st.floats(0.5, 1.1), st.floats(0.5, 1.1))
    def test_is_the_sum_over_every_order_of_finish(self, p, places, second, third):
        found = softmax.placed(p, places=places, second=second, third=third)
        if places >= len(p):
            assert found.tolist() == [1.0] * len(p)
        else:
            exact = by_every_order(p, places, [1.0, second, third, third])
            assert found == pytest.approx(exact, abs=1e-9)
        assert found.sum() == pytest.approx(min(places, len(p)))

    def test_sums_to_the_places_in_the_largest_field(self):
        p = np.random.default_rng(0).dirichlet(np.full(40, 0.6))
        assert softmax.placed(p, places=4, second=0.9, third=0.8).sum() == pytest.approx(4.0)

    @pytest.mark.parametrize("places, runners", [(5, 9), (0, 9), (3, 41)])
    def test_refuses_more_than_it_can_sum(self, places, runners):
        with pytest.raises(ValueError, match="places of"):
            softmax.placed(np.full(runners, 1 / runners), places=places)


class TestProbabilities:
    def test_is_scipys_softmax_of_each_race(self):
        z = np.random.default_rng(0).normal(size=12)
        group = np.repeat([4, 9, 2], [5, 4, 3])
        exact = np.concatenate([scipy.special.softmax(part) for part in (z[:5], z[5:9], z[9:])])
        assert softmax.probabilities(z, group) == pytest.approx(exact)

    def test_renormalises_when_a_runner_is_taken_out(self):
        z, group = np.array([0.3, 1.0, -0.4]), np.zeros(3, dtype=int)
        whole, left = softmax.probabilities(z, group), softmax.probabilities(z[:2], group[:2])
        assert left == pytest.approx(whole[:2] / whole[:2].sum())

    def test_refuses_a_race_in_two_pieces(self):
        with pytest.raises(ValueError, match="together"):
            softmax.probabilities(np.zeros(3), np.array([1, 2, 1]))


class TestFit:
    def test_equals_logistic_regression_where_two_run(self):
        rng = np.random.default_rng(2)
        x = rng.normal(size=(3000, 3))
        gaps = x[0::2] - x[1::2]
        first = (gaps @ [0.7, -0.4, 0.0] + rng.logistic(size=1500)) > 0
        winner = np.stack([first, ~first], axis=1).ravel().astype(float)
        ours = softmax.fit(
            values=x, winner=winner, group=np.repeat(np.arange(1500), 2), penalty=0.01
        )
        # our penalty is per race and squared; scikit-learn's is a half, against the sum of losses
        theirs = LogisticRegression(C=1 / (2 * 0.01 * 1500), fit_intercept=False, tol=1e-8)
        assert ours == pytest.approx(theirs.fit(gaps, first).coef_[0], abs=1e-4)

    def test_leaves_the_free_coefficients_unpunished(self):
        rng = np.random.default_rng(2)
        x, races = rng.normal(size=(6000, 2)), np.repeat(np.arange(1000), 6)
        won = (x @ [1.0, 1.0] + rng.gumbel(size=6000)).reshape(-1, 6).argmax(axis=1)
        fitted = softmax.fit(
            values=x, winner=np.eye(6)[won].ravel(), group=races, penalty=1.0, free=1
        )
        assert fitted[0] > 0.6 > 0.3 > fitted[1]


class TestFitExponents:
    def races(self, places: int, second: float, third: float):
        rng = np.random.default_rng(8)
        p = rng.dirichlet(np.full(8, 2.0), size=3000)
        keys = [np.log(p), second * np.log(p), third * np.log(p)]
        place = np.zeros(p.shape)
        gone = np.zeros(p.shape, dtype=bool)
        for finish, key in enumerate(keys[:places]):
            drawn = np.where(gone, -np.inf, key + rng.gumbel(size=p.shape)).argmax(axis=1)
            place[np.arange(3000), drawn] = 1 if finish == 0 else 2
            gone[np.arange(3000), drawn] = True
        return p.ravel(), place.ravel(), np.repeat(np.arange(3000), 8)

    def test_finds_exponents_that_place_runners_as_those_that_made_the_places(self):
        p, place, group = self.races(3, 0.8, 0.6)
        second, third = softmax.fit_exponents(chances=p, place=place, group=group)
        for race in p.reshape(-1, 8)[:50]:
            found = softmax.placed(race, places=3, second=second, third=third)
            truth = softmax.placed(race, places=3, second=0.8, third=0.6)
            harville = softmax.placed(race, places=3)
            assert np.abs(found - truth).max() < 0.02
            assert np.abs(found - truth).sum() < np.abs(harville - truth).sum()

    def test_finds_the_seconds_exponent_where_two_are_placed(self):
        p, place, group = self.races(2, 0.65, 0.6)
        second, third = softmax.fit_exponents(chances=p, place=place, group=group)
        assert second == pytest.approx(0.65, abs=0.08)
        assert third == pytest.approx(softmax.BEFORE[1], abs=1e-3)

    def test_keeps_to_what_was_thought_before_without_races(self):
        nobody = softmax.fit_exponents(
            chances=np.ones(3) / 3, place=np.zeros(3), group=np.zeros(3, dtype=int)
        )
        assert nobody == softmax.BEFORE
