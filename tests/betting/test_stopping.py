from datetime import timedelta
from decimal import Decimal

import pytest

from betting import queries
from betting.models import Bet, PaperOrder, TradingHalt
from betting.services import halting, stopping
from betting.venues import VENUES
from betting.venues.base import Answer, State, VenueRejected, VenueUnknown
from betting.venues.paper import PaperVenue
from monitoring.models import AuditEntry, Incident
from monitoring.services import checking
from tests.betting.builders import NOON, a_bankroll, a_bet, a_decision, a_part, a_replay
from tests.betting.venues import FakeVenue, place

pytestmark = pytest.mark.django_db


class Exchange(FakeVenue):
    """Takes orders back as told; like a real one, an empty list would mean every order."""

    def __init__(self, cancels=State.CANCELLED):
        super().__init__()
        self.cancels, self.cancelled = cancels, []

    def cancel(self, client_refs, *, now):
        assert client_refs, "an empty list would cancel every order of the account"
        self.cancelled.append(list(client_refs))
        if isinstance(self.cancels, Exception):
            raise self.cancels
        return [Answer(ref, self.cancels) for ref in client_refs]


def stop(venues=None, **changes) -> stopping.Stopped:
    asked = {"reason": "prices look wrong", "actor": "user:alice", "now": NOON, **changes}
    return stopping.stop_everything(**asked, venues=venues)


class TestStopEverything:
    def test_halts_everything_without_an_end(self):
        halt = TradingHalt.objects.get(pk=stop().halt)
        assert (halt.scope, halt.expires_at, halt.is_reduce_only) == ("ALL", None, False)
        assert halt.set_by == "user:alice"
        venue = FakeVenue()
        decision = a_decision()
        assert place(decision, venue=venue).refusals == {decision.pk: "HALTED"}
        assert venue.tickets == []

    def test_opens_an_incident_of_the_highest_severity_that_tells_what_became_of_orders(self):
        a_bet(status="RESERVED")
        incident = Incident.objects.get(pk=stop().incident)
        assert (incident.severity, incident.kind) == ("P0", "betting.emergency-stop")
        assert "user:alice: prices look wrong" in incident.summary
        acted = incident.entries.get(what="ACTED")
        assert "1 open at venues: 1 taken back" in acted.text

    def test_is_audited_with_what_it_came_to(self):
        a_bet(status="UNKNOWN")
        stopped = stop()
        entry = AuditEntry.objects.get(action="betting.emergency_stop")
        assert entry.subject == f"betting.TradingHalt:{stopped.halt}"
        assert (entry.actor, entry.detail["reason"]) == ("user:alice", "prices look wrong")
        assert (entry.detail["asked"], entry.detail["cancelled"]) == (1, 1)

    @pytest.mark.parametrize("reason", ["", "  ", "x" * 501], ids=["none", "blank", "endless"])
    def test_needs_a_reason(self, reason):
        with pytest.raises(halting.HaltRefused, match="reason"):
            stop(reason=reason)
        assert not TradingHalt.objects.exists() and not Incident.objects.exists()

    def test_twice_is_one_halt_and_one_incident(self):
        first, second = stop(), stop(actor="user:bob")
        assert (first.halt, first.incident) == (second.halt, second.incident)

    def test_stands_beside_a_pause_that_is_lifted_for_itself(self):
        pause = halting.halt(reason="?", actor="user:bob", now=NOON)
        stop()
        halting.lift(halt_id=pause.pk, actor="user:bob", reason="fine", now=NOON)
        assert queries.halted(at=NOON).everything


class TestStopEverythingAtThePaperVenue:
    @pytest.mark.parametrize("status", ["RESERVED", "UNKNOWN"])
    def test_takes_back_what_has_not_arrived_so_that_it_never_will(self, status):
        bet = a_bet(status=status)
        found = stop()
        assert (found.asked, found.cancelled, found.is_clean) == (1, 1, True)
        bet.refresh_from_db()
        assert bet.status == "CANCELLED"
        assert queries.open_exposure(bankroll_id=bet.bankroll_id) == 0
        assert [a.state for a in PaperVenue().ask([bet.client_ref], now=NOON)] == ["CANCELLED"]

    def test_writes_down_what_was_matched_before(self):
        bet = a_bet(status="UNKNOWN")
        PaperOrder.objects.create(
            client_ref=bet.client_ref,
            state="ACCEPTED",
            price=bet.price,
            stake=bet.stake,
            received_at=NOON,
        )
        found = stop()
        assert (found.matched, found.cancelled, found.is_clean) == (1, 0, True)
        bet.refresh_from_db()
        assert bet.status == "ACCEPTED"

    def test_leaves_matched_and_ended_bets_alone(self):
        statuses = ["ACCEPTED", "REJECTED", "CANCELLED"]
        bets = [a_bet(status=status) for status in statuses]
        assert stop().asked == 0
        now = Bet.objects.filter(pk__in=[bet.pk for bet in bets]).order_by("pk")
        assert [bet.status for bet in now] == statuses
        assert not PaperOrder.objects.exists()

    def test_leaves_replays_alone(self):
        bankroll = a_bankroll(kind="REPLAY", replay=a_replay())
        bet = a_bet(bankroll=bankroll, status="RESERVED")
        assert stop().asked == 0
        bet.refresh_from_db()
        assert bet.status == "RESERVED"


