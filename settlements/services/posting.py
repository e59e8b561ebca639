"""Many transfers at once, in columns: written, then every balance they touch is moved.

What ``ledger.post`` is for a few movements, this is for those of a chunk of bets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np

from betting.services import bankrolls
from monitoring import columns
from monitoring.columns import Ints
from settlements.models import LedgerAccount, LedgerTransfer
from settlements.services import ledger

KINDS: Sequence[str] = LedgerTransfer.Kind.values
ACCOUNTS: Sequence[str] = LedgerAccount.Kind.values
_CASH = ACCOUNTS.index("CASH")


@dataclass(frozen=True, slots=True)
class Postings:
    """Transfers to be.  ``cash`` is in minor units, signed, positive into the bankroll's cash.

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


def post(postings: Sequence[Postings], *, at: datetime) -> None:
    """Write transfers in the order they are in, and move every balance they touch.

    Needs an open transaction.  Locks the bankrolls, in the order of their ids, last of all: others
    who move their money wait for as long as adding up takes and the transaction then lasts.
    """
    postings = [one for one in postings if len(one.bankroll)]
    if not postings:
        return
    owners = np.unique(np.concatenate([one.bankroll for one in postings]))
    accounts = ledger.open_many(bankroll_ids=owners.tolist())
    account_of = np.array(
        [[accounts.get((owner, kind), 0) for kind in ACCOUNTS] for owner in owners.tolist()]
    )
    if not account_of.all():
        raise RuntimeError(f"bankrolls are missing among {owners.tolist()}")
    labels = sorted({one.label for one in postings})
    moved = np.zeros_like(account_of)
    parts = [_rows(one, owners, account_of, moved, labels) for one in postings]
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    asked = {**rows, "kinds": list(KINDS), "labels": labels, "at": at}
    if columns.run(_INSERT, asked) != len(rows["amount"]):
        raise RuntimeError("a transfer was not written")
    _move(owners, account_of, moved)


def _rows(
    one: Postings, owners: Ints, account_of: Ints, moved: Ints, labels: Sequence[str]
) -> Mapping[str, Ints]:
    owner = np.searchsorted(owners, one.bankroll)
    other_kind = ACCOUNTS.index(one.against)
    cash, other = account_of[owner, _CASH], account_of[owner, other_kind]
    is_into = one.cash > 0
    np.add.at(moved[:, _CASH], owner, one.cash)
    np.subtract.at(moved[:, other_kind], owner, one.cash)
    n = len(one.bankroll)
    return {
        "kind": np.full(n, KINDS.index(one.kind) + 1),
        "debit": np.where(is_into, other, cash),
        "credit": np.where(is_into, cash, other),
        "amount": np.abs(one.cash),
        "settlement": one.settlement,
        "reverses": one.reverses,
        "label": np.full(n, labels.index(one.label) + 1),
        **dict(zip(("first", "second", "third"), one.numbers, strict=True)),
    }


def _move(owners: Ints, account_of: Ints, moved: Ints) -> None:
    columns.rows(_LOCK_BANKROLLS, [owners])
    columns.run(_MOVE_ACCOUNTS, [account_of.ravel(), moved.ravel()])
    sums = {
        owner: Decimal(cents).scaleb(-2)
        for owner, cents in zip(owners.tolist(), moved[:, _CASH].tolist(), strict=True)
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
