"""Sources: how they are read, how they fare, what an operator may do."""

from collections.abc import Callable
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from markets import queries
from markets.admin import fetches
from markets.models import Fetch, Source
from markets.queries import sources as health
from markets.services import breaking, credentials, sources, switching, unchanged
from monitoring.desk import asking, chips, columns, sections
from monitoring.desk.actions import BOTH, Action, Asked, Done, ReasonForm, switches
from monitoring.desk.filters import StartingFilter
from monitoring.desk.pages import Kept, list_url

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


def reset(asked: Asked) -> Done:
    return _switched(asked, breaking.reset, "Asked again:")


def reread(asked: Asked) -> Done:
    return _switched(asked, unchanged.forget, "Asked for everything:")


def _is_left_alone(row: Source) -> bool:
    waits = row.not_before is not None and row.not_before > timezone.now()
    return row.breaker_state != Source.Breaker.CLOSED or waits


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
        "alone": ("Left alone", lambda now: ~Q(breaker_state="CLOSED")),
    }


class SourceForm(forms.ModelForm):
    """How a source is read; options are judged by its connector."""

    def clean_options(self) -> dict[str, Any]:
        options = self.cleaned_data["options"] or {}
        if not isinstance(options, dict):
            raise forms.ValidationError("An object of options by name is expected.")
        if wrong := sources.check_options(source_code=self.instance.code, options=options):
            raise forms.ValidationError([f"expected {text}" for text in wrong])
        return options

    def clean_time_zone(self) -> str:
        zone = str(self.cleaned_data["time_zone"])
        if zone not in available_timezones():
            raise forms.ValidationError("The name of a zone such as Europe/London is expected.")
        return zone

    def clean_credentials(self) -> str:
        name = str(self.cleaned_data["credentials"])
        if name and name not in credentials.SETS:
            known = ", ".join(sorted(credentials.SETS))
            raise forms.ValidationError(f"The name of a set is expected ({known}), no secret.")
        return name


