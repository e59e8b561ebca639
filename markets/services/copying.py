"""Columns of numbers into and out of PostgreSQL at COPY's own speed: no loop over rows."""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import JSONField, Model
from numpy.typing import NDArray
from psycopg.types.json import Jsonb

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Numbers = NDArray[np.int64] | NDArray[np.float64]

BIGINT, SMALLINT, MOMENT, PRICE, FLOAT = "bigint", "smallint", "moment", "price", "float"
_WIDTH = {BIGINT: 8, SMALLINT: 2, MOMENT: 8, PRICE: 14, FLOAT: 8}
_NUMPY = {BIGINT: ">i8", SMALLINT: ">i2", MOMENT: ">i8", FLOAT: ">f8"}
_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = b"\xff\xff"
#: Microseconds from 1970 to PostgreSQL's own beginning of time, 2000-01-01.
_EPOCH = 946_684_800_000_000


def copy_columns(
    *, table: str, names: Sequence[str], kinds: Sequence[str], columns: Sequence[Numbers]
) -> None:
    """COPY equally long columns into a table.

    ``kinds``: BIGINT and SMALLINT as they are; MOMENT microseconds since 1970; PRICE thousandths,
    below ten million, which become ``numeric`` with three places; FLOAT.  None holds null.
    Needs an open transaction where the table is a temporary one.
    """
    with connection.cursor() as cursor:
        statement = f"COPY {table} ({', '.join(names)}) FROM STDIN (FORMAT BINARY)"
        with cursor.copy(statement) as copy:
            copy.write(binary_copy(kinds=kinds, columns=columns))


def binary_copy(*, kinds: Sequence[str], columns: Sequence[Numbers]) -> bytes:
    """Return all that a binary COPY of these rows is sent."""
    return _HEADER + binary_rows(kinds=kinds, columns=columns) + _TRAILER


def binary_rows(*, kinds: Sequence[str], columns: Sequence[Numbers]) -> bytes:
    """Return rows in PostgreSQL's binary COPY format.

    Source: PostgreSQL documentation, COPY, "Binary Format"; numeric as its ``numeric_recv``
    reads it: base-10000 digits with a weight, here always two before and one after the point.

    >>> binary_rows(kinds=[BIGINT], columns=[np.array([5])]).hex()
    '0001000000080000000000000005'
    """
    fields: list[tuple[str, str]] = [("count", ">i2")]
    for number, kind in enumerate(kinds):
        fields.append((f"size{number}", ">i4"))
        if kind == PRICE:
            parts = ("ndigits", "weight", "sign", "dscale", "thousands", "whole", "rest")
            fields += [(f"{part}{number}", ">i2") for part in parts]
        else:
            fields.append((f"value{number}", _NUMPY[kind]))
    rows = np.zeros(len(columns[0]), dtype=np.dtype(fields))
    rows["count"] = len(kinds)
    for number, (kind, column) in enumerate(zip(kinds, columns, strict=True)):
        rows[f"size{number}"] = _WIDTH[kind]
        if kind == PRICE:
            _set_price(rows, number, column.astype(np.int64, copy=False))
        else:
            rows[f"value{number}"] = column - _EPOCH if kind == MOMENT else column
    return rows.tobytes()


def _set_price(rows: NDArray[np.void], number: int, thousandths: Ints) -> None:
    whole, rest = np.divmod(thousandths, 1000)
    rows[f"ndigits{number}"], rows[f"weight{number}"], rows[f"dscale{number}"] = 3, 1, 3
    rows[f"thousands{number}"], rows[f"whole{number}"] = np.divmod(whole, 10_000)
    rows[f"rest{number}"] = rest * 10


_NUMBERS = """
SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)
"""


def add_rows(rows: Sequence[Model]) -> None:
    """Add new rows of one table and number them: as ``bulk_create`` does, by COPY.

    Each field holds what its column does; nothing is filled in or converted on the way.

    Raises:
        django.db.IntegrityError: the table refuses one; none is added.
    """
    if not rows:
        return
    meta = rows[0]._meta
    pk = meta.pk
    assert pk is not None, "of a table that numbers its rows"
    fields = [pk, *(field for field in meta.concrete_fields if field is not pk)]
    json = [at for at, field in enumerate(fields) if isinstance(field, JSONField)]
    values = attrgetter(*(field.attname for field in fields))
    names = ", ".join(f'"{field.column}"' for field in fields)
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.execute(_NUMBERS, [meta.db_table, pk.column, len(rows)])
        for row, (number,) in zip(rows, cursor.fetchall(), strict=True):
            row.pk = number
        with cursor.copy(f'COPY "{meta.db_table}" ({names}) FROM STDIN') as copy:
            for row in rows:
                told = list(values(row))
                for at in json:
                    told[at] = Jsonb(told[at])
                copy.write_row(told)
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


def as_array(numbers: Ints) -> str:
    """Return whole numbers as the text of an array, for a query that casts it to ``bigint[]``.

    >>> as_array(np.array([3, 1]))
    '{3,1}'
    """
    return "{" + ",".join(map(str, numbers.tolist())) + "}"


def as_any_array(values: Sequence[object]) -> str:
    """Return values as the text of an array of any type that reads them; None is null.

    >>> as_any_array(["a", None, 'say "b"'])
    '{"a",NULL,"say \\\\"b\\\\""}'
    """
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: object) -> str:
    if value is None:
        return "NULL"
    text = str(value)
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


_SEND = {BIGINT: "int8send", MOMENT: "timestamptz_send"}


def read_columns(*, query: str, parameters: Mapping[str, Any], kinds: Sequence[str]) -> list[Ints]:
    """Return the columns of a query's rows as int64 arrays: numbers, or microseconds since 1970.

    ``kinds`` are BIGINT (the query casts to ``bigint``) or MOMENT; no column may hold null.
    The database packs all rows into one value: row by row, also by COPY, costs ten times that.
    """
    names = [f"c{number}" for number in range(len(kinds))]
    row = " || ".join(f"{_SEND[kind]}({name})" for kind, name in zip(kinds, names, strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT string_agg({row}, '') FROM ({query}) AS q ({', '.join(names)})", parameters
        )
        packed = bytes(cursor.fetchone()[0] or b"")
    columns = np.frombuffer(packed, dtype=">i8").reshape(-1, len(kinds)).astype(np.int64).T
    return [
        np.ascontiguousarray(column) + (_EPOCH if kind == MOMENT else 0)
        for column, kind in zip(columns, kinds, strict=True)
    ]
