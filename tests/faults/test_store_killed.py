"""The store filled by a process that is killed, or that the disk refuses: nothing is half there."""

import os
import random
import resource
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from markets.services import partitions
from models_ml.models import EtlRun, StoreFile
from models_ml.queries import facts as tables
from models_ml.services import etl
from models_ml.services.store import layout, reading, verifying
from monitoring.models import TaskRun
from tests.faults.processes import Nursery, times, wait_for
from tests.models_ml.stores import DAY, Story

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]
SMALL = 6_000  # bytes: less than a file of features


def fill(home: str, most: int = 0) -> None:
    """Run ``manage.py etl`` on a store: what the child process does.

    ``most``: bytes of a file after which the disk takes no more.
    """
    from django.conf import settings

    settings.CLOSINGLINE_HOME = Path(home)
    if most:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    call_command("etl")


def files() -> list[Path]:
    return [path for path in layout.folder().rglob("*") if path.is_file()]


def others_are_connected() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "select exists (select from pg_stat_activity where datname = current_database()"
            " and backend_type = 'client backend' and pid <> pg_backend_pid())"
        )
        return bool(cursor.fetchone()[0])


@pytest.fixture
def story(settings, tmp_path) -> Story:
    settings.CLOSINGLINE_HOME = tmp_path
    reading.forget()
    partitions.ensure(months=[(2023, month) for month in range(8, 13)])
    seed = int.from_bytes(os.urandom(2))
    print(f"seed {seed}")
    story = Story(random.Random(seed)).begin()
    story.go_on(21)
    return story


def assert_store_is_what_the_tables_hold(story: Story) -> None:
    (shelf,) = etl.shelves()
    events = [event.pk for event in story.events]
    last = EtlRun.objects.latest("watermark").watermark
    stored = reading.facts(shelf=shelf, until=last, quotes_of=events)
    told = tables.facts(sport_id=shelf.sport.pk, is_simulated=False, until=last, quotes_of=events)
    assert stored.fingerprint() == told.fingerprint()


def go_on(story: Story) -> None:
    """Let a week pass; in each league a result is corrected and a price comes late."""
    story.go_on(7)
    for code in "AB":
        event = next(e for e in story.events if e.competition.code == code and e.results.exists())
        story.tell(event, story.now)
        seen_at = event.starts_at - 3 * DAY - event.results.count() * timedelta(minutes=1)
        story.price(event, seen_at, fetched_at=story.now)


def kill_after(nursery: Nursery, home: Path, *, new: int) -> None:
    """Kill -9 a filling once so many files are new; wait until the server knows of it."""
    before = set(files())
    child = nursery.start(__name__, "fill", str(home))
    wait_for(lambda: len(set(files()) - before) >= new, pause=0.001)
    os.kill(child, signal.SIGKILL)
    assert nursery.wait() == -signal.SIGKILL
    wait_for(lambda: not others_are_connected())


def test_killed_at_any_file_it_leaves_what_stood_and_the_next_night_fills_it(
    nursery, story, tmp_path
):
    for _ in range(times(3, 30)):
        go_on(story)
        before = dict(StoreFile.objects.values_list("part", "sha256"))
        runs = EtlRun.objects.count()

        kill_after(nursery, tmp_path, new=story.random.randint(1, 4))

        assert dict(StoreFile.objects.values_list("part", "sha256")) == before
        assert EtlRun.objects.count() == runs
        assert verifying.verify(now=story.now).damaged == []
        nursery.start(__name__, "fill", str(tmp_path))
        assert nursery.wait() == 0
        assert EtlRun.objects.latest("pk").differences == 0
        assert_store_is_what_the_tables_hold(story)


def test_refused_by_the_disk_in_the_middle_of_a_file_it_leaves_no_half_file(
    nursery, story, tmp_path
):
    nursery.start(__name__, "fill", str(tmp_path))
    assert nursery.wait() == 0
    before, stood = set(files()), dict(StoreFile.objects.values_list("part", "sha256"))
    story.go_on(14)

    nursery.start(__name__, "fill", str(tmp_path), SMALL)

    assert nursery.wait() == 1
    run = TaskRun.objects.latest("created_at")
    assert (run.state, "File too large" in run.error) == ("FAILED", True)
    assert dict(StoreFile.objects.values_list("part", "sha256")) == stood
    assert not [path for path in files() if path.name.startswith(".draft-")]
    assert before <= set(files())
    assert verifying.verify(now=story.now).damaged == []
    nursery.start(__name__, "fill", str(tmp_path))
    assert nursery.wait() == 0
    assert_store_is_what_the_tables_hold(story)
