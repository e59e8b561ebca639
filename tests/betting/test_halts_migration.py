"""What stands halted stands halted on either side of the migration."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

pytestmark = pytest.mark.django_db(transaction=True)

#: As processes of the release before write them: columns that came later are not named.
OLD_ROW = """
insert into betting_tradinghalt (scope, scope_id, reason, set_by, set_at, lifted_by, lift_reason)
values ('ALL', null, 'prices look wrong', 'user:alice', now() - interval '1 day', '', '')
"""
NEW_ROWS = """
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


def migrate(name: str) -> None:
    MigrationExecutor(connection).migrate([("betting", name)])


def run(statement: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def newest():
    """Bring the tables to the newest migration again, whatever happens."""
    yield
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def test_what_is_halted_stays_so_there_and_back(newest):
    """One walk for both ways: to build every table's class anew takes most of its time."""
    run(NEW_ROWS)
    migrate("0001_initial")
    assert run(STANDING) == [("BOOK", 7, "reduce"), ("ALL", None, "bankroll 3: lost")]
    assert run("select count(*) from betting_tradinghalt") == [(4,)]

    run("delete from betting_tradinghalt")
    run(OLD_ROW)
    migrate("0003_halts")
    run(OLD_ROW.replace("'ALL', null", "'BOOK', 1"))  # it still writes while both run
    rows = run(
        "select scope, rule, is_reduce_only, expires_at from betting_tradinghalt order by id"
    )
    assert rows == [("ALL", "", False, None), ("BOOK", "", False, None)]
