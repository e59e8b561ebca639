"""Past intervals foretold again."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.widgets import UnfoldAdminTextInputWidget

from models_ml.admin.shown import Shown
from models_ml.models import Rerun
from models_ml.services import rerunning
from monitoring.desk import asking, chips, columns, sections
from monitoring.desk.actions import Action, Asked, Done, ReasonForm

RUN = "models_ml.tasks.replay_interval"


def _moment(title: str) -> forms.DateTimeField:
    return forms.DateTimeField(
        label=title,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "2026-08-01 00:00"}),
        help_text="UTC.",
    )


class RerunForm(ReasonForm):
    """Which versions foretell which interval again."""

    models = forms.CharField(
        label="Versions",
        max_length=200,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "soccer-1x2:3, soccer-1x2:5"}),
        help_text="Of one pipeline, up to four.",
    )
    since, until = _moment("From"), _moment("To")
    stage = forms.CharField(
        required=False,
        max_length=10,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Such as T-24h; empty: the last one.",
    )
    field_order = ("models", "since", "until", "stage", "reason")


def run(asked: Asked) -> Done:
    told = asked.values
    rerunning.named(models=told["models"])
    return asking.ask(
        asked,
        task=RUN,
        arguments={
            "models": told["models"],
            "since": told["since"].isoformat(),
            "until": told["until"].isoformat(),
            "stage": told["stage"],
        },
    )


def again(asked: Asked) -> Done:
    return asking.ask(asked, task=RUN, arguments=rerunning.arguments(row=asked.row))


@admin.register(Rerun)
class RerunAdmin(Shown):
    list_display = ("number", "pipeline", "stage", "begins", "ends", "finished", "actor")
    list_filter = (("pipeline", RelatedDropdownFilter),)
    list_select_related = ("pipeline",)
    search_fields = ("pipeline__code", "actor")
    ordering = ("-pk",)
    detail_related = ("pipeline",)
    figures = (("figures", "Figures"), ("differences", "Differences"))
    empty_text = "No interval was foretold again yet: press Predict again."
    desk_actions = (
        Action(
            name="run",
            title="Predict again…",
            permission="models_ml.add_rerun",
            consequence="The interval is foretold again from what was known then, and held against"
            " what was served. Nothing that serves or was served is touched.",
            act=run,
            form=RerunForm,
            icon="replay",
            on=frozenset({"table"}),
        ),
        Action(
            name="again",
            title="Once more",
            permission="models_ml.add_rerun",
            consequence="The same versions foretell the same interval once more; a new rerun is"
            " kept beside this one.",
            act=again,
            icon="replay",
        ),
    )

    number = columns.number("Rerun")
    begins = columns.moment("since", "From")
    ends = columns.moment("until", "Until")
    finished = columns.moment("finished_at", "Finished")

    def parts(self, request: HttpRequest, row: Rerun) -> list[sections.Section]:
        versions = [(chips.link(one),) for one in row.versions.select_related("pipeline")]
        rows_of = ("Every row as Parquet", reverse("api:reruns-rows", args=[row.pk]))
        return [
            sections.Table("Versions", ("Version",), versions, wide=False, more=rows_of),
            self._scores(row),
            self._apart(row),
            *super().parts(request, row),
        ]

    def _scores(self, row: Rerun) -> sections.Section:
        told = [
            (f"v{number}", one["n"], one["in_sample"], *_card(one["card"]))
            for number, one in row.figures.get("versions", {}).items()
        ]
        headers = ("Version", "Scored", "Left out: it learned them", "Log loss", "Brier")
        return sections.Table("Scores", headers, told)

    def _apart(self, row: Rerun) -> sections.Section:
        told = [
            (f"v{name}", "what was served" if kind == "served" else "the first version", one["n"],
             one["mean"], one["largest"], one["notable"])
            for kind in ("served", "between")
            for name, one in row.differences.get(kind, {}).items()
        ]  # fmt: skip
        headers = ("Version", "Against", "Selections", "Mean", "Largest", "Above .01")
        return sections.Table("Differences of probabilities", headers, told)


def _card(card: dict[str, Any] | None) -> tuple[float | None, float | None]:
    return (card["log_loss"], card["brier_sum"]) if card else (None, None)
