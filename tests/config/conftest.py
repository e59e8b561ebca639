import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import engines
from tests.config import installation


@pytest.fixture(scope="session")
def a_cluster() -> Iterator[Path]:
    """The files of a PostgreSQL that was made and stopped: making one takes seconds."""
    folder = Path(tempfile.mkdtemp(prefix="clc-"))
    with engines.postgres(folder) as engine:
        pass
    yield engine.data
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def used_home(home, a_cluster) -> Path:
    """A home whose database was made by an earlier start."""
    subprocess.run(["cp", "-a", str(a_cluster), str(home)], check=True)
    return home


@pytest.fixture
def home() -> Iterator[Path]:
    """A home of one's own under a short path; whatever still runs in it is ended."""
    folder = Path(tempfile.mkdtemp(prefix="clh-"))
    yield folder
    for process in installation.servers(folder):
        os.kill(process.pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)
