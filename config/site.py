"""What stands on every page of the admin site: the banner, and small callbacks of the theme."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from unfold.sites import UnfoldAdminSite

from betting.services import stopping
from monitoring.desk import chips

_STATE_OF_THE_SYSTEM = """
select
    (select coalesce(json_agg(h), '[]') from (
        select id, scope, scope_id, set_by, reason, rule, expires_at, is_reduce_only,
            case scope
                when 'SPORT' then (select name from markets_sport where id = scope_id)
                when 'COMPETITION' then (select name from markets_competition where id = scope_id)
                when 'BOOK' then (select name from markets_book where id = scope_id)
                when 'STRATEGY' then (select name from betting_strategy where id = scope_id)
                when 'MODEL' then (select code from models_ml_pipeline where id = scope_id)
                when 'BANKROLL' then (select name from betting_bankroll where id = scope_id)
            end as name
        from betting_tradinghalt
        where lifted_at is null and (expires_at is null or expires_at > %(now)s)
        order by rule <> 'emergency-stop', scope <> 'ALL', set_at limit 3) h),
    (select count(*) from betting_tradinghalt
        where lifted_at is null and (expires_at is null or expires_at > %(now)s)),
    (select max(last_success_at) from markets_source),
    (select count(*) from monitoring_incident where resolved_at is null),
    (select string_agg(c.name, ', ' order by c.name) from markets_competition c
        where c.is_simulated and exists (
            select 1 from markets_event e
            where e.competition_id = c.id and e.starts_at > %(now)s - interval '1 hour')),
    (select count(*) from markets_source
        where is_enabled and last_success_at < %(now)s - 3 * cadence_seconds * interval '1 second')
"""


class Site(UnfoldAdminSite):
    """The theme's site, which asks for no more than a page shows."""

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """Look for the tables a person may see once a page lists them; hardly any does."""
        find = super().get_app_list
        return SimpleLazyObject(lambda: find(request, app_label))


def banner(*, now: datetime, zone: str = "UTC") -> dict[str, Any]:
    """Return what everybody must see wherever they are: paused, simulated, how old the data is.

    One statement, never cached: a pause shows on the very next page.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STATE_OF_THE_SYSTEM, {"now": now})
        halts, n_halts, data_at, n_incidents, simulated, n_stale = cursor.fetchone()
    if isinstance(halts, str):
        import json

        halts = json.loads(halts)
    return {
        "environment": settings.ENVIRONMENT_NAME,
        "halts": [_halt(row) for row in halts],
        "n_more_halts": max(0, n_halts - len(halts)),
        "data_at": chips.when(data_at) if data_at else "",
        "is_stale": n_stale > 0,
        "n_incidents": n_incidents,
        "incidents_url": reverse("admin:monitoring_incident_changelist"),
        "simulated": simulated,
        "zone": zone,
    }


def _halt(row: dict[str, Any]) -> dict[str, Any]:
    """Return what a halt stops, by whom, till when, and what of it is let through."""
    name = row["name"] or row["scope_id"]
    until = row["expires_at"]
    return {
        "title": "EMERGENCY STOP" if row["rule"] == stopping.RULE else "PAUSED",
        "scope": "everything" if row["scope"] == "ALL" else f"{row['scope'].lower()} {name}",
        "effect": "only bets that lower exposure" if row["is_reduce_only"] else "",
        "until": chips.when(datetime.fromisoformat(until)) if until else "",
        "by": row["set_by"],
        "reason": row["reason"],
        "url": reverse("admin:betting_tradinghalt_change", args=[row["id"]]),
    }


def every_page(request: HttpRequest) -> dict[str, Any]:
    """Return the context that all admin pages share; nothing for people who are not signed in."""
    if not request.user.is_authenticated or not request.user.is_staff:
        return {}
    return {"banner": banner(now=timezone.now(), zone=request.user.time_zone)}


def environment(request: HttpRequest) -> list[str]:
    """Return the label beside the operator's name, red where real money may move."""
    name = settings.ENVIRONMENT_NAME
    return [name, "danger" if name == "production" else "info"]


def may(*permissions: str) -> Callable[[HttpRequest], bool]:
    """Return whether a sidebar item shows: the operator holds any of these permissions."""

    def check(request: HttpRequest) -> bool:
        return any(request.user.has_perm(permission) for permission in permissions)

    return check


def see(request: HttpRequest) -> bool:
    """Return whether this person may see the figures of the house."""
    return bool(request.user.is_active and request.user.has_perm("betting.view_bet"))
