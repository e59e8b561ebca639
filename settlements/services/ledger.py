"""Money moves here alone: transfers, the balances kept beside them, and their reckoning.

Every bankroll has four accounts.  ``CASH`` is what it holds; ``PROFIT_AND_LOSS`` is where won
money comes from and lost money goes to; ``CAPITAL`` is where deposits come from and withdrawals
go to; ``COMMISSION`` is what books took.  A transfer takes a positive amount from the debit
account and gives it to the credit account, so the ledger balances by construction.  Account
balances and ``Bankroll.balance`` move in the transaction of the transfer, under the lock of the
bankroll's row.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection, transaction

from betting import queries as betting_queries
from betting.models import Bankroll
from betting.services import bankrolls
from monitoring.errors import Refused
from monitoring.services import audit
from settlements.models import LedgerAccount, LedgerTransfer

ZERO = Decimal("0.00")
CENT = Decimal("0.01")
MOST = Decimal("999999999999.99")  # what a balance can hold
LONGEST_REFERENCE = 40


class LedgerRefused(Refused):
    """This movement of money is not possible."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One transfer to be: ``cash`` is signed, positive into the bankroll's cash."""

    bankroll_id: int
    kind: str
    against: str  # the account on the other side
    cash: Decimal
    reference: str
    at: datetime
    settlement_id: int | None = None
    reverses_id: int | None = None


@dataclass(frozen=True, slots=True)
class Imbalance:
    """By how much one bankroll's books disagree with themselves, each as an absolute sum."""

    bankroll_id: int
    name: str
    accounts: Decimal  # cached account balances against the sums of their transfers
    balance: Decimal  # the bankroll's balance against its cash account
    bets: Decimal  # profits of bets against the transfers of their settlements

    @property
    def total(self) -> Decimal:
        return self.accounts + self.balance + self.bets


def open_accounts(*, bankroll: Bankroll) -> dict[str, LedgerAccount]:
    """Give a bankroll its accounts, by kind; the second call finds them."""
    LedgerAccount.objects.bulk_create(
        [
            LedgerAccount(bankroll=bankroll, kind=kind, currency=bankroll.currency)
            for kind in LedgerAccount.Kind.values
        ],
        ignore_conflicts=True,
    )
    return {account.kind: account for account in LedgerAccount.objects.filter(bankroll=bankroll)}


def open_many(*, bankroll_ids: Sequence[int]) -> dict[tuple[int, str], int]:
    """Open what accounts are missing; return those of bankrolls, by bankroll and kind."""
    ids = list(bankroll_ids)
    with connection.cursor() as cursor:
        cursor.execute(_OPEN_MISSING, [LedgerAccount.Kind.values, ids])
    rows = LedgerAccount.objects.filter(bankroll__in=ids).values_list("bankroll_id", "kind", "pk")
    return {(bankroll, kind): pk for bankroll, kind, pk in rows}


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
        cash=_checked(amount),
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
        cash=-_checked(amount),
        reference=reference,
        actor=actor,
        now=now,
        reason=reason,
    )


def _checked(amount: Decimal) -> Decimal:
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
    bankroll = Bankroll.objects.select_for_update(no_key=True).get(pk=bankroll_id)
    accounts = open_accounts(bankroll=bankroll)
    name = f"{kind.lower()}:{bankroll_id}:{_named(reference)}"
    existing = LedgerTransfer.objects.filter(reference=name).first()
    if existing:
        if existing.amount != abs(cash):
            raise LedgerRefused(f"{reference} already moved {existing.amount}, not {abs(cash)}")
        return existing
    _refuse_to_touch_a_replay(bankroll)
    if cash < 0:
        _refuse_overdraft(bankroll_id=bankroll_id, amount=-cash)
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


def _named(reference: str) -> str:
    text = reference.strip()
    if not 0 < len(text) <= LONGEST_REFERENCE or not text.isprintable():
        raise LedgerRefused(f"a movement has a reference of 1 to {LONGEST_REFERENCE} characters")
    return text


def _refuse_to_touch_a_replay(bankroll: Bankroll) -> None:
    """A replay counts what came of its first deposit; money that came later would be no profit."""
    moved = LedgerTransfer.objects.filter(debit__bankroll=bankroll)
    if bankroll.kind == Bankroll.Kind.REPLAY and moved.exists():
        raise LedgerRefused(f"the money of {bankroll} belongs to its replay")


def _refuse_overdraft(*, bankroll_id: int, amount: Decimal) -> None:
    available = betting_queries.available(bankroll_id=bankroll_id)
    if amount > available:
        raise LedgerRefused(f"{amount} is more than the {available} that no open bet may need")


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
    by_account: dict[tuple[int, str], Decimal] = {}
    for row in movements:
        sums[row.bankroll_id] = sums.get(row.bankroll_id, ZERO) + row.cash
        for kind, amount in ((LedgerAccount.Kind.CASH, row.cash), (row.against, -row.cash)):
            key = (row.bankroll_id, str(kind))
            by_account[key] = by_account.get(key, ZERO) + amount
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_BANKROLLS, [sorted(sums)])
        cursor.execute(_OPEN_MISSING, [LedgerAccount.Kind.values, sorted(sums)])
        cursor.execute(_INSERT_TRANSFERS, _columns(movements))
        if cursor.rowcount != len(movements):
            raise RuntimeError(f"bankrolls are missing among {sorted(sums)}")
        keys = sorted(by_account)
        cursor.execute(
            _MOVE_ACCOUNTS,
            [[key[0] for key in keys], [key[1] for key in keys], [by_account[key] for key in keys]],
        )
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
_INSERT_TRANSFERS = """
insert into settlements_ledgertransfer
    (kind, debit_id, credit_id, amount, settlement_id, reverses_id, reference, at)
select m.kind,
       case when m.cash > 0 then other.id else cash.id end,
       case when m.cash > 0 then cash.id else other.id end,
       abs(m.cash), m.settlement_id, m.reverses_id, m.reference, m.at
from unnest(%s::text[], %s::bigint[], %s::text[], %s::numeric[], %s::bigint[], %s::bigint[],
            %s::text[], %s::timestamptz[]) with ordinality
     as m(kind, bankroll_id, against, cash, settlement_id, reverses_id, reference, at, place)
join settlements_ledgeraccount cash on cash.bankroll_id = m.bankroll_id and cash.kind = 'CASH'
join settlements_ledgeraccount other
     on other.bankroll_id = m.bankroll_id and other.kind = m.against
order by m.place
"""
_MOVE_ACCOUNTS = """
update settlements_ledgeraccount a set balance = a.balance + m.amount
from unnest(%s::bigint[], %s::text[], %s::numeric[]) as m(bankroll_id, kind, amount)
where a.bankroll_id = m.bankroll_id and a.kind = m.kind
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
           coalesce(sum(a.balance) filter (where a.kind = 'CASH'), 0) as cash
    from settlements_ledgeraccount a left join moved m on m.account_id = a.id
    group by a.bankroll_id
), paid as (
    select s.bet_id, c.bankroll_id,
           sum(case when c.kind = 'CASH' then t.amount else -t.amount end) as amount
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
