"""The questions that models answer, and who answers them now."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from models_ml.admin.versions import metric
from models_ml.domain import spaces
from models_ml.models import ModelVersion, Pipeline
from models_ml.services import promoting, searching, training
from monitoring.desk import asking, chips, sections
from monitoring.desk.actions import Action, Asked, Done, ReasonForm
from monitoring.desk.pages import Kept, row_url

TRAIN = "models_ml.tasks.train_pipeline"
Stage = ModelVersion.Stage


class PipelineForm(forms.ModelForm):
    """Says of each parameter what is wrong with it."""

    def clean_parameters(self) -> dict[str, Any]:
        told = self.cleaned_data["parameters"]
        if not told and not isinstance(told, dict):
            return {}
        if not isinstance(told, dict):
            raise forms.ValidationError('A JSON object is expected: {"eta": 0.02}.')
        if wrong := training.wrong_parameters(told):
            raise forms.ValidationError(list(wrong.values()))
        return told


class SearchForm(ReasonForm):
    """How long to search, and from which seed."""

    trials = forms.IntegerField(
        min_value=1,
        max_value=spaces.MOST_TRIALS,
        initial=searching.TRIALS,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="Each one is a training.",
    )
    seed = forms.IntegerField(
        min_value=0,
        max_value=2**31 - 1,
        initial=0,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="The same seed on the same data tries the same parameters.",
    )


def train(asked: Asked) -> Done:
    return asking.ask(asked, task=TRAIN, arguments={"pipeline": asked.row.code})


def search(asked: Asked) -> Done:
    begun = searching.start(
        pipeline=asked.row,
        trials=asked.values["trials"],
        seed=asked.values["seed"],
        user=asked.user,
        actor=asked.actor,
        now=asked.now,
    )
    return Done(f"{begun}: its trials are queued.", row_url(begun))


def rollback(asked: Asked) -> Done:
    version = promoting.rollback(
        pipeline_id=asked.row.pk, actor=asked.actor, reason=asked.reason, now=asked.now
    )
    return Done(f"Rolled back: {version or 'the previous version'} serves again.")


@admin.register(Pipeline)
class PipelineAdmin(Kept):
    list_display = ("code", "origin", "sport", "market_kind", "feature_set", "serving")
    list_filter = ("is_simulated", "sport", "market_kind")
    list_select_related = ("sport",)
    search_fields = ("code",)
    ordering = ("is_simulated", "code")
    form = PipelineForm
    raw_id_fields = ("sport",)
    empty_text = "No pipeline is set up. The first training makes the default ones."
    desk_actions = (
        Action(
            name="train",
            title="Train now",
            permission="models_ml.add_modelversion",
            consequence="A candidate is trained on what is known now. It serves nobody until"
            " somebody promotes it.",
            act=train,
            icon="model_training",
        ),
        Action(
            name="search",
            title="Search…",
            permission="models_ml.add_search",
            consequence="Parameters are tried one after another on weeks they were not fitted on."
            " The best ones make a candidate; the pipeline keeps its own.",
            act=search,
            form=SearchForm,
            icon="manage_search",
        ),
        Action(
            name="rollback",
            title="Roll back",
            permission="models_ml.change_modelversion",
            consequence="The previous version serves again, and the present one is set aside."
            " Bets that stand stay as they are.",
            act=rollback,
            icon="undo",
            is_dangerous=True,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("versions")

    @display(description="Origin", ordering="is_simulated")
    def origin(self, row: Pipeline) -> str:
        return chips.origin(is_simulated=row.is_simulated)

    @display(description="Serving")
    def serving(self, row: Pipeline) -> str:
        serving = [v for v in row.versions.all() if v.stage == Stage.PRODUCTION]
        if not serving:
            return chips.chip("Nothing serves: train and promote", "warn", "warning")
        return chips.link(serving[0], f"v{serving[0].number}")

    def badges(self, row: Pipeline) -> list[Any]:
        return [self.origin(row)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("code", "sport", "market_kind", "is_simulated") if obj else ()

    def parts(self, request: HttpRequest, row: Pipeline) -> list[sections.Section]:
        versions = row.versions.exclude(stage=Stage.REPLAY).order_by("-number")[:20]
        rows = []
        for version in versions:
            ours, market = metric(version, "log_loss")
            rows.append(
                (
                    chips.state(version.stage, version.get_stage_display()),
                    chips.link(version, f"v{version.number}"),
                    version.trained_at,
                    version.n_rows,
                    ours,
                    market,
                )
            )
        headers = ("Stage", "Version", "Trained", "Rows", "Log loss", "Market's log loss")
        empty = "Nothing is trained yet: press Train now."
        return [sections.Table("Versions", headers, rows, empty=empty)]
