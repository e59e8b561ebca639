"""How a value looks on a page: chips with text, icon and colour; times in UTC; links to rows."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.apps import apps
from django.db import models
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

NOTHING = mark_safe('<span class="cl-nothing" title="not known">–</span>')

# Severity and state are separate scales: severities are outlined, states are filled.
_LOOKS: dict[str, tuple[str, str]] = {
    "QUEUED": ("wait", "hourglass_top"),
    "RUNNING": ("live", "autorenew"),
    "SUCCEEDED": ("good", "check_circle"),
    "FAILED": ("warn", "do_not_disturb_on"),
    "ERRORED": ("bad", "error"),
    "LOST": ("bad", "link_off"),
    "CANCELLED": ("idle", "cancel"),
    "OPEN": ("bad", "notification_important"),
    "ACKNOWLEDGED": ("warn", "visibility"),
    "RESOLVED": ("good", "check_circle"),
    "SCHEDULED": ("wait", "event"),
    "LIVE": ("live", "sensors"),
    "FINISHED": ("idle", "sports_score"),
    "POSTPONED": ("warn", "event_repeat"),
    "ABANDONED": ("warn", "event_busy"),
    "FINAL": ("good", "sports_score"),
    "NEW_DATA": ("good", "download_done"),
    "NOTHING_NEW": ("idle", "check"),
    "CANDIDATE": ("wait", "science"),
    "PRODUCTION": ("good", "rocket_launch"),
    "PREVIOUS": ("idle", "history"),
    "PROMOTED": ("good", "rocket_launch"),
    "WITHDRAWN": ("idle", "undo"),
    "EXPIRED": ("idle", "hourglass_disabled"),
    "PASSED": ("good", "check_circle"),
    "NOT_ENOUGH": ("note", "hourglass_empty"),
    "FIRED": ("warn", "notification_important"),
    "QUIET": ("good", "check_circle"),
    "DUE": ("wait", "hourglass_top"),
    "DONE": ("good", "check_circle"),
    "LATE": ("warn", "schedule"),
    "MISSED": ("bad", "event_busy"),
    "SKIPPED": ("idle", "skip_next"),
    "ARCHIVED": ("idle", "inventory_2"),
    "REPLAY": ("note", "replay"),
    "PAPER": ("note", "description"),
    "RESERVED": ("wait", "hourglass_top"),
    "UNKNOWN": ("bad", "help"),
    "ACCEPTED": ("live", "handshake"),
    "REJECTED": ("warn", "block"),
    "CREATED": ("wait", "edit_note"),
    "SUBMITTED": ("wait", "outgoing_mail"),
    "PARTIAL": ("live", "incomplete_circle"),
    "FILLED": ("good", "check_circle"),
    "LAPSED": ("idle", "timer_off"),
    "SETTLED": ("idle", "task_alt"),
    "BET": ("live", "paid"),
    "PASS": ("idle", "remove"),
    "WON": ("good", "add_circle"),
    "HALF_WON": ("good", "add_circle"),
    "PUSH": ("idle", "adjust"),
    "HALF_LOST": ("bad", "do_not_disturb_on"),
    "LOST_BET": ("bad", "do_not_disturb_on"),
    "VOID": ("idle", "block"),
    "P0": ("bad", "crisis_alert"),
    "P1": ("bad", "priority_high"),
    "P2": ("warn", "warning"),
    "P3": ("note", "info"),
    "P4": ("idle", "notes"),
}


def chip(text: object, tone: str = "idle", icon: str = "") -> SafeString:
    """Return a small coloured label; the text and the icon say what the colour says."""
    glyph = format_html('<span class="material-symbols-outlined">{}</span>', icon) if icon else ""
    return format_html('<span class="cl-chip cl-{}">{}{}</span>', tone, glyph, text)


def state(value: str, text: str = "") -> SafeString:
    """Return the chip of a state by its stored value.

    >>> "Running" in state("RUNNING", "Running")
    True
    """
    tone, icon = _LOOKS.get(value, ("idle", ""))
    return chip(text or value.replace("_", " ").capitalize(), tone, icon)


def outcome(value: str | None, text: str = "") -> SafeString:
    """Return the chip of a bet's outcome; a lost bet is not a lost run."""
    if not value:
        return NOTHING
    return state("LOST_BET" if value == "LOST" else value, text or value.replace("_", " ").title())


def severity(value: str) -> SafeString:
    """Return the chip of a severity, P0 to P4."""
    tone, icon = _LOOKS.get(value, ("idle", ""))
    return format_html(
        '<span class="cl-chip cl-outline cl-{}"><span class="material-symbols-outlined">{}</span>'
        "{}</span>",
        tone,
        icon,
        value,
    )


def simulated(yes: bool) -> SafeString:
    """Return the badge that marks made-up data, or nothing."""
    return chip("Simulated", "sim", "smart_toy") if yes else mark_safe("")


