"""Prices and what they say of the chances, as they were known at a moment."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from django.db import connection

from markets.domain import kinds as market_kinds
from markets.domain import odds
from markets.models import Book
from markets.queries.frames import MOMENT, frame

#: A price that nobody has changed for longer than this is not on offer any more.
LONGEST_STANDING = timedelta(days=400)

BOARD = {
    "event_id": "int64",
    "market_id": "int64",
    "kind": "object",
    "line": "float64",
    "selection_id": "int64",
    "role": "object",
    "selection_line": "float64",
    "book_id": "int64",
    "book_code": "object",
    "book_kind": "object",
    "reference_rank": "float64",
    "is_enabled": "bool",
    "price": "object",
    "seen_at": MOMENT,
    "confirmed_at": MOMENT,
}
REFERENCE = {
    "event_id": "int64",
    "selection_id": "int64",
    "role": "object",
    "fair_probability": "float64",
    "overround": "float64",
    "book_code": "object",
    "method": "object",
}
CONSENSUS = "consensus"

_LATEST = """
SELECT m.event_id, m.id, m.kind, m.line::float8, s.id, s.role, s.line::float8,
       b.id, b.code, b.kind, b.reference_rank::float8, b.is_enabled,
       l.price, l.seen_at, l.confirmed_at
FROM markets_market m
JOIN markets_selection s ON s.market_id = m.id
JOIN markets_latestprice l ON l.selection_id = s.id
JOIN markets_book b ON b.id = l.book_id
WHERE m.event_id = ANY(%s) AND m.kind = ANY(%s) AND m.period = 'FULL'
ORDER BY m.event_id, m.id, s.id, b.id
"""
_STANDING = """
SELECT DISTINCT ON (selection_id, book_id) selection_id, book_id, price, seen_at
FROM markets_pricesnapshot
WHERE selection_id = ANY(%s) AND seen_at <= %s AND seen_at > %s
ORDER BY selection_id, book_id, seen_at DESC
"""
_STANDING_EACH = """
SELECT DISTINCT ON (p.selection_id, p.book_id) p.selection_id, p.book_id, p.price, p.seen_at
FROM unnest(%s::bigint[], %s::timestamptz[]) AS asked (selection_id, as_of)
JOIN markets_pricesnapshot p ON p.selection_id = asked.selection_id
WHERE p.seen_at <= asked.as_of AND p.seen_at > asked.as_of - %s
  AND p.seen_at <= %s AND p.seen_at > %s
