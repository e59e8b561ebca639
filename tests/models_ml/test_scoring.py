import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import calibration, metrics
from sklearn.linear_model import LogisticRegression

from models_ml.domain import scoring
from models_ml.domain.scoring import diagram, intervals, losses, races, slices

RNG = np.random.default_rng(5)
P = RNG.dirichlet([5, 3, 4], size=1500)
Y = (RNG.random(1500)[:, None] > np.cumsum(P, axis=1)[:, :-1]).sum(axis=1)
ONE_HOT = np.eye(3)[Y]
SAID, HAPPENED = diagram.statements(P, Y)
# What penaltyblog 1.13.1's metrics say of the matches of TestLosses.
PENALTYBLOG = {
    "rps": 0.30878000000000005,
    "ignorance": 2.048663652038199,
    "brier": 0.8466800000000001,
}


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


class TestAuc:
    def test_equals_scikit_learn_one_against_all_others(self):
        assert scoring.auc(P, Y) == pytest.approx(
            metrics.roc_auc_score(Y, P, multi_class="ovr", average="macro"), rel=1e-12
        )

    def test_of_two_classes_is_the_plain_one(self):
        p, y = P[:, :2] / P[:, :2].sum(axis=1, keepdims=True), (Y == 1).astype(int)
        assert scoring.auc(p, y) == pytest.approx(metrics.roc_auc_score(y, p[:, 1]), rel=1e-12)

    def test_counts_a_tie_half(self):
        said = np.round(SAID, 1)
        assert losses.auc_of(said, HAPPENED) == pytest.approx(
            metrics.roc_auc_score(HAPPENED, said), rel=1e-12
        )

    def test_is_none_where_one_class_alone_happened(self):
        assert losses.auc_of([0.2, 0.8], [1, 1]) is None
        assert scoring.auc([[1.0, 0.0]], [0]) is None


class TestLosses:
    def test_row_by_row_average_to_the_score(self):
        assert scoring.briers(P, Y).mean() == pytest.approx(scoring.brier(P, Y), rel=1e-12)
        assert scoring.rank_scores(P, Y).mean() == pytest.approx(scoring.rps(P, Y), rel=1e-12)

    def test_equal_those_of_penaltyblog(self):
        p = [[0.5, 0.3, 0.2], [0.8, 0.1, 0.1], [0.2, 0.3, 0.5], [0.33, 0.34, 0.33], [0.1, 0.2, 0.7]]
        y = [0, 1, 2, 2, 0]
        assert scoring.rps(p, y) == pytest.approx(PENALTYBLOG["rps"], rel=1e-9)
        assert scoring.log_loss(p, y) / np.log(2) == pytest.approx(
            PENALTYBLOG["ignorance"], rel=1e-9
        )
        assert scoring.brier(p, y) == pytest.approx(PENALTYBLOG["brier"], rel=1e-9)


class TestSkill:
    def test_is_nothing_for_the_reference_and_negative_for_worse(self):
        assert scoring.skill(0.2, 0.2) == 0.0 > scoring.skill(0.25, 0.2)


class TestCrps:
    def test_of_a_certain_forecast_is_the_absolute_error(self):
        certain = np.eye(9)[[4, 4]]
        assert losses.crps(certain, [-1, 2], lowest=-4).tolist() == [1.0, 2.0]

    def test_equals_the_mean_over_draws_written_out(self):
        """CRPS = E|X - x| - E|X - X'| / 2 (Gneiting & Raftery 2007)."""
        p = RNG.dirichlet(np.ones(7))
        grid = np.arange(7)
        far = np.abs(grid[:, None] - grid[None, :])
        for x in range(7):
            expected = p @ np.abs(grid - x) - p @ far @ p / 2
            assert losses.crps(p[None], [x])[0] == pytest.approx(expected, rel=1e-12)

    @pytest.mark.parametrize("figure", [-5, 5])
    def test_refuses_a_figure_outside_the_chances(self, figure):
        with pytest.raises(ValueError, match="from -4 to 4"):
            losses.crps(np.full((1, 9), 1 / 9), [figure], lowest=-4)


