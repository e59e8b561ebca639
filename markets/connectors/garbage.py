"""Pauses of the cyclic garbage collector while much is built that stays."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Collect nothing while the block runs; collect as before when it has ended.

    A payload becomes a million small objects without cycles, all of which stay until the portion
    is recorded.  The collector would walk through all of them again and again and free nothing:
    half of the time that a large answer takes.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
