"""Facts: every input with the moment since when the world could know it, as columns.

Moments are whole microseconds since 1970 (UTC), ids whole numbers with -1 for none, everything
else a float with NaN for unknown.  Each table is sorted by the moment it became known, so what
was known at a moment is a prefix, and ``Facts.at`` cuts it off: the world of a leak test.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

#: Known since ever: no source says since when.  Smaller than any moment, and no sum overflows.
EVER = -(2**62)
#: Not yet: a runner that was not removed.
NEVER = 2**62
NONE = -1  # no id
UNKNOWN = -1  # a yes or no that nobody told

Moments = Annotated[NDArray[np.int64], "int64"]
Ids = Annotated[NDArray[np.int64], "int64"]
Flags = Annotated[NDArray[np.int8], "int8"]  # 1 yes, 0 no, -1 not told; or a small code
Numbers = Annotated[NDArray[np.float64], "float64"]


class Asks(NamedTuple):
    """What features are asked for: an event, a participant or -1, and a moment; row by row."""

    event: NDArray[np.int64]
    participant: NDArray[np.int64]
    as_of: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Columns of the same length, sorted by ``known``, then by ``order``."""

    known: ClassVar[str] = "known_at"
    order: ClassVar[tuple[str, ...]] = ()
    words: ClassVar[Mapping[str, str]] = {}  # columns of codes -> where their words are

    def __len__(self) -> int:
        return len(getattr(self, self.known))

    @classmethod
    def columns(cls) -> dict[str, np.dtype[Any]]:
        """Return the name and type of each column."""
        kinds = {f.name: getattr(f.type, "__metadata__", None) for f in fields(cls)}
        return {name: np.dtype(kind[0]) for name, kind in kinds.items() if kind}

    @classmethod
    def of(cls, columns: Mapping[str, Any], **others: Any) -> Self:
        """Return a table of these columns, typed and sorted.

        >>> told = {"event": [8, 7], "version": [1, 1], "known_at": [20, 10], "is_final": [1, 1]}
        >>> Results.of({**told, "home_score": [2, 0], "away_score": [1, 0]}).event.tolist()
        [7, 8]
        """
        typed = {
            name: np.asarray(columns[name], dtype=dtype) for name, dtype in cls.columns().items()
        }
        return cls(**typed, **others).sorted()

    @classmethod
    def empty(cls) -> Self:
        return cls.of({name: [] for name in cls.columns()})

    def sorted(self) -> Self:
        by = [getattr(self, name) for name in (self.known, *self.order)]
        return self.take(np.lexsort(by[::-1])) if len(self) else self

    def take(self, rows: NDArray[Any] | slice) -> Self:
        """Return these rows: a slice makes views, an array of places or a mask makes copies."""
        return replace(self, **{name: getattr(self, name)[rows] for name in self.columns()})

    def meaning(self, column: str) -> NDArray[Any]:
        """Return a column's values; words where it holds codes of words."""
        values: NDArray[Any] = getattr(self, column)
        if column not in self.words:
            return values
        vocabulary = [*getattr(self, self.words[column]), ""]
        numbers = [int.from_bytes(_digest(word), "big", signed=True) for word in vocabulary]
        return np.array(numbers, dtype=np.int64)[values]  # the code -1 is the last word: none

    def keys(self) -> NDArray[Any]:
        """Return each row as one value: equal where every column means the same."""
        return row_keys([self.meaning(column) for column in self.columns()])

    def at(self, moment: int) -> Self:
        """Return what was known at a moment, views of these columns."""
        known = np.searchsorted(getattr(self, self.known), moment, side="right")
        return self.take(slice(0, int(known)))


@dataclass(frozen=True, slots=True, eq=False)
class Fixtures(Table):
    """The fixture list: one row per event and version of its plan.

    An event that was moved has its first plan, known since ever, and one row for each move since
    the move was told.  ``attributes``: what is known with the fixture, by name (``known.py``).
    """

    order: ClassVar[tuple[str, ...]] = ("starts_at", "event")

    event: Ids
    competition: Ids
    season: Ids
    season_rank: Ids  # 0 for the competition's first season
    home: Ids  # -1: a race
    away: Ids
    starts_at: Moments
    known_at: Moments
    local_day: Ids  # days since 1970 by the clocks of the competition
    certainty: Flags  # place in known.CERTAINTIES
    is_on: Flags  # 0 while it is postponed or cancelled
    is_neutral: Flags
    round: Ids  # "22" and "R22" are 22
    time_scale: Numbers
    attributes: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def take(self, rows: NDArray[Any] | slice) -> Self:
        columns = {name: getattr(self, name)[rows] for name in self.columns()}
        kept = {name: values[rows] for name, values in self.attributes.items()}
        return replace(self, **columns, attributes=kept)

    def keys(self) -> NDArray[Any]:
        plain = [getattr(self, column) for column in self.columns()]
        kept = [values for _, values in sorted(self.attributes.items())]
        return row_keys([*plain, *kept])


@dataclass(frozen=True, slots=True, eq=False)
class Results(Table):
    """Versions of results.  Not final: this version takes back what an earlier one said."""

    order: ClassVar[tuple[str, ...]] = ("event", "version")

    event: Ids
    version: Ids
    known_at: Moments
    is_final: Flags
    home_score: Ids  # -1: none, as in a race
    away_score: Ids


@dataclass(frozen=True, slots=True, eq=False)
class Runners(Table):
    """How runners came in, by version of the race's result."""

    order: ClassVar[tuple[str, ...]] = ("event", "version", "participant")

    event: Ids
    version: Ids
    known_at: Moments
    participant: Ids
    number: Ids
    is_winner: Flags
    is_placed: Flags
    is_removed: Flags


