"""Opening and closing prices of events that have started, with the margin taken off."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from markets import queries
from markets.domain import closes, kinds, margins, references
from markets.models import Event
from markets.services import copying, planning
from monitoring.domain.progress import RunHandle

CHUNK = 1_000
KINDS = kinds.ALL_KINDS
INCOMPLETE = margins.INCOMPLETE
NON_RUNNER = margins.NON_RUNNER

# The last look at a price says more than its first: when it still stood, and that it was the close.
_QUOTED = """
SELECT e.id, m.id, array_position(%(kinds)s::text[], m.kind::text)::bigint, p.selection_id,
       p.book_id, p.seen_at, (p.price * 1000)::bigint,
       CASE WHEN l.seen_at = p.seen_at THEN l.confirmed_at ELSE p.seen_at END,
       p.mark::bigint,
       CASE WHEN l.seen_at = p.seen_at THEN l.mark ELSE p.mark END::bigint,
       (s.removed_at IS NULL OR s.removed_at >= coalesce(e.started_at, e.starts_at))::int::bigint
FROM markets_event e
JOIN markets_market m ON m.event_id = e.id
JOIN markets_selection s ON s.market_id = m.id
JOIN markets_pricesnapshot p ON p.selection_id = s.id
    AND p.seen_at < coalesce(e.started_at, e.starts_at)
JOIN markets_latestprice l ON l.selection_id = p.selection_id AND l.book_id = p.book_id
WHERE e.id = ANY(%(events)s) AND p.seen_at >= %(since)s AND p.seen_at < %(until)s
"""
_QUOTED_KINDS = ("bigint",) * 5 + ("moment", "bigint", "moment") + ("bigint",) * 3
_RUNNING = """
SELECT m.id, count(*) FILTER (
           WHERE s.removed_at IS NULL OR s.removed_at >= coalesce(e.started_at, e.starts_at)
       ), coalesce(m.places, 0)::bigint
FROM markets_event e
JOIN markets_market m ON m.event_id = e.id
JOIN markets_selection s ON s.market_id = m.id
WHERE e.id = ANY(%(events)s) AND m.kind = ANY(%(kinds)s)
GROUP BY m.id ORDER BY m.id
"""
_COLUMNS = {
    "selection_id": ("bigint", "bigint"),
    "book_id": ("bigint", "bigint"),
    "opening_price": ("price", "numeric(9, 3)"),
    "opened_at": ("moment", "timestamptz"),
    "opening_exactness": ("bigint", "bigint"),
    "price": ("price", "numeric(9, 3)"),
    "seen_at": ("moment", "timestamptz"),
    "confirmed_at": ("moment", "timestamptz"),
    "starts_at": ("moment", "timestamptz"),
    "exactness": ("bigint", "bigint"),
    "overround": ("float", "float8"),
    "fair_probability": ("float", "float8"),
    "method": ("bigint", "bigint"),
}
_INCOMING = (
    "CREATE TEMP TABLE incoming_close"
    f" ({', '.join(f'{name} {type_}' for name, (_, type_) in _COLUMNS.items())}) ON COMMIT DROP"
)
# A close that was worth more stays: what it rests on may be out of sight by now, as the last look
# before the start is once the book goes on showing prices in play.
_UPSERT = """
INSERT INTO markets_closingprice AS c (selection_id, book_id, opening_price, opened_at,
    opening_exactness, price, seen_at, confirmed_at, starts_at, exactness, overround,
    fair_probability, method, recorded_at)
SELECT selection_id, book_id, opening_price, opened_at,
    (ARRAY['FIRST_SEEN', 'TRUE_OPENER'])[opening_exactness + 1], price, seen_at, confirmed_at,
    starts_at, (%(worth)s::text[])[exactness + 1], nullif(overround, 'NaN'),
    nullif(fair_probability, 'NaN'), (%(methods)s::text[])[method + 1], %(now)s
FROM incoming_close
ON CONFLICT (selection_id, book_id) DO UPDATE SET
    opening_price = excluded.opening_price, opened_at = excluded.opened_at,
    opening_exactness = excluded.opening_exactness,
    price = excluded.price, seen_at = excluded.seen_at, confirmed_at = excluded.confirmed_at,
    starts_at = excluded.starts_at, exactness = excluded.exactness,
    overround = excluded.overround, fair_probability = excluded.fair_probability,
    method = excluded.method, recorded_at = excluded.recorded_at
