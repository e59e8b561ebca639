"""Bets, settlements and transfers of a time as files, however many there are.

Rows are read by their ids and written in batches, each by a statement of its own: memory holds
one batch, and no transaction waits for whoever reads slowly.  A file appears under its name when
it is whole.  Replays are in none of them unless asked for.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from django.db import models
from pyarrow import parquet

from betting.models import Bankroll, Bet
from monitoring.domain.progress import RunHandle
from monitoring.errors import Refused
from settlements.models import LedgerTransfer, Settlement

BATCH = 20_000
FORMATS = ("csv", "parquet")
_MONEY, _PRICE = pa.decimal128(14, 2), pa.decimal128(9, 3)
_MOMENT = pa.timestamp("us", tz="UTC")


class BadExport(Refused):
    """There is no such table or file format, or the time ends before it begins."""


@dataclass(frozen=True, slots=True)
class _Table:
    """A table's columns (name, where it is, of which type) and what its rows are chosen by."""

    model: type[models.Model]
    moment: str
    kind: str  # where the bankroll's kind is
    columns: Sequence[tuple[str, str, pa.DataType]]


TABLES: Mapping[str, _Table] = {
    "bets": _Table(
        Bet, "placed_at", "bankroll__kind",
        (
            ("bet", "pk", pa.int64()),
            ("bankroll", "bankroll__name", pa.string()),
            ("currency", "bankroll__currency", pa.string()),
            ("is_simulated", "bankroll__is_simulated", pa.bool_()),
            ("strategy", "strategy__name", pa.string()),
            ("book", "book__code", pa.string()),
            ("sport", "selection__market__event__competition__sport__code", pa.string()),
            ("competition", "selection__market__event__competition__code", pa.string()),
            ("event", "selection__market__event__name", pa.string()),
            ("starts_at", "selection__market__event__starts_at", _MOMENT),
            ("market", "selection__market__kind", pa.string()),
            ("selection", "selection__name", pa.string()),
            ("line", "selection__line", pa.decimal128(9, 3)),
            ("side", "side", pa.string()),
            ("price", "price", _PRICE),
            ("stake", "stake", _MONEY),
            ("liability", "liability", _MONEY),
            ("probability", "probability", pa.float64()),
            ("status", "status", pa.string()),
            ("outcome", "outcome", pa.string()),
            ("profit", "profit", _MONEY),
            ("commission", "commission", _MONEY),
            ("placed_at", "placed_at", _MOMENT),
            ("settled_at", "settled_at", _MOMENT),
            ("clv", "value__clv", pa.float64()),
            ("clv_raw", "value__clv_raw", pa.float64()),
            ("closing_price", "value__closing_price", _PRICE),
            ("client_ref", "client_ref", pa.string()),
        ),
    ),
    "settlements": _Table(
        Settlement, "settled_at", "bet__bankroll__kind",
        (
            ("settlement", "pk", pa.int64()),
            ("bet", "bet_id", pa.int64()),
            ("revision", "revision", pa.int64()),
            ("result", "result_id", pa.int64()),
            ("rule_set", "rule_set_id", pa.int64()),
            ("outcome", "outcome", pa.string()),
            ("profit", "profit", _MONEY),
            ("commission", "commission", _MONEY),
            ("settled_at", "settled_at", _MOMENT),
        ),
    ),
    "transfers": _Table(
        LedgerTransfer, "at", "debit__bankroll__kind",
        (
            ("transfer", "pk", pa.int64()),
            ("kind", "kind", pa.string()),
            ("bankroll", "debit__bankroll__name", pa.string()),
            ("currency", "debit__currency", pa.string()),
            ("debit", "debit__kind", pa.string()),
            ("credit", "credit__kind", pa.string()),
            ("amount", "amount", _MONEY),
            ("settlement", "settlement_id", pa.int64()),
            ("reverses", "reverses_id", pa.int64()),
            ("reference", "reference", pa.string()),
            ("at", "at", _MOMENT),
        ),
    ),
}  # fmt: skip


def write(
    *,
    what: str,
    path: Path,
    since: datetime | None = None,
    until: datetime | None = None,
    with_replays: bool = False,
    progress: RunHandle | None = None,
) -> int:
    """Write the rows of [since, until) to a CSV or Parquet file; return how many.

    Raises:
        BadExport: no such table, a name that ends in neither, or a time that ends first.
    """
    form = path.suffix.lower().lstrip(".")
    if form not in FORMATS:
        raise BadExport(f"{path.name} must end in .csv or .parquet")
    rows = _rows(what, since, until, with_replays)
    half = path.with_name(f".{path.name}.half")
    try:
        done = (_parquet if form == "parquet" else _csv)(TABLES[what], rows, half, progress)
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
    return done


def pieces(
    *,
    what: str,
    since: datetime | None = None,
    until: datetime | None = None,
    with_replays: bool = False,
) -> Iterator[str]:
    """Return the rows of [since, until) as CSV, a batch at a time.

    Raises:
        BadExport: no such table, or a time that ends before it begins.
    """
    rows = _rows(what, since, until, with_replays)
    return _texts(TABLES[what], rows)


def _rows(
    what: str, since: datetime | None, until: datetime | None, with_replays: bool
) -> Iterator[list[tuple[Any, ...]]]:
    """Return the batches; what is wrong is told before the first is asked for."""
    if what not in TABLES:
        raise BadExport(f"there is no {what!r}; there are {', '.join(TABLES)}")
    if since and until and until <= since:
        raise BadExport("the time ends before it begins")
    table = TABLES[what]
    found = table.model._default_manager.all()
    if since:
        found = found.filter(**{f"{table.moment}__gte": since})
    if until:
        found = found.filter(**{f"{table.moment}__lt": until})
    if not with_replays:
        found = found.exclude(**{table.kind: Bankroll.Kind.REPLAY})
    return _batches(found.order_by("pk").values_list(*(path for _, path, _ in table.columns)))


def _batches(found: Any) -> Iterator[list[tuple[Any, ...]]]:
    """Return batch after batch; the first column is the id."""
    after = 0
    while batch := list(found.filter(pk__gt=after)[:BATCH]):
        yield batch
        after = batch[-1][0]


_Batches = Iterator[list[tuple[Any, ...]]]


def _parquet(table: _Table, rows: _Batches, path: Path, progress: RunHandle | None) -> int:
    schema = pa.schema([pa.field(name, kind) for name, _, kind in table.columns])
    done = 0
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in rows:
            columns = list(zip(*batch, strict=True))
            arrays = [pa.array(c, type=f.type) for c, f in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            done = _count(done, batch, progress)
    return done


def _csv(table: _Table, rows: _Batches, path: Path, progress: RunHandle | None) -> int:
    done = 0

    def counted() -> _Batches:
        nonlocal done
        for batch in rows:
            yield batch
            done = _count(done, batch, progress)

    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(_texts(table, counted()))
    return done


def _count(done: int, batch: Sequence[object], progress: RunHandle | None) -> int:
    done += len(batch)
    if progress:
        progress.progress(done=done, message=f"{done} rows written")
        progress.raise_if_cancelled()
    return done


def _texts(table: _Table, rows: _Batches) -> Iterator[str]:
    yield _text([[name for name, _, _ in table.columns]])
    for batch in rows:
        yield _text([[_cell(value) for value in row] for row in batch])


def _text(rows: Sequence[Sequence[object]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _cell(value: object) -> object:
    """Return a value that no spreadsheet takes for a formula; moments as ISO 8601 tells them."""
    if isinstance(value, datetime):
        return value.isoformat()
    risky = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{value}" if risky else value
