"""Where an installation's engines keep what: one folder, apart from sockets under long paths."""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from config.embedded.errors import EngineFailed

# A socket's address holds 104 bytes on macOS and 108 on Linux, the closing zero included.
LONGEST_SOCKET_PATH = 100
POSTGRES_SOCKET = ".s.PGSQL.5432"


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of one installation; the same home always gives the same ones."""

    home: Path

    @classmethod
    def of(cls, home: Path) -> "Places":
        """Return the folders of a home, however its path is spelt."""
        return cls(Path(os.path.realpath(home)))

    @property
    def run(self) -> Path:
        """Return the folder of locks and of what is only true while something runs."""
        return self.home / "run"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def sockets(self) -> Path:
        """Return the folder of sockets: in the home, or a short private one if that is too long.

        Not below ``TMPDIR``: two shells of one user may disagree about it, and then a command
        would look for the server in another place than the one that started it.
        """
        inside = self.run
        if len(os.fsencode(inside / "pg" / POSTGRES_SOCKET)) <= LONGEST_SOCKET_PATH:
            return inside
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]
        return Path("/tmp") / f"closingline-{os.geteuid()}-{digest}"

    @property
    def postgres_sockets(self) -> Path:
        return self.sockets / "pg"

    @property
    def valkey_socket(self) -> Path:
        return self.sockets / "valkey.sock"

    def make(self) -> None:
        """Make the folders, private to this user.

        Raises:
            EngineFailed: the home cannot be written, or somebody else owns the sockets' folder.
        """
        try:
            for folder in (self.home, self.run, self.logs):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.sockets.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise EngineFailed(
                f"{self.home} cannot hold the engines ({error}); set CLOSINGLINE_HOME to a folder"
                " that this user may write"
            ) from error
        self._refuse_strangers()

    def _refuse_strangers(self) -> None:
        """Refuse a folder of sockets that another user made before us under the same name."""
        found = self.sockets.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (os.geteuid(), 0):
            raise EngineFailed(
                f"{self.sockets} belongs to somebody else; remove it, or set CLOSINGLINE_HOME to"
                " a shorter path"
            )
        if found.st_uid == os.geteuid():
            self.sockets.chmod(stat.S_IMODE(found.st_mode) & 0o711)
