"""Processes to be killed: a broker of one's own and real workers."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

import psutil
import redis

from config import engines
from config.embedded.valkey import Valkey

ROOT = Path(__file__).resolve().parents[2]
FACTOR = int(os.environ.get("FAULT_FACTOR", "1"))  # how many times the quick count


def wait_for(condition: Callable[[], object], *, seconds: float = 240) -> None:
    """Wait until the condition holds; the limit only keeps a broken system from hanging."""
    end = time.monotonic() + seconds
    while not condition():
        for program in Worker.alive:
            if program.process.poll() is not None:
                raise AssertionError(f"it ended by itself: {program.log.read_text()[-3000:]}")
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds} s: {condition} does not hold")
        time.sleep(0.05)


class Broker:
    """A Valkey of one's own, to be killed and wiped."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.url = engines.redis_url(home)
        self.celery_url = self.url.replace("unix://", "redis+socket://", 1)
        self.server: Valkey | None = None
        self._stack = ExitStack()

    def start(self) -> None:
        self.server = self._stack.enter_context(engines.valkey(self.home, throw_away=True))

    def kill(self) -> None:
        process = self.server.process()
        process.kill()
        process.wait()
        if self.server.child is not None:
            self.server.child.wait()

    def start_again(self) -> None:
        self.server.start()

    def wipe(self) -> None:
        redis.Redis.from_url(self.url).flushall()

    def stop(self) -> None:
        self._stack.close()


class Worker:
    """A Celery worker, or beat, in processes of its own."""

    alive: ClassVar[list["Worker"]] = []  # those that nobody has killed

    def __init__(self, process: subprocess.Popen, log: Path) -> None:
        self.process, self.log = process, log
        self.alive.append(self)

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def kill_child(self) -> bool:
        """Kill one pool child; tell whether there was one."""
        children = self.children()
        if children:
            children[0].kill()
        return bool(children)

    def kill(self) -> None:
        """Kill -9 the main process and all its children at once, and reap it."""
        if self in self.alive:
            self.alive.remove(self)
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
