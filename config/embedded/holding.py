"""Who uses an engine, told by kernel locks: a process that dies lets go by dying.

Lists of process ids go stale (a killed process stays on the list, and its number is given to
somebody else); a lock on an open file does neither.
"""

import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from config.embedded.errors import EngineFailed

LONGEST_WAIT = 180.0  # seconds; recovery after a power cut counts as starting


class Engine(Protocol):
    name: str

    def start(self) -> None:
        """Start the engine unless it runs; raises EngineFailed."""

    def stop(self) -> None:
        """Stop the engine in order if it runs."""


@contextmanager
def held(engine: Engine, *, run: Path) -> Iterator[None]:
    """Hold an engine up while the block runs; the last one out stops it.

    A shared lock on ``<name>.users`` is one use.  Starting, stopping and the question whether
    somebody else still uses it stand under the exclusive ``<name>.lock``.
    """
    users = -1
    try:
        with exclusive(run / f"{engine.name}.lock"):
            users = os.open(run / f"{engine.name}.users", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(users, fcntl.LOCK_SH)
            engine.start()
        yield
    finally:
        if users >= 0:
            with uninterrupted():
                _let_go(engine, run=run, users=users)


def _let_go(engine: Engine, *, run: Path, users: int) -> None:
    try:
        with exclusive(run / f"{engine.name}.lock"):
            if try_lock(users):
                engine.stop()
    finally:
        os.close(users)


def try_lock(descriptor: int) -> bool:
    """Take a file's exclusive lock if nobody else holds any lock on it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a file's lock while the block runs; wait for it at most three minutes."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not wait_until(lambda: try_lock(descriptor), seconds=LONGEST_WAIT):
            raise EngineFailed(f"another process has been holding {path} for {LONGEST_WAIT:.0f} s")
        yield
    finally:
        os.close(descriptor)


def wait_until(condition: Callable[[], bool], *, seconds: float, every: float = 0.02) -> bool:
    """Ask until the answer is yes or the time is over; return the last answer."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(every)
    return True


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Finish the block even if Ctrl-C is pressed again: a half-stopped engine helps nobody."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(ValueError):
            before[number] = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
