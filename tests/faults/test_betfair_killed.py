"""A worker killed while it bets at the exchange: each bet is there once, or known not to be.

In half of the trials orders may wait there, and some are matched in part: what is known of each
is what is matched, and an emergency stop leaves that and nothing else.
"""

import os
import random
import signal
from datetime import timedelta
from decimal import Decimal

import pytest
from django.conf import settings

from betting import queries, venues
from betting.models import Bet
from betting.services import answering, placing, reconciling, stopping
from betting.venues.base import State
from betting.venues.betfair import BetfairVenue
from betting.venues.betfair import venue as at
from tests.betting.betfair import PATIENCE, a_mapped_event, account, an_exchange, patient
from tests.betting.betfair_double import AFTER, BEFORE, Fault
from tests.betting.builders import NOON, a_bankroll, a_decision, a_strategy
from tests.faults.processes import times

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]
STEPS = (
    "before the intent is committed",
    "after the intent",
    "before the orders are recorded",
    "after the orders are recorded",
    "between two markets",
    "after the answer",
)
TRIALS = times(len(STEPS), 200)
BATCH = 3
_DURING = {"before the orders are recorded": BEFORE, "after the orders are recorded": AFTER}


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DiesBeforeSending(BetfairVenue):
    def place(self, tickets):
        die()


class DiesBetweenMarkets(BetfairVenue):
    first = ""

    def _send(self, batch):
        if getattr(batch, "market_id", "") != self.first:
            die()
        return super()._send(batch)


def place_and_die(step: str, decision_ids: list[int], url: str, first: str, rests: bool) -> None:
    """Bet in this process, which is killed at the step: the body of the child process."""
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(
        update=account(url, closingline_environment="test")
    )
    venue, at.PATIENCE = patient(rests=rests), PATIENCE
    if step == "before the intent is committed":
        placing._remember = die
    elif step == "after the intent":
        venue = DiesBeforeSending(rests=rests, timeout_seconds=PATIENCE)
    elif step == "between two markets":
        DiesBetweenMarkets.first = first
        venue = DiesBetweenMarkets(rests=rests, timeout_seconds=PATIENCE)
    elif step == "after the answer":
        answering.record = die
    placing.place(decision_ids=decision_ids, as_of=NOON, now=NOON, actor="t", venue=venue)


@pytest.fixture
def double(settings):
    with an_exchange(settings) as double:
        yield double


@pytest.mark.parametrize("trial", range(TRIALS))
def test_killed_at_any_step_each_bet_is_there_once_or_known_not_to_be(nursery, double, trial):
    rng = random.Random(trial)
    step = STEPS[trial % len(STEPS)]
    bankroll = a_bankroll(kind="LIVE")
    strategy = a_strategy(bankroll=bankroll)
    decisions, rests = [], bool(rng.getrandbits(1))
    for n in range(BATCH):
        event = a_mapped_event(double, market=f"1.{trial}{n}")
        stake = f"{rng.randint(200, 1500) / 100:.2f}"
        if rests:
            double.markets[f"1.{trial}{n}"].offers[1, "BACK"] = (2.22, rng.choice((0.0, 1.5, 99.0)))
        decisions.append(
            a_decision(strategy=strategy, event=event, stake=stake, book="betfair_exchange").pk
        )
    child: list[int] = []
    if step in _DURING:
        fault = Fault(_DURING[step], cut=True, then=lambda: os.kill(child[0], signal.SIGKILL))
        plain = [Fault(AFTER) for _ in range(rng.randrange(BATCH))]
        double.misbehave("placeOrders", *plain, fault)

    first = f"1.{trial}0"
    child.append(
        nursery.start(__name__, "place_and_die", step, decisions, double.url, first, rests)
    )
    assert nursery.wait() == -signal.SIGKILL
    double.faults.clear()
    sent_before = len(double.orders)

    placing.place(decision_ids=decisions, as_of=NOON, now=NOON, actor="t")
    reconciling.reconcile(now=NOON + timedelta(minutes=5), older_than=timedelta(minutes=1))
    reconciling.reconcile(now=NOON + timedelta(minutes=6), older_than=timedelta(minutes=1))
    reconciling.follow(now=NOON + timedelta(minutes=6))

    ours = {bet.client_ref: bet for bet in Bet.objects.all()}
    assert len(ours) == BATCH
    for ref, bet in ours.items():
        assert bet.status in (State.ACCEPTED, State.REJECTED)
        there = double.existing(ref)
        assert len(there) == (bet.status == State.ACCEPTED)
        assert sum(order.size for order in there) in (0, float(bet.stake))
        assert sum(order.matched for order in there) == float(bet.matched_stake)
    assert len(double.orders) == len({order.ref for order in double.orders.values()})
    if step != "before the intent is committed":
        assert len(double.orders) == sent_before
    risked = sum((bet.stake for bet in ours.values() if bet.status == "ACCEPTED"), Decimal(0))
    assert queries.open_exposure(bankroll_id=bankroll.pk) == risked
    assert venues.name_for("LIVE") == "betfair"
    stop_and_look(double, bankroll_id=bankroll.pk)


def stop_and_look(double, *, bankroll_id: int) -> None:
    """Stop everything: what is matched stands on both sides, and nothing else."""
    stopped = stopping.stop_everything(reason="a trial", actor="t", now=NOON + timedelta(minutes=7))
    assert stopped.is_clean
    assert not any(order.remaining for order in double.orders.values())
    for bet in Bet.objects.all():
        matched = sum(order.matched for order in double.existing(bet.client_ref))
        assert float(bet.stake if bet.status == "ACCEPTED" else 0) == matched
    risked = sum((bet.matched_stake for bet in Bet.objects.all()), Decimal(0))
    assert queries.open_exposure(bankroll_id=bankroll_id) == risked
