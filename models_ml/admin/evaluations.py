"""How good versions were, over which span of time; and pipelines trained again and again."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, reverse
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from models_ml.admin import scorecards
from models_ml.admin.shown import Shown
from models_ml.domain import tables
from models_ml.models import Evaluation, ModelVersion, Pipeline, WalkFold, WalkForward
from models_ml.services import walking
from monitoring.desk import actions, asking, chips, columns, sections
from monitoring.desk.actions import Action, Asked, Done

EVALUATE = "models_ml.tasks.evaluate_version"
RECENT = "models_ml.tasks.evaluate_recent"
WALK = "models_ml.tasks.train_walk_forward"
MAY = "models_ml.add_evaluation"
CSV = "models_ml_evaluation_csv"


def evaluate(asked: Asked) -> Done:
    return asking.ask(asked, task=EVALUATE, arguments={"version": asked.row.pk})


def score_served(asked: Asked) -> Done:
    return asking.ask(asked, task=RECENT, arguments={"pipeline": asked.row.code})


def walk_forward(asked: Asked) -> Done:
    return asking.ask(asked, task=WALK, arguments={"pipeline": asked.row.code})


def cancel(asked: Asked) -> Done:
    walking.cancel(walk_id=asked.row.pk, actor=asked.actor, reason=asked.reason, now=asked.now)
    return Done(f"{asked.row} is called off. Its finished steps stay.")


def go_on(asked: Asked) -> Done:
    walking.go_on(walk_id=asked.row.pk, actor=asked.actor, reason=asked.reason, now=asked.now)
    steps = walking.ask(walk_id=asked.row.pk, actor=asked.actor, now=asked.now)
    return Done(f"{asked.row} goes on: {steps} steps were asked for.")


actions.offer(
    ModelVersion,
    Action(
        name="evaluate",
        title="Evaluate on later events",
        permission=MAY,
        consequence="It is scored on every event that started after its training ended and whose"
        " result is known, beside the market, the close and plain methods. The figures are kept.",
        act=evaluate,
        valid=lambda row: row.stage != ModelVersion.Stage.REPLAY,
        invalid="{row} belongs to a replay.",
        icon="fact_check",
    ),
)
actions.offer(
    Pipeline,
    Action(
        name="score_served",
        title="Score what was served",
        permission=MAY,
        consequence="The predictions served for events of the last four weeks are held beside"
        " their results. The figures are kept.",
        act=score_served,
        icon="scoreboard",
    ),
    Action(
        name="walk_forward",
        title="Walk forward",
        permission=MAY,
        consequence="It is trained on what was known a year ago and tried on the weeks that"
        " followed, and so on until now, one run for each step. Nothing of it is registered.",
        act=walk_forward,
        icon="directions_walk",
    ),
)


@admin.register(Evaluation)
class EvaluationAdmin(Shown):
    list_display = (
        "name", "pipeline", "version", "kind_chip", "n", "log_loss", "market", "close", "begins",
        "ends", "when", "actor",
    )  # fmt: skip
    list_filter = (("pipeline", RelatedDropdownFilter), ("kind", ChoicesDropdownFilter))
    list_select_related = ("pipeline", "version__pipeline")
    search_fields = ("pipeline__code", "actor")
    ordering = ("-at", "-pk")
    detail_related = ("pipeline", "version__pipeline")
    empty_text = (
        "No evaluation is kept yet. Open a version and press Evaluate on later events, or a"
        " pipeline and press Score what was served or Walk forward."
    )

    name = columns.number("Evaluation")
    kind_chip = columns.state("kind", "Kind")
    begins = columns.moment("since", "From")
    ends = columns.moment("until", "Until")
    when = columns.moment("at", "When")

    @display(description="Log loss")
    def log_loss(self, row: Evaluation) -> str:
        return _log_loss(row, "model")

    @display(description="Market's")
    def market(self, row: Evaluation) -> str:
        return _log_loss(row, "market")

    @display(description="Close's")
    def close(self, row: Evaluation) -> str:
        return _log_loss(row, "close")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.csv_view)
        return [path("<int:pk>/csv/", view, name=CSV), *super().get_urls()]

    def csv_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer with every figure of an evaluation as CSV."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = Evaluation.objects.select_related("pipeline").filter(pk=pk).first()
        if row is None:
            raise Http404("It is not there (any more).")
        return scorecards.download(
            rows=tables.rows_of(row.figures), name=f"evaluation-{row.pipeline.code}-{row.pk}"
        )

    def detail_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        context = super().detail_context(request, row)
        button = {
            "title": "Download CSV",
            "icon": "download",
            "url": reverse(f"admin:{CSV}", args=[row.pk]),
            "is_dangerous": False,
        }
        return {**context, "desk_buttons": [*context["desk_buttons"], button]}

    def badges(self, row: Evaluation) -> list[Any]:
        return [self.kind_chip(row), chips.origin(is_simulated=row.pipeline.is_simulated)]

    def parts(self, request: HttpRequest, row: Evaluation) -> list[sections.Section]:
        return [
            self.all_facts(row),
            *steps_of(row.figures.get("steps") or []),
            *scorecards.of(row.figures),
        ]


@admin.register(WalkForward)
class WalkForwardAdmin(Shown):
    list_display = (
        "name", "pipeline", "state_chip", "steps", "step_weeks", "begins", "ends", "began", "actor",
    )  # fmt: skip
    list_filter = (("pipeline", RelatedDropdownFilter), ("state", ChoicesDropdownFilter))
    list_select_related = ("pipeline",)
    search_fields = ("pipeline__code", "actor")
    ordering = ("-pk",)
    detail_related = ("pipeline", "evaluation__pipeline")
    figures = (("parameters", "Parameters"),)
    empty_text = "Nothing has walked forward yet. Open a pipeline and press Walk forward."
    desk_actions = (
        Action(
            name="cancel",
            title="Call off",
            permission=MAY,
            consequence="The steps that wait are called off, the one at work at its next round."
            " What is done stays, and it may be gone on with.",
            act=cancel,
            valid=lambda row: row.state == WalkForward.State.RUNNING,
            invalid="{row} is not under way.",
            icon="cancel",
            is_dangerous=True,
        ),
        Action(
            name="go_on",
            title="Go on",
            permission=MAY,
            consequence="A run is asked for each step that waits and has none; finished steps are"
            " not repeated.",
            act=go_on,
            valid=lambda row: row.state in (WalkForward.State.RUNNING, WalkForward.State.CANCELLED),
            invalid="{row} has ended: begin a new one.",
            icon="resume",
        ),
    )

    name = columns.number("Walk-forward")
    state_chip = columns.state("state")
    begins = columns.moment("since", "From")
    ends = columns.moment("until", "Until")
    began = columns.moment("began_at", "Began")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("folds")

    @display(description="Steps done")
    def steps(self, row: WalkForward) -> str:
        folds = row.folds.all()
        done = sum(fold.state != WalkFold.State.WAITING for fold in folds)
        return f"{done} of {len(folds)}"

    def badges(self, row: WalkForward) -> list[Any]:
        return [self.state_chip(row)]

    def parts(self, request: HttpRequest, row: WalkForward) -> list[sections.Section]:
        folds = row.folds.order_by("number")
        return [
            *super().parts(request, row),
            *steps_of([walking.shown(fold=fold) for fold in folds]),
        ]


@admin.register(WalkFold)
class WalkFoldAdmin(Shown):
    list_display = ("name", "walk", "state_chip", "begins_at", "ends_at", "n_learned", "n", "why")
    list_filter = (("state", ChoicesDropdownFilter),)
    list_select_related = ("walk__pipeline",)
    search_fields = ("walk__pipeline__code",)
    ordering = ("-pk",)
    detail_related = ("walk__pipeline",)
    empty_text = "Nothing has walked forward yet. Open a pipeline and press Walk forward."

    name = columns.number("Step")
    state_chip = columns.state("state")
    begins_at = columns.moment("begins", "From")
    ends_at = columns.moment("ends", "Until")


def steps_of(steps: list[dict[str, Any]]) -> list[sections.Section]:
    """Return the steps of a walk-forward as a chart and a table."""
    if not steps:
        return []
    names = ("model", "market", "close")
    series = {
        name: [
            (step["begins"], round(step["log_loss"][name], 4))
            for step in steps
            if (step.get("log_loss") or {}).get(name) is not None
        ]
        for name in names
    }
    rows = [
        (
            step["number"], step["begins"][:10], step["ends"][:10], chips.state(step["state"]),
            step["n_learned"], step["n"],
            *(chips.number((step.get("log_loss") or {}).get(name), 4) for name in names),
            step["why"],
        )
        for step in steps
    ]  # fmt: skip
    return [
        sections.Chart(
            "Log loss, step by step",
            "walk",
            {name: points for name, points in series.items() if points},
            columns=("Begins", "Log loss"),
            empty="No step is done yet.",
        ),
        sections.Table(
            "Steps",
            ("Step", "From", "Until", "State", "Learned from", "Tried on", "Model", "Market",
             "Close", "Why not"),
            rows,
        ),
    ]  # fmt: skip


def _log_loss(row: Evaluation, name: str) -> str:
    return chips.number((row.figures.get(name) or {}).get("log_loss"), 4)
