"""Sources, what each look brought, and what was turned away."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from markets.models import Fetch, FetchProblem, RawPayload, Source
from markets.services import switching
from monitoring.desk import asking, chips, columns, sections
from monitoring.desk.actions import BOTH, Action, Asked, Done, ReasonForm, switches
from monitoring.desk.filters import StartingFilter
from monitoring.desk.pages import Fixed, Kept, list_url

INGEST = "markets.tasks.ingest"


class IngestForm(ReasonForm):
    """Where to read from; left empty, the source's own location."""

    location = forms.CharField(
        required=False,
        max_length=500,
        widget=UnfoldAdminTextInputWidget(),
        help_text="A URL, or a file or folder on the worker's machine. Empty: the source's own.",
    )
    dry_run = forms.BooleanField(required=False, help_text="Read and count; write nothing.")
    field_order = ("location", "dry_run", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.rows and not self.is_bound and len(self.rows) == 1:
            self.initial.setdefault("location", self.rows[0].location)  # type: ignore[attr-defined]


def ingest(asked: Asked) -> Done:
    location = asked.values["location"]
    key = "url" if location.startswith(("http://", "https://")) else "path"
    where = {key: location} if location else {}
    done = Done("")
    for row in asked.rows:
        done = asking.ask(
            asked,
            task=INGEST,
            arguments={"source": row.code, **where},
            dry_run=asked.values["dry_run"],
        )
    return done if len(asked.rows) == 1 else Done(f"Queued {len(asked.rows)} runs.")


def enable(asked: Asked) -> Done:
    return _switched(asked, switching.enable, "Enabled")


def disable(asked: Asked) -> Done:
    return _switched(asked, switching.disable, "Disabled")


def _switched(asked: Asked, switch: Callable[..., Source], what: str) -> Done:
    for row in asked.rows:
        switch(source_code=row.code, reason=asked.reason, actor=asked.actor, now=asked.now)
    return Done(f"{what} {len(asked.rows)}.")


class SourcesToSee(StartingFilter):
    title = "show"
    options = {
        "on": ("Enabled", lambda now: Q(is_enabled=True)),
        "off": ("Disabled", lambda now: Q(is_enabled=False)),
        "failing": ("Failing", lambda now: Q(failures_in_a_row__gt=0)),
    }


@admin.register(Source)
class SourceAdmin(Kept):
    list_display = (
        "name", "state_chip", "origin", "fresh", "attempted", "cadence", "failures_in_a_row",
        "location",
    )  # fmt: skip
    list_filter = (SourcesToSee, "is_simulated")
    search_fields = ("name", "code", "location")
    ordering = ("is_simulated", "name")
    readonly_fields = (
        "code", "is_enabled", "disabled_reason", "is_simulated", "creates_names",
        "last_success_at", "last_attempt_at", "failures_in_a_row",
    )  # fmt: skip
    empty_text = "No source is set up. `manage.py ingest football_data --path …` makes the first."
    desk_actions = (
        Action(
            name="ingest",
            title="Ingest now",
            permission="markets.change_source",
            consequence="It is read now. What is known already changes nothing; a corrected result"
            " is re-settled.",
            act=ingest,
            form=IngestForm,
            icon="cloud_download",
            on=BOTH,
        ),
        *switches(
            permission="markets.change_source",
            is_on=lambda row: row.is_enabled,
            enable=enable,
            disable=disable,
            then_on="It is read again at its cadence.",
            then_off="It is no longer read: its prices grow old, and strategies stop betting on"
            " them.",
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A source belongs to a connector, which is code: it makes its own row."""
        return False

    @display(description="State")
    def state_chip(self, row: Source) -> str:
        if not row.is_enabled:
            return chips.chip(f"Disabled: {row.disabled_reason[:40]}", "idle", "toggle_off")
        if row.failures_in_a_row:
            return chips.chip(f"Failing ({row.failures_in_a_row})", "bad", "error")
        if row.last_success_at is None:
            return chips.chip("Never read", "wait", "hourglass_empty")
        late = (timezone.now() - row.last_success_at).total_seconds() > 3 * row.cadence_seconds
        return (
            chips.chip("Stale", "warn", "update") if late else chips.chip("Fresh", "good", "check")
        )

    @display(description="Origin", ordering="is_simulated")
    def origin(self, row: Source) -> str:
        return chips.origin(is_simulated=row.is_simulated)

    fresh = columns.moment("last_success_at", "Last success")
    attempted = columns.moment("last_attempt_at", "Last attempt")

    @display(description="Every", ordering="cadence_seconds")
    def cadence(self, row: Source) -> str:
        return chips.duration(row.cadence_seconds)

    def badges(self, row: Source) -> list[Any]:
        return [self.state_chip(row), self.origin(row)]

    def parts(self, request: HttpRequest, row: Source) -> list[sections.Section]:
        fetches = row.fetches.order_by("-started_at")[:15]
        return [
            sections.Table(
                "Its last looks",
                ("State", "Look", "From", "Started", "Brought", "Error"),
                [_fetch_row(fetch) for fetch in fetches],
                empty="It was never read: press Ingest now.",
                more=("All looks", list_url(Fetch, source__id__exact=row.pk)),
            )
        ]


def _fetch_row(fetch: Fetch) -> tuple[Any, ...]:
    return (
        chips.state(fetch.state, fetch.get_state_display()),
        chips.link(fetch, f"#{fetch.pk}"),
        fetch.origin[-60:],
        fetch.started_at,
        brought(fetch),
        fetch.error[:100],
    )


def brought(fetch: Fetch) -> str:
    """Return a look's counts in one line, without the zeros."""
    parts = []
    for noun, counts in fetch.counts.items():
        if isinstance(counts, dict):
            parts += [
                f"{n:,} {how} {noun}" for how, n in counts.items() if n and how != "unchanged"
            ]
    return ", ".join(parts) or "–"


@admin.register(Fetch)
class FetchAdmin(Fixed):
    list_display = (
        "number",
        "source",
        "state_chip",
        "origin",
        "started",
        "took",
        "counted",
        "error",
    )
    list_filter = (("state", ChoicesDropdownFilter), ("source", RelatedDropdownFilter))
    list_select_related = ("source",)
    search_fields = ("origin", "error")
    ordering = ("-pk",)
    detail_related = ("source",)
    empty_text = "No source was read yet: Sources → Ingest now."

    number = columns.number("Look")
    state_chip = columns.state("state")
    started = columns.moment("started_at", "Started")

    @display(description="Took")
    def took(self, row: Fetch) -> str:
        over = row.finished_at
        return chips.duration((over - row.started_at).total_seconds() if over else None)

    @display(description="Brought")
    def counted(self, row: Fetch) -> str:
        return brought(row)

    def badges(self, row: Fetch) -> list[Any]:
        return [self.state_chip(row), chips.origin(is_simulated=row.source.is_simulated)]

    def parts(self, request: HttpRequest, row: Fetch) -> list[sections.Section]:
        problems = row.problems.order_by("pk")[:200]
        rows = [(p.file, p.row, p.field, p.message) for p in problems]
        return [
            self.all_facts(row),
            sections.Facts("Counts", list(row.counts.items()) or [("none", None)]),
            sections.Table(
                "Turned away", ("File", "Row", "Field", "What was expected"), rows,
                empty="Every row was used.",
            ),
        ]  # fmt: skip


@admin.register(FetchProblem)
class FetchProblemAdmin(Fixed):
    list_display = ("file", "row", "field", "message", "source", "look")
    list_select_related = ("fetch__source",)
    list_filter = (("fetch__source", RelatedDropdownFilter),)
    search_fields = ("file", "field", "message")
    ordering = ("-pk",)
    detail_related = ("fetch__source",)
    empty_text = "Every row that came could be used."

    @display(description="Source")
    def source(self, row: FetchProblem) -> str:
        return str(row.fetch.source)

    @display(description="Look")
    def look(self, row: FetchProblem) -> str:
        return chips.link(row.fetch, f"#{row.fetch_id}")


@admin.register(RawPayload)
class RawPayloadAdmin(Fixed):
    list_display = ("short", "source", "origin", "size", "fetched")
    list_filter = (("source", RelatedDropdownFilter),)
    list_select_related = ("source",)
    search_fields = ("sha256", "origin")
    ordering = ("-pk",)
    detail_related = ("source",)

    @display(description="SHA-256")
    def short(self, row: RawPayload) -> str:
        return row.sha256[:12]

    fetched = columns.moment("fetched_at", "Fetched")
