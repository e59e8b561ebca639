"""The dashboard: tiles of the house's real figures, and the panels that the apps registered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from betting.models import Bankroll
from betting.queries import money as exposures
from config import panels, site
from monitoring import registry
from monitoring.desk import chips
from monitoring.desk.sections import Tile
from settlements import queries as settlements

log = structlog.get_logger(__name__)
REFRESH_SECONDS = 10
panels.register()

_SYSTEM = """
select
    (select count(*) from monitoring_incident where resolved_at is null),
    (select min(severity) from monitoring_incident where resolved_at is null),
    (select count(*) from monitoring_taskrun where state = 'QUEUED'),
    (select count(*) from monitoring_taskrun where state = 'RUNNING'),
    (select min(coalesce(not_before, created_at)) from monitoring_taskrun
        where state = 'QUEUED' and coalesce(not_before, created_at) <= %(now)s),
    (select max(last_success_at) from markets_source),
    (select max(at) from monitoring_heartbeat where name like 'worker%%'),
    (select max(at) from monitoring_heartbeat where name like 'beat%%'),
    (select max(ran_at) from monitoring_checkstate)
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A panel as it stands on the page, or that it could not be read."""

    name: str
    title: str
    width: int
    html: SafeString | None


@dataclass(frozen=True, slots=True)
class _Money:
    balance: Decimal
    n_open: int
    in_bets: Decimal
    outside: Decimal


def index(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Fill the admin site's first page."""
    context.update(title="Dashboard", may_see=site.see(request))
    if context["may_see"]:
        context.update(page(request, now=timezone.now()))
    return context


def fragment(request: HttpRequest) -> HttpResponse:
    """Answer the moving part of the dashboard, which the page asks for every few seconds."""
    if not site.see(request):
        raise PermissionDenied
    return render(request, "dashboard/panels.html", page(request, now=timezone.now()))


def page(request: HttpRequest, *, now: datetime) -> dict[str, Any]:
    """Return what the dashboard shows: system tiles, tiles per group of money, panels."""
    return {
        "system_tiles": _guarded("dashboard.system", lambda: system_tiles(now=now)),
        "groups": _guarded("dashboard.figures", group_tiles),
        "panels": [_read(panel, request, now) for panel in _in_order()],
        "live_url": reverse("dashboard-panels"),
        "refresh_seconds": REFRESH_SECONDS,
        "quick": quick_actions(request),
    }


def _in_order() -> list[registry.Panel]:
    return sorted(registry.panels.values(), key=lambda panel: (panel.order, panel.name))


def _read(panel: registry.Panel, request: HttpRequest, now: datetime) -> Shown:
    """Render one panel; a broken one is logged and leaves the others alone."""
    try:
        with transaction.atomic():
            context: Mapping[str, object] = panel.context(now)
            html = render_to_string(panel.template, dict(context), request=request)
    except Exception:
        log.exception("panel could not be read", panel=panel.name)
        return Shown(panel.name, panel.title, panel.width, None)
    return Shown(panel.name, panel.title, panel.width, html)


def _guarded(name: str, read: Any) -> Any:
    try:
        with transaction.atomic():
            return read()
    except Exception:
        log.exception("panel could not be read", panel=name)
        return None


def system_tiles(*, now: datetime) -> list[Tile]:
    """Return what needs somebody: incidents, the queue, the age of the data, who is alive."""
    with connection.cursor() as cursor:
        cursor.execute(_SYSTEM, {"now": now})
        n_open, worst, queued, running, oldest, data_at, worker_at, beat_at, looked_at = (
            cursor.fetchone()
        )
    looked = chips.duration((now - looked_at).total_seconds()) if looked_at else ""
    healthy = f"checked {looked} ago" if looked else "no check has run yet"
    waits = (now - oldest).total_seconds() if oldest else 0
    runs = reverse("admin:monitoring_taskrun_changelist")
    return [
        Tile(
            "Open incidents",
            n_open,
            reverse("admin:monitoring_incident_changelist"),
            "good" if not n_open else "bad" if worst in ("P0", "P1") else "warn",
            f"worst {worst}" if n_open else healthy,
        ),
        Tile(
            "Queue",
            f"{queued} waiting",
            f"{runs}?show=live",
            "warn" if waits > 60 else "",
            f"{running} running, oldest waits {chips.duration(waits)}"
            if queued
            else f"{running} running",
        ),
        _age_tile("Data read", data_at, now, reverse("admin:markets_source_changelist"), 3600),
        _age_tile("Worker", worker_at, now, reverse("admin:monitoring_heartbeat_changelist"), 120),
        _age_tile("Scheduler", beat_at, now, reverse("admin:monitoring_heartbeat_changelist"), 120),
    ]


