"""What the tables hold must outlive every migration, there and back."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from markets.services import partitions

FIRST_RELEASE = "0002_partitions_and_guards"
SEEN_AT = datetime(2023, 8, 11, 14, 0, tzinfo=UTC)

#: As processes of the release before write them: columns that came later are not named.
ROWS = """
insert into markets_sport (id, code, name) values (1, 'soccer', 'Soccer');
insert into markets_competition (id, sport_id, code, name, country, time_zone, is_simulated,
    time_scale) values (1, 1, 'E0', 'Premier League', 'England', 'UTC', false, 1);
insert into markets_season (id, competition_id, label) values (1, 1, '2023-24');
insert into markets_participant (id, sport_id, name) values (1, 1, 'Alders'), (2, 1, 'Birches');
insert into markets_event (id, competition_id, season_id, home_id, away_id, leg, name, starts_at,
    status) values (1, 1, 1, 1, 2, 1, 'Alders v Birches', '2023-08-12 14:00+00', 'SCHEDULED');
insert into markets_market (id, event_id, kind, period, line) values
    (1, 1, 'MATCH_ODDS', 'FULL', null), (2, 1, 'TOTAL', 'FULL', 2.50);
insert into markets_selection (id, market_id, role, name, line) values
    (1, 1, 'HOME', 'Alders', null), (2, 2, 'OVER', 'Over 2.5', 2.50);
insert into markets_book (id, code, name, kind, is_enabled, is_simulated) values
    (1, 'pinnacle', 'Pinnacle', 'BOOKMAKER', true, false);
insert into markets_latestprice (selection_id, book_id, price, seen_at, confirmed_at) values
    (1, 1, 2.1, '2023-08-11 14:00+00', '2023-08-11 14:00+00');
insert into markets_source (id, code, name, is_enabled, disabled_reason, location, cadence_seconds,
    timeout_seconds, max_bytes, creates_names, is_simulated, failures_in_a_row) values
    (1, 'feed', 'A feed', true, '', '', 3600, 30, 1000, true, false, 0);
insert into markets_fetch (source_id, origin, state, started_at, counts, error) values
    (1, 'a.csv', 'NEW_DATA', '2023-08-11 14:00+00', '{}', '');
insert into markets_result (event_id, version, status, home_score, away_score, source_id,
    known_at, recorded_at) values (1, 1, 'FINAL', 2, 1, 1, now(), now());
"""
A_PRICE = """
insert into markets_pricesnapshot (selection_id, book_id, seen_at, price, fetched_at)
values (1, 1, %s, 2.1, now())
"""


#: What stands in the tables' design, whatever the order of columns.
DESIGN = """
select 'column', table_name, column_name, data_type, column_default, is_nullable
    from information_schema.columns where table_schema = 'public'
union all select 'index', tablename, indexdef, '', '', '' from pg_indexes
    where schemaname = 'public'
union all select 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
    from pg_constraint where connamespace = 'public'::regnamespace
union all select 'trigger', tgrelid::regclass::text, pg_get_triggerdef(oid), '', '', ''
    from pg_trigger where not tgisinternal
union all select 'function', proname, md5(pg_get_functiondef(oid)), '', '', ''
    from pg_proc where pronamespace = 'public'::regnamespace
"""


def migrate(name):
    executor = MigrationExecutor(connection)
    executor.migrate([("markets", name)])


def migrate_to_the_newest():
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def drop_partitions():
    """Drop the months that other tests made: they are data, not design."""
    months = (partitions.standing(table=table) for table in (partitions.PRICES, partitions.LADDERS))
    with connection.cursor() as cursor:
        for name in (name for standing in months for name in standing):
            cursor.execute(f'drop table "{name}"')


def design():
    with connection.cursor() as cursor:
        cursor.execute(DESIGN)
        return set(cursor.fetchall())


def everything():
    """Return the rows that stood before, by the columns that stood before."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select m.kind, m.period, m.line::text, s.role, s.line::text, p.price::text, p.seen_at"
            " from markets_market m join markets_selection s on s.market_id = m.id"
            " left join markets_pricesnapshot p on p.selection_id = s.id order by m.id"
        )
        rows = cursor.fetchall()
        for table in ("event", "participant", "latestprice", "source", "fetch", "result"):
            cursor.execute(f"select count(*) from markets_{table}")
            rows += [(table, *cursor.fetchone())]
    return rows


@pytest.fixture
def newest(transactional_db):
    """Bring the tables to the newest migration again, whatever happens."""
    yield
    migrate_to_the_newest()


def test_what_the_first_release_writes_is_kept_and_every_migration_can_be_taken_back(newest):
    """One walk to the very beginning and back, for to build every table's class takes long."""
    drop_partitions()
    before = design()
    partitions.ensure(months=[(2023, 8)])
    write_as_the_first_release()
    written = everything()

    migrate(FIRST_RELEASE)
    assert everything() == written
    migrate(None)
    left = {table for kind, table, *_ in design() if kind == "column"}
    assert not [name for name in left if name.startswith(("markets_", "models_ml_"))]

    migrate(FIRST_RELEASE)
    partitions.ensure(months=[(2023, 8)])
    write_as_the_first_release()
    migrate_to_the_newest()
    assert everything() == written
    with connection.cursor() as cursor:
        cursor.execute("select distinct mark from markets_pricesnapshot")
        assert cursor.fetchall() == [(0,)]
    drop_partitions()
    assert design() == before


def write_as_the_first_release():
    with connection.cursor() as cursor:
        cursor.execute(ROWS)
        cursor.execute(A_PRICE, [SEEN_AT])
