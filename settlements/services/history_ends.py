"""How each candidate of a history ended, when a bet on it is paid, and what it closed at."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection

from settlements.domain import rules
from settlements.domain.backtesting import calendars
from settlements.domain.backtesting.history import NEVER, Floats, Ints
from settlements.services.valuing import OLDEST_CLOSE

_RESULTS = """
select e.id, first.known_at, last.status,
       coalesce(last.home_score, -1), coalesce(last.away_score, -1)
from unnest(%(events)s::bigint[]) as e (id)
join lateral (
    select min(r.known_at) as known_at from markets_result r where r.event_id = e.id
    and r.known_at <= %(as_of)s and r.status not in ('INTERRUPTED', 'WITHDRAWN')
) first on first.known_at is not null
join lateral (
    select r.* from markets_result r where r.event_id = e.id and r.known_at <= %(as_of)s
    order by r.version desc limit 1
) last on last.status not in ('INTERRUPTED', 'WITHDRAWN')
"""


def ends(rows: Mapping[str, Any], *, kind: str, as_of: datetime) -> tuple[Ints, Ints]:
    """Return how each candidate ended, and when a bet on it is paid."""
    events = rows["event"]
    known = np.full(len(events), NEVER, dtype=np.int64)
    home, away = (np.zeros(len(events), dtype=np.int64) for _ in range(2))
    status = np.full(len(events), "", dtype="<U12")
    unique, number = np.unique(events, return_inverse=True)
    with connection.cursor() as cursor:
        cursor.execute(_RESULTS, {"events": unique.tolist(), "as_of": as_of})
        found = cursor.fetchall()
    at = {event: place for place, event in enumerate(unique.tolist())}
    told = np.full(len(unique), -1, dtype=np.int64)
    for row, (event, *_) in enumerate(found):
        told[at[event]] = row
    has = told[number] >= 0
    if found:
        mine = told[number][has]
        known[has] = np.array([calendars.micros(row[1]) for row in found])[mine]
        status[has] = np.array([row[2] for row in found])[mine]
        home[has], away[has] = (np.array([row[i] for row in found])[mine] for i in (3, 4))
    outcome = _judged(rows, kind, status, home, away)
    known[outcome == rules.UNKNOWN] = NEVER
    moments = calendars.mornings(
        starts=rows["starts"][_first(events)], as_of=rows["as_of"][_first(events)]
    )
    settles = calendars.paid_at(known=known, moments=moments)
    return np.where(settles == NEVER, rules.UNKNOWN, outcome), settles


def _first(events: Ints) -> Ints:
    return np.flatnonzero(np.r_[True, events[1:] != events[:-1]])


def _judged(rows: Mapping[str, Any], kind: str, status: Any, home: Ints, away: Ints) -> Ints:
    voided = np.isin(status, rules.VOIDING)
    judged = rules.judge_many(
        kinds=[kind] * len(home),
        roles=rows["role"].tolist(),
        quarters=rows["quarters"],
        home=np.maximum(home, 0),
        away=np.maximum(away, 0),
        voided=voided,
    )
    is_told = voided | ((status == "FINAL") & (home >= 0) & (away >= 0))
    return np.where(is_told, judged, rules.UNKNOWN)


_CLOSES = """
select d.id, coalesce(ref.probability, mean.probability), coalesce(ref.price, mean.price)::float8
from unnest(%(selections)s::bigint[]) as d (id)
join markets_selection s on s.id = d.id
join markets_market m on m.id = s.market_id
join markets_event e on e.id = m.event_id
join markets_competition c on c.id = e.competition_id
left join lateral (
    select r.chain from markets_referencerule r
    where (r.competition_id = c.id or r.competition_id is null and not c.is_simulated)
      and r.kind in (m.kind, '')
    order by r.competition_id is null, r.kind = '' limit 1
) rule on true
left join lateral (
    select p.price, p.fair_probability as probability
    from markets_closingprice p join markets_book k on k.id = p.book_id
    where p.selection_id = d.id and k.is_simulated = c.is_simulated
      and (k.reference_rank is not null and rule.chain is null or k.code = any(rule.chain))
      and p.fair_probability is not null and p.exactness <> 'NONE'
      and p.starts_at <= %(as_of)s and p.starts_at - p.confirmed_at <= %(oldest)s
    order by coalesce(array_position(rule.chain, k.code), k.reference_rank) limit 1
) ref on true
left join lateral (
    select round(avg(p.price), 3) as price,
           round(avg(p.fair_probability)::numeric, 9)::float8 as probability
    from markets_closingprice p join markets_book k on k.id = p.book_id
    where ref.price is null and (rule.chain is null or 'consensus' = any(rule.chain))
      and p.selection_id = d.id and k.kind = 'BOOKMAKER' and k.is_simulated = c.is_simulated
      and p.fair_probability is not null and p.exactness <> 'NONE'
      and p.starts_at <= %(as_of)s and p.starts_at - p.confirmed_at <= %(oldest)s
    having count(*) > 0
) mean on true
where coalesce(ref.probability, mean.probability) is not null
"""


def closes(selections: Ints, *, as_of: datetime) -> tuple[Floats, Floats]:
    """Return each selection's margin-free closing probability and price, as valuing chooses it."""
    close, price = (np.full(len(selections), np.nan) for _ in range(2))
    with connection.cursor() as cursor:
        asked = {"selections": selections.tolist(), "as_of": as_of, "oldest": OLDEST_CLOSE}
        cursor.execute(_CLOSES, asked)
        rows = cursor.fetchall()
    if rows:
        ids, chance, at = zip(*rows, strict=True)
        told = places(selections, np.array(ids, dtype=np.int64))
        close[told], price[told] = chance, at
    return close, price


def places(known: Ints, asked: Ints) -> Ints:
    """Return where each of some ids stands among those known: all of them are there."""
    order = np.argsort(known)
    return order[np.searchsorted(known, asked, sorter=order)]
