"""Reading a source: payloads kept, taken apart, recorded one by one, and the look written down."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from time import perf_counter
from typing import Any

from django.db import transaction

from markets.connectors.base import AskingConnector, Connector
from markets.connectors.registry import CONNECTORS
from markets.models import Fetch, FetchProblem, Source
from markets.services import arriving, breaking, reading, sources, taking
from markets.services.look_report import LookReport
from monitoring.domain.progress import RunHandle
from monitoring.errors import Cancelled, OutsideFailed, Refused
from monitoring.services import audit

PROBLEMS_AT_MOST = 10_000  # written down with one look; all of them are in what it returns


class UnknownSource(Refused):
    """No source of this code is read by this product."""


class SourceDisabled(Refused):
    """An operator has switched this source off."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What was asked for: read these places of this source, or ask it."""

    source: Source
    connector: Connector
    places: list[reading.Place] | None  # None: the connector asks
    since: date | None
    now: datetime
    began: float
    progress: RunHandle | None

    @property
    def asks(self) -> bool:
        """Say whether anything is asked over HTTP."""
        return self.places is None or any(place.path is None for place in self.places)

    @property
    def is_live(self) -> bool:
        """Say whether prices of now are asked for."""
        return self.places is None and self.since is None and reading.is_live(self.source)

    def later(self) -> datetime:
        return self.now + timedelta(seconds=perf_counter() - self.began)


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

    A source whose connector knows what to ask is asked where no place is named.  Each portion of
    a payload is a transaction of its own: one that cannot be used loses none of the others.  The
    audit tells of what somebody asked for; of what the clock did, the look tells.  ``since``
    leaves out events that start earlier.  A dry run counts and writes nothing.

    Raises:
        UnknownSource, SourceDisabled, LeftAlone: and nothing was looked at.
        NothingToRead: there is no such place; a look is written down where it is the source's own.
        NoCredentials, CannotBeAsked: a secret is missing, or an option is wrong; likewise.
        OutsideFailed: the address did not answer; the look is written down as failed, and what
            came before it stays.
        Cancelled: somebody asked the run to stop; what was done stays.
    """
    began = perf_counter()
    source, connector = _source(source_code, now=now)
    try:
        places, origin = _places(source, connector, path=path, url=url)
    except reading.NothingToRead as nothing:
        if source.location and path is None and url is None and not dry_run:
            _note_absence(source, str(nothing), now=now)
        raise
    wanted = _Wanted(source, connector, places, since, now, began, progress)
    if dry_run:
        report = _without_effect(wanted)
    else:
        if wanted.asks:
            breaking.ask_leave(source=source, now=now)
        report = _look(wanted, origin=origin, actor=actor)
    return report.as_dict(source.code, seconds=perf_counter() - began)


def _source(code: str, *, now: datetime) -> tuple[Source, Connector]:
    sources.ensure_default_sources(now=now)
    source, connector = Source.objects.filter(code=code).first(), CONNECTORS.get(code)
    if source is None or connector is None:
        raise UnknownSource(f"{code!r} is none of {', '.join(sorted(CONNECTORS))}")
    if not source.is_enabled:
        raise SourceDisabled(f"{code} is switched off: {source.disabled_reason}")
    return source, connector


def _places(
    source: Source, connector: Connector, *, path: str | None, url: str | None
) -> tuple[list[reading.Place] | None, str]:
    """Return what is read, None where the connector is to ask; and how the look is titled."""
    is_named = path is not None or url is not None
    own = not source.location or reading.is_address(source.location)
    if not is_named and own and isinstance(connector, AskingConnector):
        return None, source.location or f"{source.code}: as its options say"
    places = reading.places(source=source, connector=connector, path=path, url=url)
    return places, path or url or source.location


def _note_absence(source: Source, error: str, *, now: datetime) -> None:
    """Write down that nothing lies where the source's own data should."""
    Fetch.objects.create(
        source=source,
        origin=source.location[:500],
        state=Fetch.State.FAILED,
        started_at=now,
        finished_at=now,
        error=error,
        error_kind=Fetch.ErrorKind.BAD_PAYLOAD,
    )
    breaking.note_failure(source=source, kind=Fetch.ErrorKind.BAD_PAYLOAD, is_asked=False, now=now)


def _without_effect(wanted: _Wanted) -> LookReport:
    """Read, count, and roll everything back."""
    report = LookReport()
    with transaction.atomic():
        _read(wanted, None, report)
        transaction.set_rollback(True)
    return report


