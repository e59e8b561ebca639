"""What became of each record of a payload: loaded, unchanged, parked or rejected."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from markets.connectors.base import ParsedBatch
from markets.connectors.columns import PriceColumns
from markets.services.counts import RowCounts
from markets.services.naming import Missing


@dataclass(slots=True)
class Waiting:
    """Why a record waits, and for which names."""

    reason: str
    detail: str = ""
    names: set[Missing] = field(default_factory=set)


@dataclass(slots=True)
class Accounting:
    """One batch's records.  Record 0 stands for none: a context that a portion repeats.

    Of several ends of one record the worst counts: rejected, then parked, then loaded; a record
    of which nothing is new is unchanged.
    """

    batch: ParsedBatch
    columns: PriceColumns
    loaded: set[int] = field(default_factory=set)
    rejected: set[int] = field(default_factory=set)
    parked: dict[int, Waiting] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rejected |= {
            problem.row
            for problem in self.batch.problems
            if problem.is_rejection and problem.row is not None
        }

    def load(self, records: Iterable[int]) -> None:
        """Say that these records brought something new."""
        self.loaded.update(records)

    def park(self, record: int, waiting: Waiting) -> None:
        """Say that a record waits; the first reason stays, the names add up."""
        held = self.parked.setdefault(record, Waiting(waiting.reason, waiting.detail))
        held.names |= waiting.names

    def park_events(self, waiting: Mapping[str, Waiting]) -> None:
        """Park every record that speaks of these events; notices are kept without one."""
        if not waiting:
            return
        for event in self.batch.events:
            if event.ref in waiting:
                self.park(event.record, waiting[event.ref])
        for facts in (self.batch.results, self.batch.markets, self.batch.ladders):
            for fact in facts:
                if fact.event_ref in waiting:
                    self.park(fact.record, waiting[fact.event_ref])
        of_keys = {
            number: waiting[key[0]]
            for number, key in enumerate(self.columns.keys)
            if key[0] in waiting
        }
        self.park_keys(of_keys)

    def park_keys(self, waiting: Mapping[int, Waiting]) -> None:
        """Park every record with a price of these keys, by their numbers."""
        if not waiting:
            return
        rows = np.flatnonzero(np.isin(self.columns.key, list(waiting)))
        pairs = {
            (record, id(waiting[key])): key
            for record, key in zip(
                self.columns.record[rows].tolist(), self.columns.key[rows].tolist(), strict=True
            )
        }
        for (record, _), key in pairs.items():
            self.park(record, waiting[key])

    def park_books(self, waiting: Mapping[str, Waiting]) -> None:
        """Park every record with a price or ladder of these books, by their codes."""
        for number, code in enumerate(self.columns.books):
            if code in waiting:
                rows = self.columns.book == number
                for record in np.unique(self.columns.record[rows]).tolist():
                    self.park(record, waiting[code])
        for ladder in self.batch.ladders if waiting else ():
            if ladder.book in waiting:
                self.park(ladder.record, waiting[ladder.book])

    def told(self) -> set[int]:
        """Return the records that brought any fact or problem."""
        batch = self.batch
        found = {int(record) for record in np.unique(self.columns.record)}
        for facts in (batch.events, batch.results, batch.markets, batch.ladders, batch.notices):
            found |= {fact.record for fact in facts}
        return (found | self.rejected) - {0}

    def waiting(self) -> dict[int, Waiting]:
        """Return the records that end as parked."""
        ended = self.rejected | {0}
        return {record: why for record, why in self.parked.items() if record not in ended}

    def rows(self) -> RowCounts:
        """Return how many records ended in which way; they add up to those read."""
        parked = self.parked.keys() - self.rejected - {0}
        loaded = self.loaded - self.rejected - parked - {0}
        ended = len(self.rejected) + len(parked) + len(loaded)
        read = max(self.batch.records, ended)
        return RowCounts(
            read=read,
            loaded=len(loaded),
            unchanged=read - ended,
            parked=len(parked),
            rejected=len(self.rejected),
        )
