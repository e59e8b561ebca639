from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import numpy as np
import pandas as pd
import pytest
from django.db import connection

from models_ml.models import Replay
from settlements import queries
from settlements.domain import performance as figures
from settlements.models import BetValue
from settlements.services import daily as betting_days
from settlements.services import ledger, settling
from tests import kept
from tests.settlements.builders import (
    NOON,
    a_bankroll,
    a_competition,
    a_result,
    a_selection,
    an_accepted_bet,
    an_event,
)

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def season():
    bankroll = kept.world("a season of bets", a_season)
    with connection.cursor() as cursor:
        cursor.execute("analyze")  # rows of tests rolled back before would mislead the planner
    return bankroll


def a_season():
    """Settle two hundred bets, up to three on an event, and value most of them."""
    random, bankroll = np.random.default_rng(11), a_bankroll("5000.00")
    for day in range(90):
        if day % 3 == 1:
            continue
        at = START + timedelta(days=day)
        event = an_event(starts_at=at)
        for role in ("HOME", "DRAW", "AWAY")[: random.integers(1, 4)]:
            an_accepted_bet(
                a_selection(event, role=role),
                bankroll=bankroll,
                stake=f"{random.integers(200, 5000) / 100:.2f}",
                price=f"{random.uniform(1.4, 4.5):.3f}",
                side="LAY" if random.random() < 0.2 else "BACK",
                placed_at=at - timedelta(hours=1),
            )
        status = "ABANDONED" if random.random() < 0.05 else "FINAL"
        score = (None, None) if status == "ABANDONED" else random.integers(0, 4, 2).tolist()
        a_result(event, *score, status=status, known_at=at + timedelta(hours=2))
        settle(at + timedelta(hours=14), bankroll)
    for bet in bankroll.bets.all():
        if random.random() < 0.8:
            a_value(bet, clv=random.normal(0.01, 0.05))
    bankroll.refresh_from_db()
    return bankroll


def settle(as_of, bankroll):
    settling.settle_due(
        as_of=as_of, now=NOON, actor="test", bankroll_ids=[bankroll.pk], with_imbalance=False
    )


def a_value(bet, *, clv):
    BetValue.objects.create(
        bet=bet,
        reference="pinnacle",
        method="shin",
        closing_price=bet.price,
        closing_probability=0.5,
        close_age_seconds=60,
        clv_raw=clv + 0.02,
        clv=clv,
        valued_at=NOON,
    )


def a_settled_bet(bankroll, profit="9.00", at=NOON, **terms):
    bet = an_accepted_bet(bankroll=bankroll, **terms)
    a_result(bet, *((1, 0) if D(profit) > 0 else (0, 1)), known_at=at)
    settle(at, bankroll)
    return bet


def frame_of(bankroll):
    rows = bankroll.bets.filter(status="SETTLED").values_list(
        "selection__market__event_id",
        "liability",
        "profit",
        "outcome",
        "settled_at",
        "value__clv",
        "value__clv_raw",
    )
    names = ["event", "base", "profit", "outcome", "at", "clv", "clv_raw"]
    frame = pd.DataFrame(list(rows), columns=names)
    return frame.astype({"base": float, "profit": float, "clv": float, "clv_raw": float})


