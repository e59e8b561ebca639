"""A running ``manage.py up``, its output and its address."""

import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil

from config.supervising import MARK
from tests.config import installation


class Up:
    def __init__(self, home: Path, **others: str) -> None:
        self.lines: list[str] = []
        self.home = home
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=installation.BASE_DIR,
            env=installation.environment(home, **{"SIMULATOR_ENABLED": "false", **others}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)

    @property
    def text(self) -> str:
        return "".join(self.lines)

    @property
    def url(self) -> str:
        found = re.search(r"is running:\s+(http\S+)", self.text)
        return found.group(1) if found else ""

    def greeted(self) -> "Up":
        """Wait until the web server answers and the greeting stands in the output."""
        installation.soon(lambda: self.url or self.process.poll() is not None, seconds=240)
        assert self.url, self.text
        return self

    def family(self) -> list[psutil.Process]:
        """Return everything that belongs to this home: programs and engines."""
        return installation.servers(self.home) + [
            process for process in psutil.process_iter() if _is_of(process, self.home)
        ]

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Ask it to stop, as Ctrl-C does, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(120)


def _is_of(process: psutil.Process, home: Path) -> bool:
    try:
        return process.environ().get(MARK) == str(home)
    except (psutil.Error, OSError):
        return False
