"""Past intervals foretold again, and what is kept for how long."""

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display

from models_ml.admin.shown import Shown
from models_ml.models import HygienePolicy, Rerun
from monitoring.desk import chips, columns, sections


@admin.register(Rerun)
class RerunAdmin(Shown):
    list_display = ("number", "pipeline", "stage", "begins", "ends", "finished", "actor")
    list_filter = (("pipeline", RelatedDropdownFilter),)
    list_select_related = ("pipeline",)
    search_fields = ("pipeline__code", "actor")
    ordering = ("-pk",)
    detail_related = ("pipeline",)
    figures = (("figures", "Figures"), ("differences", "Differences"))
    empty_text = "No interval was foretold again yet."

    number = columns.number("Rerun")
    begins = columns.moment("since", "From")
    ends = columns.moment("until", "Until")
    finished = columns.moment("finished_at", "Finished")

    def parts(self, request: HttpRequest, row: Rerun) -> list[sections.Section]:
        versions = [(chips.link(one),) for one in row.versions.select_related("pipeline")]
        table = sections.Table("Versions", ("Version",), versions, wide=False)
        return [table, *super().parts(request, row)]


@admin.register(HygienePolicy)
class HygienePolicyAdmin(Shown):
    list_display = (
        "name", "keep_days", "keep_last", "keep_best", "predictions_days", "rehearsals_days",
        "is_enabled",
    )  # fmt: skip
    list_select_related = ("pipeline",)
    search_fields = ("pipeline__code",)
    ordering = ("pipeline__code", "pk")
    detail_related = ("pipeline",)
    empty_text = "Every pipeline is kept tidy by the house's default."

    @display(description="Policy", ordering="pipeline")
    def name(self, row: HygienePolicy) -> str:
        return str(row)
