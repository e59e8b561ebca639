"""Predictions as a file: CSV, Parquet or JSON, piece by piece, however many there are."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from django.db.models import QuerySet

from models_ml.models import Pipeline, Prediction
from monitoring.errors import Refused

PIECE = 2_000  # rows
FORMATS = {"csv": "text/csv", "json": "application/json", "parquet": "application/octet-stream"}
_TEXT, _TIME, _ID, _NUMBER, _YES = (
    pa.string(), pa.timestamp("us", tz="UTC"), pa.int64(), pa.float64(), pa.bool_(),
)  # fmt: skip
#: Where each column's values lie, and what they are.
COLUMNS: dict[str, tuple[str, pa.DataType]] = {
    "prediction": ("pk", _ID),
    "pipeline": ("version__pipeline__code", _TEXT),
    "version": ("version__number", _ID),
    "artefact_sha256": ("version__artefact_sha256", _TEXT),
    "is_simulated": ("version__pipeline__is_simulated", _YES),
    "event_id": ("event_id", _ID),
    "event": ("event__name", _TEXT),
    "competition": ("event__competition__code", _TEXT),
    "starts_at": ("event__starts_at", _TIME),
    "selection_id": ("selection_id", _ID),
    "market_kind": ("selection__market__kind", _TEXT),
    "line": ("selection__market__line", _NUMBER),
    "role": ("selection__role", _TEXT),
    "selection": ("selection__name", _TEXT),
    "stage": ("feature_row__stage", _TEXT),
    "is_late": ("feature_row__is_late", _YES),
    "probability": ("probability", _NUMBER),
    "refund_probability": ("refund_probability", _NUMBER),
    "market_probability": ("market_probability", _NUMBER),
    "as_of": ("as_of", _TIME),
    "made_at": ("made_at", _TIME),
}
#: A sheet takes a cell that begins so for a formula.
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")


class ExportRefused(Refused):
    """This cannot be written to a file."""


def chosen(
    *, since: datetime, until: datetime, pipeline: str = ""
) -> QuerySet[Prediction, tuple[Any, ...]]:
    """Return the live predictions made in [since, until), oldest first, as rows of ``COLUMNS``.

    Raises:
        ExportRefused: the interval is empty, or no pipeline has this code.
    """
    if since >= until:
        raise ExportRefused("the interval ends before it begins")
    rows = Prediction.objects.filter(
        made_at__gte=since,
        made_at__lt=until,
        feature_row__replay__isnull=True,
        feature_row__rehearsal__isnull=True,
    )
    if pipeline:
        if not Pipeline.objects.filter(code=pipeline).exists():
            raise ExportRefused(f"no pipeline {pipeline!r}")
        rows = rows.filter(version__pipeline__code=pipeline)
    return rows.order_by("made_at", "pk").values_list(*(path for path, _ in COLUMNS.values()))


def pieces(*, rows: QuerySet[Prediction, tuple[Any, ...]], form: str) -> Iterator[bytes]:
    """Give the file's bytes, a few thousand rows at a time.

    Raises:
        ExportRefused: there is no such format.
    """
    if form not in FORMATS:
        raise ExportRefused(f"no format {form!r}; there are: {', '.join(FORMATS)}")
    batches = _batches(rows.iterator(chunk_size=PIECE))
    return {"csv": _csv, "json": _json, "parquet": _parquet}[form](batches)


def _batches(rows: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    batch: list[tuple[Any, ...]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == PIECE:
            yield batch
            batch = []
    if batch:
        yield batch


def _csv(batches: Iterator[Sequence[tuple[Any, ...]]]) -> Iterator[bytes]:
    for batch in chain([[tuple(COLUMNS)]], batches):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([_cell(v) for v in row] for row in batch)
        yield text.getvalue().encode()


def _cell(value: Any) -> Any:
    """Return a value as a sheet may read it: no text that it would run.

    >>> _cell("=1+1"), _cell("Ajax"), _cell(None), _cell(-0.5)
    ("'=1+1", 'Ajax', '', -0.5)
    """
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(_DANGEROUS):
        return f"'{value}"
    return value


def _json(batches: Iterator[Sequence[tuple[Any, ...]]]) -> Iterator[bytes]:
    separator = "["
    for batch in batches:
        told = [json.dumps(dict(zip(COLUMNS, row, strict=True)), default=_told) for row in batch]
        yield (separator + ",\n".join(told)).encode()
        separator = ",\n"
    yield b"[]" if separator == "[" else b"]"


def _told(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else float(value)


def _parquet(batches: Iterator[Sequence[tuple[Any, ...]]]) -> Iterator[bytes]:
    schema = pa.schema([(name, kind) for name, (_, kind) in COLUMNS.items()])
    sink = _Sink()
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for batch in batches:
            columns = [
                pa.array([_number(v) if kind == _NUMBER else v for v in column], type=kind)
                for column, (_, kind) in zip(
                    zip(*batch, strict=True), COLUMNS.values(), strict=True
                )
            ]
            writer.write_batch(pa.record_batch(columns, schema=schema))
            yield sink.taken()
    yield sink.taken()


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


class _Sink(io.RawIOBase):
    """Where a writer writes to, and whence its bytes are taken as they come."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting = bytearray()
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self._waiting += bytes(content)
        self._at += len(content)
        return len(content)

    def tell(self) -> int:
        return self._at

    def taken(self) -> bytes:
        found = bytes(self._waiting)
        self._waiting.clear()
        return found
