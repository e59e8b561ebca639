"""Prices in bulk: find the changes in arrays, COPY them, keep the latest of each book.

Whoever writes prices of an event holds its competition's lock (``recording``), so nobody else
adds to these histories between the look and the COPY.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from markets.connectors.base import ParsedPrice
from markets.domain import changes, kinds
from markets.models import Event
from markets.services import cataloguing, copying, partitions
from markets.services.cataloguing import Catalogue, MarketKey
from markets.services.counts import PriceCounts
from markets.services.naming import Tell

Ints = NDArray[np.int64]

HIGHEST_PRICE = 1000
#: How far a book's clock may be ahead of ours.
AHEAD = timedelta(minutes=5)
#: A price that stood longer than this before the offered one is stored once more: harmless.
LOOK_BACK = timedelta(days=400)
TELL_AT_MOST = 100
_MICROSECOND = timedelta(microseconds=1)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_BOOKS = 1 << 20  # pair = selection * _BOOKS + book


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Columns of equal length: ``seen`` in microseconds since 1970, ``price`` in thousandths."""

    selection: Ints
    book: Ints
    seen: Ints
    price: Ints

    @property
    def pair(self) -> Ints:
        return self.selection * _BOOKS + self.book


def record_prices(
    *,
    prices: Sequence[ParsedPrice],
    catalogue: Catalogue,
    books: Mapping[str, int],
    fetched_at: datetime,
    tell: Tell,
) -> PriceCounts:
    """Store the prices that are changes, confirm the others.  Needs an open transaction.

    A price for a moment that already has another one is not stored: history is never rewritten.
    """
    usable = _usable(prices, catalogue, books, fetched_at, tell)
    if not usable:
        return PriceCounts()
    offered, fresh, owners = _as_rows(usable, catalogue, books)
    known, looked = _known(offered, fresh)
    merged, origin = _stack(
        [(known, changes.STORED), (looked, changes.LOOKED), (offered, changes.OFFERED)]
    )
    found = changes.find_changes(
        pair=merged.pair, seen=merged.seen, price=merged.price, origin=origin
    )
    offered_ones = origin[found.contradicting] == changes.OFFERED
    _tell_contradictions(merged, found.contradicting[offered_ones], tell)
    stored = _store(merged, found.to_store, fetched_at)
    _keep_latest(merged, found)
    if stored:
        _reopen_closes({owners[pk] for pk in np.unique(merged.selection[found.to_store]).tolist()})
    new = int(np.count_nonzero(origin[found.to_store] == changes.OFFERED))
    return PriceCounts(new=new, unchanged=len(usable) - new)


def _usable(
    prices: Sequence[ParsedPrice],
    catalogue: Catalogue,
    books: Mapping[str, int],
    fetched_at: datetime,
    tell: Tell,
) -> list[ParsedPrice]:
    """Leave out what has no event or book (told already) and what no book can mean."""
    latest, usable = fetched_at + AHEAD, []
    for price in prices:
        if price.event_ref not in catalogue.events or price.book not in books:
            continue
        value = price.price
        if not (value.is_finite() and 1 < value <= HIGHEST_PRICE):
            tell("price", f"a price above 1 and up to {HIGHEST_PRICE}, not {value} ({price.book})")
        elif price.seen_at > latest:
            tell("seen_at", f"a time in the past, not {price.seen_at.isoformat()} ({price.book})")
        elif price.role not in kinds.ROLES.get(price.kind, ()):
            tell("role", f"a role of {price.kind}, not {price.role}")
        else:
            usable.append(price)
    return usable


