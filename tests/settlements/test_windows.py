"""Figures over windows of betting days: those of the bets themselves, from the days' sums."""

from datetime import date, datetime, timedelta
from decimal import Decimal as D

import numpy as np
import pytest
from scipy import stats

from betting.models import Bankroll
from settlements import queries
from settlements.services import daily, settling, valuing, windows
from settlements.services.windows import Cut, Span
from tests import kept
from tests.settlements.builders import (
    NOON,
    a_bankroll,
    a_book,
    a_close,
    a_result,
    a_selection,
    an_accepted_bet,
    an_event,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
LATER = NOON + 40 * DAY


@pytest.fixture
def bankroll() -> Bankroll:
    return kept.world("forty days of bets", forty_days)


def forty_days() -> Bankroll:
    random, bankroll = np.random.default_rng(7), a_bankroll("2000.00")
    pinnacle = a_book("pinnacle", reference_rank=1)
    for day in range(0, 40, 2):
        at = NOON + day * DAY
        event = an_event(starts_at=at)
        for role in ("HOME", "DRAW", "AWAY")[: random.integers(1, 4)]:
            selection = a_selection(event, role=role)
            a_close(selection, book=pinnacle, price="2.8", fair=float(random.uniform(0.2, 0.5)))
            an_accepted_bet(
                selection,
                bankroll=bankroll,
                stake=f"{random.integers(200, 5000) / 100:.2f}",
                price=f"{random.uniform(1.4, 4.5):.3f}",
                side="LAY" if random.random() < 0.2 else "BACK",
                placed_at=at - timedelta(hours=int(random.integers(1, 50))),
                probability=0.4,
            )
        a_result(event, *random.integers(0, 3, 2).tolist(), known_at=at + timedelta(hours=2))
        end = at + timedelta(hours=3)
        settling.settle_due(as_of=end, now=end, actor="test", with_imbalance=False)
    valuing.value_due(as_of=LATER, now=LATER)
    daily.refresh_due()
    bankroll.refresh_from_db()
    return bankroll


def ids(bankroll: Bankroll) -> list[int]:
    return [bankroll.pk]


class TestTotal:
    def test_equals_the_figures_reckoned_from_the_bets(self, bankroll):
        exact = queries.performance(bankroll_ids=ids(bankroll))
        shown = windows.total(bankroll_ids=ids(bankroll))
        assert (shown.bets, shown.void, shown.valued) == (exact.n, exact.void, exact.valued)
        assert (shown.turnover, shown.profit) == (exact.turnover, exact.profit)
        for name in ("yield_", "clv", "win_rate", "beat_close"):
            assert getattr(shown, name).value == pytest.approx(getattr(exact, name).value)
        assert shown.win_rate == exact.win_rate
        assert (shown.clv_by_stake, shown.clv_raw) == (
            pytest.approx(exact.clv_by_stake),
            pytest.approx(exact.clv_raw),
        )

    def test_has_the_interval_of_a_regression_clustered_by_event(self, bankroll):
        """A ratio is the slope of profit on turnover weighed by it; the sandwich is by hand."""
        by_event: dict[int, np.ndarray] = {}
        for event, profit, base in bankroll.bets.exclude(outcome="VOID").values_list(
            "selection__market__event_id", "profit", "liability"
        ):
            by_event.setdefault(event, np.zeros(2))
            by_event[event] += (float(profit), float(base))
        sums = np.array(list(by_event.values()))
        value = sums[:, 0].sum() / sums[:, 1].sum()
        n = len(sums)
        error = np.sqrt(n / (n - 1) * ((sums[:, 0] - value * sums[:, 1]) ** 2).sum())
        half = stats.t.ppf(0.975, n - 1) * error / sums[:, 1].sum()
        shown = windows.total(bankroll_ids=ids(bankroll)).yield_
        assert (shown.low, shown.high) == (
            pytest.approx(value - half),
            pytest.approx(value + half),
        )

    def test_holds_the_yield_against_what_the_close_expected(self, bankroll):
        bets = list(
            bankroll.bets.exclude(outcome="VOID").values_list(
                "profit", "liability", "stake", "value__clv"
            )
        )
        expected = sum(float(stake) * clv for _, _, stake, clv in bets)
        profit = sum(float(one[0]) for one in bets)
        turnover = sum(float(one[1]) for one in bets)
        shown = windows.total(bankroll_ids=ids(bankroll))
        assert float(shown.expected) == pytest.approx(expected, abs=0.01)
        assert shown.excess.value == pytest.approx((profit - expected) / turnover)
        assert shown.excess.low < shown.excess.value < shown.excess.high
        is_sure = not shown.excess.low < 0 < shown.excess.high
        assert (shown.excess_p < 0.05) == is_sure

    def test_of_a_window_counts_its_betting_days_alone(self, bankroll):
        within = windows.span(bankroll_ids=ids(bankroll), days=7, now=NOON + 38 * DAY)
        assert within == Span(date(2026, 4, 15), date(2026, 4, 21))
        since = datetime.combine(within.first, datetime.min.time(), NOON.tzinfo)
        exact = queries.performance(bankroll_ids=ids(bankroll), since=since)
        shown = windows.total(bankroll_ids=ids(bankroll), within=within)
        assert 0 < shown.bets == exact.n < windows.total(bankroll_ids=ids(bankroll)).bets
        assert shown.profit == exact.profit
        money = windows.money(bankroll_ids=ids(bankroll), within=within)
        assert (money.opening, money.equity) == (exact.opening, exact.equity)

    def test_of_nothing_tells_nothing(self):
        bankroll = a_bankroll("5.00")
        shown = windows.total(bankroll_ids=ids(bankroll))
        assert (shown.bets, shown.yield_.value, shown.excess_p) == (0, None, None)
        assert windows.money(bankroll_ids=ids(bankroll)).equity == D("5.00")
        assert windows.equity(bankroll_ids=ids(bankroll)) == []


class TestMoney:
    def test_equals_that_reckoned_from_the_bets(self, bankroll):
        exact = queries.performance(bankroll_ids=ids(bankroll))
        money = windows.money(bankroll_ids=ids(bankroll))
        assert (money.opening, money.equity) == (exact.opening, exact.equity)
        assert money.max_drawdown == pytest.approx(exact.max_drawdown)
        assert money.drawdown == pytest.approx(exact.drawdown)
        assert money.sharpe.value == pytest.approx(exact.sharpe)
        assert money.sortino == pytest.approx(exact.sortino)
        assert money.growth == pytest.approx(float(exact.profit / exact.opening))


class TestBy:
    @pytest.mark.parametrize("cut", Cut.values)
    def test_shares_all_bets_out_among_the_keys_of_a_cut(self, bankroll, cut):
        every = windows.total(bankroll_ids=ids(bankroll))
        lines = windows.by(bankroll_ids=ids(bankroll), cut=cut)
        assert sum(line.figures.bets for line in lines) == every.bets
        assert sum(line.figures.profit for line in lines) == every.profit
        assert all(line.title for line in lines)

    def test_reads_in_the_order_of_the_hours(self, bankroll):
        keys = [line.key for line in windows.by(bankroll_ids=ids(bankroll), cut=Cut.HOURS)]
        assert keys == [key for key in windows.ORDERS[Cut.HOURS] if key in keys]
        assert len(keys) > 2

    def test_takes_two_statements_however_many_keys(self, bankroll, django_assert_max_num_queries):
        with django_assert_max_num_queries(2):
            assert len(windows.by(bankroll_ids=ids(bankroll), cut=Cut.TEAM)) > 20


class TestSideBySide:
    def test_equals_each_window_by_itself(self, bankroll, django_assert_max_num_queries):
        now = NOON + 38 * DAY
        with django_assert_max_num_queries(7):
            shown = windows.side_by_side(bankroll_ids=ids(bankroll), now=now)
        for name, (figures, money) in shown.items():
            within = windows.span(bankroll_ids=ids(bankroll), days=windows.days_of(name), now=now)
            assert figures == windows.total(bankroll_ids=ids(bankroll), within=within)
            assert money == windows.money(bankroll_ids=ids(bankroll), within=within)


class TestRolling:
    def test_ends_each_window_at_its_day(self, bankroll):
        days, found = windows.rolling(bankroll_ids=ids(bankroll), window=7)
        for place in (0, 4, len(days) - 1):
            within = Span(days[place] - 6 * DAY, days[place])
            shown = windows.total(bankroll_ids=ids(bankroll), within=within)
            assert found.bets[place] == shown.bets
            assert found.value[place] == pytest.approx(shown.yield_.value)
            if shown.yield_.low is not None:
                assert found.low[place] == pytest.approx(shown.yield_.low)


class TestDaysOf:
    @pytest.mark.parametrize(
        "window", ["", "0d", "d", "-3d", "x", "٣d", "1e3d", "999999d"],
        ids=["none", "zero", "bare", "negative", "word", "other-digits", "power", "too-many"],
    )  # fmt: skip
    def test_refuses_what_is_no_number_of_days(self, window):
        with pytest.raises(windows.UnknownWindow):
            windows.days_of(window)
