import numpy as np
import pytest
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from models_ml.domain import scoring

RNG = np.random.default_rng(5)
P = RNG.dirichlet([5, 3, 4], size=1500)
Y = (RNG.random(1500)[:, None] > np.cumsum(P, axis=1)[:, :-1]).sum(axis=1)
ONE_HOT = np.eye(3)[Y]


class TestLogLoss:
    def test_equals_scikit_learn(self):
        assert scoring.log_loss(P, Y) == pytest.approx(metrics.log_loss(Y, P), rel=1e-12)

    def test_stays_finite_on_a_certain_error(self):
        assert scoring.log_loss([[1.0, 0.0, 0.0]], [2]) == pytest.approx(-np.log(1e-15))

    @pytest.mark.parametrize("p, y", [([], []), ([[0.5, 0.5]], [0, 1]), ([0.5], [0])])
    def test_refuses_shapes_that_do_not_fit(self, p, y):
        with pytest.raises(ValueError, match="need"):
            scoring.log_loss(p, y)


class TestBrier:
    def test_equals_the_sum_of_scikit_learns_binary_scores(self):
        binary = sum(metrics.brier_score_loss(ONE_HOT[:, k], P[:, k]) for k in range(3))
        assert scoring.brier(P, Y) == pytest.approx(binary, rel=1e-12)


class TestRps:
    def test_equals_its_definition_written_out(self):
        total = 0.0
        for p, y in zip(P, ONE_HOT, strict=True):
            total += ((p[0] - y[0]) ** 2 + (p[0] + p[1] - y[0] - y[1]) ** 2) / 2
        assert scoring.rps(P, Y) == pytest.approx(total / len(Y), rel=1e-12)

    def test_forgives_a_near_miss_more_than_a_far_one(self):
        assert scoring.rps([[0.8, 0.1, 0.1]], [1]) < scoring.rps([[0.8, 0.1, 0.1]], [2])


class TestAccuracy:
    def test_equals_scikit_learn(self):
        assert scoring.accuracy(P, Y) == metrics.accuracy_score(Y, P.argmax(axis=1))


class TestEce:
    def test_of_calibrated_probabilities_is_what_chance_gives(self):
        null = scoring.ece_when_perfect(P)
        assert null / 3 < scoring.ece(P, Y) < 3 * null

    def test_of_overconfident_probabilities_stands_out(self):
        sharp = P**3 / (P**3).sum(axis=1, keepdims=True)
        assert scoring.ece(sharp, Y) > 5 * scoring.ece_when_perfect(sharp)

    def test_has_bins_of_equal_mass(self):
        assert scoring.ece([[0.9, 0.1], [0.7, 0.3]], [0, 1], bins=4) == pytest.approx(
            (0.1 + 0.7 + 0.7 + 0.1) / 4
        )


class TestEceWhenPerfect:
    def test_is_the_mean_ece_of_outcomes_drawn_from_the_probabilities(self):
        rng = np.random.default_rng(0)
        drawn = [(rng.random(len(P))[:, None] > np.cumsum(P, axis=1)[:, :-1]) for _ in range(20)]
        expected = np.mean([scoring.ece(P, d.sum(axis=1)) for d in drawn])
        assert scoring.ece_when_perfect(P, draws=20) == pytest.approx(expected, rel=1e-9)


class TestReliability:
    def test_equals_scikit_learns_logistic_regression(self):
        x = np.log(P / (1 - P)).ravel()[:, None]
        fit = LogisticRegression(C=np.inf, tol=1e-10).fit(x, ONE_HOT.ravel())
        found = scoring.reliability(P, Y)
        assert found.slope == pytest.approx(fit.coef_[0, 0], abs=1e-4)
        assert found.intercept == pytest.approx(fit.intercept_[0], abs=1e-4)

    def test_of_overconfident_probabilities_has_a_slope_below_one(self):
        sharp = P**2 / (P**2).sum(axis=1, keepdims=True)
        assert scoring.reliability(sharp, Y).slope_high < 1

    def test_is_none_where_no_line_can_be_drawn(self):
        assert scoring.reliability([[0.6, 0.4]] * 3, [0, 0, 0]) is None


class TestCard:
    def test_holds_every_score_and_only_finite_numbers(self):
        card = scoring.card(P, Y)
        assert card["log_loss"] == scoring.log_loss(P, Y)
        assert all(np.isfinite(value) for value in card.values())
