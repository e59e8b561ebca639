"""What reconciling hangs into the watch and the dashboard."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from django.db.models import Count, Max, Min, Q, Sum
from django.db.models.functions import Abs

from betting.models import Bankroll
from monitoring import thresholds
from monitoring.domain.findings import Finding, Severity
from monitoring.domain.thresholds import declare
from monitoring.registry import check, panel
from settlements.models import ReconciliationItem, ReconciliationRun
from settlements.services import reconciling, venue_comparing

LATE_AFTER = declare(
    "settlements.reconciled-within", 1800, "min",
    "A live bankroll whose books were not held against its venue's for longer than this opens an"
    " incident.",
    lowest=60, highest=43_200,
)  # fmt: skip
OPEN = ReconciliationItem.State.OPEN


@check("settlements.reconciliation", every=timedelta(minutes=10))
def differences(now: datetime) -> Iterator[Finding]:
    """Tell of bankrolls with differences that nobody has resolved."""
    rows = (
        ReconciliationItem.objects.filter(state=OPEN)
        .values_list("bankroll", "bankroll__name", "bankroll__kind")
        .annotate(n=Count("pk"), off=Sum(Abs("difference")), oldest=Min("at"))
        .order_by("bankroll")
    )
    for bankroll_id, name, kind, n, off, oldest in rows:
        is_live = kind == Bankroll.Kind.LIVE
        money = f", {off:.2f} in all" if off else ""
        yield Finding(
            severity=Severity.P1 if is_live else Severity.P2,
            subject=f"betting.Bankroll:{bankroll_id}",
            summary=f"{n} {'difference is' if n == 1 else 'differences are'} open in the books of"
            f" {name}{money},"
            f" the oldest of {oldest:%Y-%m-%d}",
        )


@check("settlements.unreconciled", every=timedelta(minutes=10))
def unreconciled(now: datetime) -> Iterator[Finding]:
    """Tell of live bankrolls whose venue's books were not compared in time."""
    limit = thresholds.span(LATE_AFTER)
    for bankroll in Bankroll.objects.filter(kind=Bankroll.Kind.LIVE, is_simulated=False):
        venue = venue_comparing.venue_of(bankroll)
        if not venue:
            continue
        last = ReconciliationRun.objects.filter(bankroll=bankroll, venue=venue).aggregate(
            at=Max("made_at", filter=Q(failed=""))
        )["at"]
        if (last or bankroll.created_at) < now - limit:
            since = f"since {last:%Y-%m-%d %H:%M} UTC" if last else "yet"
            yield Finding(
                severity=Severity.P1,
                subject=f"betting.Bankroll:{bankroll.pk}",
                summary=f"the books of {bankroll.name} were not held against {venue} {since}",
            )


@panel(
    "reconciliation",
    title="Reconciliation",
    template="settlements/panel_reconciliation.html",
    order=28,
    width=6,
)
def reconciliation(now: datetime) -> Mapping[str, object]:
    """Show each bankroll's last run and what is open."""
    latest = (
        ReconciliationRun.objects.order_by("bankroll", "-pk")
        .distinct("bankroll")
        .select_related("bankroll")
    )
    counts = dict(
        ReconciliationItem.objects.filter(state=OPEN)
        .values_list("bankroll")
        .annotate(n=Count("pk"))
        .order_by()
    )
    return {
        "rows": [
            {"run": run, "told": reconciling.summary(run), "open": counts.get(run.bankroll_id, 0)}
            for run in latest
        ]
    }
