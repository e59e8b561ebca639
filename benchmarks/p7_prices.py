"""P7: prices into the real tables, beside COPY into tables like them and bulk_create.

Starts a throw-away PostgreSQL.  Three loads, all from the bytes of a season's files:

later   what a feed does all day, and what the target is about: known markets with every price
        changed; parse, find the markets, dedupe against what is stored, history, latest prices
again   the same prices once more: nothing may be written
first   everything: names, events, markets, selections, results, archive and audit too

Beside them, file by file in turn with ours, so that a busy machine is as busy for all:

copy         the very rows of the history that the load wrote, ``COPY`` row by row as psycopg's
             manual has it, into a table of the same columns, partitions, key, index and check
copy_binary  the same with the rows packed beforehand: as fast as the database takes them
copy_all     the rows of the first load of every table that it fills, into tables like them
bulk_create  Django's, into a table of the same columns with its keys

Then growth: the same for ×1, ×10 and ×100 matches, and what a price costs in each.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.side_by_side import report

BOOKS = ("B365", "BW", "IW", "PS", "WH", "VC", "Max", "Avg")
WEEK = 7 * 86_400_000_000
TWO_WAY = ("B365", "P", "Max", "Avg")
HISTORY = ("selection_id", "book_id", "seen_at", "price", "fetched_at", "mark")
FILLED = ("pricesnapshot", "latestprice", "selection", "market", "event", "result", "eventchange")
#: ×1, ×10, ×100: a division of its own, how many seasons, of how many matches each.
GROWTH = (("E1", 1, 95), ("E2", 5, 190), ("E3", 25, 380))


def files(folder: Path, *, count: int, matches: int = 380, division: str = "E0") -> None:
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
            row = [
                division,
                f"{day:%d/%m/%Y}",
                "15:00",
                home,
                away,
                "2",
                "1",
                "H",
                "-0.25",
                "-0.25",
            ]
            lines.append(",".join(row + [str(price) for price in prices]))
        label = f"{first:%y}{(first.year + 1) % 100:02d}"
        (folder / f"{division}_{label}.csv").write_text("\n".join(lines) + "\n")


def ours(path: Path) -> int:
    from django.utils import timezone

    from markets.services import ingesting

    now = timezone.now()
    found = ingesting.ingest(source_code="football_data", path=str(path), actor="bench", now=now)
    return sum(found["prices"].values())


def later(path: Path) -> int:
    """Parse and record a file as if every price had been changed a week later."""
    from django.utils import timezone

    from markets.connectors.registry import CONNECTORS
    from markets.models import Source
    from markets.services import recording

    source = Source.objects.get(code="football_data")
    now = timezone.now()
    batch = CONNECTORS["football_data"].parse(path.read_bytes(), name=path.name, fetched_at=now)
    offered = batch.all_prices()
    moved = replace(offered, seen=offered.seen + WEEK, price=offered.price + 10)
    prices = replace(batch, prices=(), columns=moved, results=())
    return recording.record(batch=prices, source=source, now=now).prices.new


def months(count: int) -> None:
    """Make the partitions, as the schedule does ahead of time."""
    from markets.services import partitions

    first = 1995 * 12
    partitions.ensure(months=[(m // 12, m % 12 + 1) for m in range(first, first + 12 * count + 12)])


def twins() -> None:
    """Make a table like each that a load fills: columns, keys, indexes and checks."""
    from django.db import connection

    from markets.services import partitions

    with connection.cursor() as cursor:
        for table in FILLED:
            cursor.execute(f"CREATE TABLE twin_{table} (LIKE markets_{table} INCLUDING ALL)")
        cursor.execute("DROP TABLE twin_pricesnapshot")
        cursor.execute(
            "CREATE TABLE twin_pricesnapshot (LIKE markets_pricesnapshot INCLUDING ALL)"
            " PARTITION BY RANGE (seen_at)"
        )
        for name in partitions.standing():
            cursor.execute(
                "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid = %s::regclass",
                [name],
            )
            bound = cursor.fetchone()[0]
            twin = name.replace("markets_", "twin_")
            cursor.execute(f"CREATE TABLE {twin} PARTITION OF twin_pricesnapshot {bound}")
        cursor.execute(
            "CREATE TABLE bench_orm (id bigserial PRIMARY KEY, LIKE markets_pricesnapshot,"
            " UNIQUE (selection_id, book_id, seen_at))"
        )


def written(mark: Any) -> list[tuple[Any, ...]]:
    """Return the rows of the history that have been written since, in the order written."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(HISTORY)} FROM markets_pricesnapshot WHERE fetched_at >= %s"
            " ORDER BY seen_at, selection_id, book_id",
            [mark],
        )
        return list(cursor.fetchall())


