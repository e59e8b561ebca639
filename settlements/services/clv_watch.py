"""Watching the closing-line value of each strategy's latest bets."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from django.db import connection

from monitoring import thresholds
from monitoring.domain.thresholds import declare
from settlements.domain import clv_alarm
from settlements.domain.clv_alarm import Limits, Low, Valued

KIND = "settlements.clv-low"
DAYS = declare(
    "settlements.clv-days", 3, "days",
    "A strategy whose mean closing-line value was below the floor on each of so many of its last"
    " days with bets is told of.",
    lowest=2, highest=60, is_whole=True,
)  # fmt: skip
FLOOR = declare(
    "settlements.clv-floor", 0, "share",
    "The mean closing-line value of a day is low below this.",
    lowest=-0.5, highest=0.5,
)  # fmt: skip
BETS = declare(
    "settlements.clv-bets", 50, "bets",
    "The mean closing-line value of a strategy is watched over so many of its last bets.",
    lowest=10, highest=1_000, is_whole=True,
)  # fmt: skip
LOW = declare(
    "settlements.clv-low", -0.005, "share",
    "A strategy whose last bets have a mean closing-line value below this is told of.",
    lowest=-0.5, highest=0.5,
)  # fmt: skip
BAD = declare(
    "settlements.clv-bad", -0.01, "share",
    "A strategy whose last bets have a mean closing-line value below this is told of as P1.",
    lowest=-0.5, highest=0.5,
)  # fmt: skip
FEWEST = declare(
    "settlements.clv-fewest", 30, "bets",
    "Of fewer valued bets than this nothing is said about closing-line value.",
    lowest=2, highest=10_000, is_whole=True,
)  # fmt: skip
SURELY = declare(
    "settlements.clv-surely", 1, "",
    "At 1 a low closing-line value is told of only where its whole 95 % interval is below the"
    " level; 0: as soon as the mean is.",
    lowest=0, highest=1, is_whole=True,
)  # fmt: skip
RECENT = timedelta(days=60)
MOST = 2_000  # bets of a strategy that are looked at


class Watched(NamedTuple):
    """A strategy whose closing-line value is low."""

    strategy_id: int
    name: str
    is_simulated: bool
    low: Low


def low_strategies(*, now: datetime) -> Iterator[Watched]:
    """Yield the strategies whose latest bets did too badly against the close; no replays."""
    limits = _limits()
    with connection.cursor() as cursor:
        cursor.execute(_LATEST, {"since": now - RECENT, "now": now, "most": MOST})
        rows = cursor.fetchall()
    found: dict[tuple[int, str, bool], list[tuple[int, int, float]]] = {}
    for strategy, name, is_simulated, day, event, clv in rows:
        found.setdefault((strategy, name, is_simulated), []).append((day, event, clv))
    for key, bets in found.items():
        days, events, values = zip(*bets, strict=True)
        valued = Valued(np.array(days), np.array(events), np.array(values, dtype=np.float64))
        low = clv_alarm.judge(bets=valued, limits=limits)
        if low is not None:
            yield Watched(*key, low)


def _limits() -> Limits:
    return Limits(
        days=thresholds.whole(DAYS), floor=thresholds.value(FLOOR), bets=thresholds.whole(BETS),
        low=thresholds.value(LOW), bad=thresholds.value(BAD), fewest=thresholds.whole(FEWEST),
        surely=bool(thresholds.whole(SURELY)),
    )  # fmt: skip


# The days are those of the bankroll: a simulated day is as short as its league is fast.
_LATEST = """
select st.id, st.name, k.is_simulated,
       floor(extract(epoch from b.start at time zone k.time_zone) * b.time_scale / 86400)::bigint,
       b.event_id, b.clv
from betting_strategy st
join betting_bankroll k on k.id = st.bankroll_id and k.kind <> 'REPLAY'
join lateral (
    select m.event_id, v.clv, c.time_scale, coalesce(e.started_at, e.starts_at) as start
    from betting_bet b
    join settlements_betvalue v on v.bet_id = b.id
    join markets_selection s on s.id = b.selection_id
    join markets_market m on m.id = s.market_id
    join markets_event e on e.id = m.event_id
    join markets_competition c on c.id = e.competition_id
    where b.strategy_id = st.id and b.bankroll_id = st.bankroll_id
      and b.outcome is distinct from 'VOID'
      and b.placed_at >= %(since)s and b.placed_at <= %(now)s
    order by b.placed_at desc, b.id desc limit %(most)s
) b on true
order by st.id, b.start desc
"""