@admin.register(Source)
class SourceAdmin(Kept):
    form = SourceForm
    list_display = (
        "name", "state_chip", "origin", "fresh", "succeeded", "waited", "rows", "quota",
    )  # fmt: skip
    list_filter = (SourcesToSee, "is_simulated")
    search_fields = ("name", "code", "location")
    ordering = ("is_simulated", "name")
    readonly_fields = (
        "code", "namespace", "is_enabled", "disabled_reason", "is_simulated", "creates_names",
        "last_success_at", "last_attempt_at", "failures_in_a_row", "not_before", "quota_limit",
        "quota_used", "quota_remaining", "quota_read_at", "quota_resets_at", "breaker_state",
        "breaker_opened_at", "breaker_retry_at", "breaker_reopenings",
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
        Action(
            name="reset",
            title="Ask again now",
            permission="markets.change_source",
            consequence="Its breaker closes, its failures are forgotten and it no longer waits:"
            " the next look asks it.",
            act=reset,
            valid=_is_left_alone,
            invalid="{row} is not left alone.",
            icon="restart_alt",
            on=BOTH,
        ),
        Action(
            name="reread",
            title="Ask for everything",
            permission="markets.change_source",
            consequence="What its addresses said of their last answers is forgotten: the next look"
            " reads them whole, changed or not.",
            act=reread,
            valid=lambda row: row.addresses.exists(),
            invalid="{row} is asked for everything as it is.",
            icon="sync",
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A source belongs to a connector, which is code: it makes its own row."""
        return False

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changes = super().get_changelist_instance(request)
        fares = {one.pk: one for one in queries.source_health(now=timezone.now())}
        for row in changes.result_list:
            row.fares = fares[row.pk]
        return changes

    @display(description="Looks, 24 h")
    def succeeded(self, row: Any) -> str:
        share = row.fares.looks.success_share
        return "–" if share is None else f"{share:.1%} of {row.fares.looks.total:,}"

    @display(description="Waits, 95 %")
    def waited(self, row: Any) -> str:
        p95 = row.fares.looks.p95_ms
        return "–" if p95 is None else f"{p95:,.0f} ms"

    @display(description="Rows, parked, rejected")
    def rows(self, row: Any) -> str:
        looks = row.fares.looks
        counts = (looks.rows_read, looks.rows_parked, looks.rows_rejected)
        return " · ".join(f"{n:,}" for n in counts) if looks.rows_read else "–"

    @display(description="Requests left")
    def quota(self, row: Any) -> str:
        if row.quota_remaining is None:
            return "–"
        if row.fares.is_quota_low:
            return chips.chip(f"{row.quota_remaining:,}", "warn", "data_usage")
        return f"{row.quota_remaining:,}"

    @display(description="State")
    def state_chip(self, row: Source) -> str:
        if not row.is_enabled:
            return chips.chip(f"Disabled: {row.disabled_reason[:40]}", "idle", "toggle_off")
        if row.breaker_state != Source.Breaker.CLOSED:
            return chips.chip(f"Left alone ({row.failures_in_a_row})", "bad", "block")
        if row.failures_in_a_row:
            return chips.chip(f"Failing ({row.failures_in_a_row})", "bad", "error")
        if row.last_success_at is None:
            return chips.chip("Never read", "wait", "hourglass_empty")
        late = timezone.now() - row.last_success_at > health.patience(
            cadence_seconds=row.cadence_seconds
        )
        return (
            chips.chip("Stale", "warn", "update") if late else chips.chip("Fresh", "good", "check")
        )

    @display(description="Origin", ordering="is_simulated")
    def origin(self, row: Source) -> str:
        return chips.origin(is_simulated=row.is_simulated)

    fresh = columns.moment("last_success_at", "Last success")

    def badges(self, row: Source) -> list[Any]:
        return [self.state_chip(row), self.origin(row)]

    def parts(self, request: HttpRequest, row: Source) -> list[sections.Section]:
        newest = row.fetches.order_by("-started_at")[:15]
        fares = next(h for h in queries.source_health(now=timezone.now()) if h.pk == row.pk)
        errors = [(Fetch.ErrorKind(kind).label, n) for kind, n in fares.looks.errors.items()]
        return [
            sections.Facts("How it fares", _fares(fares)),
            sections.Table(
                "Looks that failed in 24 hours", ("Why", "Looks"), errors, wide=False,
                empty="None failed.",
            ),
            sections.Table(
                "Prices that the gate turned away in 24 hours", ("Why", "Prices"),
                list(fares.looks.refused.items()), wide=False, empty="None was.",
            ),
            sections.Table(
                "Its last looks",
                ("State", "Look", "From", "Started", "Rows", "Brought", "Error"),
                [fetches.fetch_row(fetch) for fetch in newest],
                empty="It was never read: press Ingest now.",
                more=("All looks", list_url(Fetch, source__id__exact=row.pk)),
            ),
        ]  # fmt: skip


def _fares(fares: queries.SourceHealth) -> list[tuple[str, object]]:
    """Return a day's service levels, and what is left to ask."""
    looks = fares.looks
    waits = "–" if looks.p50_ms is None else f"{looks.p50_ms:,.0f} ms / {looks.p95_ms:,.0f} ms"
    share = looks.success_share
    shown: list[tuple[str, object]] = [
        ("Looks in 24 hours", looks.total),
        ("Succeeded", "–" if share is None else f"{share:.1%}"),
        ("Waited for answers (median / 95 %)", waits),
        ("Rows read", looks.rows_read),
        ("Rows parked", looks.rows_parked),
        ("Rows rejected", looks.rows_rejected),
        ("Breaker", Source.Breaker(fares.breaker_state).label),
    ]
    if fares.breaker_retry_at is not None:
        shown.append(("Tried again at", fares.breaker_retry_at))
    if fares.not_before is not None:
        shown.append(("Not asked before", fares.not_before))
    if fares.quota_remaining is not None:
        of_limit = "" if fares.quota_limit is None else f" of {fares.quota_limit:,}"
        low = " (runs low: asked less often)" if fares.is_quota_low else ""
        shown.append(("Requests left", f"{fares.quota_remaining:,}{of_limit}{low}"))
    if fares.quota_forecast is not None:
        shown.append(("Quota at its end, at this pace", f"{fares.quota_forecast:.0%}"))
    return shown
