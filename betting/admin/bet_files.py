"""Files of bets: their mappings, what was imported, upload with a preview, download."""

import base64
import json
import zlib
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from betting.models import BetImport, BetMapping, TrackedBet
from betting.services import bet_mappings, importing
from betting.services.bet_presets import OWN, PRESETS
from betting.services.importing import ImportReport
from monitoring.desk import chips, columns, sections
from monitoring.desk.actions import Action, Asked, Done
from monitoring.desk.pages import Fixed, Kept, actor_of, row_url
from monitoring.errors import Refused

NAME = "betting_betimport_upload"
LARGEST, MOST_ROWS = 1_500_000, 5_000  # on a page; a command reads more
_SALT = "betting.import"


class _Indented(json.JSONEncoder):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "indent": 2, "sort_keys": False})


class BetMappingForm(forms.ModelForm):
    """A mapping with the reason of its change."""

    spec = forms.JSONField(
        encoder=_Indented,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 28, "spellcheck": "false"}),
        help_text="What each column means, as JSON: see docs/tracking.md.",
    )
    reason = forms.CharField(max_length=250, widget=UnfoldAdminTextInputWidget())

    class Meta:
        model = BetMapping
        fields = ("name", "title", "is_enabled", "spec")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is None and "spec" in self.fields:
            self.fields["spec"].initial = PRESETS[OWN].spec

    def clean_spec(self) -> dict[str, Any]:
        spec = self.cleaned_data["spec"]
        if not isinstance(spec, dict):
            raise forms.ValidationError("A JSON object.")
        try:
            return bet_mappings.checked(spec)
        except Refused as no:
            raise forms.ValidationError(str(no)) from no


def add_shipped(asked: Asked) -> Done:
    added = bet_mappings.ensure_presets(now=asked.now)
    return Done(f"{added} shipped mappings were missing and are there.")


@admin.register(BetMapping)
class BetMappingAdmin(Kept):
    form = BetMappingForm
    list_display = ("name", "title", "state_chip", "changed_by", "changed")
    list_filter = ("is_enabled",)
    search_fields = ("name", "title")
    ordering = ("name",)
    empty_text = "No mapping yet: Add the shipped ones, or write one."
    changed = columns.moment("changed_at", "Changed")
    desk_actions = (
        Action(
            name="shipped",
            title="Add the shipped ones",
            permission="betting.add_betmapping",
            consequence="The mappings that come with the product are added where they are missing.",
            act=add_shipped,
            icon="playlist_add",
            on=frozenset({"table"}),
        ),
    )

    @display(description="State", ordering="is_enabled")
    def state_chip(self, row: BetMapping) -> str:
        return chips.yes_no(row.is_enabled, yes="Enabled", no="Disabled")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """A mapping keeps its name: imports say by which one they were read."""
        named = [] if obj is not None else ["name"]
        return [*named, "title", "is_enabled", "spec", "reason"]

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Leave out the reason where somebody may only look."""
        if obj is not None and not self.has_change_permission(request, obj):
            kwargs["fields"] = ["title", "is_enabled", "spec"]
            return super(Kept, self).get_form(request, obj, **kwargs)
        return super().get_form(request, obj, **kwargs)

    def badges(self, row: BetMapping) -> list[Any]:
        return [self.state_chip(row)]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write it through the service, which audits what it said before."""
        told = form.cleaned_data
        row = bet_mappings.write(
            name=obj.name if change else told["name"],
            actor=actor_of(request),
            now=timezone.now(),
            **{key: told[key] for key in ("title", "is_enabled", "spec", "reason")},
        )
        obj.pk = row.pk
        obj.refresh_from_db()


