"""Charging an account for its net winnings on a market: per bankroll, book and market.

Bets of one market settle at different times, in different workers, and are corrected; each time
the market's net changes, what it costs is reckoned anew and shared among the bets that won.  The
transaction that settles a bet leaves a note of its market; this one takes notes, locks the bets of
those markets in the order of their ids, charges the difference, and removes the notes.  So a worker
killed anywhere leaves notes for the next, and one that settles never waits for another's bets.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from django.db import connection, transaction

from betting.services import settled
from betting.services.settled import ChargedBet
from monitoring import columns
from monitoring.columns import Ints
from settlements.domain import charging
from settlements.models import LedgerAccount, LedgerTransfer
from settlements.services import daily, ledger, statements
from settlements.services.rule_sets import Rules

AT_ONCE = 1_000  # notes in one transaction
TAKEN, GIVEN_BACK = "commission", "reverse-commission"  # of references


class _Charged(NamedTuple):
    """A settled bet with what it brought and what was taken; columns of ``CHARGED``."""

    bet_id: int
    bankroll_id: int
    book_id: int
    market_id: int
    gross: Decimal
    commission: Decimal
    settlement_id: int
    revision: int
    rule_set_id: int | None
    transfer_id: int | None
    times: int  # that commission was taken under this settlement
    rate: Decimal | None  # that its file told


def note(*, bankroll: Ints, book: Ints, market: Ints) -> None:
    """Note the markets whose net winnings the settlements of these bets change."""
    if len(bankroll):
        groups = np.unique(np.stack([bankroll, book, market]), axis=1)
        columns.run(statements.NOTE_DUE, list(groups))


def charge_due(*, bankroll_ids: Sequence[int], rule_sets: Rules, at: datetime) -> int:
    """Charge the markets that are noted; return of how many bets the commission changed."""
    changed = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statements.LOCK_DUE, {"ids": list(bankroll_ids), "most": AT_ONCE})
            notes = cursor.fetchall()
            if not notes:
                return changed
            groups = sorted({tuple(row[1:]) for row in notes})
            cursor.execute(
                statements.LOCK_CHARGED, [list(one) for one in zip(*groups, strict=True)]
            )
            locked = [row[0] for row in cursor.fetchall()]
            cursor.execute(statements.CHARGED, [locked])
            bets = [_Charged(*row) for row in cursor.fetchall()]
            changed += _charge(bets, rule_sets, at=at)
            cursor.execute(statements.FORGET_DUE, [[row[0] for row in notes]])


def _charge(bets: Sequence[_Charged], rule_sets: Rules, *, at: datetime) -> int:
    by_market: dict[tuple[int, int, int], list[_Charged]] = {}
    for bet in bets:
        if rule_sets.by_id(bet.rule_set_id).terms.commission.base == "MARKET_NET":
            by_market.setdefault((bet.bankroll_id, bet.book_id, bet.market_id), []).append(bet)
    wanted = [
        (bet, amount)
        for group in by_market.values()
        for bet, amount in zip(group, _amounts(group, rule_sets), strict=True)
        if amount != bet.commission
    ]
    movements = []
    for bet, amount in wanted:
        if bet.transfer_id is not None:
            movements.append(
                ledger.Movement(
                    bankroll_id=bet.bankroll_id,
                    book_id=bet.book_id,
                    kind=LedgerTransfer.Kind.REVERSAL.value,
                    against=LedgerAccount.Kind.COMMISSION.value,
                    cash=bet.commission,
                    reference=f"{GIVEN_BACK}:{bet.transfer_id}",
                    at=at,
                    settlement_id=bet.settlement_id,
                    reverses_id=bet.transfer_id,
                )
            )
        if amount:
            movements.append(_taken(bet, amount, at=at))
    ledger.post(movements=movements)
    settled.mark_charged(rows=[ChargedBet(bet.bet_id, amount) for bet, amount in wanted])
    daily.note_changed(bet_ids=[bet.bet_id for bet, _ in wanted])
    return len(wanted)


def _amounts(group: Sequence[_Charged], rule_sets: Rules) -> list[Decimal]:
    """Return what each bet of a market bears, by the latest of the versions they are under."""
    latest = max(
        (rule_sets.by_id(bet.rule_set_id) for bet in group),
        key=lambda one: (one.since, one.version),
    )
    terms, profits = latest.terms, [bet.gross for bet in group]
    rate = charging.rate_of(commission=terms.commission, told=[bet.rate for bet in group])
    amount = charging.of_market(profits=profits, rate=rate, rounding=terms.rounding)
    return charging.allot(amount=amount, profits=profits)


def _taken(bet: _Charged, amount: Decimal, *, at: datetime) -> ledger.Movement:
    return ledger.Movement(
        bankroll_id=bet.bankroll_id,
        book_id=bet.book_id,
        kind=LedgerTransfer.Kind.COMMISSION.value,
        against=LedgerAccount.Kind.COMMISSION.value,
        cash=-amount,
        reference=f"{TAKEN}:{bet.bet_id}:{bet.revision}:{bet.times + 1}",
        at=at,
        settlement_id=bet.settlement_id,
    )
