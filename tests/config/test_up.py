"""The one command, as a person uses it: start, look, interrupt, start again, pull the plug."""

import signal
import socket
import urllib.request

import pytest

from config import up
from config.environment import Environment
from config.supervising import MARK
from tests.config import installation
from tests.config.running import Up

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


@pytest.fixture
def taken_port():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


class TestUp:
    def test_greets_once_survives_the_death_of_its_parts_and_of_itself_and_stops(
        self, home, taken_port
    ):
        first = Up(home, WEB_PORT=str(taken_port)).greeted()
        assert f"port {taken_port} is taken" in first.text
        assert f":{taken_port}/" not in first.url
        with urllib.request.urlopen(f"{first.url}admin/login/") as answer:
            assert answer.status == 200
        password = (home / "admin_password").read_text()
        assert password in first.text

        second = Up(home)
        assert second.process.wait(60) == 1
        assert installation.soon(lambda: "already running" in second.text)
        assert first.url in second.text

        self.parts_die_and_come_back(first)

        first.process.kill()
        first.process.wait()
        again = Up(home, WEB_PORT=str(taken_port)).greeted()
        assert password in again.text
        assert "user admin made" not in again.text
        assert again.stop(signal.SIGINT) == 0, again.text
        assert again.family() == []

        last = Up(home).greeted()
        assert last.stop(signal.SIGTERM) == 0, last.text
        assert last.family() == []

    def parts_die_and_come_back(self, running: Up) -> None:
        places = up.Places.of(running.home)
        web = next(one for one in running.family() if "granian" in one.cmdline())
        for victim in (up.engines.Valkey(places), up.engines.Postgres(places)):
            process = victim.process()
            assert process is not None
            process.kill()
        web.kill()
        for said in (
            "valkey died; starting it again",
            "postgres died; starting it again",
            "web ended",
        ):
            assert installation.soon(lambda said=said: said in running.text)


class TestFreePort:
    def test_is_the_first_one_that_nobody_listens_on(self, taken_port):
        assert up.free_port("127.0.0.1", taken_port) > taken_port

    def test_is_refused_on_an_address_that_is_not_ours(self):
        with pytest.raises(up.engines.EngineFailed, match="no free port"):
            up.free_port("192.0.2.1", 8000)


class TestPrograms:
    def test_are_told_apart_from_any_other_homes(self, home):
        environment = Environment(closingline_home=home)
        programs = up.programs(environment, up.Places.of(home), 8000)
        assert {program.environment[MARK] for program in programs} == {str(home)}
        assert [program.name for program in programs] == ["web", "beat", "worker", "train", "seed"]

    def test_leave_the_demo_out_when_it_is_switched_off(self, home):
        environment = Environment(closingline_home=home, simulator_enabled=False)
        names = [one.name for one in up.programs(environment, up.Places.of(home), 8000)]
        assert "seed" not in names

    @pytest.mark.parametrize("chaos", [True, False])
    def test_let_the_demo_fail_now_and_then_where_that_is_asked_for(self, home, chaos):
        environment = Environment(closingline_home=home)
        programs = up.programs(environment, up.Places.of(home), 8000, chaos=chaos)
        (seed,) = (program for program in programs if program.name == "seed")
        assert (seed.command[-1] == "--chaos") == chaos

    def test_give_money_workers_one_thread_and_training_no_fork(self, home):
        worker, train = (
            program
            for program in up.programs(Environment(), up.Places.of(home), 8000)
            if program.name in ("worker", "train")
        )
        assert worker.environment["OMP_NUM_THREADS"] == "1"
        assert "solo" in train.command
