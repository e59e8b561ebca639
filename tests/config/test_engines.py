import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis

from config import engines
from config.embedded.places import LONGEST_SOCKET_PATH, Places
from tests.config import installation

pytestmark = pytest.mark.waits
BUSY = "import time; print('busy', flush=True); time.sleep(600)"
WORK = "import gc; print('worked', gc.isenabled())"  # again, once all is imported
LETTERS = "select string_agg(x, '' order by x) from regexp_split_to_table('bAaB', '') x"


def ask(home: Path, question: str) -> object:
    with psycopg.connect(engines.database_url(home), autocommit=True) as connection:
        row = connection.execute(question).fetchone()
        assert row is not None
        return row[0]


def say(home: Path, *statements: str) -> None:
    with psycopg.connect(engines.database_url(home), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


class TestPostgres:
    def test_keeps_its_data_from_one_start_to_the_next(self, used_home):
        with engines.postgres(used_home):
            say(used_home, "create table kept (n int)", "insert into kept values (7)")
        assert installation.servers(used_home) == []
        with engines.postgres(used_home):
            assert ask(used_home, "select n from kept") == 7

    def test_is_durable_and_checks_its_pages(self, home):
        with engines.postgres(home):
            for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
                assert ask(home, f"show {setting}") == "on"

    def test_trades_durability_for_speed_only_in_a_throw_away_home(self, home):
        with engines.postgres(home, throw_away=True):
            assert ask(home, "show fsync") == "off"

    def test_sorts_and_folds_the_same_on_every_machine(self, used_home):
        with engines.postgres(used_home):
            assert ask(used_home, "select upper('é')") == "É"
            assert ask(used_home, LETTERS) == "ABab"
            assert ask(used_home, "show timezone") == "UTC"

    def test_lets_nobody_else_in(self, used_home):
        with engines.postgres(used_home) as engine:
            folder = engine.places.postgres_sockets
            assert ask(used_home, "show listen_addresses") == ""
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            for path in (used_home / "run", used_home / "logs", engine.data):
                assert path.stat().st_mode & stat.S_IRWXO == 0

    def test_works_under_a_path_too_long_for_a_socket(self, home):
        deep = home / "a folder with spaces" / ("x" * 120) / "home"
        with engines.postgres(deep), engines.valkey(deep):
            assert ask(deep, "select 1") == 1
            assert redis.Redis.from_url(engines.redis_url(deep)).ping()
        sockets = Places.of(deep).sockets
        assert not sockets.is_relative_to(deep)
        assert len(str(Places.of(deep).postgres_sockets)) < LONGEST_SOCKET_PATH
        assert installation.servers(deep) == []
        shutil.rmtree(sockets)

    def test_runs_beside_another_copy(self, home):
        one, other = home / "one", home / "other"
        with engines.postgres(one), engines.postgres(other):
            say(one, "create table only_here (n int)")
            assert ask(other, "select to_regclass('only_here')") is None

    def test_is_the_same_server_however_the_home_is_spelt(self, home):
        (home / "real").mkdir()
        (home / "link").symlink_to(home / "real")
        with engines.postgres(home / "real") as one, engines.postgres(home / "link") as other:
            assert one.process() == other.process()


class TestTheLastOneOutStopsIt:
    def test_and_not_the_first(self, used_home):
        with engines.postgres(used_home):
            other = installation.holder(used_home)
        assert installation.servers(used_home) != []
        assert ask(used_home, "select 1") == 1
        other.communicate("")
        assert installation.soon(lambda: installation.servers(used_home) == [])

    def test_a_second_user_starts_nothing(self, used_home):
        with engines.postgres(used_home) as one, engines.postgres(used_home) as two:
            assert two.child is None
            assert one.process() == two.process()

    def test_a_killed_user_does_not_count(self, used_home):
        other = installation.holder(used_home)
        with engines.postgres(used_home):
            other.kill()
            other.wait()
        assert installation.servers(used_home) == []

    def test_what_a_killed_command_left_is_used_and_then_stopped(self, used_home):
        other = installation.holder(used_home)
        other.kill()
        other.wait()
        left = installation.servers(used_home)
        with engines.postgres(used_home) as engine:
            assert engine.process() in left
        assert installation.servers(used_home) == []


class TestRecovery:
    def test_after_the_server_was_killed(self, used_home):
        with engines.postgres(used_home) as engine:
            say(used_home, "create table kept as select 1 as n")
            engine.process().kill()
            engine.start()
            assert ask(used_home, "select n from kept") == 1

    def test_after_a_power_cut_when_the_old_process_id_is_in_use_again(self, used_home):
        with engines.postgres(used_home) as engine:
            mark = engine.data / "postmaster.pid"
            said = mark.read_text().splitlines()
        mark.write_text("\n".join([str(os.getpid()), *said[1:]]) + "\n")
        with engines.postgres(used_home):
            assert ask(used_home, "select 1") == 1

    def test_after_a_first_start_that_was_cut_in_the_middle(self, home):
        (home / "postgres.new-cut").mkdir(parents=True)
        (home / "postgres.new-cut" / "PG_VERSION").write_text("18\n")
        with engines.postgres(home):
            assert ask(home, "select 1") == 1
        assert list(home.glob("postgres.new-*")) == []

    def test_names_the_logs_last_lines_when_it_cannot_start(self, used_home):
        with engines.postgres(used_home) as engine:
            pass
        (engine.data / "global" / "pg_control").unlink()
        with pytest.raises(engines.EngineFailed, match="pg_control"), engines.postgres(used_home):
            pass
        assert installation.servers(used_home) == []

    def test_refuses_data_of_another_version(self, home):
        (home / "postgres").mkdir(parents=True)
        (home / "postgres" / "PG_VERSION").write_text("16\n")
        with pytest.raises(engines.EngineFailed, match="PostgreSQL 16"), engines.postgres(home):
            pass

    def test_says_what_to_do_when_the_home_cannot_be_written(self, home):
        (home / "file").write_text("")
        with (
            pytest.raises(engines.EngineFailed, match="CLOSINGLINE_HOME"),
            engines.postgres(home / "file" / "home"),
        ):
            pass


class TestValkey:
    def test_loses_no_message_by_a_restart(self, home):
        with engines.valkey(home):
            redis.Redis.from_url(engines.redis_url(home)).rpush("queue", "message")
        with engines.valkey(home):
            assert redis.Redis.from_url(engines.redis_url(home)).llen("queue") == 1

    def test_loses_no_message_when_killed(self, home):
        with engines.valkey(home) as engine:
            redis.Redis.from_url(engines.redis_url(home)).rpush("queue", "message")
            engine.process().kill()
            engine.start()
            assert redis.Redis.from_url(engines.redis_url(home)).llen("queue") == 1

    def test_writes_each_message_down_and_drops_none(self, home):
        with engines.valkey(home):
            client = redis.Redis.from_url(engines.redis_url(home), decode_responses=True)
            assert client.config_get("appendonly") == {"appendonly": "yes"}
            assert client.config_get("appendfsync") == {"appendfsync": "always"}
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            assert client.config_get("port") == {"port": "0"}

    def test_is_never_started_twice_on_the_same_files(self, home):
        with engines.valkey(home) as one, engines.valkey(home) as two:
            assert two.child is None
            assert one.process() == two.process()

    def test_lets_nobody_else_in(self, home):
        with engines.valkey(home) as engine:
            assert stat.S_IMODE(engine.places.valkey_socket.stat().st_mode) == 0o700


class TestForCommand:
    def test_starts_what_a_command_needs_and_stops_it(self, home):
        done = installation.command(home, "shell", "-c", WORK, "-v", "0")
        assert (done.returncode, done.stdout, done.stderr) == (0, "worked True\n", "")
        assert (home / "postgres" / "PG_VERSION").exists()
        assert installation.servers(home) == []

    def test_starts_nothing_to_show_help(self, home):
        done = installation.command(home, "migrate", "--help")
        assert done.returncode == 0
        assert not (home / "postgres").exists()

    def test_leaves_an_operators_own_servers_alone(self, home):
        with engines.postgres(home / "theirs"):
            done = installation.command(
                home,
                *("shell", "-v", "0", "-c"),
                "from django.db import connection; print(connection.settings_dict['HOST'])",
                DATABASE_URL=engines.database_url(home / "theirs"),
            )
        assert done.stdout.strip() == str(Places.of(home / "theirs").postgres_sockets)
        assert not (home / "postgres").exists()

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_stops_what_it_started_when_the_command_is_interrupted(self, used_home, number):
        process = subprocess.Popen(
            [sys.executable, "manage.py", "shell", "-v", "0", "-c", BUSY],
            cwd=installation.BASE_DIR,
            env=installation.environment(used_home),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            # A shell's background jobs ignore SIGINT, and their children with them.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "busy\n"
        process.send_signal(number)
        assert process.wait(60) in (130, 143)
        assert installation.servers(used_home) == []

    def test_says_in_one_line_why_an_engine_does_not_start(self, home):
        (home / "postgres").mkdir(parents=True)
        (home / "postgres" / "PG_VERSION").write_text("16\n")
        done = installation.command(home, "check")
        assert done.returncode == 1
        assert done.stdout == ""
        assert len(done.stderr.strip().splitlines()) == 1

    def test_names_a_malformed_variable_and_not_its_value(self, home):
        done = installation.command(home, "check", WEB_PORT="99999", LOG_LEVEL="LOUD")
        assert done.returncode == 1
        assert "WEB_PORT" in done.stderr and "LOG_LEVEL" in done.stderr
        assert "99999" not in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


class TestLocalSecret:
    def test_is_made_once_and_readable_by_its_owner_alone(self, home):
        first = engines.local_secret(home)
        assert engines.local_secret(home) == first
        assert len(first) > 50
        assert stat.S_IMODE((home / "secret_key").stat().st_mode) == 0o600
