"""P7: prices into the real tables, beside COPY into the bare table and bulk_create.

Starts a throw-away PostgreSQL.  Three loads, all from the bytes of a season's files:

first   everything: parse, names, events, markets, selections, dedupe, history, latest prices,
        results, archive, audit
later   what a feed does all day: the same markets with every price changed; parse, find the
        markets, dedupe against what is stored, history, latest prices
again   the same prices once more: nothing may be written
"""

import argparse
import os
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.side_by_side import report

BOOKS = ("B365", "BW", "IW", "PS", "WH", "VC", "Max", "Avg")
WEEK = 7 * 86_400_000_000
TWO_WAY = ("B365", "P", "Max", "Avg")


def files(folder: Path, *, count: int, matches: int = 380) -> None:
    """Write seasons in football-data.co.uk's format, with as many columns as the real ones."""
    import numpy as np

    generator = np.random.default_rng(3)
    names = [f"{b}{c}{r}" for c in ("", "C") for b in BOOKS for r in "HDA"]
    names += [f"{b}{c}{side}2.5" for c in ("", "C") for b in TWO_WAY for side in "><"]
    names += [f"{b}{c}AH{side}" for c in ("", "C") for b in TWO_WAY for side in "HA"]
    header = ["Div", "Date", "Time", "HomeTeam", "AwayTeam", "FTHG", "FTAG", "FTR", "AHh", "AHCh"]
    clubs = [f"Club {number}" for number in range(20)]
    pairs = [(h, a) for h in clubs for a in clubs if h != a][:matches]
    for season in range(count):
        first = datetime(1995 + season, 8, 12, tzinfo=UTC)
        lines = [",".join(header + names)]
        for number, (home, away) in enumerate(pairs):
            day = first + timedelta(days=number * 280 // matches)
            prices = generator.uniform(1.3, 6.0, len(names)).round(2)
            row = ["E0", f"{day:%d/%m/%Y}", "15:00", home, away, "2", "1", "H", "-0.25", "-0.25"]
            lines.append(",".join(row + [str(price) for price in prices]))
        label = f"{first:%y}{(first.year + 1) % 100:02d}"
        (folder / f"E0_{label}.csv").write_text("\n".join(lines) + "\n")


def ours(folder: Path) -> tuple[int, float]:
    from django.utils import timezone

    from markets.services import ingesting

    begun = time.perf_counter()
    found = ingesting.ingest(
        source_code="football_data", path=str(folder), actor="bench", now=timezone.now()
    )
    return sum(found["prices"].values()), time.perf_counter() - begun


def later(folder: Path) -> tuple[int, float]:
    """Parse and record the files as if every price had been changed a week later."""
    from dataclasses import replace

    from django.utils import timezone

    from markets.connectors.registry import CONNECTORS
    from markets.models import Source
    from markets.services import recording

    source = Source.objects.get(code="football_data")
    n, begun = 0, time.perf_counter()
    for path in sorted(folder.glob("*.csv")):
        now = timezone.now()
        batch = CONNECTORS["football_data"].parse(path.read_bytes(), name=path.name, fetched_at=now)
        offered = batch.all_prices()
        moved = replace(offered, seen=offered.seen + WEEK, price=offered.price + 10)
        prices = replace(batch, prices=(), columns=moved, results=())
        n += recording.record(batch=prices, source=source, now=now).prices.new
    return n, time.perf_counter() - begun


def months(folder: Path) -> None:
    """Make the partitions, as the schedule does ahead of time."""
    from markets.services import partitions

    count = len(list(folder.glob("*.csv")))
    first = 1995 * 12
    partitions.ensure(months=[(m // 12, m % 12 + 1) for m in range(first, first + 12 * count + 12)])


def copy_floor(n: int) -> float:
    """COPY as many rows into a table of the same columns and key."""
    from django.db import connection

    from markets.models import PriceSnapshot

    rows = list(
        PriceSnapshot.objects.values_list(
            "selection_id", "book_id", "seen_at", "price", "fetched_at", "mark"
        )
    )
    rows = (rows * (n // max(len(rows), 1) + 1))[:n]
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_copy (LIKE markets_pricesnapshot INCLUDING DEFAULTS)")
        begun = time.perf_counter()
        with cursor.copy("COPY bench_copy FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return time.perf_counter() - begun


def orm(n: int) -> float:
    """Insert as many latest-price rows with bulk_create, as an ordinary application would."""
    from markets.models import ClosingPrice, LatestPrice

    latest = list(LatestPrice.objects.all()[:n])
    rows = [
        ClosingPrice(
            selection_id=row.selection_id,
            book_id=row.book_id,
            opening_price=row.price,
            opened_at=row.seen_at,
            price=row.price,
            seen_at=row.seen_at,
            confirmed_at=row.confirmed_at,
            starts_at=row.confirmed_at + timedelta(hours=1),
            method="bench",
        )
        for row in latest
    ]
    begun = time.perf_counter()
    ClosingPrice.objects.bulk_create(rows, batch_size=1000)
    return (time.perf_counter() - begun) * n / max(len(rows), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=5)
    count = parser.parse_args().files
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
            folder = Path(home) / "files"
            folder.mkdir()
            files(folder, count=count)
            months(folder)
            n, first = ours(folder)
            _, again = ours(folder)
            changed, seconds_later = later(folder)
            floor, bulk = copy_floor(n), orm(n)
            seconds = {"ours": first, "copy": floor, "bulk_create": bulk}
            report(bench="P7", work="files to prices, first load", n=n, seconds=seconds)
            scaled = {name: value * changed / n for name, value in seconds.items()}
            seconds = {**scaled, "ours": seconds_later}
            report(bench="P7", work="known markets, every price new", n=changed, seconds=seconds)
            report(
                bench="P7", work="the same files again", n=n, seconds={"ours": again, "copy": floor}
            )
            connection.close()


if __name__ == "__main__":
    main()
