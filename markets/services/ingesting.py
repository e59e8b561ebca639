"""Reading a source: payloads kept, taken apart, recorded one by one, and the look written down."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from time import perf_counter
from typing import Any

from django.db import DataError, IntegrityError, transaction

from markets.connectors.base import Connector, ParsedBatch, Problem
from markets.connectors.registry import CONNECTORS
from markets.models import Fetch, FetchProblem, Source
from markets.services import archiving, reading, recording, sources
from markets.services.counts import Counts
from markets.services.reading import Place
from monitoring.domain.progress import RunHandle
from monitoring.errors import Cancelled, Refused
from monitoring.services import audit

PARTS = ("events", "prices", "results")


class UnknownSource(Refused):
    """No source of this code is read by this product."""


class SourceDisabled(Refused):
    """An operator has switched this source off."""


@dataclass(slots=True)
class _Report:
    """What one look brought; ``files`` counts those that could be read."""

    files: int = 0
    counts: dict[str, dict[str, int]] = field(default_factory=lambda: Counts().as_json())
    problems: list[Problem] = field(default_factory=list)

    def add(self, counts: Counts) -> None:
        self.files += 1
        for part, figures in counts.as_json().items():
            for name, figure in figures.items():
                self.counts[part][name] += figure

    @property
    def changed_anything(self) -> bool:
        return any(
            figure
            for figures in self.counts.values()
            for name, figure in figures.items()
            if name != "unchanged"
        )

    def as_dict(self, source: Source, *, seconds: float) -> dict[str, Any]:
        return {
            "source": source.code,
            "files": self.files,
            **{part: dict(self.counts[part]) for part in PARTS},
            "problems": [
                {
                    "file": problem.file,
                    "row": problem.row,
                    "field": problem.field,
                    "message": problem.message,
                }
                for problem in self.problems
            ],
            "seconds": round(seconds, 3),
        }


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked for: read these places of this source."""

    source: Source
    connector: Connector
    places: list[Place]
    origin: str
    since: date | None
    now: datetime
    progress: RunHandle | None


def ingest(
    *,
    source_code: str,
    path: str | None = None,
    url: str | None = None,
    since: date | None = None,
    dry_run: bool = False,
    actor: str,
    now: datetime,
    progress: RunHandle | None = None,
) -> dict[str, Any]:
    """Read a file, a folder or an address, else the source's own location; return the counts.

    Each file is a transaction of its own: one that cannot be used loses none of the others.
    The audit tells of what somebody asked for; of what the clock did, the look tells.
    ``since`` leaves out events that start earlier.  A dry run counts and writes nothing.

    Raises:
        UnknownSource, SourceDisabled, NothingToRead: and nothing was looked at.
        OutsideFailed: the address did not answer; the look is written down as failed.
        Cancelled: somebody asked the run to stop; files that were done stay.
    """
    began = perf_counter()
    source, connector = _source(source_code, now=now)
    places = reading.places(source=source, suffix=connector.suffix, path=path, url=url)
    asked = _Asked(source, connector, places, path or url or source.location, since, now, progress)
    report = _without_effect(asked) if dry_run else _look(asked, actor=actor, began=began)
    return report.as_dict(source, seconds=perf_counter() - began)


def _without_effect(asked: _Asked) -> _Report:
    """Read, count, and roll everything back."""
    with transaction.atomic():
        report = _read(asked, is_kept=False)
        transaction.set_rollback(True)
    return report


def _look(asked: _Asked, *, actor: str, began: float) -> _Report:
    """Read, and write down the look and how it ended."""
    source, now = asked.source, asked.now
    fetch = Fetch.objects.create(source=source, origin=asked.origin[:500], started_at=now)
    try:
        report = _read(asked, is_kept=True)
    except Cancelled:
        _finish(fetch, source, None, at=_later(now, began), error="cancelled")
        raise
    except Exception as fault:
        _finish(
            fetch, source, None, at=_later(now, began), error=f"{type(fault).__name__}: {fault}"
        )
        sources.note_failure(source=source, now=now)
        raise
    _finish(fetch, source, report, at=_later(now, began))
    if audit.is_somebody(actor):
        audit.record(
            actor=actor,
            action="markets.ingest",
            subject=source,
            at=now,
            origin=fetch.origin,
            problems=len(report.problems),
            files=report.files,
            **report.counts,
        )
    return report


