"""What ``daily`` asks of the tables: which days are due, and the sums of a day's bets."""

#: The days on which these bets settled until now; of replays none.
NOTE_BETS = """
insert into settlements_performancedue (bankroll_id, day)
select distinct k.id, (b.settled_at at time zone k.time_zone)::date
from betting_bet b join betting_bankroll k on k.id = b.bankroll_id
where b.id = any(%(bets)s) and b.status = 'SETTLED' and k.kind <> 'REPLAY'
"""
NOTE_MOMENT = """
insert into settlements_performancedue (bankroll_id, day)
select k.id, (%(at)s at time zone k.time_zone)::date
from betting_bankroll k where k.id = any(%(bankrolls)s) and k.kind <> 'REPLAY'
"""
NOTE_ALL = """
insert into settlements_performancedue (bankroll_id, day)
select k.id, (b.settled_at at time zone k.time_zone)::date
from betting_bet b join betting_bankroll k on k.id = b.bankroll_id
where b.status = 'SETTLED' and k.kind <> 'REPLAY'
  and (%(bankrolls)s::bigint[] is null or k.id = any(%(bankrolls)s))
union
select bankroll_id, day from settlements_performanceday
where %(bankrolls)s::bigint[] is null or bankroll_id = any(%(bankrolls)s)
"""
#: Each day is one worker's: another that holds it leaves what came meanwhile to the next look.
CLAIM = """
select bankroll_id, day from (
    select distinct bankroll_id, day from settlements_performancedue
    order by bankroll_id, day limit %(most)s
) due
where pg_try_advisory_xact_lock(
    hashtextextended('settlements.performance:' || bankroll_id || ':' || day, 0))
"""
_DAYS = "unnest(%(bankrolls)s::bigint[], %(days)s::date[]) as due(bankroll_id, day)"
TAKE = f"""
delete from settlements_performancedue n using {_DAYS}
where n.bankroll_id = due.bankroll_id and n.day = due.day
"""
FORGET = f"""
delete from settlements_performanceday p using {_DAYS}
where p.bankroll_id = due.bankroll_id and p.day = due.day
"""
_CUTS = """
('ALL', ''), ('SPORT', b.sport), ('COMPETITION', b.competition), ('MARKET', b.market),
('BOOK', b.book), ('SIDE', b.side), ('VERSION', b.version), ('EDGE', b.edge),
('HOURS', b.hours), ('HOUR', b.hour), ('SITUATION', b.situation), ('ODDS', b.odds),
('TEAM', b.team)
"""
#: Columns of a cluster that its row adds up as they are.
_ADDED = (
    "bets", "void", "won", "lost", "turnover", "profit", "commission", "valued", "beat",
    "valued_turnover", "valued_profit", "clv", "clv_raw", "clv_by_stake", "expected", "modelled",
    "modelled_turnover", "modelled_profit", "model_expected",
)  # fmt: skip
#: Squares and products; each is rounded by itself, so that no order of adding them matters.
_PRODUCTS = {
    "profit_2": ("profit", "profit"),
    "profit_turnover": ("profit", "turnover"),
    "turnover_2": ("turnover", "turnover"),
    "clv_2": ("clv", "clv"),
    "clv_valued": ("clv", "valued"),
    "valued_2": ("valued", "valued"),
    "excess_2": ("(valued_profit - expected)", "(valued_profit - expected)"),
    "excess_turnover": ("(valued_profit - expected)", "valued_turnover"),
    "valued_turnover_2": ("valued_turnover", "valued_turnover"),
}
#: Every sum of a row, in the order in which ``SUM`` writes them.
COLUMNS = (*_ADDED, "events", "valued_events", *_PRODUCTS)
_COLUMNS = ", ".join(COLUMNS)
_SUMS = ", ".join(
    [
        *(f"sum({name})" for name in _ADDED),
        "count(*) filter (where bets > 0)",
        "count(*) filter (where valued > 0)",
        *(f"sum(round(({left} * {right})::numeric, 9))" for left, right in _PRODUCTS.values()),
    ]
)
#: The edge is a share of the backer's stake; of lays what the layer may expect of it.
_BETS = f"""
select due.bankroll_id, due.day, m.event_id, b.strategy_id, b.outcome <> 'VOID' as counts,
       b.stake, b.liability as turnover, b.profit, b.commission, b.settled_at,
       round(v.clv::numeric, 9) as clv, round(v.clv_raw::numeric, 9) as clv_raw,
       case when b.price > 1 then round(x.edge::numeric, 9) end as edge_share,
       c.sport_id::text as sport, c.id::text as competition, m.kind as market,
       b.book_id::text as book, b.side::text as side, coalesce(p.version_id::text, '') as version,
       case when x.edge is null or b.price <= 1 then '' when x.edge < 0 then 'below 0'
            when x.edge < .02 then '0-2' when x.edge < .04 then '2-4'
            when x.edge < .06 then '4-6' when x.edge < .1 then '6-10' else '10+' end as edge,
       case when y.hours <= 0 then 'started' when y.hours <= 1 then '0-1'
            when y.hours <= 4 then '1-4' when y.hours <= 12 then '4-12'
            when y.hours <= 24 then '12-24' when y.hours <= 48 then '24-48'
            when y.hours <= 72 then '48-72' else '72+' end as hours,
       to_char(b.placed_at at time zone k.time_zone, 'HH24') as hour,
       s.role::text as situation,
       case when b.price <= 1 then '' when 1 / b.price >= .55 then 'FAVOURITE'
            when 1 / b.price <= .45 then 'OUTSIDER' else 'EVEN' end as odds,
       coalesce((case s.role when 'HOME' then e.home_id when 'AWAY' then e.away_id
                 else coalesce(s.participant_id, m.participant_id) end)::text, '') as team
from {_DAYS}
join betting_bankroll k on k.id = due.bankroll_id
join betting_bet b on b.bankroll_id = due.bankroll_id and b.status = 'SETTLED'
 and b.settled_at >= due.day::timestamp at time zone k.time_zone
 and b.settled_at < (due.day + 1)::timestamp at time zone k.time_zone
join markets_selection s on s.id = b.selection_id
join markets_market m on m.id = s.market_id
join markets_event e on e.id = m.event_id
join markets_competition c on c.id = e.competition_id
left join settlements_betvalue v on v.bet_id = b.id and b.outcome <> 'VOID'
left join betting_decision d on d.id = b.decision_id
left join models_ml_prediction p on p.id = d.prediction_id
cross join lateral (
    select (case b.side when 'LAY' then -1 else 1 end) * (b.probability * b.price - 1) as edge
) x
cross join lateral (
    select extract(epoch from e.starts_at - b.placed_at) / 3600 * c.time_scale as hours
) y
where k.kind <> 'REPLAY'
"""
SUM = f"""
with bets as materialized ({_BETS}), clusters as (
    select b.bankroll_id, b.day, scope.strategy_id, cut.cut, cut.key, b.event_id,
           count(*) filter (where counts) as bets, count(*) filter (where not counts) as void,
           count(*) filter (where profit > 0) as won, count(*) filter (where profit < 0) as lost,
           coalesce(sum(turnover) filter (where counts), 0) as turnover,
           sum(profit) as profit, sum(commission) as commission, count(clv) as valued,
           count(*) filter (where clv > 0) as beat,
           coalesce(sum(turnover) filter (where clv is not null), 0) as valued_turnover,
           coalesce(sum(profit) filter (where clv is not null), 0) as valued_profit,
           coalesce(sum(clv), 0) as clv, coalesce(sum(clv_raw), 0) as clv_raw,
           coalesce(sum(clv * turnover), 0) as clv_by_stake,
           coalesce(sum(round(clv * stake, 9)), 0) as expected,
           count(edge_share) filter (where counts) as modelled,
           coalesce(sum(turnover) filter (where counts and edge_share is not null), 0)
               as modelled_turnover,
           coalesce(sum(profit) filter (where counts and edge_share is not null), 0)
               as modelled_profit,
           coalesce(sum(round(edge_share * stake, 9)) filter (where counts), 0) as model_expected
    from bets b
    cross join lateral (
        select null::bigint union all select b.strategy_id where b.strategy_id is not null
    ) scope(strategy_id)
    cross join lateral (
        select * from (values {_CUTS}) own(cut, key)
        union all
        select 'STRATEGY', coalesce(b.strategy_id::text, '') where scope.strategy_id is null
    ) cut
    group by 1, 2, 3, 4, 5, 6
), steps as (
    select bankroll_id, day, settled_at, sum(sum(profit)) over way as stands
    from bets group by bankroll_id, day, settled_at
    window way as (partition by bankroll_id, day order by settled_at)
), heights as (
    select bankroll_id, day, stands,
           greatest(0, max(stands) over (partition by bankroll_id, day order by settled_at)) as top
    from steps
), falls as (
    select bankroll_id, day, top, min(stands) as low from heights group by 1, 2, 3
), paths as (
    select bankroll_id, day, array_agg(x.at order by top, x.place) as path
    from falls cross join lateral (values (1, top), (2, low)) x(place, at) group by 1, 2
)
insert into settlements_performanceday
    (bankroll_id, day, strategy_id, cut, key, {_COLUMNS}, path)
select c.bankroll_id, c.day, c.strategy_id, c.cut, c.key, {_SUMS},
       case when c.cut = 'ALL' and c.strategy_id is null then min(p.path) end
from clusters c join paths p on p.bankroll_id = c.bankroll_id and p.day = c.day
group by 1, 2, 3, 4, 5
"""
