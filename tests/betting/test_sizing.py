"""Stakes by each method, as decided: what the decision's chain says on the way."""

from datetime import timedelta
from decimal import Decimal

import pytest

from betting.models import Decision
from betting.services import deciding, sizing
from markets.models import Book, LatestPrice, Market, Selection
from models_ml.models import FeatureRow, Pipeline, Prediction
from tests.betting.builders import (
    NOON,
    a_bankroll,
    a_bet,
    a_book,
    a_pipeline,
    a_strategy,
    a_version,
    an_event,
    an_event_with_prices,
    predictions_of,
)

pytestmark = pytest.mark.django_db
WIDE = {"max_stake_share": 1.0, "max_event_share": 1.0, "max_day_share": 1.0, "max_open_share": 1.0}


def decide(strategy, *events) -> list[Decision]:
    """Return the bets decided on events whose home side wins .50 at 2.20."""
    ids = [prediction.pk for event in events for prediction in predictions_of(event)]
    made = deciding.decide(strategy=strategy, prediction_ids=ids, as_of=NOON, now=NOON)
    return [decision for decision in made if decision.selection.role == "HOME"]


def cuts(decision: Decision) -> dict[str, str]:
    return dict(decision.chain["cuts"])


def a_loss(bankroll, profit: str, *, days_ago: int) -> None:
    a_bet(
        bankroll=bankroll,
        status="SETTLED",
        outcome="LOST" if profit.startswith("-") else "WON",
        profit=Decimal(profit),
        placed_at=NOON - timedelta(days=days_ago, hours=1),
        settled_at=NOON - timedelta(days=days_ago),
    )


class TestFlat:
    def test_stakes_the_same_amount_whatever_the_edge(self):
        strategy = a_strategy(staking="FLAT", flat_stake=Decimal("12.50"))
        (bet,) = decide(strategy, an_event_with_prices())
        assert (bet.stake, bet.chain["staking"]) == (Decimal("12.50"), "FLAT")
        assert cuts(bet)["FLAT"] == "12.50"

    def test_is_cut_by_every_cap(self):
        strategy = a_strategy(staking="FLAT", flat_stake=Decimal("50"), max_stake_share=0.02)
        assert decide(strategy, an_event_with_prices())[0].stake == Decimal("20.00")


class TestPercent:
    def test_stakes_a_share_of_the_money(self):
        strategy = a_strategy(bankroll=a_bankroll("812.55"), staking="PERCENT", stake_share=0.01)
        (bet,) = decide(strategy, an_event_with_prices())
        assert (bet.stake, cuts(bet)["PERCENT"]) == (Decimal("8.12"), "8.12")


class TestSimultaneousKelly:
    def test_stakes_less_on_each_of_those_that_start_together(self):
        strategy = a_strategy(staking="SIMULTANEOUS_KELLY", kelly_fraction=1.0, **WIDE)
        bets = decide(strategy, *(an_event_with_prices() for _ in range(4)))
        together = {cuts(bet)["SIMULTANEOUS_KELLY"] for bet in bets}
        assert len(together) == 1
        assert Decimal("75.00") < Decimal(together.pop()) < Decimal("83.33")
        assert all(cuts(bet)["KELLY"] == "83.33" for bet in bets)

    def test_stakes_what_starts_at_another_time_by_itself(self):
        strategy = a_strategy(staking="SIMULTANEOUS_KELLY", kelly_fraction=1.0, **WIDE)
        events = [an_event_with_prices(starts_at=NOON + timedelta(hours=hours)) for hours in (1, 3)]
        assert [cuts(bet)["SIMULTANEOUS_KELLY"] for bet in decide(strategy, *events)] == [
            "83.33", "83.33",
        ]  # fmt: skip

    def test_shares_what_the_limits_leave_among_those_that_start_together(self):
        strategy = a_strategy(
            staking="SIMULTANEOUS_KELLY", kelly_fraction=0.5, **{**WIDE, "max_day_share": 0.04}
        )
        bets = decide(strategy, *(an_event_with_prices() for _ in range(4)))
        assert [bet.stake for bet in bets] == [Decimal("9.99")] * 4

    def test_stakes_nothing_without_money(self):
        strategy = a_strategy(bankroll=a_bankroll("0.00"), staking="SIMULTANEOUS_KELLY")
        (bet,) = decide(strategy, an_event_with_prices())
        assert (bet.verdict, bet.stake) == ("PASS", 0)


