"""The product's own worker killed in the middle of settling a season: nothing lost or doubled.

Where the kills fall is drawn from a seed that is printed.  Whenever everything is settled
before enough kills fell into unfinished work, all results are corrected and it begins again.
"""

import os
import random
import time
from collections.abc import Callable

import pytest
from django.utils import timezone

from monitoring.models import AuditEntry, Incident, TaskRun
from monitoring.services import running
from settlements.models import Settlement
from settlements.services import settling
from tests.faults.processes import times, wait_for
from tests.settlements import crowds

pytestmark = [
    pytest.mark.faults,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(3600),
]
SETTLE = "settlements.tasks.settle_due"
BETS = 10_000
CHUNK = settling.CHUNK
LONGEST_CHUNK = 0.2  # seconds, about: a kill falls somewhere into one


class Season:
    """Accepted bets with results, and how often each of them must have been settled."""

    def __init__(self, *, seed: int) -> None:
        self.owners, self.matches = crowds.a_crowd(bets=BETS, events=38, seed=seed)
        self.revisions = 0
        self.play()

    def play(self) -> None:
        """Give every match its result, or a corrected one."""
        self.revisions += 1
        crowds.play(self.matches, seed=self.revisions, known_at=timezone.now())

    def settled(self) -> int:
        """Return how many bets are settled by the latest results."""
        return Settlement.objects.count() - (self.revisions - 1) * BETS

    def assert_settled_once(self) -> None:
        crowds.assert_settled_once(self.owners, revisions=self.revisions)
        told = AuditEntry.objects.filter(action="settlements.settled").values_list("detail")
        assert sum(detail["bets"] for (detail,) in told) == self.revisions * BETS


def is_asked_for() -> bool:
    return TaskRun.objects.filter(task=SETTLE, state__in=TaskRun.LIVE).exists()


def ask() -> None:
    """Ask for settling as the timetable does every few seconds: one at a time."""
    if not is_asked_for():
        running.request_run(task=SETTLE, trigger="BEAT", actor="beat", now=timezone.now())


def attempts_under_way() -> set[tuple]:
    working = TaskRun.objects.filter(task=SETTLE, state=TaskRun.State.RUNNING)
    return set(working.values_list("pk", "attempt"))


def is_over(season: Season) -> bool:
    if season.settled() < BETS:
        ask()
        return False
    return not is_asked_for()


def settle_under(strikes: list[Callable[[], None]], *, season: Season, chance: random.Random):
    """Settle, and let each strike fall into an attempt of its own that is not through."""
    struck: set[tuple] = set()

    def reaches(count: int) -> bool:
        """Tell whether an attempt that was not struck yet works, with so much settled."""
        ask()
        return season.settled() >= count and bool(attempts_under_way() - struck)

    while strikes:
        if season.settled() == BETS:
            season.play()
        goal = season.settled() + CHUNK * chance.randrange(3)  # past the end: it gets through
        wait_for(lambda goal=goal: reaches(goal) or season.settled() == BETS)
        time.sleep(chance.uniform(0, LONGEST_CHUNK))
        stands = season.settled()
        if stands < BETS:
            struck |= attempts_under_way()
            strikes.pop()()
            print(f"struck with {stands} of {BETS} settled")
    wait_for(lambda: is_over(season))


def test_killed_again_and_again_it_settles_and_corrects_each_bet_once(a_program):
    seed = int.from_bytes(os.urandom(2), "big")
    print(f"seed {seed}")
    workers = [a_program("worker")]

    def kill_the_pool() -> None:
        workers[-1].kill_children()

    def kill_it_whole() -> None:
        workers[-1].kill()
        workers.append(a_program("worker"))

    chance, season = random.Random(seed), Season(seed=seed)
    strikes = [kill_the_pool] * times(4, 300) + [kill_it_whole] * times(1, 100)
    chance.shuffle(strikes)
    settle_under(strikes[::2], season=season, chance=chance)
    season.play()
    settle_under(strikes[1::2], season=season, chance=chance)

    season.assert_settled_once()
    runs = list(TaskRun.objects.filter(task=SETTLE))
    cut_short = [run for run in runs if run.attempt > 1 or run.state == TaskRun.State.LOST]
    assert cut_short, "no kill fell into a run"
    assert {run.state for run in runs} <= {TaskRun.State.SUCCEEDED, TaskRun.State.LOST}
    assert all(run.attempt <= run.max_attempts for run in runs)
    assert not Incident.objects.filter(kind="monitoring.run-lost", resolved_at=None).exists()
