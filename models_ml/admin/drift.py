"""Whether models still fit the world: drift, rules that change, decisions to train anew."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display

from models_ml.admin.shown import Shown
from models_ml.models import (
    DriftFeature,
    DriftReference,
    DriftReport,
    ModelVersion,
    Pipeline,
    RetrainDecision,
    RuleFlag,
)
from models_ml.services import drawing, drifting, flagging, retraining
from monitoring.desk import actions, asking, chips, columns, sections
from monitoring.desk.actions import Action, Asked, Done
from monitoring.desk.pages import Kept, actor_of, list_url

SHOWN = 200  # features of a report
DRAWN = 20  # of them as bars
REPORT, ASSESS = "models_ml.tasks.drift_reports", "models_ml.tasks.drift_decisions"
TABLE = frozenset({"table"})


def look(asked: Asked) -> Done:
    return asking.ask(asked, task=REPORT, arguments=_which(asked))


def assess(asked: Asked) -> Done:
    return asking.ask(asked, task=ASSESS, arguments=_which(asked))


def retrain(asked: Asked) -> Done:
    told = {"pipeline": asked.row.code, "why": asked.reason}
    return asking.ask(asked, task=retraining.TASK, arguments=told)


def seed(asked: Asked) -> Done:
    made = flagging.ensure_rule_flags(now=asked.now, actor=asked.actor)
    return Done(f"{made} added.", list_url(RuleFlag))


def _which(asked: Asked) -> dict[str, Any]:
    return {"pipeline": asked.row.code} if asked.rows else {}


def _is_served(row: Pipeline) -> bool:
    return row.versions.filter(stage=ModelVersion.Stage.PRODUCTION).exists()


LOOK: dict[str, Any] = {
    "name": "look",
    "title": "Look for drift",
    "permission": "models_ml.add_driftreport",
    "consequence": "What is served is held against what it learned from, and the report is kept."
    " Nothing that serves is touched.",
    "act": look,
    "icon": "troubleshoot",
}
DECIDE: dict[str, Any] = {
    "name": "assess",
    "title": "Assess",
    "permission": "models_ml.add_retraindecision",
    "consequence": "Every rule is asked, and the decision is kept whichever it is. Where one fires,"
    " a candidate is trained and proposed; nothing is promoted.",
    "act": assess,
    "icon": "rule",
}
UNSERVED: dict[str, Any] = {"valid": _is_served, "invalid": "Nothing serves {row}."}
actions.offer(
    Pipeline,
    Action(**LOOK, **UNSERVED),
    Action(**DECIDE, **UNSERVED),
    Action(
        name="retrain",
        title="Train anew",
        permission="models_ml.add_modelversion",
        consequence="A candidate is trained on what is known now, whatever the rules say, and"
        " proposed with your reason. It serves nobody until two people approved it.",
        act=retrain,
        icon="autorenew",
    ),
)


@admin.register(DriftReport)
class DriftReportAdmin(Shown):
    list_display = (
        "pipeline", "version", "worst", "when", "n_reference", "n_current", "breaches"
    )  # fmt: skip
    list_filter = (("pipeline", RelatedDropdownFilter),)
    list_select_related = ("pipeline", "version__pipeline")
    search_fields = ("pipeline__code",)
    ordering = ("-at", "-pk")
    detail_related = ("pipeline", "version__pipeline")
    empty_text = "Drift was not looked for yet: press Look for drift."
    desk_actions = (Action(**LOOK, on=TABLE),)

    when = columns.moment("at", "When")

    @display(description="Found")
    def worst(self, row: DriftReport) -> str:
        states = {one.state.value for one in drifting.findings_of(row)}
        shown = [state for state in ("FIRED", "NOT_ENOUGH", "QUIET") if state in states]
        return chips.state(shown[0]) if shown else chips.NOTHING

    def badges(self, row: DriftReport) -> list[Any]:
        return [self.worst(row)]

    def parts(self, request: HttpRequest, row: DriftReport) -> list[sections.Section]:
        found = [
            (one.name, chips.state(one.state.value), one.text, one.value, one.threshold, one.n)
            for one in drifting.findings_of(row)
        ]
        headers = ("Rule", "State", "What it saw", "Value", "Threshold", "Rows")
        return [
            sections.Table("Findings", headers, found),
            *self._bars(row),
            self._cusum(row),
            self._features(row),
            *super().parts(request, row),
        ]

    def _bars(self, row: DriftReport) -> list[sections.Section]:
        found = row.features.exclude(psi=None).order_by("-psi")[:DRAWN]
        bars = [(one.name, float(one.psi or 0.0)) for one in found]
        if not bars:
            return []
        title = "Population stability, highest first"
        limits = {one.name: one.threshold for one in found if one.threshold is not None}
        svg = drawing.bars_svg(bars=bars, title=title, limits=limits)
        note = "A mark is where the feature's own threshold lies; a red bar is beyond it."
        html = format_html('{}<p class="cl-note">{}</p>', mark_safe(svg), note)
        return [sections.Html(title, html)]

    def _cusum(self, row: DriftReport) -> sections.Section:
        path = [(str(week), total) for week, total in row.figures.get("cusum", ())]
        return sections.Chart(
            "Lost against the market, added up",
            "cusum",
            {"sum": path},
            columns=("Week", "Sum"),
            names=[week for week, _ in path],
            empty="Too few matches with a market since it learned.",
        )

    def _features(self, row: DriftReport) -> sections.Section:
        found = row.features.order_by("-is_breach", "-psi", "name")[:SHOWN]
        headers = ("Feature", "PSI", "Threshold", "Quantile without drift", "Missing", "Breach")
        rows = [
            (
                one.name,
                one.psi,
                one.threshold,
                one.null_quantile,
                chips.percent(one.share_missing),
                chips.chip("Breach", "bad", "warning") if one.is_breach else "no",
            )
            for one in found
        ]
        return sections.Table(
            "Features",
            headers,
            rows,
            empty="Too few rows to say anything.",
            more=("All as CSV", reverse("api:drift-reports-features", args=[row.pk])),
        )


@admin.register(DriftFeature)
class DriftFeatureAdmin(Shown):
    list_display = ("name", "report", "psi", "threshold", "share_missing", "is_breach")
    list_filter = ("is_breach",)
    list_select_related = ("report__pipeline",)
    search_fields = ("name", "report__pipeline__code")
    ordering = ("-pk",)
    detail_related = ("report__pipeline",)
    empty_text = "Drift was not looked for yet."


@admin.register(DriftReference)
class DriftReferenceAdmin(Shown):
    list_display = ("version", "n", "from_", "to", "gap_n")
    list_filter = (("version__pipeline", RelatedDropdownFilter),)
    list_select_related = ("version__pipeline",)
    search_fields = ("version__pipeline__code",)
    ordering = ("-pk",)
    detail_related = ("version__pipeline",)
    empty_text = "No version was trained since references are kept."

    from_ = columns.moment("since", "From")
    to = columns.moment("until", "To")


class FlagForm(forms.ModelForm):
    """A change of rules; its sport and code stay once they are written."""

    class Meta:
        model = RuleFlag
        fields = (
            "sport", "code", "title", "announced_at", "effective_from", "effective_until"
        )  # fmt: skip
        help_texts = {
            "announced_at": "Since when the world could know it.",
            "effective_from": "A version that learned before is judged by this.",
            "effective_until": "Empty: it holds for good.",
        }


@admin.register(RuleFlag)
class RuleFlagAdmin(Kept):
    form = FlagForm
    list_display = ("code", "sport", "title", "announced", "begins", "ends")
    list_filter = (("sport", RelatedDropdownFilter),)
    list_select_related = ("sport",)
    search_fields = ("code", "title")
    ordering = ("-effective_from", "-pk")
    detail_related = ("sport",)
    empty_text = "No change of rules is written: press Add those that are known."
    desk_actions = (
        Action(
            name="seed",
            title="Add those that are known",
            permission="models_ml.add_ruleflag",
            consequence="Changes of rules that come with the product and are missing here are"
            " added. What stands stays as it is.",
            act=seed,
            icon="playlist_add",
            on=TABLE,
        ),
    )

    announced = columns.moment("announced_at", "Announced")
    begins = columns.moment("effective_from", "Holds from")
    ends = columns.moment("effective_until", "Until")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("sport", "code") if obj else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Hand the form to the service, which judges it and keeps the audit."""
        told = {name: getattr(obj, name) for name in flagging.CHANGEABLE}
        by: dict[str, Any] = {"actor": actor_of(request), "now": timezone.now()}
        if change:
            flagging.change(flag_id=obj.pk, changes=told, **by)
        else:
            made = flagging.add(sport=obj.sport.code, code=obj.code, **told, **by)
            obj.pk = made.pk