class TestPoints:
    @pytest.mark.parametrize("equal_mass, strategy", [(True, "quantile"), (False, "uniform")])
    def test_equal_scikit_learns_calibration_curve(self, equal_mass, strategy):
        share, said = calibration.calibration_curve(HAPPENED, SAID, n_bins=10, strategy=strategy)
        found = scoring.points(P, Y, equal_mass=equal_mass)
        assert [p.happened for p in found] == pytest.approx(share.tolist(), rel=1e-12)
        assert [p.said for p in found] == pytest.approx(said.tolist(), rel=1e-12)

    def test_hold_every_statement_once_with_its_interval(self):
        found = scoring.points(P, Y)
        assert sum(p.n for p in found) == P.size
        assert all(0 <= p.low <= p.happened <= p.high <= 1 for p in found)

    def test_r_squared_is_near_one_where_said_is_what_happens_and_none_where_all_is_alike(self):
        assert scoring.r_squared(P, Y) > 0.95
        assert scoring.r_squared([[0.5, 0.5]] * 4, [0, 1, 0, 1]) is None


class TestReliabilityOfTwoClasses:
    def test_counts_each_row_once(self):
        p = P[:, :2] / P[:, :2].sum(axis=1, keepdims=True)
        y = (RNG.random(len(p)) > p[:, 0]).astype(int)
        once = diagram.reliability_of(p[:, 0], (y == 0).astype(float))
        assert scoring.reliability(p, y) == once
        assert once.slope_low < 1 < once.slope_high


class TestPaired:
    GAPS = RNG.normal(0.02, 0.3, size=900)

    def test_repeats_with_its_seed(self):
        assert intervals.paired(self.GAPS, seed=4) == intervals.paired(self.GAPS, seed=4)
        assert intervals.paired(self.GAPS, seed=4) != intervals.paired(self.GAPS, seed=5)

    def test_agrees_with_the_normal_interval_where_rows_are_independent(self):
        found = intervals.paired(self.GAPS)
        sigma = self.GAPS.std(ddof=1) / 30
        assert found.sigma == pytest.approx(sigma, rel=1e-9)
        expected = intervals.normal_interval(found.mean, sigma)
        assert (found.low, found.high) == pytest.approx(expected, abs=0.2 * sigma)

    def test_is_wider_where_rows_of_a_cluster_move_together(self):
        clusters = np.repeat(np.arange(90), 10)
        together = self.GAPS[:90].repeat(10)
        alone = intervals.paired(together)
        whole = intervals.paired(together, clusters=clusters)
        assert whole.clusters == 90 and whole.n == 900
        assert whole.high - whole.low > 2.5 * (alone.high - alone.low)

    def test_covers_the_truth_about_as_often_as_it_says(self):
        rng = np.random.default_rng(2)
        inside = 0
        for _ in range(200):
            found = intervals.paired(rng.normal(0.1, 1.0, size=80), draws=400)
            inside += found.low < 0.1 < found.high
        assert 180 <= inside <= 198

    def test_of_one_row_has_no_spread(self):
        found = intervals.paired([0.5])
        assert (found.low, found.mean, found.high, found.sigma, found.dm_p) == (
            0.5, 0.5, 0.5, 0.0, None,
        )  # fmt: skip

    @pytest.mark.parametrize("gaps", [[], [np.nan, 0.1], [[0.1]]])
    def test_refuses_what_is_no_row_of_finite_numbers(self, gaps):
        with pytest.raises(ValueError, match="finite"):
            intervals.paired(gaps)

    def test_refuses_clusters_of_another_length(self):
        with pytest.raises(ValueError, match="cluster"):
            intervals.paired([0.1, 0.2], clusters=[1])


