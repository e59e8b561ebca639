"""Who may serve, who asked and who approved, and which version served when."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from models_ml.admin.shown import Shown
from models_ml.models import (
    Approval,
    PromotionPolicy,
    Proposal,
    ServiceFigure,
    ServingPeriod,
    VersionClv,
)
from monitoring.desk import chips, columns, sections
from monitoring.desk.filters import StartingFilter


@admin.register(PromotionPolicy)
class PromotionPolicyAdmin(Shown):
    list_display = (
        "name", "days", "until_time", "time_zone", "minimum_test_rows", "slope_tolerance",
        "expires_after_days",
    )  # fmt: skip
    list_select_related = ("pipeline",)
    search_fields = ("pipeline__code",)
    ordering = ("pipeline__code", "pk")
    detail_related = ("pipeline",)
    figures = (("weekdays", "Days on which versions are promoted, Monday is 0"),)
    empty_text = "Every pipeline is promoted by the house's default."

    @display(description="Policy", ordering="pipeline")
    def name(self, row: PromotionPolicy) -> str:
        return str(row)

    @display(description="Days")
    def days(self, row: PromotionPolicy) -> str:
        return ", ".join(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[d] for d in row.weekdays)


class ProposalsToSee(StartingFilter):
    title = "show"
    options = {"open": ("Open", lambda now: Q(state="OPEN"))}


@admin.register(Proposal)
class ProposalAdmin(Shown):
    list_display = ("number", "version", "state_chip", "proposed_by", "proposed", "reason")
    list_filter = (ProposalsToSee, ("version__pipeline", RelatedDropdownFilter))
    list_select_related = ("version__pipeline",)
    search_fields = ("version__pipeline__code", "proposed_by", "reason")
    ordering = ("-pk",)
    detail_related = ("version__pipeline",)
    figures = (("gates", "Gates"), ("evidence", "Evidence"))
    empty_text = "Nobody asks that a version may serve."

    number = columns.number("Proposal")
    state_chip = columns.state("state")
    proposed = columns.moment("proposed_at", "Proposed")

    def badges(self, row: Proposal) -> list[Any]:
        return [self.state_chip(row)]

    def parts(self, request: HttpRequest, row: Proposal) -> list[sections.Section]:
        words = [
            (said.get_verdict_display(), said.role, str(said.user), said.at, said.comment)
            for said in row.approvals.select_related("user").order_by("at")
        ]
        headers = ("Verdict", "Role", "Person", "When", "Comment")
        table = sections.Table("Approvals", headers, words, empty="Nobody has said anything yet.")
        return [table, *super().parts(request, row)]


@admin.register(Approval)
class ApprovalAdmin(Shown):
    list_display = ("proposal", "role", "user", "verdict_chip", "when", "comment")
    list_filter = (("verdict", ChoicesDropdownFilter), ("role", ChoicesDropdownFilter))
    list_select_related = ("proposal__version__pipeline", "user")
    search_fields = ("user__username", "comment")
    ordering = ("-pk",)
    detail_related = ("proposal__version__pipeline", "user")
    empty_text = "Nobody has approved or rejected anything yet."

    verdict_chip = columns.state("verdict", "Verdict")
    when = columns.moment("at", "When")


@admin.register(ServingPeriod)
class ServingPeriodAdmin(Shown):
    list_display = ("pipeline", "version", "how_chip", "since_", "until_", "actor", "reason")
    list_filter = (("pipeline", RelatedDropdownFilter), ("how", ChoicesDropdownFilter))
    list_select_related = ("pipeline", "version__pipeline")
    search_fields = ("pipeline__code", "actor", "reason")
    ordering = ("-since", "-pk")
    detail_related = ("pipeline", "version__pipeline", "proposal__version__pipeline")
    empty_text = "No version has served yet."

    how_chip = columns.state("how", "How")
    since_ = columns.moment("since", "Since")
    until_ = columns.moment("until", "Until")


@admin.register(VersionClv)
class VersionClvAdmin(Shown):
    list_display = ("version", "n", "value", "interval", "known")
    list_filter = (("version__pipeline", RelatedDropdownFilter),)
    list_select_related = ("version__pipeline",)
    search_fields = ("version__pipeline__code",)
    ordering = ("-as_of", "-pk")
    detail_related = ("version__pipeline",)
    empty_text = "No bet of a version has a close to be held against yet."

    known = columns.moment("as_of", "As of")

    @display(description="Mean", ordering="mean")
    def value(self, row: VersionClv) -> str:
        return chips.percent(row.mean, signed=True, places=2)

    @display(description="95 % interval")
    def interval(self, row: VersionClv) -> str:
        return f"{row.low:+.2%} to {row.high:+.2%}"


@admin.register(ServiceFigure)
class ServiceFigureAdmin(Shown):
    list_display = ("process", "calls", "hits", "misses", "told")
    search_fields = ("process",)
    ordering = ("-at",)
    figures = (("buckets", "Answers within so many seconds"),)
    empty_text = "No process has foretold anything yet."

    told = columns.moment("at", "Told")
