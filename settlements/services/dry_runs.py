"""Telling how the bets of dry runs would have ended, by the rules that settle real ones.

No money moves: a dry bet has no ledger and no settlement, only its outcome and profit.  A later
version of a result that tells otherwise is heeded as for real bets.
"""

from datetime import datetime
from decimal import Decimal

import numpy as np
from django.db import connection, transaction

from betting.services import dry_runs
from betting.services.dry_runs import DryResult
from settlements.domain import rules

AT_ONCE = 2_000


def tell_due(*, as_of: datetime) -> int:
    """Tell the end of every dry bet whose result is known at ``as_of``; return how many.

    What no rule judges is left open.  Those of replays, which live at another time, are left out.
    """
    told, after = 0, 0
    while rows := _due(as_of=as_of, after=after):
        after = rows[-1][0]
        with transaction.atomic():
            told += dry_runs.mark(rows=_judged(rows), at=as_of)
    return told


def _due(*, as_of: datetime, after: int) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"as_of": as_of, "after": after, "most": AT_ONCE})
        return cursor.fetchall()


def _judged(rows: list[tuple]) -> list[DryResult]:
    ids, stakes, prices, kinds, roles, quarters, statuses, homes, aways = zip(*rows, strict=True)
    voided = np.array([status in rules.VOIDING for status in statuses])
    known = np.array([home is not None and away is not None for *_, home, away in rows])
    codes = rules.judge_many(
        kinds=kinds,
        roles=roles,
        quarters=np.array(quarters, dtype=np.float64),
        home=np.array([home or 0 for home in homes], dtype=np.int64),
        away=np.array([away or 0 for away in aways], dtype=np.int64),
        voided=voided,
    )
    codes = np.where(voided | known, codes, rules.UNKNOWN)
    profits = rules.profit_many(
        is_lay=np.zeros(len(rows), dtype=bool),
        outcome=np.maximum(codes, 0),
        stake=np.array(stakes, dtype=np.int64),
        price=np.array(prices, dtype=np.int64),
    )
    return [
        DryResult(id_, rules.OUTCOMES[code].value, Decimal(cents).scaleb(-2))
        for id_, code, cents in zip(ids, codes.tolist(), profits.tolist(), strict=True)
        if code != rules.UNKNOWN
    ]


_DUE = """
select b.id, (b.stake * 100)::bigint, (d.price * 1000)::bigint,
       case m.period when 'FULL' then m.kind else m.kind || ' ' || m.period end, s.role,
       (case m.kind when 'TOTAL' then m.line else s.line end * 4)::float8,
       r.status, r.home_score, r.away_score
from betting_drybet b
join betting_decision d on d.id = b.decision_id
join betting_strategy st on st.id = d.strategy_id
join betting_bankroll k on k.id = st.bankroll_id and k.kind <> 'REPLAY'
join markets_selection s on s.id = d.selection_id
join markets_market m on m.id = s.market_id
join lateral (
    select * from markets_result where event_id = m.event_id and known_at <= %(as_of)s
    order by version desc limit 1
) r on r.status not in ('INTERRUPTED', 'WITHDRAWN')
where b.id > %(after)s and b.id in (
    select id from betting_drybet where settled_at is null
    union
    select o.id from markets_result c
    join markets_market cm on cm.event_id = c.event_id
    join markets_selection cs on cs.market_id = cm.id
    join betting_decision cd on cd.selection_id = cs.id
    join betting_drybet o on o.decision_id = cd.id and o.settled_at < c.known_at
    where c.version > 1 and not c.only_adds and c.known_at <= %(as_of)s
      and c.status not in ('INTERRUPTED', 'WITHDRAWN'))
  and not exists (select from markets_resultdispute x
                  where x.event_id = m.event_id and x.state = 'OPEN' and x.told_at <= %(as_of)s)
order by b.id limit %(most)s
"""
