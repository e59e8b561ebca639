"""Rules of the games that changed how they end, since when, and since when that was known."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from models_ml.domain.arrays import Floats, Ints
from models_ml.domain.facts import NEVER
from models_ml.domain.features import microseconds


@dataclass(frozen=True, slots=True)
class RuleFlag:
    """A rule in force from one day on, to another where it ended."""

    code: str
    sport: str
    title: str
    announced_at: datetime
    effective_from: datetime
    effective_until: datetime | None = None

    def at(self, *, starts_at: Ints, as_of: Ints) -> Floats:
        """Return 1 where the rule holds at the start and was known at ``as_of``, else 0.

        >>> flag = FLAGS["closed_doors"]
        >>> start = np.array([microseconds(datetime(2020, 6, 1, tzinfo=UTC))])
        >>> flag.at(starts_at=start, as_of=start - 1).tolist()
        [1.0]
        """
        until = NEVER if self.effective_until is None else microseconds(self.effective_until)
        return (
            (starts_at >= microseconds(self.effective_from))
            & (starts_at < until)
            & (as_of >= microseconds(self.announced_at))
        ).astype(np.float64)


def _day(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


_ALL = (
    RuleFlag(
        "closed_doors", "soccer", "No spectators",
        _day(2020, 5, 6), _day(2020, 5, 16), _day(2021, 5, 31),
    ),
    RuleFlag(
        "kickoff_2024", "american_football", "Dynamic kickoff",
        _day(2024, 3, 26), _day(2024, 9, 1),
    ),
    RuleFlag(
        "extra_point_2015", "american_football", "Extra points kicked from the 15-yard line",
        _day(2015, 5, 19), _day(2015, 9, 1),
    ),
    RuleFlag(
        "season_17", "american_football", "Seventeen games a season",
        _day(2021, 3, 30), _day(2021, 9, 1),
    ),
)  # fmt: skip
FLAGS = {flag.code: flag for flag in _ALL}
