"""What only the whole file tells of a row: its season, its leg, whether it stands there twice.

A few numbers of each row are kept while a file is looked through, so that it need not be held.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from markets.connectors.football_data import cells as cells_of
from markets.connectors.football_data.rows import Row

Ints = NDArray[np.int64]

_OF_ANOTHER_SEASON = 0


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The seasons by division; of each row in turn its leg, or why it has none."""

    seasons: Mapping[str, str]
    legs: Ints

    def is_of_another_season(self, place: int) -> bool:
        return bool(self.legs[place] == _OF_ANOTHER_SEASON)

    def repeats(self, place: int) -> int:
        """Return the number of the row with the same match; 0 where there is none."""
        return max(0, -int(self.legs[place]))


@dataclass(slots=True)
class Outline:
    """The rows of a file as they are met; two pairings of equal digest there are none."""

    divisions: dict[str, int] = field(default_factory=dict)
    division: array[int] = field(default_factory=lambda: array("B"))
    number: array[int] = field(default_factory=lambda: array("i"))
    day: array[int] = field(default_factory=lambda: array("i"))
    minute: array[int] = field(default_factory=lambda: array("i"))  # of the start, since 1970
    pairing: bytearray = field(default_factory=bytearray)

    def add(self, row: Row) -> None:
        self.division.append(self.divisions.setdefault(row.division, len(self.divisions)))
        self.number.append(row.number)
        self.day.append(row.day.toordinal())
        self.minute.append(int(row.starts_at.timestamp()) // 60)
        told = f"{row.division}\n{row.home}\n{row.away}".encode()
        self.pairing += blake2b(told, digest_size=16).digest()

    def verdicts(self, *, named: str | None) -> Verdicts:
        """Give each row its season and leg; ``named``: the season that the file's name tells.

        The leg counts the meetings of a pairing at one home in order of time.  Of two rows for
        the same match and day the second is told as such.
        """
        division, day = np.asarray(self.division), np.asarray(self.day)
        seasons = {}
        is_kept = np.zeros(day.size, dtype=bool)
        for code, number in self.divisions.items():
            rows = np.flatnonzero(division == number)
            seasons[code] = _season(day[rows], named)
            first, last = cells_of.season_days(seasons[code])
            is_kept[rows] = (day[rows] >= first.toordinal()) & (day[rows] <= last.toordinal())
        legs = np.full(day.size, _OF_ANOTHER_SEASON, dtype=np.int64)
        kept = np.flatnonzero(is_kept)
        legs[kept] = self._legs(kept)
        return Verdicts(seasons, legs)

    def _legs(self, rows: Ints) -> Ints:
        """Return each row's leg; below 0 the number of the row that it repeats."""
        pairing = np.frombuffer(self.pairing, dtype=np.int64).reshape(-1, 2)[rows]
        number, day = np.asarray(self.number)[rows], np.asarray(self.day)[rows]
        order = np.lexsort((number, np.asarray(self.minute)[rows], pairing[:, 1], pairing[:, 0]))
        pairing, number, day = pairing[order], number[order], day[order]
        is_first = np.ones(rows.size, dtype=bool)  # of its pairing
        is_first[1:] = (pairing[1:] != pairing[:-1]).any(axis=1)
        is_meeting = is_first.copy()
        is_meeting[1:] |= day[1:] != day[:-1]
        met, place = np.cumsum(is_meeting), np.arange(rows.size)
        before = met[np.maximum.accumulate(np.where(is_first, place, 0))] - 1
        meeting = np.maximum.accumulate(np.where(is_meeting, place, 0))
        legs = np.empty(rows.size, dtype=np.int64)
        legs[order] = np.where(is_meeting, met - before, -number[meeting].astype(np.int64))
        return legs


def _season(day: Ints, named: str | None) -> str:
    """Take the name's word for the season where most rows agree, else the rows' own.

    That is the season to which most of them can belong, of equal ones the earliest.
    """
    days = np.sort(day)

    def belonging(label: str) -> int:
        first, last = (day.toordinal() for day in cells_of.season_days(label))
        return int(np.searchsorted(days, last, "right") - np.searchsorted(days, first, "left"))

    if named and belonging(named) * 2 > days.size:
        return named
    met = [date.fromordinal(one) for one in np.unique(days).tolist()]
    labels = sorted({cells_of.season_label(one.year - (one.month < 7)) for one in met})
    return max(labels, key=belonging)
