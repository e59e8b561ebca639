"""Reports: what was told of each period, as a page that prints, and as files."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from unfold.contrib.filters.admin import AllValuesCheckboxFilter, ChoicesDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from monitoring.desk import chips, columns, sections
from monitoring.desk.actions import Action, Asked, Done, ReasonForm
from monitoring.desk.pages import Fixed, list_url, row_url
from settlements.models import Report
from settlements.services import reporting

FORMATS = ("html", "csv", "json")


class MakeForm(ReasonForm):
    """Ask for what is to be told."""

    kind = forms.ChoiceField(choices=Report.Kind.choices, widget=UnfoldAdminSelectWidget())
    period = forms.CharField(
        required=False, max_length=10, widget=UnfoldAdminTextInputWidget(),
        help_text="2026-11-21, 2026-W47 or 2026-11; the last one that is over where none is said.",
    )  # fmt: skip
    field_order = ("kind", "period", "reason")


def make(asked: Asked) -> Done:
    found = reporting.make(
        kind=asked.values["kind"], period=asked.values["period"], actor=asked.actor, now=asked.now
    )
    if not found:
        return Done("There is no money to tell of.", list_url(Report))
    return Done(f"Told: {', '.join(map(str, found))}.", row_url(found[0]))


@admin.register(Report)
class ReportAdmin(Fixed):
    list_display = ("number", "kind", "period", "group", "revision", "files", "made_by", "made")
    list_filter = (("kind", ChoicesDropdownFilter), ("group", AllValuesCheckboxFilter))
    search_fields = ("period", "group")
    ordering = ("-pk",)
    empty_text = "No report is written yet. The schedule writes them; *Make…* writes one now."
    desk_actions = (
        Action(
            name="make",
            title="Make…",
            permission="settlements.add_report",
            consequence="The period is told anew; where nothing changed, the latest telling stays.",
            act=make,
            form=MakeForm,
            icon="summarize",
            on=frozenset({"table"}),
        ),
    )
    number = columns.number("Report")
    made = columns.moment("made_at", "Made")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("content", "html")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(as_file)
        return [
            path("<int:key>/as/<slug:form>/", view, name="settlements_report_as"),
            *super().get_urls(),
        ]

    @display(description="As")
    def files(self, row: Report) -> str:
        links = (
            format_html('<a class="cl-link" href="{}">{}</a>', address(row, form), form.upper())
            for form in FORMATS
        )
        return mark_safe(" · ".join(links))

    def badges(self, row: Report) -> list[Any]:
        return [chips.simulated(bool(row.content["is_simulated"])), self.files(row)]

    def parts(self, request: HttpRequest, row: Report) -> list[sections.Section]:
        shown: list[sections.Section] = []
        for part in row.content["parts"]:
            table = sections.Table(
                part["title"], part["headers"], part["rows"], note=part["note"],
                empty="Nothing of this settled in these days.",
            )  # fmt: skip
            picture = mark_safe(part["svg"])
            shown.append(
                sections.drawn(part["title"], picture, table, wide=True) if picture else table
            )
        return shown


def address(row: Report, form: str) -> str:
    return reverse("admin:settlements_report_as", args=[row.pk, form])


def as_file(request: HttpRequest, key: int, form: str) -> HttpResponse:
    """Answer a report as the page that was made of it, its tables, or all it tells."""
    if not request.user.has_perm("settlements.view_report"):
        raise PermissionDenied
    report = Report.objects.filter(pk=key).first() if key < 2**62 else None
    if report is None or form not in FORMATS:
        raise Http404
    if form == "html":
        return HttpResponse(report.html)
    if form == "json":
        return JsonResponse(report.content)
    name = f"{report.kind.lower()}-{report.period}-v{report.revision}.csv"
    return HttpResponse(
        reporting.as_csv(report), content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )  # fmt: skip
