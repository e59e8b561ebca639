"""What arbitrage looks at, and which of its rows are to go on."""

from collections.abc import Collection
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from betting.models import Arbitrage, ArbitrageLeg, Bankroll, Bet, Strategy
from betting.models.arbitrages import LIVE, TAKEN

_BEGUN = ("HEDGED", "CLOSED_OUT")


def seekers() -> QuerySet[Strategy]:
    """Return the strategies of arbitrage that are switched on, but those of replays."""
    found = Strategy.objects.filter(
        code="arbitrage",
        is_enabled=True,
        bankroll__kind__in=[Bankroll.Kind.LIVE, Bankroll.Kind.PAPER],
    )
    return found.select_related("bankroll").order_by("pk")


def taken(*, strategy_id: int, market_ids: Collection[int]) -> set[int]:
    """Return the markets on which the strategy took an arbitrage, unless nothing was matched."""
    rows = Arbitrage.objects.filter(
        strategy_id=strategy_id, market_id__in=list(market_ids), state__in=TAKEN
    )
    return set(rows.values_list("market_id", flat=True))


def to_go_on() -> QuerySet[Arbitrage]:
    """Return the arbitrages of which bets may stand alone: being placed, unhedged, or with a
    bet that its book gave back while another one is open.
    """
    legs = ArbitrageLeg.objects.filter(arbitrage=OuterRef("pk"))
    torn = Exists(legs.filter(bet__outcome=Bet.Outcome.VOID)) & Exists(
        legs.filter(bet__status__in=Bet.OPEN)
    )
    return Arbitrage.objects.filter(Q(state__in=LIVE) | (Q(state__in=_BEGUN) & torn)).order_by("pk")


def alone(*, begun_before: datetime) -> QuerySet[Arbitrage]:
    """Return the arbitrages that are unhedged with open bets, or not through since a moment."""
    has_open = Exists(
        ArbitrageLeg.objects.filter(arbitrage=OuterRef("pk"), bet__status__in=Bet.OPEN)
    )
    rows = Arbitrage.objects.filter(
        Q(state=Arbitrage.State.UNHEDGED) & has_open
        | Q(state=Arbitrage.State.PLACING, found_at__lt=begun_before)
    )
    return rows.select_related("strategy__bankroll", "market__event").order_by("pk")


def latest() -> QuerySet[Arbitrage]:
    """Return all arbitrages, the latest first, with all a list shows."""
    return Arbitrage.objects.select_related(
        "strategy__bankroll", "market__event__competition"
    ).order_by("-seen_at", "-pk")
