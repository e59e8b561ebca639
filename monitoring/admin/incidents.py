"""Incidents: what is wrong now, its runbook, its timeline, and the buttons that help."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from monitoring import registry
from monitoring.desk import chips, columns, sections
from monitoring.desk.actions import BOTH, Action, Asked, Done, ReasonForm
from monitoring.desk.filters import StartingFilter
from monitoring.desk.pages import Fixed, list_url
from monitoring.desk.runbooks import runbook
from monitoring.models import CheckState, Incident
from monitoring.services import incidents


class IncidentsToSee(StartingFilter):
    title = "show"
    options = {
        "open": ("Not resolved", lambda now: Q(resolved_at__isnull=True)),
        "resolved": ("Resolved", lambda now: Q(resolved_at__isnull=False)),
    }


class NoteForm(ReasonForm):
    reason = forms.CharField(
        label="Note",
        max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="Kept on the timeline; nobody can change it afterwards.",
    )


def acknowledge(asked: Asked) -> Done:
    for row in asked.rows:
        incidents.acknowledge(
            incident_id=row.pk, actor=asked.actor, note=asked.reason, now=asked.now
        )
    return Done(f"Acknowledged {len(asked.rows)}.")


def resolve(asked: Asked) -> Done:
    for row in asked.rows:
        incidents.resolve(incident_id=row.pk, actor=asked.actor, note=asked.reason, now=asked.now)
    return Done(f"Resolved {len(asked.rows)}.")


def note(asked: Asked) -> Done:
    incidents.add_note(
        incident_id=asked.row.pk, actor=asked.actor, text=asked.reason, now=asked.now
    )
    return Done("Noted.")


ACKNOWLEDGE = Action(
    name="acknowledge",
    title="Acknowledge",
    permission="monitoring.change_incident",
    consequence="You say that you have seen it and are at it. It stays open.",
    act=acknowledge,
    valid=lambda row: row.state == Incident.State.OPEN,
    invalid="{row} is acknowledged or resolved already.",
    icon="visibility",
    on=BOTH,
)
RESOLVE = Action(
    name="resolve",
    title="Resolve",
    permission="monitoring.change_incident",
    consequence="It leaves the list. If its check finds the same again, a new one opens.",
    act=resolve,
    valid=lambda row: row.resolved_at is None,
    invalid="{row} is resolved already.",
    icon="check_circle",
    on=BOTH,
)
NOTE = Action(
    name="note",
    title="Add a note",
    permission="monitoring.change_incident",
    consequence="Your words are added to the timeline.",
    act=note,
    form=NoteForm,
    icon="edit_note",
)


def _response_action(response: registry.Response) -> Action:
    """Return a registered response as an action of an incident's page."""

    def act(asked: Asked) -> Done:
        text = response.act(
            subject=asked.row.subject, actor=asked.actor, reason=asked.reason, now=asked.now
        )
        incidents.record_act(
            incident_id=asked.row.pk, actor=asked.actor, text=f"{response.title}: {text}",
            now=asked.now,
        )  # fmt: skip
        return Done(str(text))

    return Action(
        name=response.name.replace(".", "-"),
        title=response.title,
        permission=response.permission,
        consequence=lambda rows: (
            f"“{response.title}” is done to {rows[0].subject or 'the system'}."
        ),
        act=act,
        valid=lambda row: row.resolved_at is None and row.kind in response.kinds,
        invalid="This does not belong to {row}.",
        icon="bolt",
        is_dangerous=True,
    )


@admin.register(Incident)
class IncidentAdmin(Fixed):
    list_display = (
        "severity_chip", "state_chip", "summary_line", "kind", "about", "opened", "latest",
        "occurrences", "acknowledged_by",
    )  # fmt: skip
    list_display_links = ("severity_chip", "summary_line")
    list_filter = (IncidentsToSee, ("state", ChoicesDropdownFilter), "severity", "kind")
    search_fields = ("kind", "subject", "summary")
    ordering = ("severity", "-opened_at")
    detail_related = ("run",)
    empty_text = "Nothing is wrong that a check can see."

    @property
    def desk_actions(self) -> tuple[Action, ...]:  # type: ignore[override]
        """Offer the responses that apps registered, beside our own three."""
        return (
            ACKNOWLEDGE,
            RESOLVE,
            NOTE,
            *(_response_action(response) for response in registry.responses.values()),
        )

    @display(description="Severity", ordering="severity")
    def severity_chip(self, row: Incident) -> str:
        return chips.severity(row.severity)

    state_chip = columns.state("state")

    @display(description="What")
    def summary_line(self, row: Incident) -> str:
        return row.summary[:110]

    @display(description="About")
    def about(self, row: Incident) -> str:
        return chips.subject(row.subject)

    opened = columns.moment("opened_at", "Opened")
    latest = columns.moment("latest_at", "Seen last")

    def when_empty(self) -> Any:
        looked = CheckState.objects.order_by("-ran_at").values_list("ran_at", flat=True).first()
        return (
            format_html("{} The checks looked last {}.", self.empty_text, chips.when(looked))
            if looked
            else "No check has run yet: start the worker and beat, or run the checks from Jobs."
        )

    def tiles(self, request: HttpRequest) -> list[sections.Tile]:
        rows = Incident.objects.filter(resolved_at__isnull=True).order_by()
        counts = dict(rows.values_list("severity").annotate(n=Count("pk")))
        return [
            sections.Tile(
                f"{level} open",
                n,
                list_url(Incident, show="open", severity__exact=level),
                "bad" if level in ("P0", "P1") else "warn" if level == "P2" else "",
            )
            for level, n in sorted(counts.items())
        ]

    def badges(self, row: Incident) -> list[Any]:
        return [chips.severity(row.severity), chips.state(row.state, row.get_state_display())]

    def detail_context(self, request: HttpRequest, row: Incident) -> dict[str, Any]:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return {**super().detail_context(request, row), "title": row.summary[:90]}

    def parts(self, request: HttpRequest, row: Incident) -> list[sections.Section]:
        page = runbook(row.kind)
        text = page or format_html("<p>No runbook is written for “{}”.</p>", row.kind)
        return [
            sections.Html("What is wrong", format_html("<p>{}</p>", row.summary)),
            _facts(row),
            sections.Html("Timeline", _timeline(row), wide=False),
            sections.Html("Runbook", text),
        ]


def _facts(row: Incident) -> sections.Facts:
    length = ((row.resolved_at or timezone.now()) - row.opened_at).total_seconds()
    return sections.Facts(
        "Facts",
        [
            ("Kind", row.kind),
            ("About", chips.subject(row.subject)),
            ("Opened", row.opened_at),
            ("Open for", chips.duration(length)),
            ("Seen last", row.latest_at),
            ("Times seen", row.occurrences),
            ("Acknowledged", row.acknowledged_at),
            ("by", row.acknowledged_by),
            ("Resolved", row.resolved_at),
            ("by", row.resolved_by),
            ("Run", row.run),
        ],
    )


def _timeline(row: Incident) -> Any:
    lines = format_html_join(
        "",
        '<li><strong>{}</strong> {}<br><span class="cl-who">{} · {}</span></li>',
        (
            (
                entry.what.replace("_", " ").capitalize(),
                entry.text,
                entry.actor,
                chips.when(entry.at),
            )
            for entry in row.entries.order_by("-pk")[:200]
        ),
    )
    return format_html('<ul class="cl-timeline">{}</ul>', lines)