ORDER BY p.selection_id, p.book_id, p.seen_at DESC
"""


def event_board(
    *,
    event_ids: Iterable[int],
    as_of: datetime | Mapping[int, datetime],
    kinds: Iterable[str] = ("MATCH_ODDS",),
) -> pd.DataFrame:
    """Return every price on offer at ``as_of``: one row per selection and book.

    A mapping gives each event a moment of its own.  ``line`` is the market's, ``selection_line``
    the selection's own, NaN where there is none; ``price`` is a Decimal.  ``confirmed_at`` is
    when the price was last looked at, as far as that was known at ``as_of``.  Needs two queries
    at most, one for what is live.
    """
    ids = list(event_ids)
    moments = as_of if isinstance(as_of, Mapping) else dict.fromkeys(ids, as_of)
    with connection.cursor() as cursor:
        cursor.execute(_LATEST, [ids, list(kinds)])
        rows = cursor.fetchall()
        superseded = {row[4]: moments[row[0]] for row in rows if row[13] > moments[row[0]]}
        standing = _standing(cursor, superseded)
    known = []
    for row in rows:
        price, seen_at, confirmed_at = row[12:]
        if seen_at > moments[row[0]]:
            if (row[4], row[7]) not in standing:
                continue
            price, seen_at = standing[row[4], row[7]]
        looked_at = confirmed_at if confirmed_at <= moments[row[0]] else seen_at
        known.append((*row[:12], price, seen_at, looked_at))
    return frame(known, BOARD)


def _standing(
    cursor: Any, moments: Mapping[int, datetime]
) -> dict[tuple[int, int], tuple[Any, datetime]]:
    """Return (selection, book) -> price and since when, each selection as of its own moment."""
    if not moments:
        return {}
    first, last = min(moments.values()), max(moments.values())
    selection_ids = sorted(moments)
    if first == last:
        cursor.execute(_STANDING, [selection_ids, last, first - LONGEST_STANDING])
    else:
        own = [moments[selection_id] for selection_id in selection_ids]
        span = [LONGEST_STANDING, last, first - LONGEST_STANDING]
        cursor.execute(_STANDING_EACH, [selection_ids, own, *span])
    return {(row[0], row[1]): (row[2], row[3]) for row in cursor.fetchall()}


def reference_probabilities(
    *,
    event_ids: Iterable[int],
    as_of: datetime | Mapping[int, datetime],
    kind: str = "MATCH_ODDS",
) -> pd.DataFrame:
    """Return margin-free probabilities from the prices known at ``as_of`` (or each event's own).

    Each market goes by the enabled book with the lowest reference rank that quotes all of its
    selections; where there is none, by the mean of the books that do ("consensus").
    """
    board = event_board(event_ids=event_ids, as_of=as_of, kinds=(kind,))
    board = board[board["is_enabled"] & board["book_kind"].isin(Book.IS_MARKET)]
    roles = market_kinds.ROLES[kind]
    sizes = board.groupby(["market_id", "book_id"])["selection_id"].transform("size")
    whole = board[sizes == len(roles)].copy()
    if whole.empty:
        return frame([], REFERENCE)
    whole["place"] = whole["role"].map({role: place for place, role in enumerate(roles)})
    whole = whole.sort_values(["market_id", "book_id", "place"], kind="stable")
    fair = odds.remove_margin(
        whole["price"].to_numpy(dtype=np.float64).reshape(-1, len(roles)),
        method=odds.default_method(len(roles)),
    )
    whole["fair_probability"] = fair.probabilities.ravel()
    whole["overround"] = np.repeat(fair.overround, len(roles))
    whole["method"] = np.repeat(fair.method, len(roles))
    return _by_reference(whole[whole["fair_probability"].notna()])


def _by_reference(whole: pd.DataFrame) -> pd.DataFrame:
    """Choose one book for each market, or the mean of all."""
    best = whole.groupby("market_id")["reference_rank"].transform("min")
    chosen = whole[whole["reference_rank"] == best]
    rest = whole[best.isna()]
    consensus = rest.groupby(["market_id", "selection_id"], as_index=False).agg(
        event_id=("event_id", "first"),
        role=("role", "first"),
        place=("place", "first"),
        fair_probability=("fair_probability", "mean"),
        overround=("overround", "mean"),
        method=("method", "first"),
    )
    consensus["book_code"] = CONSENSUS
    found = pd.concat([chosen, consensus]) if len(consensus) else chosen
    ordered = found.sort_values(["event_id", "market_id", "place"], kind="stable")
    return ordered[list(REFERENCE)].astype(REFERENCE).reset_index(drop=True)


class ShownPrice(NamedTuple):
    """What a book shows of a selection now."""

    selection_id: int
    kind: str
    selection: str
    book: str
    price: Decimal
    confirmed_at: datetime


_SHOWN = """
SELECT s.id, m.kind, s.name, b.name, l.price, l.confirmed_at
FROM markets_market m
JOIN markets_selection s ON s.market_id = m.id
JOIN markets_latestprice l ON l.selection_id = s.id
JOIN markets_book b ON b.id = l.book_id
WHERE m.event_id = %s
ORDER BY s.id, b.name
"""


def shown_prices(*, event_id: int) -> list[ShownPrice]:
    """Return what every book shows of an event now, by selection and book: one narrow query."""
    with connection.cursor() as cursor:
        cursor.execute(_SHOWN, [event_id])
        return [ShownPrice(*row) for row in cursor.fetchall()]


def estimated_prices() -> float:
    """Return about how many prices the history holds, without reading it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::float8 FROM pg_inherits i"
            " JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = 'markets_pricesnapshot'::regclass"
        )
        return float(cursor.fetchone()[0])
