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
            Postings(
                bets.bankroll, -moved, _Kind.REVERSAL.value, account.value, label,
                (*numbers, none), bets.earlier, original, bets.book,
            ).some(original != 0)
            for original, moved, account, label, numbers in reversals
        ),
        *(
            Postings(
                bets.bankroll, cash, kind.value, account.value, label,
                (bets.bet, revision, times), settlements, none, bets.book,
            ).some(cash != 0)
            for kind, cash, account, label, times in movements
        ),
    ]  # fmt: skip
