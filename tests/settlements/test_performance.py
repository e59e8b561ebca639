import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlements.domain import performance


class TestWilson:
    def test_equals_the_textbook(self):
        rate = performance.wilson(hits=40, n=100)
        assert (rate.value, rate.low, rate.high) == pytest.approx(
            (0.4, 0.309401, 0.497997), abs=1e-6
        )

    def test_never_leaves_the_unit_interval(self):
        none, every = performance.wilson(hits=0, n=5), performance.wilson(hits=5, n=5)
        assert none.low == pytest.approx(0.0) and every.high == pytest.approx(1.0)

    def test_says_nothing_of_nothing(self):
        assert performance.wilson(hits=0, n=0) == performance.Rate()


class TestRatio:
    def test_is_the_ratio_of_the_sums(self):
        rate = performance.ratio(top=np.array([10.0, -30.0, 5.0]), bottom=np.array([10, 30, 20]))
        assert rate.value == pytest.approx(-15 / 60)

    def test_draws_the_same_interval_from_the_same_seed(self):
        top, bottom = np.arange(50.0) - 20, np.full(50, 10)
        again = [performance.ratio(top=top, bottom=bottom, seed=seed) for seed in (1, 1, 2)]
        assert again[0] == again[1] != again[2]

    def test_draws_whole_clusters(self):
        """Ten bets of one event are one draw: the interval is as wide as for one bet ten times."""
        random = np.random.default_rng(5)
        single = random.normal(0.0, 1.0, 400)
        together = performance.ratio(top=10 * single, bottom=np.full(400, 10))
        apart = performance.ratio(top=single, bottom=np.ones(400))
        assert (together.low, together.high) == pytest.approx((apart.low, apart.high))

    def test_agrees_with_the_linearised_interval_on_many_clusters(self, monkeypatch):
        random = np.random.default_rng(7)
        bottom = random.integers(100, 2_000, 3_000)
        top = bottom * random.normal(0.02, 1.0, 3_000)
        drawn = performance.ratio(top=top, bottom=bottom)
        monkeypatch.setattr(performance, "MOST_CLUSTERS", 10)
        linear = performance.ratio(top=top, bottom=bottom)
        width = linear.high - linear.low
        assert drawn.low == pytest.approx(linear.low, abs=0.05 * width)
        assert drawn.high == pytest.approx(linear.high, abs=0.05 * width)

    def test_has_no_interval_for_one_cluster_and_no_value_for_none(self):
        assert performance.ratio(top=np.array([1.0]), bottom=np.array([4])).high is None
        assert performance.ratio(top=np.array([]), bottom=np.array([])) == performance.Rate()


class TestDrawdowns:
    @given(st.lists(st.integers(1, 10_000), min_size=1, max_size=60))
    def test_equal_pandas(self, equity):
        series = pd.Series(equity, dtype=float)
        fall = (series.cummax() - series) / series.cummax()
        worst, now = performance.drawdowns(equity=series.to_numpy())
        assert (worst, now) == pytest.approx((fall.max(), fall.iloc[-1]))

    def test_count_the_opening_balance_as_a_peak(self):
        assert performance.drawdowns(equity=np.array([100.0, 80.0])) == (0.2, 0.2)

    def test_recover_with_the_equity(self):
        assert performance.drawdowns(equity=np.array([100.0, 80.0, 120.0])) == (0.2, 0.0)


class TestDailyReturns:
    def test_equal_pandas_over_every_day_of_the_calendar(self):
        day, profit = np.array([10, 10, 13, 15]), np.array([500, -200, -1300, 900])
        by_day = pd.Series(profit).groupby(day).sum().reindex(range(10, 16), fill_value=0)
        before = 10_000 + by_day.cumsum().shift(fill_value=0)
        returns = performance.daily_returns(day=day, profit=profit, opening=10_000)
        assert returns == pytest.approx((by_day / before).to_numpy())
        assert performance.sharpe(returns=returns) == pytest.approx(
            (by_day / before).mean() / (by_day / before).std() * np.sqrt(365)
        )

    def test_are_none_where_the_money_was_used_up(self):
        day, profit = np.array([1, 2]), np.array([-100, 50])
        assert len(performance.daily_returns(day=day, profit=profit, opening=100)) == 0

    def test_have_no_ratio_without_variation(self):
        flat = np.zeros(10)
        assert performance.sharpe(returns=flat) is None
        assert performance.sortino(returns=flat) is None

    def test_sortino_counts_only_falls_but_every_day(self):
        returns = np.array([0.02, -0.01, 0.0, 0.03])
        down = np.sqrt((0.01**2) / 4)
        assert performance.sortino(returns=returns) == pytest.approx(0.01 / down * np.sqrt(365))
