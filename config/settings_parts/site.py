"""The admin site's looks and navigation."""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.templatetags.static import static
from django.urls import reverse
from django.utils.functional import lazy

# Each page compares and shows each of these several times: they are looked up once.
_address = lazy(cache(reverse), str)


def _may(*permissions: str) -> Callable[[Any], bool]:
    return lambda request: any(request.user.has_perm(permission) for permission in permissions)


def _list(title: str, icon: str, app: str, model: str, badge: str = "") -> dict[str, Any]:
    item: dict[str, Any] = {
        "title": title,
        "icon": icon,
        "link": _address(f"admin:{app}_{model}_changelist"),
        "permission": _may(f"{app}.view_{model}"),
    }
    return item | ({"badge": badge} if badge else {})


def _page(title: str, icon: str, name: str, *permissions: str) -> dict[str, Any]:
    item: dict[str, Any] = {"title": title, "icon": icon, "link": _address(name)}
    return item | ({"permission": _may(*permissions)} if permissions else {})


def _group(title: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "separator": True, "collapsible": True, "items": list(items)}


def _is_at(path: str, *, apart_from: str) -> Callable[[Any], bool]:
    return lambda request: path in request.path and apart_from not in request.path


def _static(path: str) -> Callable[[Any], str]:
    return lambda request: static(path)


_NAVIGATION = [
    {
        "title": "Overview",
        "items": [
            _page("Dashboard", "monitoring", "admin:index"),
            _page("Jobs", "play_circle", "jobs", "monitoring.view_taskrun"),
            _list("Runs", "list_alt", "monitoring", "taskrun"),
            _list("Incidents", "notification_important", "monitoring", "incident"),
        ],
    },
    _group(
        "Markets",
        _list("Events", "event", "markets", "event"),
        _list("Latest prices", "price_change", "markets", "latestprice"),
        _list("Closing prices", "lock_clock", "markets", "closingprice")
        | {"active": _is_at("/closingprice/", apart_from="/movement/")},
        _page("Movement", "moving", "admin:markets_movement", "markets.view_closingprice"),
        _list("Results", "scoreboard", "markets", "result"),
        _list("Disputed results", "gavel", "markets", "resultdispute"),
        _list("Notices", "campaign", "markets", "notice"),
    ),
    _group(
        "Sources",
        _list("Sources", "cloud_download", "markets", "source"),
        _list("Fetches", "sync", "markets", "fetch"),
        _list("Turned away", "report", "markets", "fetchproblem"),
        _list("Unknown names", "question_mark", "markets", "unknownname"),
        _list("Parked rows", "hourglass_empty", "markets", "parkedrow"),
        _list("Data quality", "troubleshoot", "markets", "qualityfinding"),
        _list("Import mappings", "table_view", "markets", "importmapping"),
        _list("Payloads", "inventory_2", "markets", "rawpayload"),
        _list("Retention", "auto_delete", "markets", "retentionpolicy"),
    ),
    _group(
        "Models",
        _list("Pipelines", "schema", "models_ml", "pipeline"),
        _list("Model versions", "deployed_code", "models_ml", "modelversion"),
        _list("Evaluations", "fact_check", "models_ml", "evaluation"),
        _list("Walk-forwards", "directions_walk", "models_ml", "walkforward"),
        _list("Predictions", "insights", "models_ml", "prediction"),
        _list("Feature rows", "table_rows", "models_ml", "featurerow"),
        _list("Replays", "replay", "models_ml", "replay"),
        _list("Store files", "folder_managed", "models_ml", "storefile"),
        _list("ETL runs", "nightlight", "models_ml", "etlrun"),
    ),
    _group(
        "Betting",
        _list("Bets", "paid", "betting", "bet"),
        _list("Decisions", "rule", "betting", "decision"),
        _list("Strategies", "tune", "betting", "strategy"),
        _list("Phases", "stairs", "betting", "phasechange"),
        _list("Dry bets", "science", "betting", "drybet"),
        _list("Arbitrages", "balance", "betting", "arbitrage"),
        _list("Settling terms", "rule", "betting", "settlingterms"),
        _list("Bankrolls", "account_balance_wallet", "betting", "bankroll"),
        _list("Limits", "speed", "betting", "limit"),
        _list("Groups", "groups", "betting", "participantgroup"),
        _list("Pauses", "pause_circle", "betting", "tradinghalt"),
        _list("Cool-downs", "hourglass_top", "betting", "cooldown"),
        _list("Gaming limits", "speed", "betting", "gaminglimits"),
        _list("Book rules", "policy", "betting", "bookrule"),
        _list("Tracked bets", "receipt_long", "betting", "trackedbet"),
        _list("Imported bets", "upload_file", "betting", "betimport"),
        _list("Bet mappings", "table_view", "betting", "betmapping"),
        _list("Paper orders", "receipt", "betting", "paperorder"),
        _list("Outside orders", "person_alert", "betting", "outsideorder"),
        _list("Paper costs", "price_change", "betting", "costmodel"),
        _list("Paper twins", "content_copy", "betting", "papertwin"),
    ),
    _group(
        "Settlements",
        _list("Settlements", "gavel", "settlements", "settlement"),
        _page("CLV", "trending_up", "admin:settlements_clv", "settlements.view_betvalue"),
        _list("Values of bets", "price_check", "settlements", "betvalue")
        | {"active": lambda request: request.path.endswith("/betvalue/")},
        _page(
            "Half points",
            "straighten",
            "admin:settlements_half_points",
            "settlements.view_betvalue",
        ),
        _list("Bets without a value", "visibility_off", "settlements", "valuegap"),
        _list("Values before the start", "history", "settlements", "valuebefore"),
        _list("Ledger transfers", "swap_horiz", "settlements", "ledgertransfer"),
        _list("Ledger accounts", "account_balance", "settlements", "ledgeraccount"),
        _list("Reconciliation", "fact_check", "settlements", "reconciliationrun"),
        _list("Differences", "difference", "settlements", "reconciliationitem"),
        _list("Commission due", "percent", "settlements", "commissiondue"),
        _page(
            "Performance",
            "query_stats",
            "admin:settlements_performance",
            "settlements.view_performanceday",
        ),
        _list("Reports", "summarize", "settlements", "report"),
        _list("Targets", "target", "settlements", "performancetarget"),
        _list("Betting days", "calendar_month", "settlements", "performanceday")
        | {"active": _is_at("/performanceday/", apart_from="/figures/")},
        _list("Days to sum", "functions", "settlements", "performancedue"),
        _list("Rule sets", "gavel", "settlements", "ruleset"),
        _list("Rules in use", "rule_settings", "settlements", "ruleuse"),
        _list("Backtests", "science", "settlements", "backtest"),
        _list("Backtest grids", "grid_on", "settlements", "backtestgrid"),
        _list("Backtest cells", "grid_view", "settlements", "backtestcell"),
    ),
    _group(
        "Operations",
        _list("Schedule", "schedule", "django_celery_beat", "periodictask"),
        _list("Declared jobs", "code", "monitoring", "scheduledjob"),
        _list("Checks", "health_and_safety", "monitoring", "checkstate"),
        _list("Heartbeats", "ecg_heart", "monitoring", "heartbeat"),
        _list("Audit", "policy", "monitoring", "auditentry"),
    ),
    _group(
        "Configuration",
        _list("Sports", "sports", "markets", "sport"),
        _list("Competitions", "emoji_events", "markets", "competition"),
        _list("Seasons", "calendar_month", "markets", "season"),
        _list("Participants", "groups", "markets", "participant"),
        _list("Aliases", "join_inner", "markets", "participantalias"),
        _list("Books", "storefront", "markets", "book"),
        _list("Reference rules", "anchor", "markets", "referencerule"),
        _list("Thresholds", "speed", "monitoring", "threshold"),
        _list("Users", "person", "monitoring", "user"),
        _list("Roles", "admin_panel_settings", "auth", "group"),
        _list("API tokens", "key", "monitoring", "apitoken"),
    ),
]

