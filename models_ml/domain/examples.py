"""What there is to learn from: rows as they were known before the start, and what then came."""

from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

_OPTIONAL = {"market_line": np.nan, "close_line": np.nan, "home_side": -1, "away_side": -1}


def _none() -> NDArray:
    return np.empty(0)


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Rows in order of start; those of one race stand together.  Times in µs UTC.

    Labels that a grain does not have are NaN: matches have scores, runners who won and who was
    placed, players their figure.  ``market`` and ``close`` are of the answers of one kind of
    market, in the order of its roles (for a runner, of that one alone); where the kind has lines,
    of the line beside them, which is home's in a handicap.
    """

    event: NDArray
    participant: NDArray  # -1 for a match
    group: NDArray  # rows of one race share it; a match has its own
    competition: NDArray
    season: NDArray
    week: NDArray  # since 1970, to cut and to bootstrap by
    starts: NDArray
    as_of: NDArray
    label_known_at: NDArray
    values: NDArray  # (n, f), NaN where not known
    home: NDArray
    away: NDArray
    figure: NDArray
    winner: NDArray  # 1 or 0
    placed: NDArray  # 1 or 0, the winner too
    market: NDArray  # (n, k) margin-free at as_of, NaN where none
    close: NDArray  # (n, k) margin-free at the close: a yardstick, never a feature
    market_line: NDArray = field(default_factory=_none)
    close_line: NDArray = field(default_factory=_none)
    home_side: NDArray = field(default_factory=_none)  # ids of participants, -1 in races
    away_side: NDArray = field(default_factory=_none)

    def __post_init__(self) -> None:
        for name, missing in _OPTIONAL.items():
            if len(getattr(self, name)) != len(self):
                object.__setattr__(self, name, np.full(len(self), missing))

    def __len__(self) -> int:
        return len(self.event)

    @property
    def margin(self) -> NDArray:
        return self.home - self.away

    @property
    def total(self) -> NDArray:
        return self.home + self.away

    @property
    def outcome(self) -> NDArray:
        """Return 0 where home won, 1 where nobody did, 2 where away won."""
        return (1 - np.sign(self.margin)).astype(np.int64)

    def part(self, rows: NDArray) -> "Examples":
        """Return some of the rows, in the order of their positions (or where a mask is true)."""
        return Examples(*(getattr(self, one.name)[rows] for one in fields(self)))