def _as_rows(
    prices: Sequence[ParsedPrice], catalogue: Catalogue, books: Mapping[str, int]
) -> tuple[Rows, set[int], dict[int, int]]:
    """Return the prices as columns, the selections that are new, and each selection's event."""
    markets: dict[tuple[str, str, Decimal | None], MarketKey] = {}
    for price in prices:
        name = (price.event_ref, price.kind, price.line)
        if name not in markets:
            line = kinds.market_line(kind=price.kind, line=price.line)
            markets[name] = (catalogue.events[price.event_ref].pk, price.kind, line)
    ids, fresh = cataloguing.ensure_selections(wanted=markets.values(), catalogue=catalogue)
    roles = {name: ids[key] for name, key in markets.items()}
    moments: dict[datetime, int] = {}
    columns = np.empty((4, len(prices)), dtype=np.int64)
    columns[0] = [roles[price.event_ref, price.kind, price.line][price.role] for price in prices]
    columns[1] = [books[price.book] for price in prices]
    for moment in {price.seen_at for price in prices}:
        moments[moment] = (moment - _BEGINNING) // _MICROSECOND
    columns[2] = [moments[price.seen_at] for price in prices]
    columns[3] = np.rint(np.array([float(price.price) for price in prices]) * 1000.0)
    owners = {pk: key[0] for key, by_role in ids.items() for pk in by_role.values()}
    return Rows(*columns), fresh, owners


_LATEST = """
SELECT selection_id, book_id, seen_at, (price * 1000)::bigint, confirmed_at
FROM markets_latestprice WHERE selection_id = ANY(%(selections)s)
"""
_HISTORY = """
SELECT selection_id, book_id, seen_at, (price * 1000)::bigint FROM markets_pricesnapshot
WHERE selection_id = ANY(%(selections)s) AND seen_at >= %(since)s AND seen_at <= %(until)s
"""
_KINDS = (copying.BIGINT, copying.BIGINT, copying.MOMENT, copying.BIGINT)


def _known(offered: Rows, fresh: set[int]) -> tuple[Rows, Rows]:
    """Return what is stored of the offered pairs, and when each was last looked at.

    Prices later than the latest one need nothing else; only where older ones come is the
    history read.
    """
    selections = np.unique(offered.selection)
    selections = selections[~np.isin(selections, list(fresh))]
    if not selections.size:
        return _nothing(), _nothing()
    columns = copying.read_columns(
        query=_LATEST,
        parameters={"selections": selections.tolist()},
        kinds=(*_KINDS, copying.MOMENT),
    )
    latest = _touched(Rows(*columns[:4]), offered)
    looked = _touched(Rows(columns[0], columns[1], columns[4], columns[3]), offered)
    old = _older_than_latest(offered, latest)
    if not old.any():
        return latest, looked
    history = copying.read_columns(
        query=_HISTORY,
        parameters={
            "selections": np.unique(offered.selection[old]).tolist(),
            "since": _moment(offered.seen[old].min()) - LOOK_BACK,
            "until": _moment(latest.seen.max()),
        },
        kinds=_KINDS,
    )
    stored = (_touched(Rows(*history), offered), changes.STORED)
    known, _ = _stack([(latest, changes.STORED), stored])
    return known, looked


def _moment(microseconds: int) -> datetime:
    return _BEGINNING + int(microseconds) * _MICROSECOND


def _nothing() -> Rows:
    return Rows(*np.empty((4, 0), dtype=np.int64))


def _touched(rows: Rows, offered: Rows) -> Rows:
    """Keep the rows of pairs that are offered."""
    kept = np.isin(rows.pair, offered.pair)
    return Rows(rows.selection[kept], rows.book[kept], rows.seen[kept], rows.price[kept])


def _older_than_latest(offered: Rows, latest: Rows) -> NDArray[np.bool_]:
    order = np.argsort(latest.pair)
    pairs, seen = latest.pair[order], latest.seen[order]
    if not pairs.size:
        return np.zeros(offered.seen.size, dtype=bool)
    place = np.minimum(np.searchsorted(pairs, offered.pair), pairs.size - 1)
    return (pairs[place] == offered.pair) & (offered.seen <= seen[place])


