"""Holding bets against the closing line of their own selection.

The reference is the first book that closed this very selection with a margin that could be removed,
in the order of the competition's reference rule, else of the books' ranks; then the mean of the
bookmakers that did; the row names which.  A close older than ``OLDEST_CLOSE``, or one that is too
inexact to be one, counts as missing.  A bet whose line nobody closed on, because
the market moved off it, stays unvalued and shows as missing coverage: another line's price says
nothing about this one until both are put on one scale.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection, transaction

from models_ml.services import noting
from models_ml.services.noting import ClvOfVersion
from settlements import queries
from settlements.domain import clv, performance

OLDEST_CLOSE = timedelta(hours=1)
RECENT = timedelta(days=2)  # what the frequent job looks back over; ``clv`` looks at all
CHUNK = 5_000


def value_due(
    *,
    as_of: datetime,
    now: datetime,
    bankroll_ids: Sequence[int] | None = None,
    since: datetime | None = None,
) -> int:
    """Value bets on events started by ``as_of``, and return how many values are new or changed.

    Looks at accepted bets and at those settled from ``since`` on (all of them without it); a
    value is written again only when its close changed, so a second call writes nothing.
    """
    ids = queries.bankrolls_to_settle() if bankroll_ids is None else list(bankroll_ids)
    written, after = 0, 0
    while ids:
        window: dict[str, Any] = {"ids": ids, "as_of": as_of, "since": since, "after": after}
        window |= {"size": CHUNK, "oldest": OLDEST_CLOSE}
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_DUE, window)
            rows = cursor.fetchall()
            if rows:
                cursor.execute(_UPSERT, _columns(rows, now=now))
                written += cursor.rowcount
        if len(rows) < CHUNK:
            break
        after = rows[-1][0]
    return written


def note_versions(*, as_of: datetime) -> int:
    """Tell models what the bets of each version were worth; return of how many that is new.

    The mean margin-free value of bets that were not void, outside replays, with the interval of
    drawing events; a version with bets on one event alone has none and is left out.
    """
    with connection.cursor() as cursor:
        cursor.execute(_BY_VERSION)
        found: dict[int, list[tuple[int, float]]] = {}
        for version, bets, value in cursor.fetchall():
            found.setdefault(version, []).append((bets, value))
    rows = []
    for version, events in found.items():
        bets, values = (np.array(column) for column in zip(*events, strict=True))
        rate = performance.ratio(top=values, bottom=bets)
        if rate.value is not None and rate.low is not None and rate.high is not None:
            low, high = min(rate.low, rate.value), max(rate.high, rate.value)
            rows.append(ClvOfVersion(version, int(bets.sum()), rate.value, low, high))
    return noting.note_clv(rows=rows, as_of=as_of)


def _columns(rows: Sequence[tuple], *, now: datetime) -> list[list[object]]:
    """Return the columns of ``_UPSERT`` for the rows of ``_DUE``."""
    bet, price, is_lay, reference, method, close, probability, age = zip(*rows, strict=True)
    prices, lay = np.array(price, dtype=np.float64), np.array(is_lay)
    raw = clv.raw(price=prices, closing_price=np.array(close, dtype=np.float64), is_lay=lay)
    fair = clv.fair(price=prices, probability=np.array(probability), is_lay=lay)
    columns = (bet, reference, method, close, probability, age, raw.tolist(), fair.tolist())
    return [*map(list, columns), [now] * len(rows)]


_DUE = """
with due as (
    select b.id, b.selection_id, b.price, b.side = 'LAY' as is_lay
    from betting_bet b
    where b.bankroll_id = any(%(ids)s) and b.id > %(after)s and b.price > 1
      and (b.status = 'ACCEPTED' and b.matched_stake > 0 or b.status = 'SETTLED'
           and (%(since)s::timestamptz is null or b.settled_at >= %(since)s))
), found as (
    select d.id, d.price, d.is_lay, coalesce(ref.code, mean.code) as reference,
           coalesce(ref.method, mean.method) as method, coalesce(ref.price, mean.price) as close,
           coalesce(ref.probability, mean.probability) as probability,
           extract(epoch from coalesce(ref.age, mean.age))::int as age
    from due d
    join markets_selection s on s.id = d.selection_id
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
        select k.code, p.method, p.price, p.fair_probability as probability,
               p.starts_at - p.confirmed_at as age
        from markets_closingprice p join markets_book k on k.id = p.book_id
        where p.selection_id = d.selection_id and k.is_simulated = c.is_simulated
          and (k.reference_rank is not null and rule.chain is null or k.code = any(rule.chain))
          and p.fair_probability is not null and p.exactness <> 'NONE'
          and p.starts_at <= %(as_of)s and p.starts_at - p.confirmed_at <= %(oldest)s
        order by coalesce(array_position(rule.chain, k.code), k.reference_rank) limit 1
    ) ref on true
    left join lateral (
        select 'consensus' as code, round(avg(p.price), 3) as price,
               case count(distinct p.method) when 1 then min(p.method) else 'mixed' end as method,
               round(avg(p.fair_probability)::numeric, 9)::float8 as probability,
               max(p.starts_at - p.confirmed_at) as age
        from markets_closingprice p join markets_book k on k.id = p.book_id
        where ref.code is null and (rule.chain is null or 'consensus' = any(rule.chain))
          and p.selection_id = d.selection_id
          and k.kind = 'BOOKMAKER' and k.is_simulated = c.is_simulated
          and p.fair_probability is not null and p.exactness <> 'NONE'
          and p.starts_at <= %(as_of)s and p.starts_at - p.confirmed_at <= %(oldest)s
        having count(*) > 0
    ) mean on true
)
select f.id, f.price, f.is_lay, f.reference, f.method, f.close, f.probability, f.age
from found f
left join settlements_betvalue v on v.bet_id = f.id
where f.reference is not null
  and (v.bet_id is null
       or (v.reference, v.method, v.closing_price, v.closing_probability, v.close_age_seconds)
          is distinct from (f.reference, f.method, f.close, f.probability, f.age))
order by f.id limit %(size)s
"""
_UPSERT = """
insert into settlements_betvalue
    (bet_id, reference, method, closing_price, closing_probability, close_age_seconds,
     clv_raw, clv, valued_at)
select * from unnest(%s::bigint[], %s::text[], %s::text[], %s::numeric[], %s::float8[], %s::int[],
                     %s::float8[], %s::float8[], %s::timestamptz[])
on conflict (bet_id) do update set
    reference = excluded.reference, method = excluded.method,
    closing_price = excluded.closing_price, closing_probability = excluded.closing_probability,
    close_age_seconds = excluded.close_age_seconds, clv_raw = excluded.clv_raw,
    clv = excluded.clv, valued_at = excluded.valued_at
"""
_BY_VERSION = """
select p.version_id, count(*), sum(v.clv)
from settlements_betvalue v
join betting_bet b on b.id = v.bet_id
join betting_bankroll k on k.id = b.bankroll_id
join betting_decision d on d.id = b.decision_id
join models_ml_prediction p on p.id = d.prediction_id
where k.kind <> 'REPLAY' and b.outcome is distinct from 'VOID'
group by p.version_id, p.event_id order by p.version_id, p.event_id
"""
