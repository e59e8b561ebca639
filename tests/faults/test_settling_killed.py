"""The command killed while it settles a season: whole chunks stand or none, each bet once."""

import os
import signal
from decimal import Decimal

import numpy as np
import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from settlements.models import Settlement
from settlements.services import settling
from tests.faults.processes import FACTOR, Nursery, wait_for
from tests.settlements import crowds

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]
BETS, CHUNK = 4_000, 100


def settle() -> None:
    """Run ``manage.py settle``: what the child process does."""
    call_command("settle", chunk=CHUNK)


def others_are_connected() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "select exists (select from pg_stat_activity where datname = current_database()"
            " and backend_type = 'client backend' and pid <> pg_backend_pid())"
        )
        return bool(cursor.fetchone()[0])


def kill_after(nursery: Nursery, *, settlements: int) -> int:
    """Kill -9 a settling process once so many stand; return how many do when it is all gone.

    Its server process notices the death when it next speaks to the dead, and holds its locks
    till then.
    """
    child = nursery.start(__name__, "settle")
    wait_for(lambda: Settlement.objects.count() >= settlements, pause=0.002)
    os.kill(child, signal.SIGKILL)
    assert nursery.wait() == -signal.SIGKILL
    wait_for(lambda: not others_are_connected())
    return Settlement.objects.count()


def test_killed_while_settling_and_while_correcting_it_does_each_once(nursery):
    seed = int.from_bytes(os.urandom(2))
    print(f"seed {seed}")
    random = np.random.default_rng(seed)
    owners, matches = crowds.a_crowd(bets=BETS, seed=seed)
    for revision in range(1, 2 + FACTOR):
        crowds.play(matches, seed=seed + revision, known_at=timezone.now())
        done = (revision - 1) * BETS
        goal = done + int(random.integers(1, BETS - 500))

        stood = kill_after(nursery, settlements=goal) - done

        assert 0 < stood < BETS
        assert stood % CHUNK == 0, "whole chunks or none"
        now = timezone.now()
        report = settling.settle_due(as_of=now, now=now, actor="test")
        assert report.settled + report.resettled == BETS - stood
        assert report.ledger_imbalance == Decimal("0.00")
    crowds.assert_settled_once(owners, revisions=1 + FACTOR)
