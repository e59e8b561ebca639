"""Money moves here alone: transfers, the balances kept beside them, and their reckoning.

Every bankroll has four accounts.  ``CASH`` is what it holds; ``PROFIT_AND_LOSS`` is where won
money comes from and lost money goes to; ``CAPITAL`` is where deposits come from and withdrawals
go to; ``COMMISSION`` is what books took.  Besides, ``BOOK`` is what lies at one book, which its
bets move in the place of cash once it is there, and ``BONUS`` what a book gave and has not yet
released.  The bankroll's balance is cash and what lies at books.

A transfer takes a positive amount from the debit account and gives it to the credit account, so
the ledger balances by construction.  Account balances and ``Bankroll.balance`` move in the
transaction of the transfer, under the lock of the bankroll's row.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import F

from betting import queries as betting_queries
from betting.models import Bankroll
from betting.services import bankrolls
from monitoring.errors import Refused
from monitoring.services import audit
from settlements.models import LedgerAccount, LedgerTransfer
from settlements.services import places

ZERO = Decimal("0.00")
CENT = Decimal("0.01")
MOST = Decimal("999999999999.99")  # what a balance can hold
LONGEST_REFERENCE = 40


class LedgerRefused(Refused):
    """This movement of money is not possible."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One transfer to be: ``cash`` is signed, positive into the bankroll's money.

    That is what lies at the book ``book_id``, where the bankroll has an account there, else cash.
    """

    bankroll_id: int
    kind: str
    against: str  # the account on the other side
    cash: Decimal
    reference: str
    at: datetime
    settlement_id: int | None = None
    reverses_id: int | None = None
    book_id: int | None = None


@dataclass(frozen=True, slots=True)
class Imbalance:
    """By how much one bankroll's books disagree with themselves, each as an absolute sum."""

    bankroll_id: int
    name: str
    accounts: Decimal  # cached account balances against the sums of their transfers
    balance: Decimal  # the bankroll's balance against cash and what lies at books
    bets: Decimal  # profits of bets against the transfers of their settlements

    @property
    def total(self) -> Decimal:
        return self.accounts + self.balance + self.bets


def open_accounts(*, bankroll: Bankroll) -> dict[str, LedgerAccount]:
    """Give a bankroll its accounts, by kind; the second call finds them."""
    LedgerAccount.objects.bulk_create(
        [
            LedgerAccount(bankroll=bankroll, kind=kind, currency=bankroll.currency)
            for kind in LedgerAccount.OF_EVERY_BANKROLL
        ],
        ignore_conflicts=True,
    )
    rows = LedgerAccount.objects.filter(bankroll=bankroll, book=None)
    return {account.kind: account for account in rows}


def open_many(
    *, bankroll_ids: Sequence[int]
) -> tuple[dict[tuple[int, str], int], dict[tuple[int, int], int]]:
    """Open what accounts are missing; return those by bankroll and kind, and those of money at
    books by bankroll and book.
    """
    ids = list(bankroll_ids)
    with connection.cursor() as cursor:
        cursor.execute(_OPEN_MISSING, [list(LedgerAccount.OF_EVERY_BANKROLL), ids])
    rows = LedgerAccount.objects.filter(bankroll__in=ids).exclude(kind=LedgerAccount.Kind.BONUS)
    found = list(rows.values_list("bankroll_id", "kind", "book_id", "pk"))
    return (
        {(bankroll, kind): pk for bankroll, kind, book, pk in found if book is None},
        {(bankroll, book): pk for bankroll, _, book, pk in found if book is not None},
    )


def deposit(
    *,
    bankroll_id: int,
    amount: Decimal,
    reference: str,
    actor: str,
    now: datetime,
    reason: str = "",
) -> LedgerTransfer:
    """Bring money into a bankroll; the same reference again is the same deposit.

    A replay's bankroll takes the one deposit that it is opened with.

    Raises:
        LedgerRefused: the amount is no positive sum in cents or more than a balance can hold,
            the reference is missing, too long or another movement's, or it is a replay's money.
    """
    return _move_capital(
        kind=LedgerTransfer.Kind.DEPOSIT,
        bankroll_id=bankroll_id,
        cash=checked(amount),
        reference=reference,
        actor=actor,
        now=now,
        reason=reason,
    )


def withdraw(
    *,
    bankroll_id: int,
    amount: Decimal,
    reference: str,
    actor: str,
    now: datetime,
    reason: str = "",
) -> LedgerTransfer:
    """Take money out of a bankroll, at most what no open bet may need.

    Raises:
        LedgerRefused: the amount is no positive sum in cents or more than is available, the
            reference is missing, too long or another movement's, or it is a replay's money.
    """
    return _move_capital(
        kind=LedgerTransfer.Kind.WITHDRAWAL,
        bankroll_id=bankroll_id,
        cash=-checked(amount),
        reference=reference,
        actor=actor,
        now=now,
        reason=reason,
    )