LOGIN_REDIRECT_URL = "admin:index"
UNFOLD: dict[str, object] = {
    "SITE_TITLE": "Closing Line",
    "SITE_HEADER": "Closing Line",
    "SITE_SUBHEADER": "Betting operations",
    "SITE_URL": None,
    "SITE_ICON": _static("closingline/logo.svg"),
    "SITE_SYMBOL": "finance",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": _static("closingline/logo.svg")}
    ],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": False,
    "GLOBAL_CALLBACK": "config.site.every_page",
    "DASHBOARD_CALLBACK": "config.dashboard.index",
    "STYLES": [_static("closingline/site.css")],
    "SCRIPTS": [_static("closingline/site.js")],
    "BORDER_RADIUS": "6px",
    "COLORS": {
        "primary": {
            "50": "oklch(98.4% .014 180.72)",
            "100": "oklch(95.3% .051 180.801)",
            "200": "oklch(91% .096 180.426)",
            "300": "oklch(85.5% .138 181.071)",
            "400": "oklch(77.7% .152 181.912)",
            "500": "oklch(65% .13 182.503)",
            "600": "oklch(54% .105 184.704)",
            "700": "oklch(47% .09 186.391)",
            "800": "oklch(43.7% .078 188.216)",
            "900": "oklch(38.6% .063 188.416)",
            "950": "oklch(27.7% .046 192.524)",
        }
    },
    "COMMAND": {"search_models": False, "show_history": True},
    "SIDEBAR": {
        "show_search": False,
        "command_search": True,
        "show_all_applications": False,
        "navigation": _NAVIGATION,
    },
}
