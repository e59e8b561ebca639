"""What is read from one payload, or a portion of it, while it is read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from markets.connectors.base import (
    ParsedBatch,
    ParsedBook,
    ParsedCompetition,
    ParsedEvent,
    ParsedNotice,
    ParsedPrice,
    ParsedResult,
    Problem,
)
from markets.connectors.columns import PriceColumns


class Rejected(ValueError):
    """A record that is refused whole: which field of it, and what was expected."""

    def __init__(self, at: str, expected: str) -> None:
        super().__init__(expected)
        self.at = at


@dataclass(slots=True)
class Told:
    """Facts as they are found; a problem that is told twice is kept once."""

    file: str
    fetched_at: datetime
    records: int = 0
    events: list[ParsedEvent] = field(default_factory=list)
    prices: list[ParsedPrice] = field(default_factory=list)
    results: list[ParsedResult] = field(default_factory=list)
    notices: list[ParsedNotice] = field(default_factory=list)
    books: dict[str, ParsedBook] = field(default_factory=dict)
    excerpts: dict[int, str] = field(default_factory=dict)
    problems: dict[Problem, None] = field(default_factory=dict)

    def tell(self, row: int | None, field: str, message: str, *, reject: bool = False) -> None:
        """Tell of something unusable; ``reject``: the whole record is."""
        self.problems[Problem(self.file, row, field[:120], message[:500], reject)] = None

    def batch(
        self,
        *,
        competitions: Sequence[ParsedCompetition],
        columns: PriceColumns | None = None,
        **more: Any,
    ) -> ParsedBatch:
        """Return all of it; ``columns`` where the prices are not in ``prices``."""
        return ParsedBatch(
            events=self.events,
            columns=PriceColumns.of(self.prices) if columns is None else columns,
            results=self.results,
            notices=self.notices,
            problems=sorted(self.problems, key=lambda problem: problem.row or 0),
            competitions=competitions,
            books=tuple(self.books.values()),
            records=self.records,
            excerpts=self.excerpts,
            **more,
        )
