"""P3, the nightly store: six leagues of ten seasons through the database, then one match day more.

``python -m benchmarks.p3_store [--seasons 1 10]``.  Starts a throw-away PostgreSQL, makes so many
seasons there (380 matches of each league, 84 prices of each match) and fills an empty store:
facts, prices and soccer_v1 as Parquet.  Then a match day of 60 is played, and the night after is
filled, and a night without news.  Each figure is of one filling, and of as many events as it says.
"""

import argparse
import os
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.side_by_side import report

LEAGUES, SIDES, ROUNDS = 6, 20, 38
FIRST = datetime(2014, 8, 2, 15, tzinfo=UTC)
CATALOGUE = """
INSERT INTO markets_sport (code, name) VALUES ('soccer', 'Soccer');
INSERT INTO markets_competition (sport_id, code, name, country, time_zone, is_simulated, time_scale)
    SELECT id, 'L' || n, 'League ' || n, '', 'UTC', false, 1
    FROM markets_sport, generate_series(1, {leagues}) n;
INSERT INTO markets_season (competition_id, label)
    SELECT c.id, 2013 + n || '-' || 14 + n
    FROM markets_competition c, generate_series(1, {seasons}) n;
INSERT INTO markets_participant (sport_id, name)
    SELECT s.id, c.code || ' ' || lpad(n::text, 2, '0')
    FROM markets_sport s, markets_competition c, generate_series(1, {sides}) n;
INSERT INTO markets_book (code, name, kind, is_enabled, is_simulated, reference_rank)
    SELECT 'book' || n, 'Book ' || n, 'BOOKMAKER', true, false, CASE WHEN n = 1 THEN 1 END
    FROM generate_series(1, 6) n;
"""
EVENTS = """
INSERT INTO markets_event
    (competition_id, season_id, home_id, away_id, leg, name, starts_at, status)
SELECT n.competition_id, n.id, h.id, a.id, 1, h.name || ' v ' || a.name, f.starts_at, 'SCHEDULED'
FROM fixture f
JOIN (SELECT n.*, row_number() OVER (PARTITION BY competition_id ORDER BY label) AS place
      FROM markets_season n) n ON n.place = f.season
JOIN (SELECT p.*, left(p.name, 2) AS code, right(p.name, 2)::int AS number
      FROM markets_participant p) h ON h.number = f.home
JOIN (SELECT p.*, left(p.name, 2) AS code, right(p.name, 2)::int AS number
      FROM markets_participant p) a ON a.number = f.away AND a.code = h.code
JOIN markets_competition c ON c.id = n.competition_id AND c.code = h.code
ORDER BY f.starts_at, n.competition_id;
INSERT INTO markets_market (event_id, kind, period, line)
    SELECT e.id, k.kind, 'FULL', k.line FROM markets_event e,
        (VALUES ('MATCH_ODDS', null), ('ASIAN_HANDICAP', -0.5), ('TOTAL', 2.5)) AS k (kind, line);
INSERT INTO markets_selection (market_id, role, name, line)
    SELECT m.id, r.role, r.role, CASE WHEN r.role = 'AWAY' THEN -m.line ELSE m.line END
    FROM markets_market m JOIN (VALUES ('MATCH_ODDS', 'HOME'), ('MATCH_ODDS', 'DRAW'),
        ('MATCH_ODDS', 'AWAY'), ('ASIAN_HANDICAP', 'HOME'), ('ASIAN_HANDICAP', 'AWAY'),
        ('TOTAL', 'OVER'), ('TOTAL', 'UNDER')
    ) AS r (kind, role) ON r.kind = m.kind
    ORDER BY m.event_id, m.id, r.role
"""
PRICES = """
INSERT INTO markets_pricesnapshot (selection_id, book_id, seen_at, price, fetched_at)
SELECT s.id, b.id, e.starts_at - l.ahead,
    CASE s.role WHEN 'DRAW' THEN 3.3 WHEN 'HOME' THEN 2.1 WHEN 'AWAY' THEN 3.1 ELSE 1.9 END
        + (e.id %% 40) / 400.0 + b.id / 1000.0, e.starts_at - l.ahead
FROM markets_event e
JOIN markets_market m ON m.event_id = e.id
JOIN markets_selection s ON s.market_id = m.id
CROSS JOIN markets_book b
CROSS JOIN (VALUES (interval '26 hours'), (interval '1 minute')) AS l (ahead)
WHERE e.starts_at >= %(since)s AND e.starts_at < %(until)s
"""
RESULTS = """
INSERT INTO markets_result
    (event_id, version, status, home_score, away_score, source_id, known_at, recorded_at)
SELECT e.id, 1, 'FINAL', e.id * 7 %% 5, e.id * 11 %% 4, s.id, e.starts_at + interval '2 hours',
    e.starts_at + interval '2 hours'
FROM markets_event e, markets_source s
WHERE e.starts_at >= %(since)s AND e.starts_at < %(until)s
"""


