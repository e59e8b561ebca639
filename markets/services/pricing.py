"""Prices in bulk: find the changes in arrays, COPY them, keep the latest of each book.

Whoever writes prices of an event holds its competition's lock (``recording``), so nobody else
adds to these histories between the look and the COPY.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from markets.connectors import columns as price_columns
from markets.connectors.columns import PriceColumns
from markets.domain import changes, gates
from markets.models import Event
from markets.services import copying, gating, latest, partitions
from markets.services.counts import PriceCounts
from markets.services.listing import PricedKeys
from markets.services.naming import Tell

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

#: A price that stood longer than this before the offered one is stored once more: harmless.
LOOK_BACK = timedelta(days=400)
TELL_AT_MOST = 100
_BOOKS = 1 << 20  # pair = selection * _BOOKS + book


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Columns of equal length: ``seen`` in microseconds since 1970, ``price`` in thousandths."""

    selection: Ints
    book: Ints
    seen: Ints
    price: Ints
    mark: Ints

    @property
    def pair(self) -> Ints:
        return self.selection * _BOOKS + self.book

    def at(self, rows: Ints | Bools) -> "Rows":
        return Rows(*(getattr(self, name)[rows] for name in self.__slots__))


def record_prices(
    *,
    columns: PriceColumns,
    keys: PricedKeys,
    books: Mapping[str, int],
    fetched_at: datetime,
    tell: Tell,
    is_live: bool = False,
) -> PriceCounts:
    """Store the prices that are changes, confirm the others.  Needs an open transaction.

    A price for a moment that already has another one is not stored: history is never rewritten.
    ``is_live``: the prices should be of now, so an old one is told; it is stored all the same.
    """
    counts = PriceCounts()
    offered, record, is_fresh = _usable(columns, keys, books, fetched_at, is_live, tell, counts)
    if not record.size:
        return counts
    shown = latest.read(selections=np.unique(offered.selection[~is_fresh]))
    known, looked = _known(offered, shown)
    merged, origin = _stack(
        [(known, changes.STORED), (looked, changes.LOOKED), (offered, changes.OFFERED)]
    )
    found = changes.find_changes(
        pair=merged.pair, seen=merged.seen, price=merged.price, origin=origin
    )
    before = origin.size - record.size  # the offered ones stand last
    _tell_contradictions(merged, found.contradicting[found.contradicting >= before], tell)
    _store(merged, found.to_store, fetched_at)
    is_same = _keep_latest(merged, found, shown)
    looked_at = np.union1d(found.to_store, found.last[~is_same])
    _reopen_closes(keys, merged.at(looked_at))
    new = found.to_store[found.to_store >= before] - before
    counts.new, counts.unchanged = int(new.size), int(record.size - new.size)
    counts.changed_records = np.unique(record[new])
    return counts


def _usable(
    columns: PriceColumns,
    keys: PricedKeys,
    books: Mapping[str, int],
    fetched_at: datetime,
    is_live: bool,
    tell: Tell,
    counts: PriceCounts,
) -> tuple[Rows, Ints, Bools]:
    """Leave out what has no selection or book (told already) and what no book can mean.

    Returns the rest, the record of each, and whether its selection was made just now.
    """
    book_ids = np.array([books.get(code, -1) for code in columns.books], dtype=np.int64)
    if not len(columns):
        return _nothing(), columns.record, np.zeros(0, dtype=bool)
    selection, book = keys.selection[columns.key], book_ids[columns.book]
    now, gate = price_columns.microseconds(fetched_at), gating.gate()
    reason = gates.judge(
        price=columns.price, seen=columns.seen, fetched_at=now,
        no_number=price_columns.NO_NUMBER, gate=gate,
    )  # fmt: skip
    has_place = (selection >= 0) & (book >= 0)
    refused = np.flatnonzero(has_place & (reason != gates.PASSED))
    if refused.size:
        _tell_refused(columns, refused, reason, gate, tell, counts)
    for name, wrong in keys.refused.items():
        counts.refused[name] = int(np.isin(columns.key, wrong).sum())
    usable = np.flatnonzero(has_place & (reason == gates.PASSED))
    if is_live:
        _tell_old(columns, usable, now, gate, tell, counts)
    rows = Rows(selection, book, columns.seen, columns.price, columns.mark)
    return rows.at(usable), columns.record[usable], keys.is_fresh[columns.key[usable]]


