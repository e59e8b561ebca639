"""How far live betting falls behind what a backtest of the same strategy promised.

A backtest that was chosen for its figures promises too much, prices that were there on paper are
gone when one asks, and what was found wears off.  All three show as yield that is missing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection

from betting.models import Bankroll
from monitoring import thresholds
from monitoring.domain.thresholds import declare
from settlements.domain import performance

NOTABLE = declare(
    "settlements.backtest-gap-notable", 0.03, "share",
    "A strategy whose live yield is lower than that of its latest backtest by this much is noted.",
    lowest=0.001, highest=1,
)  # fmt: skip
ALERT = declare(
    "settlements.backtest-gap", 0.05, "share",
    "A strategy whose live yield is lower than that of its latest backtest by this much opens an"
    " incident for today.",
    lowest=0.001, highest=1,
)  # fmt: skip
LEAST_BETS = declare(
    "settlements.backtest-gap-bets", 100, "bets",
    "A live yield is held against a backtest's from this many bets on.",
    lowest=1, highest=100_000, is_whole=True,
)  # fmt: skip
IS_SURE = declare(
    "settlements.backtest-gap-sure", 1, "",
    "With 1 a gap between live bets and a backtest is told only where the live yield's 95 %"
    " interval lies below what was promised; with 0 wherever the value does.",
    lowest=0, highest=1, is_whole=True,
)  # fmt: skip
LOOKED_BACK = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Gap:
    """A strategy's live yield beside that of its latest backtest."""

    strategy_id: int
    strategy: str
    backtest_id: int
    promised: float
    live: float
    high: float | None
    bets: int

    @property
    def size(self) -> float:
        """Return how much yield is missing, as a share."""
        return self.promised - self.live

    def __str__(self) -> str:
        upto = "" if self.high is None else f" (at most {_percent(self.high)}, 95 % certain)"
        return (
            f"{self.strategy}: {_percent(self.live)} live over {self.bets} bets{upto}, where"
            f" backtest #{self.backtest_id} had {_percent(self.promised)}:"
            f" {self.size * 100:.1f} points are missing"
        )


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"


_LATEST = """
select distinct on (b.strategy_id) b.strategy_id, s.name, b.id, (b.figures->>'yield')::float8
from settlements_backtest b
join betting_strategy s on s.id = b.strategy_id
join betting_bankroll k on k.id = s.bankroll_id and k.kind <> %(replay)s
where b.state = 'DONE' and jsonb_typeof(b.figures->'yield') = 'number'
order by b.strategy_id, b.id desc
"""
_LIVE = """
select b.strategy_id, m.event_id, (sum(b.profit) * 100)::bigint, (sum(b.liability) * 100)::bigint,
       count(*)
from betting_bet b
join markets_selection s on s.id = b.selection_id
join markets_market m on m.id = s.market_id
where b.strategy_id = any(%(strategies)s) and b.status = 'SETTLED' and b.outcome <> 'VOID'
  and b.settled_at >= %(since)s
group by 1, 2 order by 1, 2
"""


def gaps(*, now: datetime) -> list[Gap]:
    """Return each strategy that has a backtest and live bets of a year; two queries."""
    with connection.cursor() as cursor:
        cursor.execute(_LATEST, {"replay": Bankroll.Kind.REPLAY.value})
        latest = {row[0]: row for row in cursor.fetchall()}
        told: dict[str, Any] = {"strategies": list(latest), "since": now - LOOKED_BACK}
        cursor.execute(_LIVE, told)
        rows = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 5)
    found = []
    for strategy, (_, name, backtest, promised) in latest.items():
        mine = rows[rows[:, 0] == strategy]
        rate = performance.ratio(top=mine[:, 2], bottom=mine[:, 3])
        if rate.value is not None:
            bets = int(mine[:, 4].sum())
            found.append(Gap(strategy, name, backtest, promised, rate.value, rate.high, bets))
    return found


def told(*, now: datetime) -> Iterator[tuple[Gap, bool]]:
    """Yield the gaps that are worth telling, and whether each is one to act on today."""
    notable, alert = thresholds.value(NOTABLE), thresholds.value(ALERT)
    least, is_sure = thresholds.whole(LEAST_BETS), bool(thresholds.whole(IS_SURE))
    for gap in gaps(now=now):
        is_certain = gap.high is not None and gap.high < gap.promised
        if gap.bets < least or gap.size < min(notable, alert) or (is_sure and not is_certain):
            continue
        yield gap, gap.size >= alert
