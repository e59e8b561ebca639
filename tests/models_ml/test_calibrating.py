import numpy as np
import pytest
import scipy
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from models_ml.domain import calibrating, scoring
from models_ml.domain.estimators import scores
from models_ml.domain.estimators.two_way import two


def three(n: int, *, seed: int = 2):
    """Return probabilities and outcomes drawn from them."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([4, 3, 3], size=n)
    return p, (rng.random(n)[:, None] > np.cumsum(p, axis=1)[:, :-1]).sum(axis=1)


def yes_no(n: int, *, curve, seed: int = 3):
    """Return logits, and outcomes whose true logit is a curve of them (0 is yes)."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0.2, 1.2, n)
    return z, (rng.random(n) > scipy.special.expit(curve(z))).astype(int)


class TestFit:
    def test_of_platt_equals_logistic_regression(self):
        z, y = yes_no(4000, curve=lambda z: 0.4 + 0.6 * z)
        found = calibrating.fit("platt", two(z), y)
        theirs = LogisticRegression(C=1e8, tol=1e-10).fit(z[:, None], y == 0)
        assert calibrating.probabilities(two(z), found)[:, 0] == pytest.approx(
            theirs.predict_proba(z[:, None])[:, 1], abs=1e-4
        )

    def test_of_platt_equals_it_for_three_classes_by_its_loss(self):
        p, y = three(4000)
        bent = np.log(p) * [1.4, 0.7, 1.1] + [0.3, 0.0, -0.2]
        found = calibrating.probabilities(bent, calibrating.fit("platt", bent, y))
        truth = scoring.log_loss(p, y)
        assert scoring.log_loss(found, y) == pytest.approx(truth, abs=2e-3)

    def test_of_beta_equals_logistic_regression_of_its_two_logarithms(self):
        z, y = yes_no(4000, curve=lambda z: np.where(z > 0, 0.5 * z, 1.5 * z))
        said = scipy.special.expit(z)
        found = calibrating.fit("beta", two(z), y)
        inputs = np.stack([np.log(said), -np.log1p(-said)], axis=1)
        theirs = LogisticRegression(C=1e8, tol=1e-10).fit(inputs, y == 0)
        assert calibrating.probabilities(two(z), found)[:, 0] == pytest.approx(
            theirs.predict_proba(inputs)[:, 1], abs=1e-3
        )

    def test_of_isotonic_equals_scikit_learns(self):
        z, y = yes_no(2000, curve=lambda z: 2.0 * z - 0.5)
        found = calibrating.fit("isotonic", two(z), y)
        said = scipy.special.expit(z)
        theirs = IsotonicRegression(y_min=1e-3, y_max=1 - 1e-3, out_of_bounds="clip")
        unseen = np.linspace(-6, 6, 301)
        expected = theirs.fit(said, y == 0).predict(scipy.special.expit(unseen))
        assert calibrating.probabilities(two(unseen), found)[:, 0] == pytest.approx(expected)

    @pytest.mark.parametrize("method", calibrating.METHODS)
    def test_gives_probabilities_of_sum_one_that_json_can_hold(self, method):
        import json

        p, y = three(900)
        found = json.loads(json.dumps(calibrating.fit(method, np.log(p), y)))
        told = calibrating.probabilities(np.log(p), found)
        assert told.sum(axis=1) == pytest.approx(np.ones(900)) and (told > 0).all()
        alone = np.vstack([calibrating.probabilities(np.log(p[i : i + 1]), found) for i in (0, 9)])
        assert np.array_equal(alone, told[[0, 9]])

    def test_stays_finite_where_one_outcome_is_all_there_is(self):
        z, y = np.linspace(-2, 2, 100), np.zeros(100, dtype=int)
        for method in calibrating.METHODS:
            told = calibrating.probabilities(two(z), calibrating.fit(method, two(z), y))
            assert np.isfinite(told).all()

    def test_refuses_a_method_it_does_not_know(self):
        p, y = three(100)
        with pytest.raises(ValueError, match="tarot"):
            calibrating.fit("tarot", np.log(p), y)
        with pytest.raises(ValueError, match="tarot"):
            calibrating.probabilities(np.log(p), {"method": "tarot"})


