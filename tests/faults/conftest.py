"""Real workers and a broker of one's own, on the test database.

This file is read before Django is set up: what needs models is imported inside the fixtures.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.processes import ROOT, Broker, Worker


@pytest.fixture
def broker(settings, monkeypatch) -> Iterator[Broker]:
    """A broker for this test alone, used by this process too."""
    from monitoring.services import publishing

    with tempfile.TemporaryDirectory(prefix="clv-") as home:
        mine = Broker(Path(home))
        mine.start()
        monkeypatch.setenv("CELERY_BROKER_URL", mine.celery_url)
        settings.REDIS_URL = mine.url
        publishing.reset()
        yield mine
        publishing.reset()
        mine.stop()


@pytest.fixture
def probes(transactional_db) -> None:
    from django.db import connection

    from tests.faults import probe_tasks

    with connection.cursor() as cursor:
        cursor.execute(probe_tasks.TABLES)


@pytest.fixture
def environment(transactional_db, broker) -> dict[str, str]:
    """The environment in which a process sees this test's database and broker."""
    from django.db import connection

    database = connection.settings_dict
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.faults.fast_settings",
        "DATABASE_URL": f"postgresql://{database['USER']}@/{database['NAME']}?host={database['HOST']}",
        "REDIS_URL": broker.url,
        "LOG_LEVEL": "INFO",
    }


@pytest.fixture
def a_worker(environment, probes, tmp_path) -> Iterator[Callable[..., Worker]]:
    """Start workers; all are killed at the end."""
    started: list[Worker] = []

    def start(*, queues: str = "ops", concurrency: int = 2) -> Worker:
        name = f"probe{len(started)}@%h"
        options = ["-Q", queues, "-c", str(concurrency), "-n", name]
        options += ["--without-gossip", "--without-mingle"]
        started.append(_celery(environment, tmp_path / f"{name}.log", "worker", *options))
        return started[-1]

    yield start
    for worker in started:
        worker.kill()
        print(worker.log.read_text()[-4000:])  # shown beside a failure only


@pytest.fixture
def a_beat(environment, probes, tmp_path) -> Iterator[Callable[[], Worker]]:
    """Start beats; all are killed at the end."""
    started: list[Worker] = []

    def start() -> Worker:
        options = ["-S", "config.beat:RecordedScheduler", "--pidfile="]
        log = tmp_path / f"beat{len(started)}.log"
        started.append(_celery(environment, log, "beat", *options))
        return started[-1]

    yield start
    for beat in started:
        beat.kill()
        print(beat.log.read_text()[-4000:])


def _celery(environment: dict[str, str], log: Path, *arguments: str) -> Worker:
    command = [sys.executable, "-m", "celery", "-A", "config", *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return Worker(process, log)
