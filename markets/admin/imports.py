"""Mappings of files: edited as revisions, tried on a sample before they read anything."""

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from markets.domain import mapping
from markets.models import ImportMapping, ImportMappingRevision
from markets.services import importing, presets
from monitoring.desk import asking, chips, sections
from monitoring.desk.actions import Action, Asked, Done, ReasonForm
from monitoring.desk.pages import Fixed, Kept, actor_of, list_url
from monitoring.errors import Refused

INGEST = "markets.tasks.ingest"
LONGEST_PASTED = 200_000


class _Indented(json.JSONEncoder):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "indent": 2, "sort_keys": False})


def _spec_field() -> forms.JSONField:
    return forms.JSONField(
        encoder=_Indented,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 24, "spellcheck": "false"}),
        help_text="What each column means, as JSON: see docs/sources/csv.md.",
    )


class MappingForm(forms.ModelForm):
    """A mapping with the reason of its change, and the revision that the change is made to."""

    spec = _spec_field()
    reason = forms.CharField(max_length=250, widget=UnfoldAdminTextInputWidget())
    at_revision = forms.IntegerField(widget=forms.HiddenInput(), required=False)

    class Meta:
        model = ImportMapping
        fields = ("name", "title", "is_enabled", "file_pattern", "spec")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["at_revision"].initial = self.instance.revision
        if self.instance.pk is None:
            self.fields["spec"].initial = presets.EXAMPLE

    def clean_spec(self) -> dict[str, Any]:
        spec = self.cleaned_data["spec"]
        if not isinstance(spec, dict):
            raise forms.ValidationError("A JSON object.")
        try:
            return importing.checked(spec)
        except Refused as wrong:
            raise forms.ValidationError(str(wrong)) from wrong


class PreviewForm(forms.Form):
    """A mapping, and a file or its first lines."""

    spec = _spec_field()
    file = forms.FileField(
        required=False,
        help_text=f"CSV or Parquet, up to {importing.LONGEST_SAMPLE // 1_000_000} MB.",
    )
    sample = forms.CharField(
        required=False,
        strip=False,
        max_length=LONGEST_PASTED,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8, "spellcheck": "false"}),
        help_text="Or the file's first lines, header and all.",
    )

    def clean_spec(self) -> dict[str, Any]:
        spec = self.cleaned_data["spec"]
        if not isinstance(spec, dict):
            raise forms.ValidationError("A JSON object.")
        return spec

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("file") and not cleaned.get("sample"):
            raise forms.ValidationError("Choose a file, or paste its first lines.")
        return cleaned

    @property
    def payload(self) -> tuple[str, bytes]:
        """Return the sample's name and bytes."""
        file = self.cleaned_data.get("file")
        if file is not None:
            return file.name, file.read(importing.LONGEST_SAMPLE + 1)
        return "sample.csv", self.cleaned_data["sample"].encode("utf-8", "replace")


class ReadForm(ReasonForm):
    """Which file to read."""

    location = forms.CharField(
        max_length=500,
        widget=UnfoldAdminTextInputWidget(),
        help_text="A file or folder on the worker's machine, or a URL.",
    )
    dry_run = forms.BooleanField(required=False, help_text="Read and count; write nothing.")
    field_order = ("location", "dry_run", "reason")


class RestoreForm(ReasonForm):
    """Which revision is to stand again."""

    revision = forms.IntegerField(min_value=1)
    field_order = ("revision", "reason")


def read(asked: Asked) -> Done:
    location = asked.values["location"]
    key = "url" if location.startswith(("http://", "https://")) else "path"
    return asking.ask(
        asked,
        task=INGEST,
        arguments={"source": importing.SOURCE, key: location},
        dry_run=asked.values["dry_run"],
    )


def restore(asked: Asked) -> Done:
    row = importing.restore_mapping(
        mapping_id=asked.row.pk,
        revision=asked.values["revision"],
        expected_revision=asked.row.revision,
        reason=asked.reason,
        actor=asked.actor,
        now=asked.now,
    )
    return Done(f"{row.name} is at revision {row.revision}.")


def add_shipped(asked: Asked) -> Done:
    importing.ensure_presets()
    return Done("The shipped mappings are there.")