def _stack(parts: Sequence[tuple[Rows, int]]) -> tuple[Rows, Ints]:
    origin = np.concatenate([np.full(rows.seen.size, what, dtype=np.int64) for rows, what in parts])
    names = ("selection", "book", "seen", "price")
    return Rows(*(np.concatenate([getattr(r, name) for r, _ in parts]) for name in names)), origin


def _tell_contradictions(merged: Rows, rows: Ints, tell: Tell) -> None:
    for row in rows[:TELL_AT_MOST]:
        moment = _moment(merged.seen[row])
        tell(
            "price",
            f"the price stored for {moment:%Y-%m-%d %H:%M} UTC, which stays, not"
            f" {merged.price[row] / 1000:.3f} (selection {merged.selection[row]},"
            f" book {merged.book[row]})",
        )
    if rows.size > TELL_AT_MOST:
        tell("price", f"the stored prices; {rows.size - TELL_AT_MOST} more differ")


def _store(merged: Rows, rows: Ints, fetched_at: datetime) -> int:
    """COPY the changes into the partitions of their months."""
    if not rows.size:
        return 0
    rows = rows[np.argsort(merged.seen[rows], kind="stable")]  # BRIN likes time order
    seen = merged.seen[rows]
    months = np.unique(seen.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64))
    partitions.ensure(months=[(1970 + int(m) // 12, int(m) % 12 + 1) for m in months])
    fetched = np.full(rows.size, (fetched_at - _BEGINNING) // _MICROSECOND, dtype=np.int64)
    copying.copy_columns(
        table="markets_pricesnapshot",
        names=["selection_id", "book_id", "seen_at", "price", "fetched_at"],
        kinds=[copying.BIGINT, copying.BIGINT, copying.MOMENT, copying.PRICE, copying.MOMENT],
        columns=[merged.selection[rows], merged.book[rows], seen, merged.price[rows], fetched],
    )
    return int(rows.size)


_UPSERT = """
INSERT INTO markets_latestprice AS l
    (selection_id, book_id, price, previous_price, seen_at, confirmed_at)
SELECT selection_id, book_id, price, nullif(previous_price, 0), seen_at, confirmed_at
FROM incoming_latest
ON CONFLICT (selection_id, book_id) DO UPDATE SET
    price = excluded.price,
    previous_price = CASE WHEN l.seen_at = excluded.seen_at THEN l.previous_price
        ELSE excluded.previous_price END,
    seen_at = excluded.seen_at,
    confirmed_at = excluded.confirmed_at
WHERE (l.price, l.seen_at, l.confirmed_at)
    IS DISTINCT FROM (excluded.price, excluded.seen_at, excluded.confirmed_at)
"""


def _keep_latest(merged: Rows, found: changes.Changes) -> None:
    """Write each pair's price in effect, since when, and when it was last looked at."""
    newest = found.newest
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS incoming_latest")
        cursor.execute(
            "CREATE TEMP TABLE incoming_latest (selection_id bigint, book_id bigint,"
            " price numeric(9, 3), previous_price numeric(9, 3), seen_at timestamptz,"
            " confirmed_at timestamptz) ON COMMIT DROP"
        )
        copying.copy_columns(
            table="incoming_latest",
            names=["selection_id", "book_id", "price", "previous_price", "seen_at", "confirmed_at"],
            kinds=["bigint", "bigint", "price", "price", "moment", "moment"],
            columns=[
                merged.selection[newest],
                merged.book[newest],
                merged.price[newest],
                found.previous,
                merged.seen[newest],
                found.confirmed,
            ],
        )
        cursor.execute(_UPSERT)


def _reopen_closes(event_ids: Collection[int]) -> None:
    """Let closes that were recorded before one of their prices came be recorded again.

    By key alone: a join here takes hours where the planner's statistics are of a time when
    the tables were empty.
    """
    Event.objects.filter(pk__in=event_ids, close_recorded_for__isnull=False).update(
        close_recorded_for=None
    )
