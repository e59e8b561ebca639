"""What a feature is: its name, its meaning, its unit, its source, and when it becomes known."""

import hashlib
import math
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

NAN = float("nan")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Feature:
    name: str
    description: str
    unit: str
    source: str
    known_at: str


class Match(NamedTuple):
    """A match that has been played, as one version of its result tells it.  Times in µs UTC."""

    event_id: int
    competition_id: int
    season_id: int
    home_id: int
    away_id: int
    starts_at: int
    known_at: int
    version: int
    is_final: bool  # False: this version takes the score back (abandoned, postponed)
    home_score: int = 0
    away_score: int = 0


@dataclass(frozen=True, slots=True)
class Fixture:
    """A match to be foretold at ``as_of`` (µs UTC), with the margin-free market at that time."""

    event_id: int
    competition_id: int
    season_id: int
    home_id: int
    away_id: int
    starts_at: int
    as_of: int
    time_scale: float = 1.0
    market: tuple[float, float, float] = (NAN, NAN, NAN)
    overround: float = NAN


class Fold(Protocol):
    """The state of one competition: it learns results one by one and answers for fixtures."""

    def learn(self, match: Match) -> None: ...

    def values(self, fixture: Fixture) -> list[float]: ...


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """A named, ordered list of features of a sport, and the fold that computes them."""

    name: str
    sport: str
    features: tuple[Feature, ...]
    fold: Callable[[], Fold]
    market: tuple[int, int, int]  # where home, draw and away probabilities of the market stand
    expectation: int  # where Elo's expected score of the home side stands
    draw_rate: int  # where the competition's share of draws stands
    needed: tuple[int, ...]  # a row with none of these known says nothing

    @property
    def names(self) -> list[str]:
        return [feature.name for feature in self.features]

    @property
    def sha256(self) -> str:
        """Return the hash of name and feature names: what an artefact's columns mean."""
        return hashlib.sha256("\n".join([self.name, *self.names]).encode()).hexdigest()


def microseconds(moment: datetime) -> int:
    """Return an aware time as whole microseconds since 1970, exactly.

    >>> microseconds(datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC))
    1000005
    """
    gap = moment - EPOCH
    return (gap.days * 86_400 + gap.seconds) * 1_000_000 + gap.microseconds


def unfold(
    *, feature_set: FeatureSet, history: Iterable[Match], fixtures: Sequence[Fixture]
) -> list[list[float]]:
    """Return each fixture's values, in the fixtures' order, by one pass over the history.

    A fixture sees exactly the result versions with ``known_at <= as_of``, whatever else the
    history holds and in whatever order.  This is the only computation of features there is:
    a training set is one pass with many fixtures, a live row is a pass with one.
    """
    versions = sorted(history, key=lambda m: (m.known_at, m.starts_at, m.event_id, m.version))
    order = sorted(range(len(fixtures)), key=lambda i: fixtures[i].as_of)
    folds: dict[int, Fold] = {}
    rows: list[list[float]] = [[]] * len(fixtures)
    learned = 0
    for index in order:
        fixture = fixtures[index]
        while learned < len(versions) and versions[learned].known_at <= fixture.as_of:
            match = versions[learned]
            fold = folds.get(match.competition_id)
            if fold is None:
                fold = folds[match.competition_id] = feature_set.fold()
            fold.learn(match)
            learned += 1
        fold = folds.get(fixture.competition_id)
        if fold is None:
            fold = folds[fixture.competition_id] = feature_set.fold()
        rows[index] = fold.values(fixture)
    return rows


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