class TestPerformance:
    def test_equals_pandas_on_the_same_bets(self, season):
        every = frame_of(season)
        frame = every[every.outcome != "VOID"]
        shown = queries.performance(bankroll_ids=[season.pk])

        assert (shown.n, shown.void) == (len(frame), len(every) - len(frame))
        assert shown.void > 0
        assert float(shown.turnover) == pytest.approx(frame.base.sum())
        assert float(shown.profit) == pytest.approx(frame.profit.sum())
        assert shown.yield_.value == pytest.approx(frame.profit.sum() / frame.base.sum())
        decided = frame[frame.profit != 0]
        assert shown.win_rate.value == pytest.approx((decided.profit > 0).mean())
        assert (shown.valued, shown.clv.value) == (
            frame.clv.notna().sum(),
            pytest.approx(frame.clv.mean()),
        )
        weighted = (frame.clv * frame.base).sum() / frame.base[frame.clv.notna()].sum()
        assert shown.clv_by_stake == pytest.approx(weighted)
        assert shown.clv_raw == pytest.approx(frame.clv_raw.mean())
        assert shown.beat_close.value == pytest.approx((frame.clv.dropna() > 0).mean())

    def test_draws_events_for_its_intervals(self, season):
        frame = frame_of(season).query("outcome != 'VOID'")
        sums = frame.groupby("event")[["profit", "base"]].sum()
        expected = figures.ratio(
            top=(sums.profit * 100).round().to_numpy(), bottom=(sums.base * 100).round().to_numpy()
        )
        assert queries.performance(bankroll_ids=[season.pk]).yield_ == pytest.approx(expected)

    def test_follows_the_equity_from_the_opening_balance(self, season):
        frame = frame_of(season)
        equity = 5000 + frame.groupby("at").profit.sum().sort_index().cumsum()
        with_opening = pd.concat([pd.Series([5000.0]), equity])
        fall = (with_opening.cummax() - with_opening) / with_opening.cummax()
        shown = queries.performance(bankroll_ids=[season.pk])
        assert (shown.opening, shown.equity) == (D("5000.00"), season.balance)
        assert (shown.max_drawdown, shown.drawdown) == pytest.approx((fall.max(), fall.iloc[-1]))
        daily = frame.groupby(frame["at"].dt.date).profit.sum()
        calendar = pd.date_range(daily.index.min(), daily.index.max()).date
        daily = daily.reindex(calendar, fill_value=0.0)
        returns = daily / (5000 + daily.cumsum().shift(fill_value=0.0))
        assert shown.sharpe == pytest.approx(returns.mean() / returns.std() * np.sqrt(365))

    def test_of_a_window_opens_with_the_money_at_its_beginning(self, season):
        middle = START + timedelta(days=45)
        first = queries.performance(bankroll_ids=[season.pk], until=middle)
        second = queries.performance(bankroll_ids=[season.pk], since=middle)
        assert first.n + second.n == queries.performance(bankroll_ids=[season.pk]).n
        assert second.opening == first.opening + first.profit
        assert second.equity == season.balance

    def test_of_nothing_says_nothing(self):
        shown = queries.performance(bankroll_ids=[a_bankroll().pk])
        assert (shown.n, shown.yield_, shown.clv.value) == (0, figures.Rate(), None)
        assert (shown.opening, shown.max_drawdown, shown.sharpe) == (D("1000.00"), 0.0, None)

    def test_asks_the_same_questions_of_any_number_of_bets(self, season, django_assert_num_queries):
        with django_assert_num_queries(4):
            queries.performance(bankroll_ids=[season.pk])

    def test_without_bankrolls_leaves_replays_and_simulations_out(self):
        league = a_competition("E9")
        replay = Replay.objects.create(
            competition=league,
            season=league.seasons.create(label="2023-24"),
            actor="test",
            started_at=NOON,
        )
        live = a_bankroll()
        for bankroll in (
            live,
            a_bankroll(kind="REPLAY", replay=replay),
            a_bankroll(is_simulated=True),
        ):
            a_settled_bet(bankroll)
        assert queries.performance().n == 1
        assert [group.bankroll_ids for group in queries.groups(simulated=False)] == [(live.pk,)]

    @pytest.mark.parametrize(
        "other", [{"is_simulated": True}, {"currency": "GBP"}, {"kind": "LIVE"}]
    )
    def test_refuses_a_mixture(self, other):
        ids = [a_bankroll().pk, a_bankroll(**other).pk]
        with pytest.raises(queries.MixedFigures):
            queries.performance(bankroll_ids=ids)
        assert len(queries.groups()) == 2


class TestEquity:
    def test_begins_with_the_opening_balance_and_ends_with_the_bankroll(self, season):
        points = queries.equity(bankroll_ids=[season.pk])
        assert (points[0].equity, points[-1].equity) == (D("5000.00"), season.balance)
        assert sum(point.profit for point in points) == season.balance - D("5000.00")
        assert [p.at for p in points] == sorted(p.at for p in points)

    def test_takes_a_later_deposit_for_no_profit(self):
        bankroll = a_bankroll("100.00")
        a_settled_bet(bankroll)
        ledger.deposit(
            bankroll_id=bankroll.pk, amount=D("50"), reference="more", actor="test", now=NOON
        )
        assert [point.equity for point in queries.equity(bankroll_ids=[bankroll.pk])] == [
            D("150.00"),
            D("159.00"),
        ]


class TestOverdue:
    def test_finds_accepted_bets_whose_result_is_known_for_too_long(self):
        bet = an_accepted_bet()
        a_result(bet, 1, 0, known_at=NOON - timedelta(minutes=10))
        limits = [timedelta(minutes=9), timedelta(minutes=11)]
        found = [queries.overdue(as_of=NOON, limit=limit) for limit in limits]
        assert [[late.bet_id for late in each] for each in found] == [[bet.pk], []]


class TestTotals:
    def test_are_the_plain_sums_of_the_performance(self, season):
        betting_days.rebuild(actor="test", now=NOON)
        (group,) = queries.groups()
        shown, sums = queries.of(group), queries.totals(group)
        assert (sums.bets, sums.turnover, sums.profit) == (shown.n, shown.turnover, shown.profit)
        assert sums.clv == pytest.approx(shown.clv.value)
