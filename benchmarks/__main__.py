"""Run the benchmarks one after the other: ``python -m benchmarks [p1 p7 …]``.

Each is a program of its own, so that none meets the caches, threads or engines of another.
Rows go to standard output and, through ``side_by_side``, to ``results/history.jsonl``.
"""

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def main(wanted: list[str]) -> int:
    failed = []
    for path in sorted(FOLDER.glob("p[0-9]*_*.py"), key=_number):
        if wanted and path.stem.partition("_")[0] not in wanted:
            continue
        print(f"# {path.stem}", file=sys.stderr, flush=True)
        if subprocess.call([sys.executable, "-m", f"benchmarks.{path.stem}"], cwd=FOLDER.parent):
            failed.append(path.stem)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _number(path: Path) -> int:
    return int(path.stem.partition("_")[0][1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
