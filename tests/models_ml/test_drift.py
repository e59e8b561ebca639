from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from models_ml.domain import drift, scoring
from models_ml.domain.drift import Flag, State

NAMES = [f"f{i}" for i in range(50)]
DRAWS = 200
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def correlated(rng, n, shift=0.0, shifted=0):
    """Return rows of fifty features that ten things drive; some shifted, in deviations."""
    drivers = np.repeat(rng.normal(size=(n, 10)), 5, axis=1)
    rows = 0.7 * drivers + np.sqrt(1 - 0.49) * rng.normal(size=(n, 50))
    rows[:, :shifted] += shift
    return rows


@pytest.fixture(scope="module")
def kept():
    return drift.reference(correlated(np.random.default_rng(1), 2048), NAMES)


class TestCounts:
    def test_put_every_value_in_one_bin(self):
        rng = np.random.default_rng(2)
        values = rng.normal(size=(5000, 9)).round(1)
        values[rng.random(values.shape) < 0.1] = np.nan
        found = drift.reference(values[:3000], NAMES[:9])
        now = drift.counts(values[3000:], found.edges)
        assert (now.sum(axis=1) == 2000).all()
        assert (now[:, 12] == np.isnan(values[3000:]).sum(axis=0)).all()

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.one_of(st.floats(-5, 5), st.integers(0, 2).map(float), st.just(float("nan"))),
            min_size=1, max_size=40,
        ),
        st.lists(st.floats(-6, 6), min_size=1, max_size=40),
    )  # fmt: skip
    def test_equal_the_bins_written_out(self, before, now):
        kept = drift.reference(np.array(before)[:, None], ["x"])
        found = drift.counts(np.array(now)[:, None], kept.edges)[0]
        edges = kept.edges[0]
        expected = [0] * 13
        for value in now:
            if value > edges[10]:
                expected[11] += 1
            else:
                expected[sum(value >= edge for edge in edges[:10])] += 1
        assert found.tolist() == expected

    def test_of_a_reference_say_ten_equal_bins(self):
        found = drift.reference(np.random.default_rng(3).normal(size=(1000, 2)), ["a", "b"])
        assert found.counts[0].tolist() == [0, *[100] * 10, 0, 0]

    def test_refuse_other_columns(self):
        with pytest.raises(ValueError, match="2 values"):
            drift.reference(np.zeros((5, 3)), ["a", "b"])


class TestReference:
    def test_survives_json_with_a_feature_nobody_knew(self):
        values = np.column_stack([np.arange(200.0), np.full(200, np.nan)])
        before = drift.reference(values, ["a", "b"])
        after = drift.Reference.from_figures(before.as_figures())
        assert (after.edges == before.edges).all() and (after.counts == before.counts).all()
        known = np.column_stack([np.arange(200.0), np.arange(200.0)])
        told = drift.psi(after, known).features
        assert told[0].psi < 0.01 and (told[0].is_breach, told[1].is_breach) == (False, True)


class TestWindows:
    STARTS = np.arange(1000) * drift.WEEK // 50  # fifty rows a week

    def test_hold_four_weeks_or_as_many_rows_as_are_needed(self):
        sizes = [part.stop - part.start for part in drift.windows(self.STARTS)]
        assert sizes[:-1] == [200] * 4 and sum(sizes) == 1000
        few = drift.windows(self.STARTS * 10)  # five rows a week
        assert [part.stop - part.start for part in few] == [128] * 6 + [232]

    def test_of_too_few_rows_are_none(self):
        assert drift.windows(self.STARTS[:127]) == []

    def test_make_usual_what_every_season_does(self):
        rng = np.random.default_rng(20)
        starts = np.arange(6000) * drift.WEEK // 40
        weeks = starts // drift.WEEK
        values = np.column_stack([weeks % 38, rng.normal(size=6000)]).astype(float)
        kept = drift.reference(values[:5000], ["week", "x"], starts=starts[:5000])
        plain = drift.reference(values[:5000], ["week", "x"])
        for first in range(5000, 5840, 40):
            now = values[first : first + 160]
            assert not any(feature.is_breach for feature in drift.psi(kept, now).features)
            assert drift.psi(plain, now).features[0].is_breach
        now = values[5200:5360] + np.array([0.0, 1.0])
        assert [feature.is_breach for feature in drift.psi(kept, now).features] == [False, True]

    def test_of_the_present_end_with_the_last_row(self):
        part = drift.recent(self.STARTS)
        assert (part.start, part.stop) == (800, 1000)
        assert drift.recent(self.STARTS[:60]) == slice(0, 60)


