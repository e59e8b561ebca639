"""What a feature is: its name, its meaning, its unit, its source, and when it becomes known."""

import hashlib
import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from models_ml.domain.facts import Asks, Facts

NAN = float("nan")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 86_400_000_000  # microseconds
LARGEST = 1e12  # no feature means anything beyond it


@dataclass(frozen=True, slots=True)
class Feature:
    name: str
    description: str
    unit: str
    source: str
    known_at: str


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """A named, ordered list of features of a sport, and what computes them.

    ``grain``: what a row is about: MATCH, RUNNER (of a race) or PLAYER (and statistic).
    ``unit``: where the state of a side lives, "competition" or "sport".
    ``starts``: by name, the columns that an estimator may begin with.
    """

    name: str
    sport: str
    features: tuple[Feature, ...]
    compute: Callable[[Facts, Asks], NDArray[np.float64]]
    starts: Mapping[str, tuple[int, ...]]
    needed: tuple[int, ...]  # a row with none of these known says nothing
    grain: str = "MATCH"
    unit: str = "competition"

    @property
    def names(self) -> list[str]:
        return [feature.name for feature in self.features]

    @property
    def sha256(self) -> str:
        """Return the hash of name and feature names: what an artefact's columns mean."""
        return hashlib.sha256("\n".join([self.name, *self.names]).encode()).hexdigest()

    def says_nothing(self, values: NDArray) -> NDArray:
        """Return which rows know nothing of what is needed, (n,) bool."""
        return np.isnan(values[:, list(self.needed)]).all(axis=1)

    @property
    def market(self) -> tuple[int, ...]:
        """Return where the market's probabilities stand, in order of the roles."""
        return self.starts["market"]

    @property
    def expectation(self) -> int:
        """Return where Elo's expected score of the home side stands."""
        return self.starts["expectation"][0]

    @property
    def draw_rate(self) -> int:
        """Return where the competition's share of draws stands."""
        return self.starts["draw_rate"][0]


def microseconds(moment: datetime) -> int:
    """Return an aware time as whole microseconds since 1970, exactly.

    >>> microseconds(datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC))
    1000005
    """
    gap = moment - EPOCH
    return (gap.days * 86_400 + gap.seconds) * 1_000_000 + gap.microseconds


def compute(*, feature_set: FeatureSet, facts: Facts, asks: Asks) -> NDArray[np.float64]:
    """Return the values of every ask, ``(n, f)``, NaN where not known.

    This is the only computation of features there is: for training, live and when an interval
    is predicted again.  An ask sees exactly what was known at its ``as_of``.

    Raises:
        BadAsk: an event is unknown at its ``as_of``, or has started by then.
        ValueError: a value is infinite or beyond all meaning.
    """
    values = feature_set.compute(facts, asks)
    bad = np.argwhere(np.abs(values) > LARGEST)
    if len(bad):
        row, column = bad[0]
        raise ValueError(
            f"{feature_set.name}: {feature_set.names[column]} of event {asks.event[row]}"
            f" is {values[row, column]}"
        )
    return values


def checksum(*, feature_set: str, as_of: datetime, values: Sequence[float | None]) -> str:
    """Return the SHA-256 over set name, as-of time and the values' bytes; null is one NaN.

    >>> a = checksum(feature_set="s", as_of=datetime(2024, 1, 1, tzinfo=UTC), values=[1.0, None])
    >>> a == checksum(feature_set="s", as_of=datetime(2024, 1, 1, tzinfo=UTC), values=[1.0, NAN])
    True
    """
    numbers = [NAN if value is None or math.isnan(value) else value for value in values]
    digest = hashlib.sha256(f"{feature_set}\n{as_of.astimezone(UTC).isoformat()}\n".encode())
    digest.update(struct.pack(f">{len(numbers)}d", *numbers))
    return digest.hexdigest()