class TestStopEverythingAtAnExchange:
    def test_never_sends_it_an_empty_list(self):
        exchange = Exchange()
        a_bet(status="REJECTED", venue="exchange")
        a_bet(status="RESERVED")
        assert stop({**VENUES, "exchange": exchange}).cancelled == 1
        assert exchange.cancelled == []

    def test_takes_back_what_it_accepted_and_has_not_matched(self):
        waiting = {"status": "ACCEPTED", "order_state": "ACCEPTED", "venue": "exchange"}
        exchange, bets = Exchange(), [a_bet(**waiting) for _ in range(2)]
        a_bet(venue="exchange")  # matched whole: there is nothing to take back
        found = stop({"exchange": exchange})
        assert exchange.cancelled == [[bet.client_ref for bet in bets]]
        assert (found.asked, found.cancelled, found.part) == (2, 2, 0)

    def test_keeps_what_is_matched_of_an_order_and_frees_the_rest(self):
        bet = a_part(venue="exchange")
        assert queries.open_exposure(bankroll_id=bet.bankroll_id) == Decimal("10.00")
        found = stop({"exchange": Exchange()})
        assert (found.asked, found.cancelled, found.part, found.is_clean) == (1, 1, 1, True)
        bet.refresh_from_db()
        assert (bet.status, bet.order_state, bet.stake) == ("ACCEPTED", "CANCELLED", Decimal(4))
        assert (bet.requested_stake, bet.price) == (Decimal("10.00"), Decimal("2.02"))
        assert queries.open_exposure(bankroll_id=bet.bankroll_id) == Decimal("4.00")

    @pytest.mark.parametrize(
        "fault", [VenueUnknown("timed out"), VenueRejected("no session")], ids=["silent", "refuses"]
    )
    def test_that_fails_holds_up_neither_the_halt_nor_the_other_venues(self, fault):
        stuck, other = a_bet(status="RESERVED", venue="exchange"), a_bet(status="RESERVED")
        found = stop({**VENUES, "exchange": Exchange(cancels=fault)})
        assert (found.cancelled, found.open, found.failed) == (1, 1, {"exchange": str(fault)})
        assert not found.is_clean
        assert queries.halted(at=NOON).everything
        for bet, status in ((stuck, "RESERVED"), (other, "CANCELLED")):
            bet.refresh_from_db()
            assert bet.status == status

    def test_that_takes_nothing_back_is_named(self):
        a_bet(status="UNKNOWN", venue="shop")
        found = stop({"shop": FakeVenue()})
        assert (found.open, found.failed) == (1, {"shop": "it takes no order back"})

    def test_that_does_not_know_leaves_the_bet_to_be_asked_about(self):
        bet = a_bet(status="RESERVED", venue="exchange")
        assert stop({"exchange": Exchange(cancels=State.UNKNOWN)}).open == 1
        bet.refresh_from_db()
        assert bet.status == "UNKNOWN"


class TestItsIncident:
    def test_stays_while_it_stands_and_ends_when_it_is_lifted(self):
        stopped = stop()
        checking.run_check(kind=stopping.KIND, now=NOON + timedelta(minutes=1))
        incident = Incident.objects.get()
        assert incident.resolved_at is None
        lifted_at = NOON + timedelta(minutes=2)
        halting.lift(halt_id=stopped.halt, actor="user:bob", reason="fine", now=lifted_at)
        checking.run_check(kind=stopping.KIND, now=NOON + timedelta(minutes=3))
        incident.refresh_from_db()
        assert incident.state == "RESOLVED"


@pytest.mark.django_db(transaction=True)
def test_a_placer_that_is_late_finds_its_order_taken_back():
    """The stop comes between the reservation and the venue's call: the order is never taken."""

    class Late(PaperVenue):
        def place(self, tickets):
            stop()
            return super().place(tickets)

    decision = a_decision()
    place(decision, venue=Late())
    assert Bet.objects.get().status == "CANCELLED"
    assert set(PaperOrder.objects.values_list("state", flat=True)) == {"CANCELLED"}
