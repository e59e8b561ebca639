"""Start, recognise and end one engine's process."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

from config.embedded.holding import wait_until

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1
LARGEST_LOG = 10 * 1024 * 1024  # bytes; then the log starts afresh and the old one is kept once


def die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """Return what a child runs before its program so that it ends when its parent dies.

    Only Linux can do this; elsewhere the next start finds the leftovers and ends them.
    """
    if _LIBC is None:
        return None
    libc, value = _LIBC, int(number)

    def ask_the_kernel() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, value)

    return ask_the_kernel


def launch(
    command: Sequence[str],
    *,
    log: Path,
    user: int | None = None,
    groups: Sequence[int] = (),
    before: Callable[[], None] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, so that Ctrl-C in the terminal passes it by."""
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_suffix(".old.log"))
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,
            preexec_fn=before,
            env=server_environment(),
            **as_user(user, groups),
        )


def as_user(user: int | None, groups: Sequence[int]) -> dict[str, Any]:
    """Return the arguments that make a child run as another user."""
    if user is None:
        return {}
    return {"user": user, "group": user_group(user), "extra_groups": list(groups)}


def user_group(user: int) -> int:
    import pwd

    return pwd.getpwuid(user).pw_gid


def server_environment() -> dict[str, str]:
    """Return what a server may see of our environment: none of its settings, none of ours."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "HOME") if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def find(pid: int, *, program: str, folder: Path) -> psutil.Process | None:
    """Return the process with this id if it is the server that works in this folder, and alive.

    Process ids are given again: after a power cut the id in a left-over file may be a shell's.
    """
    try:
        process = psutil.Process(pid)
        ours = process.name().startswith(program) and Path(process.cwd()).samefile(folder)
        alive = process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except (psutil.Error, OSError):
        return None
    return process if ours and alive else None


def find_all(*, program: str, folder: Path) -> list[psutil.Process]:
    """Return every live process of a server that works in this folder."""
    candidates = (find(pid, program=program, folder=folder) for pid in psutil.pids())
    return [process for process in candidates if process is not None]


def end(process: psutil.Process, *, number: signal.Signals, seconds: float) -> bool:
    """Ask a process to end and wait for it, also if it is not a child; True when it is gone."""
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return True
    return wait_until(lambda: is_gone(process), seconds=seconds)


def is_gone(process: psutil.Process) -> bool:
    """Tell whether a process ended; one whose parent has not yet asked for it counts as ended."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
