"""Opening and closing prices of events that have started, with the margin taken off."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from markets import queries
from markets.domain import kinds, odds
from markets.models import Event
from markets.services import copying, planning
from monitoring.domain.progress import RunHandle

CHUNK = 1_000
INCOMPLETE = "incomplete market"

_QUOTED = """
SELECT m.id, array_position(%(kinds)s::text[], m.kind::text)::bigint, p.selection_id, p.book_id,
       p.seen_at, (p.price * 1000)::bigint,
       CASE WHEN l.seen_at = p.seen_at THEN l.confirmed_at ELSE p.seen_at END,
       coalesce(e.started_at, e.starts_at)
FROM markets_event e
JOIN markets_market m ON m.event_id = e.id
JOIN markets_selection s ON s.market_id = m.id
JOIN markets_pricesnapshot p ON p.selection_id = s.id
    AND p.seen_at < coalesce(e.started_at, e.starts_at)
JOIN markets_latestprice l ON l.selection_id = p.selection_id AND l.book_id = p.book_id
WHERE e.id = ANY(%(events)s) AND p.seen_at >= %(since)s AND p.seen_at < %(until)s
    AND m.kind = ANY(%(kinds)s)
"""
_QUOTED_KINDS = ("bigint",) * 4 + ("moment", "bigint", "moment", "moment")
_INCOMING = """
CREATE TEMP TABLE incoming_close (
    selection_id bigint, book_id bigint, opening_price numeric(9, 3), opened_at timestamptz,
    price numeric(9, 3), seen_at timestamptz, confirmed_at timestamptz, starts_at timestamptz,
    overround float8, fair_probability float8, method bigint
) ON COMMIT DROP
"""
_INCOMING_KINDS = (
    "bigint", "bigint", "price", "moment", "price", "moment", "moment", "moment",
    "float", "float", "bigint",
)  # fmt: skip
_COLUMNS = (
    "selection_id", "book_id", "opening_price", "opened_at", "price", "seen_at", "confirmed_at",
    "starts_at", "overround", "fair_probability", "method",
)  # fmt: skip
_UPSERT = """
INSERT INTO markets_closingprice (selection_id, book_id, opening_price, opened_at, price, seen_at,
    confirmed_at, starts_at, overround, fair_probability, method)
SELECT selection_id, book_id, opening_price, opened_at, price, seen_at, confirmed_at, starts_at,
    nullif(overround, 'NaN'), nullif(fair_probability, 'NaN'), (%s::text[])[method + 1]
FROM incoming_close
ON CONFLICT (selection_id, book_id) DO UPDATE SET
    opening_price = excluded.opening_price, opened_at = excluded.opened_at,
    price = excluded.price, seen_at = excluded.seen_at, confirmed_at = excluded.confirmed_at,
    starts_at = excluded.starts_at, overround = excluded.overround,
    fair_probability = excluded.fair_probability, method = excluded.method
"""
_FORGET = """
DELETE FROM markets_closingprice c
USING markets_selection s, markets_market m, markets_event e
WHERE s.id = c.selection_id AND m.id = s.market_id AND e.id = m.event_id
    AND e.id = ANY(%s) AND c.starts_at <> coalesce(e.started_at, e.starts_at)
