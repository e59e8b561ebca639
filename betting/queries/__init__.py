"""What others may ask about bets, bankrolls, halts and decisions."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import (
    Case,
    CharField,
    Count,
    DecimalField,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Now

from betting.domain import halts
from betting.models import Bankroll, Bet, Decision, OutsideOrder, Strategy, TradingHalt
from betting.models.tracking import UNSENT
from betting.queries import money
from markets.models import Book, Competition, Sport
from models_ml.models import Pipeline

_ZERO = Value(Decimal("0.00"), output_field=DecimalField(max_digits=14, decimal_places=2))
_NOT_STAKED = (Bet.Status.REJECTED, Bet.Status.CANCELLED)
HALTED_ROWS: dict[str, tuple[Any, str]] = {
    TradingHalt.Scope.SPORT: (Sport, "name"),
    TradingHalt.Scope.COMPETITION: (Competition, "name"),
    TradingHalt.Scope.BOOK: (Book, "name"),
    TradingHalt.Scope.STRATEGY: (Strategy, "name"),
    TradingHalt.Scope.MODEL: (Pipeline, "code"),
    TradingHalt.Scope.BANKROLL: (Bankroll, "name"),
}
"""What a halt of each scope names, and the column that people know it by."""


def open_exposure(*, bankroll_id: int) -> Decimal:
    """Return the liability of all bets that can still lose money, summed by the database.

    Orders on our accounts that we did not send, and that have no bet, count against every live
    bankroll.
    """
    rows = money.exposed(Bankroll.objects.filter(pk=bankroll_id))
    found: Decimal = rows.values_list("at_risk", flat=True).get()  # type: ignore[misc]
    return found


def outside_risk() -> Decimal:
    """Return what orders that we did not send, and that have no bet, can still lose."""
    loose = OutsideOrder.objects.loose()
    return loose.aggregate(total=Coalesce(Sum("at_risk"), _ZERO))["total"]


def available(*, bankroll_id: int) -> Decimal:
    """Return what may still be staked: the settled balance less the open exposure."""
    rows = money.exposed(Bankroll.objects.filter(pk=bankroll_id))
    found: Decimal = rows.values_list("available", flat=True).get()  # type: ignore[misc]
    return found


def open_bets(*, bankroll_id: int | None = None) -> QuerySet[Bet]:
    """Return the bets that can still lose money, the latest first, with all a list shows."""
    bets = Bet.objects.open().select_related("bankroll", "book", "selection__market__event")
    if bankroll_id is not None:
        bets = bets.filter(bankroll_id=bankroll_id)
    return bets.order_by("-placed_at", "-pk")


def latest_bets() -> QuerySet[Bet]:
    """Return all bets but those of replays, the latest first, with all a list shows."""
    bets = Bet.objects.filter(bankroll__replay=None)
    return bets.select_related(
        "bankroll", "strategy", "book", "selection__market__event__competition"
    ).order_by("-placed_at", "-pk")


def open_bets_by_status() -> dict[str, int]:
    """Return how many bets wait, are unknown or run, replays left out; 0 is shown as well."""
    counts = dict(
        Bet.objects.open()
        .filter(bankroll__replay=None)
        .values_list("status")
        .annotate(n=Count("pk"))
        .order_by()
    )
    return {str(status): counts.get(status, 0) for status in Bet.OPEN}


@dataclass(frozen=True, slots=True)
class BankrollExposure:
    """A bankroll's money: settled, at stake, and what is left to stake."""

    id: int
    name: str
    kind: str
    is_simulated: bool
    currency: str
    balance: Decimal
    open: Decimal
    open_bets: int
    outside: Decimal  # of it, orders that we did not send and that have no bet

    @property
    def available(self) -> Decimal:
        return self.balance - self.open


def bankrolls_with_exposure(*, with_replays: bool = False) -> list[BankrollExposure]:
    """Return every bankroll with its open liability, by name, in one query."""
    rows = money.exposed(Bankroll.objects.all())
    if not with_replays:
        rows = rows.filter(replay=None)
    columns = (
        "pk", "name", "kind", "is_simulated", "currency", "balance", "at_risk", "n_open", "outside",
    )  # fmt: skip
    return [BankrollExposure(*row) for row in rows.order_by("name").values_list(*columns)]


def betting_day(
    *, at: datetime, time_zone: str, time_scale: float = 1.0
) -> tuple[datetime, datetime]:
    """Return the start and end (exclusive) of the betting day that holds ``at``.

    A calendar that runs ``time_scale`` times too fast has days that are shorter by as much.

    >>> from datetime import UTC
    >>> start, end = betting_day(
    ...     at=datetime(2026, 10, 25, 12, tzinfo=UTC), time_zone="Europe/London")
    >>> str(start.astimezone(UTC)), str(end.astimezone(UTC))  # the day the clocks go back
    ('2026-10-24 23:00:00+00:00', '2026-10-26 00:00:00+00:00')
    >>> start, end = betting_day(
    ...     at=datetime(2026, 10, 25, 12, 3, tzinfo=UTC), time_zone="UTC", time_scale=360.0)
    >>> str(start), str(end)
    ('2026-10-25 12:00:00+00:00', '2026-10-25 12:04:00+00:00')
    """
    if time_scale == 1.0:
        return day_bounds(day=at.astimezone(ZoneInfo(time_zone)).date(), time_zone=time_zone)
    length = timedelta(days=1) / time_scale
    start = at - (at - datetime(1970, 1, 1, tzinfo=UTC)) % length
    return start, start + length