WHERE c.starts_at <> excluded.starts_at OR c.seen_at < excluded.seen_at
    OR excluded.method = %(non_runner)s
    OR (array_position(%(worth)s::text[], excluded.exactness::text), excluded.confirmed_at)
    >= (array_position(%(worth)s::text[], c.exactness::text), c.confirmed_at)
"""
# Another method changes the close that stays, too: it is the same price of the same moment.
_BY_ANOTHER_METHOD = """
UPDATE markets_closingprice AS c
SET overround = nullif(i.overround, 'NaN'), fair_probability = i.fair_probability,
    method = (%(methods)s::text[])[i.method + 1], recorded_at = %(now)s
FROM incoming_close i
WHERE c.selection_id = i.selection_id AND c.book_id = i.book_id AND c.starts_at = i.starts_at
    AND c.seen_at = i.seen_at AND c.price = i.price AND i.fair_probability <> 'NaN'
    AND c.method <> (%(methods)s::text[])[i.method + 1]
"""
_FORGET = """
DELETE FROM markets_closingprice c
USING markets_selection s, markets_market m, markets_event e
WHERE s.id = c.selection_id AND m.id = s.market_id AND e.id = m.event_id
    AND e.id = ANY(%s) AND c.starts_at <> coalesce(e.started_at, e.starts_at)
"""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class _Quotes:
    """Columns of prices: moments in microseconds since 1970, prices in thousandths."""

    event: Ints
    market: Ints
    kind: Ints  # 1-based place in KINDS
    selection: Ints
    book: Ints
    seen: Ints
    price: Ints
    confirmed: Ints
    mark: Ints  # of the first look at this price
    last_mark: Ints
    is_running: Ints

    def at(self, rows: Ints) -> "_Quotes":
        return _Quotes(*(getattr(self, name)[rows] for name in self.__slots__))


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
        _record_chunk(ids[start : start + CHUNK], now=now)
    return len(ids)


@transaction.atomic
def _record_chunk(event_ids: Sequence[int], *, now: datetime) -> None:
    """Record one chunk; the rows are held so that a moved start waits until they are written."""
    held = list(
        Event.objects.filter(pk__in=event_ids)
        .order_by("pk")
        .select_for_update(of=["self"])
        .select_related("competition")
    )
    starts = [event.started_at or event.starts_at for event in held]
    quotes = _quotes(event_ids, since=min(starts) - queries.LONGEST_STANDING, until=max(starts))
    first, last = _first_and_last(quotes)
    opens, found = quotes.at(first), quotes.at(last)
    start, exactness = _worth(found, held)
    margin = _margin_free(found, _running(event_ids, found), _methods(found, held))
    methods, method = np.unique(margin.method, return_inverse=True)
    columns: dict[str, Ints | Floats] = {
        "selection_id": found.selection,
        "book_id": found.book,
        "opening_price": opens.price,
        "opened_at": opens.seen,
        "opening_exactness": closes.is_true_opener(opens.mark).astype(np.int64),
        "price": found.price,
        "seen_at": found.seen,
        "confirmed_at": np.minimum(found.confirmed, start),
        "starts_at": start,
        "exactness": exactness,
        "overround": margin.overround,
        "fair_probability": margin.probability,
        "method": method.astype(np.int64),
    }
    _write(columns, methods=methods.tolist(), event_ids=event_ids, now=now)
    Event.objects.filter(pk__in=event_ids).update(close_recorded_for=queries.event_start())


def _write(
    columns: Mapping[str, Ints | Floats],
    *,
    methods: Sequence[str],
    event_ids: Sequence[int],
    now: datetime,
) -> None:
    """Bring the closes into the table, and forget those of a start that is none any more."""
    asked: dict[str, Any] = {
        "worth": list(closes.NAMES),
        "methods": [name[:40] for name in methods],
        "non_runner": NON_RUNNER,
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS incoming_close")
        cursor.execute(_INCOMING)
        copying.copy_columns(
            table="incoming_close",
            names=list(_COLUMNS),
            kinds=[kind for kind, _ in _COLUMNS.values()],
            columns=[columns[name] for name in _COLUMNS],
        )
        cursor.execute(_UPSERT, asked)
        cursor.execute(_BY_ANOTHER_METHOD, asked)
        cursor.execute(_FORGET, [list(event_ids)])


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


def _worth(found: _Quotes, held: Sequence[Event]) -> tuple[Ints, Ints]:
    """Return each close's start and how exact it is."""
    events = np.array([event.pk for event in held], dtype=np.int64)
    starts = [event.started_at or event.starts_at for event in held]
    place = np.searchsorted(events, found.event)
    start = np.array([_microseconds(moment) for moment in starts], dtype=np.int64)[place]
    is_looked_at_before = found.confirmed <= start
    exactness = closes.exactness(
        mark=found.last_mark * is_looked_at_before,
        age=np.maximum(start - found.confirmed, 0),
        has_actual_start=np.array([event.started_at is not None for event in held])[place],
        has_time=np.array(
            [event.start_certainty != Event.Certainty.DATE for event in held], dtype=bool
        )[place],
        time_scale=np.array([event.competition.time_scale for event in held])[place],
    )
    return start, np.where(found.is_running == 1, exactness, closes.NONE)


