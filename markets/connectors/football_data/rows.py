"""A file of football-data.co.uk and its rows, while they are read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from markets.connectors.base import Problem


@dataclass(slots=True)
class Row:
    """One match as the file tells it, before it has a season and a leg."""

    number: int
    cells: list[str]
    division: str
    day: date
    starts_at: datetime
    home: str
    away: str
    season: str = ""
    leg: int = 1
    lines: dict[int, Decimal | None] = field(default_factory=dict)  # handicaps by their column

    @property
    def ref(self) -> str:
        return f"{self.division}|{self.season}|{self.home}|{self.away}|{self.leg}"


@dataclass(slots=True)
class File:
    """One file while it is read."""

    name: str
    fetched_at: datetime
    places: dict[str, int] = field(default_factory=dict)
    width: int = 0
    header: int = 0  # number of the line with the columns' names
    problems: list[Problem] = field(default_factory=list)

    def tell(self, row: int | None, column: str, message: str) -> None:
        self.problems.append(Problem(self.name, row, column, message[:500]))

    def reject(self, row: int, column: str, message: str) -> None:
        """Tell of a row that is refused whole."""
        self.problems.append(Problem(self.name, row, column, message[:500], is_rejection=True))

    def cell(self, cells: Sequence[str], column: str) -> str:
        at = self.places.get(column)
        return cells[at].strip() if at is not None and at < len(cells) else ""
