"""The whole system by one command: engines, migrations, web, workers and beat.

Knows no Django: what needs it runs in programs of its own, so this process stays small.
"""

import fcntl
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType

from config import early, engines
from config.embedded import holding
from config.embedded.places import Places
from config.environment import BASE_DIR, Environment
from config.supervising import MARK, Program, Supervisor, end_left_overs
from monitoring import memory

Server = engines.Postgres | engines.Valkey
PORTS_TO_TRY = 50
MONEY_QUEUES = "ingest,predict,execute,settle,ops"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # others hang after a fork
ROOT_IS_FINE = "ignore:You're running the worker with superuser privileges"  # JSON only, no pickle
ENGINE_CHECK_EVERY = 2.0  # seconds


class AlreadyUp(Exception):
    """Another ``up`` holds this home."""


def main(environment: Environment, *, chaos: bool = False) -> int:
    """Bring everything up, keep it up until asked to stop, and stop it; return the exit code.

    ``chaos``: the simulated feed falls silent now and then, as real ones do.
    """
    places = Places.of(environment.home)
    try:
        signal.signal(signal.SIGTERM, _interrupt)
        places.make()
        with _alone(places) as tell, ExitStack() as stack:
            if count := end_left_overs(str(places.home)):
                _say(f"ended {count} processes that an earlier, killed start had left")
            _run(environment, places, stack, tell, chaos=chaos)
    except AlreadyUp as refusal:
        print(f"up: {refusal}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    _say("stopped")
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    with suppress(OSError):
        print(text, flush=True)


@contextmanager
def _alone(places: Places) -> Iterator[Callable[[str], None]]:
    """Hold this home's only ``up``; yield the function that tells others its address.

    Raises:
        AlreadyUp: one is running.
    """
    descriptor = os.open(places.run / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    note = places.run / "up.json"
    try:
        if not holding.try_lock(descriptor):
            with suppress(OSError, ValueError):
                found = json.loads(note.read_text())
                raise AlreadyUp(
                    f"already running in {places.home}: {found['url']} (process {found['pid']});"
                    " set CLOSINGLINE_HOME and WEB_PORT for a second copy"
                )
            raise AlreadyUp(f"already running in {places.home}")
        yield lambda url: _write(note, json.dumps({"pid": os.getpid(), "url": url}))
    finally:
        note_is_ours = holding.try_lock(descriptor)
        if note_is_ours:
            note.unlink(missing_ok=True)
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def _engines(environment: Environment, places: Places) -> Iterator[AbstractContextManager[Server]]:
    """Yield what holds each embedded engine that the operator has not replaced."""
    if not environment.database_url:
        _say("starting PostgreSQL …")
        yield engines.postgres(places.home)
    if not environment.redis_url:
        _say("starting Valkey …")
        yield engines.valkey(places.home)


def _run(
    environment: Environment,
    places: Places,
    stack: ExitStack,
    tell: Callable[[str], None],
    *,
    chaos: bool,
) -> None:
    """Start what takes long at once, then the engines, and let all run when they are prepared."""
    port = free_port(environment.web_host, environment.web_port)
    if port != environment.web_port:
        _say(f"port {environment.web_port} is taken: using {port}")
    url = f"http://{_shown(environment.web_host)}:{port}/"
    tell(url)
    held: list[Server] = []
    watch = Watch(environment, places, held, url, port)
    supervisor = Supervisor(programs(environment, places, port, chaos=chaos), watch=watch)
    open_gate = stack.enter_context(early.closed(_gate(places)))
    stack.callback(supervisor.abandon)
    preparation = stack.enter_context(_preparation(places))
    supervisor.begin("seed")
    held += [stack.enter_context(one) for one in _engines(environment, places)]
    supervisor.begin("web")
    _say("preparing the database …")
    if preparation.wait() != 0:
        raise engines.EngineFailed("the database could not be prepared; its last words stand above")
    open_gate()
    supervisor.run()


@contextmanager
def _preparation(places: Places) -> Iterator[subprocess.Popen[bytes]]:
    """Migrate, collect static files, make the first user; in a process of its own."""
    command = [sys.executable, str(BASE_DIR / "manage.py"), "prepare"]
    marked = {MARK: str(places.home), early.GATE: ""}
    with subprocess.Popen(command, env=os.environ | marked) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()


def _gate(places: Places) -> Path:
    return places.run / "start.gate"


def programs(
    environment: Environment, places: Places, port: int, *, chaos: bool = False
) -> list[Program]:
    """Return what makes up the running system, in the order of starting.

    SIGTERM makes a worker finish the tasks it runs and take no more.  One that has not finished
    by then is killed: its run is still in the database and is taken up at the next start.
    """
    marked = {MARK: str(places.home), "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": ROOT_IS_FINE}
    gated = {**marked, early.GATE: str(_gate(places))}
    beat = _celery("beat", "-S", "config.beat:RecordedScheduler")
    money = {**marked, **ONE_THREAD}
    # People wait for pages first, then for the demonstration: workers come last.
    worker = Program("worker", _worker(environment), money, 35, 9, "seed", stop_order=2)
    learns = {**marked, **memory.ENVIRONMENT}
    train = Program("train", _trainer(environment), learns, 35, 15, "seed", stop_order=2)
    found = [
        Program("web", _web(environment, port), {**gated, **ONE_THREAD}, stop_order=0),
        Program("beat", beat, marked, 10, 11, "seed", stop_order=1),
        worker,
        train,
    ]
    if environment.simulator_enabled:
        seed = [sys.executable, str(BASE_DIR / "manage.py"), "seed"]
        seed += ["--chaos"] if chaos else []
        found.append(Program("seed", seed, gated, once=True, stop_order=2))
    return found


def _web(environment: Environment, port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws"),
        *("--host", environment.web_host, "--port", str(port)),
        *("--workers", "1", "--blocking-threads", "4"),
        *("--workers-kill-timeout", "5", "--log-level", "warning"),
        "config.wsgi:application",
    ]


def _celery(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "celery", "-q", "-A", "config", *arguments]


def _worker(environment: Environment) -> list[str]:
    return _celery(
        *("worker", "-Q", MONEY_QUEUES, "-n", "worker@%h", "--without-gossip", "--without-mingle"),
        *("-c", str(environment.worker_concurrency), "--loglevel", environment.log_level),
    )


def _trainer(environment: Environment) -> list[str]:
    """Return the worker for training: no fork, because XGBoost's threads do not survive one."""
    return _celery(
        *("worker", "-Q", "train", "-n", "train@%h", "--without-gossip", "--without-mingle"),
        *("--pool", "solo", "--loglevel", environment.log_level),
    )


class Watch:
    """What the supervisor looks at beside its programs: the engines, and when to greet."""

    def __init__(
        self, environment: Environment, places: Places, held: list[Server], url: str, port: int
    ) -> None:
        self.environment, self.places, self.held = environment, places, held
        self.url, self.port = url, port
        self.is_greeted = self.is_demo_told = False
        self.engines_at = time.monotonic()

    def __call__(self, supervisor: Supervisor) -> None:
        if not self.is_greeted and answers(self.environment.web_host, self.port):
            self.is_greeted = True
            for line in self.greeting():
                supervisor.say(line)
        if self.is_greeted and not self.is_demo_told and self.environment.simulator_enabled:
            self._tell_of_the_demo(supervisor)
        if time.monotonic() - self.engines_at > ENGINE_CHECK_EVERY:
            self._revive_engines(supervisor)
            self.engines_at = time.monotonic()

    def greeting(self) -> list[str]:
        password = self.places.home / "admin_password"
        known = password.read_text().strip() if password.exists() else "(as you set it)"
        return [
            "",
            f"Closing Line is running:  {self.url}",
            f"  sign in as              admin / {known}",
            f"  everything is kept in   {self.places.home}",
            "  to stop                 Ctrl-C",
            "",
        ]

    def _tell_of_the_demo(self, supervisor: Supervisor) -> None:
        if supervisor.finished("seed"):
            self.is_demo_told = True
            supervisor.say("SIMULATED league running: its events, prices and bets are invented")

    def _revive_engines(self, supervisor: Supervisor) -> None:
        for engine in self.held:
            if engine.process() is not None:
                continue
            supervisor.say(f"{engine.name} died; starting it again")
            try:
                with holding.exclusive(self.places.run / f"{engine.name}.lock"):
                    engine.start()
            except engines.EngineFailed as failure:
                supervisor.say(str(failure))


def _shown(host: str) -> str:
    """Return the name by which a browser on this machine reaches an address.

    >>> _shown("0.0.0.0"), _shown("::1"), _shown("10.0.0.5")
    ('127.0.0.1', '[::1]', '10.0.0.5')
    """
    if host in ("", "0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def free_port(host: str, first: int) -> int:
    """Return the first port from ``first`` upwards that nobody listens on.

    Raises:
        EngineFailed: none of the next fifty is free, or the host is not one of this machine's.
    """
    last: OSError | None = None
    for port in range(first, min(first + PORTS_TO_TRY, 65536)):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                return port
            except OSError as error:
                last = error
    raise engines.EngineFailed(f"no free port for the web server from {first} on: {last}")


def answers(host: str, port: int) -> bool:
    """Tell whether the web server answers a request: it takes connections before it can."""
    connection = http.client.HTTPConnection(_shown(host).strip("[]"), port, timeout=1)
    try:
        connection.request("GET", "/health/live")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
