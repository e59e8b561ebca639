"""What reconciling reads of our own books: bets beside a venue's orders, and settled bets."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from betting.models import Bet
from settlements.domain.reconciling import Ours, Settled
from settlements.models import ReconciliationItem
from settlements.services.rule_sets import Rules

PIECE = 5_000
LONGEST_LIFE = timedelta(days=90)  # of an order, from being placed until it is cleared
_PLAIN_WORKING = {"told"}


def bets_of(*, venue: str, refs: Collection[str]) -> dict[str, tuple[int, Ours]]:
    """Return our bets by every reference that an order may carry, with their bankrolls."""
    found: dict[str, tuple[int, Ours]] = {}
    wanted = [*refs, *(f"o-{ref}"[:32] for ref in refs)]
    for row in _ask(_BY_REF, {"refs": wanted}):
        bankroll_id, bet = _ours(row)
        found[bet.client_ref] = bankroll_id, bet
        if bet.venue in (venue, Bet.OUTSIDE) and bet.venue_ref:
            found[bet.venue_ref] = bankroll_id, bet
    return found


def bets_by_number(
    *, venue: str, refs: Collection[str], since: datetime
) -> dict[str, tuple[int, Ours]]:
    """Return our bets by the venue's own numbers, where it does not tell our references."""
    if not refs:
        return {}
    about = {"refs": list(refs), "venue": venue, "since": since - LONGEST_LIFE}
    found = (_ours(row) for row in _ask(_BY_NUMBER, about))
    return {bet.venue_ref: (bankroll_id, bet) for bankroll_id, bet in found}


def settled_at(*, venue: str, bankroll_id: int, since: datetime, until: datetime) -> Iterator[Ours]:
    """Yield our bets at a venue that were settled in a period."""
    about = {"venue": venue, "bankroll": bankroll_id, "since": since, "until": until}
    for row in _ask(_SETTLED_AT, about):
        yield _ours(row)[1]


def corrections(*, bankroll_ids: Collection[int]) -> dict[str, Decimal]:
    """Return by key what people have moved so far to agree with the venue."""
    found: dict[str, Decimal] = {}
    rows = ReconciliationItem.objects.filter(
        bankroll__in=bankroll_ids, state=ReconciliationItem.State.ACCEPTED
    )
    for key, amount in rows.values_list("key", "difference"):
        found[key] = found.get(key, Decimal("0.00")) + (amount or 0)
    return found


def settled(*, bankroll_id: int, since: datetime, until: datetime) -> Iterator[Settled]:
    """Yield the settled bets of a period with the settlement that stands, piece by piece."""
    rules, after = Rules.load(), 0
    while True:
        about = {
            "bankroll": bankroll_id, "since": since, "until": until, "after": after,
            "piece": PIECE,
        }  # fmt: skip
        rows = _ask(_SETTLED, about)
        for *columns, working, rule_set_id in rows:
            terms = rules.by_id(rule_set_id).terms
            is_plain = set(working or ()) <= _PLAIN_WORKING
            told: tuple[Any, ...] = (*columns, is_plain, str(terms.rounding))
            yield Settled(*told)
        if len(rows) < PIECE:
            return
        after = rows[-1][0]


def alike(
    *, bankroll_id: int, since: datetime, until: datetime
) -> Iterator[tuple[int, str, datetime]]:
    """Yield what bets that were placed in a period stand for, where several stand for the same."""
    yield from _ask(_ALIKE, {"bankroll": bankroll_id, "since": since, "until": until})


def _ours(row: tuple[Any, ...]) -> tuple[int, Ours]:
    bankroll_id, *columns = row
    return bankroll_id, Ours(*columns)


def _ask(statement: str, about: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, about)
        return cursor.fetchall()


_OURS = """
select b.bankroll_id, b.id, b.client_ref, b.venue_ref, b.venue, b.status, b.side,
       b.requested_stake, b.stake, coalesce(b.matched_price, b.price), coalesce(b.outcome, ''),
       coalesce(b.profit, 0.00), b.commission, coalesce(b.settled_at, b.placed_at)
from betting_bet b
"""
_BY_REF = f"{_OURS} where b.client_ref = any(%(refs)s)"
_BY_NUMBER = f"""{_OURS}
where b.venue = %(venue)s and b.placed_at >= %(since)s and b.venue_ref = any(%(refs)s)
  and b.bankroll_id in (select id from betting_bankroll where kind = 'LIVE')
"""
_SETTLED_AT = f"""{_OURS}
left join betting_outsideorder o on o.bet_id = b.id
where b.bankroll_id = %(bankroll)s and b.settled_at >= %(since)s and b.settled_at < %(until)s
  and coalesce(o.venue, b.venue) = %(venue)s
order by b.id
"""
_SETTLED = """
select b.id, b.settled_at, b.venue, b.venue_ref, k.kind = 'EXCHANGE', b.decision_id is not null,
       b.probability is not null, b.side, b.stake, b.price, b.requested_price, b.liability_asked,
       b.outcome, b.profit, b.commission, st.outcome, st.profit, st.commission,
       case when st.working <> '{}' then array(select jsonb_object_keys(st.working)) end,
       st.rule_set_id
from betting_bet b
join markets_book k on k.id = b.book_id
left join lateral (
    select * from settlements_settlement where bet_id = b.id order by revision desc limit 1
) st on true
where b.bankroll_id = %(bankroll)s and b.settled_at >= %(since)s and b.settled_at < %(until)s
  and b.id > %(after)s
order by b.id limit %(piece)s
"""
#: One order of a venue is one bet; what a person recorded twice is alike in everything.
_ALIKE = """
select id, what, placed_at from (
    select b.id, b.placed_at, w.what, count(*) over (partition by w.what) as times
    from betting_bet b
    cross join lateral (select case
        when b.venue = 'manual' then concat_ws(
            ' ', 'recorded', b.selection_id, b.book_id, b.side, b.stake, b.price, b.placed_at)
        when b.venue_ref <> '' then concat_ws(' ', b.venue, b.venue_ref) end as what) w
    where b.bankroll_id = %(bankroll)s and b.placed_at >= %(since)s and b.placed_at < %(until)s
      and b.status not in ('REJECTED', 'CANCELLED') and w.what is not null
) alike where times > 1 order by id
"""
