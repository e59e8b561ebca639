"""Audit, checks, heartbeats, leases: what the system wrote down about itself."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display

from monitoring import registry
from monitoring.desk import chips, columns, sections
from monitoring.desk.filters import StartingFilter
from monitoring.desk.pages import Fixed
from monitoring.models import AuditEntry, BeatLease, CheckState, Heartbeat, IncidentEntry


class Who(StartingFilter):
    title = "who"
    parameter_name = "who"
    options = {
        "people": (
            "People and programs",
            lambda now: (
                Q(actor__startswith="user:")
                | Q(actor__startswith="api:")
                | Q(actor__startswith="cli:")
            ),
        ),
        "system": (
            "The system",
            lambda now: (
                ~(
                    Q(actor__startswith="user:")
                    | Q(actor__startswith="api:")
                    | Q(actor__startswith="cli:")
                )
            ),
        ),
    }


@admin.register(AuditEntry)
class AuditEntryAdmin(Fixed):
    list_display = ("when", "actor", "action", "about", "what")
    list_filter = (Who, ("at", RangeDateTimeFilter))
    list_filter_submit = True
    search_fields = ("actor", "action", "subject")
    search_help_text = "Actor, action, subject (betting.Bet:42)"
    ordering = ("-pk",)
    empty_text = "Nobody has changed anything by hand yet."

    when = columns.moment("at", "When")

    @display(description="Subject")
    def about(self, row: AuditEntry) -> str:
        return chips.subject(row.subject)

    @display(description="Detail")
    def what(self, row: AuditEntry) -> str:
        return ", ".join(f"{key}: {value}" for key, value in row.detail.items())[:140]

    def parts(self, request: HttpRequest, row: AuditEntry) -> list[sections.Section]:
        facts = [
            ("When", row.at),
            ("Actor", row.actor),
            ("Action", row.action),
            ("Subject", chips.subject(row.subject)),
        ]
        return [
            sections.Facts("Facts", facts),
            sections.Facts("Detail", list(row.detail.items()) or [("none", None)]),
        ]


@admin.register(IncidentEntry)
class IncidentEntryAdmin(Fixed):
    list_display = ("when", "incident", "what", "actor", "text")
    list_filter = ("what",)
    list_select_related = ("incident",)
    search_fields = ("actor", "text")
    ordering = ("-pk",)
    detail_related = ("incident",)

    when = columns.moment("at", "When")


@admin.register(CheckState)
class CheckStateAdmin(Fixed):
    list_display = ("kind", "state_chip", "findings", "ran", "late", "took", "error")
    search_fields = ("kind",)
    ordering = ("-findings", "kind")
    empty_text = "No check has run yet: the scheduler asks for them every minute."

    @display(description="State")
    def state_chip(self, row: CheckState) -> str:
        if row.error:
            return chips.chip("Broke", "bad", "error")
        if row.findings:
            return chips.chip("Found something", "warn", "warning")
        return chips.chip("Healthy", "good", "check_circle")

    ran = columns.moment("ran_at", "Looked last")

    @display(description="Due every")
    def late(self, row: CheckState) -> str:
        check = registry.checks.get(row.kind)
        if check is None:
            return chips.chip("No longer registered", "idle")
        text = chips.duration(check.every.total_seconds())
        overdue = timezone.now() - row.ran_at > 3 * check.every
        return chips.chip(f"{text}, overdue", "warn", "schedule") if overdue else text

    @display(description="Took", ordering="seconds")
    def took(self, row: CheckState) -> str:
        return chips.duration(row.seconds)


@admin.register(Heartbeat)
class HeartbeatAdmin(Fixed):
    list_display = ("name", "alive", "last")
    search_fields = ("name",)
    ordering = ("name",)
    empty_text = "Nobody has reported yet: start the worker and beat (make up)."

    @display(description="State")
    def alive(self, row: Heartbeat) -> str:
        silent = (timezone.now() - row.at).total_seconds()
        if silent > 120:
            return chips.chip(f"Silent for {chips.duration(silent)}", "bad", "heart_broken")
        return chips.chip("Alive", "good", "ecg_heart")

    last = columns.moment("at", "Last seen")

    def parts(self, request: HttpRequest, row: Heartbeat) -> list[Any]:
        return [self.all_facts(row), sections.Facts("Detail", list(row.detail.items()))]


@admin.register(BeatLease)
class BeatLeaseAdmin(Fixed):
    list_display = ("name", "holder", "token", "expires_at")
