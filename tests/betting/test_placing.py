from datetime import timedelta
from decimal import Decimal

import pytest

from betting import queries
from betting.models import Bet, Decision, PaperOrder
from betting.services import deciding, placing
from betting.venues.base import State, VenueRejected, VenueUnknown
from betting.venues.paper import PaperVenue
from monitoring.models import AuditEntry
from tests.betting.builders import (
    NOON,
    a_bankroll,
    a_decision,
    a_replay,
    a_strategy,
    an_event_with_prices,
    predictions_of,
    quote,
    together,
)
from tests.betting.venues import FakeVenue, place

pytestmark = pytest.mark.django_db


class TestPlace:
    def test_writes_the_intent_asks_the_venue_and_writes_the_answer(self):
        venue, decision = FakeVenue(), a_decision()
        assert place(decision, venue=venue).accepted == 1
        bet = Bet.objects.get()
        assert (bet.status, bet.stake, bet.price) == ("ACCEPTED", Decimal("10.00"), Decimal("2.20"))
        assert (bet.placed_at, bet.answered_at, bet.venue_ref) == (NOON, NOON, "v1")
        assert venue.tickets[0].client_ref == bet.client_ref == placing.client_ref(decision.pk)
        assert list(
            AuditEntry.objects.filter(subject=f"betting.Bet:{bet.pk}")
            .order_by("pk")
            .values_list("action", "actor")
        ) == [("bet.reserved", "user:alice"), ("bet.accepted", "user:alice")]

    def test_twice_is_once(self):
        venue, decision = FakeVenue(), a_decision()
        place(decision, venue=venue)
        again = place(decision, venue=venue)
        assert (again.accepted, again.refused, len(venue.tickets)) == (0, 0, 1)
        assert Bet.objects.count() == 1

    def test_the_intent_is_committed_before_the_venue_is_called(self):
        class Looks(FakeVenue):
            def place(self, tickets):
                self.seen = Bet.objects.get(client_ref=tickets[0].client_ref).status
                return super().place(tickets)

        venue = Looks()
        place(a_decision(), venue=venue)
        assert venue.seen == "RESERVED"

    def test_records_what_the_venue_rejected(self):
        assert place(a_decision(), venue=FakeVenue(VenueRejected("no such market"))).rejected == 1
        bet = Bet.objects.get()
        assert (bet.status, bet.status_reason) == ("REJECTED", "no such market")
        assert queries.open_exposure(bankroll_id=bet.bankroll_id) == 0

    def test_records_silence_as_unknown_and_keeps_the_money_reserved(self):
        assert place(a_decision(), venue=FakeVenue(VenueUnknown("timed out"))).unknown == 1
        bet = Bet.objects.get()
        assert (bet.status, bet.answered_at) == ("UNKNOWN", None)
        assert queries.open_exposure(bankroll_id=bet.bankroll_id) == Decimal("10.00")

    def test_never_sends_an_unknown_bet_again(self):
        decision = a_decision()
        place(decision, venue=FakeVenue(VenueUnknown("timed out")))
        venue = FakeVenue()
        place(decision, venue=venue)
        assert venue.tickets == []

    def test_a_ticket_that_the_venue_passes_over_is_unknown(self):
        class Forgets(FakeVenue):
            def place(self, tickets):
                return super().place(tickets)[:1]

        strategy = a_strategy()
        report = place(
            *[a_decision(strategy=strategy) for _ in range(3)],
            venue=Forgets(),
        )
        assert (report.accepted, report.unknown) == (1, 2)

    def test_leaves_the_intent_on_disk_when_the_call_breaks(self):
        with pytest.raises(ZeroDivisionError):
            place(a_decision(), venue=FakeVenue(ZeroDivisionError()))
        assert Bet.objects.get().status == "RESERVED"

    def test_sends_a_batch_in_one_call_with_a_bounded_number_of_queries(
        self, django_assert_max_num_queries
    ):
        strategy, venue = a_strategy(), FakeVenue()
        decisions = [a_decision(strategy=strategy) for _ in range(12)]
        with django_assert_max_num_queries(26):
            assert place(*decisions, venue=venue).accepted == 12
        assert len(venue.batches) == 1

    def test_keeps_bankrolls_apart(self):
        report = place(a_decision(), a_decision(), venue=FakeVenue())
        assert report.accepted == 2
        assert Bet.objects.values("bankroll").distinct().count() == 2

    def test_of_nothing_is_nothing(self):
        assert place() == placing.PlacingReport()


