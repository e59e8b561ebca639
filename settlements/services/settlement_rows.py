"""Settlements as rows: why each bet of a chunk was settled as it was."""

from datetime import datetime

import numpy as np

from monitoring import columns
from monitoring.columns import Ints
from settlements.domain.rules import OUTCOMES
from settlements.services.judging_many import Found
from settlements.services.reading import Bets


def insert(bets: Bets, found: Found, *, result: Ints, at: datetime) -> Ints:
    """Write the settlements of a chunk in one statement and return their ids, bet by bet."""
    made_of, ids = columns.row(
        _INSERT,
        {
            "bets": bets.bet,
            "revisions": bets.revision + 1,
            "results": result,
            "ends": found.outcome + 1,
            "profits": found.profit,
            "commissions": found.commission,
            "rule_sets": found.rule_set,
            "working": found.working,
            "outcomes": list(OUTCOMES),
            "workings": f"[{','.join(found.workings)}]",
            "at": at,
        },
    )
    order = np.argsort(made_of)
    if not np.array_equal(made_of[order], bets.bet):
        raise RuntimeError("a settlement was not written")
    settlements: Ints = ids[order]
    return settlements


_INSERT = """
with made as (
    insert into settlements_settlement
        (bet_id, revision, result_id, outcome, profit, commission, rule_set_id, working, settled_at)
    select n.bet, n.revision, nullif(n.result, 0), (%(outcomes)s::text[])[n.ends],
           n.profit * 0.01, n.commission * 0.01, nullif(n.rule_set, 0),
           coalesce(w.told, '{}'), %(at)s
    from unnest(%(bets)s::bigint[], %(revisions)s::bigint[], %(results)s::bigint[],
                %(ends)s::bigint[], %(profits)s::bigint[], %(commissions)s::bigint[],
                %(rule_sets)s::bigint[], %(working)s::bigint[])
         as n(bet, revision, result, ends, profit, commission, rule_set, working)
    left join jsonb_array_elements(%(workings)s::jsonb) with ordinality as w(told, place)
           on w.place = n.working
    returning bet_id, id
)
select coalesce(array_agg(bet_id), '{}'), coalesce(array_agg(id), '{}') from made
"""
