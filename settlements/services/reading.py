"""The locked bets of a chunk in columns: what each bet is, and what is known of its selection.

Amounts are in minor units, prices in thousandths, moments in microseconds since 1970; 0 stands for
a row that there is not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from markets.models import Market
from monitoring import columns
from monitoring.columns import Columns, Ints
from settlements.domain import rules
from settlements.domain.rules import OUTCOMES
from settlements.services import statements
from settlements.services.statements import OF_RATES

STATUSES = ("FINAL", *rules.VOIDING, "RETIRED", "WALKOVER")
#: Those that a score judges come first, in their order.
KINDS = (*rules.KINDS, *(kind for kind in Market.Kind.values if kind not in rules.KINDS))
UNTOLD = -1  # a score, or a rate of commission, that nobody tells
_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Picks(Columns):
    """Selections that have a result to settle by, in the order of ``pick``."""

    pick: Ints
    market: Ints
    sport: Ints
    kind: Ints  # a place in ``KINDS`` + 1
    role: Ints  # a place in ``rules.ROLES`` + 1, 0 for a runner
    is_full: Ints  # of the whole match
    has_gone: Ints  # a runner of its market was taken out
    quarters: npt.NDArray[np.float64]
    result: Ints
    status: Ints  # a place in ``STATUSES`` + 1
    home: Ints
    away: Ints
    figure: npt.NDArray[np.float64]
    has_figures: Ints
    changed: Ints  # the latest version that tells something otherwise


@dataclass(frozen=True, slots=True)
class Bets(Columns):
    """Bets in the order of their ids.  What was settled before is 0 where nothing was."""

    bet: Ints
    bankroll: Ints
    book: Ints
    pick: Ints
    is_lay: Ints
    stake: Ints
    price: Ints
    liability: Ints  # of a lay that was asked for by it
    placed: Ints
    rate: Ints  # of commission, that its file told, of ``OF_RATES``
    file: Ints  # that told how it ended
    told: Ints  # a place in ``OUTCOMES`` + 1
    earlier: Ints
    revision: Ints
    version: Ints  # of the result that it was settled by
    rule_set: Ints
    profit: Ints
    transfer: Ints
    moved: Ints
    fee: Ints  # the transfer of its commission
    charged: Ints


def bets(statement: str, held: Ints) -> Bets:
    """Return what bets are, by ``ACCEPTED``, ``CORRECTED`` or ``TOLD``."""
    return Bets(*columns.row(statement, {"bets": held, "outcomes": list(OUTCOMES)}))


def picks(chosen: Ints, *, as_of: datetime, is_told: bool) -> Picks:
    """Return what is known of selections; those that have no result to settle by are left out.

    A told bet needs no result.
    """
    asked: Mapping[str, Any] = {
        "picks": chosen,
        "as_of": as_of,
        "kinds": list(KINDS),
        "roles": list(rules.ROLES),
        "statuses": list(STATUSES),
    }
    return Picks(*columns.row(_TOLD_PICKS if is_told else _PICKS, asked))


def _arrays(kind: type, of: str) -> str:
    """Return a statement that tells the rows of another one in columns."""
    told = [
        f"coalesce(array_agg({one.name}::{sort}), '{{}}')"
        for one in fields(kind)
        for sort in ("float8" if "float64" in str(one.type) else "bigint",)
    ]
    return f"select {', '.join(told)} from ({of}) rows"


_BET = f"""
select b.id as bet, b.bankroll_id as bankroll, b.book_id as book, b.selection_id as pick,
       (b.side = 'LAY')::int as is_lay, b.stake * 100 as stake, b.price * 1000 as price,
       coalesce(b.liability_asked * 100, 0) as liability,
       (date_part('epoch', b.placed_at) * {_MICROSECONDS})::bigint as placed,
       coalesce(k.told_commission * {OF_RATES}, {UNTOLD}) as rate
"""
_FILE = """
left join lateral (
    select t.told_commission, t.told_outcome, t.imported_id, f.spec->>'rules' as rules
    from betting_trackedbet t join betting_betimport f on f.id = t.imported_id
    where b.venue = 'imported' and t.bet_id = b.id
) k on true
"""
_UNSETTLED = """
       0 as earlier, 0 as revision, 0 as version, 0 as rule_set, 0 as profit, 0 as transfer,
       0 as moved, 0 as fee, 0 as charged
