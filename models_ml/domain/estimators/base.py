"""What every estimator is asked, what it answers, and how it finds its columns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models_ml.domain.lines import Answers

AfterRound = Callable[[int, int], None]  # (rounds done, rounds at most); may raise to cancel
MARKET, RATINGS = "market", "ratings"  # where a row's logit or mean starts from
#: How the names of columns begin that prices tell.
TOLD_BY_PRICES = ("market_", "spread_", "total_", "handicap_", "public_", "has_market")


class NotEnoughToLearn(ValueError):
    """Too few rows, or rows that all say the same: there is nothing to learn from them."""


class Columns(Protocol):
    """A feature set, as far as an estimator needs to know it."""

    @property
    def names(self) -> list[str]: ...

    @property
    def sha256(self) -> str: ...


@dataclass(frozen=True, slots=True, eq=False)
class Questions:
    """Selections of one kind of market, each asked of one row.

    ``place`` is the answer's place in ``markets.domain.kinds.ROLES[kind]``, -1 for a runner;
    ``line`` is the market's own, which is home's in a handicap, NaN where it has none; ``side``
    is 0 for home and 1 for away, whose team total is asked; ``places`` is how many are placed;
    ``groups`` is the race of each row of values, not of each question.
    """

    kind: str
    row: NDArray
    place: NDArray
    line: NDArray
    side: NDArray
    places: NDArray
    groups: NDArray

    def __len__(self) -> int:
        return len(self.row)


class Estimator(Protocol):
    """A trained estimator, ready to foretell: no state, the same answer alone as in a batch."""

    @property
    def kind(self) -> str: ...

    def answer(self, values: NDArray, questions: Questions) -> Answers:
        """Return P(win | stake not refunded) and the expected refund of each question.

        Raises:
            ValueError: this kind of estimator does not answer this kind of market.
        """

    def explain(self, values: NDArray) -> NDArray:
        """Return what each feature adds to the row's logit or mean, (n, f + 1); last: the start."""

    def sample(self, values: NDArray) -> NDArray:
        """Return a few figures of each row, (n, m): what golden rows are compared by."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a fit brings: the artefact, its calibration, and what is worth knowing of the fit."""

    kind: str
    content: bytes
    calibration: dict[str, Any]
    report: dict[str, Any] = field(default_factory=dict)


def questions(
    *,
    kind: str,
    row: Sequence[int] | NDArray,
    place: Sequence[int] | NDArray | int = 0,
    line: Sequence[float] | NDArray | float = np.nan,
    side: Sequence[int] | NDArray | int = 0,
    places: Sequence[int] | NDArray | int = 0,
    groups: Sequence[int] | NDArray = (),
) -> Questions:
    """Return questions; one number stands for all of them.

    >>> asked = questions(kind="TOTAL", row=[0, 0], place=[0, 1], line=2.5)
    >>> asked.line.tolist(), asked.place.tolist()
    ([2.5, 2.5], [0, 1])
    """
    rows = np.asarray(row, dtype=np.intp)

    def each(value: Any, kind: type) -> NDArray:
        return np.broadcast_to(np.asarray(value, dtype=kind), rows.shape)

    return Questions(
        kind=kind,
        row=rows,
        place=each(place, np.intp),
        line=each(line, np.float64),
        side=each(side, np.intp),
        places=each(places, np.intp),
        groups=np.asarray(groups, dtype=np.int64),
    )


def column(values: NDArray, columns: Columns, *names: str) -> NDArray:
    """Return the first of these columns that is known, row by row; NaN where none is.

    >>> class Set:
    ...     names, sha256 = ["a", "b"], ""
    >>> column(np.array([[np.nan, 2.0], [1.0, 3.0]]), Set(), "a", "absent", "b").tolist()
    [2.0, 1.0]
    """
    known = columns.names
    found = np.full(len(values), np.nan)
    for name in names:
        if name in known:
            found = np.where(np.isnan(found), values[:, known.index(name)], found)
    return found


def has(columns: Columns, *names: str) -> bool:
    """Tell whether a feature set has all of these columns."""
    return set(names) <= set(columns.names)


def without_prices(values: NDArray, columns: Columns) -> NDArray:
    """Return the values with every column blank that prices tell."""
    blank = [name.startswith(TOLD_BY_PRICES) for name in columns.names]
    found = np.array(values, dtype=np.float64)
    found[:, blank] = np.nan
    return found
