"""Files of bets, read by a mapping: every good row becomes a bet, every other says what is wrong.

A file tells what happened elsewhere: no limit, halt or lack of funds refuses it.  Which limits a
bet breaks that can still lose money is told, and what was published of outcomes is kept beside
the bet, not taken for a settlement.  A file is one
transaction: a worker that dies leaves nothing of it, and reading it again makes what is missing.
"""

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import PurePath
from typing import Any

from django.db import IntegrityError, transaction

from betting.domain import bet_mapping, bet_rows, sheets
from betting.domain.bet_mapping import BadMapping, BetSpec, Race
from betting.domain.bet_rows import RaceTold, RowTold
from betting.domain.recorded import BadBet
from betting.domain.rules import Broken
from betting.models import BetImport, BetMapping
from betting.services import holding, import_rows
from markets.domain.told_races import ToldRunner
from markets.services import told_races
from monitoring.domain.progress import RunHandle
from monitoring.errors import Refused
from monitoring.services import audit

LARGEST, MOST_ROWS = 50_000_000, 500_000
PORTION = 2_000
KEPT_ERRORS = 1_000
KEPT_BEYOND = 100


class ImportRefused(Refused):
    """This file cannot be read as bets at all."""


@dataclass(slots=True)
class ImportReport:
    """What became of a file's rows; ``errors`` are the first ``KEPT_ERRORS`` of them.

    ``beyond``: how many bets break each limit, by its code; ``beyond_rows`` are the first.
    ``first``: the first new bets, as a person reads them.
    """

    mapping: str
    file: str
    sha256: str
    dry_run: bool
    id: int | None = None
    rows: int = 0
    made: int = 0
    unchanged: int = 0
    refused: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)
    errors_left_off: int = 0
    beyond: dict[str, int] = field(default_factory=dict)
    beyond_rows: list[dict[str, Any]] = field(default_factory=list)
    first: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def refuse(self, row: int, problems: Sequence[BadBet]) -> None:
        """Count a row that cannot be used, with everything that is wrong with it."""
        self.refused += 1
        for bad in problems:
            if len(self.errors) >= KEPT_ERRORS:
                self.errors_left_off += 1
                continue
            about = {"field": bad.field, "expected": bad.expected[:500], "found": bad.found}
            self.errors.append({"file": self.file, "row": row, **about})

    def break_limits(self, row: int, broken: Sequence[Broken]) -> None:
        """Count the limits that a row's bet breaks."""
        for each in broken:
            self.beyond[each.code] = self.beyond.get(each.code, 0) + 1
        if len(self.beyond_rows) < KEPT_BEYOND:
            told = holding.in_words(broken)
            self.beyond_rows.append({"file": self.file, "row": row, "limits": told})


def import_bets(
    *,
    mapping: str,
    payload: bytes,
    file: str,
    actor: str,
    now: datetime,
    dry_run: bool = False,
    most_rows: int = MOST_ROWS,
    progress: RunHandle | None = None,
) -> ImportReport:
    """Read a file of bets by a mapping; a dry run does all of it and keeps nothing.

    ``file`` is its name: without its ending and with a row's number it is the reference of a bet
    that has none.

    Raises:
        ImportRefused: no such mapping, or the file is too large, no CSV, or lacks a column.
    """
    row, spec = _mapping(mapping)
    file = PurePath(file.replace("\\", "/")).name[:250]
    rows = list(_rows(payload, spec, most=most_rows))
    report = ImportReport(row.name, file, hashlib.sha256(payload).hexdigest(), dry_run)
    told = _read(rows, spec, report)
    try:
        with transaction.atomic():
            _write(told, row, spec, report, actor=actor, now=now, progress=progress)
            if dry_run:
                transaction.set_rollback(True)
                report.id = None
    except IntegrityError as taken:
        raise ImportRefused("the same references were told meanwhile: read it again") from taken
    return report


def _write(
    told: Sequence[RowTold],
    mapping: BetMapping,
    spec: BetSpec,
    report: ImportReport,
    *,
    actor: str,
    now: datetime,
    progress: RunHandle | None,
) -> None:
    """Make the races that are missing, then the bets, portion by portion; keep what came of it."""
    about = {"mapping": mapping, "spec": mapping.spec, "file": report.file}
    made = BetImport.objects.create(
        **about, sha256=report.sha256, imported_by=actor, imported_at=now,
        rows=0, made=0, unchanged=0, refused=0,
    )  # fmt: skip
    report.id = made.pk
    selections = _races(told, spec, report, now=now)
    seen: dict[str, int] = {}
    for start in range(0, len(told), PORTION):
        done = import_rows.write(
            rows=told[start : start + PORTION],
            spec=spec,
            selections=selections,
            seen=seen,
            imported=made,
            actor=actor,
            now=now,
        )
        report.made += done.made
        report.unchanged += done.unchanged
        report.first += done.first[: import_rows.SHOWN - len(report.first)]
        for number, problems in done.refused.items():
            report.refuse(number, problems)
        for number, broken in done.beyond.items():
            report.break_limits(number, broken)
        if progress is not None:
            progress.progress(done=start + PORTION, total=len(told))
            progress.raise_if_cancelled()
    report.errors.sort(key=lambda error: error["row"])
    counts = {name: getattr(report, name) for name in ("rows", "made", "unchanged", "refused")}
    BetImport.objects.filter(pk=made.pk).update(**counts, errors=report.errors[:100])
    audit.record(
        actor=actor, action="bet.imported", subject=made, at=now, file=report.file,
        sha256=report.sha256, mapping=mapping.name, beyond=report.beyond, **counts,
    )  # fmt: skip