def _microseconds(moment: datetime) -> int:
    return (moment - _BEGINNING) // timedelta(microseconds=1)


def _running(event_ids: Sequence[int], found: _Quotes) -> Mapping[int, tuple[int, int]]:
    """Return how many run in each market of runners, and how many of them are placed."""
    numbers = [KINDS.index(kind) + 1 for kind in kinds.RUNNER_KINDS]
    if not np.isin(found.kind, numbers).any():
        return {}
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {"events": list(event_ids), "kinds": list(kinds.RUNNER_KINDS)}
        cursor.execute(_RUNNING, asked)
        return {market: (running, places) for market, running, places in cursor.fetchall()}


def _methods(found: _Quotes, held: Sequence[Event]) -> NDArray[np.str_]:
    """Return by which method each price loses its margin; "" leaves it to the market's size."""
    rules = queries.reference_rules()
    chosen = np.full(found.seen.size, "", dtype="<U40")
    if not any(rule.method for rule in rules.values()):
        return chosen
    by_event = {event.pk: event.competition for event in held}
    for pk, kind in {*zip(found.event.tolist(), found.kind.tolist(), strict=True)}:
        competition = by_event[pk]
        rule = references.rule_of(
            rules,
            competition=competition.pk,
            is_simulated=competition.is_simulated,
            kind=KINDS[kind - 1],
        )
        if rule is not None and rule.method:
            chosen[(found.event == pk) & (found.kind == kind)] = rule.method
    return chosen


def _margin_free(
    found: _Quotes, running: Mapping[int, tuple[int, int]], methods: NDArray[np.str_]
) -> margins.Margins:
    """Take the margin off each book's market; who does not run is no part of it."""
    overround, fair = np.full((2, found.seen.size), np.nan)
    method = np.full(found.seen.size, NON_RUNNER, dtype="<U64")
    rows = np.flatnonzero(found.is_running == 1)
    market, book = found.market[rows], found.book[rows]
    begins = np.flatnonzero(
        np.append(rows.size > 0, (market[1:] != market[:-1]) | (book[1:] != book[:-1]))
    )[: rows.size]
    expected = np.zeros(begins.size, dtype=np.int64)
    sums_to = np.zeros(begins.size, dtype=np.int64)
    for place, row in enumerate(rows[begins].tolist()):
        kind = KINDS[found.kind[row] - 1]
        runners, places = running.get(int(found.market[row]), (0, 0))
        expected[place] = kinds.answers(kind=kind, runners=runners)
        sums_to[place] = kinds.sums_to(kind=kind, places=places or None) or 0
    sizes = np.diff(np.append(begins, rows.size))
    wanted = methods[rows[begins]]
    for name in np.unique(wanted).tolist():
        markets = np.flatnonzero(wanted == name)
        mine = rows[np.isin(np.repeat(np.arange(begins.size), sizes), markets)]
        part = margins.remove(
            prices=found.price[mine] / 1000.0,
            sizes=sizes[markets],
            expected=expected[markets],
            sums_to=sums_to[markets],
            method=name or None,
        )
        overround[mine], fair[mine], method[mine] = part.overround, part.probability, part.method
    return margins.Margins(overround, fair, method)
