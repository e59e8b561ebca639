"""P8: what a page or a feature reads from a history of ten million prices.

``python -m benchmarks.p8_reads [--millions 10]``.  Starts a throw-away PostgreSQL and makes three
databases there, with a hundredth, a tenth and all of the prices (a minute or two, and about 2 GB
of disk): what a read costs may not grow with the history.  Each figure is the median over many
different events; the ways take turns on each, so that a busy machine is as busy for all:

sql          the floor: the same rows by one prepared statement on a bare connection
orm          the same rows by Django's query set
packed       the floor of all latest prices: the same read of a table that nothing ever updated
distinct_on  the latest prices found in the history
"""

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.side_by_side import report

MONTHS, BOOKS, LOOKS = 12, 8, 25  # a price changes 25 times in its last three days
SELECTIONS = 5  # of an event: three of the match odds, two of a handicap
PER_EVENT = SELECTIONS * BOOKS * LOOKS
YEAR, ASKED = 2025, 60

CATALOGUE = """
INSERT INTO markets_sport (code, name) VALUES ('soccer', 'Soccer');
INSERT INTO markets_competition (sport_id, code, name, country, time_zone, is_simulated, time_scale)
    SELECT id, 'E0', 'League', '', 'UTC', false, 1 FROM markets_sport;
INSERT INTO markets_season (competition_id, label) SELECT id, '2025' FROM markets_competition;
INSERT INTO markets_participant (sport_id, name)
    SELECT s.id, 'Club ' || n FROM markets_sport s, generate_series(1, {events} + 1) n;
INSERT INTO markets_book (code, name, kind, is_enabled, is_simulated)
    SELECT 'book' || n, 'Book ' || n, 'BOOKMAKER', true, false FROM generate_series(1, {books}) n;
INSERT INTO markets_event
    (competition_id, season_id, home_id, away_id, leg, name, starts_at, status)
    SELECT c.id, c.season, min(p.id) + n - 1, min(p.id) + n, 1, 'Match ' || n,
        timestamptz '{year}-01-05 15:00+00' + ((n - 1) * interval '350 days') / {events}, 'FINISHED'
    FROM (SELECT c.id, s.id AS season FROM markets_competition c, markets_season s) c,
        markets_participant p, generate_series(1, {events}) n
    GROUP BY c.id, c.season, n;
INSERT INTO markets_market (event_id, kind, period, line)
    SELECT e.id, k.kind, 'FULL', k.line FROM markets_event e,
        (VALUES ('MATCH_ODDS', null), ('ASIAN_HANDICAP', -0.5)) AS k (kind, line);
INSERT INTO markets_selection (market_id, role, name, line)
    SELECT m.id, r.role, r.role, CASE WHEN r.role = 'HOME' THEN m.line ELSE -m.line END
    FROM markets_market m JOIN (VALUES ('MATCH_ODDS', 'HOME'), ('MATCH_ODDS', 'DRAW'),
        ('MATCH_ODDS', 'AWAY'), ('ASIAN_HANDICAP', 'HOME'), ('ASIAN_HANDICAP', 'AWAY')
    ) AS r (kind, role) ON r.kind = m.kind
    ORDER BY m.event_id, m.id, r.role;
"""
HISTORY = """
INSERT INTO markets_pricesnapshot (selection_id, book_id, seen_at, price, fetched_at)
SELECT s.id, b.id, e.starts_at - (LOOKS.n * 170 + b.id) * interval '1 minute',
    1.5 + ((s.id * 7 + b.id * 13 + LOOKS.n * 31) % 900) / 1000.0, e.starts_at
FROM markets_event e
JOIN markets_market m ON m.event_id = e.id
JOIN markets_selection s ON s.market_id = m.id
CROSS JOIN markets_book b CROSS JOIN generate_series({looks}, 1, -1) AS LOOKS (n)
WHERE e.starts_at >= '{since}' AND e.starts_at < '{until}'
ORDER BY s.id, b.id, 3
"""
LATEST = """
INSERT INTO markets_latestprice
    (selection_id, book_id, price, previous_price, seen_at, confirmed_at)
SELECT p.selection_id, p.book_id, p.price, null, p.seen_at, e.starts_at - interval '1 minute'
FROM markets_event e
JOIN markets_market m ON m.event_id = e.id JOIN markets_selection s ON s.market_id = m.id
CROSS JOIN markets_book b
JOIN markets_pricesnapshot p ON p.selection_id = s.id AND p.book_id = b.id
    AND p.seen_at = e.starts_at - (170 + b.id) * interval '1 minute'
ORDER BY p.selection_id, p.book_id
"""
DISTINCT = """
SELECT count(*), sum(price) FROM (
    SELECT DISTINCT ON (selection_id, book_id) price FROM markets_pricesnapshot
    ORDER BY selection_id, book_id, seen_at DESC
) AS latest
"""