def _tell_refused(
    columns: PriceColumns,
    rows: Ints,
    reason: Ints,
    gate: gates.Gate,
    tell: Tell,
    counts: PriceCounts,
) -> None:
    """Count the refused prices by reason and tell each, up to a number that people can read."""
    counts.refused_records = np.unique(columns.record[rows])
    for code, (name, expected) in gate.reasons.items():
        found = rows[reason[rows] == code]
        if not found.size:
            continue
        counts.refused[name] = int(found.size)
        column = "seen_at" if code == gates.IN_THE_FUTURE else "price"
        for row in found[:TELL_AT_MOST].tolist():
            book = columns.books[int(columns.book[row])]
            record = int(columns.record[row])
            tell(column, f"{expected}, not {_offered(columns, row, code)} ({book})", record)
        if found.size > TELL_AT_MOST:
            tell(column, f"{expected}; {found.size - TELL_AT_MOST} more are {name}", None)


def _offered(columns: PriceColumns, row: int, code: int) -> str:
    if code == gates.IN_THE_FUTURE:
        return f"{price_columns.moment_of(int(columns.seen[row])):%Y-%m-%d %H:%M:%S} UTC"
    if code == gates.NO_NUMBER:
        return "what is none"
    return f"{columns.price[row] / 1000:g}"


def _tell_old(
    columns: PriceColumns,
    rows: Ints,
    now: int,
    gate: gates.Gate,
    tell: Tell,
    counts: PriceCounts,
) -> None:
    """Say that a source which should show prices of now shows old ones; they are kept."""
    age = now - columns.seen[rows]
    old = age > gate.oldest // timedelta(microseconds=1)
    if old.any():
        counts.refused[gate.too_old] = int(old.sum())
        minutes = int(age.max()) // 60_000_000
        tell(
            "seen_at",
            f"prices of the last {gate.oldest / timedelta(minutes=1):g} minutes;"
            f" {int(old.sum())} are older, the oldest by {minutes} minutes (kept)",
            None,
        )


_HISTORY = """
SELECT selection_id, book_id, seen_at, (price * 1000)::bigint, mark::bigint
FROM markets_pricesnapshot
WHERE selection_id = ANY(%(selections)s::bigint[]) AND seen_at >= %(since)s AND seen_at <= %(until)s
"""
_KINDS = (copying.BIGINT, copying.BIGINT, copying.MOMENT, copying.BIGINT, copying.BIGINT)


def _known(offered: Rows, shown: latest.Latest) -> tuple[Rows, Rows]:
    """Return what is stored of the offered pairs, and when each was last looked at.

    Prices later than the latest one need nothing else; only where older ones come is the
    history read.
    """
    if not shown.seen.size:
        return _nothing(), _nothing()
    pairs = np.unique(offered.pair)
    standing = Rows(shown.selection, shown.book, shown.seen, shown.price, shown.mark)
    looked = Rows(shown.selection, shown.book, shown.confirmed, shown.price, shown.mark)
    kept = np.isin(standing.pair, pairs)
    standing, looked = standing.at(kept), looked.at(kept)
    old = _older_than_latest(offered, standing)
    if not old.any():
        return standing, looked
    history = copying.read_columns(
        query=_HISTORY,
        parameters={
            "selections": copying.as_array(np.unique(offered.selection[old])),
            "since": price_columns.moment_of(int(offered.seen[old].min())) - LOOK_BACK,
            "until": price_columns.moment_of(int(standing.seen.max())),
        },
        kinds=_KINDS,
    )
    stored = Rows(*history)
    stored = stored.at(np.isin(stored.pair, pairs))
    known, _ = _stack([(standing, changes.STORED), (stored, changes.STORED)])
    return known, looked


def _nothing() -> Rows:
    return Rows(*np.empty((5, 0), dtype=np.int64))


def _older_than_latest(offered: Rows, standing: Rows) -> Bools:
    order = np.argsort(standing.pair)
    pairs, seen = standing.pair[order], standing.seen[order]
    if not pairs.size:
        return np.zeros(offered.seen.size, dtype=bool)
    place = np.minimum(np.searchsorted(pairs, offered.pair), pairs.size - 1)
    return np.asarray((pairs[place] == offered.pair) & (offered.seen <= seen[place]))