class TestPsi:
    def test_equals_its_formula_written_out(self):
        rng = np.random.default_rng(4)
        kept = drift.reference(rng.normal(size=(1000, 1)), ["x"])
        now = rng.normal(0.3, 1.0, size=(400, 1))
        seen = drift.counts(now, kept.edges)[0] / 400
        expected = [1 / 1001, *[0.1] * 10, 1 / 1001]  # nothing is missing on either side
        total = sum(
            (a - e) * np.log(a / e)
            for a, e in (
                (a or min(0.5 / 400, e), e) for a, e in zip(seen[:12], expected, strict=True)
            )
        )
        assert drift.psi(kept, now).features[0].psi == pytest.approx(total, rel=1e-12)

    @pytest.mark.parametrize("n, quantile", [(32, 0.624), (128, 0.163), (512, 0.048)])
    def test_knows_what_chance_gives_at_each_number_of_rows(self, kept, n, quantile):
        rows = correlated(np.random.default_rng(5), n)
        feature = drift.psi(kept, rows).features[0]
        assert feature.null_quantile == pytest.approx(quantile, abs=0.001)
        assert feature.threshold == max(0.20, feature.null_quantile)

    @pytest.mark.parametrize("m, n", [(128, 128), (512, 128), (2048, 256)])
    def test_lets_chance_pass_the_quantile_about_once_in_twenty(self, m, n):
        rng = np.random.default_rng(19)
        above = [
            feature.psi > feature.null_quantile
            for _ in range(20)
            for feature in drift.psi(
                drift.reference(rng.normal(size=(m, 50)), NAMES), rng.normal(size=(n, 50))
            ).features
        ]
        assert 0.015 < np.mean(above) < 0.075

    def test_of_a_shift_is_about_its_square(self):
        rng = np.random.default_rng(6)
        kept = drift.reference(rng.normal(size=(40_000, 1)), ["x"])
        found = drift.psi(kept, rng.normal(0.5, 1.0, size=(40_000, 1))).features[0]
        assert found.psi == pytest.approx(0.25, abs=0.03)

    @pytest.mark.parametrize("n", [128, 256, 2000])
    def test_stays_quiet_over_two_hundred_clean_draws(self, kept, n):
        """The stated rate is one report in a hundred; more than 6 of 200 has p < .01."""
        rng = np.random.default_rng(7)
        fired = [
            drift.psi(kept, correlated(rng, n)).finding().state == State.FIRED for _ in range(DRAWS)
        ]
        assert sum(fired) <= 6

    def test_stays_quiet_where_the_reference_is_as_small_as_the_present(self):
        rng = np.random.default_rng(8)
        fired = 0
        for _ in range(DRAWS):
            small = drift.reference(rng.normal(size=(128, 50)), NAMES)
            fired += drift.psi(small, rng.normal(size=(128, 50))).finding().state == State.FIRED
        assert fired <= 6

    def test_catches_six_features_moved_by_seven_tenths(self, kept):
        rng = np.random.default_rng(9)
        found = [drift.psi(kept, correlated(rng, 256, shift=0.7, shifted=6)) for _ in range(DRAWS)]
        caught = sum(each.finding().state == State.FIRED for each in found)
        assert caught >= 0.99 * DRAWS
        assert {f.name for f in found[0].features if f.is_breach} <= set(NAMES[:6])

    def test_catches_features_that_a_source_no_longer_tells(self, kept):
        rows = correlated(np.random.default_rng(10), 300)
        rows[:150, :5] = np.nan
        found = drift.psi(kept, rows)
        assert found.finding().state == State.FIRED
        assert found.features[0].share_missing == 0.5

    @pytest.mark.parametrize("n", [0, 127])
    def test_says_not_enough_rows_and_never_that_all_is_well(self, kept, n):
        finding = drift.psi(kept, correlated(np.random.default_rng(11), n, 3.0, 50)).finding()
        assert finding.state == State.NOT_ENOUGH
        assert f"{n} rows" in finding.text


class TestBrier:
    P = np.random.default_rng(12).dirichlet([5, 3, 4], size=4000)

    def briers(self, rng, n, confidence=1.0):
        p = self.P[rng.integers(0, len(self.P), size=n)]
        y = (rng.random(n)[:, None] > np.cumsum(p, axis=1)[:, :-1]).sum(axis=1)
        said = p**confidence / (p**confidence).sum(axis=1, keepdims=True)
        return scoring.briers(said, y)

    def test_stays_quiet_over_two_hundred_clean_draws(self):
        rng = np.random.default_rng(13)
        fired = [
            drift.brier_worse(self.briers(rng, 240), self.briers(rng, 300), draws=200).state
            == State.FIRED
            for _ in range(DRAWS)
        ]
        assert sum(fired) <= 0.05 * DRAWS

    def test_catches_fifteen_percent_at_sixty_rows_a_week(self):
        rng = np.random.default_rng(14)
        caught = sum(
            drift.brier_worse(1.15 * self.briers(rng, 240), self.briers(rng, 300), draws=200).state
            == State.FIRED
            for _ in range(DRAWS)
        )
        assert caught >= 0.8 * DRAWS

    def test_of_ten_percent_by_chance_fires_only_where_the_policy_is_plain(self):
        now, then = np.tile([0.0, 2.3], 64), np.tile([0.0, 2.0], 100)
        assert drift.brier_worse(now, then).state == State.QUIET
        assert drift.brier_worse(now, then, plain=True).state == State.FIRED

    def test_says_not_enough_on_few_rows(self):
        finding = drift.brier_worse([0.9] * 127, [0.2] * 500)
        assert finding.state == State.NOT_ENOUGH


