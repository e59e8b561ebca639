"""Ladders in bulk: COPY them, keep the first telling of each moment.

Whoever records ladders of an event holds its competition's lock (``recording``).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from markets.connectors.base import ParsedLadder
from markets.connectors.columns import PriceKey
from markets.domain import gates
from markets.domain.gates import Gate
from markets.domain.ladders import BEST
from markets.services import gating, partitions
from markets.services.naming import Tell

TELL_AT_MOST = 100
NOBODY = -1  # stands for a selection that is not known
_COLUMNS = (
    "selection_id", "book_id", "seen_at", "back_prices", "back_sizes", "lay_prices", "lay_sizes",
    "last_traded", "matched", "fetched_at",
)  # fmt: skip
_LIST = ", ".join(_COLUMNS)
_LARGEST = Decimal("999999999999.99")

Offers = Sequence[tuple[Decimal, Decimal]]
Key = tuple[int, int, datetime]  # selection, book, seen


@dataclass(frozen=True, slots=True)
class LadderCounts:
    """What became of the ladders offered; ``changed_records``: whose records brought a new one.

    ``refused``: how many were turned away, by the reason.
    """

    new: int = 0
    unchanged: int = 0
    changed_records: frozenset[int] = field(default_factory=frozenset)
    refused_records: frozenset[int] = field(default_factory=frozenset)
    refused: Mapping[str, int] = field(default_factory=dict)


def key_of(ladder: ParsedLadder) -> PriceKey:
    """Return what a price on the same selection is found by."""
    return (
        ladder.event_ref, ladder.kind, ladder.period, ladder.line, "", "", ladder.role,
        ladder.runner,
    )  # fmt: skip


def record_ladders(
    *,
    ladders: Sequence[ParsedLadder],
    selections: Mapping[PriceKey, int],
    books: Mapping[str, int],
    fetched_at: datetime,
    tell: Tell,
) -> LadderCounts:
    """Store ladders that are not stored yet.  Needs an open transaction.

    ``selections`` are found by ``key_of``; a ladder without one (missing or -1) or without book is
    left out, for whoever resolves the names has told of it.  One that stands for a moment stays:
    history is never rewritten.
    """
    rows: dict[Key, ParsedLadder] = {}
    refused: set[int] = set()
    reasons: Counter[str] = Counter()
    gate = gating.gate()
    for ladder in ladders:
        selection = selections.get(key_of(ladder), NOBODY)
        book = books.get(ladder.book)
        if selection == NOBODY or book is None:
            continue
        why, wrong = _what_is_wrong(ladder, fetched_at + gate.ahead, gate)
        if wrong and len(refused) < TELL_AT_MOST:
            tell("ladder", wrong, ladder.record)
        if wrong:
            refused.add(ladder.record)
            reasons[why] += 1
        else:
            rows.setdefault((selection, book, ladder.seen_at), ladder)
    if not rows:
        return LadderCounts(refused_records=frozenset(refused), refused=reasons)
    months = {(at.year, at.month) for at in (key[2].astimezone(UTC) for key in rows)}
    partitions.ensure(months=sorted(months), table=partitions.LADDERS)
    stored = _store(rows, fetched_at)
    return LadderCounts(
        new=len(stored),
        unchanged=len(rows) - len(stored),
        changed_records=frozenset(rows[key].record for key in stored),
        refused_records=frozenset(refused),
        refused=reasons,
    )


def _what_is_wrong(ladder: ParsedLadder, latest: datetime, gate: Gate) -> tuple[str, str]:
    """Return why no ladder can be so, and what was expected; "" twice where one can."""
    for offers in (ladder.back, ladder.lay):
        if len(offers) > BEST:
            return gates.NO_LADDER, f"the best {BEST} offers of each side, not {len(offers)}"
        for price, _ in offers:
            if not 1 < price <= gate.highest:
                why, _ = gate.reasons[gates.TOO_LOW if price <= 1 else gates.TOO_HIGH]
                return why, f"prices above 1 and up to {gate.highest:g} in a ladder"
        if not all(0 < size <= _LARGEST for _, size in offers):
            return gates.NO_LADDER, f"sizes above 0 and up to {_LARGEST} in a ladder"
    if ladder.seen_at > latest:
        why, expected = gate.reasons[gates.IN_THE_FUTURE]
        return why, f"{expected}, not {ladder.seen_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return "", ""


def _store(rows: Mapping[Key, ParsedLadder], fetched_at: datetime) -> list[Key]:
    """COPY the rows, in order of time, and return the keys of those that are new."""
    ordered = sorted(rows.items(), key=lambda row: (row[0][2], row[0]))
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS incoming_ladders")
        cursor.execute(
            "CREATE TEMP TABLE incoming_ladders (LIKE markets_laddersnapshot) ON COMMIT DROP"
        )
        with cursor.copy(f"COPY incoming_ladders ({_LIST}) FROM STDIN") as copy:
            for key, ladder in ordered:
                copy.write_row(_as_row(key, ladder, fetched_at))
        cursor.execute(
            f"INSERT INTO markets_laddersnapshot ({_LIST})"
            f" SELECT {_LIST} FROM incoming_ladders ORDER BY seen_at"
            " ON CONFLICT DO NOTHING RETURNING selection_id, book_id, seen_at"
        )
        return [(row[0], row[1], row[2]) for row in cursor.fetchall()]


def _as_row(key: Key, ladder: ParsedLadder, fetched_at: datetime) -> tuple[Any, ...]:
    return (
        *key,
        *_split(ladder.back),
        *_split(ladder.lay),
        ladder.last_traded,
        ladder.matched,
        fetched_at,
    )


def _split(offers: Offers) -> tuple[list[Decimal], list[Decimal]]:
    return [price for price, _ in offers], [size for _, size in offers]
