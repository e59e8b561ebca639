"""Portions of one payload put together again."""

from collections.abc import Sequence

from markets.connectors.base import ParsedBatch
from markets.connectors.columns import PriceColumns


def joined(batches: Sequence[ParsedBatch]) -> ParsedBatch:
    """Return portions as one batch; of an event or market told again, the last telling.

    For payloads that fit into memory whole.
    """
    parts = [batch.columns for batch in batches if batch.columns is not None]
    return ParsedBatch(
        events=list({event.ref: event for batch in batches for event in batch.events}.values()),
        prices=[price for batch in batches for price in batch.prices],
        results=[result for batch in batches for result in batch.results],
        problems=[problem for batch in batches for problem in batch.problems],
        competitions=list({c.code: c for batch in batches for c in batch.competitions}.values()),
        books=list({book.code: book for batch in batches for book in batch.books}.values()),
        markets=list(
            {
                (m.event_ref, m.kind, m.period, m.line, m.id): m
                for batch in batches
                for m in batch.markets
            }.values()
        ),
        columns=PriceColumns.joined(parts) if parts else None,
        ladders=[ladder for batch in batches for ladder in batch.ladders],
        notices=[notice for batch in batches for notice in batch.notices],
        records=sum(batch.records for batch in batches),
        excerpts={number: text for batch in batches for number, text in batch.excerpts.items()},
    )