def _stack(parts: Sequence[tuple[Rows, int]]) -> tuple[Rows, Ints]:
    origin = np.concatenate([np.full(rows.seen.size, what, dtype=np.int64) for rows, what in parts])
    columns = (np.concatenate([getattr(r, name) for r, _ in parts]) for name in Rows.__slots__)
    return Rows(*columns), origin


def _tell_contradictions(merged: Rows, rows: Ints, tell: Tell) -> None:
    for row in rows[:TELL_AT_MOST].tolist():
        moment = price_columns.moment_of(int(merged.seen[row]))
        tell(
            "price",
            f"the price stored for {moment:%Y-%m-%d %H:%M} UTC, which stays, not"
            f" {merged.price[row] / 1000:.3f} (selection {merged.selection[row]},"
            f" book {merged.book[row]})",
            None,
        )
    if rows.size > TELL_AT_MOST:
        tell("price", f"the stored prices; {rows.size - TELL_AT_MOST} more differ", None)


def _store(merged: Rows, rows: Ints, fetched_at: datetime) -> None:
    """COPY the changes into the partitions of their months."""
    if not rows.size:
        return
    rows = rows[np.argsort(merged.seen[rows], kind="stable")]  # BRIN likes time order
    seen = merged.seen[rows]
    months = np.unique(seen.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64))
    partitions.ensure(months=[(1970 + int(m) // 12, int(m) % 12 + 1) for m in months])
    fetched = np.full(rows.size, price_columns.microseconds(fetched_at), dtype=np.int64)
    stored = merged.at(rows)
    copying.copy_columns(
        table="markets_pricesnapshot",
        names=["selection_id", "book_id", "seen_at", "price", "fetched_at", "mark"],
        kinds=[
            copying.BIGINT, copying.BIGINT, copying.MOMENT, copying.PRICE, copying.MOMENT,
            copying.SMALLINT,
        ],
        columns=[stored.selection, stored.book, seen, stored.price, fetched, stored.mark],
    )  # fmt: skip


def _keep_latest(merged: Rows, found: changes.Changes, shown: latest.Latest) -> Bools:
    """Write each pair's price in effect, since when, and when it was last looked at.

    Returns which pairs have nothing new.
    """
    now, last = merged.at(found.newest), merged.at(found.last)
    rows = latest.Latest(now.selection, now.book, now.seen, now.price, last.seen, last.mark)
    pairs = shown.selection * _BOOKS + shown.book
    order = np.argsort(pairs)
    is_known = np.zeros(now.seen.size, dtype=bool)
    is_same = is_known.copy()
    if order.size:
        place = order[np.minimum(np.searchsorted(pairs, now.pair, sorter=order), order.size - 1)]
        is_known = pairs[place] == now.pair
        names = ("seen", "price", "confirmed", "mark")
        same = [getattr(shown, name)[place] == getattr(rows, name) for name in names]
        is_same = is_known & np.logical_and.reduce(same)
    latest.write(rows=rows, previous=found.previous, is_known=is_known, is_same=is_same)
    return is_same


_CLOSED = """
SELECT id, close_recorded_for FROM markets_event
WHERE id = ANY(%(events)s::bigint[]) AND close_recorded_for IS NOT NULL
"""


def _reopen_closes(keys: PricedKeys, rows: Rows) -> None:
    """Let closes that were recorded be recorded again where a look from before the start came.

    By key alone: a join here takes hours where the planner's statistics are of a time when
    the tables were empty.
    """
    if not rows.seen.size:
        return
    order = np.argsort(keys.selection)
    place = np.searchsorted(keys.selection[order], rows.selection)
    event = keys.event[order[place]]
    closed, start = copying.read_columns(
        query=_CLOSED,
        parameters={"events": copying.as_array(np.unique(event))},
        kinds=(copying.BIGINT, copying.MOMENT),
    )
    starts = dict(zip(closed.tolist(), start.tolist(), strict=True))
    if not starts:
        return
    begins = np.array([starts.get(pk, 0) for pk in event.tolist()], dtype=np.int64)
    reopened = np.unique(event[rows.seen < begins]).tolist()
    Event.objects.filter(pk__in=reopened).update(close_recorded_for=None)