def origin(*, is_simulated: bool, is_replay: bool = False) -> SafeString:
    """Return where a row belongs: the world, a simulated league, or a replay of the past."""
    if is_replay:
        return state("REPLAY", "Replay")
    return simulated(True) if is_simulated else chip("Real", "real", "public")


def yes_no(value: bool, *, yes: str = "Yes", no: str = "No") -> SafeString:
    return chip(yes, "good", "check") if value else chip(no, "idle", "close")


def when(moment: datetime | None) -> SafeString:
    """Return a time in UTC; the page's script adds how long ago and the operator's zone."""
    if moment is None:
        return NOTHING
    moment = moment.astimezone(UTC)
    return format_html(
        '<time class="cl-time" datetime="{}" title="{}">{}</time>',
        moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        moment.strftime("%Y-%m-%d %H:%M:%S UTC"),
        moment.strftime("%Y-%m-%d %H:%M"),
    )


def duration(seconds: float | None) -> str:
    """Return a length of time for people.

    >>> duration(0.25), duration(75), duration(7200), duration(90000)
    ('250 ms', '1 min 15 s', '2 h 00 min', '1 d 1 h')
    """
    if seconds is None:
        return "–"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def money(amount: Decimal | None, currency: str = "", *, signed: bool = False) -> SafeString:
    """Return an amount with thousands separated, red or green where its sign tells.

    >>> "1,234.50" in money(Decimal("1234.5"))
    True
    """
    if amount is None:
        return NOTHING
    text = f"{amount:+,.2f}" if signed else f"{amount:,.2f}"
    tone = "" if not signed or amount == 0 else "cl-up" if amount > 0 else "cl-down"
    return format_html(
        '<span class="cl-number {}">{}{}</span>',
        tone,
        text.replace("-", "−"),
        f" {currency}".rstrip(),
    )


def percent(share: float | None, *, signed: bool = False, places: int = 1) -> SafeString:
    """Return a share in [0, 1] (or a signed rate) as percent.

    >>> "+2.5 %" in percent(0.025, signed=True)
    True
    """
    if share is None:
        return NOTHING
    text = f"{share * 100:{'+' if signed else ''}.{places}f} %".replace("-", "−")
    tone = "" if not signed or share == 0 else "cl-up" if share > 0 else "cl-down"
    return format_html('<span class="cl-number {}">{}</span>', tone, text)


def number(value: object, places: int | None = None) -> SafeString:
    if value is None:
        return NOTHING
    text = f"{value:,}" if places is None else f"{value:,.{places}f}"
    return format_html('<span class="cl-number">{}</span>', text)


def link(row: models.Model | None, text: object = "") -> SafeString:
    """Return a link to a row's admin page, or its name where it has none."""
    if row is None:
        return NOTHING
    meta = row._meta
    try:
        url = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
    except NoReverseMatch:
        return format_html("{}", text or row)
    return format_html('<a class="cl-link" href="{}">{}</a>', url, text or row)


def subject(label: str) -> SafeString:
    """Return "betting.Bet:42" as a link to that bet; any other text as it is."""
    name, _, key = label.partition(":")
    try:
        meta = apps.get_model(name)._meta
        url = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[key])
    except (LookupError, ValueError, NoReverseMatch):
        return format_html("{}", label) if label else NOTHING
    return format_html('<a class="cl-link" href="{}">{} {}</a>', url, meta.verbose_name, key[:8])


def two_lines(first: object, second: object) -> SafeString:
    """Return a cell of two lines, the second one smaller."""
    return format_html('<span class="cl-two"><span>{}</span><span>{}</span></span>', first, second)


def in_one(text: object) -> SafeString:
    """Return what is not to be broken over two lines."""
    return format_html('<span class="cl-number">{}</span>', text)


def clip(text: object) -> SafeString:
    """Return long text on one line, whole in its tooltip."""
    return format_html('<span class="cl-clip" title="{}">{}</span>', text, text)


def whole(text: object) -> SafeString:
    """Return a sentence for a cell of a list: on several lines where it is long, never cut."""
    return format_html('<span class="cl-whole">{}</span>', text)


def folded(title: object, value: object) -> SafeString:
    """Return JSON that opens under its title."""
    shown = pretty(value)
    return format_html(
        '<details class="cl-details"><summary>{}</summary>{}</details>', title, shown
    )


def pretty(value: object) -> SafeString:
    """Return JSON laid out for reading."""
    if value in (None, {}, []):
        return NOTHING
    text = json.dumps(value, indent=2, default=str, ensure_ascii=False)
    return format_html('<pre class="cl-pre">{}</pre>', text)


def show(value: object) -> SafeString | str:
    """Return any value as a page shows it."""
    match value:
        case None | "":
            return NOTHING
        case SafeString():
            return value
        case bool():
            return yes_no(value)
        case datetime():
            return when(value)
        case timedelta():
            return duration(value.total_seconds())
        case dict() | list():
            return pretty(value)
        case models.Model():
            return link(value)
        case float():
            return number(value, 4)
        case int() | Decimal():
            return number(value)
        case _:
            return format_html("{}", value)
