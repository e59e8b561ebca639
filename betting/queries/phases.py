"""What a strategy did in the phase that it is in."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.db import connection
from django.db.models import Count, Q, QuerySet, Sum

from betting.domain import phases
from betting.models import Bet, PhaseChange, Strategy
from monitoring.domain.findings import Severity
from monitoring.models import Incident

Phase = Strategy.Phase
_NONE = Decimal("0.00")
_SETTLED_BETS = """
    select sum(b.profit)::float8, sum(b.liability)::float8, count(*)
    from betting_bet b
    join markets_selection s on s.id = b.selection_id
    join markets_market m on m.id = s.market_id
    where b.strategy_id = %(strategy)s and b.status = 'SETTLED' and b.outcome <> 'VOID'
        and (%(since)s::timestamptz is null or b.placed_at >= %(since)s)
    group by m.event_id order by m.event_id
"""
_SETTLED_DRY_BETS = """
    select sum(b.profit)::float8, sum(b.stake)::float8, count(*)
    from betting_drybet b
    join betting_decision d on d.id = b.decision_id
    join markets_selection s on s.id = d.selection_id
    join markets_market m on m.id = s.market_id
    where d.strategy_id = %(strategy)s and b.outcome <> 'VOID'
        and (%(since)s::timestamptz is null or d.decided_at >= %(since)s)
    group by m.event_id order by m.event_id
"""


def began_at(*, strategy_id: int) -> datetime | None:
    """Return when the strategy's phase began; None: it was never in another."""
    made = PhaseChange.objects.filter(strategy_id=strategy_id, state=PhaseChange.State.MADE)
    return made.order_by("-decided_at", "-pk").values_list("decided_at", flat=True).first()


def record(*, strategy: Strategy) -> phases.Record:
    """Return what the bets of the strategy's own phase came to, in four queries.

    In a dry run these are the bets that it would have struck.
    """
    since = began_at(strategy_id=strategy.pk)
    is_dry = strategy.phase == Phase.DRY_RUN
    with connection.cursor() as cursor:
        asked = {"strategy": strategy.pk, "since": since}
        cursor.execute(_SETTLED_DRY_BETS if is_dry else _SETTLED_BETS, asked)
        rows = cursor.fetchall()
    sent = Bet.objects.filter(strategy=strategy)
    if since is not None:
        sent = sent.filter(placed_at__gte=since)
    answered = sent.aggregate(
        accepted=Count("pk", filter=Q(status__in=(Bet.Status.ACCEPTED, Bet.Status.SETTLED))),
        rejected=Count("pk", filter=Q(status=Bet.Status.REJECTED)),
    )
    return phases.Record(
        bets=sum(count for _, _, count in rows),
        profits=[profit for profit, _, _ in rows],
        stakes=[stake for _, stake, _ in rows],
        incidents=_critical(strategy=strategy, since=since),
        **answered,
    )


def _critical(*, strategy: Strategy, since: datetime | None) -> Sequence[str]:
    """Return the incidents of the phase that must stop it from going on, the newest first.

    Those of the highest severity, whatever they are about; of the next one those about this
    strategy or its money.
    """
    own = [f"{row._meta.label}:{row.pk}" for row in (strategy, strategy.bankroll)]
    critical = Q(severity=Severity.P0) | Q(severity=Severity.P1, subject__in=own)
    found = Incident.objects.filter(critical)
    if since is not None:
        found = found.filter(Q(resolved_at=None) | Q(resolved_at__gte=since))
    return [str(incident) for incident in found.order_by("-pk")[:20]]


def opened(*, strategy_id: int) -> Decimal:
    """Return the liability of the strategy's own bets that can still lose money."""
    bets = Bet.objects.open().filter(strategy_id=strategy_id)
    return bets.aggregate(total=Sum("liability"))["total"] or _NONE


def changes() -> QuerySet[PhaseChange]:
    """Return what was asked and made, the newest first, with all a list shows."""
    return PhaseChange.objects.select_related("strategy__bankroll").order_by("-pk")


def not_in_production() -> QuerySet[Strategy]:
    """Return the strategies, replays left out, that do not stake whole, by name."""
    found = Strategy.objects.filter(bankroll__replay=None).exclude(phase=Phase.PRODUCTION)
    return found.select_related("bankroll").order_by("name")
