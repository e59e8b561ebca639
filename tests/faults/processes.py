"""Processes to be killed: a broker of one's own and real workers."""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import ClassVar

import psutil
import redis

from config import engines
from config.embedded.valkey import Valkey

ROOT = Path(__file__).resolve().parents[2]
FACTOR = int(os.environ.get("FAULT_FACTOR", "1"))  # how many times the quick count


def times(quick: int, full: int) -> int:
    """Return a trial's quick count, or its full one: all of it at the factor of make faults.

    For trials whose full count is more than fifteen times what `make test` has time for.
    """
    return quick if FACTOR == 1 else max(quick, full * FACTOR // 15)


def wait_for(condition: Callable[[], object], *, seconds: float = 240, pause: float = 0.05) -> None:
    """Wait until the condition holds; the limit only keeps a broken system from hanging."""
    end = time.monotonic() + seconds
    while not condition():
        for program in Worker.alive:
            if program.process.poll() is not None:
                raise AssertionError(f"it ended by itself: {program.log.read_text()[-3000:]}")
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds} s: {condition} does not hold")
        time.sleep(pause)


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

    def kill_children(self) -> None:
        """Kill the whole pool and leave the main process alone."""
        for child in self.children():
            with suppress(psutil.NoSuchProcess):
                child.kill()

    def kill(self) -> None:
        """Kill -9 the main process and all its children at once, and reap it."""
        if self in self.alive:
            self.alive.remove(self)
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Supervised:
    """A worker as its supervisor keeps it: where it ends by itself, another takes its place.

    Celery's own may end when its broker dies while it acknowledges: a channel that has lost its
    connection is asked for the host, which is no error that it expects.
    """

    def __init__(self, start: Callable[[], Worker]) -> None:
        self._start = start
        self._begin()

    def kept(self) -> bool:
        """Start another worker where the last one has ended; say that one works."""
        if self._worker.process.poll() is not None:
            self._begin()
        return True

    def _begin(self) -> None:
        self._worker = self._start()
        Worker.alive.remove(self._worker)  # it may end


class Nursery:
    """A process with Django loaded and no connection: each fork of it does one thing and ends.

    A fork costs a hundredth of a fresh process, and may be killed as any other.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        source = (
            "import django; django.setup()\n"
            "from config.celery import app; app.loader.import_default_modules()\n"
            "from tests.faults import processes; processes.raise_them()"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", source],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, module: str, function: str, *arguments: object) -> int:
        """Let a child call the function; return its process id."""
        self.process.stdin.write(json.dumps([module, function, arguments]) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def wait(self) -> int:
        """Wait for the child's end; return its exit code, or minus the signal that killed it."""
        return int(self.process.stdout.readline())

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


def raise_them() -> None:
    """Fork a child for each line of standard input, one after the other: the nursery's life."""
    for line in sys.stdin:
        module, function, arguments = json.loads(line)
        call = getattr(importlib.import_module(module), function)  # once, for all who come after
        child = os.fork()
        if not child:
            os.dup2(2, 1)  # standard output is how the nursery itself speaks
            _do_and_exit(call, arguments)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _do_and_exit(call: Callable[..., object], arguments: list) -> None:
    try:
        call(*arguments)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    os._exit(1)
