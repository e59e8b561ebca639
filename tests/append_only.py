"""Append-only tables in tests: the runner empties every table, and nothing else may."""

from django.db import connection


def let_the_runner_empty_them() -> None:
    """Switch off the triggers that keep append-only tables from being emptied."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select c.relname, t.tgname from pg_trigger t join pg_class c on c.oid = t.tgrelid"
            " where t.tgname like 'pgtrigger_no_truncate%'"
        )
        for table, trigger in cursor.fetchall():
            cursor.execute(f'alter table "{table}" disable trigger "{trigger}"')
