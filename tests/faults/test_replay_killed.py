"""The training worker killed while it lives a season again: the bets come out the same."""

import os
import random
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from betting.models import Bet
from betting.services import reconciling
from models_ml.models import Replay
from monitoring.models import Incident, TaskRun
from monitoring.services import running
from settlements.services import ledger, settling
from tests.faults.processes import times, wait_for
from tests.settlements import league

pytestmark = [
    pytest.mark.faults,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(1800),
]
State = TaskRun.State


def ask() -> TaskRun:
    return running.request_run(
        task="settlements.tasks.replay_season",
        arguments={"competition": league.CODE, "season": league.REPLAYED, "seed": 7},
        trigger="USER",
        actor="user:tester",
        now=timezone.now(),
    )


def bets_of_the_latest_replay() -> int:
    return Bet.objects.filter(bankroll__replay=Replay.objects.order_by("pk").last()).count()


def is_settled(replay: Replay) -> bool:
    bets = Bet.objects.filter(bankroll__replay=replay)
    return not bets.exclude(status__in=["SETTLED", "REJECTED"]).exists()


def test_begun_again_it_bets_the_same_to_the_cent_and_what_died_is_put_away(a_program):
    league.a_league()
    expected = league.replay(seed=7)
    seed = int.from_bytes(os.urandom(2), "big")
    print(f"seed {seed}", expected)
    chance, begun = random.Random(seed), 1
    worker = a_program("train")
    for _ in range(times(1, 30)):
        run = ask()
        kill_at = chance.randrange(1, expected["bets"])
        wait_for(lambda n=begun: Replay.objects.count() > n)
        wait_for(lambda n=kill_at: bets_of_the_latest_replay() >= n)
        worker.kill()
        worker = a_program("train")
        wait_for(lambda r=run: TaskRun.objects.get(pk=r.pk).state not in TaskRun.LIVE)
        begun += 2

        run.refresh_from_db()
        *_, died, lived = Replay.objects.order_by("pk")
        assert (run.state, run.attempt) == (State.SUCCEEDED, 2)
        assert run.result == lived.figures == expected
        assert died.figures == {"ended": "lost its process"}

    now = timezone.now()  # what the timetable asks for every few seconds
    reconciling.reconcile(now=now, older_than=timedelta(0))
    settling.settle_due(as_of=now, now=now, actor="test")
    assert all(is_settled(replay) for replay in Replay.objects.all())
    assert ledger.imbalance() == Decimal("0.00")
    assert not Incident.objects.filter(resolved_at=None).exists()
