"""How surely a share is known, and when it is low enough to tell somebody.  Pure.

Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
Journal of the American Statistical Association 22 (1927).
"""

import math
from dataclasses import dataclass

_Z = 1.959963984540054  # of 95 %


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, with the 95 % interval; no value of nothing."""

    hits: int
    n: int

    @property
    def value(self) -> float | None:
        return self.hits / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Return Wilson's interval.

        >>> low, high = Share(8, 10).interval
        >>> round(low, 4), round(high, 4)
        (0.4902, 0.9433)
        """
        if not self.n:
            return None
        share, squared = self.hits / self.n, _Z * _Z / self.n
        middle = (share + squared / 2) / (1 + squared)
        half = _Z * math.sqrt(share * (1 - share) / self.n + squared / self.n / 4) / (1 + squared)
        return max(0.0, middle - half), min(1.0, middle + half)

    def is_below(self, threshold: float, *, fewest: int, surely: bool) -> bool:
        """Tell whether it is below a threshold, on enough, and surely where that is demanded.

        >>> few = Share(20, 30)
        >>> few.is_below(0.8, fewest=30, surely=False), few.is_below(0.8, fewest=30, surely=True)
        (True, False)
        >>> few.is_below(0.8, fewest=31, surely=False)
        False
        """
        if self.n < max(1, fewest) or self.interval is None:
            return False
        return (self.interval[1] if surely else self.hits / self.n) < threshold

    def in_words(self) -> str:
        """Say it with its interval and how many it is of.

        >>> Share(8, 10).in_words()
        '80.0 % (49.0 to 94.3 %, n = 10)'
        """
        if self.interval is None:
            return "nothing was sent"
        low, high = (100 * end for end in self.interval)
        return f"{100 * self.hits / self.n:.1f} % ({low:.1f} to {high:.1f} %, n = {self.n})"