class TestDrawdownScaling:
    def test_halves_stakes_at_fifteen_per_cent_below_the_peak(self):
        bankroll = a_bankroll("850.00")
        a_loss(bankroll, "-150.00", days_ago=1)
        plain, scaled = (
            a_strategy(bankroll=bankroll),
            a_strategy(bankroll=bankroll, is_drawdown_scaled=True),
        )
        event = an_event_with_prices()
        predictions = [prediction.pk for prediction in predictions_of(event)]
        first, second = (
            deciding.decide(strategy=each, prediction_ids=predictions, as_of=NOON, now=NOON)[0]
            for each in (plain, scaled)
        )
        assert cuts(second)["DRAWDOWN"] == "8.85"  # half of a quarter of Kelly, 70.83 of 850
        assert (first.stake, second.stake) == (Decimal("17.00"), Decimal("8.85"))

    def test_stakes_nothing_at_thirty_per_cent_and_says_so(self):
        bankroll = a_bankroll("700.00")
        a_loss(bankroll, "-300.00", days_ago=1)
        (bet,) = decide(
            a_strategy(bankroll=bankroll, is_drawdown_scaled=True), an_event_with_prices()
        )
        assert (bet.verdict, bet.reason) == ("PASS", "DRAWDOWN")

    def test_recovers_with_the_money(self):
        bankroll = a_bankroll("950.00")
        for days_ago, profit in ((3, "100.00"), (2, "-400.00"), (1, "250.00")):
            a_loss(bankroll, profit, days_ago=days_ago)
        assert sizing.drawdown(bankroll=bankroll) == pytest.approx(150 / 1100)

    def test_takes_a_withdrawal_for_no_loss(self):
        bankroll = a_bankroll("500.00")  # of 1,000 that lost nothing, half was taken out
        assert sizing.drawdown(bankroll=bankroll) == 0.0


class TestCorrelationDiscount:
    @pytest.mark.parametrize(
        "tie, factor", [("nobody", "20.83"), ("team", "14.58"), ("game", "10.41")]
    )
    def test_shrinks_a_stake_that_hangs_together_with_an_open_bet(self, tie, factor):
        bankroll, event, other = a_bankroll(), an_event_with_prices(), an_event()
        if tie == "team":
            other.away = event.home
            other.save()
        a_bet(bankroll=bankroll, event=event if tie == "game" else other, stake="1.00")
        strategy = a_strategy(bankroll=bankroll, is_correlation_discounted=True)
        (bet,) = decide(strategy, event)
        assert cuts(bet)["CORRELATED"] == factor

    def test_counts_the_bets_of_its_own_batch(self):
        first, second = an_event_with_prices(), an_event_with_prices()
        second.away = first.home
        second.save()
        bets = decide(a_strategy(is_correlation_discounted=True), first, second)
        assert [cuts(bet)["CORRELATED"] for bet in bets] == ["20.83", "14.58"]


def a_quarter_line() -> Prediction:
    """The home side of +0.25 at 1.95: it wins .40, half wins .28 and loses .32."""
    event = an_event()
    market = Market.objects.create(event=event, kind="ASIAN_HANDICAP", line=Decimal("0.25"))
    home, away = (
        Selection.objects.create(market=market, role=role, name=role.title(), line=Decimal(line))
        for role, line in (("HOME", "0.25"), ("AWAY", "-0.25"))
    )
    for selection in (home, away):
        LatestPrice.objects.create(
            selection=selection,
            book=a_book(),
            price=Decimal("1.95"),
            seen_at=NOON,
            confirmed_at=NOON,
        )
    Pipeline.objects.filter(pk=a_pipeline().pk).update(market_kind="ASIAN_HANDICAP")
    row = FeatureRow.objects.create(
        event=event,
        feature_set="soccer_v1",
        stage="T-60m",
        as_of=NOON,
        values=[],
        checksum="0",
        made_at=NOON,
    )
    return Prediction.objects.create(
        feature_row=row,
        version=a_version(),
        event=event,
        selection=home,
        probability=0.54 / 0.86,
        refund_probability=0.14,
        as_of=NOON,
        made_at=NOON,
    )


class TestRefunds:
    def test_of_a_quarter_line_stake_by_all_that_it_pays(self):
        home = a_quarter_line()
        strategy = a_strategy(max_edge=1.0, kelly_fraction=1.0, **WIDE)
        (bet,) = deciding.decide(strategy=strategy, prediction_ids=[home.pk], as_of=NOON, now=NOON)
        assert bet.edge == pytest.approx(0.40 * 0.95 + 0.28 * 0.475 - 0.32)
        assert bet.chain["refund"] == 0.14
        assert bet.chain["kelly"] == pytest.approx(0.249, abs=5e-4)


class TestCommission:
    def test_of_an_exchange_is_taken_off_the_edge_and_the_share(self):
        event = an_event_with_prices(prices={"exchange": ("2.20", "3.40", "3.60")})
        Book.objects.filter(code="exchange").update(kind="EXCHANGE")
        (bet,) = decide(a_strategy(commission=0.05), event)
        assert bet.edge == pytest.approx(0.5 * 2.14 - 1.0)
        assert bet.chain["net_price"] == pytest.approx(2.14)
        assert bet.chain["kelly"] == pytest.approx(0.07 / 1.14, abs=1e-6)
        assert bet.price == Decimal("2.200")