class TestDieboldMariano:
    def test_without_lags_is_the_paired_t_test_but_for_n_less_one(self):
        gaps = TestPaired.GAPS
        expected = stats.ttest_1samp(gaps, 0.0).pvalue
        assert intervals.diebold_mariano(gaps, lags=0) == pytest.approx(expected, rel=0.02)

    def test_is_less_sure_where_neighbours_hang_together(self):
        steps = np.random.default_rng(3).normal(size=400)
        gaps = steps[1:] + steps[:-1] + 0.15
        assert intervals.diebold_mariano(gaps, lags=1) > intervals.diebold_mariano(gaps, lags=0)

    def test_rejects_equals_about_as_often_as_it_says(self):
        rng = np.random.default_rng(6)
        found = [intervals.diebold_mariano(rng.normal(size=120)) < 0.05 for _ in range(400)]
        assert 8 <= sum(found) <= 36


class TestRatio:
    def test_holds_one_where_both_are_alike_and_not_where_one_is_larger(self):
        rng = np.random.default_rng(8)
        a = rng.gamma(4, 0.05, size=300)
        _, low, high = intervals.ratio(a, np.tile(a, 3))
        assert low < 1 < high
        assert intervals.ratio(1.5 * a, np.tile(a, 3))[1] > 1

    def test_refuses_an_empty_side(self):
        with pytest.raises(ValueError, match="at least one"):
            intervals.ratio([], [1.0])


class TestSlices:
    def test_of_names_hold_all_rows_and_average_to_the_whole(self):
        names = np.arange(len(Y)) % 7
        parts = slices.by(names, P, Y)
        assert [part["name"] for part in parts] == list(range(7))
        total = sum(part["n"] * part["log_loss"] for part in parts) / len(Y)
        assert total == pytest.approx(scoring.log_loss(P, Y), rel=1e-12)

    def test_by_confidence_hold_each_row_in_one_tier(self):
        tiers = slices.confidence(P, Y)
        assert sum(tier["n"] for tier in tiers) == len(Y)
        assert tiers[0]["name"] == "below 0.45"

    def test_of_favourites_and_underdogs_tell_what_became_of_them(self):
        favourite, underdog = slices.called(P, Y)
        assert favourite["n"] == (P >= 0.55).sum() and underdog["n"] == (P <= 0.45).sum()
        assert favourite["happened"] == pytest.approx(favourite["said"], abs=0.08)

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.integers(0, 30), min_size=1, max_size=60))
    def test_of_four_weeks_equal_the_mean_of_their_rows(self, weeks):
        loss = np.arange(len(weeks), dtype=float)
        for part in slices.rolling(weeks, {"loss": loss}):
            inside = [
                loss[i] for i, week in enumerate(weeks) if 0 <= part["week"] - week < slices.WINDOW
            ]
            assert part["n"] == len(inside)
            assert part["loss"] == pytest.approx(np.mean(inside), abs=1e-9)


class TestRaces:
    def test_of_two_runners_each_score_as_two_classes(self):
        p, y = np.array([[0.7, 0.3], [0.4, 0.6]]), [0, 0]
        found = races.score(p.ravel(), [1, 0, 1, 0], [5, 5, 6, 6])
        assert found.log_losses.mean() == pytest.approx(scoring.log_loss(p, y), rel=1e-12)
        assert found.briers.mean() == pytest.approx(scoring.brier(p, y), rel=1e-12)

    def test_leave_out_dead_heats_and_races_without_a_winner_and_count_them(self):
        found = races.score([0.5, 0.5, 0.5, 0.5, 0.9, 0.1], [1, 1, 0, 0, 1, 0], [1, 1, 2, 2, 3, 3])
        assert (found.race.tolist(), found.left_out) == ([3], 2)

    def test_share_out_what_a_runner_taken_away_left(self):
        whole = races.score([0.25, 0.25], [1, 0], [1, 1])
        assert whole.log_losses[0] == pytest.approx(np.log(2))

    @pytest.mark.parametrize("p", [[0.0, 1.0], [np.nan, 0.5], [0.5]])
    def test_refuse_probabilities_that_are_none(self, p):
        with pytest.raises(ValueError, match=r"need|positive"):
            races.score(p, [1, 0], [1, 1])
