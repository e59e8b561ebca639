"""How results were spread, as far as they were known before an event's day.

One query reads the history of all sports that are asked about, by day; each event is then priced
by what was known when its day began (UTC), the same whenever it is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from django.db import connection

from settlements.domain import spreads
from settlements.domain.spreads import Ints, Spread


class Question(NamedTuple):
    """Whose spread, and as known when; ``line`` stands in where only a count's mean is known."""

    sport_id: int
    sport: str
    is_simulated: bool
    measure: str
    period: str
    day: int  # since 1970
    participant_id: int | None = None
    statistic: str = ""
    line: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """Results by day and value, added up: ``counts`` (days, values), values from ``lowest`` on."""

    days: Ints
    lowest: int
    counts: Ints

    @classmethod
    def of(cls, rows: Sequence[tuple[int, int, int]]) -> "_Seen":
        """Add up (day, value, weight); a weight is negative where a correction took one back."""
        day, value, weight = np.array(rows, dtype=np.int64).reshape(-1, 3).T
        days, place = np.unique(day, return_inverse=True)
        lowest = int(value.min()) if len(value) else 0
        width = int(value.max()) - lowest + 1 if len(value) else 0
        counts = np.zeros((days.size, width), dtype=np.int64)
        np.add.at(counts, (place, value - lowest), weight)
        return cls(days, lowest, np.cumsum(counts, axis=0))

    def until(self, day: int) -> tuple[Ints, Ints]:
        """Return the values and how often each was known before that day."""
        known = int(np.searchsorted(self.days, day))
        if not known:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        counts = self.counts[known - 1]
        seen = np.flatnonzero(counts > 0)
        return seen + self.lowest, counts[seen]


_NOTHING = _Seen.of([])


@dataclass(slots=True)
class Shapes:
    """Spreads by question, each drawn once."""

    _seen: dict[tuple, _Seen] = field(default_factory=dict)
    _players: dict[tuple, _Seen] = field(default_factory=dict)
    _read: set[int] = field(default_factory=set)
    _drawn: dict[Question, Spread | None] = field(default_factory=dict)

    def read(self, questions: Sequence[Question]) -> None:
        """Read what these questions need: a query for sports, one for players, where new."""
        sports = {one.sport_id for one in questions if one.measure != spreads.PLAYER} - self._read
        if sports:
            self._read |= sports
            self._seen |= _by_key(_RESULTS, {"sports": sorted(sports)}, key=3)
        players = {
            (one.participant_id, one.statistic)
            for one in questions
            if one.participant_id is not None and one.measure == spreads.PLAYER
        } - self._players.keys()
        if players:
            whose, what = (list(column) for column in zip(*sorted(players), strict=True))
            self._players |= dict.fromkeys(players, _NOTHING)
            self._players |= _by_key(_FIGURES, {"whose": whose, "what": what}, key=2)

    def of(self, question: Question) -> Spread | None:
        """Return the shape that a question is priced by; None where nobody knows the sport's."""
        if question.measure != spreads.PLAYER:
            question = question._replace(participant_id=None, statistic="", line=0.0)
        if question not in self._drawn:
            self._drawn[question] = self._draw(question)
        return self._drawn[question]

    def _draw(self, one: Question) -> Spread | None:
        if one.measure == spreads.PLAYER:
            return self._player(one)
        sd = spreads.sigma_of(sport=one.sport, measure=one.measure, period=one.period)
        if sd is None:
            return None
        is_count = one.measure != spreads.MARGIN
        if one.period != "FULL":
            return spreads.normal(sd=sd, is_count=is_count)
        seen = self._seen.get((one.sport_id, one.is_simulated, one.measure), _NOTHING)
        values, counts = seen.until(one.day)
        return spreads.empirical(values=values, counts=counts, sd=sd, is_count=is_count)

    def _player(self, one: Question) -> Spread:
        """Return a normal curve of his own deviation, or, with few games, that of a plain count."""
        seen = self._players.get((one.participant_id or 0, one.statistic), _NOTHING)
        values, counts = seen.until(one.day)
        n, sd, centre = int(counts.sum()), max(one.line, 1.0) ** 0.5, one.line
        if n >= spreads.ENOUGH_OF_A_PLAYER:
            centre = float(values @ counts) / n
            sd = max(float(np.square(values - centre) @ counts / (n - 1)) ** 0.5, 0.5)
        return spreads.normal(sd=sd, centre=centre, is_count=True, n=n)


def _by_key(query: str, asked: dict[str, list], *, key: int) -> dict[tuple, _Seen]:
    with connection.cursor() as cursor:
        cursor.execute(query, asked)
        rows = cursor.fetchall()
    found: dict[tuple, list[tuple[int, int, int]]] = {}
    for row in rows:
        found.setdefault(row[:key], []).append(row[key:])
    return {name: _Seen.of(mine) for name, mine in found.items()}


_DAY = "floor(extract(epoch from {}) / 86400)::bigint"
# A version counts from when it was known until the next one was.
_RESULTS = f"""
with told as (
    select c.sport_id, c.is_simulated, r.status, r.home_score, r.away_score, r.known_at,
           lead(r.known_at) over (partition by r.event_id order by r.version) as until
    from markets_result r
    join markets_event e on e.id = r.event_id
    join markets_competition c on c.id = e.competition_id
    where c.sport_id = any(%(sports)s)
)
select t.sport_id, t.is_simulated, f.measure, {_DAY.format("w.at")}, f.value, sum(w.weight)
from told t
cross join lateral (values ('MARGIN', t.home_score - t.away_score),
                           ('TOTAL', t.home_score + t.away_score),
                           ('TEAM', t.home_score), ('TEAM', t.away_score)) as f (measure, value)
cross join lateral (values (t.known_at, 1), (t.until, -1)) as w (at, weight)
where t.status = 'FINAL' and f.value is not null and w.at is not null
group by 1, 2, 3, 4, 5
"""
_FIGURES = f"""
with told as (
    select f.participant_id, f.statistic, f.value, f.took_part, r.status, r.known_at,
           lead(r.known_at) over (partition by f.participant_id, f.statistic, r.event_id
                                  order by r.version) as until
    from unnest(%(whose)s::bigint[], %(what)s::text[]) as asked (participant_id, statistic)
    join markets_statisticresult f on f.participant_id = asked.participant_id
                                   and f.statistic = asked.statistic
    join markets_result r on r.id = f.result_id
)
select t.participant_id, t.statistic, {_DAY.format("w.at")}, round(t.value)::bigint, sum(w.weight)
from told t cross join lateral (values (t.known_at, 1), (t.until, -1)) as w (at, weight)
where t.took_part and t.value is not null and t.status = 'FINAL' and w.at is not null
group by 1, 2, 3, 4
"""
