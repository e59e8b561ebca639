"""Starts throw-away engines once for the whole run, before Django reads its settings."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

_HELD = []


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _begin() -> None:
    """Give this run a home of its own; workers inherit it through the environment."""
    if "CLOSINGLINE_TEST_HOME" in os.environ:
        return
    home = Path(tempfile.mkdtemp(prefix="clt-"))
    home.chmod(0o755)
    os.environ["CLOSINGLINE_TEST_HOME"] = os.environ["CLOSINGLINE_HOME"] = str(home)
    os.environ["CLOSINGLINE_ENVIRONMENT"] = "test"
    from config import engines

    stack = engines.for_tests(home)
    stack.__enter__()
    _HELD.append((stack, home))


_begin()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not _is_worker(config):
        while _HELD:
            stack, home = _HELD.pop()
            stack.__exit__(None, None, None)
            shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Let the test runner empty append-only tables between tests; nothing else may."""
    from django.db import connection

    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "select c.relname, t.tgname from pg_trigger t join pg_class c on c.oid = t.tgrelid"
            " where t.tgname like 'pgtrigger_no_truncate%'"
        )
        for table, trigger in cursor.fetchall():
            cursor.execute(f'alter table "{table}" disable trigger "{trigger}"')
