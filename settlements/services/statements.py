"""What settling asks of the tables: which bets are due, by which result, and their settlements."""

OF_RATES = 100_000_000  # a rate of 1, where rates are whole numbers
#: Told by the file it came from, under a rule set that its mapping names: no result settles it.
_IS_TOLD = """
exists (select from betting_trackedbet k join betting_betimport f on f.id = k.imported_id
        where k.bet_id = b.id and k.told_outcome <> '' and f.spec->>'rules' <> '')
"""
#: A dispute that nobody settled yet holds everything of its event.
IS_DISPUTED = """
exists (select from markets_resultdispute d
        where d.event_id = m.event_id and d.state = 'OPEN' and d.told_at <= %(as_of)s)
"""
LATEST_RESULT = """
select * from markets_result where event_id = m.event_id and known_at <= %(as_of)s
order by version desc limit 1
"""
LINE = "case when m.kind in ('ASIAN_HANDICAP', 'SPREAD') then s.line else m.line end"
#: What the total of a team or of a player counts.
FIGURE = """
case when m.kind = 'TEAM_TOTAL' and m.participant_id = e.home_id then r.home_score
     when m.kind = 'TEAM_TOTAL' and m.participant_id = e.away_id then r.away_score
     when m.kind = 'PLAYER_TOTAL' then (
         select f.value from markets_statisticresult f
         where f.result_id = r.id and f.participant_id = m.participant_id
           and f.statistic = m.statistic and f.took_part)
end
"""
OF_SELECTION = """
join markets_market m on m.id = s.market_id
join markets_event e on e.id = m.event_id
join markets_competition c on c.id = e.competition_id
"""
#: Bets that may be due; ``HOLD`` takes the locks of some of them, for a second look.
DUE_TOLD = f"""
select b.id from betting_bet b
where b.status = 'ACCEPTED' and b.venue = 'imported'
  and b.order_state not in ('ACCEPTED', 'PARTIAL')
  and b.bankroll_id = any(%(ids)s) and b.id > %(after)s and b.placed_at <= %(as_of)s
  and {_IS_TOLD}
order by b.id limit %(size)s
"""
DUE_ACCEPTED = f"""
select b.id from betting_bet b
join markets_selection s on s.id = b.selection_id
join markets_market m on m.id = s.market_id
where b.status = 'ACCEPTED' and b.order_state not in ('ACCEPTED', 'PARTIAL')
  and b.bankroll_id = any(%(ids)s) and b.id > %(after)s
  and (b.venue <> 'imported' or not {_IS_TOLD})
  and exists (select 1 from markets_result r
              where r.event_id = m.event_id and r.known_at <= %(as_of)s
                and r.status not in ('INTERRUPTED', 'WITHDRAWN')
                and (m.kind <> 'PLAYER_TOTAL' or r.has_statistics or r.status <> 'FINAL'))
  and not {IS_DISPUTED}
order by b.id limit %(size)s
"""
DUE_CORRECTED = f"""
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
                  where st.bet_id = b.id and st.result_id is null)
  and not exists (select 1 from settlements_settlement st
                  join markets_result sr on sr.id = st.result_id
                  where st.bet_id = b.id and sr.version >= r.version)
  and not {IS_DISPUTED}
order by b.id limit %(size)s
"""
HOLD = """
select coalesce(array_agg(id), '{}') from (
    select id from betting_bet
    where id = any(%(bets)s) and status = %(status)s
      and (status = 'SETTLED' or order_state not in ('ACCEPTED', 'PARTIAL'))
    order by id for no key update skip locked
) held
"""
_BET = f"""
select b.id, b.bankroll_id, b.book_id, b.side = 'LAY', (b.stake * 100)::bigint,
       (b.price * 1000)::bigint, b.placed_at, b.liability_asked, m.id, m.kind, m.period, s.role,
       ({LINE} * 4)::float8,
       s.participant_id, s.removed_at, m.places, m.place_fraction, m.statistic, c.sport_id,
       e.starts_at
"""
_ABOUT = f"""
from betting_bet b
join markets_selection s on s.id = b.selection_id
{OF_SELECTION}
"""
DUE = f"""
{_BET}, told.told_commission,
       r.id, r.status, r.home_score, r.away_score,
       case m.period when 'FULL' then null else array[r.home_score_half, r.away_score_half] end,
       case m.period when 'FULL' then null else r.periods end, r.winner,
       case when m.kind <> 'TEAM_TOTAL' then ''
            when m.participant_id = e.home_id then 'HOME'
            when m.participant_id = e.away_id then 'AWAY' else '' end,
       (4 * {FIGURE})::float8,
       r.has_statistics, r.has_runners,
       earlier.id, earlier.revision, earlier.rule_set_id, b.profit, t.id,
       case when paid.kind in ('CASH', 'BOOK') then t.amount else -t.amount end, fee.id, fee.amount
{_ABOUT}
left join betting_trackedbet told on b.venue = 'imported' and told.bet_id = b.id
join lateral ({LATEST_RESULT}) r on true
left join lateral (
    select st.id, st.revision, st.rule_set_id, sr.version from settlements_settlement st
    join markets_result sr on sr.id = st.result_id
    where st.bet_id = b.id order by st.revision desc limit 1
) earlier on true
left join settlements_ledgertransfer t on t.settlement_id = earlier.id and t.kind = 'SETTLEMENT'
left join settlements_ledgeraccount paid on paid.id = t.credit_id
left join lateral (
    select x.id, x.amount from settlements_ledgertransfer x
    where b.commission <> 0 and x.settlement_id = earlier.id and x.kind = 'COMMISSION'
      and not exists (select from settlements_ledgertransfer y where y.reverses_id = x.id)
    order by x.id desc limit 1
) fee on true
where b.id = any(%(bets)s) and b.status in ('ACCEPTED', 'SETTLED')
  and (b.venue <> 'imported' or b.status = 'SETTLED' or not {_IS_TOLD})
  and (earlier.version is null or exists (
        select 1 from markets_result c
        where c.event_id = m.event_id and c.known_at <= %(as_of)s and not c.only_adds
          and c.version > earlier.version))
  and r.status not in ('INTERRUPTED', 'WITHDRAWN')
  and not {IS_DISPUTED}
order by b.id
"""
#: A market's winners as files tell, each runner once: whoever backed or laid it.
TOLD = f"""
{_BET}, told.told_commission,
       null::bigint, 'FINAL', null::int, null::int, null::int[], null::jsonb, '', '', null::float8,
       false, false, null::bigint, null::int, null::bigint, null::numeric, null::bigint,
       null::numeric, null::bigint, null::numeric,
       told.told_outcome, f.spec->>'rules', coalesce(w.winners, 0)
{_ABOUT}
join betting_trackedbet told on told.bet_id = b.id and told.told_outcome <> ''
join betting_betimport f on f.id = told.imported_id and f.spec->>'rules' <> ''
left join (
    select ws.market_id, count(distinct ws.id) as winners
    from markets_selection ws
    join betting_bet wb on wb.selection_id = ws.id and wb.venue = 'imported'
    join betting_trackedbet wt on wt.bet_id = wb.id
     and wt.told_outcome = case wb.side when 'LAY' then 'LOST' else 'WON' end
    where ws.market_id in (select xs.market_id from markets_selection xs
                           join betting_bet xb on xb.selection_id = xs.id
                           where xb.id = any(%(bets)s))
    group by ws.market_id
) w on w.market_id = m.id
where b.id = any(%(bets)s) and b.status = any(%(statuses)s)
order by b.id
"""
RULES_OF_FILES = "select id, spec->>'rules' from betting_betimport where id = any(%s)"
OF_IMPORT = """
select b.id from betting_bet b join betting_trackedbet k on k.bet_id = b.id
where k.imported_id = %s and b.status in ('ACCEPTED', 'SETTLED') order by b.id
"""
ACCEPTED_TOLD = f"""
select b.id from betting_bet b
where b.status = 'ACCEPTED' and b.venue = 'imported' and b.bankroll_id = any(%(ids)s)
  and {_IS_TOLD}
order by b.id limit %(most)s
"""
NOTE_DUE = """
insert into settlements_commissiondue (bankroll_id, book_id, market_id)
select * from unnest(%s::bigint[], %s::bigint[], %s::bigint[])
"""
OLDEST_DUE = """
select coalesce(array_agg(market_id), '{}') from (
    select market_id from settlements_commissiondue
    where bankroll_id = any(%(ids)s) order by id limit %(most)s
) oldest
"""
#: All notes of some markets, so that none is charged once for each.
LOCK_DUE = """
select coalesce(array_agg(id), '{}'), coalesce(array_agg(bankroll_id), '{}'),
       coalesce(array_agg(book_id), '{}'), coalesce(array_agg(market_id), '{}')
from (
    select * from settlements_commissiondue
    where market_id = any(%(markets)s) and bankroll_id = any(%(ids)s)
    order by id for update skip locked
) held
"""
PICKS_OF_MARKETS = """
select coalesce(array_agg(id), '{}'), coalesce(array_agg(market_id), '{}')
from (select id, market_id from markets_selection where market_id = any(%s) order by id) picks
"""
#: One table at a time: what the planner counted before many bets were settled misleads a join.
BETS_OF_PICKS = """
select coalesce(array_agg(id), '{}'), coalesce(array_agg(bankroll_id), '{}'),
       coalesce(array_agg(book_id), '{}'), coalesce(array_agg(selection_id), '{}')
from betting_bet where selection_id = any(%s) and bankroll_id = any(%s) and status = 'SETTLED'
"""
#: In the order of their ids: two that charge the same market never cross.
LOCK_CHARGED = """
select coalesce(array_agg(id), '{}') from (
    select id from betting_bet where id = any(%s) and status = 'SETTLED'
    order by id for no key update
) held
"""
CHARGED = f"""
select coalesce(array_agg(bet), '{{}}'), coalesce(array_agg(bankroll_id), '{{}}'),
       coalesce(array_agg(book_id), '{{}}'), coalesce(array_agg(market_id), '{{}}'),
       coalesce(array_agg(gross::bigint), '{{}}'), coalesce(array_agg(taken::bigint), '{{}}'),
       coalesce(array_agg(settlement), '{{}}'), coalesce(array_agg(revision::bigint), '{{}}'),
       coalesce(array_agg(rules), '{{}}'), coalesce(array_agg(transfer), '{{}}'),
       coalesce(array_agg(times), '{{}}'), coalesce(array_agg(rate::bigint), '{{}}')
from (
    select b.id as bet, b.bankroll_id, b.book_id, s.market_id,
           (b.profit + b.commission) * 100 as gross, b.commission * 100 as taken,
           st.id as settlement, st.revision, coalesce(st.rule_set_id, 0) as rules,
           coalesce(fee.id, 0) as transfer,
           (select count(*) from settlements_ledgertransfer x
            where x.settlement_id = st.id and x.kind = 'COMMISSION') as times,
           coalesce((select told_commission * {OF_RATES} from betting_trackedbet
                     where bet_id = b.id), -1) as rate
    from betting_bet b
    join markets_selection s on s.id = b.selection_id
    join lateral (
        select * from settlements_settlement where bet_id = b.id order by revision desc limit 1
    ) st on true
    left join lateral (
        select x.id from settlements_ledgertransfer x
        where x.settlement_id = st.id and x.kind = 'COMMISSION'
          and not exists (select from settlements_ledgertransfer y where y.reverses_id = x.id)
        order by x.id desc limit 1
    ) fee on true
    where b.id = any(%s) and b.status = 'SETTLED' order by b.id
) charged
"""
FORGET_DUE = "delete from settlements_commissiondue where id = any(%s)"
