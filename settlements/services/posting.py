"""Many transfers at once, in columns: written, then every balance they touch is moved.

What ``ledger.post`` is for a few movements, this is for those of a chunk of bets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from betting.services import bankrolls
from monitoring import columns
from monitoring.columns import Ints
from settlements.models import LedgerAccount, LedgerTransfer
from settlements.services import ledger

KINDS: Sequence[str] = LedgerTransfer.Kind.values
ACCOUNTS: Sequence[str] = LedgerAccount.OF_EVERY_BANKROLL
_CASH = ACCOUNTS.index("CASH")


@dataclass(frozen=True, slots=True)
class Postings:
    """Transfers to be.  ``cash`` is in minor units, signed, positive into the bankroll's money.

    That is what lies at the ``book``, where the bankroll has an account there, else its cash.
    The reference of each is its ``label`` and its ``numbers``, those that are not 0:
    "settle:42:1".  0 is a row that there is not.
    """

    bankroll: Ints
    cash: Ints
    kind: str
    against: str  # the account on the other side
    label: str
    numbers: tuple[Ints, Ints, Ints]
    settlement: Ints
    reverses: Ints
    book: Ints

    def some(self, of: npt.NDArray[np.bool_]) -> "Postings":
        """Return those of a mask."""
        one, two, three = self.numbers
        return Postings(
            self.bankroll[of], self.cash[of], self.kind, self.against, self.label,
            (one[of], two[of], three[of]), self.settlement[of], self.reverses[of], self.book[of],
        )  # fmt: skip


def post(postings: Sequence[Postings], *, at: datetime) -> None:
    """Write transfers in the order they are in, and move every balance they touch.

    Needs an open transaction.  Locks the bankrolls, in the order of their ids, last of all: others
    who move their money wait for as long as adding up takes and the transaction then lasts.
    """
    postings = [one for one in postings if len(one.bankroll)]
    if not postings:
        return
    owners = np.unique(np.concatenate([one.bankroll for one in postings]))
    accounts, at_books = ledger.open_many(bankroll_ids=owners.tolist())
    account_of = np.array(
        [[accounts.get((owner, kind), 0) for kind in ACCOUNTS] for owner in owners.tolist()]
    )
    if not account_of.all():
        raise RuntimeError(f"bankrolls are missing among {owners.tolist()}")
    labels = sorted({one.label for one in postings})
    parts = [_rows(one, owners, account_of, at_books, labels) for one in postings]
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    asked = {**rows, "kinds": list(KINDS), "labels": labels, "at": at}
    if columns.run(_INSERT, asked) != len(rows["amount"]):
        raise RuntimeError("a transfer was not written")
    _move(owners, rows, postings)


def _rows(
    one: Postings, owners: Ints, account_of: Ints, at_books: Mapping[tuple[int, int], int],
    labels: Sequence[str],
) -> Mapping[str, Ints]:  # fmt: skip
    owner = np.searchsorted(owners, one.bankroll)
    money, other = account_of[owner, _CASH], account_of[owner, ACCOUNTS.index(one.against)]
    for (bankroll, book), account in at_books.items():
        money = np.where((one.bankroll == bankroll) & (one.book == book), account, money)
    is_into = one.cash > 0
    n = len(one.bankroll)
    return {
        "kind": np.full(n, KINDS.index(one.kind) + 1),
        "debit": np.where(is_into, other, money),
        "credit": np.where(is_into, money, other),
        "amount": np.abs(one.cash),
        "settlement": one.settlement,
        "reverses": one.reverses,
        "label": np.full(n, labels.index(one.label) + 1),
        **dict(zip(("first", "second", "third"), one.numbers, strict=True)),
    }


def _move(owners: Ints, rows: Mapping[str, Ints], postings: Sequence[Postings]) -> None:
    columns.rows(_LOCK_BANKROLLS, [owners])
    sides = np.concatenate([rows["debit"], rows["credit"]])
    accounts, place = np.unique(sides, return_inverse=True)
    moved, money = np.zeros_like(accounts), np.zeros_like(owners)
    np.add.at(moved, place, np.concatenate([-rows["amount"], rows["amount"]]))
    for one in postings:
        np.add.at(money, np.searchsorted(owners, one.bankroll), one.cash)
    columns.run(_MOVE_ACCOUNTS, [accounts, moved])
    sums = {
        owner: Decimal(cents).scaleb(-2)
        for owner, cents in zip(owners.tolist(), money.tolist(), strict=True)
        if cents
    }
    bankrolls.apply_movements(amounts=sums)


_LOCK_BANKROLLS = "select id from betting_bankroll where id = any(%s) order by id for no key update"
_INSERT = """
insert into settlements_ledgertransfer
    (kind, debit_id, credit_id, amount, settlement_id, reverses_id, reference, at)
select (%(kinds)s::text[])[m.kind], m.debit, m.credit, m.amount * 0.01,
       nullif(m.settlement, 0), nullif(m.reverses, 0),
       concat_ws(':', (%(labels)s::text[])[m.label], m.first, nullif(m.second, 0),
                 nullif(m.third, 0)),
       %(at)s
from unnest(%(kind)s::bigint[], %(debit)s::bigint[], %(credit)s::bigint[], %(amount)s::bigint[],
            %(settlement)s::bigint[], %(reverses)s::bigint[], %(label)s::bigint[],
            %(first)s::bigint[], %(second)s::bigint[], %(third)s::bigint[])
     as m(kind, debit, credit, amount, settlement, reverses, label, first, second, third)
"""
_MOVE_ACCOUNTS = """
update settlements_ledgeraccount a set balance = a.balance + m.amount * 0.01
from unnest(%s::bigint[], %s::bigint[]) as m(id, amount) where a.id = m.id and m.amount <> 0
"""
