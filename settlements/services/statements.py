"""What settling asks of the tables: which bets are due, by which result, and their settlements."""

LOCK_ACCEPTED = """
select b.id from betting_bet b
join markets_selection s on s.id = b.selection_id
join markets_market m on m.id = s.market_id
where b.status = 'ACCEPTED' and b.order_state not in ('ACCEPTED', 'PARTIAL')
  and b.bankroll_id = any(%(ids)s) and b.id > %(after)s
  and exists (select 1 from markets_result r
              where r.event_id = m.event_id and r.known_at <= %(as_of)s
                and r.status not in ('INTERRUPTED', 'WITHDRAWN')
                and (m.kind <> 'PLAYER_TOTAL' or r.has_statistics or r.status <> 'FINAL'))
  and not exists (select 1 from markets_resultdispute d
                  where d.event_id = m.event_id and d.state = 'OPEN' and d.told_at <= %(as_of)s)
order by b.id limit %(size)s for no key update of b skip locked
"""
LOCK_CORRECTED = """
select b.id from (
    select event_id, max(version) as version from markets_result
    where version > 1 and not only_adds and known_at <= %(as_of)s
      and status not in ('INTERRUPTED', 'WITHDRAWN')
    group by event_id
) r
join markets_market m on m.event_id = r.event_id
join markets_selection s on s.market_id = m.id
join betting_bet b on b.selection_id = s.id
where b.status = 'SETTLED' and b.bankroll_id = any(%(ids)s) and b.id > %(after)s
  and not exists (select 1 from settlements_settlement st
                  join markets_result sr on sr.id = st.result_id
                  where st.bet_id = b.id and sr.version >= r.version)
  and not exists (select 1 from markets_resultdispute d
                  where d.event_id = m.event_id and d.state = 'OPEN' and d.told_at <= %(as_of)s)
order by b.id limit %(size)s for no key update of b skip locked
"""
DUE = """
select b.id, b.bankroll_id, b.side = 'LAY', (b.stake * 100)::bigint, (b.price * 1000)::bigint,
       m.id, case m.period when 'FULL' then m.kind else m.kind || ' ' || m.period end, s.role,
       (case when m.kind in ('ASIAN_HANDICAP', 'SPREAD') then s.line else m.line end * 4)::float8,
       r.id, r.status, r.home_score, r.away_score,
       4 * case
           when m.kind = 'TEAM_TOTAL' and m.participant_id = e.home_id then r.home_score
           when m.kind = 'TEAM_TOTAL' and m.participant_id = e.away_id then r.away_score
           when m.kind = 'PLAYER_TOTAL' then (
               select f.value from markets_statisticresult f
               where f.result_id = r.id and f.participant_id = m.participant_id
                 and f.statistic = m.statistic and f.took_part)
       end::float8,
       r.has_statistics,
       earlier.id, earlier.revision, earlier.profit, t.id
from betting_bet b
join markets_selection s on s.id = b.selection_id
join markets_market m on m.id = s.market_id
join markets_event e on e.id = m.event_id
join lateral (
    select * from markets_result where event_id = m.event_id and known_at <= %(as_of)s
    order by version desc limit 1
) r on true
left join lateral (
    select st.id, st.revision, st.profit, sr.version from settlements_settlement st
    join markets_result sr on sr.id = st.result_id
    where st.bet_id = b.id order by st.revision desc limit 1
) earlier on true
left join settlements_ledgertransfer t on t.settlement_id = earlier.id and t.kind = 'SETTLEMENT'
where b.id = any(%(bets)s) and b.status in ('ACCEPTED', 'SETTLED')
  and (earlier.version is null or exists (
        select 1 from markets_result c
        where c.event_id = m.event_id and c.known_at <= %(as_of)s and not c.only_adds
          and c.version > earlier.version))
  and r.status not in ('INTERRUPTED', 'WITHDRAWN')
  and not exists (select 1 from markets_resultdispute d
                  where d.event_id = m.event_id and d.state = 'OPEN' and d.told_at <= %(as_of)s)
order by b.id
"""
INSERT_SETTLEMENTS = """
insert into settlements_settlement (bet_id, revision, result_id, outcome, profit, settled_at)
select n.bet_id, n.revision, n.result_id, n.outcome, n.profit, n.at
from unnest(%s::bigint[], %s::int[], %s::bigint[], %s::text[], %s::numeric[],
            %s::timestamptz[]) as n(bet_id, revision, result_id, outcome, profit, at)
returning bet_id, id
"""
