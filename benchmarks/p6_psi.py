"""P6: population stability of 74 features, 50,000 rows against 50,000.

``python -m benchmarks.p6_psi``.  Ours keeps the reference's deciles, as a version does.  The
floor: one comparison of all values with one edge, twelve times over.  Optional peer: evidently, in
this interpreter or in one of its own (``EVIDENTLY_PYTHON=/path/to/python``), which draws its own
numbers of the same kind and prints its seconds.  NannyML does not install beside this numpy.
"""

import os
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.side_by_side import medians, report
from models_ml.domain import drift

ROWS, FEATURES = 50_000, 74
PEER = f"""
import time
import numpy as np, pandas as pd
from evidently import Report
from evidently.metrics import ValueDrift
rng = np.random.default_rng(1)
names = [f"f{{i}}" for i in range({FEATURES})]
before, now = (pd.DataFrame(rng.normal(size=({ROWS}, {FEATURES})), columns=names) for _ in "ab")
metrics = [ValueDrift(column=name, method="psi") for name in names]
for _ in range(3):
    begun = time.perf_counter()
    Report(metrics).run(now, before).dict()
    print("SECONDS", time.perf_counter() - begun)
"""


def floor(values: np.ndarray) -> None:
    for edge in np.linspace(-2.0, 2.0, 12):
        np.count_nonzero(values >= edge)


def evidently() -> float | None:
    """Return evidently's median seconds, or None where it is not installed."""
    python = os.environ.get("EVIDENTLY_PYTHON", sys.executable)
    if not Path(python).exists():
        return None
    ran = subprocess.run([python, "-c", PEER], capture_output=True, text=True, timeout=600)
    seconds = [
        float(line.split()[1]) for line in ran.stdout.splitlines() if line.startswith("SECONDS")
    ]
    return statistics.median(seconds) if seconds else None


def main() -> None:
    rng = np.random.default_rng(1)
    before, now = (rng.normal(size=(ROWS, FEATURES)) for _ in range(2))
    kept = drift.reference(before, [f"f{i}" for i in range(FEATURES)])
    seconds = medians(
        {"ours": lambda: drift.psi(kept, now), "twelve_comparisons": lambda: floor(now)}, repeat=15
    )
    peer = evidently()
    if peer is None:
        print("evidently is not installed: no peer in this run")
    else:
        seconds["evidently"] = peer
    work = f"PSI of {FEATURES} features, reference bins kept"
    report(bench="P6", work=work, n=ROWS * FEATURES, seconds=seconds)


if __name__ == "__main__":
    main()
