"""Boards on which books' prices pay more than all stakes, and strategies that seek them."""

import itertools
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from betting.models import SettlingTerms, Strategy
from markets.models import Event, LatestPrice, Market, Selection
from tests.betting.builders import (
    NOON,
    a_bankroll,
    a_book,
    an_event,
    an_event_with_prices,
)

#: Each book by itself above one; best 2.60, 3.60, 3.15: 1/.9799 - 1 = 2.05 %.
THREE_WAY = {
    "alpha": ("2.60", "3.40", "2.80"),
    "beta": ("2.40", "3.40", "3.15"),
    "gamma": ("2.45", "3.60", "2.80"),
}
#: Best 2.10 and 2.05: 3.73 %; gamma comes next.
TWO_WAY = {
    "alpha": ("2.10", "1.80"),
    "beta": ("1.83", "2.05"),
    "gamma": ("1.95", "2.00"),
}
_counter = itertools.count(1)
SEEN = NOON - timedelta(minutes=1)


def a_seeker(balance: str = "1000.00", *, bankroll=None, **limits: object) -> Strategy:
    """A strategy of arbitrage that stakes a hundred in all, where no limit says less."""
    return Strategy.objects.create(
        bankroll=bankroll or a_bankroll(balance),
        **{
            "name": f"Arbitrage {next(_counter)}",
            "code": "arbitrage",
            "min_price": Decimal("1.10"),
            "max_price": Decimal("20"),
            "min_edge": 0.005,
            "max_edge": 0.05,
            "staking": "FLAT",
            "flat_stake": Decimal("100.00"),
            "max_stake_share": 0.5,
            "max_event_share": 0.5,
            "max_day_share": 0.9,
            "max_open_share": 0.9,
            **limits,
        },
    )


def alike(*books: str, event: Event, kind: str = "MATCH_ODDS", terms: str = "90 minutes") -> None:
    """Say that books settle a kind of market alike."""
    for code in books:
        SettlingTerms.objects.update_or_create(
            sport=event.competition.sport,
            kind=kind,
            book=a_book(code),
            defaults={
                "terms": terms, "reason": "read", "changed_by": "cli:test", "changed_at": NOON,
            },
        )  # fmt: skip


def three_way(prices: Mapping[str, Sequence[str]] = THREE_WAY, **fields: object) -> Event:
    event = an_event_with_prices(prices=prices, **fields)
    alike(*prices, event=event)
    return event


def two_way(
    prices: Mapping[str, Sequence[str]] = TWO_WAY,
    *,
    kind: str = "MONEYLINE",
    line: str | None = None,
    **fields: object,
) -> Market:
    """A market of two answers whose books show these prices since a minute before noon."""
    event = an_event(**fields)
    market = Market.objects.create(
        event=event, kind=kind, line=None if line is None else Decimal(line)
    )
    roles = ("OVER", "UNDER") if kind == "TOTAL" else ("HOME", "AWAY")
    for role in roles:
        Selection.objects.create(market=market, role=role, name=role.title(), line=market.line)
    show(market, prices)
    alike(*prices, event=event, kind=kind)
    return market


def show(market: Market, prices: Mapping[str, Sequence[str]], *, seen_at=SEEN) -> None:
    """Let books show these prices from a moment on."""
    selections = list(market.selections.order_by("pk"))
    for book, shown in prices.items():
        for selection, price in zip(selections, shown, strict=True):
            LatestPrice.objects.update_or_create(
                selection=selection,
                book=a_book(book),
                defaults={"price": Decimal(price), "seen_at": seen_at, "confirmed_at": seen_at},
            )