def _source(code: str, *, now: datetime) -> tuple[Source, Connector]:
    sources.ensure_default_sources(now=now)
    source, connector = Source.objects.filter(code=code).first(), CONNECTORS.get(code)
    if source is None or connector is None:
        raise UnknownSource(f"{code!r} is none of {', '.join(sorted(CONNECTORS))}")
    if not source.is_enabled:
        raise SourceDisabled(f"{code} is switched off: {source.disabled_reason}")
    return source, connector


def _read(asked: _Asked, *, is_kept: bool) -> _Report:
    report, progress, total = _Report(), asked.progress, len(asked.places)
    found = reading.payloads(places=asked.places, source=asked.source)
    for done, (place, payload) in enumerate(found):
        if progress is not None:
            progress.raise_if_cancelled()
            progress.progress(done=done, total=total, message=place.name)
        if isinstance(payload, Exception):
            report.problems.append(Problem(place.name, None, "", f"a readable file: {payload}"))
            continue
        if is_kept:
            archiving.archive(
                payload=payload, source=asked.source, origin=place.origin, now=asked.now
            )
        batch = asked.connector.parse(payload, name=place.name, fetched_at=asked.now)
        _record(batch, place, asked, report)
    if progress is not None:
        progress.progress(done=total, total=total)
    return report


def _record(batch: ParsedBatch, place: Place, asked: _Asked, report: _Report) -> None:
    """Record one file's batch, or say why it cannot be."""
    if not batch.events and any(problem.row is None for problem in batch.problems):
        report.problems += batch.problems
        return
    batch = batch if asked.since is None else _since(batch, asked.since)
    try:
        counts = recording.record(
            batch=batch, source=asked.source, now=asked.now, progress=asked.progress
        )
    except (DataError, IntegrityError) as unstorable:
        first_line = str(unstorable).partition("\n")[0]
        report.problems += [
            *batch.problems,
            Problem(place.name, None, "", f"values that the tables can hold: {first_line}"),
        ]
        return
    report.add(counts)
    report.problems += [
        problem if problem.file else replace(problem, file=place.name)
        for problem in counts.problems
    ]


def _since(batch: ParsedBatch, since: date) -> ParsedBatch:
    events = [event for event in batch.events if event.starts_at.date() >= since]
    kept = {event.ref for event in events}
    return replace(
        batch,
        events=events,
        prices=[price for price in batch.prices if price.event_ref in kept],
        results=[result for result in batch.results if result.event_ref in kept],
    )


def _later(now: datetime, began: float) -> datetime:
    return now + timedelta(seconds=perf_counter() - began)


def _finish(
    fetch: Fetch, source: Source, report: _Report | None, *, at: datetime, error: str = ""
) -> None:
    """Write down how the look ended, with every problem."""
    state = Fetch.State.FAILED
    if report is not None and report.files:
        state = Fetch.State.NEW_DATA if report.changed_anything else Fetch.State.NOTHING_NEW
    elif report is not None:
        error = "nothing could be read"
    with transaction.atomic():
        Fetch.objects.filter(pk=fetch.pk).update(
            state=state,
            finished_at=at,
            counts=_counts_of(report),
            error=error,
        )
        if report is not None:
            note = sources.note_success if report.files else sources.note_failure
            note(source=source, now=fetch.started_at)
        FetchProblem.objects.bulk_create(
            [
                FetchProblem(
                    fetch=fetch,
                    file=problem.file[:500],
                    row=problem.row,
                    field=problem.field[:60],
                    message=problem.message[:500],
                )
                for problem in (report.problems if report else ())
            ],
            batch_size=2_000,
        )


def _counts_of(report: _Report | None) -> Mapping[str, object]:
    return {} if report is None else {"files": report.files, **report.counts}


def is_failure(report: Mapping[str, Any]) -> bool:
    """Say whether nothing at all could be read."""
    return not report["files"]
