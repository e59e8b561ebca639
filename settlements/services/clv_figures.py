"""Closing-line value by any dimension: sums by event in the database, intervals in numpy.

One statement reads every bet of the question once; what comes out is a row for each key, with its
events' sums packed, so that a million bets cost the database seconds and Python next to nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
from django.db import connection

from markets.domain import odds
from monitoring.errors import Refused
from settlements import queries
from settlements.domain import clv_figures as domain
from settlements.domain.clv_figures import ClvFigures, Sums

MOST = 200  # keys of one answer, those of most bets
ALL = "all"


class UnknownDimension(Refused):
    """Bets are not told apart by that."""


class UnknownMethod(Refused):
    """No margin is taken off that way."""


class UpsideDown(Refused):
    """An interval that ends before it begins."""


def _buckets(value: str, edges: Sequence[float], *, unit: str = "", scale: int = 1) -> str:
    """Return SQL that names the bucket a value falls into, in an order that sorts as text."""
    names = [f"below {edges[0] * scale:g}{unit}"]
    names += [f"{low * scale:g} to {high * scale:g}{unit}" for low, high in pairwise(edges)]
    names.append(f"from {edges[-1] * scale:g}{unit}")
    told = ", ".join(f"'{at + 1}: {name}'" for at, name in enumerate(names))
    bounds = ", ".join(str(float(edge)) for edge in edges)
    return (
        f"coalesce((array[{told}])[1 + width_bucket(({value})::float8,"
        f" array[{bounds}]::float8[])], 'unknown')"
    )


#: What bets may be told apart by: the SQL of a key, over the tables of ``_BETS``.
DIMENSIONS: dict[str, str] = {
    ALL: "''",
    "strategy": "coalesce(strategy.name, 'by hand')",
    "book": "book.code",
    "sport": "sport.code",
    "competition": "c.code",
    "market": "m.kind",
    "side": "b.side",
    "version": (
        "coalesce((select l.code || ' v' || x.number from models_ml_modelversion x"
        " join models_ml_pipeline l on l.id = x.pipeline_id where x.id = p.version_id), 'none')"
    ),
    "hours": _buckets(
        "extract(epoch from e.start - b.placed_at) / 3600 * c.time_scale", domain.HOURS, unit=" h"
    ),
    "edge": _buckets("b.probability * b.price - 1", domain.EARNED, unit=" %%", scale=100),
    "price": _buckets("b.price", domain.PRICES),
    "line": (
        "case when v.basis = 'MOVED' then 'moved' when m.line is null then 'no line'"
        " when v.basis = 'QUOTED' then 'own line' else 'no value' end"
    ),
    "method": "coalesce(v.method, 'no value')",
    "reference": "coalesce(v.reference, 'no value')",
    "week": "to_char(date_trunc('week', e.start at time zone 'UTC'), 'YYYY-MM-DD')",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """Which bets: of which bankrolls, on events that started in [since, until), by one method."""

    bankroll_ids: tuple[int, ...] | None = None  # None: all real ones, no replays
    since: datetime | None = None
    until: datetime | None = None
    method: str | None = None

    def window(self) -> dict[str, Any]:
        """Return what the statements take.

        Raises:
            UpsideDown, UnknownMethod, queries.MixedFigures: it cannot be answered.
        """
        if self.since and self.until and self.since >= self.until:
            raise UpsideDown(
                f"an interval begins before it ends, not from {self.since} to {self.until}"
            )
        if self.method is not None and self.method not in odds.METHODS:
            raise UnknownMethod(f"unknown method {self.method!r}: one of {', '.join(odds.METHODS)}")
        ids = queries.compatible(self.bankroll_ids)
        last = self.until or datetime.max.replace(tzinfo=UTC)
        return {"ids": ids, "since": self.since, "until": last, "method": self.method}


def figures(*, by: str = ALL, asked: Asked, seed: int = 0) -> list[ClvFigures]:
    """Return the figures of each key, those of most bets first; weeks and buckets in their order.

    Raises:
        UnknownDimension: bets are not told apart by that.
        UpsideDown, UnknownMethod, queries.MixedFigures: it cannot be answered.
    """
    if by not in DIMENSIONS:
        raise UnknownDimension(f"unknown dimension {by!r}: one of {', '.join(DIMENSIONS)}")
    window = asked.window() | {"most": MOST}
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES.format(key=DIMENSIONS[by]), window)
        found = [domain.measure(_sums(row), seed=seed) for row in cursor.fetchall()]
    if by in ("hours", "edge", "price", "week"):
        return sorted(found, key=lambda one: one.key)
    return found


def before(*, asked: Asked, seed: int = 0) -> list[ClvFigures]:
    """Return what the same bets were worth by the market 24, 12, 4 and 1 hours before the start."""
    with connection.cursor() as cursor:
        cursor.execute(_BEFORE, asked.window())
        return [domain.measure(_sums(row), seed=seed) for row in cursor.fetchall()]


def distribution(*, asked: Asked) -> list[int]:
    """Return how many values fall below, between and above ``domain.EDGES``."""
    with connection.cursor() as cursor:
        cursor.execute(_DISTRIBUTION, asked.window() | {"edges": list(domain.EDGES)})
        counts = dict(cursor.fetchall())
    return [counts.get(at, 0) for at in range(len(domain.EDGES) + 1)]


def _sums(row: Sequence[Any]) -> Sums:
    key, n, valued, moved, beat, raw, worth, events, packed = row
    by_event = np.frombuffer(bytes(packed or b""), dtype=">f8").reshape(-1, 4).T
    return Sums(key, n, valued, moved, beat, raw, worth, events, by_event.astype(np.float64))


_OF_BET = "left join settlements_valuegap g on g.bet_id = b.id\n"
_AND_BEFORE = "join settlements_valuebefore h on h.bet_id = b.id\n"
# A bet counts once its event has started: with a value, or as one that has none.
_BETS = f"""
from betting_bet b
join markets_selection s on s.id = b.selection_id
join markets_market m on m.id = s.market_id
join lateral (
    select o.id, o.competition_id, coalesce(o.started_at, o.starts_at) as start
    from markets_event o where o.id = m.event_id
) e on true
join markets_competition c on c.id = e.competition_id
join markets_sport sport on sport.id = c.sport_id
join markets_book book on book.id = b.book_id
left join betting_strategy strategy on strategy.id = b.strategy_id
left join betting_decision d on d.id = b.decision_id
left join models_ml_prediction p on p.id = d.prediction_id
left join settlements_betvalue held on held.bet_id = b.id
left join settlements_betvalue v on v.bet_id = b.id
     and (%(method)s::text is null or v.method = %(method)s)
{_OF_BET}where b.bankroll_id = any(%(ids)s) and b.outcome is distinct from 'VOID'
  and (held.bet_id is not null or g.reason <> 'VOID' or b.status = 'SETTLED' and g.bet_id is null)
  and (%(since)s::timestamptz is null or e.start >= %(since)s) and e.start < %(until)s