def fill(events: int) -> None:
    """Make the events, their whole history, the latest prices and the closes."""
    from django.db import connection
    from django.utils import timezone

    from markets.services import closing, partitions, planning

    months = [(YEAR - 1, 12), *((YEAR, month) for month in range(1, MONTHS + 1))]
    partitions.ensure(months=months)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(CATALOGUE.format(events=events, books=BOOKS, year=YEAR))
        cursor.execute("ANALYZE")
        for month in range(1, MONTHS + 1):
            until = f"{YEAR}-{month + 1:02d}-01+00" if month < MONTHS else f"{YEAR + 1}-01-01+00"
            since = f"{YEAR}-{month:02d}-01+00"
            cursor.execute(HISTORY.format(looks=LOOKS, since=since, until=until))
        cursor.execute("ANALYZE markets_pricesnapshot")
        cursor.execute(LATEST)
    planning.refresh_statistics()
    closing.record_closes(as_of=timezone.now(), now=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) markets_latestprice, markets_closingprice")
        for name in partitions.standing():
            cursor.execute(f'VACUUM (ANALYZE) "{name}"')


Ways = dict[str, Callable[[int], object]]


def medians_over(ways: Ways, ids: Sequence[int]) -> dict[str, float]:
    """Return the median seconds of each way over different rows, none of them read just before."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number, one in enumerate(ids):
        names = list(ways)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            begun = time.perf_counter()
            ways[name](one)
            seconds[name].append(time.perf_counter() - begun)
    return {name: statistics.median(values) for name, values in seconds.items()}


def prepared(query: str) -> Callable[[int], object]:
    """Return what runs a query on a bare connection, planned once."""
    import psycopg
    from django.db import connection

    told = connection.get_connection_params()
    told |= {"cursor_factory": psycopg.Cursor, "prepare_threshold": 0, "autocommit": True}
    bare = psycopg.connect(**told)

    def run(one: int) -> object:
        return bare.execute(query, [one], prepare=True).fetchall()

    return run


PAGE = """
SELECT m.kind, s.name, b.name, l.price, l.confirmed_at
FROM markets_market m JOIN markets_selection s ON s.market_id = m.id
JOIN markets_latestprice l ON l.selection_id = s.id JOIN markets_book b ON b.id = l.book_id
WHERE m.event_id = %s ORDER BY s.id, b.name
"""
CLOSES = """
SELECT book_id, opening_price, price, fair_probability, exactness
FROM markets_closingprice WHERE selection_id = %s
"""
ALL_LATEST = "SELECT count(*), sum(price) FROM {table}"


def event_page(event_id: int) -> object:
    """Read what an event's page shows: every book's price of every selection."""
    from markets import queries

    return queries.shown_prices(event_id=event_id)


def event_page_orm(event_id: int) -> list[object]:
    from markets.models import LatestPrice

    columns = ("selection__market__kind", "selection__name", "book__name", "price", "confirmed_at")
    rows = LatestPrice.objects.filter(selection__market__event=event_id).values_list(*columns)
    return list(rows.order_by("selection_id", "book__name"))


def open_and_close(selection_id: int) -> list[object]:
    from markets.models import ClosingPrice

    columns = ("book_id", "opening_price", "price", "fair_probability", "exactness")
    return list(ClosingPrice.objects.filter(selection=selection_id).values_list(*columns))


def history(selection_id: int) -> list[object]:
    """Read a selection's whole history, as its chart does: its month is known from the start."""
    from datetime import timedelta

    from markets.models import PriceSnapshot, Selection

    start = Selection.objects.values_list("market__event__starts_at", flat=True).get(
        pk=selection_id
    )
    rows = PriceSnapshot.objects.filter(
        selection_id=selection_id, seen_at__lt=start, seen_at__gte=start - timedelta(days=4)
    )
    return list(rows.order_by("book_id", "seen_at").values_list("book_id", "seen_at", "price"))


