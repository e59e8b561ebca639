from datetime import timedelta
from decimal import Decimal

import pytest

from betting import queries
from betting.models import Bet, Decision, PaperOrder, Strategy
from betting.services import deciding, halting, permitting, placing
from betting.venues.base import Answer, State, VenueRejected, VenueUnknown
from betting.venues.paper import PaperVenue
from markets.models import Book, Event
from models_ml.models import ModelVersion
from monitoring.models import AuditEntry
from tests.betting.builders import (
    NOON,
    a_bankroll,
    a_bet,
    a_book,
    a_decision,
    a_pipeline,
    a_replay,
    a_sport,
    a_strategy,
    a_version,
    an_event,
    an_event_with_prices,
    predictions_of,
    quote,
    together,
)

pytestmark = pytest.mark.django_db


class FakeVenue:
    """Remembers what it was sent; answers as told, or accepts everything."""

    def __init__(self, says=State.ACCEPTED):
        self.says, self.batches = says, []

    @property
    def tickets(self):
        return [ticket for batch in self.batches for ticket in batch]

    def place(self, tickets):
        self.batches.append(list(tickets))
        if isinstance(self.says, Exception):
            raise self.says
        return [Answer(ticket.client_ref, self.says, venue_ref="v1") for ticket in tickets]

    def ask(self, client_refs, *, now):
        return []


def place(*decisions: Decision, venue=None, as_of=NOON) -> placing.PlacingReport:
    return placing.place(
        decision_ids=[decision.pk for decision in decisions],
        as_of=as_of,
        now=NOON,
        actor="user:alice",
        venue=venue,
    )


def refusal(decision: Decision, **options) -> str:
    """Place it where it must be refused; return the reason, having seen that nothing was sent."""
    venue = FakeVenue()
    report = place(decision, venue=options.pop("venue", venue), **options)
    assert (report.refused, report.accepted, venue.tickets) == (1, 0, [])
    assert not Bet.objects.filter(decision=decision).exists()
    decision.refresh_from_db()
    assert decision.refusal == report.refusals[decision.pk]
    return decision.refusal


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
        with django_assert_max_num_queries(20):
            assert place(*decisions, venue=venue).accepted == 12
        assert len(venue.batches) == 1

    def test_keeps_bankrolls_apart(self):
        report = place(a_decision(), a_decision(), venue=FakeVenue())
        assert report.accepted == 2
        assert Bet.objects.values("bankroll").distinct().count() == 2

    def test_of_nothing_is_nothing(self):
        assert place() == placing.PlacingReport()