def checked(amount: Decimal) -> Decimal:
    """Return an amount that may move: above zero, in whole cents, no more than a balance holds."""
    if not amount.is_finite() or not 0 < amount <= MOST or amount != amount.quantize(CENT):
        raise LedgerRefused(f"{amount} is no positive sum of money in whole cents")
    return amount.quantize(CENT)


@transaction.atomic
def _move_capital(
    *,
    kind: str,
    bankroll_id: int,
    cash: Decimal,
    reference: str,
    actor: str,
    now: datetime,
    reason: str,
) -> LedgerTransfer:
    bankroll = held(bankroll_id)
    accounts = open_accounts(bankroll=bankroll)
    name = f"{kind.lower()}:{bankroll_id}:{named(reference)}"
    existing = LedgerTransfer.objects.filter(reference=name).first()
    if existing:
        if existing.amount != abs(cash):
            raise LedgerRefused(f"{reference} already moved {existing.amount}, not {abs(cash)}")
        return existing
    refuse_to_touch_a_replay(bankroll)
    if cash < 0:
        refuse_overdraft(bankroll_id=bankroll_id, amount=-cash)
        free = places.free(accounts[LedgerAccount.Kind.CASH])
        if -cash > free:
            raise LedgerRefused(f"{-cash} is more than the {free} of it that lie in cash")
    elif bankroll.balance + cash > MOST:
        raise LedgerRefused(f"{bankroll} cannot hold {cash} more than its {bankroll.balance}")
    movement = Movement(bankroll_id, kind, LedgerAccount.Kind.CAPITAL, cash, name, now)
    post(movements=[movement])
    audit.record(
        actor=actor,
        action=f"ledger.{kind.lower()}",
        subject=bankroll,
        at=now,
        amount=str(abs(cash)),
        reference=reference,
        reason=reason,
        cash_account=accounts[LedgerAccount.Kind.CASH].pk,
    )
    return LedgerTransfer.objects.get(reference=name)


def held(bankroll_id: int) -> Bankroll:
    """Lock a bankroll, and with it all its accounts.

    Raises:
        LedgerRefused: there is none.
    """
    found = Bankroll.objects.select_for_update(no_key=True).filter(pk=bankroll_id).first()
    if found is None:
        raise LedgerRefused(f"there is no bankroll {bankroll_id}")
    return found


def named(reference: str) -> str:
    """Return a reference as it is kept."""
    text = reference.strip()
    if not 0 < len(text) <= LONGEST_REFERENCE or not text.isprintable():
        raise LedgerRefused(f"a movement has a reference of 1 to {LONGEST_REFERENCE} characters")
    return text


def refuse_to_touch_a_replay(bankroll: Bankroll) -> None:
    """A replay counts what came of its first deposit; money that came later would be no profit."""
    moved = LedgerTransfer.objects.filter(debit__bankroll=bankroll)
    if bankroll.kind == Bankroll.Kind.REPLAY and moved.exists():
        raise LedgerRefused(f"the money of {bankroll} belongs to its replay")


def refuse_overdraft(*, bankroll_id: int, amount: Decimal) -> None:
    available = betting_queries.available(bankroll_id=bankroll_id)
    if amount > available:
        raise LedgerRefused(f"{amount} is more than the {available} that no open bet may need")


def write(
    *,
    kind: str,
    debit: LedgerAccount,
    credit: LedgerAccount,
    amount: Decimal,
    reference: str,
    at: datetime,
) -> LedgerTransfer:
    """Write one transfer between two accounts of a bankroll whose lock is held; move balances."""
    row = LedgerTransfer.objects.create(
        kind=kind, debit=debit, credit=credit, amount=amount, reference=reference, at=at
    )
    moved = ZERO
    for account, signed in ((debit, -amount), (credit, amount)):
        LedgerAccount.objects.filter(pk=account.pk).update(balance=F("balance") + signed)
        moved += signed if account.kind in LedgerAccount.MONEY else ZERO
    if moved:
        bankrolls.apply_movements(amounts={debit.bankroll_id: moved})
    return row


