"""Installations of their own, apart from the engines that the test run itself uses."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from config.environment import BASE_DIR, Environment
from config.supervising import MARK

HOLDER = """
import sys
from pathlib import Path
from config import engines
with engines.postgres(Path(sys.argv[1]), throw_away=False):
    print("held", flush=True)
    sys.stdin.read()
"""


def environment(home: Path, **others: str) -> dict[str, str]:
    """Return what an ordinary shell's environment would be: nothing of this test run's."""
    ours = {name.upper() for name in Environment.model_fields} | {"CLOSINGLINE_TEST_HOME", MARK}
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ours and not name.startswith("PYTEST")
    }
    return {**kept, "CLOSINGLINE_HOME": str(home), **others}


def command(home: Path, *arguments: str, **others: str) -> subprocess.CompletedProcess[str]:
    """Run a manage.py command to its end."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR,
        env=environment(home, **others),
        capture_output=True,
        text=True,
        timeout=120,
    )


def holder(home: Path) -> subprocess.Popen[str]:
    """Start another process that holds PostgreSQL until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home)],
        cwd=BASE_DIR,
        env=environment(home),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def servers(home: Path) -> list[psutil.Process]:
    """Return the live engine processes that work below a home."""
    found = []
    for process in psutil.process_iter():
        try:
            cwd = process.cwd()
            is_alive = process.status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError):
            continue
        if is_alive and Path(cwd).is_relative_to(os.path.realpath(home)):
            found.append(process)
    return found


def soon(condition: Callable[[], object], *, seconds: float = 60) -> bool:
    """Wait until something holds; the limit only ends a test that has failed anyway."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return bool(condition())
