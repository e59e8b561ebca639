"""What every benchmark shares: medians taken side by side in one run, printed and kept."""

import json
import statistics
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

HISTORY = Path(__file__).parent / "results" / "history.jsonl"


def medians(
    contestants: Mapping[str, Callable[[], object]], *, repeat: int = 5
) -> dict[str, float]:
    """Return each contestant's median seconds; they take turns, so noise meets all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(repeat):
        for name, run in contestants.items():
            begun = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - begun)
    return {name: statistics.median(values) for name, values in seconds.items()}


def report(*, bench: str, work: str, n: int, seconds: Mapping[str, float]) -> None:
    """Print rates and ratios of "ours" to each other contestant, and append them to a history."""
    rates = {name: n / value for name, value in seconds.items()}
    ratios = {name: rates["ours"] / rate for name, rate in rates.items() if name != "ours"}
    row = {
        "at": datetime.now(tz=UTC).isoformat(timespec="seconds"),
        "bench": bench,
        "work": work,
        "n": n,
        "per_second": {name: round(rate) for name, rate in rates.items()},
        "ours_over": {name: round(ratio, 3) for name, ratio in ratios.items()},
    }
    print(json.dumps(row))
    HISTORY.parent.mkdir(exist_ok=True)
    with HISTORY.open("a") as file:
        file.write(json.dumps(row) + "\n")
