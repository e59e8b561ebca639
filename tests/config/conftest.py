import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.config import installation


@pytest.fixture
def home() -> Iterator[Path]:
    """A home of one's own under a short path; whatever still runs in it is ended."""
    folder = Path(tempfile.mkdtemp(prefix="clh-"))
    yield folder
    for process in installation.servers(folder):
        os.kill(process.pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)
