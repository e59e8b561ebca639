"""Run several programs as one: prefix what they say, start again what dies, stop all in order.

Knows no Django and starts no thread: one loop reads every program's output and hears every
signal, so that a child can be made from it safely at any time.
"""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType

import psutil

from config.embedded import processes

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds before a dead program is started again
STABLE_AFTER = 60.0  # seconds of life after which the pauses begin from the first again
LONGEST_LINE = 64 * 1024  # bytes
TICK = 0.5
COLOURS = ("36", "33", "32", "35", "34", "31")
MARK = "CLOSINGLINE_SUPERVISED"  # in each program's environment: the home it belongs to


@dataclass(frozen=True, slots=True)
class Program:
    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_seconds: float = 10.0
    start_after: float = 0.0  # seconds: what people wait for comes first …
    or_after: str = ""  # … or as soon as this program, which ends by itself, has ended
    once: bool = False  # ends by itself; started again only after a failure
    stop_order: int = 0  # the lowest first; equal ones together


class Running:
    """One program's present process, its unfinished line and its history of deaths."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.process: subprocess.Popen[bytes] | None = None
        self.rest = b""
        self.started_at = 0.0
        self.pause = 0.0
        # When to start next; None: not again.
        self.start_at: float | None = time.monotonic()

    def launch(self) -> None:
        self.started_at, self.start_at = time.monotonic(), None
        self.process = subprocess.Popen(
            self.program.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | self.program.environment,
            start_new_session=True,  # Ctrl-C reaches us alone, and a group of its own can be ended
            preexec_fn=processes.die_with_parent(signal.SIGTERM),
        )
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)

    def plan_restart(self, status: int) -> None:
        """Decide when the dead program starts again: later and later while it keeps dying."""
        if self.program.once and status == 0:
            return
        if time.monotonic() - self.started_at > STABLE_AFTER:
            self.pause = 0.0
        self.pause = min(max(self.pause * 2, FIRST_PAUSE), LONGEST_PAUSE)
        self.start_at = time.monotonic() + self.pause

    def kill_group(self) -> None:
        """End the program and the children of its children, at once."""
        if self.process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)


class Supervisor:
    """Keep programs running until somebody asks to stop.

    ``watch`` is called twice a second: for what else must be kept alive or told.
    """

    def __init__(
        self, programs: Sequence[Program], *, watch: Callable[["Supervisor"], None]
    ) -> None:
        self.all = [Running(program) for program in programs]
        self.watch = watch
        self.asked = 0
        self._selector = selectors.DefaultSelector()
        self._width = max((len(program.name) for program in programs), default=0)
        self._colours = {
            program.name: COLOURS[place % len(COLOURS)] for place, program in enumerate(programs)
        }

    def begin(self, *names: str) -> None:
        """Start some programs before the others: they may be getting ready for long."""
        for one in self.all:
            if one.program.name in names:
                self._launch(one)

    def abandon(self) -> None:
        """End what was begun and never came to run with the others."""
        for one in self.all:
            if one.process is not None:
                one.kill_group()
                one.process.wait()
                self._put_away(one)

    def run(self) -> None:
        """Run until SIGINT, SIGTERM or SIGHUP, then stop everything; twice means at once."""
        for one in self.all:
            if not one.started_at:
                one.start_at = time.monotonic() + one.program.start_after
        with _Signals(self._ask):
            self._wake_up_on_signals()
            try:
                while not self.asked:
                    self._start_due()
                    self.watch(self)
                    self._pump(TICK)
                    self._bury_the_dead()
            finally:
                self._stop_all()

    def finished(self, name: str) -> bool:
        """Tell whether a program that ends by itself has done so."""
        return all(
            one.process is None and one.start_at is None
            for one in self.all
            if one.program.name == name
        )

    def say(self, text: str, *, who: str = "up") -> None:
        """Print one line under a program's name."""
        prefix = f"{who:<{max(self._width, 2)}} |"
        if sys.stdout.isatty():
            prefix = f"\x1b[{self._colours.get(who, '1')}m{prefix}\x1b[0m"
        try:
            print(prefix, text, flush=True)
        except OSError:  # nobody reads us any more
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115
            self.asked += 1

    # -- the loop ---------------------------------------------------------------------------

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked += 1

    def _wake_up_on_signals(self) -> None:
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self._selector.register(reader, selectors.EVENT_READ, None)

    def _start_due(self) -> None:
        for one in self.all:
            if one.start_at is not None and (
                one.start_at <= time.monotonic() or self._may_start_early(one)
            ):
                self._launch(one)

    def _launch(self, one: Running) -> None:
        one.launch()
        assert one.process is not None and one.process.stdout is not None
        self._selector.register(one.process.stdout, selectors.EVENT_READ, one)

    def _may_start_early(self, one: Running) -> bool:
        never_started = one.started_at == 0.0
        return never_started and bool(one.program.or_after) and self.finished(one.program.or_after)

    def _pump(self, seconds: float) -> None:
        """Pass on what the programs say, for at most one look."""
        for key, _ in self._selector.select(seconds):
            try:
                chunk = os.read(key.fd, LONGEST_LINE)
            except BlockingIOError:
                continue
            if key.data is None:
                continue
            if chunk:
                self._speak(key.data, chunk)
            else:
                self._selector.unregister(key.fileobj)

    def _speak(self, one: Running, chunk: bytes) -> None:
        *lines, one.rest = (one.rest + chunk).split(b"\n")
        if len(one.rest) > LONGEST_LINE:
            lines, one.rest = [*lines, one.rest], b""
        for line in lines:
            self.say(line.decode("utf-8", "replace").rstrip("\r"), who=one.program.name)

    def _bury_the_dead(self) -> None:
        for one in self.all:
            if one.process is None or one.process.poll() is None:
                continue
            status = one.process.returncode
            self._put_away(one)
            one.plan_restart(status)
            if one.start_at is not None and not self.asked:
                self.say(f"{one.program.name} ended ({status}); again in {one.pause:.0f} s")

    def _put_away(self, one: Running) -> None:
        """End what a dead program left behind, and pass on its last words."""
        assert one.process is not None and one.process.stdout is not None
        one.kill_group()
        with suppress(OSError):
            while chunk := os.read(one.process.stdout.fileno(), LONGEST_LINE):
                self._speak(one, chunk)
        if one.rest:
            self._speak(one, b"\n")
        with suppress(KeyError):
            self._selector.unregister(one.process.stdout)
        one.process.stdout.close()
        one.process = None

    # -- the end ----------------------------------------------------------------------------

    def _stop_all(self) -> None:
        self.say("stopping; press Ctrl-C again to stop at once")
        for order in sorted({one.program.stop_order for one in self.all}):
            self._stop([one for one in self.all if one.program.stop_order == order])

    def _stop(self, group: list[Running]) -> None:
        """Ask some programs to end, wait as long as they may take, then end them."""
        start = time.monotonic()
        for one in group:
            one.start_at = None
            if one.process is not None:
                one.process.send_signal(signal.SIGTERM)
        while any(one.process is not None for one in group):
            self._pump(0.05)
            for one in group:
                late = time.monotonic() - start > one.program.stop_seconds
                if one.process is not None and (late or self.asked > 1):
                    one.kill_group()
                if one.process is not None and one.process.poll() is not None:
                    self._put_away(one)


class _Signals:
    """Hand the signals that ask us to stop to one function while the block runs."""

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self, handler: Callable[[int, FrameType | None], None]) -> None:
        self.handler = handler

    def __enter__(self) -> None:
        self.before = {number: signal.signal(number, self.handler) for number in self.numbers}

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self.before.items():
            signal.signal(number, handler)


def end_left_overs(home: str, *, seconds: float = 10.0) -> int:
    """End the programs of a supervisor that was killed; return how many there were."""
    found = [process for process in psutil.process_iter() if _belongs_to(process, home)]
    for process in found:
        with suppress(psutil.Error):
            process.terminate()
    _, alive = psutil.wait_procs(found, timeout=seconds)
    for process in alive:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(alive, timeout=seconds)
    return len(found)


def _belongs_to(process: psutil.Process, home: str) -> bool:
    try:
        return process.pid != os.getpid() and process.environ().get(MARK) == home
    except (psutil.Error, OSError):
        return False
