"""Whole columns of numbers to the database and back, in binary: for work on many rows at once.

A list of a million values costs a Python object and a conversion for each; an array is copied.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import psycopg
from django.db import connection
from psycopg.adapt import Buffer, Dumper, Loader
from psycopg.pq import Format

Ints = npt.NDArray[np.int64]
Asked = Sequence[Any] | Mapping[str, Any]
_INT8, _INT8_ARRAY, _FLOAT8_ARRAY = 20, 1016, 1022
_HEAD = 20  # bytes: dimensions, whether there are nulls, type; then length and lowest index


class Columns:
    """A dataclass whose fields are columns of the same length."""

    __slots__ = ()

    def taken(self, of: npt.NDArray[Any]) -> Self:
        """Return the rows of a mask, or at places."""
        told = (getattr(self, one.name)[of] for one in fields(self))  # type: ignore[arg-type]
        return type(self)(*told)


def grouped(*of: npt.NDArray[Any]) -> tuple[Ints, Ints]:
    """Return the place of the first row of each group of equal rows, and each row's group.

    >>> grouped(np.array([7, 7, 5]), np.array([1, 1, 1]))
    (array([2, 0]), array([1, 1, 0]))
    """
    group = np.zeros(len(of[0]), dtype=np.int64)
    first = np.zeros(0, dtype=np.int64)
    for column in of:
        _, one = np.unique(column, return_inverse=True)
        both = group * (int(one.max(initial=0)) + 1) + one
        _, first, group = np.unique(both, return_index=True, return_inverse=True)
    return first, group


class _Dumper(Dumper):
    """Sends an array of whole numbers as ``bigint[]``."""

    format = Format.BINARY
    oid = _INT8_ARRAY

    def dump(self, obj: Any) -> Buffer:
        if not len(obj):
            return np.array([0, 0, _INT8], dtype=">i4").tobytes()
        head = np.array([1, 0, _INT8, len(obj), 1], dtype=">i4")
        sent = np.empty(len(obj), dtype=[("bytes", ">i4"), ("value", ">i8")])
        sent["bytes"], sent["value"] = 8, obj
        return head.tobytes() + sent.tobytes()


class _Loader(Loader):
    """Reads ``bigint[]`` and ``float8[]`` of one dimension without nulls."""

    format = Format.BINARY
    sent = ">i8"

    def load(self, data: Buffer) -> npt.NDArray[Any]:
        raw = bytes(data)
        dimensions, has_nulls = np.frombuffer(raw, dtype=">i4", count=2)
        if not dimensions:
            return np.empty(0, dtype=self.sent[1:])
        if has_nulls or dimensions > 1:
            raise ValueError("a column of numbers has no nulls and one dimension")
        layout = np.dtype([("bytes", ">i4"), ("value", self.sent)])
        return np.frombuffer(raw, dtype=layout, offset=_HEAD)["value"].astype(self.sent[1:])


class _FloatLoader(_Loader):
    sent = ">f8"


class _Cursor(psycopg.Cursor[tuple[Any, ...]]):
    """Sends values apart from the statement, which is planned anew for how many they are."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        return super().execute(query, params, **{**options, "prepare": False, "binary": True})


def rows(statement: str, asked: Asked = ()) -> list[tuple[Any, ...]]:
    """Return the rows of a statement; arrays of whole numbers may be among the values.

    Values are bound by the server: ``= ANY(%s)`` takes an array, ``IN %s`` takes none.  Columns of
    the type ``bigint[]`` or ``float8[]`` come as arrays.
    """
    with _executed(statement, asked) as cursor:
        return cursor.fetchall()


def row(statement: str, asked: Asked = ()) -> tuple[Any, ...]:
    """Return the only row of a statement, such as one of ``array_agg``."""
    (only,) = rows(statement, asked)
    return only


def run(statement: str, asked: Asked = ()) -> int:
    """Run a statement and return how many rows it touched."""
    with _executed(statement, asked) as cursor:
        return int(cursor.rowcount)


def _executed(statement: str, asked: Asked) -> Any:
    connection.ensure_connection()
    plain: Any = _Cursor(connection.connection)
    plain.adapters.register_dumper(np.ndarray, _Dumper)
    plain.adapters.register_loader(_INT8_ARRAY, _Loader)
    plain.adapters.register_loader(_FLOAT8_ARRAY, _FloatLoader)
    make = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    cursor = make(plain)
    cursor.execute(statement, asked)
    return cursor
