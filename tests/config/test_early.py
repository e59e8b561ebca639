"""What starts early waits at a gate that only a finished preparation, or a death, opens."""

import os
import subprocess
import sys

from config import early
from tests.config import installation

PASS = "from config import early; early.wait(); print('passed')"
HOLD = """
import pathlib, sys, time
from config import early
with early.closed(pathlib.Path(sys.argv[1])):
    print("closed", flush=True)
    time.sleep(600)
"""


def somebody(code, *arguments, gate=None):
    environment = os.environ | ({early.GATE: str(gate)} if gate is not None else {})
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=installation.BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


class TestGate:
    def test_holds_everybody_until_it_is_opened(self, tmp_path):
        gate = tmp_path / "gate"
        with early.closed(gate) as open_gate, somebody(PASS, gate=gate) as waiting:
            assert installation.soon(lambda: _sleeps_at_a_lock(waiting.pid))
            assert waiting.poll() is None
            open_gate()
            assert waiting.communicate()[0] == "passed\n"

    def test_is_opened_by_the_death_of_who_held_it(self, tmp_path):
        gate = tmp_path / "gate"
        with somebody(HOLD, str(gate)) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "closed\n"
            holder.kill()
        with somebody(PASS, gate=gate) as late:
            assert late.communicate()[0] == "passed\n"

    def test_lets_pass_who_was_started_without_one(self):
        with somebody(PASS, gate="") as first, somebody(PASS) as second:
            assert first.communicate()[0] == second.communicate()[0] == "passed\n"


class TestGetReady:
    def test_imports_nothing_for_a_command_that_a_person_gives(self, monkeypatch):
        monkeypatch.delenv(early.GATE, raising=False)
        monkeypatch.setattr(early, "IMPORTS", {"seed": ("no_such_module",)})
        early.get_ready(["manage.py", "seed"])

    def test_names_only_what_can_be_imported(self):
        for names in early.IMPORTS.values():
            for name in names:
                __import__(name)


def _sleeps_at_a_lock(pid):
    """Tell whether the kernel's list of locks shows somebody waiting who is that process."""
    with open("/proc/locks") as locks:
        return any("->" in line and f" {pid} " in line for line in locks)
