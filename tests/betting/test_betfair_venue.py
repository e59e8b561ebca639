"""Betting at Betfair's exchange, against a double of it that listens on this machine."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from betting import venues
from betting.domain import price_ladder
from betting.models import Bankroll, Bet
from betting.services import heartbeats, permitting, placing
from betting.venues.base import Cancelling, State, VenueRejected
from betting.venues.betfair import BetfairVenue
from betting.venues.betfair.calls import Calls
from betting.venues.paper import PaperVenue
from markets.models import Selection
from markets.services import exchanges
from monitoring.models import Heartbeat
from tests.betting.betfair import (
    MARKET,
    PATIENCE,
    a_mapped_event,
    a_ticket,
    an_exchange,
    heard,
    name,
    patient,
    place,
    states,
)
from tests.betting.builders import (
    NOON,
    a_bankroll,
    a_bet,
    a_book,
    a_decision,
    a_selection,
    a_strategy,
    an_event,
)

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(minutes=10)


@pytest.fixture
def double(settings):
    with an_exchange(settings) as double:
        yield double


def home(double, **fields) -> Selection:
    return a_selection(a_mapped_event(double, **fields))


class TestPlace:
    def test_sends_a_limit_order_that_is_filled_whole_or_not_at_all(self, double):
        ticket = a_ticket(home(double))
        (answer,) = place(ticket)
        (sent,) = double.sent("placeOrders")
        assert sent["marketId"] == MARKET and sent["marketVersion"] == {"version": 1}
        assert sent["instructions"] == [
            {
                "orderType": "LIMIT",
                "selectionId": 1,
                "side": "BACK",
                "limitOrder": {
                    "price": 2.2,
                    "size": 10.0,
                    "persistenceType": "LAPSE",
                    "timeInForce": "FILL_OR_KILL",
                },
                "customerOrderRef": ticket.client_ref,
            }
        ]
        (order,) = double.existing(ticket.client_ref)
        assert (answer.state, answer.venue_ref, answer.price) == (
            State.ACCEPTED,
            order.bet_id,
            Decimal("2.200"),
        )

    def test_tells_the_better_price_that_was_matched(self, double):
        selection = home(double)
        double.markets[MARKET].offers[1, "BACK"] = (2.36, 50.0)
        (answer,) = place(a_ticket(selection))
        assert answer.price == Decimal("2.360")

    @pytest.mark.parametrize(
        ("offer", "side"),
        [((2.18, 50.0), "BACK"), ((2.2, 9.99), "BACK"), ((2.22, 50.0), "LAY")],
        ids=["price gone", "too little of it", "lay price gone"],
    )
    def test_leaves_nothing_behind_where_it_is_not_taken(self, double, offer, side):
        selection = home(double)
        double.markets[MARKET].offers[1, side] = offer
        ticket = a_ticket(selection, side=side)
        (answer,) = place(ticket)
        assert (answer.state, answer.reason) == (State.REJECTED, "nobody took it at 2.20")
        assert double.existing(ticket.client_ref) == []
        assert states(patient().ask([ticket.client_ref], now=LATER)) == [State.REJECTED]

    def test_sends_each_market_its_own_request_with_a_reference_of_its_own(self, double):
        event, other = a_mapped_event(double), a_mapped_event(double, market="1.2")
        tickets = [a_ticket(a_selection(event, role)) for role in ("HOME", "DRAW")]
        tickets.append(a_ticket(a_selection(other)))
        assert states(place(*tickets)) == [State.ACCEPTED] * 3
        first, second = double.sent("placeOrders")
        assert [len(sent["instructions"]) for sent in (first, second)] == [2, 1]
        assert first["customerRef"] != second["customerRef"]
        assert {len(sent["customerRef"]) for sent in (first, second)} == {32}

    def test_splits_what_one_request_may_not_hold(self, double):
        selection = home(double)
        tickets = [a_ticket(selection) for _ in range(51)]
        assert states(place(*tickets)) == [State.ACCEPTED] * 51
        assert [len(sent["instructions"]) for sent in double.sent("placeOrders")] == [50, 1]

    def test_logs_in_once_for_many_batches(self, double):
        selection, venue = home(double), patient()
        place(a_ticket(selection), at=venue)
        place(a_ticket(selection), at=venue)
        assert double.logins == 1

    def test_bets_a_handicap_by_its_line(self, double):
        selection = home(double)
        selection.refs.update(ref="58805:-0.5")
        ticket = a_ticket(selection, market_kind="ASIAN_HANDICAP", price=Decimal("2.01"))
        assert states(place(ticket)) == [State.ACCEPTED]
        ((instruction,),) = [sent["instructions"] for sent in double.sent("placeOrders")]
        assert (instruction["selectionId"], instruction["handicap"]) == (58805, -0.5)

    def test_sends_nothing_for_no_tickets(self, double):
        assert place() == []
        assert double.requests == []


class TestPlaceRefuses:
    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"price": Decimal("2.21")}, "the price 2.21 is off the ladder: 2.20 or 2.22"),
            ({"price": Decimal("1001")}, "the price 1001 is off the ladder: up to 1000"),
            ({"stake": Decimal("1.00")}, "the stake 1.00 is below EUR 2"),
            ({"stake": Decimal("0")}, "whole cents"),
        ],
        ids=["off the ladder", "too high", "too small a stake", "no stake"],
    )
    def test_before_anything_is_asked(self, double, fields, said):
        (answer,) = place(a_ticket(home(double), **fields))
        assert answer.state == State.REJECTED and said in answer.reason
        assert double.requests == [] and double.logins == 0

    def test_a_selection_that_the_exchange_does_not_know(self, double):
        (answer,) = place(a_ticket(a_selection(an_event())))
        assert (answer.state, answer.reason) == (
            State.REJECTED,
            "no market of betfair is known for this selection, or it does not run",
        )
        assert double.requests == []

    def test_a_runner_that_does_not_run(self, double):
        selection = home(double)
        Selection.objects.update(removed_at=NOON)
        assert "does not run" in place(a_ticket(selection))[0].reason
        assert double.requests == []

    def test_a_price_of_another_book(self, double):
        (answer,) = place(a_ticket(home(double), book_id=a_book("alpha").pk))
        assert answer.reason == "it was decided at another book than betfair_exchange"
        assert double.requests == []

    def test_money_of_another_currency(self, double):
        (answer,) = place(a_ticket(home(double), currency="GBP"))
        assert (answer.state, answer.reason) == (
            State.REJECTED,
            "the bankroll holds GBP, the account EUR",
        )
        assert double.sent("placeOrders") == []

    @pytest.mark.parametrize(
        ("state", "said"),
        [
            ({"status": "SUSPENDED"}, "MARKET_SUSPENDED: the market is suspended"),
            ({"status": "CLOSED"}, "MARKET_NOT_OPEN_FOR_BETTING: the market is not open"),
            ({"inplay": True}, "MARKET_IN_PLAY: the event has begun"),
        ],
        ids=["suspended", "closed", "in-play"],
    )
    def test_a_market_that_takes_no_bet_now(self, double, state, said):
        selection = home(double)
        vars(double.markets[MARKET]).update(state)
        assert place(a_ticket(selection))[0].reason == said
        assert double.sent("placeOrders") == []

    def test_a_market_that_is_gone(self, double):
        selection = home(double)
        double.markets.clear()
        assert place(a_ticket(selection))[0].reason.startswith("INVALID_MARKET_ID")
        assert double.sent("placeOrders") == []

    def test_to_choose_between_two_open_markets(self, double):
        selection = home(double)
        double.market("1.9")
        name(selection, market="1.9", ref="1")
        assert "1.206064380, 1.9" in place(a_ticket(selection))[0].reason
        assert double.sent("placeOrders") == []

    def test_not_where_the_other_market_is_closed(self, double):
        selection = home(double)
        double.market("1.9").status = "CLOSED"
        name(selection, market="1.9", ref="1")
        assert states(place(a_ticket(selection))) == [State.ACCEPTED]

    def test_one_ticket_and_takes_the_others(self, double):
        selection = home(double)
        bad, good = a_ticket(selection, price=Decimal("2.21")), a_ticket(selection)
        told = {answer.client_ref: answer.state for answer in place(bad, good)}
        assert told == {bad.client_ref: State.REJECTED, good.client_ref: State.ACCEPTED}


class TestTwice:
    def test_the_same_ticket_is_one_order_answered_alike(self, double):
        ticket = a_ticket(home(double))
        first, second = place(ticket), place(ticket)
        assert first == second
        assert len(double.existing(ticket.client_ref)) == 1

    def test_it_is_one_order_after_the_exchange_forgot_the_request(self, double):
        ticket = a_ticket(home(double))
        place(ticket)
        double.clock = lambda: 10**9
        assert states(place(ticket)) == [State.ACCEPTED]
        assert len(double.existing(ticket.client_ref)) == 1

    def test_a_request_that_the_exchange_remembers_is_asked_about(self, double):
        ticket = a_ticket(home(double))
        place(ticket)
        double.settle(ticket.client_ref, "SETTLED")  # and so no longer among the current ones
        (answer,) = place(ticket)
        assert len(double.sent("placeOrders")) == 2
        assert (answer.state, answer.price) == (State.ACCEPTED, Decimal("2.200"))
        assert len(double.existing(ticket.client_ref)) == 1


class TestAsk:
    @pytest.mark.parametrize(
        ("ended", "expected", "said"),
        [
            ("", State.ACCEPTED, ""),
            ("SETTLED", State.ACCEPTED, ""),
            ("VOIDED", State.REJECTED, "betfair: voided"),
            ("LAPSED", State.REJECTED, "betfair: lapsed"),
            ("CANCELLED", State.REJECTED, "betfair: cancelled"),
        ],
        ids=["current", "settled", "voided", "lapsed", "cancelled"],
    )
    def test_finds_an_order_wherever_it_is(self, double, ended, expected, said):
        ticket = a_ticket(home(double))
        place(ticket)
        double.settle(ticket.client_ref, ended)
        (answer,) = patient().ask([ticket.client_ref], now=LATER)
        assert (answer.state, answer.reason) == (expected, said)

    def test_asks_for_all_four_ends(self, double):
        patient().ask(["d1"], now=LATER)
        asked = [sent["betStatus"] for sent in double.sent("listClearedOrders")]
        assert asked == ["SETTLED", "VOIDED", "LAPSED", "CANCELLED"]

    def test_asks_nothing_for_no_references(self, double):
        assert patient().ask([], now=LATER) == []
        assert double.requests == []

    def test_reads_every_page(self, double):
        double.page = 2
        selection = home(double)
        tickets = [a_ticket(selection) for _ in range(5)]
        place(*tickets)
        refs = [ticket.client_ref for ticket in tickets]
        assert states(patient().ask(refs, now=LATER)) == [State.ACCEPTED] * 5
        for ref in refs:
            double.settle(ref, "SETTLED")
        assert states(patient().ask(refs, now=LATER)) == [State.ACCEPTED] * 5

    def test_leaves_open_what_may_still_arrive(self, double):
        bet = a_bet(status="RESERVED", venue="betfair", placed_at=NOON)
        soon, late = (NOON + timedelta(seconds=seconds) for seconds in (60, 120))
        venue = patient()
        assert states(venue.ask([bet.client_ref], now=soon)) == [State.UNKNOWN]
        (answer,) = venue.ask([bet.client_ref], now=late)
        assert (answer.state, answer.reason) == (State.REJECTED, "never arrived at betfair")

    def test_adds_up_the_orders_that_one_reference_has_become(self, double):
        selection, venue = home(double), BetfairVenue(rests=True, timeout_seconds=PATIENCE)
        double.markets[MARKET].offers[1, "BACK"] = (2.2, 4.0)
        ticket = a_ticket(selection)
        assert place(ticket, at=venue)[0].reason == "matched 4.00 of 10.00"
        double.markets[MARKET].offers[1, "BACK"] = (2.1, 6.0)
        venue.replace(ticket.client_ref, Decimal("2.10"), market_kind="MATCH_ODDS")
        (answer,) = venue.ask([ticket.client_ref], now=LATER)
        assert (answer.state, answer.price) == (State.ACCEPTED, Decimal("2.140"))


class TestCancel:
    def resting(self, double, count=2):
        selection = home(double)
        double.markets[MARKET].offers[1, "BACK"] = (2.0, 50.0)
        tickets = [a_ticket(selection) for _ in range(count)]
        venue = BetfairVenue(rests=True, timeout_seconds=PATIENCE)
        assert states(place(*tickets, at=venue)) == [State.ACCEPTED] * count
        return venue, [ticket.client_ref for ticket in tickets]

    def test_takes_back_the_orders_named_and_no_other(self, double):
        venue, (first, second) = self.resting(double)
        (answer,) = venue.cancel([first], now=LATER)
        assert (answer.state, answer.reason) == (State.CANCELLED, "betfair: cancelled")
        assert double.existing(first) == [] and len(double.existing(second)) == 1

    def test_belongs_to_what_an_emergency_stop_may_ask(self):
        assert isinstance(BetfairVenue(), Cancelling)

    def test_sends_nothing_where_nothing_is_named(self, double):
        venue, refs = self.resting(double)
        assert venue.cancel([], now=LATER) == []
        assert double.sent("cancelOrders") == []
        assert all(double.existing(ref) for ref in refs)

    def test_sends_nothing_where_nothing_waits(self, double):
        venue, (ref,) = self.resting(double, count=1)
        venue.cancel([ref], now=LATER)
        assert states(venue.cancel([ref], now=LATER)) == [State.REJECTED]
        assert states(venue.cancel(["unknown"], now=LATER)) == [State.REJECTED]
        assert len(double.sent("cancelOrders")) == 1

    @pytest.mark.parametrize(
        ("market_id", "bet_ids"),
        [(MARKET, []), ("", ["1"]), (MARKET, [""]), ("", [])],
        ids=["no order", "no market", "an empty order", "nothing"],
    )
    def test_can_never_mean_every_order(self, double, market_id, bet_ids):
        calls = Calls(exchanges.Exchange(8.0))
        with pytest.raises(ValueError, match="names its market and each of its orders"):
            calls.cancel(market_id=market_id, bet_ids=bet_ids)
        assert double.requests == []

    def test_tells_what_was_matched_before_it_came(self, double):
        selection, venue = home(double), BetfairVenue(rests=True, timeout_seconds=PATIENCE)
        double.markets[MARKET].offers[1, "BACK"] = (2.2, 4.0)
        ticket = a_ticket(selection)
        place(ticket, at=venue)
        (answer,) = venue.cancel([ticket.client_ref], now=LATER)
        assert (answer.state, answer.price) == (State.CANCELLED, Decimal("2.200"))
        assert (answer.matched, answer.waits) == (Decimal("4.00"), False)


class TestReplace:
    def test_offers_what_is_left_at_another_price(self, double):
        venue, (ref,) = TestCancel().resting(double, count=1)
        before = double.existing(ref)[0].bet_id
        answer = venue.replace(ref, Decimal("2.00"), market_kind="MATCH_ODDS")
        (order,) = double.existing(ref)
        assert (order.price, order.matched) == (2.0, 10.0)
        assert answer.state == State.ACCEPTED and answer.venue_ref == order.bet_id != before
        assert double.sent("replaceOrders")[0]["marketVersion"] == {"version": 1}

    def test_refuses_a_price_off_the_ladder(self, double):
        venue, (ref,) = TestCancel().resting(double, count=1)
        with pytest.raises(price_ladder.OffLadder, match=r"2\.00 or 2\.02"):
            venue.replace(ref, Decimal("2.01"), market_kind="MATCH_ODDS")
        assert double.sent("replaceOrders") == []

    def test_refuses_what_no_longer_waits(self, double):
        ticket = a_ticket(home(double))
        place(ticket)
        with pytest.raises(VenueRejected, match="nothing of it waits"):
            patient().replace(ticket.client_ref, Decimal("2.00"), market_kind="MATCH_ODDS")

    def test_refuses_a_market_that_is_suspended(self, double):
        venue, (ref,) = TestCancel().resting(double, count=1)
        double.markets[MARKET].status = "SUSPENDED"
        with pytest.raises(VenueRejected, match="MARKET_SUSPENDED"):
            venue.replace(ref, Decimal("2.00"), market_kind="MATCH_ODDS")


class TestNameFor:
    def test_live_money_is_staked_at_the_exchange(self, double):
        assert venues.name_for("LIVE") == "betfair"

    @pytest.mark.parametrize(
        "change",
        [
            {"betfair_betting": False},
            {"betfair_username": ""},
            {"betfair_password": ""},
            {"betfair_app_key": ""},
            {"betfair_url": ""},
            {"betfair_url": "https://api.betfair.com/"},
            {"betfair_url": "http://proxy.example.org/"},
        ],
        ids=lambda change: "{}={!r}".format(*next(iter(change.items()))),
    )
    def test_live_money_has_no_venue_unless_all_is_set(self, double, settings, change):
        as_secret = type(settings.ENVIRONMENT.betfair_username)
        told = {
            key: as_secret(value) if key.endswith(("name", "word", "key")) else value
            for key, value in change.items()
        }
        settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update=told)
        assert venues.name_for("LIVE") == ""
        with pytest.raises(VenueRejected, match="nothing was sent"):
            place(a_ticket(home(double)))
        assert double.requests == [] and double.logins == 0

    @pytest.mark.parametrize("kind", ["PAPER", "REPLAY"])
    def test_paper_has_no_client_of_an_exchange(self, double, kind):
        venue = venues.VENUES[venues.name_for(kind)]
        assert type(venue) is PaperVenue

    @pytest.mark.parametrize("kind", Bankroll.Kind.values)
    def test_nothing_but_paper_is_staked_by_default(self, kind):
        assert venues.name_for(kind) == ("" if kind == "LIVE" else "paper")


@pytest.mark.django_db(transaction=True)
class TestPlacingLive:
    def decide(self, double, **fields):
        strategy = a_strategy(bankroll=a_bankroll(kind="LIVE"))
        event = a_mapped_event(double)
        return a_decision(strategy=strategy, event=event, book="betfair_exchange", **fields)

    def place(self, decision):
        return placing.place(decision_ids=[decision.pk], as_of=NOON, now=NOON, actor="user:alice")

    def test_becomes_an_accepted_bet_with_the_exchanges_reference(self, double):
        decision = self.decide(double)
        double.markets[MARKET].offers[1, "BACK"] = (2.24, 100.0)
        assert self.place(decision).accepted == 1
        bet = Bet.objects.get()
        (order,) = double.existing(bet.client_ref)
        assert (bet.venue, bet.venue_ref, bet.price) == ("betfair", order.bet_id, Decimal("2.240"))

    def test_is_refused_by_a_rule_where_betting_is_off(self, double, settings):
        decision = self.decide(double)
        settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"betfair_betting": False})
        assert self.place(decision).refusals == {decision.pk: permitting.NO_VENUE}
        assert not Bet.objects.exists() and double.requests == []

    def test_waits_until_the_exchange_hears_of_us_in_time(self, double):
        decision = self.decide(double)
        Heartbeat.objects.all().delete()
        assert self.place(decision).refusals == {decision.pk: permitting.VENUE_SILENT}
        heard(NOON - timedelta(seconds=61))
        assert self.place(decision).refusals == {decision.pk: permitting.VENUE_SILENT}
        assert not Bet.objects.exists() and double.requests == []
        heartbeats.beat(now=NOON)
        assert self.place(decision).accepted == 1

    def test_paper_money_never_reaches_it(self, double):
        decision = self.decide(double)
        Heartbeat.objects.all().delete()
        Bankroll.objects.update(kind="PAPER")
        assert self.place(decision).accepted == 1
        assert double.requests == [] and double.logins == 0

    def test_no_secret_is_written_down(self, double):
        self.place(replace_price(self.decide(double)))
        told = json.dumps(list(Bet.objects.values("status_reason", "venue_ref")))
        assert "pass phrase" not in told and "session-" not in told


def replace_price(decision):
    """Let a decision name a price off the ladder."""
    decision.price = Decimal("2.21")
    decision.save(update_fields=["price"])
    return decision


def test_a_ticket_tells_its_currency_by_itself(double):
    ticket = replace(a_ticket(home(double)), currency="")
    assert place(ticket)[0].reason == "the bankroll holds no currency, the account EUR"
