from datetime import timedelta

import pytest

from betting.models import Bet
from markets.models import Result, ResultDispute, Source
from monitoring.models import Incident
from settlements import queries
from settlements.services import settling
from tests.settlements.builders import (
    KICK_OFF,
    NOON,
    D,
    a_bankroll,
    a_result,
    a_selection,
    an_accepted_bet,
)

pytestmark = pytest.mark.django_db


def settle(now=NOON):
    return settling.settle_due(as_of=now, now=now, actor="test")


def a_dispute(standing, *, told_at=NOON - timedelta(hours=1), **fields):
    source, _ = Source.objects.get_or_create(code="other", defaults={"name": "Other"})
    return ResultDispute.objects.create(
        event=standing.event, standing=standing, source=source, told_at=told_at, **fields
    )


def over(dispute):
    ResultDispute.objects.filter(pk=dispute.pk).update(
        state="UPHELD", resolved_at=NOON, resolved_by="user:a"
    )


class TestABetOnADisputedResult:
    def test_is_not_paid(self):
        bet = an_accepted_bet()
        a_dispute(a_result(bet, 1, 0))
        assert settle().settled == 0
        bet.refresh_from_db()
        assert (bet.status, bet.profit) == ("ACCEPTED", None)

    def test_is_paid_once_the_dispute_is_over(self):
        bet = an_accepted_bet(stake="10.00", price="1.900")
        dispute = a_dispute(a_result(bet, 1, 0))
        settle()
        over(dispute)
        assert settle().settled == 1
        bet.refresh_from_db()
        assert (bet.outcome, bet.profit) == ("WON", D("9.00"))

    def test_is_not_corrected_either(self):
        bet = an_accepted_bet()
        a_result(bet, 1, 0)
        assert settle().settled == 1
        dispute = a_dispute(a_result(bet, 0, 1, known_at=NOON - timedelta(minutes=1)))
        assert settle().resettled == 0
        over(dispute)
        assert settle().resettled == 1

    def test_does_not_hold_other_events(self):
        bankroll = a_bankroll()
        held, free = (
            an_accepted_bet(a_selection(), bankroll=bankroll, stake="5.00") for _ in range(2)
        )
        a_dispute(a_result(held, 1, 0))
        a_result(free, 1, 0)
        assert settle().settled == 1
        assert Bet.objects.get(status="SETTLED") == free

    def test_is_settled_where_the_dispute_was_not_known_yet(self):
        """A season that is lived again knows nothing of what is disputed today."""
        bet = an_accepted_bet()
        a_dispute(a_result(bet, 1, 0))
        assert settle(now=KICK_OFF + timedelta(hours=2, minutes=1)).settled == 1

    def test_is_not_overdue(self):
        bet = an_accepted_bet()
        result = a_result(bet, 1, 0)
        later = NOON + timedelta(hours=5)
        assert len(queries.overdue(as_of=later, limit=timedelta(minutes=2))) == 1
        a_dispute(result)
        assert queries.overdue(as_of=later, limit=timedelta(minutes=2)) == []


class TestAMatchWithoutAnEnd:
    @pytest.mark.parametrize("status", ["INTERRUPTED", "WITHDRAWN"])
    def test_pays_nobody_and_troubles_nobody(self, status):
        bet = an_accepted_bet()
        a_result(bet, 1, 0, status=status)
        report = settle()
        assert (report.settled, report.failed, Incident.objects.count()) == (0, 0, 0)
        assert queries.overdue(as_of=NOON, limit=timedelta(0)) == []
        bet.refresh_from_db()
        assert bet.status == "ACCEPTED"

    def test_leaves_settled_bets_as_they_are_until_the_next_result(self):
        bet = an_accepted_bet()
        a_result(bet, 1, 0)
        settle()
        a_result(bet, status="WITHDRAWN", known_at=NOON - timedelta(minutes=2))
        assert settle().resettled == 0
        a_result(bet, 0, 0, known_at=NOON - timedelta(minutes=1))
        assert settle().resettled == 1
        bet.refresh_from_db()
        assert bet.outcome == "LOST"


class TestAResultWithoutAScore:
    def test_is_never_judged_as_a_draw(self):
        bet = an_accepted_bet(a_selection(role="DRAW"))
        source, _ = Source.objects.get_or_create(code="test", defaults={"name": "Test"})
        Result.objects.create(
            event=bet.selection.market.event,
            version=1,
            status="WALKOVER",
            winner="HOME",
            source=source,
            known_at=KICK_OFF,
            recorded_at=KICK_OFF,
        )
        report = settle()
        assert (report.settled, report.failed) == (0, 1)
        assert "without a score" in Incident.objects.get().summary
