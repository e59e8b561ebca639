"""The runner's own way to an empty database after a test that commits.

Django truncates every table and writes content types and permissions anew, a second of work for
a test that wrote ten rows.  Here the tables that hold something are emptied and nothing else.
"""

from django.db import connection, transaction
from django.test import TransactionTestCase

#: What migrating wrote: the same for every test.
KEPT = {"django_migrations", "django_content_type", "auth_permission"}
LARGE = 1_000_000  # bytes; a larger table is truncated, for nobody vacuums the rows it had


def only_what_was_written() -> None:
    """Let every test that commits be cleaned up after in this way, from now on."""
    TransactionTestCase._fixture_teardown = lambda _: empty()


def empty() -> None:
    """Empty the tables, append-only ones too, once nobody writes to them any more."""
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    names = [f'"{table}"' for table in sorted(set(tables) - KEPT)]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"lock table {', '.join(names)} in share row exclusive mode")
        cursor.execute(
            " union all ".join(
                f"select '{name}', (select coalesce(sum(pg_relation_size(relid)), 0)"
                f" from pg_partition_tree('{name}')) where exists (select from {name})"
                for name in names
            )
        )
        written = cursor.fetchall()
        cursor.execute("set local session_replication_role = replica")  # no trigger fires
        for name, size in written:
            large = size > LARGE
            cursor.execute(f"truncate {name} cascade" if large else f"delete from {name}")
