"""How much of what is asked of venues is filled, how fast, and at which price."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from betting.domain.fills import Share
from betting.venues import VENUES
from monitoring import thresholds
from monitoring.domain.thresholds import declare

FILLS_LOW = declare(
    "betting.fill-rate-low", 0.8, "share",
    "A book, market or strategy of whose orders a smaller share is filled whole is told of, P2.",
    lowest=0.0, highest=1.0,
)  # fmt: skip
FILLS_BAD = declare(
    "betting.fill-rate-bad", 0.7, "share",
    "A smaller share of orders filled whole than this is told of as P1.",
    lowest=0.0, highest=1.0,
)  # fmt: skip
FILLS_FEWEST = declare(
    "betting.fill-rate-fewest", 30, "orders",
    "Fill rates of fewer orders than these say nothing.",
    lowest=1, highest=100_000, is_whole=True,
)  # fmt: skip
FILLS_SURELY = declare(
    "betting.fill-rate-surely", 1, "",
    "Whether (1) a fill rate is low only where its whole 95 % interval is, or (0) its value.",
    lowest=0, highest=1, is_whole=True,
)  # fmt: skip
FILLS_DAYS = declare(
    "betting.fill-rate-days", 7, "days",
    "Fill rates are judged over the orders of so many days.",
    lowest=0.01, highest=366,
)  # fmt: skip
ALL, BOOK, MARKET, STRATEGY = "ALL", "BOOK", "MARKET", "STRATEGY"

# An order counts once it is over; what was never answered, or never sent as a leg before it was
# not taken, is no matter of a venue's willingness.
_FIGURES = """
with sent as (
    select b.id, b.book_id, book.name as book, m.kind as market, b.strategy_id, s.name as strategy,
        b.order_state, b.requested_stake, b.matched_stake, b.latency_ms,
        case when b.side = 'LAY' then b.matched_price / b.requested_price - 1
             else 1 - b.matched_price / b.requested_price end as slippage
    from betting_bet b
    join betting_bankroll bank on bank.id = b.bankroll_id and bank.replay_id is null
    join markets_book book on book.id = b.book_id
    join markets_selection sel on sel.id = b.selection_id
    join markets_market m on m.id = sel.market_id
    left join betting_strategy s on s.id = b.strategy_id
    where b.placed_at >= %(since)s and b.placed_at < %(until)s and b.venue = any(%(venues)s)
      and b.order_state in ('FILLED', 'CANCELLED', 'LAPSED', 'REJECTED')
      and not (b.order_state = 'CANCELLED' and b.answered_at is null and exists (
          select from betting_arbitrageleg leg where leg.bet_id = b.id))
      and (%(kind)s::text is null or bank.kind = %(kind)s)
      and (%(simulated)s::boolean is null or bank.is_simulated = %(simulated)s)
)
select case when grouping(book_id) = 0 then 'BOOK' when grouping(market) = 0 then 'MARKET'
            when grouping(strategy_id) = 0 then 'STRATEGY' else 'ALL' end as dimension,
    coalesce(book_id, strategy_id),
    case when grouping(book_id) = 0 then max(book) when grouping(market) = 0 then market
         when grouping(strategy_id) = 0 then max(strategy) else '' end,
    count(*), count(*) filter (where order_state = 'FILLED'),
    count(*) filter (where order_state = 'REJECTED'),
    count(*) filter (where matched_stake > 0 and order_state <> 'FILLED'),
    coalesce(sum(requested_stake), 0), coalesce(sum(matched_stake), 0),
    avg(slippage)::float8, stddev_samp(slippage)::float8, count(slippage),
    percentile_cont(0.5) within group (order by latency_ms),
    percentile_cont(0.95) within group (order by latency_ms)
from sent
group by grouping sets ((), (book_id), (market), (strategy_id))
having count(*) > 0 and (grouping(strategy_id) = 1 or strategy_id is not null)
order by 1, 4 desc, 3
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """The orders of an interval at one book, on one kind of market, or of one strategy.

    ``slippage`` is how much worse than asked the matched price is, in the mean, as a share of
    it; below 0 it is better.  ``error`` is its standard error.
    """

    dimension: str
    id: int | None
    name: str
    n: int
    filled: int
    rejected: int
    in_part: int
    asked: Decimal
    matched: Decimal
    slippage: float | None
    deviation: float | None
    priced: int
    median_ms: float | None
    late_ms: float | None

    @property
    def fill_rate(self) -> Share:
        return Share(self.filled, self.n)

    @property
    def matched_share(self) -> float | None:
        return float(self.matched / self.asked) if self.asked else None

    @property
    def error(self) -> float | None:
        if self.deviation is None or self.priced < 2:
            return None
        return float(self.deviation / self.priced**0.5)

    @property
    def subject(self) -> str:
        """Name it as alerts do."""
        named = {BOOK: f"markets.Book:{self.id}", STRATEGY: f"betting.Strategy:{self.id}"}
        return named.get(self.dimension, f"fills:{self.name or 'all'}")

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as JSON can hold them."""
        interval = self.fill_rate.interval
        return {
            "dimension": self.dimension,
            "id": self.id,
            "name": self.name,
            "n": self.n,
            "filled": self.filled,
            "rejected": self.rejected,
            "in_part": self.in_part,
            "fill_rate": self.fill_rate.value,
            "fill_rate_low": interval[0] if interval else None,
            "fill_rate_high": interval[1] if interval else None,
            "asked": str(self.asked),
            "matched": str(self.matched),
            "matched_share": self.matched_share,
            "slippage": self.slippage,
            "slippage_error": self.error,
            "priced": self.priced,
            "median_ms": self.median_ms,
            "late_ms": self.late_ms,
        }


def figures(
    *,
    since: datetime,
    until: datetime,
    kind: str | None = None,
    is_simulated: bool | None = None,
) -> list[Figures]:
    """Return the figures of all orders that ended, and by book, market and strategy, in one query.

    Orders placed from ``since`` to before ``until``, replays left out; ``kind`` is a bankroll's.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _FIGURES,
            {
                "since": since,
                "until": until,
                "venues": sorted(VENUES),
                "kind": kind,
                "simulated": is_simulated,
            },
        )
        return [Figures(*row) for row in cursor.fetchall()]


def low_ones(*, now: datetime) -> Iterator[tuple[Figures, bool]]:
    """Yield what is filled too seldom lately, and whether badly so."""
    since = now - thresholds.span(FILLS_DAYS)
    fewest, surely = thresholds.whole(FILLS_FEWEST), bool(thresholds.whole(FILLS_SURELY))
    bad, low = thresholds.value(FILLS_BAD), thresholds.value(FILLS_LOW)
    for found in figures(since=since, until=now):
        if found.dimension == ALL:
            continue
        is_bad = found.fill_rate.is_below(bad, fewest=fewest, surely=surely)
        if is_bad or found.fill_rate.is_below(low, fewest=fewest, surely=surely):
            yield found, is_bad


def by_dimension(found: Sequence[Figures]) -> dict[str, list[Figures]]:
    """Return figures by what they are of, in the order in which they are shown."""
    return {
        dimension: [each for each in found if each.dimension == dimension]
        for dimension in (ALL, BOOK, MARKET, STRATEGY)
    }
