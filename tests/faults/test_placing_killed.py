"""A worker killed while it places bets: none is lost, none is sent twice, no limit is passed."""

import os
import signal
from datetime import timedelta
from decimal import Decimal

import pytest

from betting import queries
from betting.models import Bet, PaperOrder
from betting.services import answering, placing, reconciling
from betting.venues.paper import PaperVenue
from tests.betting.builders import NOON, a_bankroll, a_decision, a_strategy

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]
BATCH = 6


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DiesBeforeSending(PaperVenue):
    def place(self, tickets):
        die()


class DiesAfterHalfIsSent(PaperVenue):
    def place(self, tickets):
        super().place(tickets[: len(tickets) // 2])
        die()


class DiesAfterSending(PaperVenue):
    def place(self, tickets):
        super().place(tickets)
        die()


def place_and_die(step: str, decision_ids: list[int]) -> None:
    """Place in this process, which is killed at the step: the body of the child process."""
    venue = PaperVenue()
    if step == "before the intent is committed":
        placing._remember = die
    elif step == "after the intent":
        venue = DiesBeforeSending()
    elif step == "after half is sent":
        venue = DiesAfterHalfIsSent()
    elif step == "after all is sent":
        venue = DiesAfterSending()
    elif step == "after the answer":
        answering.record = die
    placing.place(decision_ids=decision_ids, as_of=NOON, now=NOON, actor="t", venue=venue)


@pytest.mark.parametrize(
    "step, sent",
    [
        ("before the intent is committed", 0),
        ("after the intent", 0),
        ("after half is sent", 2),
        ("after all is sent", 4),
        ("after the answer", 4),
    ],
)
def test_killed_at_any_step_each_bet_is_sent_at_most_once(nursery, step, sent):
    bankroll = a_bankroll()
    strategy = a_strategy(bankroll=bankroll, max_open_share=0.05)  # room for four of the six
    decisions = [a_decision(strategy=strategy, stake="12.50").pk for _ in range(BATCH)]

    nursery.start(__name__, "place_and_die", step, decisions)
    assert nursery.wait() == -signal.SIGKILL
    assert PaperOrder.objects.count() == sent
    assert queries.open_exposure(bankroll_id=bankroll.pk) in (0, Decimal("50.00"))

    placing.place(decision_ids=decisions, as_of=NOON, now=NOON, actor="t")
    assert PaperOrder.objects.count() == (sent or (4 if step.startswith("before") else 0))
    reconciling.reconcile(now=NOON + timedelta(minutes=5), older_than=timedelta(minutes=1))

    assert not Bet.objects.filter(status__in=["RESERVED", "UNKNOWN"]).exists()
    ours = dict(Bet.objects.values_list("client_ref", "status"))
    theirs = dict(PaperOrder.objects.values_list("client_ref", "state"))
    assert ours == theirs
    assert len(ours) == 4
    assert queries.open_exposure(bankroll_id=bankroll.pk) <= Decimal("50.00")
