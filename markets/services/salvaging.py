"""Recording a portion of which something cannot be stored: all of it but that."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg
from django.db import DataError, IntegrityError

from markets.connectors.base import ParsedBatch, Problem
from markets.services.accounting import Accounting
from markets.services.counts import Counts, RowCounts

#: What is raised where a value is one that no table can hold.
UNSTORABLE = (DataError, IntegrityError, psycopg.DataError, UnicodeEncodeError, OverflowError)
REFUSALS_AT_MOST = 100  # of one payload's portions; what is refused later is not divided any more


@dataclass(slots=True)
class Salvage:
    """Records one payload's portions; ``record`` is the one way into the tables."""

    record: Callable[[ParsedBatch], Counts]
    refusals: int = 0

    def counts(self, batch: ParsedBatch) -> Iterator[Counts]:
        """Yield what came of a portion: of one that is refused, half by half, down to a record.

        A record that the tables refuse alone is rejected; all others are stored.
        """
        try:
            recorded = self.record(batch)
        except UNSTORABLE as refusal:
            yield from self._parts(batch, refusal)
        else:
            yield recorded

    def _parts(self, batch: ParsedBatch, refusal: Exception) -> Iterator[Counts]:
        told = sorted(Accounting(batch, batch.all_prices()).told())
        self.refusals += 1
        if len(told) < 2 or self.refusals > REFUSALS_AT_MOST:
            yield _refused(batch, told, refusal)
            return
        known = frozenset(told)
        silent = batch.records - len(told)
        yield Counts(
            rows=RowCounts(read=silent, unchanged=silent),
            problems=[problem for problem in batch.problems if problem.row not in known],
        )
        half = len(told) // 2
        for part in (told[:half], told[half:]):
            yield from self.counts(batch.only(part))


def _refused(batch: ParsedBatch, told: list[int], refusal: Exception) -> Counts:
    first_line = str(refusal).partition("\n")[0]
    said = f"values that the tables can hold: {first_line}"[:500]
    records: list[int | None] = [*told] or [None]
    refused = [Problem("", number, "", said, is_rejection=True) for number in records]
    rows = RowCounts(read=batch.records, rejected=batch.records)
    return Counts(rows=rows, problems=[*batch.problems, *refused])