def _races(
    told: Sequence[RowTold], spec: BetSpec, report: ImportReport, *, now: datetime
) -> Mapping[tuple[str, str], int]:
    """Return the selections of the races that a file names, making those that are unknown."""
    if not isinstance(spec.selection, Race):
        return {}
    runners = [
        ToldRunner(**{name: getattr(row.selection, name) for name in ToldRunner.__slots__})
        for row in told
        if isinstance(row.selection, RaceTold)
    ]
    return told_races.record(
        runners=runners,
        namespace=spec.selection.namespace,
        told_by=f"{report.mapping}: {report.file}",
        now=now,
    )


def _mapping(name: str) -> tuple[BetMapping, BetSpec]:
    row = BetMapping.objects.filter(name=name).first()
    if row is None:
        known = ", ".join(BetMapping.objects.order_by("name").values_list("name", flat=True))
        raise ImportRefused(f"there is no mapping {name!r}; there are: {known or 'none'}")
    if not row.is_enabled:
        raise ImportRefused(f"the mapping {name} is switched off")
    try:
        return row, bet_mapping.read(row.spec)
    except BadMapping as bad:
        raise ImportRefused(f"the mapping {name} cannot be used: {bad}") from bad


def _read(
    rows: Sequence[tuple[int, Mapping[str, str] | BadBet]], spec: BetSpec, report: ImportReport
) -> list[RowTold]:
    """Return the rows that can be read; the others are counted with what is wrong."""
    stem, good = PurePath(report.file).stem, []
    report.rows = len(rows)
    for number, cells in rows:
        if isinstance(cells, BadBet):
            report.refuse(number, [cells])
            continue
        told = bet_rows.read(cells, spec=spec, row=number, stem=stem)
        if isinstance(told, RowTold):
            good.append(told)
        else:
            report.refuse(number, told)
    return good


def _rows(
    payload: bytes, spec: BetSpec, *, most: int
) -> Iterator[tuple[int, Mapping[str, str] | BadBet]]:
    """Yield the rows that hold anything, numbered from 1, as cells by column.

    Raises:
        ImportRefused: it is too large, no text, or its header lacks a column or has one twice.
    """
    lines = csv.reader(io.StringIO(_text(payload), newline=""), delimiter=spec.delimiter)
    try:
        header = [name.strip() for name in next(lines, [])]
        _check_header(header, spec)
        number = 0
        for cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            number += 1
            if number > most:
                raise ImportRefused(f"expected at most {most} rows: split the file")
            if len(cells) != len(header):
                yield number, BadBet("", f"{len(header)} cells", len(cells))
            elif cells == header:
                yield number, BadBet("", "one header, not a second one")
            elif any("\0" in cell for cell in cells):
                yield number, BadBet("", "text without NUL bytes")
            else:
                yield number, dict(zip(header, map(sheets.unguarded, cells), strict=True))
    except csv.Error as bad:
        raise ImportRefused(f"line {lines.line_num}: expected cells between commas: {bad}") from bad


def _text(payload: bytes) -> str:
    if not payload.strip():
        raise ImportRefused("expected a CSV file with a header, found an empty one")
    if len(payload) > LARGEST:
        raise ImportRefused(f"expected at most {LARGEST} bytes, found {len(payload)}")
    try:
        text = payload.decode("utf-8-sig")
    except UnicodeDecodeError as bad:
        raise ImportRefused(f"expected UTF-8 text; byte {bad.start} is none") from bad
    if text.lstrip()[:1] in ("<", "{"):
        raise ImportRefused("expected a CSV file, found a web page or JSON")
    return text


def _check_header(header: Sequence[str], spec: BetSpec) -> None:
    if missing := sorted(bet_mapping.columns(spec) - set(header)):
        shown = ",".join(header)[:200]
        raise ImportRefused(f"expected the columns {', '.join(missing)}, found {shown!r}")
    named = [name for name in header if name]
    if twice := sorted({name for name in named if named.count(name) > 1}):
        raise ImportRefused(f"expected each column once, found {', '.join(twice)} twice")