class TestPlaceRefuses:
    def test_a_pass(self):
        event = an_event_with_prices()
        decisions = deciding.decide(
            strategy=a_strategy(),
            prediction_ids=[p.pk for p in predictions_of(event)],
            as_of=NOON,
            now=NOON,
        )
        passed = next(d for d in decisions if d.verdict == "PASS")
        assert refusal(passed) == permitting.NOT_A_BET

    def test_an_event_that_has_started(self):
        assert refusal(a_decision(), as_of=NOON + timedelta(hours=1)) == "EVENT_STARTED"

    def test_an_event_that_started_before_its_time(self):
        decision = a_decision()
        Event.objects.update(started_at=NOON)
        assert refusal(decision) == "EVENT_STARTED"

    def test_an_event_that_is_off(self):
        decision = a_decision()
        Event.objects.update(status="CANCELLED")
        assert refusal(decision) == "EVENT_NOT_SCHEDULED"

    def test_a_price_that_is_stale(self):
        assert refusal(a_decision(), as_of=NOON + timedelta(minutes=10)) == "PRICE_STALE"

    def test_a_price_that_is_not_quoted(self):
        assert refusal(a_decision(book="gamma")) == "NO_PRICE"

    def test_a_book_that_is_switched_off(self):
        decision = a_decision()
        Book.objects.filter(code="beta").update(is_enabled=False)
        assert refusal(decision) == "BOOK_DISABLED"

    def test_a_strategy_that_is_switched_off(self):
        decision = a_decision()
        Strategy.objects.update(is_enabled=False)
        assert refusal(decision) == permitting.STRATEGY_DISABLED

    def test_a_version_that_no_longer_serves(self):
        decision = a_decision()
        ModelVersion.objects.update(stage="ARCHIVED")
        assert refusal(decision) == "VERSION_NOT_SERVING"

    def test_simulated_events_with_real_money(self):
        event = an_event_with_prices(is_simulated=True)
        prediction = predictions_of(event, version=a_version(pipeline=a_pipeline()))[0]
        assert refusal(a_decision(prediction=prediction)) == permitting.SIMULATED_MISMATCH

    def test_real_events_with_simulated_money(self):
        strategy = a_strategy(bankroll=a_bankroll(is_simulated=True))
        assert refusal(a_decision(strategy=strategy)) == permitting.SIMULATED_MISMATCH

    def test_a_replays_prediction_with_other_money(self):
        prediction = predictions_of(an_event_with_prices(), replay=a_replay())[0]
        assert refusal(a_decision(prediction=prediction)) == permitting.REPLAY_MISMATCH

    def test_live_money_which_has_no_venue(self):
        decision = a_decision(strategy=a_strategy(bankroll=a_bankroll(kind="LIVE")))
        assert refusal(decision, venue=None) == permitting.NO_VENUE

    @pytest.mark.parametrize(
        "limits, stake, expected",
        [
            ({"max_stake_share": 0.01}, "10.01", "STAKE_LIMIT"),
            ({"max_stake_share": 1, "max_event_share": 0.01}, "10.01", "EVENT_LIMIT"),
            ({"max_day_share": 0.01}, "10.01", "DAY_LIMIT"),
            ({"max_open_share": 0.01}, "10.01", "OPEN_LIMIT"),
            (
                {
                    "max_stake_share": 1,
                    "max_event_share": 1,
                    "max_day_share": 1,
                    "max_open_share": 1,
                },
                "1000.01",
                "STAKE_LIMIT",
            ),
        ],
    )
    def test_a_stake_over_a_limit_by_a_cent(self, limits, stake, expected):
        assert refusal(a_decision(strategy=a_strategy(**limits), stake=stake)) == expected

    def test_more_than_is_available(self):
        bankroll = a_bankroll("100.00")
        a_bet(
            bankroll=bankroll, event=an_event(), stake="95.00", placed_at=NOON - timedelta(days=2)
        )
        wide = dict.fromkeys(
            ["max_stake_share", "max_event_share", "max_day_share", "max_open_share"], 1
        )
        strategy = a_strategy(bankroll=bankroll, **wide)
        assert refusal(a_decision(strategy=strategy, stake="5.01")) == "OPEN_LIMIT"
        assert place(a_decision(strategy=strategy, stake="5.00"), venue=FakeVenue()).accepted == 1

    def test_a_second_bet_of_the_strategy_on_one_event(self):
        strategy, event = a_strategy(), an_event_with_prices()
        first, second = (
            a_decision(strategy=strategy, prediction=prediction, price=price)
            for prediction, price in zip(predictions_of(event), ["2.20", "3.30"], strict=False)
        )
        report = place(first, second, venue=FakeVenue())
        assert (report.accepted, report.refusals) == (1, {second.pk: "ALREADY_BET"})

    def test_what_its_own_batch_took_already(self):
        strategy = a_strategy(max_day_share=0.025)
        decisions = [a_decision(strategy=strategy) for _ in range(3)]
        report = place(*decisions, venue=FakeVenue())
        assert (report.accepted, report.refusals) == (2, {decisions[2].pk: "DAY_LIMIT"})

    def test_once_in_the_audit_however_often_it_is_asked(self):
        decision = a_decision()
        Book.objects.filter(code="beta").update(is_enabled=False)
        for _ in range(3):
            refusal(decision)
        entry = AuditEntry.objects.get(action="bet.refused")
        assert (entry.subject, entry.detail) == (
            f"betting.Decision:{decision.pk}",
            {"reason": "BOOK_DISABLED"},
        )

    def test_only_as_long_as_the_rule_forbids_it(self):
        decision = a_decision()
        Book.objects.filter(code="beta").update(is_enabled=False)
        refusal(decision)
        Book.objects.filter(code="beta").update(is_enabled=True)
        assert place(decision, venue=FakeVenue()).accepted == 1
        decision.refresh_from_db()
        assert decision.refusal == ""