def copy(table: str, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        columns = ", ".join(names)
        with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as into:
            for row in rows:
                into.write_row(row)


def copy_binary(packed: bytes) -> None:
    from django.db import connection, transaction

    statement = f"COPY twin_pricesnapshot ({', '.join(HISTORY)}) FROM STDIN (FORMAT BINARY)"
    with transaction.atomic(), connection.cursor() as cursor, cursor.copy(statement) as into:
        into.write(packed)


def pack(rows: Sequence[Sequence[Any]]) -> bytes:
    """Return rows of the history as binary COPY has them, a day later: a row may stand once."""
    import numpy as np

    from markets.connectors.columns import microseconds
    from markets.services import copying

    kinds = [copying.BIGINT, copying.BIGINT, copying.MOMENT, copying.PRICE, copying.MOMENT,
             copying.SMALLINT]  # fmt: skip
    day = 86_400_000_000
    columns = [np.array([row[at] for row in rows], dtype=np.int64) for at in (0, 1)]
    columns.append(np.array([microseconds(row[2]) + day for row in rows], dtype=np.int64))
    columns.append(np.array([int(row[3] * 1000) for row in rows], dtype=np.int64))
    columns.append(np.array([microseconds(row[4]) for row in rows], dtype=np.int64))
    columns.append(np.array([row[5] for row in rows], dtype=np.int64))
    return copying.binary_copy(kinds=kinds, columns=columns)


@cache
def _row_model() -> Any:
    from django.db import models

    class BenchRow(models.Model):
        selection_id = models.BigIntegerField()
        book_id = models.BigIntegerField()
        seen_at = models.DateTimeField()
        price = models.DecimalField(max_digits=9, decimal_places=3)
        fetched_at = models.DateTimeField()
        mark = models.SmallIntegerField()

        class Meta:
            app_label, db_table, managed = "markets", "bench_orm", False

    return BenchRow


def bulk_create(rows: Sequence[Sequence[Any]]) -> float:
    """Return the seconds that Django would take for all rows, by some of them."""
    from django.db import transaction

    model, some = _row_model(), rows[:: max(len(rows) // 4_000, 1)]
    begun = time.perf_counter()
    with transaction.atomic():
        made = [model(**dict(zip(HISTORY, row, strict=True))) for row in some]
        model.objects.bulk_create(made, batch_size=1000)
    return (time.perf_counter() - begun) * len(rows) / max(len(some), 1)


def copy_all(since: dict[str, int]) -> float:
    """Return the seconds that COPY takes for the other tables' rows with higher numbers."""
    from django.db import connection

    seconds = 0.0
    for table in FILLED[1:]:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM markets_{table} WHERE id > %s", [since[table]])
            names = [column.name for column in cursor.description]
            found = [tuple(map(_plain, row)) for row in cursor.fetchall()]
        begun = time.perf_counter()
        copy(f"twin_{table}", names, found)
        seconds += time.perf_counter() - begun
    return seconds


def _plain(value: Any) -> Any:
    """Return what COPY takes: documents come as text or as what they hold."""
    return json.dumps(value) if isinstance(value, dict | list) else value


def numbers() -> dict[str, int]:
    from django.db import connection

    found = {}
    with connection.cursor() as cursor:
        for table in FILLED[1:]:
            cursor.execute(f"SELECT coalesce(max(id), 0) FROM markets_{table}")
            found[table] = cursor.fetchone()[0]
    return found


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.perf_counter()
    found = run()
    return time.perf_counter() - begun, found


def beside(
    run: Callable[[Path], int], path: Path, *, is_first: bool
) -> tuple[int, dict[str, float]]:
    """Load a file, and write the same rows the other ways."""
    from django.utils import timezone

    since, mark = numbers(), timezone.now()
    seconds, n = timed(lambda: run(path))
    rows = written(mark)
    packed = pack(rows)
    found = {
        "ours": seconds,
        "copy": timed(lambda: copy("twin_pricesnapshot", HISTORY, rows))[0],
        "copy_binary": timed(lambda: copy_binary(packed))[0],
        "bulk_create": bulk_create(rows),
    }
    if is_first:
        found["copy_all"] = found["copy"] + copy_all(since)
    return n, found


def season(folder: Path) -> None:
    """Load the files one by one; each line is of the median file."""
    paths = sorted(folder.glob("*.csv"))
    of_first = [beside(ours, path, is_first=True) for path in paths]
    again = [timed(lambda path=path: ours(path)) for path in paths]
    of_later = [beside(later, path, is_first=False) for path in paths]
    n = of_first[0][0]
    known = middle([found for _, found in of_later])
    report(bench="P7", work="known markets, every price new", n=of_later[0][0], seconds=known)
    first = middle([found for _, found in of_first])
    same = {**first, "ours": statistics.median(seconds for seconds, _ in again)}
    del same["copy_all"]
    report(bench="P7", work="the same file again", n=n, seconds=same)
    report(bench="P7", work="a new season: names, events, markets, results", n=n, seconds=first)


def middle(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: statistics.median(one[name] for one in found) for name in found[0]}


def growth(folder: Path) -> None:
    """Load ×1, ×10 and ×100: what a price costs is not to rise."""
    for size, (division, _, _) in zip((1, 10, 100), GROWTH, strict=True):
        paths = sorted(folder.glob(f"{division}_*.csv"))
        for name, run in (("new seasons", ours), ("known markets, every price new", later)):
            found = [beside(run, path, is_first=False) for path in paths]
            seconds = {who: sum(seconds[who] for _, seconds in found) for who in ("ours", "copy")}
            n = sum(n for n, _ in found)
            print(f"×{size}: {name}: {seconds['ours'] / n * 1e6:.1f} µs a price")
            report(bench="P7", work=f"growth ×{size}: {name}", n=n, seconds=seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=7)
    parser.add_argument("--growth", action=argparse.BooleanOptionalAction, default=True)
    asked = parser.parse_args()
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
            files(folder, count=asked.files)
            months(max(asked.files, *(seasons for _, seasons, _ in GROWTH)))
            twins()
            season(folder)
            if asked.growth:
                for division, seasons, matches in GROWTH:
                    files(folder, count=seasons, division=division, matches=matches)
                growth(folder)
            connection.close()


if __name__ == "__main__":
    main()