def day_bounds(*, day: date, time_zone: str) -> tuple[datetime, datetime]:
    """Return the start and end (exclusive) of a calendar day in a zone."""
    zone = ZoneInfo(time_zone)
    return (
        datetime.combine(day, time.min, tzinfo=zone),
        datetime.combine(day + timedelta(days=1), time.min, tzinfo=zone),
    )


def day_of(*, bankroll: Bankroll, at: datetime) -> tuple[datetime, datetime]:
    """Return the start and end (exclusive) of the bankroll's own betting day at a time."""
    return betting_day(at=at, time_zone=bankroll.time_zone, time_scale=time_scale(bankroll))


def time_scale(bankroll: Bankroll) -> float:
    """Return how fast the days of a bankroll go by: simulated money lives in fast leagues.

    Of several leagues the slowest counts: its days are the longest, so a day's limit the
    strictest.
    """
    if not bankroll.is_simulated:
        return 1.0
    leagues = Competition.objects.filter(is_simulated=True)
    return leagues.aggregate(scale=Min("time_scale"))["scale"] or 1.0


def active_halts(*, at: datetime | None = None) -> QuerySet[TradingHalt]:
    """Return the halts that stand (at a wall clock's time; default now), read anew each time.

    One whose time is over stands no more, whether that was recorded already or not.
    """
    stands = Q(expires_at__isnull=True) | Q(expires_at__gt=Now() if at is None else at)
    return named_halts().filter(stands, lifted_at=None).order_by("set_at", "pk")


def named_halts() -> QuerySet[TradingHalt]:
    """Return all halts, each with ``scope_name``: what the row that it names is called."""
    names = [
        When(scope=scope, then=Subquery(model.objects.filter(pk=OuterRef("scope_id")).values(name)))
        for scope, (model, name) in HALTED_ROWS.items()
    ]
    name = Case(*names, default=Value(""), output_field=CharField())
    return TradingHalt.objects.annotate(scope_name=name)


def halted(*, at: datetime | None = None) -> halts.Halted:
    """Return what stands halted, in one uncached query."""
    rows = set(active_halts(at=at).values_list("scope", "scope_id", "is_reduce_only"))
    return halts.Halted(
        stopped=frozenset((scope, id_) for scope, id_, reduce_only in rows if not reduce_only),
        reduced=frozenset((scope, id_) for scope, id_, reduce_only in rows if reduce_only),
    )


def events_bet(
    *, strategy_ids: Collection[int], event_ids: Collection[int]
) -> frozenset[tuple[int, int]]:
    """Return (strategy, event) pairs with a bet that was not turned down."""
    return frozenset(
        Bet.objects.filter(
            strategy_id__in=list(strategy_ids), selection__market__event_id__in=list(event_ids)
        )
        .exclude(status__in=_NOT_STAKED)
        .values_list("strategy_id", "selection__market__event_id")
    )


def events_taken(
    *, strategy_id: int, event_ids: Collection[int], is_dry: bool = False
) -> frozenset[int]:
    """Return the events on which the strategy decided to bet, unless the venue turned it down.

    ``is_dry``: those too on which it would have bet, had it not been in a dry run.
    """
    taken = Q(verdict=Decision.Verdict.BET)
    if is_dry:
        taken |= Q(dry_bet__isnull=False)
    return frozenset(
        Decision.objects.filter(
            taken, strategy_id=strategy_id, prediction__event_id__in=list(event_ids)
        )
        .exclude(bet__status__in=_NOT_STAKED)
        .values_list("prediction__event_id", flat=True)
    )


@dataclass(frozen=True, slots=True)
class FillRate:
    """Of the bets sent to a venue and answered, how many it took; ``rate`` None without any."""

    accepted: int
    rejected: int

    @property
    def rate(self) -> float | None:
        answered = self.accepted + self.rejected
        return self.accepted / answered if answered else None


def fill_rate(*, since: datetime, until: datetime, bankroll_id: int | None = None) -> FillRate:
    """Return how many answered bets of an interval were accepted; replays only if named."""
    bets = Bet.objects.filter(placed_at__gte=since, placed_at__lt=until).exclude(venue__in=UNSENT)
    if bankroll_id is None:
        bets = bets.filter(bankroll__replay=None)
    else:
        bets = bets.filter(bankroll_id=bankroll_id)
    taken = Q(status__in=(Bet.Status.ACCEPTED, Bet.Status.SETTLED))
    found = bets.aggregate(
        accepted=Count("pk", filter=taken),
        rejected=Count("pk", filter=Q(status=Bet.Status.REJECTED)),
    )
    return FillRate(accepted=found["accepted"], rejected=found["rejected"])


def book_codes() -> dict[int, str]:
    """Return the code of every book by its id."""
    return dict(Book.objects.values_list("pk", "code"))


def unanswered(*, reserved_before: datetime) -> QuerySet[Bet]:
    """Return the bets whose venue's answer is missing for too long by the wall clock.

    A leg that waits for the ones before it is not sent yet: nobody is to be asked about it.
    """
    waiting = Bet.objects.filter(
        status__in=(Bet.Status.RESERVED, Bet.Status.UNKNOWN), reserved_at__lt=reserved_before
    )
    next_ones = Q(order_state=Bet.OrderState.CREATED, arbitrage_leg__arbitrage__closed_at=None) & Q(
        arbitrage_leg__isnull=False
    )
    return waiting.exclude(venue__in=UNSENT).exclude(next_ones).order_by("reserved_at", "pk")
