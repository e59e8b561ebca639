"""A worker killed while it settles a season: nothing is lost and nothing is paid twice."""

import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.db import connection

from settlements.models import Settlement
from settlements.services import settling as services_settling
from tests.settlements import crowds
from tests.settlements.builders import NOON

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]
PATIENCE = 60  # seconds until a silent process is called stuck


def settling() -> subprocess.Popen:
    """Start ``manage.py settle`` in a process of its own, on this test's database."""
    at = connection.settings_dict
    address = f"postgresql://{at['USER']}@/{at['NAME']}?host={at['HOST']}"
    return subprocess.Popen(
        [sys.executable, "manage.py", "settle", "--chunk", "100", "--output", "json"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": address},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_after(process: subprocess.Popen, *, settlements: int) -> int:
    """Kill -9 once so many settlements stand; return how many there are when it is gone."""
    deadline = time.monotonic() + PATIENCE
    while Settlement.objects.count() < settlements and process.poll() is None:
        assert time.monotonic() < deadline, "the process settles nothing"
        time.sleep(0.002)
    process.kill()
    process.communicate()
    return Settlement.objects.count()


def test_killed_again_and_again_it_settles_each_bet_once():
    seed = int.from_bytes(os.urandom(2))
    print(f"seed {seed}")
    random = np.random.default_rng(seed)
    owners, matches = crowds.a_crowd(bets=4_000, seed=seed)
    crowds.play(matches, seed=seed)
    stood = 0
    for _ in range(2):
        goal = min(stood + int(random.integers(1, 1_200)), 3_500)
        stood = kill_after(settling(), settlements=goal)
        assert stood % 100 == 0, "whole chunks or none"
    assert 0 < stood < 4_000

    last = settling()
    out, err = last.communicate(timeout=PATIENCE)

    report = json.loads(out)
    assert last.returncode == 0, err
    assert (report["settled"], report["ledger_imbalance"]) == (4_000 - stood, "0.00")
    crowds.assert_settled_once(owners)


def test_killed_while_correcting_it_reverses_each_bet_once():
    owners, matches = crowds.a_crowd(bets=3_000, seed=3)
    crowds.play(matches, seed=3)
    services_settling.settle_due(as_of=NOON, now=NOON, actor="test", with_imbalance=False)
    crowds.play(matches, seed=4, known_at=NOON + timedelta(days=1))

    stood = kill_after(settling(), settlements=3_400)
    assert 3_000 < stood < 6_000
    out, _ = settling().communicate(timeout=PATIENCE)

    assert json.loads(out)["resettled"] == 6_000 - stood
    crowds.assert_settled_once(owners, revisions=2)
