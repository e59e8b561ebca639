"""Statements of an account: its sums in one statement of the database, its lines page by page.

The opening balance is the sum of every transfer before the period, so a statement leans on no
balance that is kept beside them.  ``one_moment`` lets sums and lines see the same transfers, for
however long they are read and whatever is written meanwhile.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from betting.models import Bankroll
from monitoring.errors import Refused
from settlements.domain.statement import ZERO, Head, KindSum, Line
from settlements.models import LedgerAccount
from settlements.services.periods import Period

PIECE = 2_000  # lines read at once
CASH = LedgerAccount.Kind.CASH


class AccountRefused(Refused):
    """There is no such account, or no such line in it."""


def account(text: str) -> LedgerAccount:
    """Find an account by its number, by "BANKROLL" (its cash), "BANKROLL/KIND" or "BANKROLL/BOOK".

    Raises:
        AccountRefused: there is none.
    """
    rows = LedgerAccount.objects.select_related("bankroll", "book")
    if text.isascii() and text.isdigit():
        found = rows.filter(pk=int(text)).first() if len(text) < 19 else None
    else:
        found = _named(text, rows)
    if found is None:
        kinds = ", ".join(LedgerAccount.OF_EVERY_BANKROLL)
        raise AccountRefused(
            f"there is no account {text[:80]!r}: its number, or a bankroll's name with one of"
            f" {kinds}, or a book's code, behind a slash"
        )
    return found


def _named(text: str, rows: Any) -> LedgerAccount | None:
    if "\x00" in text:
        return None
    whole = rows.filter(bankroll__name=text, kind=CASH).first()
    name, _, kind = text.rpartition("/")
    of = rows.filter(bankroll__name=name)
    by_kind = of.filter(kind=kind.upper(), book=None).first()
    return whole or by_kind or of.filter(kind=LedgerAccount.Kind.BOOK, book__code=kind).first()


@contextmanager
def one_moment() -> Iterator[None]:
    """Let everything that is read within be of one moment; a transaction under way decides it."""
    if connection.in_atomic_block:
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("set transaction isolation level repeatable read, read only")
        yield


def again(stated: Head) -> Head:
    """Return the sums of a statement as they are now."""
    row = LedgerAccount.objects.select_related("bankroll", "book").get(pk=stated.account)
    return head(of=row, period=Period(stated.since, stated.until))


def of_bankroll(bankroll: Bankroll) -> list[LedgerAccount]:
    """Return the accounts of a bankroll, its cash first."""
    rows = LedgerAccount.objects.filter(bankroll=bankroll).select_related("bankroll", "book")
    return sorted(rows, key=lambda one: (one.kind != CASH, one.pk))


def head(*, of: LedgerAccount, period: Period) -> Head:
    """Return the sums of an account in a period, by kind, all of one snapshot."""
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, {"account": of.pk, "since": period.since, "until": period.until})
        rows = cursor.fetchall()
    return Head(
        account=of.pk,
        name=str(of),
        kind=of.kind,
        currency=of.currency,
        time_zone=of.bankroll.time_zone,
        since=period.since,
        until=period.until,
        opening=sum((came + went for kind, _, came, went, _ in rows if kind is None), ZERO),
        kinds=[KindSum(kind, n, came, went) for kind, n, came, went, _ in rows if kind is not None],
        last_id=max((row[-1] for row in rows), default=0),
    )


def page(*, head: Head, after: int | None = None, limit: int = 200) -> list[Line]:
    """Return lines of a statement, oldest first, behind the line of the transfer ``after``.

    Raises:
        AccountRefused: ``after`` is no line of this statement.
    """
    if after is None:
        return _lines(head, (head.since, 0), head.opening, limit)
    with connection.cursor() as cursor:
        cursor.execute(
            _UP_TO,
            {"account": head.account, "after": after, "since": head.since, "until": head.until},
        )
        found = cursor.fetchone()
    if found is None:
        raise AccountRefused(f"transfer {after} is no line of this statement")
    at, balance = found
    return _lines(head, (at, after), balance, limit)


def lines(*, head: Head) -> Iterator[Line]:
    """Yield every line of a statement, however many there are."""
    behind, balance = (head.since, 0), head.opening
    while True:
        found = _lines(head, behind, balance, PIECE)
        yield from found
        if len(found) < PIECE:
            return
        behind, balance = (found[-1].at, found[-1].id), found[-1].balance


def _lines(head: Head, behind: tuple[datetime, int], balance: Decimal, limit: int) -> list[Line]:
    with connection.cursor() as cursor:
        cursor.execute(
            _LINES,
            {
                "account": head.account,
                "at": behind[0],
                "id": behind[1],
                "until": head.until,
                "last": head.last_id,
                "limit": limit,
            },
        )
        rows = cursor.fetchall()
    found = []
    for number, at, kind, reference, amount, other, book, *about in rows:
        balance += amount
        label = LedgerAccount.titled(other, book)
        found.append(Line(number, at, kind, reference, amount, balance, label, *about))
    return found


_SUMS = """
select case when at >= %(since)s then kind end as of_kind, count(*),
       coalesce(sum(amount) filter (where amount > 0), 0.00),
       coalesce(sum(amount) filter (where amount < 0), 0.00), max(id)
from (
    select id, at, kind, amount from settlements_ledgertransfer
    where credit_id = %(account)s and at < %(until)s
    union all
    select id, at, kind, -amount from settlements_ledgertransfer
    where debit_id = %(account)s and at < %(until)s
) moved
group by of_kind order by of_kind nulls first
"""
_UP_TO = """
select t.at, (
    select coalesce(sum(amount), 0.00) from (
        select amount from settlements_ledgertransfer
        where credit_id = %(account)s and (at, id) <= (t.at, t.id)
        union all
        select -amount from settlements_ledgertransfer
        where debit_id = %(account)s and (at, id) <= (t.at, t.id)
    ) moved)
from settlements_ledgertransfer t
where t.id = %(after)s and %(account)s in (t.debit_id, t.credit_id)
  and t.at >= %(since)s and t.at < %(until)s
"""
_SIDE = """
select id, at, kind, reference, settlement_id, reverses_id, {other}_id as other_id,
       {sign}amount as amount
from settlements_ledgertransfer
where {own}_id = %(account)s and (at, id) > (%(at)s, %(id)s) and at < %(until)s
  and id <= %(last)s
order by at, id limit %(limit)s
"""
_LINES = f"""
with page as (
    ({_SIDE.format(own="credit", other="debit", sign="")})
    union all
    ({_SIDE.format(own="debit", other="credit", sign="-")})
    order by at, id limit %(limit)s
)
select p.id, p.at, p.kind, p.reference, p.amount, other.kind, coalesce(k.name, ''),
       coalesce(back.reference, ''),
       b.id, coalesce(b.client_ref, ''), coalesce(e.name, ''), coalesce(s.name, ''),
       coalesce(st.outcome, '')
from page p
join settlements_ledgeraccount other on other.id = p.other_id
left join markets_book k on k.id = other.book_id
left join settlements_ledgertransfer back on back.id = p.reverses_id
left join settlements_settlement st on st.id = p.settlement_id
left join betting_bet b on b.id = st.bet_id
left join markets_selection s on s.id = b.selection_id
left join markets_market m on m.id = s.market_id
left join markets_event e on e.id = m.event_id
order by p.at, p.id
"""
