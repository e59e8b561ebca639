"""What the tables hold must outlive every migration, there and back."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from betting.models import Bet, Strategy
from markets.models import Event
from markets.services import partitions
from settlements.services import ledger, settling
from tests.betting.arbitrage import a_seeker
from tests.betting.builders import NOON, a_bet, a_pipeline, a_strategy
from tests.settlements.builders import a_result

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
select setval(pg_get_serial_sequence('markets_book', 'id'), 100),
    setval(pg_get_serial_sequence('markets_source', 'id'), 100);
"""
A_PRICE = """
insert into markets_pricesnapshot (selection_id, book_id, seen_at, price, fetched_at)
values (1, 1, %s, 2.1, now())
"""

#: Halts as the release before knows them.
AN_OLD_HALT = """
insert into betting_tradinghalt (scope, scope_id, reason, set_by, set_at, lifted_by, lift_reason)
values ({scope}, 'prices look wrong', 'user:alice', now() - interval '1 day', '', '')
"""
HALTS = """
insert into betting_tradinghalt
    (scope, scope_id, rule, is_reduce_only, reason, set_by, set_at, expires_at, lifted_by,
     lift_reason)
values
    ('BOOK', 7, '', true, 'reduce', 'user:alice', now() - interval '1 day', null, '', ''),
    ('BOOK', 8, '', false, 'over', 'user:alice', now() - interval '1 day',
        now() - interval '1 hour', '', ''),
    ('BANKROLL', 3, 'daily-loss', false, 'lost', 'rule:daily-loss', now() - interval '1 hour',
        now() + interval '1 hour', '', ''),
    ('ALL', null, 'emergency-stop', false, 'stop', 'user:bob', now(), null, '', '')
"""
STANDING = """
select scope, scope_id, reason from betting_tradinghalt where lifted_at is null order by id
"""
OLD_STRATEGIES = """
insert into betting_bankroll (id, name, kind, is_simulated, currency, time_zone, balance,
    created_at) values (1, 'Main', 'PAPER', false, 'EUR', 'UTC', 0, now());
insert into models_ml_pipeline (id, code, sport_id, market_kind, feature_set, parameters,
    is_simulated) values (1, 'soccer-1x2', 1, 'MATCH_ODDS', 'soccer_v1', '{}', false);
insert into betting_strategy (
    name, code, bankroll_id, pipeline_id, is_enabled, decide_at_stage, min_edge, max_edge,
    min_probability, min_price, max_price, max_overround, max_price_age_seconds, kelly_fraction,
    max_stake_share, max_event_share, max_day_share, max_open_share, min_stake, stake_step)
select code, code, 1, 1, true, 'T-60m', .03, .2, 0, 1.1, 20, 1.2, 900, .25, .05, .1, .2, .5, 1, .01
from unnest(array['value', 'arbitrage']) as code;
"""
#: A bet that was won, as the release before settled it.
AN_OLD_SETTLEMENT = """
insert into betting_bet (bankroll_id, selection_id, book_id, venue, client_ref, venue_ref, side,
    price, stake, status, status_reason, placed_at, outcome, profit, settled_at) values
    (1, 1, 1, 'paper', 'old', '', 'BACK', 2.1, 10, 'SETTLED', '', '2023-08-11 15:00+00', 'WON', 11,
     now());
insert into settlements_ledgeraccount (bankroll_id, kind, currency, balance) values
    (1, 'CASH', 'EUR', 11), (1, 'PROFIT_AND_LOSS', 'EUR', -11), (1, 'CAPITAL', 'EUR', 0);
update betting_bankroll set balance = 11;
insert into settlements_settlement (bet_id, revision, result_id, outcome, profit, settled_at)
    select b.id, 1, r.id, 'WON', 11, now() from betting_bet b, markets_result r;
insert into settlements_ledgertransfer (kind, debit_id, credit_id, amount, settlement_id,
    reference, at)
    select 'SETTLEMENT', (select id from settlements_ledgeraccount where kind = 'PROFIT_AND_LOSS'),
        (select id from settlements_ledgeraccount where kind = 'CASH'), 11, s.id,
        'settle:' || s.bet_id || ':1', now() from settlements_settlement s;
"""
SETTLED = "select b.outcome, b.profit::text, s.outcome, s.profit::text, s.revision"
SETTLED += " from betting_bet b join settlements_settlement s on s.bet_id = b.id"

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


