"""Files of any layout, taken apart by a mapping.  See docs/sources/csv.md.

The mapping comes with ``Reading.options["spec"]``, so that a payload can be read again by the
revision that was in force; this module knows no tables.
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

from markets.connectors import csv_rows
from markets.connectors.base import (
    RECORDS_AT_MOST,
    ParsedBatch,
    ParsedBook,
    ParsedCompetition,
    ParsedEvent,
    ParsedMarket,
    ParsedPrice,
    ParsedResult,
    Problem,
    Reading,
)
from markets.connectors.csv_import import facts
from markets.connectors.csv_import.records import NotAFile, Record, Table, table
from markets.domain import mapping
from markets.domain.mapped_cells import BadCell, Cells
from markets.domain.mapping import BadMapping, MappingSpec


@dataclass(slots=True)
class _Portion:
    """What was read since the last batch."""

    records: int = 0
    events: list[ParsedEvent] = field(default_factory=list)
    markets: list[ParsedMarket] = field(default_factory=list)
    prices: list[ParsedPrice] = field(default_factory=list)
    results: list[ParsedResult] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    excerpts: dict[int, str] = field(default_factory=dict)


class CsvImport:
    """Reads CSV and Parquet files by a mapping."""

    code = namespace = "csv"
    suffixes = (".csv", ".tsv", ".txt", ".parquet")

    def parse(self, payload: bytes, *, name: str, fetched_at: datetime) -> ParsedBatch:
        """Say that no mapping is known: what the columns mean does not stand in the file."""
        return next(self.read(io.BytesIO(payload), reading=Reading(name, fetched_at)))

    def read(self, stream: BinaryIO, *, reading: Reading) -> Iterator[ParsedBatch]:
        """Take one file apart in portions; see ``ReadingConnector.read``."""
        try:
            spec = self._spec(reading)
            found = table(stream, delimiter=spec.delimiter, encoding=spec.encoding)
            places = _places(found, spec)
        except (BadMapping, NotAFile) as wrong:
            yield ParsedBatch(problems=[Problem(reading.name, None, "", str(wrong)[:500])])
            return
        yield from _File(reading, spec, places, found).batches()

    def order(self, name: str) -> tuple[Any, ...]:
        """Return the file's name: files of one layout are told apart by their dates."""
        return (name,)

    def check_options(self, options: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with the source's options; a file's mapping is added to them."""
        unknown = sorted(set(options) - {"mapping", "revision", "spec"})
        return [f"no such option: {', '.join(unknown)}"] if unknown else []

    def _spec(self, reading: Reading) -> MappingSpec:
        raw = reading.options.get("spec")
        if not isinstance(raw, Mapping):
            raise BadMapping(f"a mapping whose file pattern fits {reading.name!r}")
        return mapping.read(raw)


def _places(found: Table, spec: MappingSpec) -> dict[str, int]:
    """Return where the columns are.

    Raises:
        NotAFile: one without which no row can be read is missing, or there are two of a name.
    """
    needed, others = mapping.columns(spec)
    places: dict[str, int] = {}
    for at, name in enumerate(found.header):
        if name in places and name in {*needed, *others}:
            raise NotAFile(f"one column {name!r}, not two")
        places.setdefault(name, at)
    if missing := [name for name in needed if name not in places]:
        raise NotAFile(csv_rows.without(missing[:8], found.header))
    if nested := sorted(found.nested & {*needed, *others}):
        raise NotAFile(f"a column {nested[0]!r} of single values, not of lists or tables")
    return places


class _File:
    """One file while it is read."""

    def __init__(
        self, reading: Reading, spec: MappingSpec, places: Mapping[str, int], found: Table
    ) -> None:
        self.reading, self.spec, self.places = reading, spec, places
        self.table, self.width = found, len(found.header)
        self.reader = facts.Reader(spec, zone=reading.time_zone, until=reading.fetched_at)
        self.first: dict[str, int] = {}  # the record that told of an event first
        self.portion = _Portion(problems=self._missing())

    def batches(self) -> Iterator[ParsedBatch]:
        """Read all records, a portion at a time; a file without any is one empty portion."""
        is_first = True
        for record in self.table.records:
            self._record(record)
            if self.portion.records >= RECORDS_AT_MOST:
                yield self._batch()
                is_first = False
        if self.portion.records or is_first:
            yield self._batch()

    def _missing(self) -> list[Problem]:
        _, others = mapping.columns(self.spec)
        return [
            Problem(self.reading.name, None, name[:60], "this column, which the mapping speaks of")
            for name in others
            if name not in self.places
        ]

    def _record(self, record: Record) -> None:
        portion = self.portion
        portion.records += 1
        portion.excerpts[record.number] = record.excerpt
        if record.wrong:
            self._tell(record, "", record.wrong, is_rejection=True)
            return
        values = record.cells
        if len(values) < self.width:
            self._tell(record, "", f"{self.width} cells, not {len(values)}: the row is cut short")
            values = values[:-1] if record.is_last_of_a_cut_file else values
        cells = Cells(self.places, values, self.spec)
        try:
            told = self.reader.event(cells, record.number)
            if self.reader.tells_once and told.event.ref in self.first:
                already = self.first[told.event.ref]
                raise BadCell("", f"an event that is not in row {already} already")
        except BadCell as wrong:
            self._tell(record, wrong.column, wrong.expected, is_rejection=True)
            return
        self._facts(cells, told, record)

    def _facts(self, cells: Cells, told: facts.Told, record: Record) -> None:
        portion, ref = self.portion, told.event.ref
        tell = facts.teller(lambda column, message: self._tell(record, column, message))
        if self.reader.tells_once:
            self.first[ref] = record.number
        portion.events.append(self.reader.with_data(cells, told.event, tell))
        portion.markets += self.reader.markets(cells, told, tell)
        portion.prices += self.reader.prices(cells, told, tell)
        result = self.reader.result(cells, told, tell)
        if result is not None:
            portion.results.append(result)

    def _tell(
        self, record: Record, column: str, message: str, *, is_rejection: bool = False
    ) -> None:
        self.portion.problems.append(
            Problem(self.reading.name, record.number, column[:60], message[:500], is_rejection)
        )

    def _batch(self) -> ParsedBatch:
        portion, self.portion = self.portion, _Portion()
        return ParsedBatch(
            events=portion.events,
            prices=portion.prices,
            results=portion.results,
            problems=portion.problems,
            competitions=_competitions(self.spec),
            books=[
                ParsedBook(book.code, book.name, book.kind, book.reference_rank)
                for book in self.spec.books
            ],
            markets=portion.markets,
            records=portion.records,
            excerpts=portion.excerpts,
        )


def _competitions(spec: MappingSpec) -> list[ParsedCompetition]:
    """Return the competition that the mapping describes; one in a column stands already."""
    told = spec.competition
    if told is None or not isinstance(told.code, str):
        return []
    return [
        ParsedCompetition(
            told.code, told.name or told.code, told.country, spec.sport, told.time_zone
        )
    ]
