"""Replaying the archive: what was read is read again, and must come to the same prices.

Prices carry the moment of the look that brought them.  A replay takes the prices of the chosen
looks out of the history, reads their payloads again in the order in which they came, and compares.
Unless it is to rewrite, everything is rolled back.  Each competition is held meanwhile, so loads
of it wait.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from markets.connectors.base import ParsedBatch
from markets.models import PayloadLook, Source
from markets.services import archived, copying, importing, recording
from markets.services.counts import Counts
from markets.services.salvaging import Salvage
from monitoring.domain.progress import RunHandle
from monitoring.errors import Refused
from monitoring.services import audit

_PRICES = """
SELECT selection_id, book_id::bigint, seen_at, (price * 1000)::bigint, mark::bigint, fetched_at
FROM markets_pricesnapshot WHERE fetched_at = ANY(%(moments)s)
ORDER BY selection_id, book_id, seen_at
"""
_KINDS = (
    copying.BIGINT, copying.BIGINT, copying.MOMENT, copying.BIGINT, copying.BIGINT, copying.MOMENT,
)  # fmt: skip
# A latest price whose own history is gone would pass for known, and what was lost stay lost.
_KEEP_LATEST = """
CREATE TEMP TABLE replayed_latest ON COMMIT DROP AS
SELECT * FROM (
    SELECT l.selection_id, l.book_id, l.price, l.previous_price, l.seen_at, l.confirmed_at, l.mark,
           NOT EXISTS (
               SELECT FROM markets_pricesnapshot s
               WHERE s.selection_id = l.selection_id AND s.book_id = l.book_id
                 AND s.seen_at = l.seen_at
           ) AS has_lost_its_history
    FROM markets_latestprice l
) l
WHERE l.has_lost_its_history OR EXISTS (
    SELECT FROM markets_pricesnapshot s
    WHERE s.selection_id = l.selection_id AND s.book_id = l.book_id
      AND s.fetched_at = ANY(%(moments)s)
)
"""
_TAKE_OUT = "DELETE FROM markets_pricesnapshot WHERE fetched_at = ANY(%(moments)s)"
_FORGET_LATEST = """
DELETE FROM markets_latestprice l USING replayed_latest r
WHERE l.selection_id = r.selection_id AND l.book_id = r.book_id
"""
_LATEST_OF_THE_REST = """
INSERT INTO markets_latestprice
    (selection_id, book_id, price, previous_price, seen_at, confirmed_at, mark)
SELECT selection_id, book_id, price, previous_price, seen_at, seen_at, mark
FROM (
    SELECT s.*, lag(s.price) OVER by_time AS previous_price,
           row_number() OVER (PARTITION BY s.selection_id, s.book_id ORDER BY s.seen_at DESC) AS n
    FROM markets_pricesnapshot s JOIN replayed_latest r
      ON r.selection_id = s.selection_id AND r.book_id = s.book_id
    WINDOW by_time AS (PARTITION BY s.selection_id, s.book_id ORDER BY s.seen_at)
) history WHERE n = 1
"""
#: Looks that are not replayed confirmed prices too: what they said stays said.
_CONFIRM_AGAIN = """
UPDATE markets_latestprice l SET confirmed_at = r.confirmed_at FROM replayed_latest r
WHERE l.selection_id = r.selection_id AND l.book_id = r.book_id
  AND l.seen_at = r.seen_at AND l.price = r.price AND l.confirmed_at < r.confirmed_at
"""


#: What the looks did not tell again (its months were retired) stands as before.
_STAND_AGAIN = """
INSERT INTO markets_latestprice
    (selection_id, book_id, price, previous_price, seen_at, confirmed_at, mark)
SELECT selection_id, book_id, price, previous_price, seen_at, confirmed_at, mark
FROM replayed_latest r
WHERE r.has_lost_its_history AND NOT EXISTS (
    SELECT FROM markets_pricesnapshot s
    WHERE s.selection_id = r.selection_id AND s.book_id = r.book_id
      AND s.fetched_at = ANY(%(moments)s)
)
ON CONFLICT (selection_id, book_id) DO UPDATE SET
    price = excluded.price, previous_price = excluded.previous_price,
    seen_at = excluded.seen_at, confirmed_at = excluded.confirmed_at, mark = excluded.mark
