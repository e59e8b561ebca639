"""Betting on paper beside a live strategy, and telling how far the two are apart.

The paper bets stand in a bankroll of their own, under a reference made of the live one's; they
have neither decision nor strategy, so no limit and no figure of the live one counts them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Value
from django.db.models.functions import Concat

from betting.domain import orders
from betting.models import Bankroll, Bet, PaperTwin, Strategy
from betting.services import placing
from betting.venues import VENUES
from monitoring.errors import Refused
from monitoring.services import audit

PREFIX = "w"
LATEST = timedelta(minutes=10)  # older live bets get no twin: their prices are gone


class TwinRefused(Refused):
    """This strategy cannot bet on paper so."""


def set_twin(
    *, strategy_id: int, bankroll_id: int, is_enabled: bool, reason: str, actor: str, now: datetime
) -> PaperTwin:
    """Let a live strategy bet on paper too, in this bankroll, or stop it.

    Raises:
        TwinRefused: no reason, no such row, or the two do not go together.
    """
    if not reason.strip():
        raise TwinRefused("give a reason for betting on paper, or for stopping it")
    strategy = Strategy.objects.select_related("bankroll").filter(pk=strategy_id).first()
    bankroll = Bankroll.objects.filter(pk=bankroll_id).first()
    if strategy is None or bankroll is None:
        raise TwinRefused("there is no such strategy or bankroll")
    _check(strategy, bankroll)
    with transaction.atomic():
        twin, _ = PaperTwin.objects.update_or_create(
            strategy=strategy, defaults={"bankroll": bankroll, "is_enabled": is_enabled}
        )
        audit.record(
            actor=actor,
            action="twin.set",
            subject=twin,
            at=now,
            reason=reason.strip(),
            bankroll=bankroll.name,
            is_enabled=is_enabled,
        )
    return twin


def _check(strategy: Strategy, bankroll: Bankroll) -> None:
    if strategy.bankroll.kind != Bankroll.Kind.LIVE:
        raise TwinRefused(f"{strategy} bets no live money")
    if bankroll.kind != Bankroll.Kind.PAPER or bankroll.is_simulated:
        raise TwinRefused(f"{bankroll} is no paper bankroll of real events")
    if bankroll.currency != strategy.bankroll.currency:
        raise TwinRefused(f"{bankroll} is not in {strategy.bankroll.currency}")
    if bankroll.strategies.exists():
        raise TwinRefused(f"{bankroll} is staked by a strategy of its own")


def mirror_due(*, now: datetime, actor: str = "task:mirror") -> dict[str, int]:
    """Send on paper each live ticket of late that has no twin yet, at the prices of its time.

    Twice is once.  Returns how many were mirrored, and how many of them were taken.
    """
    mirrored = 0
    taken: Counter[str] = Counter()
    for as_of, batch in _by_time(_reserve(now=now, actor=actor)).items():
        recorded = placing.send(
            bets=batch, venue=VENUES["paper"], as_of=as_of, actor=actor, now=now
        )
        mirrored += len(batch)
        taken += recorded.statuses
    return {"mirrored": mirrored, "taken": taken[Bet.Status.ACCEPTED]}


@transaction.atomic(durable=True)
def _reserve(*, now: datetime, actor: str) -> list[Bet]:
    twins = {
        twin.strategy_id: twin
        for twin in PaperTwin.objects.select_for_update(of=("self",))
        .select_related("bankroll")
        .filter(is_enabled=True)
    }
    if not twins:
        return []
    twin_ref = Concat(Value(PREFIX), OuterRef("client_ref"))
    live = (
        Bet.objects.filter(
            strategy__in=twins,
            bankroll__kind=Bankroll.Kind.LIVE,
            venue__in=VENUES,
            reserved_at__gt=now - LATEST,
        )
        .exclude(order_state=orders.State.CREATED)
        .filter(replaces=None)  # its twin follows the order that was decided
        .exclude(Exists(Bet.objects.filter(client_ref=twin_ref)))
        .select_related("selection__market")
    )
    bets = [
        _twin_of(bet, bankroll=twins[bet.strategy_id].bankroll, now=now)
        for bet in live.order_by("pk")
        if bet.strategy_id is not None
    ]
    Bet.objects.bulk_create(bets)
    audit.record_all(
        actor=actor,
        action="bet.mirrored",
        at=now,
        details={audit.label(bet): {"of": bet.client_ref[1:]} for bet in bets},
    )
    return bets


def _twin_of(live: Bet, *, bankroll: Bankroll, now: datetime) -> Bet:
    return Bet(
        bankroll=bankroll,
        selection=live.selection,
        book_id=live.book_id,
        venue="paper",
        client_ref=f"{PREFIX}{live.client_ref}",
        side=live.side,
        price=live.requested_price,
        stake=live.requested_stake,
        probability=live.probability,
        placed_at=live.placed_at,
        reserved_at=now,
    )


def _by_time(bets: Sequence[Bet]) -> dict[datetime, list[Bet]]:
    batches: dict[datetime, list[Bet]] = {}
    for bet in bets:
        batches.setdefault(bet.placed_at, []).append(bet)
    return batches


_GAPS = """
with pairs as (
    select l.strategy_id, s.name, l.order_state as live, t.order_state as paper,
        l.requested_stake as asked, l.matched_stake as live_matched,
        t.matched_stake as paper_matched, l.latency_ms as live_ms, t.latency_ms as paper_ms,
        (case when l.side = 'LAY' then -1 else 1 end)
            * (l.matched_price / t.matched_price - 1) as price_gap
    from betting_bet t
    join betting_bet l on t.client_ref = 'w' || l.client_ref
    join betting_strategy s on s.id = l.strategy_id
    where l.placed_at >= %(since)s and l.placed_at < %(until)s
      and l.order_state in ('FILLED', 'CANCELLED', 'LAPSED', 'REJECTED')
      and t.order_state in ('FILLED', 'CANCELLED', 'LAPSED', 'REJECTED')
)
select case when grouping(strategy_id) = 1 then '' else max(name) end, count(*),
    count(*) filter (where live = 'REJECTED'), count(*) filter (where paper = 'REJECTED'),
    (sum(live_matched) / sum(asked))::float8, (sum(paper_matched) / sum(asked))::float8,
    count(price_gap), avg(price_gap)::float8,
    (stddev_samp(price_gap) / sqrt(count(price_gap)))::float8,
    percentile_cont(0.5) within group (order by live_ms),
    percentile_cont(0.5) within group (order by paper_ms)
from pairs group by grouping sets ((), (strategy_id)) having count(*) > 0
order by grouping(strategy_id) desc, 1
"""


@dataclass(frozen=True, slots=True)
class Gap:
    """How live bets of a strategy (all: "") fared beside their twins on paper.

    ``price_gap`` is how much better the live price was, as a share, in the mean of the
    ``priced`` pairs of which both were matched; below 0 paper was too kind.
    """

    strategy: str
    n: int
    live_rejected: int
    paper_rejected: int
    live_matched: float
    paper_matched: float
    priced: int
    price_gap: float | None
    price_gap_error: float | None
    live_ms: float | None
    paper_ms: float | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def gaps(*, since: datetime, until: datetime) -> list[Gap]:
    """Return the gap over all pairs placed from ``since`` to before ``until``, and by strategy."""
    with connection.cursor() as cursor:
        cursor.execute(_GAPS, {"since": since, "until": until})
        return [Gap(*row) for row in cursor.fetchall()]