def post(*, movements: Sequence[Movement]) -> None:
    """Write transfers and move every balance they touch.  Needs an open transaction.

    Locks the bankrolls in the order of their ids, which guards their accounts too, and opens
    those accounts that are missing.

    Raises:
        RuntimeError: no transaction is open, or there is no such bankroll.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("money moves only inside a transaction")
    if not movements:
        return
    sums: dict[int, Decimal] = {}
    for row in movements:
        sums[row.bankroll_id] = sums.get(row.bankroll_id, ZERO) + row.cash
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_BANKROLLS, [sorted(sums)])
        cursor.execute(_OPEN_MISSING, [list(LedgerAccount.OF_EVERY_BANKROLL), sorted(sums)])
        cursor.execute(_INSERT_TRANSFERS, _columns(movements))
        if cursor.fetchone()[0] != len(movements):
            raise RuntimeError(f"bankrolls are missing among {sorted(sums)}")
    bankrolls.apply_movements(amounts={id_: cash for id_, cash in sums.items() if cash})


def _columns(movements: Iterable[Movement]) -> list[list[object]]:
    rows = [
        (
            row.kind,
            row.bankroll_id,
            row.against,
            row.cash,
            row.settlement_id,
            row.reverses_id,
            row.reference,
            row.at,
            row.book_id,
        )
        for row in movements
    ]
    return [list(column) for column in zip(*rows, strict=True)]


def imbalance(*, bankroll_ids: Sequence[int] | None = None) -> Decimal:
    """Return by how much the books disagree with themselves, in money: 0.00 when all holds."""
    return sum((row.total for row in imbalances(bankroll_ids=bankroll_ids)), ZERO)


def imbalances(*, bankroll_ids: Sequence[int] | None = None) -> list[Imbalance]:
    """Return the bankrolls whose books disagree, all seen in one snapshot of the database.

    Amounts of different signs do not cancel: each account, balance and bet counts by itself.
    """
    ids = None if bankroll_ids is None else list(bankroll_ids)
    with connection.cursor() as cursor:
        cursor.execute(_IMBALANCES, {"ids": ids})
        return [Imbalance(*row) for row in cursor.fetchall()]


_LOCK_BANKROLLS = "select id from betting_bankroll where id = any(%s) order by id for no key update"
#: A bankroll that a file of bets brought, or one of before an account was thought of, lacks some.
_OPEN_MISSING = """
insert into settlements_ledgeraccount (bankroll_id, kind, currency, balance)
select b.id, k.kind, b.currency, 0 from betting_bankroll b cross join unnest(%s::text[]) as k(kind)
where b.id = any(%s) and not exists (select from settlements_ledgeraccount a
                                     where a.bankroll_id = b.id and a.kind = k.kind)
on conflict do nothing
"""
#: The money of a movement lies at its book, where the bankroll has an account there, else in cash.
_INSERT_TRANSFERS = """
with moved as (
    insert into settlements_ledgertransfer
        (kind, debit_id, credit_id, amount, settlement_id, reverses_id, reference, at)
    select m.kind,
           case when m.cash > 0 then other.id else coalesce(at_book.id, cash.id) end,
           case when m.cash > 0 then coalesce(at_book.id, cash.id) else other.id end,
           abs(m.cash), m.settlement_id, m.reverses_id, m.reference, m.at
    from unnest(%s::text[], %s::bigint[], %s::text[], %s::numeric[], %s::bigint[], %s::bigint[],
                %s::text[], %s::timestamptz[], %s::bigint[]) with ordinality
         as m(kind, bankroll_id, against, cash, settlement_id, reverses_id, reference, at, book_id,
              place)
    join settlements_ledgeraccount cash on cash.bankroll_id = m.bankroll_id and cash.kind = 'CASH'
    join settlements_ledgeraccount other
         on other.bankroll_id = m.bankroll_id and other.kind = m.against
    left join settlements_ledgeraccount at_book
         on at_book.bankroll_id = m.bankroll_id and at_book.kind = 'BOOK'
        and at_book.book_id = m.book_id
    order by m.place
    returning debit_id, credit_id, amount
), sums as (
    select id, sum(amount) as amount from (
        select credit_id as id, amount from moved union all select debit_id, -amount from moved
    ) both_sides group by id
), done as (
    update settlements_ledgeraccount a set balance = a.balance + s.amount
    from sums s where a.id = s.id
)
select count(*) from moved
"""
_IMBALANCES = """
with moved as (
    select account_id, sum(amount) as amount from (
        select credit_id as account_id, amount from settlements_ledgertransfer
        union all
        select debit_id, -amount from settlements_ledgertransfer
    ) both_sides group by account_id
), by_account as (
    select a.bankroll_id,
           sum(abs(a.balance - coalesce(m.amount, 0))) as off,
           coalesce(sum(a.balance) filter (where a.kind in ('CASH', 'BOOK')), 0) as cash
    from settlements_ledgeraccount a left join moved m on m.account_id = a.id
    group by a.bankroll_id
), paid as (
    select s.bet_id, c.bankroll_id,
           sum(case when c.kind in ('CASH', 'BOOK') then t.amount else -t.amount end) as amount
    from settlements_ledgertransfer t
    join settlements_settlement s on s.id = t.settlement_id
    join settlements_ledgeraccount c on c.id = t.credit_id
    group by s.bet_id, c.bankroll_id
), by_bet as (
    select coalesce(p.bankroll_id, b.bankroll_id) as bankroll_id,
           sum(abs(coalesce(b.profit, 0) - coalesce(p.amount, 0))) as off
    from (select id, bankroll_id, profit from betting_bet where status = 'SETTLED') b
    full join paid p on p.bet_id = b.id and p.bankroll_id = b.bankroll_id
    group by 1
)
select b.id, b.name, coalesce(a.off, 0), abs(b.balance - coalesce(a.cash, 0)),
       coalesce(x.off, 0)
from betting_bankroll b
left join by_account a on a.bankroll_id = b.id
left join by_bet x on x.bankroll_id = b.id
where (%(ids)s::bigint[] is null or b.id = any(%(ids)s))
  and (coalesce(a.off, 0) <> 0 or b.balance <> coalesce(a.cash, 0) or coalesce(x.off, 0) <> 0)
order by b.id
"""