class TestPlaceWhileHalted:
    @pytest.mark.parametrize("scope", ["ALL", "STRATEGY", "BOOK", "SPORT"])
    def test_refuses_everything_in_scope(self, scope):
        decision = a_decision()
        row = {
            "ALL": None,
            "STRATEGY": decision.strategy_id,
            "BOOK": decision.book_id,
            "SPORT": a_sport().pk,
        }[scope]
        standing = halting.halt(reason="?", actor="t", now=NOON, scope=scope, scope_id=row)
        assert refusal(decision) == "HALTED"
        halting.lift(halt_id=standing.pk, actor="t", reason="fine", now=NOON)
        assert place(decision, venue=FakeVenue()).accepted == 1

    def test_leaves_other_scopes_alone(self):
        decision = a_decision()
        for scope, row in (
            ("STRATEGY", a_strategy()),
            ("BOOK", a_book("gamma")),
            ("SPORT", a_sport("tennis")),
        ):
            halting.halt(reason="?", actor="t", now=NOON, scope=scope, scope_id=row.pk)
        assert place(decision, venue=FakeVenue()).accepted == 1

    def test_the_due_path_places_nothing_either(self):
        decision = a_decision()
        halting.halt(reason="?", actor="t", now=NOON)
        assert placing.place_due(now=NOON)["refused"] == 1
        assert not Bet.objects.exists()
        decision.refresh_from_db()
        assert decision.refusal == "HALTED"


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
def test_eight_placers_never_pass_a_limit_by_a_cent():
    bankroll, venue = a_bankroll("1000.00"), FakeVenue()
    strategy = a_strategy(bankroll=bankroll, max_open_share=0.05, max_stake_share=0.02)
    decisions = [a_decision(strategy=strategy, stake="12.50") for _ in range(8)]
    assert together(*[lambda d=d: place(d, venue=venue) for d in decisions]) == []
    assert queries.open_exposure(bankroll_id=bankroll.pk) == Decimal("50.00")
    assert len(venue.tickets) == 4
    assert Decision.objects.filter(refusal="OPEN_LIMIT").count() == 4


@pytest.mark.django_db(transaction=True)
def test_eight_placers_of_one_decision_send_one_ticket():
    venue, decision = FakeVenue(), a_decision()
    assert together(*[lambda: place(decision, venue=venue)] * 8) == []
    assert len(venue.tickets) == 1
    assert Bet.objects.get().status == "ACCEPTED"


@pytest.mark.django_db(transaction=True)
def test_two_strategies_cannot_stake_the_same_money():
    bankroll, venue = a_bankroll("10.00"), FakeVenue()
    wide = dict.fromkeys(
        ["max_stake_share", "max_event_share", "max_day_share", "max_open_share"], 1
    )
    decisions = [
        a_decision(strategy=a_strategy(bankroll=bankroll, **wide), stake="10.00") for _ in range(2)
    ]
    assert together(*[lambda d=d: place(d, venue=venue) for d in decisions]) == []
    assert len(venue.tickets) == 1


@pytest.mark.django_db(transaction=True)
def test_two_deciders_decide_once():
    strategy = a_strategy()
    ids = [prediction.pk for prediction in predictions_of(an_event_with_prices())]

    def work():
        deciding.decide(strategy=strategy, prediction_ids=ids, as_of=NOON, now=NOON)

    assert together(*[work] * 4) == []
    assert Decision.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_halt_set_by_another_worker_stops_the_very_next_bet():
    decision, venue = a_decision(), FakeVenue()
    assert together(lambda: halting.halt(reason="?", actor="t", now=NOON)) == []
    assert place(decision, venue=venue).refusals == {decision.pk: "HALTED"}
    assert venue.tickets == []