class TestPlaceDue:
    def test_places_on_paper_what_was_decided(self):
        a_decision()
        assert placing.place_due(now=NOON) == {
            "accepted": 1,
            "rejected": 0,
            "unknown": 0,
            "refused": 0,
        }
        assert Bet.objects.get().venue == "paper"
        assert placing.place_due(now=NOON)["accepted"] == 0

    def test_leaves_started_events_and_replays_alone(self):
        a_decision(event=an_event_with_prices(starts_at=NOON))
        replay = a_replay()
        a_decision(strategy=a_strategy(bankroll=a_bankroll(kind="REPLAY", replay=replay)))
        assert sum(placing.place_due(now=NOON).values()) == 0

    def test_asks_little_when_idle(self, django_assert_max_num_queries):
        with django_assert_max_num_queries(2):
            placing.place_due(now=NOON)


class TestPaperVenue:
    def test_gives_the_better_price_that_the_book_shows_by_then(self):
        event = an_event_with_prices()
        quote(event, "beta", ("2.30", "3.3", "3.5"), seen_at=NOON)
        place(a_decision(event=event))
        assert Bet.objects.get().price == Decimal("2.300")

    def test_rejects_when_the_price_is_gone(self):
        event = an_event_with_prices()
        quote(event, "beta", ("2.19", "3.3", "3.5"), seen_at=NOON)
        assert place(a_decision(event=event)).rejected == 1
        assert Bet.objects.get().status_reason == "price gone"

    def test_does_not_know_what_was_shown_later(self):
        event = an_event_with_prices()
        quote(event, "beta", ("1.50", "3.3", "3.5"), seen_at=NOON + timedelta(seconds=1))
        assert place(a_decision(event=event), as_of=NOON).accepted == 1

    def test_answers_the_same_reference_twice_alike_and_keeps_one_order(self):
        venue = FakeVenue()
        place(a_decision(), venue=venue)
        paper = PaperVenue()
        assert paper.place(venue.tickets) == paper.place(venue.tickets)
        assert PaperOrder.objects.count() == 1

    def test_says_of_a_reference_it_knows_what_became_of_it(self):
        place(a_decision())
        bet = Bet.objects.get()
        answer = PaperVenue().ask([bet.client_ref], now=NOON)[0]
        assert (answer.state, answer.venue_ref) == (State.ACCEPTED, bet.venue_ref)

    def test_closes_a_reference_that_never_arrived(self):
        venue = FakeVenue()
        place(a_decision(), venue=venue)
        paper = PaperVenue()
        assert paper.ask([venue.tickets[0].client_ref], now=NOON)[0].reason == "never arrived"
        assert paper.place(venue.tickets)[0].state == State.REJECTED


@pytest.mark.django_db(transaction=True)
def test_placing_inside_a_transaction_is_a_fault():
    from django.db import transaction

    decision = a_decision()
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        place(decision, venue=FakeVenue())
    assert not Bet.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_eight_placers_of_one_decision_send_one_ticket():
    venue, decision = FakeVenue(), a_decision()
    assert together(*[lambda: place(decision, venue=venue)] * 8) == []
    assert len(venue.tickets) == 1
    assert Bet.objects.get().status == "ACCEPTED"


@pytest.mark.django_db(transaction=True)
def test_two_deciders_decide_once():
    strategy = a_strategy()
    ids = [prediction.pk for prediction in predictions_of(an_event_with_prices())]

    def work():
        deciding.decide(strategy=strategy, prediction_ids=ids, as_of=NOON, now=NOON)

    assert together(*[work] * 4) == []
    assert Decision.objects.count() == 3
