"""Real workers and a broker of one's own, on the test database.

This file is read before Django is set up: what needs models is imported inside the fixtures.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.faults.processes import ROOT, Broker, Nursery, Worker


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


@pytest.fixture(scope="session")
def nursery(django_db_setup) -> Iterator[Nursery]:
    """Where processes on the test database come from that use no broker."""
    settings = "tests.faults.fast_settings"  # they know the probes
    mine = Nursery(
        {**os.environ, "DJANGO_SETTINGS_MODULE": settings, "DATABASE_URL": _database_url()}
    )
    yield mine
    mine.end()


def _database_url() -> str:
    from django.db import connection

    at = connection.settings_dict
    return f"postgresql://{at['USER']}@/{at['NAME']}?host={at['HOST']}"


@pytest.fixture
def environment(transactional_db, broker) -> dict[str, str]:
    """The environment in which a process sees this test's database and broker."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.faults.fast_settings",
        "DATABASE_URL": _database_url(),
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
def a_program(environment, tmp_path) -> Iterator[Callable[[str], Worker]]:
    """Start "worker" or "train" with the very command of ``manage.py up``; all are killed."""
    from config import up
    from config.embedded.places import Places
    from config.environment import Environment

    mine = Environment()
    programs = {one.name: one for one in up.programs(mine, Places.of(mine.home), port=0)}
    started: list[Worker] = []

    def start(name: str) -> Worker:
        program = programs[name]
        log = tmp_path / f"{name}{len(started)}.log"
        started.append(_run(program.command, {**environment, **program.environment}, log))
        return started[-1]

    yield start
    for program in started:
        program.kill()
        print(program.log.read_text()[-4000:])


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
    return _run([sys.executable, "-m", "celery", "-A", "config", *arguments], environment, log)


def _run(command: Sequence[str], environment: dict[str, str], log: Path) -> Worker:
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
