"""Pricing bets whose line matters: refunds, and the closes of lines that the market moved off.

A close of the same question on another line is found like one of the bet's own: the first of the
reference chain that closed, on its line nearest to the bet's; then the line that most of the
bookmakers closed on.  The spread of the sport carries it over to the bet's line.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from django.db import connection

from settlements.domain import spreads
from settlements.services.spread_history import Question, Shapes

HANDICAPS = ("SPREAD", "ASIAN_HANDICAP", "DRAW_NO_BET")  # the last one's line is 0
MEASURES = {
    **dict.fromkeys(HANDICAPS, spreads.MARGIN), "TOTAL": spreads.TOTAL,
    "TEAM_TOTAL": spreads.TEAM, "PLAYER_TOTAL": spreads.PLAYER,
}  # fmt: skip
FIRST = ("HOME", "OVER")


class Asked(NamedTuple):
    """A bet's line and question, and the close that prices it: of this line, or of another."""

    role: str
    kind: str
    line: float  # the market's own, of the bet
    question: Question
    closing_line: float
    closing_price: float
    probability: float  # fair, of the bet's role at the closing line


class Own(NamedTuple):
    """What a bet's own line was worth at the close."""

    probability: float
    raw_probability: float  # with the margin in it
    refund: float
    distribution: str
    history: int


class Close(NamedTuple):
    """A close on another line of the same question."""

    reference: str
    method: str
    price: float
    probability: float
    age: int
    line: float


def measure_of(kind: str) -> str:
    """Return what a kind of market counts; "" where it has no line.

    >>> measure_of("SPREAD"), measure_of("MATCH_ODDS")
    ('MARGIN', '')
    """
    return MEASURES.get(kind, "")


def find(*, bet_ids: Sequence[int], as_of: datetime, oldest: timedelta) -> dict[int, Close]:
    """Return, by bet, the close on another line that speaks for it; none where there is none."""
    if not bet_ids:
        return {}
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {"ids": list(bet_ids), "as_of": as_of, "oldest": oldest}
        cursor.execute(_NEAREST, asked)
        return {bet: Close(*row) for bet, *row in cursor.fetchall()}


def price(asked: Sequence[Asked], *, shapes: Shapes) -> list[Own | None]:
    """Return what own lines were worth; None where the sport's spread is not known.

    Sets of bets with one shape are priced together.
    """
    shapes.read([one.question for one in asked])
    found: list[Own | None] = [None] * len(asked)
    together: dict[int, list[int]] = {}
    by_id: dict[int, spreads.Spread] = {}
    for at, one in enumerate(asked):
        shape = shapes.of(one.question)
        if shape is not None and _is_quarter(one.line) and _is_quarter(one.closing_line):
            by_id[id(shape)] = shape
            together.setdefault(id(shape), []).append(at)
    for key, places in together.items():
        for at, own in zip(places, _own(by_id[key], [asked[at] for at in places]), strict=True):
            found[at] = own
    return found


def _own(shape: spreads.Spread, asked: Sequence[Asked]) -> list[Own]:
    """Return the worth of own lines, turned to each bet's own side."""
    is_first = np.array([one.role in FIRST for one in asked])
    sign = np.array([-1.0 if one.kind in HANDICAPS else 1.0 for one in asked])
    line = sign * np.array([one.line for one in asked])
    closing_line = sign * np.array([one.closing_line for one in asked])
    fair = np.array([one.probability for one in asked])
    with_margin = 1.0 / np.array([one.closing_price for one in asked])
    priced = [
        spreads.at_close(
            shape=shape, closing_line=closing_line, line=line,
            probability=np.where(is_first, said, 1.0 - said),
        )
        for said in (fair, with_margin)
    ]  # fmt: skip
    own, raw = (np.where(is_first, one.probability, 1.0 - one.probability) for one in priced)
    return [
        Own(float(won), float(with_it), float(refund), shape.kind, shape.n)
        for won, with_it, refund in zip(own, raw, priced[0].refund, strict=True)
    ]


def _is_quarter(line: float) -> bool:
    return float(line * 4.0).is_integer()


# Of one question on lines of its own; the chain of books is asked as for the bet's own line.
_NEAREST = """
select b.id, coalesce(ref.code, mean.code), coalesce(ref.method, mean.method),
       coalesce(ref.price, mean.price)::float8, coalesce(ref.probability, mean.probability),
       extract(epoch from coalesce(ref.age, mean.age))::int,
       coalesce(ref.line, mean.line)::float8
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
    select k.code, p.method, p.price, p.fair_probability as probability,
           p.starts_at - p.confirmed_at as age, o.line
    from markets_market o
    join markets_selection t on t.market_id = o.id and t.role = s.role
    join markets_closingprice p on p.selection_id = t.id
    join markets_book k on k.id = p.book_id
    where o.event_id = m.event_id and o.kind = m.kind and o.period = m.period
      and o.statistic = m.statistic and o.participant_id is not distinct from m.participant_id
      and o.id <> m.id and k.is_simulated = c.is_simulated
      and (k.reference_rank is not null and rule.chain is null or k.code = any(rule.chain))
      and p.fair_probability is not null and p.exactness <> 'NONE'
      and p.starts_at <= %(as_of)s and p.starts_at - p.confirmed_at <= %(oldest)s
    order by coalesce(array_position(rule.chain, k.code), k.reference_rank),
             abs(o.line - m.line), abs(p.fair_probability - 0.5), o.id limit 1
) ref on true
left join lateral (
    select 'consensus' as code, o.line, round(avg(p.price), 3) as price,
           case count(distinct p.method) when 1 then min(p.method) else 'mixed' end as method,
           round(avg(p.fair_probability)::numeric, 9)::float8 as probability,
           max(p.starts_at - p.confirmed_at) as age
    from markets_market o
    join markets_selection t on t.market_id = o.id and t.role = s.role
    join markets_closingprice p on p.selection_id = t.id
    join markets_book k on k.id = p.book_id
    where ref.code is null and (rule.chain is null or 'consensus' = any(rule.chain))
      and o.event_id = m.event_id and o.kind = m.kind and o.period = m.period
      and o.statistic = m.statistic and o.participant_id is not distinct from m.participant_id
      and o.id <> m.id and k.kind = 'BOOKMAKER' and k.is_simulated = c.is_simulated
      and p.fair_probability is not null and p.exactness <> 'NONE'
      and p.starts_at <= %(as_of)s and p.starts_at - p.confirmed_at <= %(oldest)s
    group by o.id, o.line
    order by count(*) desc, abs(o.line - m.line), o.id limit 1
) mean on true
where b.id = any(%(ids)s) and m.line is not null and coalesce(ref.code, mean.code) is not null
"""