class TestChoose:
    def test_keeps_identity_for_logits_that_are_calibrated(self):
        p, y = three(400)
        assert calibrating.choose(np.log(p), y)["method"] == "identity"

    def test_cools_logits_that_are_too_sure(self):
        p, y = three(2000)
        chosen = calibrating.choose(1.8 * np.log(p), y)
        assert chosen["method"] == "temperature"
        assert 1.4 < chosen["temperature"] < 2.0

    @pytest.mark.parametrize(
        "method, curve",
        [
            ("platt", lambda z: 0.9 + z),
            ("beta", lambda z: 0.4 - 2.0 * np.logaddexp(0, -z) + 0.2 * np.logaddexp(0, z)),
            ("isotonic", lambda z: np.where(np.abs(z) < 0.8, -1.5, 1.5)),
        ],
    )
    def test_takes_the_plainest_method_that_bends_as_the_truth_does(self, method, curve):
        z, y = yes_no(6000, curve=curve)
        chosen = calibrating.choose(two(z), y)
        if method == "isotonic":  # no monotone curve has this shape; steps come nearest
            losses = chosen["held_out_log_loss"]
            assert losses["isotonic"] == min(losses.values())
        else:
            assert chosen["method"] == method

    def test_tries_no_steps_on_fewer_than_75_a_bin(self):
        p, y = three(1400)
        assert "isotonic" not in calibrating.choose(np.log(p), y)["held_out_log_loss"]
        p, y = three(1600)
        assert "isotonic" in calibrating.choose(np.log(p), y)["held_out_log_loss"]

    @pytest.mark.parametrize(
        "rarest, methods",
        [
            pytest.param(19, ["identity"], id="19"),
            pytest.param(20, ["identity", "temperature"], id="20"),
            pytest.param(99, ["identity", "temperature"], id="99"),
            pytest.param(100, ["identity", "temperature", "platt"], id="100"),
            pytest.param(180, ["identity", "temperature", "platt", "beta"], id="180"),
        ],
    )
    def test_tries_no_method_on_fewer_than_20_outcomes_for_each_of_its_numbers(
        self, rarest, methods
    ):
        p, _ = three(700)
        y = np.repeat([0, 1, 2], [700 - 2 * rarest, rarest, rarest])
        y = np.random.default_rng(4).permutation(y)
        assert list(calibrating.choose(np.log(p), y)["held_out_log_loss"]) == methods

    def test_of_two_classes_asks_for_the_rarer_one(self):
        z, y = yes_no(76, curve=lambda z: z - 1.2)
        assert 20 <= (y == 0).sum() < 38
        told = calibrating.choose(two(z), y)["held_out_log_loss"]
        assert list(told) == ["identity", "temperature"]

    def test_seldom_harms_what_is_calibrated_where_rows_are_few(self):
        harm = []
        for seed in range(40):
            p, y = three(76, seed=seed)
            unseen, _ = three(2000, seed=1000 + seed)
            said = calibrating.probabilities(np.log(unseen), calibrating.choose(np.log(p), y))
            harm.append(float((unseen * np.log(unseen / said)).sum(axis=1).mean()))
        assert max(harm) < 0.03 and np.mean(harm) < 0.002

    def test_parts_at_a_week_and_not_within_one(self):
        p, y = three(300)
        weeks = np.repeat([1, 2], [100, 200])
        by_weeks, by_rows = (calibrating.choose(np.log(p), y, weeks=w) for w in (weeks, None))
        held = scoring.log_loss(p[100:], y[100:])
        assert by_weeks["held_out_log_loss"]["identity"] == pytest.approx(held)
        assert by_weeks["held_out_log_loss"] != by_rows["held_out_log_loss"]

    def test_parts_within_a_week_that_holds_nearly_all(self):
        p, y = three(300)
        weeks = np.repeat([1, 2], [296, 4])  # of a calendar that runs faster than the clock
        by_weeks, by_rows = (calibrating.choose(np.log(p), y, weeks=w) for w in (weeks, None))
        assert by_weeks == by_rows

    def test_fits_nothing_on_a_handful_of_rows(self):
        assert calibrating.choose(np.zeros((10, 3)), np.zeros(10, dtype=int)) == {
            "method": "identity",
            "n": 10,
        }


class TestScaleOfGoals:
    """Eight weeks of four leagues: 430 matches, of which chance moves the goals by 3 %."""

    def chosen(self, *, level, speak_for, seed):
        rng = np.random.default_rng(seed)
        home, away = rng.uniform(1.0, 2.0, 430), rng.uniform(0.8, 1.6, 430)
        return scores.choose(
            home=home,
            away=away,
            home_goals=rng.poisson(level * home).astype(float),
            away_goals=rng.poisson(level * away).astype(float),
            rho=0.0,
            speak_for=speak_for,
        )

    def test_hardly_doubts_a_market_that_is_right(self):
        market = scores.SPEAK_FOR["market"]
        doubtful = [self.chosen(level=1.0, speak_for=0.0, seed=seed) for seed in range(40)]
        sure = [self.chosen(level=1.0, speak_for=market, seed=seed) for seed in range(40)]
        assert max(abs(one["scale"] - 1.0) for one in doubtful) > 0.04
        assert max(abs(one["scale"] - 1.0) for one in sure) < 0.015

    def test_follows_goals_that_ratings_do_not_know_of(self):
        found = self.chosen(level=1.2, speak_for=scores.SPEAK_FOR["ratings"], seed=1)
        assert found["method"] == "scale"
        assert 1.08 < found["scale"] < 1.2
        lost = found["held_out_log_loss"]
        assert lost["scale"] < lost["identity"]
