"""The database of each runner: migrated once in the whole run, and copied.

Migrating takes a dozen seconds of computing, copying a migrated database a fraction of one.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection

MIGRATED = "test_migrated"


@contextmanager
def own_copy() -> Iterator[None]:
    """Let this process work on a fresh copy of the migrated database.

    The engine is thrown away behind the run, and with it every copy.
    """
    own = connection.creation._get_test_db_name()
    before = connection.settings_dict["NAME"]
    _never_mind_how_long_a_test_computes()
    _ensure_migrated(Path(os.environ["CLOSINGLINE_TEST_HOME"]) / "run")
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'create database "{own}" template "{MIGRATED}"')
    _use(own)
    try:
        yield
    finally:
        _use(before)


def _ensure_migrated(run: Path) -> None:
    """Make the database that is copied, unless another runner of this run has."""
    from markets.services import partitions
    from tests.betting.builders import NOON

    done = run / MIGRATED
    with (run / f"{MIGRATED}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists():
            return
        name = connection.settings_dict["TEST"]["NAME"]
        connection.settings_dict["TEST"]["NAME"] = MIGRATED
        try:
            connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
            partitions.ensure(months=[(NOON.year, NOON.month)])  # when betting's tests play
        finally:
            connection.settings_dict["TEST"]["NAME"] = name
            connection.close()  # nobody may be connected to what is copied
        done.touch()


def _never_mind_how_long_a_test_computes() -> None:
    """Leave transactions open: a test computes inside its own, on a machine that may be slow."""
    options = connection.settings_dict["OPTIONS"]
    options["options"] = f"{options.get('options', '')} -c idle_in_transaction_session_timeout=0"


def _use(name: str) -> None:
    connection.close()
    settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = name
