"""What the audit is told of a chunk: one entry of all its bets, and one for each corrected bet."""

from datetime import datetime
from decimal import Decimal

import numpy as np

from monitoring.services import audit
from settlements.domain.rules import OUTCOMES, Outcome
from settlements.services.judging_many import Found
from settlements.services.reading import Bets, Picks


def tell(*, bets: Bets, picks: Picks, found: Found, actor: str, now: datetime) -> None:
    """Write the audit of bets that were settled, in the transaction that settles them."""
    corrected = np.flatnonzero(bets.earlier > 0)
    first, last = int(bets.bet[0]), int(bets.bet[-1])
    audit.record(
        actor=actor,
        action="settlements.settled",
        subject=f"betting.Bet:{first}" if first == last else "betting.Bet",
        at=now,
        bets=len(bets.bet),
        corrected=len(corrected),
        void=int((found.outcome == OUTCOMES.index(Outcome.VOID)).sum()),
        first_bet=first,
        last_bet=last,
        profit=_money(int(found.profit.sum())),
    )
    if not len(corrected):
        return
    told = (
        picks.result[corrected],
        found.outcome[corrected],
        found.profit[corrected],
        bets.profit[corrected],
    )
    audit.record_each(
        actor=actor,
        action="settlements.resettled",
        at=now,
        subjects=[f"betting.Bet:{bet}" for bet in bets.bet[corrected].tolist()],
        details=[
            f'{{"result": {result}, "outcome": "{OUTCOMES[outcome]}",'
            f' "profit": "{_money(profit)}", "profit_before": "{_money(before)}"}}'
            for result, outcome, profit, before in zip(*(c.tolist() for c in told), strict=True)
        ],
    )


def _money(cents: int) -> str:
    return str(Decimal(cents).scaleb(-2))