class TestCalibration:
    def fit(self, rng, n, confidence):
        p = TestBrier.P[rng.integers(0, 4000, size=n)]
        y = (rng.random(n)[:, None] > np.cumsum(p, axis=1)[:, :-1]).sum(axis=1)
        said = p**confidence / (p**confidence).sum(axis=1, keepdims=True)
        return scoring.reliability(said, y)

    def test_stays_quiet_over_two_hundred_clean_draws(self):
        rng = np.random.default_rng(15)
        fired = [
            drift.calibration(self.fit(rng, 240, 1.0), n=240).state == State.FIRED
            for _ in range(DRAWS)
        ]
        assert sum(fired) <= 0.05 * DRAWS

    def test_is_asked_of_intervals_that_cover_what_they_say(self):
        """Classes of one match exclude one another; taken as independent 15 of 100 miss."""
        rng = np.random.default_rng(21)
        fits = [self.fit(rng, 240, 1.0) for _ in range(300)]
        missed = np.mean([not fit.slope_low <= 1.0 <= fit.slope_high for fit in fits])
        assert 0.02 < missed < 0.10

    @pytest.mark.parametrize("confidence", [0.5, 2.0])
    def test_catches_too_little_and_too_much_confidence(self, confidence):
        fit = self.fit(np.random.default_rng(16), 600, confidence)
        assert drift.calibration(fit, n=600).state == State.FIRED

    def test_of_a_slope_off_by_chance_fires_only_where_the_policy_is_plain(self):
        wide = scoring.Reliability(1.2, 0.9, 1.5, 0.0, -0.1, 0.1)
        assert drift.calibration(wide, n=240).state == State.QUIET
        assert drift.calibration(wide, n=240, plain=True).state == State.FIRED

    @pytest.mark.parametrize("n", [127, 500])
    def test_says_not_enough_without_rows_or_line(self, n):
        assert drift.calibration(None, n=n).state == State.NOT_ENOUGH


class TestCusum:
    WEEKS = np.repeat(np.arange(30), 50)

    def finding(self, worse):
        gaps = np.random.default_rng(17).normal(0.01, 0.2, size=1500)
        gaps[750:] += worse
        return drift.cusum(gaps, self.WEEKS, mean=0.01, sigma=0.2)

    def test_fires_once_in_five_hundred_weeks_without_drift(self):
        rng = np.random.default_rng(18)
        total, lived = np.zeros(1500), np.zeros(1500)
        while len(total):
            lived[: len(total)] += 1
            total = np.maximum(0.0, total + rng.normal(size=len(total)) - drift.CUSUM_SLACK)
            total = total[total <= drift.CUSUM_LIMIT]
        assert lived.mean() == pytest.approx(500, rel=0.08)

    def test_fires_where_the_model_loses_more_than_it_used_to(self):
        finding, path = self.finding(worse=0.06)
        assert finding.state == State.FIRED
        assert len(path) == 30 and path[14][1] < drift.CUSUM_LIMIT < finding.value

    def test_stays_quiet_where_it_loses_as_before(self):
        assert self.finding(worse=0.0)[0].state == State.QUIET

    @pytest.mark.parametrize(
        "n, sigma, why",
        [(127, 0.2, "127 rows with a market, 128 are"), (200, 0.0, "its test knew no market")],
        ids=["rows", "spread"],
    )
    def test_says_not_enough_without_rows_or_spread(self, n, sigma, why):
        finding, path = drift.cusum(np.ones(n), np.arange(n), mean=0.0, sigma=sigma)
        assert (finding.state, path) == (State.NOT_ENOUGH, [])
        assert finding.text.startswith(why)


class TestFlags:
    LEARNED = NOW - timedelta(days=100)

    @pytest.mark.parametrize(
        "days, state", [(-1, "FIRED"), (0, "FIRED"), (1, "QUIET"), (-100, "QUIET"), (-101, "QUIET")]
    )
    def test_fire_where_a_rule_changed_after_the_learning_and_before_now(self, days, state):
        told = [Flag("kickoff", NOW + timedelta(days=days))]
        finding = drift.flags(told, trained_until=self.LEARNED, now=NOW)
        assert finding.state == state
        assert ("kickoff" in finding.text) == (state == "FIRED")

    def test_of_none_are_quiet(self):
        assert drift.flags([], trained_until=self.LEARNED, now=NOW).state == State.QUIET


class TestNeeded:
    def test_is_what_chance_reaches_once_in_a_hundred_and_never_less_than_five(self):
        assert drift.needed([]) == drift.needed([1e-6] * 50) == drift.BREACHES
        more = drift.needed([0.05] * 50)
        assert stats.binom.sf(more - 1, 50, 0.05) <= 0.01 < stats.binom.sf(more - 2, 50, 0.05)