def _look(wanted: _Wanted, *, origin: str, actor: str) -> LookReport:
    """Read, and write down the look and how it ended."""
    source, now = wanted.source, wanted.now
    shown = arriving.shown(origin)
    fetch = Fetch.objects.create(source=source, origin=shown[:500], started_at=now)
    report = LookReport()
    try:
        _read(wanted, fetch, report)
    except Cancelled:
        _finish(fetch, wanted, report, error="cancelled", kind=Fetch.ErrorKind.CANCELLED)
        raise
    except Exception as fault:
        _finish(fetch, wanted, report, error=f"{type(fault).__name__}: {fault}", fault=fault)
        raise
    _finish(fetch, wanted, report)
    if audit.is_somebody(actor):
        audit.record(
            actor=actor,
            action="markets.ingest",
            subject=source,
            at=now,
            origin=fetch.origin,
            problems=len(report.problems) + report.unlisted,
            files=report.files,
            rows=report.rows._asdict(),
            **report.counts,
        )
    return report


def _read(wanted: _Wanted, fetch: Fetch | None, report: LookReport) -> None:
    """Take what arrives, one payload after the other."""
    progress = wanted.progress
    total = None if wanted.places is None else len(wanted.places)
    taker = taking.Taker(
        source=wanted.source,
        connector=wanted.connector,
        report=report,
        since=wanted.since,
        now=wanted.now,
        fetch=fetch,
        progress=progress,
        is_live=wanted.is_live,
    )
    arrivals = arriving.arrivals(
        source=wanted.source,
        connector=wanted.connector,
        places=wanted.places,
        since=wanted.since,
        now=wanted.now,
        began=wanted.began,
        report=report,
        asks_whole=fetch is None,
    )
    done = 0
    with closing(arrivals):
        for arrival in arrivals:
            if progress is not None:
                progress.raise_if_cancelled()
                progress.progress(done=done, total=total, message=arrival.name)
            with arrival:
                taker.take(arrival)
            done += 1
    if progress is not None:
        progress.progress(done=done, total=done)


def _finish(
    fetch: Fetch,
    wanted: _Wanted,
    report: LookReport,
    *,
    error: str = "",
    kind: str = "",
    fault: Exception | None = None,
) -> None:
    """Write down how the look ended, with its problems."""
    if fault is not None:
        kind = _kind_of(fault)
    elif not error and not report.files:
        error = f"nothing could be read: expected {report.first_problem}"
        kind = report.error_kind or Fetch.ErrorKind.BAD_PAYLOAD
    has_failed = bool(error)
    with transaction.atomic():
        Fetch.objects.filter(pk=fetch.pk).update(
            state=Fetch.State.FAILED if has_failed else report.state,
            finished_at=wanted.later(),
            counts={"files": report.files, **report.counts, "refused": dict(report.refused)},
            error=error,
            error_kind=kind if has_failed else "",
            latency_ms=round(report.asked_seconds * 1000) if wanted.asks else None,
            bytes=report.bytes,
            **{f"rows_{name}": value for name, value in report.rows._asdict().items()},
        )
        _note(wanted, kind=kind, has_failed=has_failed, wait=getattr(fault, "wait", 0.0))
        FetchProblem.objects.bulk_create(
            [
                FetchProblem(
                    fetch=fetch,
                    file=problem.file[:500],
                    row=problem.row,
                    field=problem.field[:60],
                    message=problem.message[:500],
                    is_rejection=problem.is_rejection,
                )
                for problem in report.problems[:PROBLEMS_AT_MOST]
            ],
            batch_size=2_000,
        )


def _note(wanted: _Wanted, *, kind: str, has_failed: bool, wait: float) -> None:
    """Write down with the source how the look ended; a look that was stopped says nothing."""
    source, now = wanted.source, wanted.now
    if not has_failed:
        breaking.note_success(source=source, now=now)
    elif kind != Fetch.ErrorKind.CANCELLED:
        breaking.note_failure(source=source, kind=kind, wait=wait, is_asked=wanted.asks, now=now)


def _kind_of(fault: Exception) -> str:
    """Tell of which kind a failure is; a fault that is not the outside's is ours."""
    told = str(getattr(fault, "kind", ""))
    if told:
        return told
    if isinstance(fault, OutsideFailed):
        is_rate = "TOO_MANY" in str(fault)
        return Fetch.ErrorKind.RATE_LIMITED if is_rate else Fetch.ErrorKind.ERROR_BODY
    return Fetch.ErrorKind.FAULT


def is_failure(report: Mapping[str, Any]) -> bool:
    """Say whether nothing at all could be read."""
    return not report["files"]
