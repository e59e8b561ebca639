import subprocess
import sys

import pytest

from monitoring import memory

#: How many pages are fetched while an array of three megabytes comes and goes forty times.
PAGES_FETCHED = """
import resource
import numpy as np
from monitoring import memory

memory.keep_what_is_freed()
for _ in range(5):
    np.ones(400_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(40):
    np.ones(400_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


class TestKeepWhatIsFreed:
    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="another allocator")
    def test_fetches_no_page_twice(self):
        told = subprocess.run(
            [sys.executable, "-c", PAGES_FETCHED], capture_output=True, text=True, check=True
        )
        in_one_array = 400_000 * 8 // 4096
        assert int(told.stdout) < in_one_array  # by default forty times as many

    def test_says_so_where_the_allocator_cannot_be_told(self, monkeypatch):
        monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
        assert memory.keep_what_is_freed() is False
