"""Why bets have no value: one reason a bet, the first thing that was missing."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection


def note(*, bet_ids: Sequence[int], as_of: datetime, now: datetime, oldest: timedelta) -> None:
    """Write why these bets have no value, over what was written before."""
    if bet_ids:
        asked: dict[str, Any] = {"ids": list(bet_ids), "as_of": as_of, "now": now}
        with connection.cursor() as cursor:
            cursor.execute(_NOTE, asked | {"oldest": oldest})


def valued(bet_ids: Sequence[int]) -> None:
    """Forget why these bets had none."""
    if bet_ids:
        with connection.cursor() as cursor:
            cursor.execute(
                "delete from settlements_valuegap where bet_id = any(%s)", [list(bet_ids)]
            )


# A question is asked on lines; a runner's is his own selection.
_NOTE = """
insert into settlements_valuegap as g (bet_id, reason, looked_at)
select b.id, case
    when e.status in ('POSTPONED', 'ABANDONED', 'CANCELLED') or b.outcome = 'VOID' then 'VOID'
    when found.closed is null then case when exists (
        select from markets_market o join markets_selection t on t.market_id = o.id
        join markets_closingprice p on p.selection_id = t.id
        where o.event_id = m.event_id) then 'NOT_QUOTED' else 'NO_CLOSE' end
    when not found.asked then 'NOT_ASKED'
    when not found.fresh then 'TOO_OLD'
    when not found.fair then 'NO_MARGIN'
    else 'NO_SPREAD'
end, %(now)s
from betting_bet b
join markets_selection s on s.id = b.selection_id
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
    select true as closed, bool_or(q.asked) as asked, bool_or(q.asked and q.fresh) as fresh,
           bool_or(q.asked and q.fresh and q.fair) as fair
    from (
        select case when rule.chain is null
                   then k.reference_rank is not null or k.kind = 'BOOKMAKER'
                   else k.code = any(rule.chain)
                        or 'consensus' = any(rule.chain) and k.kind = 'BOOKMAKER' end as asked,
               p.exactness <> 'NONE' and p.starts_at <= %(as_of)s
                   and p.starts_at - p.confirmed_at <= %(oldest)s as fresh,
               p.fair_probability is not null as fair
        from markets_market o
        join markets_selection t on t.market_id = o.id and t.role = s.role
             and t.participant_id is not distinct from s.participant_id
        join markets_closingprice p on p.selection_id = t.id
        join markets_book k on k.id = p.book_id and k.is_simulated = c.is_simulated
        where o.event_id = m.event_id and o.kind = m.kind and o.period = m.period
          and o.statistic = m.statistic and o.participant_id is not distinct from m.participant_id
    ) q
    having count(*) > 0
) found on true
where b.id = any(%(ids)s)
on conflict (bet_id) do update set reason = excluded.reason, looked_at = excluded.looked_at
where g.reason <> excluded.reason or g.looked_at < excluded.looked_at
"""
