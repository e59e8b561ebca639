"""A worker killed between the legs of an arbitrage: none is left alone silently, or sent twice."""

import os
import random
import signal
from datetime import timedelta
from decimal import Decimal

import pytest

from betting import queries, venues
from betting.domain import legs
from betting.models import Arbitrage, ArbitrageLeg, Bet, CostModel, PaperOrder, Strategy
from betting.services import answering, arbitraging, hedging, leg_rows, reconciling
from betting.venues.paper import PaperVenue
from markets.models import Event
from monitoring.models import Incident
from monitoring.services import audit
from tests.betting.arbitrage import a_seeker, three_way, two_way
from tests.betting.builders import NOON, a_book
from tests.faults.processes import times

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]
LATER = NOON + timedelta(minutes=5)
STEPS = ["before sending", "after sending", "after the answer"]
NOBODY = {"alpha": ("2.10", "1.70"), "beta": ("1.83", "2.05"), "gamma": ("1.83", "1.80")}
SCENES = {
    "all taken": (lambda: two_way(), []),
    "second refused": (lambda: two_way(), ["beta"]),
    "nobody else takes it": (lambda: two_way(NOBODY), ["beta"]),
    "three ways": (lambda: three_way(), []),
    "second of three refused": (lambda: three_way(), ["beta"]),
}


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Dying(PaperVenue):
    """Kills its process at the n-th ticket, before it takes it or after."""

    def __init__(self, step: str, number: int) -> None:
        self.step, self.left = step, number

    def place(self, tickets):
        self.left -= 1
        if not self.left and self.step == "before sending":
            die()
        answers = super().place(tickets)
        if not self.left and self.step == "after sending":
            die()
        return answers


def seek_and_die(step: str, number: int, go_on: bool) -> None:
    """Look for arbitrage, or go on with one, in this process: the body of the child."""
    venues.VENUES["paper"] = Dying(step, number)
    record, reserve, left = answering.record, leg_rows.reserve, [number]

    def answered(**given):
        found = record(**given)
        left[0] -= 1
        if not left[0]:
            die()
        return found

    def reserved(**given):
        reserve(**given)
        left[0] -= 1
        if not left[0]:
            die()

    if step == "after the answer":
        answering.record = answered
    elif step == "before the intent is committed":
        leg_rows.reserve = reserved
    elif step == "after the intent":
        hedging.advance = die
    if go_on:
        hedging.continue_due(now=LATER)
    else:
        arbitraging.look_due(now=NOON)


def set_up(scene: str) -> Strategy:
    """Make a scene, with a strategy that seeks nothing but it."""
    make, refusing = SCENES[scene]
    Strategy.objects.update(is_enabled=False)
    Event.objects.update(status="POSTPONED")
    CostModel.objects.all().delete()
    for row in Arbitrage.objects.filter(state="UNHEDGED"):
        hedging.handle(arbitrage_id=row.pk, actor="t", reason="another trial", now=LATER)
    make()
    for book in refusing:
        CostModel.objects.create(book=a_book(book), is_enabled=True, rejection=1.0)
    return a_seeker()


def recover() -> None:
    reconciling.reconcile(now=LATER, older_than=timedelta(minutes=1))
    hedging.continue_due(now=LATER)


def check(strategy: Strategy) -> str:
    """Hold what stands against what must; return the state, "" where there is none."""
    bets = Bet.objects.filter(strategy=strategy)
    refs = list(bets.values_list("client_ref", flat=True))
    ours = bets.exclude(order_state="CANCELLED").values_list("client_ref", "status")
    theirs = PaperOrder.objects.filter(client_ref__in=refs)
    assert dict(ours) == dict(theirs.values_list("client_ref", "state"))
    row = Arbitrage.objects.filter(strategy=strategy).first()
    if row is None:
        assert not refs
        return ""
    assert row.state not in ("PLACING", "PASSED")
    held = leg_rows.of(row)
    stands = legs.position(
        selections=leg_rows.selections(row), legs=[leg_rows.as_leg(leg) for leg in held]
    )
    if row.state == "UNHEDGED":
        about = Incident.objects.filter(kind=hedging.KIND, severity="P1")
        assert about.filter(subject=audit.label(row)).exists()
    else:
        assert stands.worst >= -row.max_loss
    taken = [leg.selection_id for leg in held if leg.bet.matched_stake]
    assert len(taken) == len(set(taken))  # nothing was covered twice
    bankroll_id = row.strategy.bankroll_id
    assert queries.open_exposure(bankroll_id=bankroll_id) == stands.sunk
    assert stands.sunk <= Decimal("105.00")
    return row.state


@pytest.mark.parametrize(
    "scene, step, number, state",
    [
        ("all taken", "before the intent is committed", 1, ""),
        ("all taken", "after the intent", 1, "HEDGED"),
        ("all taken", "before sending", 1, "FAILED"),
        ("all taken", "after sending", 1, "HEDGED"),
        ("all taken", "after the answer", 1, "HEDGED"),
        ("all taken", "before sending", 2, "CLOSED_OUT"),
        ("all taken", "after sending", 2, "HEDGED"),
        ("all taken", "after the answer", 2, "HEDGED"),
        ("second refused", "after sending", 2, "CLOSED_OUT"),
        ("second refused", "before the intent is committed", 2, "CLOSED_OUT"),
        ("second refused", "before sending", 3, None),
        ("second refused", "after sending", 3, "CLOSED_OUT"),
        ("nobody else takes it", "after the answer", 2, "UNHEDGED"),
        ("three ways", "before sending", 2, None),
        ("three ways", "after the answer", 2, "HEDGED"),
    ],
)
def test_killed_at_any_step_no_leg_stands_alone_silently(nursery, scene, step, number, state):
    strategy = set_up(scene)
    nursery.start(__name__, "seek_and_die", step, number, False)
    assert nursery.wait() == -signal.SIGKILL
    assert ArbitrageLeg.objects.count() == Bet.objects.count()
    recover()
    found = check(strategy)
    if state is not None:
        assert found == state
    standing = list(Bet.objects.order_by("pk").values_list("client_ref", "order_state"))
    recover()
    assert list(Bet.objects.order_by("pk").values_list("client_ref", "order_state")) == standing


def test_killed_again_and_again(nursery):
    """Who goes on is killed too, at any step; in the end all is as it must be."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # shown beside a failure only
    draw = random.Random(seed)
    for _ in range(times(2, 300)):
        strategy = set_up(draw.choice(list(SCENES)))
        for go_on in (False, True, True):
            nursery.start(
                __name__, "seek_and_die", draw.choice(STEPS), draw.choice([1, 1, 2, 3]), go_on
            )
            assert nursery.wait() in (0, -signal.SIGKILL)
            reconciling.reconcile(now=LATER, older_than=timedelta(minutes=1))
        recover()
        check(strategy)