def migrate(app, name):
    MigrationExecutor(connection).migrate([(app, name)])


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


def run(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


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


def test_what_stands_is_kept_there_and_back_and_every_migration_can_be_taken_back(newest):
    """One walk to the very beginning and back, for to build every table's class takes long."""
    drop_partitions()
    before = design()
    partitions.ensure(months=[(2023, 8)])
    write_as_the_first_release()
    written = everything()

    money_is_as_safe_with_the_releases_before()
    migrate("markets", FIRST_RELEASE)
    assert everything() == written
    migrate("markets", None)
    left = {table for kind, table, *_ in design() if kind == "column"}
    assert not [name for name in left if name.startswith(("markets_", "models_ml_", "betting_"))]

    migrate("markets", FIRST_RELEASE)
    partitions.ensure(months=[(2023, 8)])
    write_as_the_first_release()
    old_halts_and_strategies_are_taken_over()
    migrate_to_the_newest()
    assert everything() == written
    assert run("select distinct mark from markets_pricesnapshot") == [(0,)]
    old_strategies_stake_whole()
    what_was_settled_is_corrected()
    drop_partitions()
    assert design() == before


def money_is_as_safe_with_the_releases_before():
    """What is halted, held back or unknown to a release before does not begin to bet by it."""
    whole, seeker, pipeline = a_strategy(), a_seeker(), a_pipeline()
    held = [a_strategy(phase="DRY_RUN"), a_strategy(phase="MICRO"), a_strategy(allocation=0.3)]
    run(HALTS)
    a_bet(event=Event.objects.get(), price=Decimal("2.10"))
    assert settle().settled == 1
    settled = run(SETTLED)
    migrate("betting", "0017_order_replacements")  # knows no strategy without a pipeline
    rows = run("select id, is_enabled, pipeline_id from betting_strategy order by id")
    others = [(one.pk, True, pipeline.pk) for one in held]
    assert rows == [(whole.pk, True, pipeline.pk), (seeker.pk, False, pipeline.pk), *others]
    migrate("betting", "0010_paper_twins")  # knows no phases and no shares
    assert run("select id from betting_strategy where is_enabled") == [(whole.pk,)]
    migrate("betting", "0001_initial")  # knows no halt of a bankroll and none that expires
    assert run(SETTLED) == settled == [("WON", "11.00", "WON", "11.00", 1)]
    assert run(STANDING) == [("BOOK", 7, "reduce"), ("ALL", None, "bankroll 3: lost")]
    assert run("select count(*) from betting_tradinghalt") == [(4,)]


def old_halts_and_strategies_are_taken_over():
    migrate("betting", "0001_initial")
    run(OLD_STRATEGIES)
    migrate("settlements", "0001_initial")
    run(AN_OLD_SETTLEMENT)
    run(AN_OLD_HALT.format(scope="'ALL', null"))
    migrate("betting", "0003_halts")
    run(AN_OLD_HALT.format(scope="'BOOK', 1"))  # it still writes while both run
    rows = run(
        "select scope, rule, is_reduce_only, expires_at from betting_tradinghalt order by id"
    )
    assert rows == [("ALL", "", False, None), ("BOOK", "", False, None)]


def old_strategies_stake_whole():
    rows = Strategy.objects.order_by("code").values_list("code", "phase", "allocation", "pipeline")
    assert list(rows) == [("arbitrage", "PRODUCTION", 1.0, None), ("value", "PRODUCTION", 1.0, 1)]


def what_was_settled_is_corrected():
    assert ledger.imbalance() == 0
    a_result(Bet.objects.get(), 0, 1, known_at=NOON)
    assert settle().resettled == 1
    assert run(SETTLED)[-1] == ("LOST", "-10.00", "LOST", "-10.00", 2)
    assert ledger.imbalance() == 0


def settle():
    return settling.settle_due(as_of=NOON, now=NOON, actor="test")


def write_as_the_first_release():
    with connection.cursor() as cursor:
        cursor.execute(ROWS)
        cursor.execute(A_PRICE, [SEEN_AT])
