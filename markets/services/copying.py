"""Columns of numbers into and out of PostgreSQL at COPY's own speed: no loop over rows."""

from collections.abc import Mapping, Sequence

import numpy as np
from django.db import connection
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Numbers = NDArray[np.int64] | NDArray[np.float64]

BIGINT, MOMENT, PRICE, FLOAT = "bigint", "moment", "price", "float"
_WIDTH = {BIGINT: 8, MOMENT: 8, PRICE: 14, FLOAT: 8}
_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = b"\xff\xff"
#: Microseconds from 1970 to PostgreSQL's own beginning of time, 2000-01-01.
_EPOCH = 946_684_800_000_000


def copy_columns(
    *, table: str, names: Sequence[str], kinds: Sequence[str], columns: Sequence[Numbers]
) -> None:
    """COPY equally long columns into a table.

    ``kinds``: BIGINT as it is; MOMENT microseconds since 1970; PRICE thousandths, below ten
    million, which become ``numeric`` with three places.
    Needs an open transaction where the table is a temporary one.
    """
    with connection.cursor() as cursor:
        statement = f"COPY {table} ({', '.join(names)}) FROM STDIN (FORMAT BINARY)"
        with cursor.copy(statement) as copy:
            copy.write(_HEADER + binary_rows(kinds=kinds, columns=columns) + _TRAILER)


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
            fields.append((f"value{number}", ">f8" if kind == FLOAT else ">i8"))
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


def read_columns(
    *, query: str, parameters: Mapping[str, object], kinds: Sequence[str]
) -> list[Ints]:
    """Return the columns of a query's rows as int64 arrays: numbers, or microseconds since 1970.

    ``kinds`` are BIGINT (the query casts to ``bigint``) or MOMENT; no column may hold null.
    """
    with connection.cursor() as cursor:
        asked = connection.ops.compose_sql(query, parameters)  # type: ignore[attr-defined]
        with cursor.copy(f"COPY ({asked}) TO STDOUT (FORMAT BINARY)") as copy:
            payload = b"".join(bytes(part) for part in copy)
    fields = [("count", ">i2")]
    for number in range(len(kinds)):
        fields += [(f"size{number}", ">i4"), (f"value{number}", ">i8")]
    body = payload[len(_HEADER) : -len(_TRAILER)]
    rows = np.frombuffer(body, dtype=np.dtype(fields))
    columns = [rows[f"value{number}"].astype(np.int64) for number in range(len(kinds))]
    return [
        column + _EPOCH if kind == MOMENT else column
        for kind, column in zip(kinds, columns, strict=True)
    ]