"""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Quotes:
    """Columns of prices: moments in microseconds since 1970, prices in thousandths."""

    market: Ints
    kind: Ints  # 1-based place in KINDS
    selection: Ints
    book: Ints
    seen: Ints
    price: Ints
    confirmed: Ints
    start: Ints

    def at(self, rows: Ints) -> "_Quotes":
        return _Quotes(*(getattr(self, name)[rows] for name in self.__slots__))


KINDS = tuple(sorted(kinds.ROLES))


def record_closes(
    *,
    as_of: datetime,
    now: datetime,
    event_ids: Collection[int] | None = None,
    progress: RunHandle | None = None,
) -> int:
    """Record the closes of the events that started by ``as_of``; return how many events.

    An event is due once it has started, and again when its start moves or an earlier price
    arrives late.  ``event_ids`` looks at these events alone.
    """
    due = queries.events_awaiting_close(as_of=as_of)
    if event_ids is not None:
        due = due.filter(pk__in=list(event_ids))
    ids = list(due.order_by("starts_at", "pk").values_list("pk", flat=True))
    if len(ids) >= planning.MANY_EVENTS:
        planning.refresh_statistics()
    for start in range(0, len(ids), CHUNK):
        if progress is not None:
            progress.raise_if_cancelled()
            progress.progress(done=start, total=len(ids), message="closing prices")
        _record_chunk(ids[start : start + CHUNK])
    return len(ids)


@transaction.atomic
def _record_chunk(event_ids: Sequence[int]) -> None:
    """Record one chunk; the rows are held so that a moved start waits until they are written."""
    held = Event.objects.filter(pk__in=event_ids).order_by("pk").select_for_update()
    starts = [event.started_at or event.starts_at for event in held]
    quotes = _quotes(event_ids, since=min(starts) - queries.LONGEST_STANDING, until=max(starts))
    first, last = _first_and_last(quotes)
    closes = quotes.at(last)
    overround, fair, method, names = _margin_free(closes)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS incoming_close")
        cursor.execute(_INCOMING)
        copying.copy_columns(
            table="incoming_close",
            names=_COLUMNS,
            kinds=_INCOMING_KINDS,
            columns=[
                closes.selection,
                closes.book,
                quotes.price[first],
                quotes.seen[first],
                closes.price,
                closes.seen,
                np.minimum(closes.confirmed, closes.start),
                closes.start,
                overround,
                fair,
                method,
            ],
        )
        cursor.execute(_UPSERT, [names])
        cursor.execute(_FORGET, [list(event_ids)])
    Event.objects.filter(pk__in=event_ids).update(close_recorded_for=queries.event_start())


def _quotes(event_ids: Sequence[int], *, since: datetime, until: datetime) -> _Quotes:
    """Return every price seen before the start, by market, book, selection and time.

    Several events are joined by hashing whatever the planner believes: right after a load its
    statistics may still say that the tables are empty, and nested loops would take hours.
    """
    if len(event_ids) >= planning.SEVERAL_EVENTS:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_nestloop = off")
    asked = {"events": list(event_ids), "since": since, "until": until, "kinds": list(KINDS)}
    quotes = _Quotes(*copying.read_columns(query=_QUOTED, parameters=asked, kinds=_QUOTED_KINDS))
    return quotes.at(np.lexsort((quotes.seen, quotes.selection, quotes.book, quotes.market)))


def _first_and_last(quotes: _Quotes) -> tuple[Ints, Ints]:
    """Return the positions of each selection's and book's first and last price."""
    if not quotes.seen.size:
        return quotes.seen, quotes.seen
    same = (quotes.selection[1:] == quotes.selection[:-1]) & (quotes.book[1:] == quotes.book[:-1])
    edges = np.flatnonzero(~same)
    return np.append(0, edges + 1), np.append(edges, quotes.seen.size - 1)


def _margin_free(closes: _Quotes) -> tuple[Floats, Floats, Ints, list[str]]:
    """Return each close's overround, fair probability and method, as a place in the names."""
    overround, fair = np.full((2, closes.seen.size), np.nan)
    names = [INCOMPLETE]
    method = np.zeros(closes.seen.size, dtype=np.int64)
    begins = np.flatnonzero(
        np.append(
            closes.seen.size > 0,
            (closes.market[1:] != closes.market[:-1]) | (closes.book[1:] != closes.book[:-1]),
        )
    )
    sizes = np.diff(np.append(begins, closes.seen.size))
    for number, kind in enumerate(KINDS, start=1):
        n = len(kinds.ROLES[kind])
        whole = begins[(closes.kind[begins] == number) & (sizes == n)]
        rows = (whole[:, None] + np.arange(n)).ravel()
        prices = closes.price[rows].reshape(-1, n) / 1000.0
        found = odds.remove_margin(prices, method=odds.default_method(n))
        fair[rows] = found.probabilities.ravel()
        overround[rows] = np.repeat(found.overround, n)
        how = np.where(found.method == "", found.reason, found.method)
        for name in np.unique(how).tolist():
            names.append(name[:40])
            method[rows] = np.where(np.repeat(how == name, n), len(names) - 1, method[rows])
    return overround, fair, method, names