def _age_tile(label: str, at: datetime | None, now: datetime, url: str, most: int) -> Tile:
    """Say how long ago something was heard of; ``most`` seconds are fine."""
    if at is None:
        return Tile(label, "never", url, "warn", "not heard of yet")
    age = max(0.0, (now - at).total_seconds())
    return Tile(
        label, f"{chips.duration(age)} ago", url, "warn" if age > most else "", f"{at:%H:%M:%S} UTC"
    )


def group_tiles() -> list[dict[str, Any]]:
    """Return the tiles of each group of bankrolls: real money, paper and simulated never mixed."""
    groups = settlements.groups()
    money = _money([key for group in groups for key in group.bankroll_ids])
    return [
        {
            "title": f"{Bankroll.Kind(group.kind).label}, {group.currency}",
            "is_simulated": group.is_simulated,
            "tiles": _tiles(group, money),
        }
        for group in groups
    ]


def _tiles(group: settlements.Group, money: Mapping[int, _Money]) -> list[Tile]:
    total = settlements.totals(group)
    mine = [money[key] for key in group.bankroll_ids]
    balance = sum((row.balance for row in mine), Decimal(0))
    # What was placed outside counts against each bankroll, and is lost but once.
    outside = max((row.outside for row in mine), default=Decimal(0))
    at_risk = sum((row.in_bets for row in mine), outside)
    yield_ = float(total.profit / total.turnover) if total.turnover else None
    bets = reverse("admin:betting_bet_changelist")
    only = f"&bankroll__id__exact={group.bankroll_ids[0]}" if len(mine) == 1 else ""
    unit = group.currency
    return [
        Tile(
            "Profit", chips.money(total.profit, unit, signed=True), f"{bets}?show=settled{only}",
            note=f"{total.bets:,} settled bets",
        ),
        Tile(
            "Yield", chips.percent(yield_, signed=True), f"{bets}?show=settled{only}",
            note=f"on {total.turnover:,.0f} {unit} staked",
        ),
        Tile(
            "Closing-line value", chips.percent(total.clv, signed=True),
            reverse("admin:settlements_betvalue_changelist"), note="mean, margin-free",
        ),
        Tile(
            "Open bets", sum(row.n_open for row in mine), f"{bets}?show=open{only}",
            note=f"{at_risk:,.2f} {unit} at risk",
        ),
        Tile(
            "Bankroll", chips.money(balance, unit), reverse("admin:betting_bankroll_changelist"),
            note=f"{balance - at_risk:,.2f} {unit} available",
        ),
    ]  # fmt: skip


def _money(bankroll_ids: list[int]) -> dict[int, _Money]:
    rows = exposures.exposed(Bankroll.objects.filter(pk__in=bankroll_ids))
    columns = ("pk", "balance", "n_open", "in_bets", "outside")
    return {key: _Money(*rest) for key, *rest in rows.values_list(*columns)}


_QUICK = (
    ("Ingest", "cloud_download", "markets.change_source", "admin:markets_source_changelist"),
    ("Predict", "insights", "", "models_ml.tasks.predict_due"),
    ("Decide and place", "rule", "", "betting.tasks.decide_due"),
    ("Settle", "gavel", "", "settlements.tasks.settle_due"),
    ("Train", "model_training", "", "models_ml.tasks.train_pipeline"),
    ("All jobs", "play_circle", "monitoring.view_taskrun", "jobs"),
)  # title, icon, permission of a page, page; or no permission, and the job


def quick_actions(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the buttons above the dashboard that this operator may press."""
    buttons: list[dict[str, Any]] = []
    for title, icon, permission, target in _QUICK:
        job = None if permission else registry.jobs.get(target)
        if not permission and job is None:
            continue
        if request.user.has_perm(job.permission if job else permission):
            url = reverse("job", args=[target]) if job else reverse(target)
            buttons.append({"title": title, "icon": icon, "url": url})
    if request.user.has_perm("betting.add_tradinghalt"):
        url = reverse("admin:betting_tradinghalt_do_many", args=["pause"])
        buttons.append(
            {"title": "Pause…", "icon": "pause_circle", "url": url, "is_dangerous": True}
        )
        url = reverse("admin:betting_tradinghalt_do_many", args=["emergency-stop"])
        buttons.append(
            {"title": "Emergency stop…", "icon": "emergency_home", "url": url, "is_dangerous": True}
        )
    return buttons