class UploadForm(forms.Form):
    """A mapping and a file."""

    mapping = forms.ModelChoiceField(
        BetMapping.objects.none(), to_field_name="name", widget=UnfoldAdminSelectWidget()
    )
    file = forms.FileField(help_text=f"CSV, up to {MOST_ROWS} rows: a command reads more.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["mapping"].queryset = BetMapping.objects.filter(is_enabled=True).order_by("name")

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > LARGEST:
            raise forms.ValidationError("Too large for a page: use manage.py import_bets.")
        return file


@admin.register(BetImport)
class BetImportAdmin(Fixed):
    list_display = (
        "number", "file", "mapping", "rows", "made", "unchanged", "refused", "imported_by", "at",
    )  # fmt: skip
    list_filter = (("mapping", RelatedDropdownFilter),)
    list_select_related = ("mapping",)
    detail_related = ("mapping",)
    search_fields = ("file", "sha256", "imported_by")
    ordering = ("-pk",)
    empty_text = "No file of bets was read yet."
    number = columns.number("Import")
    at = columns.moment("imported_at", "When")

    def parts(self, request: HttpRequest, row: BetImport) -> list[sections.Section]:
        return [
            self.all_facts(row),
            _errors(row.errors),
            sections.Text("The mapping as it was", json.dumps(row.spec, indent=2)),
        ]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.upload_view)
        return [path("upload/", view, name=NAME), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        buttons = []
        if request.user.has_perm("betting.add_betimport"):
            url = reverse(f"admin:{NAME}")
            button = {"title": "Import bets…", "icon": "upload_file", "is_dangerous": False}
            buttons = [{**button, "url": url}]
        context = {"desk_buttons": buttons, **(extra_context or {})}
        return super().changelist_view(request, context)

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """Take a file, show what it would bring, and read it once that is confirmed."""
        if not request.user.has_perm("betting.add_betimport"):
            raise PermissionDenied
        bet_mappings.ensure_presets(now=timezone.now())
        is_confirmed = "confirmed" in request.POST
        form = UploadForm(
            request.POST if request.method == "POST" and not is_confirmed else None,
            request.FILES or None,
        )
        report, kept = None, ""
        try:
            if is_confirmed:
                return self._read(request)
            if form.is_valid():
                file, mapping = form.cleaned_data["file"], form.cleaned_data["mapping"].name
                told = {"mapping": mapping, "file": file.name, "payload": file.read()}
                report = _import(told, request, dry_run=True)
                kept = _sealed(told)
        except Refused as no:
            form.add_error("file", str(no)) if form.is_bound else messages.warning(request, str(no))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": "Import bets",
            "form": form,
            "report": report,
            "kept": kept,
            "desk_sections": [] if report is None else _told(report),
            "cancel_url": reverse("admin:betting_betimport_changelist"),
        }
        return TemplateResponse(request, "betting/import_bets.html", context)

    def _read(self, request: HttpRequest) -> HttpResponse:
        report = _import(_opened(request.POST.get("kept", "")), request, dry_run=False)
        text = f"{report.made} bets made, {report.unchanged} known, {report.refused} refused."
        messages.success(request, text)
        if report.beyond:
            messages.warning(request, f"Beyond limits: {_in_words(report.beyond)}.")
        return HttpResponseRedirect(row_url(BetImport(pk=report.id)))


def _import(told: dict[str, Any], request: HttpRequest, *, dry_run: bool) -> ImportReport:
    return importing.import_bets(
        **told, actor=actor_of(request), now=timezone.now(), dry_run=dry_run, most_rows=MOST_ROWS
    )


def _sealed(told: dict[str, Any]) -> str:
    """Return an upload as the page carries it until it is confirmed: small, and signed."""
    packed = base64.b64encode(zlib.compress(told["payload"], 9)).decode()
    return signing.dumps({**told, "payload": packed}, salt=_SALT)


def _opened(kept: str) -> dict[str, Any]:
    """Return the upload that a page carried.

    Raises:
        ImportRefused: it is not what this server showed within the hour.
    """
    try:
        told: dict[str, Any] = signing.loads(kept, salt=_SALT, max_age=3_600)
    except signing.BadSignature as bad:
        raise importing.ImportRefused("choose the file again: the preview is too old") from bad
    return {**told, "payload": zlib.decompress(base64.b64decode(told["payload"]))}


def _told(report: ImportReport) -> list[sections.Section]:
    found = [_counts(report), _first(report.first), _errors(report.errors)]
    if report.beyond:
        title = f"Beyond limits, which does not hold them back: {_in_words(report.beyond)}"
        rows = [(each["row"], "; ".join(each["limits"])) for each in report.beyond_rows]
        found.append(sections.Table(title, ("Row", "What it breaks"), rows))
    return found


def _in_words(beyond: dict[str, int]) -> str:
    return ", ".join(f"{code} {count}" for code, count in sorted(beyond.items()))


def _counts(report: ImportReport) -> sections.Section:
    named = (("Rows", "rows"), ("New bets", "made"), ("Known", "unchanged"), ("Refused", "refused"))
    return sections.Facts(
        f"What {report.file} would bring", [(title, getattr(report, key)) for title, key in named]
    )


def _first(bets: list[dict[str, Any]]) -> sections.Section:
    """Show a person whether the file was understood, before anything is written."""
    headers = ("Row", "Event", "Market", "Selection", "Book", "Side", "Price", "Stake", "Told")
    keys = [header.lower() for header in headers]
    rows = [tuple(bet[key] or "–" for key in keys) for bet in bets]
    return sections.Table("The first new bets", headers, rows, empty="No bet would be new.")


def _errors(errors: list[dict[str, Any]]) -> sections.Section:
    rows = [
        tuple(error[key] for key in ("row", "field", "expected", "found")) for error in errors[:100]
    ]
    headers = ("Row", "Field", "Expected", "Found")
    return sections.Table("Refused", headers, rows, empty="Every row can be used.")


@admin.register(TrackedBet)
class TrackedBetAdmin(Fixed):
    list_display = (
        "reference", "bet", "told_outcome", "told_profit", "recorded_by", "at", "imported",
    )  # fmt: skip
    list_filter = (("imported", RelatedDropdownFilter), ("told_outcome", ChoicesDropdownFilter))
    list_select_related = ("bet", "imported")
    detail_related = ("bet", "imported")
    search_fields = ("reference", "note", "recorded_by")
    ordering = ("-pk",)
    empty_text = "No bet was recorded or imported yet."
    at = columns.moment("recorded_at", "Recorded")

    def parts(self, request: HttpRequest, row: TrackedBet) -> list[sections.Section]:
        return [self.all_facts(row), sections.Facts("Kept of its row", list(row.kept.items()))]