"""
_PACKED = """
       count(*), string_agg(float8send(clv) || float8send(valued::float8)
                            || float8send(by_stake) || float8send(staked), '' order by event_id)
                 filter (where valued > 0)
"""
_FIGURES = f"""
with by_event as (
    select {{key}} as key, e.id as event_id, count(*) as n, count(v.clv) as valued,
           count(*) filter (where v.basis = 'MOVED') as moved,
           count(*) filter (where v.clv > 0) as beat, coalesce(sum(v.clv), 0) as clv,
           coalesce(sum(v.clv_raw), 0) as raw, coalesce(sum(v.expected_profit), 0) as worth,
           coalesce(sum(v.clv * b.liability::float8), 0) as by_stake,
           coalesce(sum(b.liability) filter (where v.clv is not null), 0)::float8 as staked
    {_BETS}
    group by 1, 2
)
select key, sum(n)::bigint, sum(valued)::bigint, sum(moved)::bigint, sum(beat)::bigint, sum(raw),
       sum(worth), {_PACKED}
from by_event group by key order by 2 desc, key limit %(most)s
"""
_BEFORE = f"""
with by_event as (
    select h.hours, e.id as event_id, count(*) as n, count(h.clv) as valued,
           count(*) filter (where h.line is not null) as moved,
           count(*) filter (where h.clv > 0) as beat, coalesce(sum(h.clv), 0) as clv,
           coalesce(sum(h.clv * b.stake::float8), 0)::numeric as worth,
           coalesce(sum(h.clv * b.liability::float8), 0) as by_stake,
           coalesce(sum(b.liability) filter (where h.clv is not null), 0)::float8 as staked
    {_BETS.replace(_OF_BET, _OF_BET + _AND_BEFORE)}
    group by 1, 2
)
select hours || ' h', sum(n)::bigint, sum(valued)::bigint, sum(moved)::bigint, sum(beat)::bigint,
       null, round(sum(worth), 2), {_PACKED}
from by_event group by hours order by hours desc
"""
_DISTRIBUTION = f"""
select width_bucket(v.clv, %(edges)s::float8[]), count(*)
{_BETS} and v.clv is not null
group by 1
"""
