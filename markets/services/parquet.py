"""A table's rows as a Parquet file that can be checked, and back again."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection

from monitoring.errors import Refused

CHUNK = 50_000


class Damaged(Refused):
    """The file is not what was written."""


@dataclass(frozen=True, slots=True)
class Written:
    path: Path
    rows: int
    sha256: str


def export(*, table: str, folder: Path) -> Written:
    """Write a table's rows, in order of its key, and the file's SHA-256 beside it.

    The file stands complete under a name that was free, or not at all.  Needs an open
    transaction, in which nobody else writes the table.

    Raises:
        Damaged: what was written doesn't hold as many rows as the table.
    """
    import pyarrow.parquet as pq

    columns = _columns(table)
    schema = _schema(columns)
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".")
    os.close(handle)
    try:
        rows = 0
        with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for chunk in _read(table, list(columns)):
                writer.write_table(_as_table(chunk, schema))
                rows += len(chunk)
        if pq.ParquetFile(temporary).metadata.num_rows != rows:
            raise Damaged(f"{table}: the file holds another number of rows than {rows}")
        digest = _digest(Path(temporary))
        path = _free(folder, table)
        path.with_suffix(".sha256").write_text(f"{digest}  {path.name}\n")
        _sync(Path(temporary))
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return Written(path, rows, digest)


def bring_back(*, path: Path, table: str) -> int:
    """Insert a file's rows that the table does not hold; return how many those were.

    Raises:
        Damaged: the file's SHA-256 is missing or another.
    """
    import pyarrow.parquet as pq

    beside = path.with_suffix(".sha256")
    if not (path.is_file() and beside.is_file()):
        raise Damaged(f"{path} or its .sha256 is missing")
    if beside.read_text().split()[0] != _digest(path):
        raise Damaged(f"{path} is not what was written: its SHA-256 is another")
    names = ", ".join(pq.ParquetFile(path).schema_arrow.names)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS brought_back")
        cursor.execute(
            f"CREATE TEMP TABLE brought_back ON COMMIT DROP AS SELECT {names} FROM {table} LIMIT 0"
        )
        with cursor.copy(f"COPY brought_back ({names}) FROM STDIN") as copy:
            for batch in pq.ParquetFile(path).iter_batches(batch_size=CHUNK):
                for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    copy.write_row(row)
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM brought_back ON CONFLICT DO NOTHING"
        )
        return int(cursor.rowcount)


def _columns(table: str) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            [table],
        )
        return dict(cursor.fetchall())


def _schema(columns: dict[str, str]) -> Any:
    import pyarrow as pa

    def arrow(type_: str) -> Any:
        if type_.endswith("[]"):
            return pa.list_(arrow(type_.removesuffix("[]")))
        if type_.startswith("numeric("):
            digits, _, places = type_.removeprefix("numeric(").removesuffix(")").partition(",")
            return pa.decimal128(int(digits), int(places))
        if type_ == "timestamp with time zone":
            return pa.timestamp("us", "UTC")
        return {"bigint": pa.int64(), "smallint": pa.int16()}[type_]

    return pa.schema([(name, arrow(type_)) for name, type_ in columns.items()])


def _read(table: str, columns: list[str]) -> Iterator[list[tuple[Any, ...]]]:
    with connection.chunked_cursor() as cursor:
        order = "selection_id, book_id, seen_at"
        cursor.execute(f'SELECT {", ".join(columns)} FROM "{table}" ORDER BY {order}')
        while rows := cursor.fetchmany(CHUNK):
            yield rows


def _as_table(rows: list[tuple[Any, ...]], schema: Any) -> Any:
    import pyarrow as pa

    values = zip(*rows, strict=True)
    arrays = [
        pa.array(list(column), type=field.type)
        for column, field in zip(values, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _free(folder: Path, table: str) -> Path:
    """Return a name that no file has: a month may be retired again after late rows came."""
    path, number = folder / f"{table}.parquet", 1
    while path.exists():
        number += 1
        path = folder / f"{table}-{number}.parquet"
    return path


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
