"""Results: the first telling is version 1, a different later one is a correction."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from markets.connectors.base import ParsedResult
from markets.models import Event, Result, Source
from markets.services.counts import ResultCounts
from markets.services.naming import Tell

STATUS = {
    Result.Status.FINAL: Event.Status.FINISHED,
    Result.Status.ABANDONED: Event.Status.ABANDONED,
    Result.Status.POSTPONED: Event.Status.POSTPONED,
    Result.Status.CANCELLED: Event.Status.CANCELLED,
}


def record_results(
    *,
    results: Sequence[ParsedResult],
    events: Mapping[str, Event],
    source: Source,
    now: datetime,
    tell: Tell,
) -> ResultCounts:
    """Append a version for each event whose result is new, or told differently than before.

    The world could know a first version from the moment its source gives; a correction only
    from ``now`` on.  Where another source has spoken first and differently, its word stands and
    the difference is told.
    """
    told = {events[result.event_ref].pk: result for result in results if result.event_ref in events}
    latest = _latest(told)
    counts, rows = ResultCounts(), []
    for event_id, parsed in sorted(told.items()):
        before = latest.get(event_id)
        if before is not None and _same(before, parsed):
            counts.unchanged += 1
            continue
        if before is not None and before.source_id != source.pk:
            tell("result", f"the result of {before.source} for event {event_id}: {before}")
            counts.unchanged += 1
            continue
        counts.new += before is None
        counts.corrected += before is not None
        rows.append(_version(event_id, parsed, before, source, now))
    Result.objects.bulk_create(rows, batch_size=2_000)
    _follow(rows, events)
    return counts


def _latest(event_ids: Iterable[int]) -> dict[int, Result]:
    rows = (
        Result.objects.filter(event_id__in=list(event_ids))
        .select_related("source")
        .order_by("event_id", "-version")
        .distinct("event_id")
    )
    return {row.event_id: row for row in rows}


def _same(before: Result, told: ParsedResult) -> bool:
    """Compare what both of them tell; a half-time score left out contradicts nothing."""
    if (before.status, before.home_score, before.away_score) != (
        told.status,
        told.home_score,
        told.away_score,
    ):
        return False
    half = (told.home_score_half, told.away_score_half)
    return None in half or half == (before.home_score_half, before.away_score_half)


def _version(
    event_id: int, told: ParsedResult, before: Result | None, source: Source, now: datetime
) -> Result:
    first_known = min(told.known_at or now, now)
    return Result(
        event_id=event_id,
        version=before.version + 1 if before else 1,
        status=told.status,
        home_score=told.home_score,
        away_score=told.away_score,
        home_score_half=told.home_score_half,
        away_score_half=told.away_score_half,
        source=source,
        known_at=max(now, before.known_at) if before else first_known,
        recorded_at=now,
    )


def _follow(rows: Sequence[Result], events: Mapping[str, Event]) -> None:
    """Give each event the status of its newest result."""
    by_id = {event.pk: event for event in events.values()}
    changed: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        event = by_id[row.event_id]
        if event.status != STATUS[Result.Status(row.status)]:
            event.status = STATUS[Result.Status(row.status)]
            changed[event.status].append(event.pk)
    for status, event_ids in sorted(changed.items()):
        Event.objects.filter(pk__in=event_ids).update(status=status)
