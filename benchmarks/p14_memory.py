"""P14: what memory the ``ingest`` command takes for files of up to 1 GB.

Starts a throw-away PostgreSQL, writes files (recordings of the exchange stream: races one after
the other, twenty messages a second; a CSV season; a day's odds as JSON), and runs ``manage.py
ingest`` on each in a process of its own.  The kernel tells the most memory that the process ever
held.  The floor of the time is one pass over the same file that only splits or decodes it.

``python -m benchmarks.p14_memory football_data:40 odds_api:15`` for a machine with less time.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import p14_files
from benchmarks.side_by_side import report

FILES = (
    "betfair_stream:13",
    "betfair_stream:130",
    "betfair_stream:1000",
    "football_data:4",
    "football_data:40",
    "odds_api:15",
)


def decode_only(path: Path, *, source: str) -> float:
    """Return the seconds of one pass that splits or decodes the file and drops what it found."""
    import msgspec

    from markets.connectors.betfair import wire
    from markets.connectors.odds_api.documents import Game

    begun = time.perf_counter()
    with path.open("rb") as file:
        if source == "betfair_stream":
            decoder = msgspec.json.Decoder(wire.Message)
            for line in file:
                decoder.decode(line)
        elif source == "football_data":
            for _ in csv.reader(line.decode() for line in file):
                pass
        else:
            msgspec.json.decode(file.read(), type=dict[str, list[Game] | str])
    return time.perf_counter() - begun


def ingest(path: Path, *, source: str) -> tuple[float, int, dict[str, Any]]:
    """Run the command; return its seconds, the most bytes it held, and what it says."""
    command = [sys.executable, "manage.py", "ingest", source, "--path", str(path)]
    begun, held = time.perf_counter(), 0
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen([*command, "--output", "json"], stdout=out)
        while process.poll() is None:
            held = max(held, most_held(process.pid))
            time.sleep(0.1)
        seconds = time.perf_counter() - begun
        out.seek(0)
        said = json.loads(out.read() or b"{}")
    if "rows" not in said:
        raise SystemExit(f"nothing was ingested: exit code {process.returncode}, it said {said}")
    return seconds, held, said


def most_held(pid: int) -> int:
    """Return the most that a process held so far; ``wait4`` would count its parent's before it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(found[0]) * 1024 if found else 0


def run(folder: Path, *, source: str, megabytes: int) -> None:
    path = p14_files.write(folder, source=source, megabytes=megabytes)
    seconds, held, said = ingest(path, source=source)
    told = {name: said.get(name) for name in ("rows", "prices", "events")}
    at_most = f"{held / 1e6:.0f} MB resident at most"
    print(f"{source} {megabytes} MB: {at_most}, {seconds:.0f} s, {told}")
    work = f"ingest of {source} {megabytes} MB: {at_most}"
    seconds_of = {"ours": seconds, "decode_only": decode_only(path, source=source)}
    report(bench="P14", work=work, n=path.stat().st_size, seconds=seconds_of)
    path.unlink()


def allow(*, bytes_of_a_file: int) -> None:
    """Raise the sources' limits, as their operator would: 100 MB where nobody has."""
    from django.utils import timezone

    from markets.models import Source
    from markets.services import sources

    sources.ensure_default_sources(now=timezone.now())
    Source.objects.update(max_bytes=bytes_of_a_file, max_expanded_bytes=bytes_of_a_file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", default=FILES, help="source:megabytes")
    asked = [one.split(":") for one in parser.parse_args().files]
    with tempfile.TemporaryDirectory(prefix="clb-") as home:
        Path(home).chmod(0o755)
        os.environ.update(CLOSINGLINE_HOME=home, DJANGO_SETTINGS_MODULE="config.settings")
        from config import engines

        with engines.postgres(Path(home)):
            import django

            django.setup()
            from django.core.management import call_command
            from django.db import connection

            call_command("migrate", verbosity=0)
            allow(bytes_of_a_file=2_000_000_000)
            connection.close()
            for source, megabytes in asked:
                run(Path(home), source=source, megabytes=int(megabytes))


if __name__ == "__main__":
    main()
