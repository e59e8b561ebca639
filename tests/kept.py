"""Worlds made once in a process, and copied back row for row where another test wants the same."""

import pickle
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from django.db import connection

from tests.emptying import KEPT

T = TypeVar("T")


@dataclass(frozen=True)
class Kept:
    tables: dict[str, bytes]
    files: dict[str, bytes]
    told: bytes  # what making it returned


_kept: dict[Hashable, Kept] = {}


def world(
    key: Hashable,
    make: Callable[[], T],
    *,
    tables: Sequence[str] = (),
    folder: Path | None = None,
) -> T:
    """Return what ``make`` returns, with the rows and files it writes; made by the first asker.

    The tables (all where none is named) must be empty before, and so must the folder be.
    """
    if key in _kept:
        return _restored(_kept[key], folder)
    before = _written(tables)
    assert not before, f"{key} would be kept together with what stands in {before}"
    told = make()
    _kept[key] = Kept(
        tables={name: _rows_of(name) for name in _written(tables)},
        files={
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*") if folder else ())
            if path.is_file()
        },
        told=pickle.dumps(told),
    )
    return told


def _restored(kept: Kept, folder: Path | None) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("set session_replication_role = replica")  # the rows were checked once
        for name, rows in kept.tables.items():
            with cursor.copy(f"COPY {name} ({_columns(name)}) FROM STDIN") as copy:
                copy.write(rows)
        cursor.execute("set session_replication_role = origin")
    for name, content in kept.files.items():
        path = folder / name if folder else Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return pickle.loads(kept.told)


def _written(tables: Sequence[str]) -> list[str]:
    """Return those of the tables that hold rows, but for what migrating wrote."""
    names = list(tables) or sorted(
        set(connection.introspection.django_table_names(only_existing=True, include_views=False))
        - KEPT
    )
    with connection.cursor() as cursor:
        cursor.execute(
            " union all ".join(
                f"select '{name}' where exists (select from {name})" for name in names
            )
        )
        return [name for (name,) in cursor.fetchall()]


def _rows_of(table: str) -> bytes:
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY (SELECT {_columns(table)} FROM {table}) TO STDOUT") as copy,
    ):
        return b"".join(bytes(chunk) for chunk in copy)


def _columns(table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute"
            " where attrelid = %s::regclass and attnum > 0"
            " and not attisdropped and attgenerated = ''",
            [table],
        )
        (found,) = cursor.fetchone()
    return found