@admin.register(ImportMapping)
class ImportMappingAdmin(Kept):
    form = MappingForm
    list_display = ("name", "title", "state_chip", "file_pattern", "reads", "revision", "changed")
    list_filter = ("is_enabled",)
    search_fields = ("name", "title", "file_pattern")
    ordering = ("name",)
    empty_text = "No mapping yet: Add the shipped ones, or write one."
    desk_actions = (
        Action(
            name="read",
            title="Read a file",
            permission="markets.change_source",
            consequence="The file is read by the mapping whose pattern fits its name. What is known"
            " already changes nothing; rows with unknown names wait to be mapped.",
            act=read,
            form=ReadForm,
            icon="cloud_download",
            on=frozenset({"row", "table"}),
        ),
        Action(
            name="restore",
            title="Restore a revision",
            permission="markets.change_importmapping",
            consequence="The mapping says again what it said then, as a new revision. Files that"
            " were read stay as they were read.",
            act=restore,
            form=RestoreForm,
            valid=lambda row: row.revision > 1,
            invalid="{row} has but one revision.",
            icon="history",
        ),
        Action(
            name="shipped",
            title="Add the shipped ones",
            permission="markets.add_importmapping",
            consequence="The mappings that come with the product are added where they are missing.",
            act=add_shipped,
            icon="playlist_add",
            on=frozenset({"table"}),
        ),
    )

    @display(description="State", ordering="is_enabled")
    def state_chip(self, row: ImportMapping) -> str:
        return chips.yes_no(row.is_enabled, yes="Enabled", no="Disabled")

    @display(description="Reads")
    def reads(self, row: ImportMapping) -> str:
        try:
            return importing.described(mapping.read(row.spec))
        except mapping.BadMapping as wrong:
            return f"nothing: {wrong}"[:100]

    @display(description="Changed", ordering="changed_at")
    def changed(self, row: ImportMapping) -> str:
        return chips.when(row.changed_at)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """A mapping keeps its name: payloads say by which one they were read."""
        named = [] if obj is not None else ["name"]
        return [*named, "title", "is_enabled", "file_pattern", "spec", "reason", "at_revision"]

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Leave out the reason where somebody may only look."""
        if obj is not None and not self.has_change_permission(request, obj):
            kwargs["fields"] = ["title", "is_enabled", "file_pattern", "spec"]
            return super(Kept, self).get_form(request, obj, **kwargs)
        return super().get_form(request, obj, **kwargs)

    def badges(self, row: ImportMapping) -> list[Any]:
        return [self.state_chip(row), chips.chip(f"Revision {row.revision}", "idle", "history")]

    def parts(self, request: HttpRequest, row: ImportMapping) -> list[sections.Section]:
        found = row.revisions.order_by("-revision")[:15]
        rows = [(f"r{r.revision}", r.changed_at, r.changed_by, r.reason) for r in found]
        return [
            sections.Table(
                "Its revisions", ("Revision", "When", "By", "Reason"), rows,
                more=("All revisions", list_url(ImportMappingRevision, mapping__id__exact=row.pk)),
            )
        ]  # fmt: skip

    def detail_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        context = super().detail_context(request, row)
        button = {"title": "Preview", "icon": "preview", "is_dangerous": False}
        url = reverse("admin:markets_importmapping_preview", args=[row.pk])
        context["desk_buttons"] = [{**button, "url": url}, *context["desk_buttons"]]
        return context

    # -- edits ---------------------------------------------------------------
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write it as a revision, through the service."""
        told = form.cleaned_data
        about: dict[str, Any] = {
            **{key: told[key] for key in ("title", "is_enabled", "file_pattern", "spec", "reason")},
            "actor": actor_of(request),
            "now": timezone.now(),
        }
        if change:
            importing.change_mapping(
                mapping_id=obj.pk, expected_revision=told["at_revision"], **about
            )
        else:
            obj.pk = importing.create_mapping(name=told["name"], **about).pk
        obj.refresh_from_db()

    # -- preview -------------------------------------------------------------
    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.preview_view)
        name = "markets_importmapping_preview"
        return [path("<int:pk>/preview/", view, name=name), *super().get_urls()]

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Try a mapping on a sample; nothing is written, whatever is pressed."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = ImportMapping.objects.filter(pk=pk).first()
        if row is None:
            raise Http404("It is not there (any more).")
        is_asked = request.method == "POST"
        form = PreviewForm(
            request.POST if is_asked else None,
            request.FILES if is_asked else None,
            initial={"spec": row.spec},
        )
        shown: list[sections.Section] = []
        if is_asked and form.is_valid():
            try:
                shown = _preview(form)
            except Refused as no:
                form.add_error("spec", str(no))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "original": row,
            "title": f"Preview of {row}",
            "form": form,
            "desk_sections": shown,
            "cancel_url": reverse("admin:markets_importmapping_change", args=[row.pk]),
        }
        return TemplateResponse(request, "markets/mapping_preview.html", context)


def _preview(form: PreviewForm) -> list[sections.Section]:
    """Return what a sample would bring, as the page's sections."""
    name, payload = form.payload
    report = importing.preview(
        spec=form.cleaned_data["spec"], payload=payload, name=name, now=timezone.now()
    )
    records = [
        (r["row"], r["event"], "; ".join(r["prices"])[:400], r["result"], "; ".join(r["problems"]))
        for r in report["records"]
    ]
    problems = [(p["row"], p["field"], p["message"]) for p in report["problems"]]
    return [
        sections.Facts("What it would bring", list(report["counts"].items())),
        sections.Table(
            f"The first {importing.SHOWN} rows as they are read",
            ("Row", "Event", "Prices", "Result", "Problems"),
            records,
            empty="No row could be read.",
        ),
        sections.Table(
            "Problems", ("Row", "Field", "What was expected"), problems, empty="Every cell fits."
        ),
    ]


@admin.register(ImportMappingRevision)
class ImportMappingRevisionAdmin(Fixed):
    list_display = ("mapping", "revision", "changed", "changed_by", "reason")
    list_filter = (("mapping", RelatedDropdownFilter),)
    list_select_related = ("mapping",)
    search_fields = ("mapping__name", "changed_by", "reason")
    ordering = ("-pk",)
    detail_related = ("mapping",)
    empty_text = "No mapping was written yet."

    @display(description="Changed", ordering="changed_at")
    def changed(self, row: ImportMappingRevision) -> str:
        return chips.when(row.changed_at)

    def parts(self, request: HttpRequest, row: ImportMappingRevision) -> list[sections.Section]:
        said = json.dumps(row.spec, indent=2, ensure_ascii=False)
        return [self.all_facts(row), sections.Text("What it said", said)]
