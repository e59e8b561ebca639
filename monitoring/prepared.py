"""Statements that the database plans once per connection and only runs from then on."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import psycopg
from django.db import NotSupportedError, connection

Asked = Sequence[Any] | Mapping[str, Any]


class _Cursor(psycopg.Cursor[tuple[Any, ...]]):
    """Has a statement prepared at once, and sends values apart from it.

    The cursors of the ORM write values into the text, so that no two statements are the same.
    """

    prepares = True

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        return super().execute(query, params, **{**options, "prepare": self.prepares})


class _Plain(_Cursor):
    prepares = False


def rows(statement: str, asked: Asked) -> list[tuple[Any, ...]]:
    """Return the rows of a statement whose text never changes, with these values.

    Values are bound by the server: ``= ANY(%s)`` takes a list, ``IN %s`` takes none, and a value
    of which the statement does not tell the type needs a cast.
    """
    try:
        return _rows(_Cursor, statement, asked)
    except NotSupportedError:  # a migration gave a column another type since it was planned
        if connection.in_atomic_block:
            raise
        return _rows(_Plain, statement, asked)


def _rows(kind: type[_Cursor], statement: str, asked: Asked) -> list[tuple[Any, ...]]:
    connection.ensure_connection()
    plain: Any = kind(connection.connection)
    make = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    with make(plain) as cursor:
        cursor.execute(statement, asked)
        return cursor.fetchall()
