"""Which transfers the settlements of a chunk need: what stood is reversed, then the new is paid.

A settlement without profit and without commission (a push, a void) has no transfer.
"""

import numpy as np

from monitoring.columns import Ints
from settlements.models import LedgerAccount, LedgerTransfer
from settlements.services.commissions import GIVEN_BACK, TAKEN
from settlements.services.judging_many import Found
from settlements.services.posting import Postings
from settlements.services.reading import Bets

_Kind, _Account = LedgerTransfer.Kind, LedgerAccount.Kind


def of(*, bets: Bets, found: Found, settlements: Ints) -> list[Postings]:
    """Return the transfers of bets: reversals of both sorts, then profits, then commissions."""
    none = np.zeros_like(bets.bet)
    revision = bets.revision + 1
    reversals = (
        (bets.transfer, bets.moved, _Account.PROFIT_AND_LOSS, "reverse", (bets.bet, bets.revision)),
        (bets.fee, -bets.charged, _Account.COMMISSION, GIVEN_BACK, (bets.fee, none)),
    )
    movements = (
        (
            _Kind.SETTLEMENT,
            found.profit + found.commission,
            _Account.PROFIT_AND_LOSS,
            "settle",
            none,
        ),
        (_Kind.COMMISSION, -found.commission, _Account.COMMISSION, TAKEN, np.ones_like(none)),
    )
    return [
        *(
            _some(
                original != 0,
                Postings(
                    bets.bankroll, -moved, _Kind.REVERSAL.value, account.value, label,
                    (*numbers, none), bets.earlier, original, bets.book,
                ),
            )
            for original, moved, account, label, numbers in reversals
        ),
        *(
            _some(
                cash != 0,
                Postings(
                    bets.bankroll, cash, kind.value, account.value, label,
                    (bets.bet, revision, times), settlements, none, bets.book,
                ),
            )
            for kind, cash, account, label, times in movements
        ),
    ]  # fmt: skip


def _some(of: np.ndarray, all_of: Postings) -> Postings:
    one, two, three = all_of.numbers
    return Postings(
        all_of.bankroll[of], all_of.cash[of], all_of.kind, all_of.against, all_of.label,
        (one[of], two[of], three[of]), all_of.settlement[of], all_of.reverses[of],
        all_of.book[of],
    )  # fmt: skip