WHERE markets_latestprice.seen_at < excluded.seen_at
"""


class NothingToReplay(Refused):
    """No such source, or no look of it in that time."""


@dataclass(frozen=True, slots=True)
class _History:
    """The prices of some looks: how many, and the digest of all of them in order."""

    count: int
    digest: str


def replay(
    *,
    source_code: str,
    since: date,
    until: date,
    actor: str,
    now: datetime,
    rewrite: bool = False,
    progress: RunHandle | None = None,
) -> dict[str, Any]:
    """Read again what a source brought from one day up to another (UTC, both included).

    Returns how many prices the looks had and have, and whether every one of them is equal.

    Raises:
        NothingToReplay: there is nothing to read again.
        archived.NotThere: a payload is in the archive no more; nothing was changed.
    """
    source = Source.objects.filter(code=source_code).first()
    if source is None:
        raise NothingToReplay(f"there is no source {source_code!r}")
    looks = list(_looks(source, since, until))
    if not looks:
        raise NothingToReplay(f"{source_code} was not read from {since} to {until}")
    with transaction.atomic():
        report = _replay(source, looks, now=now, progress=progress)
        if rewrite:
            audit.record(
                actor=actor,
                action="markets.replay_archive",
                subject=source,
                at=now,
                since=str(since),
                until=str(until),
                **report,
            )
        else:
            transaction.set_rollback(True)
    return {
        "source": source_code,
        "since": str(since),
        "until": str(until),
        **report,
        "is_rewritten": rewrite,
    }


def _looks(source: Source, since: date, until: date) -> QuerySet[PayloadLook]:
    first = datetime.combine(since, time.min, tzinfo=UTC)
    end = datetime.combine(until, time.min, tzinfo=UTC) + timedelta(days=1)
    found = PayloadLook.objects.filter(
        fetch__source=source, fetched_at__gte=first, fetched_at__lt=end
    )
    return found.select_related("payload").order_by("fetched_at", "fetch_id", "ordinal")


def _replay(
    source: Source, looks: Sequence[PayloadLook], *, now: datetime, progress: RunHandle | None
) -> dict[str, Any]:
    moments = {"moments": [look.fetched_at for look in looks]}
    before = _history(moments)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '1h'")
        cursor.execute("DROP TABLE IF EXISTS replayed_latest")
        for statement in (_KEEP_LATEST, _TAKE_OUT):
            cursor.execute(statement, moments)
        for statement in (_FORGET_LATEST, _LATEST_OF_THE_REST):
            cursor.execute(statement)
    problems = 0
    for number, look in enumerate(looks):
        if progress is not None:
            progress.raise_if_cancelled()
            progress.progress(done=number, total=len(looks), message=look.name)
        problems += _read_again(source, look, now=now)
    with connection.cursor() as cursor:
        cursor.execute(_STAND_AGAIN, moments)
        cursor.execute(_CONFIRM_AGAIN)
    after = _history(moments)
    return {
        "looks": len(looks),
        "prices_before": before.count,
        "prices_after": after.count,
        "equal": before == after,
        "digest": after.digest,
        "problems": problems,
    }


def _read_again(source: Source, look: PayloadLook, *, now: datetime) -> int:
    """Record a look's payload as it was; return how many problems it told."""
    allowed = importing.as_allowed(source=source, options=look.options)
    batches = archived.batches(
        payload=look.payload,
        name=look.name,
        options=look.options,
        fetched_at=look.fetched_at,
        source=source,
    )

    def record(batch: ParsedBatch) -> Counts:
        return recording.record(batch=batch, source=allowed, now=now, fetched_at=look.fetched_at)

    salvage = Salvage(record)
    return sum(len(counts.problems) for batch in batches for counts in salvage.counts(batch))


def _history(moments: dict[str, Any]) -> _History:
    columns = copying.read_columns(query=_PRICES, parameters=moments, kinds=_KINDS)
    digest = hashlib.sha256()
    for column in columns:
        digest.update(column.astype("<i8").tobytes())
    return _History(len(columns[0]), digest.hexdigest())
