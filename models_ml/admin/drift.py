"""Whether models still fit the world: drift, rules that change, decisions to train anew."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display

from models_ml.admin.shown import Shown
from models_ml.models import DriftFeature, DriftReport, RetrainDecision, RuleFlag
from monitoring.desk import chips, columns, sections

SHOWN = 200  # features of a report


@admin.register(DriftReport)
class DriftReportAdmin(Shown):
    list_display = ("pipeline", "version", "when", "n_reference", "n_current", "breaches")
    list_filter = (("pipeline", RelatedDropdownFilter),)
    list_select_related = ("pipeline", "version__pipeline")
    search_fields = ("pipeline__code",)
    ordering = ("-at", "-pk")
    detail_related = ("pipeline", "version__pipeline")
    figures = (("figures", "Figures"),)
    empty_text = "Drift was not looked for yet."

    when = columns.moment("at", "When")

    def parts(self, request: HttpRequest, row: DriftReport) -> list[sections.Section]:
        found = row.features.order_by("-is_breach", "-psi", "name")[:SHOWN]
        headers = ("Feature", "PSI", "Threshold", "Quantile without drift", "Missing", "Breach")
        rows = [
            (
                one.name,
                one.psi,
                one.threshold,
                one.null_quantile,
                one.share_missing,
                chips.yes_no(one.is_breach),
            )
            for one in found
        ]
        table = sections.Table("Features", headers, rows, empty="Too few rows to say anything.")
        return [*super().parts(request, row), table]


@admin.register(DriftFeature)
class DriftFeatureAdmin(Shown):
    list_display = ("name", "report", "psi", "threshold", "share_missing", "is_breach")
    list_filter = ("is_breach",)
    list_select_related = ("report__pipeline",)
    search_fields = ("name", "report__pipeline__code")
    ordering = ("-pk",)
    detail_related = ("report__pipeline",)
    empty_text = "Drift was not looked for yet."


@admin.register(RuleFlag)
class RuleFlagAdmin(Shown):
    list_display = ("code", "sport", "title", "announced", "begins", "ends")
    list_filter = (("sport", RelatedDropdownFilter),)
    list_select_related = ("sport",)
    search_fields = ("code", "title")
    ordering = ("-effective_from", "-pk")
    detail_related = ("sport",)
    empty_text = "No change of rules is known."

    announced = columns.moment("announced_at", "Announced")
    begins = columns.moment("effective_from", "Holds from")
    ends = columns.moment("effective_until", "Until")


@admin.register(RetrainDecision)
class RetrainDecisionAdmin(Shown):
    list_display = ("pipeline", "decision", "when", "version", "actor")
    list_filter = (("pipeline", RelatedDropdownFilter), "fired")
    list_select_related = ("pipeline", "version__pipeline")
    search_fields = ("pipeline__code", "actor")
    ordering = ("-at", "-pk")
    detail_related = ("pipeline", "version__pipeline", "report__pipeline")
    figures = (("reasons", "What was asked, and what came out"),)
    empty_text = "No pipeline was judged yet."

    when = columns.moment("at", "When")

    @display(description="Decision", ordering="fired")
    def decision(self, row: RetrainDecision) -> str:
        return chips.yes_no(row.fired, yes="Train anew", no="Nothing to do")

    def badges(self, row: RetrainDecision) -> list[Any]:
        return [self.decision(row)]