def fixtures(seasons: int) -> list[tuple[int, int, int, datetime]]:
    """Return season, home, away and start of every match of a league, a round a week."""
    found = []
    for season in range(seasons):
        ring = list(range(2, SIDES + 1))
        for round_ in range(ROUNDS):
            sides = [1, *ring]
            pairs = list(zip(sides[: SIDES // 2], reversed(sides[SIDES // 2 :]), strict=True))
            starts_at = FIRST + timedelta(days=364 * season + 7 * round_)
            turned = round_ >= ROUNDS // 2
            found += [(season + 1, *((b, a) if turned else (a, b)), starts_at) for a, b in pairs]
            ring = [ring[-1], *ring[:-1]]
    return found


def fill(seasons: int) -> datetime:
    """Make the seasons, all but the last match day played; return when that one begins."""
    from django.db import connection

    from markets.models import Source
    from markets.services import partitions

    Source.objects.create(code="bench", name="Bench")
    rows = fixtures(seasons)
    last = rows[-1][3]
    months = {(day.year, day.month) for day in (row[3] - timedelta(days=2) for row in rows)}
    partitions.ensure(months=sorted(months | {(row[3].year, row[3].month) for row in rows}))
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(CATALOGUE.format(leagues=LEAGUES, sides=SIDES, seasons=seasons))
        cursor.execute(
            "CREATE TEMP TABLE fixture (season int, home int, away int, starts_at timestamptz)"
        )
        with cursor.copy("COPY fixture FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute(EVENTS)
        play(cursor, FIRST, last)
        cursor.execute("ANALYZE")
    return last


def play(cursor: Any, since: datetime, until: datetime) -> None:
    """Let the matches in between be priced and played."""
    for statement in (PRICES, RESULTS):
        cursor.execute(statement, {"since": since, "until": until})


def filled(now: datetime) -> tuple[float, Any]:
    """Fill the store; return the seconds, all told, and what was done."""
    from models_ml.services import etl

    begun = time.perf_counter()
    (run,) = etl.etl(now=now, actor="bench")
    return time.perf_counter() - begun, run


def measure(seasons: int) -> None:
    from django.db import connection

    day = timedelta(days=1)
    last = fill(seasons)
    n = LEAGUES * ROUNDS * SIDES // 2 * seasons
    first, run = filled(last - day)
    tell(f"store, first filling of {run.new_quotes} prices", n, first)
    with connection.cursor() as cursor:
        play(cursor, last, last + day)
    night, run = filled(last + day)
    assert (run.rows_computed, run.differences) == (LEAGUES * SIDES // 2, 0)
    tell(f"store, the night after a match day, {n} before", run.rows_computed, night)
    idle, run = filled(last + 2 * day)
    assert run.rows_computed == 0
    tell("store, a night without news", n, idle)


def tell(work: str, n: int, seconds: float) -> None:
    print(f"{work}: {seconds:.2f} s of {n} events")
    report(bench="P3", work=work, n=n, seconds={"ours": seconds})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seasons", type=int, nargs="+", default=[1, 10])
    sizes = parser.parse_args().seasons
    for seasons in sizes:
        with tempfile.TemporaryDirectory(prefix="clb-") as home:
            Path(home).chmod(0o755)
            measure_in(home, seasons)


def measure_in(home: str, seasons: int) -> None:
    """Measure in an installation of its own, in this process's first Django or in a child's."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        if status:
            raise SystemExit(1)
        return
    os.environ.update(CLOSINGLINE_HOME=home, DJANGO_SETTINGS_MODULE="config.settings")
    from config import engines

    with engines.postgres(Path(home)):
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection

        call_command("migrate", verbosity=0)
        measure(seasons)
        connection.close()
    os._exit(0)


if __name__ == "__main__":
    main()
