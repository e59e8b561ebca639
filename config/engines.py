"""The embedded engines: PostgreSQL and Valkey out of wheels, in one folder of their own.

Knows no Django.  An operator's own servers (``DATABASE_URL``, ``REDIS_URL``) switch them off.
"""

import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from config.embedded import holding
from config.embedded.errors import EngineFailed
from config.embedded.places import Places
from config.embedded.postgres import DATABASE_NAME, SUPERUSER, Postgres
from config.embedded.valkey import Valkey

__all__ = [
    "DATABASE_NAME",
    "EngineFailed",
    "Postgres",
    "Valkey",
    "database_url",
    "for_command",
    "for_tests",
    "local_secret",
    "postgres",
    "redis_url",
    "valkey",
]

# ``up`` holds both engines for its own lifetime; the others touch no database.
WITHOUT_ENGINES = frozenset({"", "help", "version", "up", "collectstatic", "diffsettings"})


def database_url(home: Path) -> str:
    """Return the address of the embedded PostgreSQL, whether or not it runs."""
    folder = quote(str(Places.of(home).postgres_sockets))
    return f"postgresql://{SUPERUSER}@/{DATABASE_NAME}?host={folder}"


def redis_url(home: Path) -> str:
    """Return the address of the embedded Valkey, whether or not it runs."""
    return f"unix://{quote(str(Places.of(home).valkey_socket))}"


def local_secret(home: Path, name: str = "secret_key", *, strength: int = 50) -> str:
    """Return this installation's own secret, made at first use and readable by its owner alone.

    ``strength`` is the number of random bytes in it.
    """
    path = home / name
    with suppress(FileNotFoundError):
        return path.read_text()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, fresh = tempfile.mkstemp(dir=home, prefix=f".{name}-")
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(strength))
    try:
        with suppress(FileExistsError):  # another process was first: its secret counts
            os.link(fresh, path)
    finally:
        os.unlink(fresh)
    return path.read_text()


@contextmanager
def for_command(argv: Sequence[str]) -> Iterator[None]:
    """Run a command with PostgreSQL up; stop it afterwards if nobody else uses it.

    A command may do without the broker: a message is only a hint (docs/decisions/0001).
    """
    from config.environment import read

    environment = read()
    if environment.database_url or "PYTEST_VERSION" in os.environ or not _needs_engines(argv):
        yield
        return
    signal.signal(signal.SIGTERM, _end_in_order)
    with postgres(environment.home):
        yield


def _needs_engines(argv: Sequence[str]) -> bool:
    asks_only = any(word in ("-h", "--help", "--version") for word in argv[1:])
    return not asks_only and (argv[1] if len(argv) > 1 else "") not in WITHOUT_ENGINES


def _end_in_order(number: int, frame: object) -> None:
    """Leave by the front door, so that what this command started is stopped."""
    sys.exit(128 + number)


@contextmanager
def postgres(home: Path, *, throw_away: bool = False) -> Iterator[Postgres]:
    """Hold the embedded PostgreSQL up while the block runs.

    Raises:
        EngineFailed: it cannot be started.
    """
    engine = Postgres(Places.of(home), throw_away=throw_away)
    engine.places.make()
    with holding.held(engine, run=engine.places.run):
        yield engine


@contextmanager
def valkey(home: Path, *, throw_away: bool = False) -> Iterator[Valkey]:
    """Hold the embedded Valkey up while the block runs.

    Raises:
        EngineFailed: it cannot be started.
    """
    engine = Valkey(Places.of(home), throw_away=throw_away)
    engine.places.make()
    with holding.held(engine, run=engine.places.run):
        yield engine


@contextmanager
def for_tests(home: Path) -> Iterator[None]:
    """Hold both engines up in a throw-away folder: fast rather than durable, gone with us."""
    with postgres(home, throw_away=True), valkey(home, throw_away=True):
        yield