"""
ACCEPTED = _arrays(
    Bets,
    f"""
{_BET}, 0 as file, 0 as told, {_UNSETTLED}
from betting_bet b {_FILE}
where b.id = any(%(bets)s) and b.status = 'ACCEPTED'
  and (k.told_outcome is null or k.told_outcome = '' or coalesce(k.rules, '') = '')
order by b.id
""",
)
TOLD = _arrays(
    Bets,
    f"""
{_BET}, k.imported_id as file, array_position(%(outcomes)s::text[], k.told_outcome::text) as told,
{_UNSETTLED}
from betting_bet b {_FILE}
where b.id = any(%(bets)s) and b.status = 'ACCEPTED' and k.told_outcome <> '' and k.rules <> ''
order by b.id
""",
)
CORRECTED = _arrays(
    Bets,
    f"""
{_BET}, 0 as file, 0 as told,
       s.id as earlier, s.revision, r.version, coalesce(s.rule_set_id, 0) as rule_set,
       b.profit * 100 as profit, coalesce(t.id, 0) as transfer,
       coalesce(case when a.kind in ('CASH', 'BOOK') then t.amount else -t.amount end * 100, 0)
           as moved,
       coalesce(fee.id, 0) as fee, coalesce(fee.amount * 100, 0) as charged
from betting_bet b {_FILE}
join lateral (
    select id, revision, rule_set_id, result_id from settlements_settlement
    where bet_id = b.id order by revision desc limit 1
) s on true
join markets_result r on r.id = s.result_id
left join lateral (
    select id, amount, credit_id from settlements_ledgertransfer
    where settlement_id = s.id and kind = 'SETTLEMENT' limit 1
) t on true
left join settlements_ledgeraccount a on a.id = t.credit_id
left join lateral (
    select x.id, x.amount from settlements_ledgertransfer x
    where b.commission <> 0 and x.settlement_id = s.id and x.kind = 'COMMISSION'
      and not exists (select from settlements_ledgertransfer y where y.reverses_id = x.id)
    order by x.id desc limit 1
) fee on true
where b.id = any(%(bets)s) and b.status = 'SETTLED'
order by b.id
""",
)
_PICK = f"""
select s.id as pick, m.id as market, c.sport_id as sport,
       coalesce(array_position(%(kinds)s::text[], m.kind::text), 0) as kind,
       coalesce(array_position(%(roles)s::text[], s.role::text), 0) as role,
       (m.period = 'FULL')::int as is_full,
       (s.role = 'RUNNER' and exists (
            select from markets_selection g where g.market_id = m.id and g.removed_at is not null
       ))::int as has_gone,
       coalesce({statements.LINE} * 4, 'NaN') as quarters
"""
_PICKS = _arrays(
    Picks,
    f"""
{_PICK},
       r.id as result, coalesce(array_position(%(statuses)s::text[], r.status::text), 0) as status,
       coalesce(r.home_score, {UNTOLD}) as home, coalesce(r.away_score, {UNTOLD}) as away,
       coalesce({statements.FIGURE} * 4, 'NaN') as figure, r.has_statistics::int as has_figures,
       coalesce((select max(x.version) from markets_result x
                 where x.event_id = m.event_id and x.known_at <= %(as_of)s and not x.only_adds),
                0) as changed
from unnest(%(picks)s::bigint[]) as p(id)
join markets_selection s on s.id = p.id
{statements.OF_SELECTION}
join lateral ({statements.LATEST_RESULT}) r on true
where r.status not in ('INTERRUPTED', 'WITHDRAWN') and not {statements.IS_DISPUTED}
order by s.id
""",
)
_TOLD_PICKS = _arrays(
    Picks,
    f"""
{_PICK},
       0 as result, 0 as status, {UNTOLD} as home, {UNTOLD} as away, 'NaN' as figure,
       0 as has_figures, 0 as changed
from unnest(%(picks)s::bigint[]) as p(id)
join markets_selection s on s.id = p.id
{statements.OF_SELECTION}
order by s.id
""",
)