@dataclass(frozen=True, slots=True, eq=False)
class Entries(Table):
    """Who is to run.  Known since ever where no source says when; that one was removed is not."""

    order: ClassVar[tuple[str, ...]] = ("event", "participant")

    event: Ids
    participant: Ids
    number: Ids
    removed_at: Moments  # NEVER where it runs
    known_at: Moments

    def at(self, moment: int) -> Self:
        known = np.searchsorted(self.known_at, moment, side="right")
        rows = self.take(slice(0, int(known)))
        removed = np.where(rows.removed_at > moment, NEVER, rows.removed_at)
        return replace(rows, removed_at=removed)


@dataclass(frozen=True, slots=True, eq=False)
class Figures(Table):
    """Figures of players, by version of the event's result."""

    order: ClassVar[tuple[str, ...]] = ("event", "version", "participant", "statistic")
    words: ClassVar[Mapping[str, str]] = {"statistic": "statistics"}

    event: Ids
    version: Ids
    known_at: Moments
    participant: Ids
    statistic: Ids  # place in ``statistics``
    value: Numbers
    took_part: Flags
    statistics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Quotes(Table):
    """Prices of whole events, each since the moment a book showed it."""

    known: ClassVar[str] = "seen_at"
    order: ClassVar[tuple[str, ...]] = ("event", "market", "selection", "book")
    words: ClassVar[Mapping[str, str]] = {"statistic": "statistics"}

    event: Ids
    market: Ids
    selection: Ids
    kind: Flags  # place in known.KINDS
    line: Numbers  # the market's: the home side's handicap, the total
    statistic: Ids  # place in ``statistics``; -1: the score
    place: Flags  # place in known.ROLES
    participant: Ids
    book: Ids
    seen_at: Moments
    price_millis: Ids  # 1.85 is 1850
    statistics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Notices(Table):
    """What was told around events.  ``thread`` and ``version``: a later one replaces an earlier.

    A notice with several figures has a row for each; ``status`` names it ("Out", "wind").
    """

    order: ClassVar[tuple[str, ...]] = ("thread", "version", "status")
    words: ClassVar[Mapping[str, str]] = {"status": "statuses"}

    event: Ids
    participant: Ids
    kind: Flags  # place in known.NOTICES
    status: Ids  # place in ``statuses``; -1: none
    known_at: Moments
    value: Numbers
    thread: Ids
    version: Ids
    statuses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Books(Table):
    """Who makes prices, as it is set up; known since ever."""

    order: ClassVar[tuple[str, ...]] = ("id",)

    id: Ids
    kind: Flags  # place in known.BOOKS
    rank: Ids  # -1: no reference
    enabled: Flags
    known_at: Moments
    codes: tuple[str, ...] = ()  # in the order of the rows


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """Everything that features are made from, each table in the order it became known."""

    fixtures: Fixtures
    results: Results
    runners: Runners
    entries: Entries
    figures: Figures
    quotes: Quotes
    notices: Notices
    books: Books
    names: Mapping[int, str] = field(default_factory=dict)  # teams only: where they play at home

    @classmethod
    def nothing(cls) -> "Facts":
        """Return a world in which nothing is known."""
        empty: dict[str, Any] = {name: kind.empty() for name, kind in TABLES.items()}
        return cls(**empty)

    def at(self, moment: int) -> "Facts":
        """Return the world as it was known at a moment; nothing that was told later is in it."""
        known: dict[str, Any] = {name: getattr(self, name).at(moment) for name in TABLES}
        return replace(self, **known)

    def only(self, events: Sequence[int] | NDArray[np.int64]) -> "Facts":
        """Return the facts of these events, and what is not about any event."""
        wanted = np.asarray(events, dtype=np.int64)
        kept: dict[str, Any] = {}
        for name in TABLES:
            table = getattr(self, name)
            if hasattr(table, "event"):
                mask = np.isin(table.event, wanted)
                kept[name] = table.take(mask | (table.event == NONE))
        return replace(self, **kept)

    def fingerprint(self) -> str:
        """Return a hash of every column: the same facts, whatever they were read from."""
        digest = hashlib.sha256()
        for name in TABLES:
            table = getattr(self, name)
            for column in table.columns():
                _tell(digest, f"{name}.{column}", table.meaning(column))
            for column, values in sorted(getattr(table, "attributes", {}).items()):
                _tell(digest, f"{name}.{column}", values)
            digest.update(repr(getattr(table, "codes", ())).encode())
        return digest.hexdigest()


TABLES: Mapping[str, type[Table]] = {
    "fixtures": Fixtures,
    "results": Results,
    "runners": Runners,
    "entries": Entries,
    "figures": Figures,
    "quotes": Quotes,
    "notices": Notices,
    "books": Books,
}


def row_keys(columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return each row as one value, equal where every column has the same bytes."""
    stacked = np.empty((len(columns[0]), len(columns)), dtype=np.int64)
    for place, values in enumerate(columns):
        stacked[:, place] = _bits(values)
    return stacked.view(np.dtype((np.void, stacked.dtype.itemsize * len(columns)))).ravel()


def _bits(values: NDArray[Any]) -> NDArray[np.int64]:
    """Return values as whole numbers, equal where they are; every NaN is the same one."""
    if values.dtype.kind != "f":
        return values.astype(np.int64)
    return np.where(np.isnan(values), np.nan, values + 0.0).view(np.int64)


def _digest(word: str) -> bytes:
    return hashlib.sha256(word.encode()).digest()[:8]


def _tell(digest: Any, name: str, values: NDArray[Any]) -> None:
    digest.update(name.encode())
    digest.update(np.ascontiguousarray(_bits(values)).tobytes())
