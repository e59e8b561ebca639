"""What there is to learn from: rows as they were known before the start, and what then came."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Rows in order of start; those of one race stand together.  Times in µs UTC.

    Labels that a grain does not have are NaN: matches have scores, runners who won and who was
    placed, players their figure.
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
        return Examples(*(getattr(self, field.name)[rows] for field in fields(self)))