@admin.register(RetrainDecision)
class RetrainDecisionAdmin(Shown):
    list_display = ("pipeline", "decision", "why", "when", "version", "actor")
    list_filter = (("pipeline", RelatedDropdownFilter), "fired")
    list_select_related = ("pipeline", "version__pipeline")
    search_fields = ("pipeline__code", "actor")
    ordering = ("-at", "-pk")
    detail_related = ("pipeline", "version__pipeline", "report__pipeline")
    empty_text = "No pipeline was judged yet: press Assess."
    desk_actions = (Action(**DECIDE, on=TABLE),)

    when = columns.moment("at", "When")

    @display(description="Decision", ordering="fired")
    def decision(self, row: RetrainDecision) -> str:
        return chips.yes_no(row.fired, yes="Train anew", no="Nothing to do")

    @display(description="Because of")
    def why(self, row: RetrainDecision) -> str:
        return ", ".join(one["rule"] for one in row.reasons if one["fired"])

    def badges(self, row: RetrainDecision) -> list[Any]:
        return [self.decision(row)]

    def parts(self, request: HttpRequest, row: RetrainDecision) -> list[sections.Section]:
        rows = [
            (one["rule"], chips.state(one["state"]), one["text"], one["value"], one["threshold"],
             one["n"])
            for one in row.reasons
        ]  # fmt: skip
        headers = ("Rule", "State", "What it saw", "Value", "Threshold", "Rows")
        table = sections.Table("What was asked, and what came out", headers, rows)
        return [table, *super().parts(request, row)]
