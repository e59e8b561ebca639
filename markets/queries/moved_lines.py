"""Lines that moved between a book's opening and its close, and whether against the public."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from django.db import connection

from markets.domain import movement
from markets.models import Notice
from markets.queries.moves import Reverse
from monitoring import thresholds

_FIRST_LINES = """
SELECT m.id, c.book_id, min(c.opened_at) <= (
    SELECT min(o.opened_at) FROM markets_market n
    JOIN markets_selection t ON t.market_id = n.id
    JOIN markets_closingprice o ON o.selection_id = t.id AND o.book_id = c.book_id
    WHERE n.event_id = m.event_id AND n.kind = m.kind AND n.period = m.period
        AND n.participant_id IS NOT DISTINCT FROM m.participant_id AND n.statistic = m.statistic
)
FROM markets_market m
JOIN markets_selection s ON s.market_id = m.id
JOIN markets_closingprice c ON c.selection_id = s.id
WHERE m.id = ANY(%(markets)s)
GROUP BY m.id, c.book_id
"""
# The last word before the start: what is told later was not known when the price closed.
_PUBLIC = """
SELECT DISTINCT ON (n.event_id, n.data->>'kind', n.data->>'role')
    n.event_id, n.data->>'kind', n.data->>'role', (n.data->>'tickets')::float8
FROM markets_notice n JOIN markets_event e ON e.id = n.event_id
WHERE n.kind = %(kind)s AND n.event_id = ANY(%(events)s) AND n.data->>'tickets' IS NOT NULL
    AND coalesce(n.published_at, n.known_at) < coalesce(e.started_at, e.starts_at)
ORDER BY n.event_id, n.data->>'kind', n.data->>'role',
    coalesce(n.published_at, n.known_at) DESC, n.version DESC
"""


def shares(rows: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Return, by sport and kind, how often the line at the close is not the book's first one.

    A line that opened later than another one of the same event, kind and book came by a move.
    """
    lined = rows[rows["line"].notna()]
    if lined.empty:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_LINES, {"markets": lined["market_id"].unique().tolist()})
        first = {(market, book): is_first for market, book, is_first in cursor.fetchall()}
    questions = lined.drop_duplicates(["market_id", "book_id"])
    moved = [
        not first.get(pair, True)
        for pair in zip(questions["market_id"], questions["book_id"], strict=True)
    ]
    found: Any = questions.assign(moved=moved).groupby(["sport", "kind"])["moved"].mean()
    return {(str(key[0]), str(key[1])): float(share) for key, share in found.to_dict().items()}


def reverse_moves(
    opened: pd.DataFrame, closed: pd.DataFrame, names: Mapping[int, str]
) -> list[Reverse]:
    """Return the moves against the public, the newest event's first.

    ``opened`` holds the closes of all lines, ``closed`` those of the main ones alone; ``names``
    are the events', newest first.
    """
    with connection.cursor() as cursor:
        cursor.execute(_PUBLIC, {"kind": Notice.Kind.PUBLIC_SHARE, "events": list(names)})
        shares = {tuple(row[:3]): float(row[3]) for row in cursor.fetchall()}
    if not shares:
        return []
    place = {event_id: at for at, event_id in enumerate(names)}
    found = list(_against(opened, closed, names, shares))
    return sorted(found, key=lambda move: place[move.event_id])


def _against(
    opened: pd.DataFrame,
    closed: pd.DataFrame,
    names: Mapping[int, str],
    shares: Mapping[tuple[int, str, str], float],
) -> Iterator[Reverse]:
    question = ["event_id", "kind", "role", "book_id"]
    first = opened.sort_values("opened_at", kind="stable").drop_duplicates(question)
    both = closed.drop_duplicates(question).merge(first, on=question, suffixes=("", "_first"))
    same = both["line"].isna() | (both["line"] == both["line_first"])
    both["moved"] = (both["line"] - both["line_first"]).fillna(0.0)
    change = 1 / both["price"] - 1 / both["opening_price_first"]
    both["change"] = change.where(same, 0.0)
    public, step = (thresholds.value(one) for one in (movement.PUBLIC_SHARE, movement.STEAM_STEP))
    about: Any
    for about, rows in both.groupby(["event_id", "kind", "role"], sort=False):
        event_id, kind, role = int(about[0]), str(about[1]), str(about[2])
        share = shares.get((event_id, kind, role))
        if share is None:
            continue
        against = movement.is_against(
            share=share,
            line_change=rows["moved"].to_numpy(),
            change=rows["change"].to_numpy(),
            public=public,
            step=step,
        )
        if np.count_nonzero(against) * 2 <= len(rows):
            continue
        mine = rows[against]
        yield Reverse(
            event_id=event_id,
            event=names[event_id],
            kind=kind,
            role=role,
            public_share=share,
            books=len(mine),
            line_change=float(mine["moved"].mean()),
            change=float(mine["change"].mean()),
        )
