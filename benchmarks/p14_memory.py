"""P14: what memory the ``ingest`` command takes for files of 13 MB, 130 MB and 1 GB.

Starts a throw-away PostgreSQL, writes recordings of the exchange stream (races one after the
other, twenty messages a second), and runs ``manage.py ingest`` on each in a process of its own.
The kernel tells the most memory that the process ever held.  The floor of the time is one pass
over the same file that decodes each line and does nothing with it.

``python -m benchmarks.p14_memory --megabytes 13 130`` for a machine with less time.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.side_by_side import report

FIRST_DAY = datetime(2023, 1, 2, 2, 0, tzinfo=UTC)
RUNNERS, LASTS = 8, timedelta(minutes=30)
PER_SECOND, RACES_A_DAY = 20, 8


def record(path: Path, *, megabytes: int) -> None:
    """Write whole races until the file is as large as was asked for."""
    chance = random.Random(14)
    number = 0
    with path.open("w") as file:
        while file.tell() < megabytes * 1_000_000:
            for message in race(number, chance):
                file.write(json.dumps(message, separators=(",", ":")) + "\n")
            number += 1


def race(number: int, chance: random.Random) -> list[dict[str, Any]]:
    """Return a race's messages: its definition, offers that move, its end."""
    day, place = divmod(number, RACES_A_DAY)
    start = FIRST_DAY + timedelta(days=day, minutes=35 * place)
    market = f"1.{200_000_000 + number}"
    runners = [
        {"id": 1_000 + (number * RUNNERS + n) % 400, "sortPriority": n + 1, "status": "ACTIVE"}
        for n in range(RUNNERS)
    ]
    for runner in runners:
        runner["name"] = f"{runner['sortPriority']}. Runner {runner['id']}"
    told = {
        "marketType": "WIN",
        "eventTypeId": "7",
        "eventId": str(31_000_000 + day),
        "eventName": f"Custard Hill (AUS) {start:%-d} {start:%b}",
        "name": f"R{place + 1} 1200m Hcap",
        "venue": "Custard Hill",
        "countryCode": "AU",
        "timezone": "Australia/Sydney",
        "openDate": f"{FIRST_DAY + timedelta(days=day):%Y-%m-%dT%H:%M:%S.000Z}",
        "marketTime": f"{start:%Y-%m-%dT%H:%M:%S.000Z}",
        "status": "OPEN",
        "inPlay": False,
        "bspReconciled": False,
        "numberOfWinners": 1,
        "runners": runners,
    }
    first = int((start - LASTS).timestamp() * 1000)
    messages = [said(first, {"id": market, "marketDefinition": told})]
    mid = [chance.uniform(2, 20) for _ in runners]
    for step in range(1, int(LASTS.total_seconds()) * PER_SECOND):
        at = first + step * 1000 // PER_SECOND
        changes = []
        for n in chance.sample(range(RUNNERS), 2):
            mid[n] = min(max(mid[n] * chance.choice((0.99, 1, 1, 1, 1.01)), 1.5), 50)
            back, lay = round(mid[n] - 0.1, 1), round(mid[n] + 0.1, 1)
            size = chance.randint(5, 500)
            best = {"batb": [[0, back, size]], "batl": [[0, lay, size + 3]]}
            changes.append({"id": runners[n]["id"], **best})
        messages.append(said(at, {"id": market, "rc": changes}))
    end = int(start.timestamp() * 1000) + 60_000
    over = [
        {**runner, "status": "LOSER", "bsp": round(mid[n], 2)} for n, runner in enumerate(runners)
    ]
    over[0]["status"] = "WINNER"
    off = {**told, "inPlay": True, "bspReconciled": True, "runners": over}
    messages.append(said(end - 59_000, {"id": market, "marketDefinition": off}))
    closed = {**off, "status": "CLOSED"}
    return [*messages, said(end, {"id": market, "marketDefinition": closed})]


def said(moment: int, change: dict[str, Any]) -> dict[str, Any]:
    return {"op": "mcm", "clk": "AAA", "pt": moment, "mc": [change]}


def decode_only(path: Path) -> float:
    """Return the seconds of one pass that decodes each line and drops it."""
    import msgspec

    from markets.connectors.betfair import wire

    decoder = msgspec.json.Decoder(wire.Message)
    begun = time.perf_counter()
    with path.open("rb") as file:
        for line in file:
            decoder.decode(line)
    return time.perf_counter() - begun


def ingest(path: Path) -> tuple[float, int, dict[str, Any]]:
    """Run the command; return its seconds, the most bytes it held, and what it says."""
    command = [sys.executable, "manage.py", "ingest", "betfair_stream", "--path", str(path)]
    begun, held = time.perf_counter(), 0
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen([*command, "--output", "json"], stdout=out)
        while process.poll() is None:
            held = max(held, most_held(process.pid))
            time.sleep(0.1)
        seconds = time.perf_counter() - begun
        out.seek(0)
        return seconds, held, json.loads(out.read() or b"{}")


def most_held(pid: int) -> int:
    """Return the most that a process held so far; ``wait4`` would count its parent's before it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(found[0]) * 1024 if found else 0


def run(path: Path, *, megabytes: int) -> None:
    record(path, megabytes=megabytes)
    seconds, held, said = ingest(path)
    told = {name: said.get(name) for name in ("rows", "prices", "events")}
    print(f"{megabytes} MB: {held / 1e6:.0f} MB resident at most, {seconds:.0f} s, {told}")
    size = path.stat().st_size
    work = f"ingest of {megabytes} MB: {held / 1e6:.0f} MB resident at most"
    seconds_of = {"ours": seconds, "decode_only": decode_only(path)}
    report(bench="P14", work=work, n=size, seconds=seconds_of)
    path.unlink()


def allow(*, bytes_of_a_file: int) -> None:
    """Raise the source's limit, as its operator would: it is 100 MB where nobody has."""
    from django.utils import timezone

    from markets.models import Source
    from markets.services import sources

    sources.ensure_default_sources(now=timezone.now())
    Source.objects.filter(code="betfair_stream").update(max_bytes=bytes_of_a_file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, nargs="+", default=[13, 130, 1_000])
    asked = parser.parse_args().megabytes
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
            for megabytes in asked:
                run(Path(home) / f"1.{megabytes}", megabytes=megabytes)


if __name__ == "__main__":
    main()
