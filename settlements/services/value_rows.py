"""The rows of values: which bets are due, what is known of them, and how values are written."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from settlements.domain import clv
from settlements.services.rule_sets import Rules
from settlements.services.spread_history import Question

COLUMNS = {
    "bet_id": "bigint", "reference": "text", "method": "text", "closing_price": "numeric",
    "closing_probability": "float8", "close_age_seconds": "int", "clv_raw": "float8",
    "clv": "float8", "basis": "text", "closing_line": "numeric", "line_probability": "float8",
    "distribution": "text", "history": "int", "refund": "float8", "commission": "float8",
    "price": "numeric", "stake": "numeric", "expected_profit": "numeric",
}  # fmt: skip
_BASES = {
    "EACH_WIN": clv.WINNINGS, "MARKET_NET": clv.WINNINGS, "RETURNS": clv.RETURNS,
    "STAKE": clv.STAKE,
}  # fmt: skip


_NO_CLOSE: tuple[Any, ...] = (None, "", Decimal(0), 0.0, 0)


class Due(NamedTuple):
    """A bet to be valued; ``reference`` is None where nobody closed on its own line."""

    bet_id: int
    price: Decimal
    stake: Decimal
    is_lay: bool
    book_id: int
    placed_at: datetime
    told_rate: Decimal | None  # of commission, where its file told one
    rules: str  # the rule set that its file is under
    kind: str
    period: str
    role: str
    line: float | None
    participant_id: int | None
    statistic: str
    sport_id: int
    sport: str
    is_simulated: bool
    day: int  # of the event, since 1970
    reference: str | None
    method: str
    close: Decimal
    probability: float
    age: int

    @property
    def may_push(self) -> bool:
        """Say whether the stake, or half of it, may come back."""
        return (self.line or 0.0) % 1.0 != 0.5

    def question(self, measure: str) -> Question:
        """Return whose spread its line is priced by."""
        return Question(
            self.sport_id, self.sport, self.is_simulated, measure, self.period, self.day,
            self.participant_id, self.statistic, self.line or 0.0,
        )  # fmt: skip


def due(window: dict[str, Any]) -> list[Due]:
    """Return the bets whose value is missing or not what it would be now, by id."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, window)
        return [Due(*row) for row in cursor.fetchall()]


def described(bet_ids: Sequence[int]) -> dict[int, Due]:
    """Return what is known of these bets, without any close."""
    with connection.cursor() as cursor:
        cursor.execute(_DESCRIBED, [list(bet_ids)])
        return {row[0]: Due(*row, *_NO_CLOSE) for row in cursor.fetchall()}


def forget(bet_ids: Sequence[int]) -> None:
    """Take the values of these bets away: their close is gone."""
    if bet_ids:
        with connection.cursor() as cursor:
            cursor.execute(
                "delete from settlements_betvalue where bet_id = any(%s)", [list(bet_ids)]
            )


def write(columns: Sequence[list[Any]], *, now: datetime) -> int:
    """Write values, over those that stand; return how many."""
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT, [*columns, [now] * len(columns[0])])
        return cursor.rowcount


def commission_of(bet: Due, rules: Rules) -> tuple[float, str]:
    """Return the rate that a bet is charged at, and on what; 0 where nothing is known of it."""
    code = bet.rules or rules.code(book_id=bet.book_id, sport_id=bet.sport_id, market_kind=bet.kind)
    version = rules.of(code, at=bet.placed_at)
    commission = version.terms.commission if version else None
    if commission is None or commission.base not in _BASES:
        return 0.0, ""
    told = bet.told_rate if commission.is_of_bet else None
    return float(commission.net_rate if told is None else told), _BASES[commission.base]


_DUE = """
with due as (
    select b.id, b.selection_id, b.price, b.stake, b.side = 'LAY' as is_lay, b.book_id,
           b.placed_at, b.venue
    from betting_bet b
    where b.bankroll_id = any(%(ids)s) and b.id > %(after)s and b.price > 1
      and (b.status = 'ACCEPTED' and b.matched_stake > 0 or b.status = 'SETTLED'
           and (%(since)s::timestamptz is null or b.settled_at >= %(since)s))
), found as (
    select d.*, m.kind, m.period, s.role, m.line, m.participant_id, m.statistic, m.event_id,
           c.sport_id, c.is_simulated, coalesce(e.started_at, e.starts_at) as start,
           coalesce(ref.code, mean.code) as reference,
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
select f.id, f.price, f.stake, f.is_lay, f.book_id, f.placed_at, told.told_commission,
       coalesce(file.spec->>'rules', ''), f.kind, f.period, f.role, f.line::float8,
       f.participant_id, f.statistic, f.sport_id, sport.code, f.is_simulated,
       floor(extract(epoch from f.start) / 86400)::int,
       f.reference, f.method, f.close, f.probability, f.age
from found f
join markets_sport sport on sport.id = f.sport_id
left join betting_trackedbet told on f.venue = 'imported' and told.bet_id = f.id
left join betting_betimport file on file.id = told.imported_id
left join settlements_betvalue v on v.bet_id = f.id
left join settlements_valuegap g on g.bet_id = f.id
where case
    when f.reference is not null then
        v.bet_id is null
        or (v.reference, v.method, v.closing_price, v.closing_probability, v.close_age_seconds,
            v.closing_line, v.price, v.stake) is distinct from
           (f.reference, f.method, f.close, f.probability, f.age, null::numeric, f.price, f.stake)
    when f.start > %(as_of)s then v.bet_id is not null and f.start > %(now)s
    when v.bet_id is null and g.bet_id is null then true
    -- what stands without a close of its own is looked at again where closes were recorded since
    else %(since)s::timestamptz is null or v.basis = 'QUOTED' or exists (
        select from markets_market o
        join markets_selection t on t.market_id = o.id
        join markets_closingprice p on p.selection_id = t.id
        where o.event_id = f.event_id and o.kind = f.kind
          and p.recorded_at > coalesce(v.valued_at, g.looked_at))
end
order by f.id limit %(size)s
"""
_DESCRIBED = """
select b.id, b.price, b.stake, b.side = 'LAY', b.book_id, b.placed_at, told.told_commission,
       coalesce(file.spec->>'rules', ''), m.kind, m.period, s.role, m.line::float8,
       m.participant_id, m.statistic, c.sport_id, sport.code, c.is_simulated,
       floor(extract(epoch from coalesce(e.started_at, e.starts_at)) / 86400)::int
from betting_bet b
join markets_selection s on s.id = b.selection_id
join markets_market m on m.id = s.market_id
join markets_event e on e.id = m.event_id
join markets_competition c on c.id = e.competition_id
join markets_sport sport on sport.id = c.sport_id
left join betting_trackedbet told on b.venue = 'imported' and told.bet_id = b.id
left join betting_betimport file on file.id = told.imported_id
where b.id = any(%s)
"""
_UPSERT = f"""
insert into settlements_betvalue as v ({", ".join(COLUMNS)}, valued_at)
select * from unnest({", ".join(f"%s::{type_}[]" for type_ in COLUMNS.values())},
                     %s::timestamptz[]) as n ({", ".join(COLUMNS)}, valued_at)
on conflict (bet_id) do update set
    {", ".join(f"{name} = excluded.{name}" for name in COLUMNS)}, valued_at = excluded.valued_at
where ({", ".join(f"v.{name}" for name in COLUMNS)}) is distinct from
      ({", ".join(f"excluded.{name}" for name in COLUMNS)})
"""