def event_board(event_id: int) -> object:
    """Read an event's prices as features and decisions do, as of the start."""
    from markets import queries

    return queries.event_board(event_ids=[event_id], as_of=datetime(YEAR + 1, 1, 1, tzinfo=UTC))


def scan(query: str) -> Callable[[int], object]:
    from django.db import connection

    def run(_: int) -> object:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchone()

    return run


def measure(size: str) -> None:
    from django.db import connection

    from markets.models import Event, Selection
    from markets.queries import estimated_prices

    n = int(estimated_prices())
    generator = random.Random(8)
    events = generator.sample(list(Event.objects.values_list("pk", flat=True)), ASKED)
    selections = generator.sample(list(Selection.objects.values_list("pk", flat=True)), ASKED)
    page: Ways = {"ours": event_page, "sql": prepared(PAGE), "orm": event_page_orm}
    close: Ways = {"ours": open_and_close, "sql": prepared(CLOSES)}
    for work, ways, ids in (
        ("one event's page", page, events),
        ("open and close of a selection", close, selections),
        ("one event's board as of a moment", {"ours": event_board}, events),
        ("whole history of a selection", {"ours": history}, selections),
    ):
        for way in ways.values():
            way(ids[0])
        tell(work, size, n, medians_over(ways, ids))
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE packed (LIKE markets_latestprice INCLUDING ALL);"
            "ALTER TABLE packed SET (fillfactor = 100);"
            "INSERT INTO packed SELECT * FROM markets_latestprice ORDER BY id"
        )
        cursor.execute("VACUUM (ANALYZE) packed")
    every: Ways = {
        "ours": scan(ALL_LATEST.format(table="markets_latestprice")),
        "packed": scan(ALL_LATEST.format(table="packed")),
    }
    everything = medians_over(every, range(9))
    everything |= medians_over({"distinct_on": scan(DISTINCT)}, range(3))
    tell("all latest", size, n, everything)


def tell(work: str, size: str, n: int, seconds: dict[str, float]) -> None:
    shown = ", ".join(f"{name} {value * 1000:.2f} ms" for name, value in seconds.items())
    print(f"{size}: {work}: {shown}")
    report(bench="P8", work=f"growth {size}: {work}, of {n} prices", n=1, seconds=seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--millions", type=float, default=10)
    most = parser.parse_args().millions * 1_000_000 / PER_EVENT
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
            template = connection.settings_dict["NAME"]
            for size, part in (("×1", 100), ("×10", 10), ("×100", 1)):
                begun = time.perf_counter()
                use_copy(template, name=f"{template}_{part}")
                fill(max(ASKED, round(most / part)))
                print(f"{size}: filled in {time.perf_counter() - begun:.0f} s")
                measure(size)
                connection.close()


def use_copy(template: str, *, name: str) -> None:
    """Go on in a new database that is like the migrated one."""
    import psycopg
    from django.db import connection

    connection.close()
    connection.settings_dict["NAME"] = "postgres"
    told = connection.get_connection_params()
    told |= {"cursor_factory": psycopg.Cursor, "autocommit": True}
    with psycopg.connect(**told) as bare:
        bare.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    connection.settings_dict["NAME"] = name


if __name__ == "__main__":
    main()
