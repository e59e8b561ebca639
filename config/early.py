"""Programs that start before what they need: they import meanwhile, and then wait at a gate.

Importing is most of a start, and needs neither engines nor tables.  So ``up`` starts what people
wait for at once, and opens the gate when the database is as this code expects it.  Knows no
Django until it imports it.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

GATE = "CLOSINGLINE_GATE"  # in the environment of what starts early: the gate's file, or nothing
#: What a command needs anyway.  Numbers first for the one, Django first for the other: started
#: together, neither compiles what the other is just compiling.
IMPORTS = {
    "prepare": ("django", "config.management.commands.prepare"),
    "seed": ("xgboost", "pandas", "django", "config.management.commands.seed"),
}


@contextmanager
def closed(path: Path) -> Iterator[Callable[[], None]]:
    """Hold the gate closed while the block runs; yield what opens it earlier.

    It is a lock, which the kernel opens if we die.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield lambda: fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def wait() -> None:
    """Wait until the gate is open; whoever was started without one passes."""
    if path := os.environ.get(GATE):
        with open(path) as gate:
            fcntl.flock(gate, fcntl.LOCK_SH)


def get_ready(argv: Sequence[str]) -> None:
    """Import what a command that starts early will need, then wait for its turn."""
    if GATE not in os.environ:
        return
    for name in IMPORTS.get(argv[1] if len(argv) > 1 else "", ()):
        found = import_module(name)
        if name == "django":
            found.setup()
        if hasattr(found, "before_the_engines"):
            found.before_the_engines()
    wait()
