import os
import sys

import psutil
import pytest

from config.supervising import MARK, Program, Running, Supervisor, end_left_overs
from tests.config import installation


def python(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", code]


def forever(then: str = "") -> list[str]:
    return python(f"import signal, time; {then}\nprint('ready')\ntime.sleep(600)")


class Eye:
    """Looks on, and asks the supervisor to stop when something holds or time is over."""

    def __init__(self, until):
        self.until = until
        self.looks = 0

    def __call__(self, supervisor: Supervisor) -> None:
        self.looks += 1
        if self.until(supervisor) or self.looks > 100:
            supervisor.asked += 1


def supervise(*programs: Program, until) -> Supervisor:
    eye = Eye(until)
    supervisor = Supervisor(programs, watch=eye)
    supervisor.run()
    assert eye.looks <= 100, "what was waited for did not come"
    return supervisor


class TestSupervisor:
    def test_prefixes_each_line_with_the_programs_name(self, capsys):
        supervise(
            Program("one", python("print('hello'); print('no end of line', end='')"), once=True),
            until=lambda supervisor: supervisor.finished("one"),
        )
        printed = capsys.readouterr().out
        assert "one | hello\n" in printed
        assert "one | no end of line\n" in printed

    def test_starts_again_what_died(self, capsys, tmp_path):
        code = f"open({str(tmp_path / 'starts')!r}, 'a').write('x'); raise SystemExit(3)"
        supervise(
            Program("weak", python(code)),
            until=lambda _: (
                len((tmp_path / "starts").read_text()) >= 2
                if (tmp_path / "starts").exists()
                else False
            ),
        )
        assert "weak ended (3); again in 1 s" in capsys.readouterr().out

    def test_does_not_repeat_what_ended_well(self, tmp_path):
        code = f"open({str(tmp_path / 'starts')!r}, 'a').write('x')"
        supervise(
            Program("once", python(code), once=True),
            until=lambda supervisor: supervisor.finished("once"),
        )
        assert (tmp_path / "starts").read_text() == "x"

    def test_starts_what_waits_for_another_as_soon_as_that_has_ended(self):
        supervisor = supervise(
            Program("patient", forever(), start_after=600, or_after="first"),
            Program("first", python("pass"), once=True),
            until=lambda supervisor: supervisor.all[0].started_at > 0,
        )
        patient, first = supervisor.all
        assert 0 < first.started_at < patient.started_at

    def test_goes_on_with_what_was_begun_before_it_ran(self):
        programs = [Program("late", python("pass"), once=True), Program("early", forever())]
        supervisor = Supervisor(programs, watch=Eye(lambda s: s.finished("late")))
        supervisor.begin("early")
        late, early = supervisor.all
        begun = early.process
        assert begun is not None
        assert late.process is None
        supervisor.run()
        assert begun.poll() is not None
        assert early.process is None

    def test_counts_the_wait_of_the_others_from_its_run(self):
        programs = [Program("late", python("pass"), once=True, start_after=0.3)]
        supervisor = Supervisor(programs, watch=Eye(lambda s: s.finished("late")))
        supervisor.all[0].start_at = 0.0
        begin = installation.time.monotonic()
        supervisor.run()
        assert supervisor.all[0].started_at >= begin + 0.3

    def test_ends_what_was_begun_if_it_never_ran(self):
        supervisor = Supervisor([Program("early", forever())], watch=Eye(lambda _: True))
        supervisor.begin("early")
        begun = supervisor.all[0].process
        assert begun is not None
        supervisor.abandon()
        assert begun.poll() is not None

    def test_ends_the_children_of_a_program_that_died(self):
        code = (
            "import subprocess, sys; "
            "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
            "print(child.pid)"
        )
        said: list[str] = []
        supervisor = Supervisor(
            [Program("parent", python(code), once=True)],
            watch=Eye(lambda s: s.finished("parent")),
        )
        supervisor.say = lambda text, who="up": said.append(text)  # type: ignore[method-assign]
        supervisor.run()
        assert installation.soon(lambda: not psutil.pid_exists(int(said[0])))

    def test_stops_in_order(self, tmp_path):
        log = str(tmp_path / "log")
        trap = (
            "import sys\ndef end(*_):\n    open({log!r}, 'a').write({name!r})\n    sys.exit()\n"
            "signal.signal(signal.SIGTERM, end)"
        )
        programs = [
            Program(name, forever(trap.format(log=log, name=name)), stop_order=order)
            for name, order in (("c", 2), ("a", 0), ("b", 1))
        ]
        heard: list[str] = []
        supervisor = Supervisor(programs, watch=Eye(lambda _: heard.count("ready") == 3))
        supervisor.say = lambda text, who="up": heard.append(text)  # type: ignore[method-assign]
        supervisor.run()
        assert (tmp_path / "log").read_text() == "abc"

    def test_kills_what_does_not_end_in_its_time(self):
        deaf = forever("signal.signal(signal.SIGTERM, signal.SIG_IGN)")
        heard: list[str] = []
        supervisor = Supervisor(
            [Program("deaf", deaf, stop_seconds=0.2)], watch=Eye(lambda _: "ready" in heard)
        )
        supervisor.say = lambda text, who="up": heard.append(text)  # type: ignore[method-assign]
        supervisor.run()
        assert all(one.process is None for one in supervisor.all)


class TestPlanRestart:
    def test_waits_longer_each_time_up_to_a_limit(self):
        one = Running(Program("weak", ["false"]))
        pauses = []
        for _ in range(7):
            one.started_at = installation.time.monotonic()
            one.plan_restart(1)
            pauses.append(one.pause)
        assert pauses == [1, 2, 4, 8, 16, 30, 30]

    def test_begins_afresh_after_a_stable_life(self):
        one = Running(Program("strong", ["false"]))
        one.pause, one.started_at = 30.0, installation.time.monotonic() - 3600
        one.plan_restart(1)
        assert one.pause == 1


@pytest.mark.faults
class TestEndLeftOvers:
    def test_ends_the_programs_of_that_home_and_no_others(self):
        ours, theirs = (
            psutil.Popen(forever(), env=os.environ | {MARK: name}, stdout=-3)
            for name in ("/home-of-ours", "/home-of-theirs")
        )
        try:
            assert end_left_overs("/home-of-ours") == 1
            assert not ours.is_running()
            assert theirs.is_running()
        finally:
            theirs.kill()
            theirs.wait()
