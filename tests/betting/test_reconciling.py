from contextlib import suppress
from datetime import timedelta

import pytest

from betting.models import Bet
from betting.services import placing, reconciling
from betting.venues.base import VenueUnknown
from betting.venues.paper import PaperVenue
from monitoring.models import AuditEntry
from tests.betting.builders import NOON, a_bet, a_decision, an_event

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(minutes=5)


class LosesTheReply(PaperVenue):
    """Takes the bet, and its answer never comes back."""

    def place(self, tickets):
        super().place(tickets)
        raise VenueUnknown("reset by peer")


class NeverHears(PaperVenue):
    def place(self, tickets):
        raise VenueUnknown("timed out")


class Dies(PaperVenue):
    def place(self, tickets):
        super().place(tickets)
        raise SystemExit


def place(venue) -> Bet:
    decision = a_decision()
    with suppress(SystemExit):
        placing.place(decision_ids=[decision.pk], as_of=NOON, now=NOON, actor="t", venue=venue)
    return Bet.objects.get()


def reconcile(**options) -> dict[str, int]:
    return reconciling.reconcile(**{"now": LATER, "older_than": timedelta(minutes=1), **options})


class TestReconcile:
    def test_learns_that_a_bet_was_taken_whose_answer_was_lost(self):
        bet = place(LosesTheReply())
        assert bet.status == "UNKNOWN"
        assert reconcile() == {"asked": 1, "accepted": 1, "rejected": 0, "unknown": 0}
        bet.refresh_from_db()
        assert (bet.status, bet.answered_at, bet.venue_ref != "") == ("ACCEPTED", LATER, True)

    def test_learns_that_a_bet_was_taken_by_a_worker_that_died(self):
        assert place(Dies()).status == "RESERVED"
        assert reconcile()["accepted"] == 1

    def test_frees_the_money_of_a_bet_that_never_arrived(self):
        place(NeverHears())
        assert reconcile()["rejected"] == 1
        bet = Bet.objects.get()
        assert (bet.status, bet.status_reason) == ("REJECTED", "never arrived")

    def test_twice_is_once(self):
        place(LosesTheReply())
        reconcile()
        assert reconcile()["asked"] == 0
        assert AuditEntry.objects.filter(action="bet.accepted").count() == 1

    def test_waits_until_a_placing_run_must_be_over(self):
        place(LosesTheReply())
        assert reconcile(older_than=timedelta(minutes=5))["asked"] == 0

    def test_goes_by_the_wall_clock_where_a_replay_lives_in_the_past(self):
        a_bet(status="RESERVED", placed_at=NOON - timedelta(days=900), reserved_at=LATER)
        assert reconcile()["asked"] == 0

    def test_leaves_bets_unknown_that_the_venue_cannot_be_asked_about(self):
        class Silent(PaperVenue):
            def ask(self, client_refs, *, now):
                raise VenueUnknown("timed out")

        a_bet(status="RESERVED", event=an_event())
        a_bet(status="UNKNOWN", event=an_event(), venue="elsewhere")
        found = reconcile(venues={"paper": Silent()})
        assert found == {"asked": 2, "accepted": 0, "rejected": 0, "unknown": 2}
        assert set(Bet.objects.values_list("status", flat=True)) == {"UNKNOWN"}

    def test_leaves_answered_bets_alone(self):
        for status in ("ACCEPTED", "REJECTED", "CANCELLED"):
            a_bet(status=status, event=an_event())
        assert reconcile()["asked"] == 0
