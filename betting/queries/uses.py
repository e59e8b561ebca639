"""How much of each limit is used, where most, and where more stands open than is allowed."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Max

from betting import queries
from betting.domain import limits, staking
from betting.domain.limits import Bound, Dimension
from betting.models import Bankroll, Limit, ParticipantGroup
from betting.queries import risk
from markets.models import Book, Competition, Event, Market, Participant, Selection, Sport


@dataclass(frozen=True, slots=True)
class Excess:
    """Where more stands open than the bankroll's strategies allow."""

    bankroll_id: int
    name: str
    where: str
    open: Decimal
    limit: Decimal


def exposures_over_limit() -> list[Excess]:
    """Return the bankrolls, replays left out, that are exposed beyond their widest strategy."""
    widest = list(
        Bankroll.objects.filter(replay=None)
        .annotate(event=Max("strategies__max_event_share"), all=Max("strategies__max_open_share"))
        .order_by("pk")
    )
    dimensions = (Dimension.EVENT, Dimension.OPEN)
    standing = risk.open_usages(bankrolls=widest, dimensions=dimensions)
    found = []
    for bankroll in widest:
        exposed = standing[bankroll.pk].exposed
        events = {place: each for (of, place), each in exposed.items() if of is Dimension.EVENT}
        if not events:
            continue
        worst = max(events, key=lambda event_id: (events[event_id], event_id))
        for where, amount, share in (
            ("all events", exposed[Dimension.OPEN, 0], bankroll.all),
            (f"event {worst}", events[worst], bankroll.event),
        ):
            limit = staking.share_of(bankroll.balance, 1.0 if share is None else share)
            if amount > limit:
                found.append(Excess(bankroll.pk, str(bankroll), where, amount, limit))
    return found


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a limit is used where it is used most."""

    limit_id: int
    bankroll: Bankroll
    dimension: Dimension
    used: Decimal
    allowed: Decimal
    where: str  # of several events, sides …: which; "" where there is but one

    @property
    def share(self) -> float:
        """How much of it is used, as a share; all of it where nothing is allowed."""
        return float(self.used / self.allowed) if self.allowed > 0 else float(self.used > 0)

    def is_tight(self, *, at: float) -> bool:
        """Tell whether somebody should look: so large a share is used; of a budget, beyond it."""
        return self.share > 1 if self.dimension in limits.BUDGETS else self.share >= at

    @property
    def title(self) -> str:
        """What the limit is on, and where it is used most."""
        label = str(Limit.Dimension(self.dimension).label)
        return f"{label}: {self.where}" if self.where else label

    def amount(self, value: Decimal) -> str:
        """Write what is used or allowed: money, or a count."""
        if self.dimension in limits.COUNTED:
            return f"{value:.0f}"
        return f"{value:,.2f} {self.bankroll.currency}"

    @property
    def used_text(self) -> str:
        return self.amount(self.used)

    @property
    def allowed_text(self) -> str:
        return self.amount(self.allowed)

    @property
    def percent(self) -> int:
        """How much of it is used, in whole percent, rounded down: 100 is all of it."""
        return int(self.share * 100)

    def in_words(self) -> str:
        """Say how much of it is used."""
        return f"{self.title}, {self.used_text} of {self.allowed_text}"


def uses(*, now: datetime, limit_ids: Collection[int] | None = None) -> list[Use]:
    """Return the use of every limit in force that several bets share, the tightest first.

    Replays are left out.  A bounded number of queries, however many limits and bankrolls.
    """
    bankrolls = list(Bankroll.objects.filter(replay=None).order_by("pk"))
    rows = {
        pk: {
            dimension: row
            for dimension, row in found.items()
            if dimension in _USED_BY and (limit_ids is None or row.pk in limit_ids)
        }
        for pk, found in risk.in_force(bankrolls).items()
    }
    dimensions = {dimension for found in rows.values() for dimension in found}
    if not dimensions:
        return []
    standing = risk.usages(bankrolls=bankrolls, at=now, dimensions=dimensions)
    told = [
        (bankroll, dimension, row, *_used(standing[bankroll.pk], dimension))
        for bankroll in bankrolls
        for dimension, row in rows[bankroll.pk].items()
    ]
    names = _names({(dimension, place) for _, dimension, _, _, place in told})
    found = [
        Use(
            limit_id=row.pk,
            bankroll=bankroll,
            dimension=dimension,
            used=used,
            allowed=_allowed(row, dimension, bankroll.balance),
            where="" if place is None else names.get((dimension, place), ""),
        )
        for bankroll, dimension, row, used, place in told
    ]
    return sorted(found, key=lambda use: (-use.share, use.bankroll.pk, use.dimension))


_USED_BY = {
    *limits.EXPOSED,
    Dimension.DAY,
    Dimension.WEEK,
    Dimension.OPEN_BETS,
    Dimension.DAY_BETS,
    Dimension.STRATEGY_BETS,
    Dimension.FLOOR,
}


def _used(usage: limits.Usage, dimension: Dimension) -> tuple[Decimal, int | None]:
    """Return how much of a dimension is used, and by which of its rows most."""
    match dimension:
        case Dimension.DAY:
            return usage.day_total, None
        case Dimension.WEEK:
            return usage.week_total, None
        case Dimension.FLOOR:
            return usage.open_staked, None
        case Dimension.OPEN_BETS:
            return Decimal(usage.open_bets), None
        case Dimension.DAY_BETS:
            return Decimal(usage.day_bets), None
        case Dimension.STRATEGY_BETS:
            by = {key: n for key, n in usage.day_bets_of.items() if key is not None}
            most = max(by, key=lambda key: (by[key], -key), default=None)
            return Decimal(by[most] if most is not None else 0), most
    stands = {place: used for (of, place), used in usage.exposed.items() if of is dimension}
    worst = max(stands, key=lambda place: (stands[place], -place), default=None)
    return (stands[worst] if worst is not None else Decimal("0.00")), worst


def _allowed(row: Limit, dimension: Dimension, balance: Decimal) -> Decimal:
    if dimension in limits.COUNTED:
        return row.number or Decimal(0)
    amounts = Bound(share=row.share, amount=row.amount).amounts(balance)
    if dimension is Dimension.FLOOR:
        return balance - max(amounts)
    return min(amounts)


_NAMED = {
    Dimension.EVENT: (Event, "name"),
    Dimension.MARKET: (Market, "event__name"),
    Dimension.SELECTION: (Selection, "market__event__name"),
    Dimension.PARTICIPANT: (Participant, "name"),
    **dict.fromkeys(limits.GROUPED, (ParticipantGroup, "name")),
    Dimension.COMPETITION: (Competition, "name"),
    Dimension.SPORT: (Sport, "name"),
    Dimension.BOOK: (Book, "name"),
    Dimension.STRATEGY: queries.HALTED_ROWS["STRATEGY"],
    Dimension.STRATEGY_BETS: queries.HALTED_ROWS["STRATEGY"],
}


def _names(places: Collection[tuple[Dimension, int | None]]) -> dict[tuple[Dimension, int], str]:
    """Return what rows are called; one query for each dimension that has any."""
    asked: dict[Dimension, list[int]] = {}
    for dimension, place in places:
        if place is not None and dimension in _NAMED:
            asked.setdefault(dimension, []).append(place)
    found: dict[tuple[Dimension, int], str] = {}
    for dimension, ids in asked.items():
        model, name = _NAMED[dimension]
        rows = model._default_manager.filter(pk__in=ids).values_list("pk", name)
        found |= {(dimension, pk): shown for pk, shown in rows}
    return found
