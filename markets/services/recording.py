"""The one way into the tables: whatever a connector parsed, in one transaction."""

import zlib
from datetime import datetime

from django.db import connection, transaction

from markets.connectors.base import ParsedBatch, Problem
from markets.models import Source
from markets.services import cataloguing, naming, pricing, resulting
from markets.services.counts import Counts
from monitoring.domain.progress import RunHandle
from monitoring.services import audit

_LOCK = 0x6D6B7472


@transaction.atomic
def record(
    *,
    batch: ParsedBatch,
    source: Source,
    now: datetime,
    fetched_at: datetime | None = None,
    progress: RunHandle | None = None,
) -> Counts:
    """Bring a parsed batch into the tables; recording it again changes nothing.

    What a load brought stands with its look or its run, not in the audit: prices move every few
    seconds.  A corrected result stands there, because money is moved again after it.

    What cannot be used (an unknown name, a price that contradicts the stored one) comes back
    among the counts' problems, and everything else is stored.  ``fetched_at``: when the payload
    reached us, if that was before ``now``.

    Raises:
        monitoring.errors.Cancelled: somebody asked the run to stop; nothing is stored.
    """
    if progress is not None:
        progress.raise_if_cancelled()
    counts = Counts(problems=list(batch.problems))

    def tell(field: str, message: str) -> None:
        counts.problems.append(Problem("", None, field, message[:500]))

    _hold({event.competition for event in batch.events})
    names = naming.resolve(batch=batch, source=source, tell=tell)
    catalogue = cataloguing.record_events(
        events=batch.events, results=batch.results, names=names, tell=tell
    )
    counts.events = catalogue.counts
    counts.event_ids = {ref: event.pk for ref, event in catalogue.events.items()}
    counts.prices = pricing.record_prices(
        prices=batch.prices,
        catalogue=catalogue,
        books=names.books,
        fetched_at=fetched_at or now,
        tell=tell,
    )
    counts.results = resulting.record_results(
        results=batch.results, events=catalogue.events, source=source, now=now, tell=tell
    )
    if counts.results.corrected:
        actor = progress.actor if progress is not None else f"source:{source.code}"
        audit.record(
            actor=actor,
            action="markets.correct_results",
            subject=source,
            at=now,
            corrected=counts.results.corrected,
        )
    return counts


def _hold(competitions: set[str]) -> None:
    """Let one load at a time touch a competition, taking several in one order.

    The wait may be as long as another load's transaction, so it gets more time than a request.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '10min'")
        cursor.execute("SET LOCAL statement_timeout = '10min'")
        for key in sorted({zlib.crc32(code.encode()) & 0x7FFFFFFF for code in competitions}):
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, key])
