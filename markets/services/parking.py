"""Records that wait, and their second reading once what they wait for is known."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from markets.models import ParkedRow, RawPayload, Source
from markets.services import archived, importing, recording
from markets.services.accounting import Accounting
from markets.services.archived import NotThere
from markets.services.waiting import Look, park
from monitoring.domain.progress import RunHandle
from monitoring.services import audit

__all__ = ["Look", "load_parked", "park"]


@dataclass(slots=True)
class _Payload:
    """The waiting records of one payload as one look saw it."""

    source: Source
    payload: RawPayload
    name: str
    fetched_at: datetime
    options: dict[str, Any]
    records: set[int] = field(default_factory=set)


def load_parked(
    *,
    name_ids: Collection[int] | None = None,
    source_code: str | None = None,
    actor: str,
    now: datetime,
    progress: RunHandle | None = None,
) -> dict[str, int]:
    """Read the waiting records again from their payloads, exactly as they came.

    All of them, those that wait for some names, or those of one source.  Idempotent: a record
    that came through is not read again, and one that still waits goes on waiting.

    Raises:
        monitoring.errors.Cancelled: somebody asked the run to stop; what was loaded stays.
    """
    rows = ParkedRow.objects.filter(state=ParkedRow.State.WAITING)
    if name_ids is not None:
        rows = rows.filter(names__in=list(name_ids)).distinct()
    if source_code is not None:
        rows = rows.filter(source__code=source_code)
    waiting = list(rows.select_related("source", "payload").order_by("pk"))
    payloads, gone = _by_payload(waiting), 0
    for done, one in enumerate(payloads):
        if progress is not None:
            progress.raise_if_cancelled()
            progress.progress(done=done, total=len(payloads), message=one.name)
        try:
            _load(one, now, progress)
        except NotThere:
            gone += len(one.records)
    left = ParkedRow.objects.filter(
        pk__in=[row.pk for row in waiting], state=ParkedRow.State.WAITING
    ).count()
    report = {"payloads": len(payloads), "loaded": len(waiting) - left, "waiting": left}
    report["gone"] = gone
    if audit.is_somebody(actor):
        audit.record(
            actor=actor, action="markets.load_parked", subject="markets.ParkedRow", at=now, **report
        )
    return report


def _by_payload(rows: Iterable[ParkedRow]) -> list[_Payload]:
    found: dict[tuple[int, str, datetime], _Payload] = {}
    for row in rows:
        one = found.setdefault(
            (row.payload_id, row.name, row.fetched_at),
            _Payload(row.source, row.payload, row.name, row.fetched_at, row.options),
        )
        one.records.add(row.record)
    return sorted(found.values(), key=lambda one: (one.fetched_at, one.name))


def _load(one: _Payload, now: datetime, progress: RunHandle | None) -> None:
    """Record the waiting records of one payload, portion by portion."""
    source = importing.as_allowed(source=one.source, options=one.options)
    for batch in archived.batches(
        payload=one.payload,
        name=one.name,
        options=one.options,
        fetched_at=one.fetched_at,
        source=one.source,
    ):
        records = one.records & Accounting(batch, batch.all_prices()).told()
        if records:
            recording.record(
                batch=batch.only(records),
                source=source,
                now=now,
                fetched_at=one.fetched_at,
                look=Look(one.payload.pk, one.name, one.options),
                progress=progress,
            )
