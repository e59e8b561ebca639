"""Changes tried against what stands: proposed, scored, reviewed by another, switched off."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from models_ml.admin.shown import Shown
from models_ml.domain import experiments
from models_ml.models import Experiment, Pipeline
from models_ml.services import experimenting
from monitoring.desk import asking, chips, columns, sections
from monitoring.desk.actions import Action, Asked, Done, ReasonForm
from monitoring.desk.pages import row_url

RUN = "models_ml.tasks.train_experiment"
State = Experiment.State


class ProposalForm(ReasonForm):
    """What is to be tried, on which pipeline, and what is expected of it."""

    pipeline = forms.ModelChoiceField(
        queryset=Pipeline.objects.order_by("code"), widget=UnfoldAdminSelectWidget()
    )
    name = forms.CharField(max_length=120, widget=UnfoldAdminTextInputWidget())
    hypothesis = forms.CharField(
        max_length=2000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
    )
    candidate = forms.JSONField(
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text='The change alone: {"eta": 0.02}, or {"drop_features": ["rest_home"]}.',
    )
    minimum_n = forms.IntegerField(
        label="Differences at least",
        min_value=experiments.FLOOR,
        max_value=1_000_000,
        initial=experiments.FLOOR,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric"}),
    )
    field_order = ("pipeline", "name", "hypothesis", "candidate", "minimum_n", "reason")

    def clean_candidate(self) -> dict[str, Any]:
        change = self.cleaned_data["candidate"]
        if not isinstance(change, dict):
            raise forms.ValidationError("A change is an object of parameters.")
        return change


def propose(asked: Asked) -> Done:
    told = {name: value for name, value in asked.values.items() if name != "reason"}
    row = experimenting.propose(**told, actor=asked.actor, now=asked.now, user_id=asked.user.pk)
    return Done(f"{row} is proposed: run it to score it.", row_url(row))


def run(asked: Asked) -> Done:
    return asking.ask(asked, task=RUN, arguments={"experiment": asked.row.pk})


def _decide(asked: Asked) -> dict[str, Any]:
    return {
        "experiment_id": asked.row.pk,
        "user_id": asked.user.pk,
        "review": asked.reason,
        "actor": asked.actor,
        "now": asked.now,
    }


def accept(asked: Asked) -> Done:
    row = experimenting.accept(**_decide(asked))
    return Done(f"{row} is let in: the next training of {row.pipeline} has it.")


def reject(asked: Asked) -> Done:
    return Done(f"{experimenting.reject(**_decide(asked))} is turned down.")


def switch_off(asked: Asked) -> Done:
    row = experimenting.switch_off(
        experiment_id=asked.row.pk, reason=asked.reason, actor=asked.actor, now=asked.now
    )
    return Done(f"{row} is switched off: {row.pipeline} has its former parameters.")


def _is(*states: str) -> Any:
    return lambda row: row.state in states and row.kind != Experiment.Kind.STRATEGY


@admin.register(Experiment)
class ExperimentAdmin(Shown):
    list_display = ("name", "kind", "pipeline", "state_chip", "proposed_by", "reviewed_by")
    list_filter = (
        ("pipeline", RelatedDropdownFilter), ("kind", ChoicesDropdownFilter),
        ("state", ChoicesDropdownFilter),
    )  # fmt: skip
    list_select_related = ("pipeline",)
    search_fields = ("name", "hypothesis", "proposed_by")
    ordering = ("-pk",)
    detail_related = ("pipeline",)
    figures = (("incumbent", "What stands"), ("candidate", "Against it"), ("figures", "Figures"))
    empty_text = "Nothing was tried yet: press Propose."
    desk_actions = (
        Action(
            name="propose",
            title="Propose…",
            permission="models_ml.add_experiment",
            consequence="The change is written down as you propose it. Nothing is trained yet, and"
            " another person than you has to review it.",
            act=propose,
            form=ProposalForm,
            icon="science",
            on=frozenset({"table"}),
        ),
        Action(
            name="run",
            title="Run",
            permission="models_ml.add_experiment",
            consequence="Both arms are trained on the same three stretches of history and tested"
            " on what followed each. Nothing that serves is touched.",
            act=run,
            valid=_is(State.PROPOSED, State.SCORED),
            invalid="{row} cannot be run now.",
            icon="play_arrow",
        ),
        Action(
            name="accept",
            title="Accept",
            permission="models_ml.change_experiment",
            consequence="The pipeline is trained with the change from its next training on. The"
            " version that serves stays. Your reason is kept as the review.",
            act=accept,
            valid=_is(State.SCORED),
            invalid="{row} is not scored.",
            icon="thumb_up",
        ),
        Action(
            name="reject",
            title="Reject",
            permission="models_ml.change_experiment",
            consequence="What stands stays. Your reason is kept as the review.",
            act=reject,
            valid=_is(State.SCORED),
            invalid="{row} is not scored.",
            icon="thumb_down",
            is_dangerous=True,
        ),
        Action(
            name="switch_off",
            title="Switch off",
            permission="models_ml.change_experiment",
            consequence="The change is taken out of the pipeline's parameters; other changes since"
            " then stay. The version that serves stays until another is promoted.",
            act=switch_off,
            valid=_is(State.ACCEPTED),
            invalid="{row} was not let in.",
            icon="toggle_off",
            is_dangerous=True,
        ),
    )

    state_chip = columns.state("state")

    def badges(self, row: Experiment) -> list[Any]:
        return [self.state_chip(row)]

    def parts(self, request: HttpRequest, row: Experiment) -> list[sections.Section]:
        told = row.figures
        folds = [
            (fold["from"][:10], fold["to"][:10], fold["learned"], fold["n"], fold["candidate"],
             fold["incumbent"])
            for fold in told.get("folds", ())
        ]  # fmt: skip
        headers = ("From", "To", "Learned from", "Tested on", "Log loss", "Of what stands")
        score = [
            ("Verdict", told["verdict"].replace("_", " ").lower()),
            ("Differences", told["n"]),
            ("Mean difference in log loss", told.get("mean")),
            ("95 % interval", chips.pretty([told.get("low"), told.get("high")])),
        ] if told else []  # fmt: skip
        return [
            sections.Facts("Score", score),
            sections.Table("Folds", headers, folds, empty="It was not run yet."),
            *super().parts(request, row),
        ]
