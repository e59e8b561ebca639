from datetime import timedelta
from decimal import Decimal as D

import pytest

from markets.models import ClosingPrice, ReferenceRule
from settlements.models import BetValue
from settlements.services import valuing
from tests.settlements.builders import (
    NOON,
    a_book,
    a_close,
    a_selection,
    an_accepted_bet,
    an_event,
)

pytestmark = pytest.mark.django_db


def value(as_of=NOON, **terms):
    return valuing.value_due(as_of=as_of, now=NOON, **terms)


@pytest.fixture
def pinnacle():
    return a_book("pinnacle", reference_rank=1)


class TestValueDue:
    def test_holds_the_price_against_the_fair_close(self, pinnacle):
        bet = an_accepted_bet(price="2.100")
        a_close(bet.selection, book=pinnacle, price="2.000", fair=0.49)

        assert value() == 1

        held = bet.value
        assert (held.reference, held.method, held.close_age_seconds) == ("pinnacle", "shin", 60)
        assert held.clv_raw == pytest.approx(0.05)
        assert held.clv == pytest.approx(2.1 * 0.49 - 1)

    def test_turns_the_sign_for_a_layer(self, pinnacle):
        bet = an_accepted_bet(price="2.100", side="LAY")
        a_close(bet.selection, book=pinnacle, price="2.000", fair=0.49)
        value()
        assert bet.value.clv == pytest.approx(1 - 2.1 * 0.49)
        assert bet.value.clv_raw == pytest.approx(-0.05)

    def test_twice_is_once(self, pinnacle):
        bet = an_accepted_bet()
        a_close(bet.selection, book=pinnacle, price="2.000", fair=0.49)
        assert [value(), value()] == [1, 0]

    def test_writes_again_when_the_close_changed(self, pinnacle):
        bet = an_accepted_bet(price="2.100")
        a_close(bet.selection, book=pinnacle, price="2.000", fair=0.49)
        value()
        ClosingPrice.objects.update(fair_probability=0.5)
        assert value() == 1
        assert BetValue.objects.get(bet=bet).clv == pytest.approx(0.05)

    def test_asks_the_reference_books_in_their_order(self, pinnacle):
        second = a_book("betfair_exchange", kind="EXCHANGE", reference_rank=2)
        bet = an_accepted_bet()
        a_close(bet.selection, book=second, price="2.000", fair=0.5)
        value()
        assert bet.value.reference == "betfair_exchange"
        a_close(bet.selection, book=pinnacle, price="2.000", fair=0.49)
        value()
        assert BetValue.objects.get(bet=bet).reference == "pinnacle"

    def test_takes_the_mean_of_the_bookmakers_where_no_reference_closed(self, pinnacle):
        bet = an_accepted_bet(price="2.100")
        for code, kind, price, fair in (
            ("bwin", "BOOKMAKER", "1.900", 0.50),
            ("vcbet", "BOOKMAKER", "2.000", 0.48),
            ("max", "AGGREGATE", "2.200", 0.40),
        ):
            a_close(bet.selection, book=a_book(code, kind=kind), price=price, fair=fair)
        value()
        held = bet.value
        assert (held.reference, held.closing_price) == ("consensus", D("1.950"))
        assert held.closing_probability == pytest.approx(0.49)

    def test_takes_an_old_close_for_a_missing_one(self, pinnacle):
        bet = an_accepted_bet()
        a_close(
            bet.selection,
            book=pinnacle,
            price="2.000",
            fair=0.49,
            confirmed_before=timedelta(hours=1, seconds=1),
        )
        assert value() == 0

    def test_takes_a_close_that_is_too_inexact_for_a_missing_one(self, pinnacle):
        bet = an_accepted_bet()
        a_close(bet.selection, book=pinnacle, price="2.000", fair=0.49)
        ClosingPrice.objects.update(exactness="NONE")
        assert value() == 0

    def test_asks_whom_the_competitions_rule_names(self, pinnacle):
        bet = an_accepted_bet()
        for code, fair in (("bwin", 0.50), ("vcbet", 0.48)):
            a_close(bet.selection, book=a_book(code), price="2.000", fair=fair)
        a_close(bet.selection, book=pinnacle, price="2.000", fair=0.49)
        rule = ReferenceRule.objects.create(
            competition=bet.selection.market.event.competition, chain=["betfair_sp", "vcbet"],
            changed_by="user:lea", changed_at=NOON,
        )  # fmt: skip
        value()
        assert bet.value.reference == "vcbet"
        ReferenceRule.objects.filter(pk=rule.pk).update(chain=["betfair_sp", "consensus"])
        value()
        assert BetValue.objects.get(bet=bet).reference == "consensus"

    def test_asks_nobody_whom_the_rule_does_not_name(self, pinnacle):
        bet = an_accepted_bet()
        a_close(bet.selection, book=pinnacle, price="2.000", fair=0.49)
        ReferenceRule.objects.create(
            kind="MATCH_ODDS", chain=["betfair_sp"], changed_by="user:lea", changed_at=NOON
        )
        assert value() == 0

    def test_takes_a_close_without_a_fair_probability_for_a_missing_one(self, pinnacle):
        bet = an_accepted_bet()
        a_close(bet.selection, book=pinnacle, price="2.000", fair=None, method="incomplete")
        assert value() == 0

    def test_never_mixes_simulated_and_real_books(self, pinnacle):
        league = {"code": "SIM9", "is_simulated": True}
        bet = an_accepted_bet(a_selection(an_event(**league)))
        a_close(bet.selection, book=pinnacle, price="2.000", fair=0.49)
        assert value() == 0
        simulated = a_book("sim_sharp", is_simulated=True, reference_rank=1)
        a_close(bet.selection, book=simulated, price="2.000", fair=0.49)
        assert value() == 1

    def test_knows_no_close_of_an_event_that_has_not_started(self, pinnacle):
        bet = an_accepted_bet()
        a_close(bet.selection, book=pinnacle, price="2.000", fair=0.49)
        assert value(as_of=bet.selection.market.event.starts_at - timedelta(seconds=1)) == 0

    def test_looks_back_only_as_far_as_it_is_told(self, pinnacle):
        long_ago = NOON - timedelta(days=20)
        bet = an_accepted_bet(
            status="SETTLED", outcome="WON", profit=D("9.00"), settled_at=long_ago
        )
        a_close(bet.selection, book=pinnacle, price="2.000", fair=0.49)
        assert value(since=NOON - timedelta(days=7)) == 0
        assert value() == 1

    def test_goes_on_past_a_chunk(self, pinnacle, monkeypatch):
        monkeypatch.setattr(valuing, "CHUNK", 2)
        selection = a_selection()
        a_close(selection, book=pinnacle, price="2.000", fair=0.49)
        for _ in range(5):
            an_accepted_bet(selection)
        assert value() == 5
