"""When events are looked at, what became of each look, and matchdays practised."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from models_ml import queries
from models_ml.admin import boards
from models_ml.admin.shown import Shown
from models_ml.domain import stages
from models_ml.models import Ladder, Pipeline, Rehearsal, StageLook
from models_ml.services import laddering, ladders, rehearsing
from monitoring.desk import chips, columns, sections
from monitoring.desk.actions import Action, Asked, Done, ReasonForm, switches
from monitoring.desk.filters import StartingFilter
from monitoring.desk.pages import row_url

TABLE = frozenset({"table"})


class StepsForm(ReasonForm):
    """Ask for the stages of a ladder."""

    stages = forms.CharField(
        max_length=200,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Separated by commas, the earliest first; the last one is the final look. There"
        f" are: {', '.join(stages.STAGES)}.",
    )
    grace_seconds = forms.IntegerField(
        min_value=0,
        max_value=ladders.LONGEST_GRACE,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="Seconds, after which a look is late.",
    )
    horizon_hours = forms.IntegerField(
        min_value=ladders.SHORTEST_HORIZON,
        max_value=ladders.LONGEST_HORIZON,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="Hours that looks are planned ahead.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.rows:
            row: Any = self.rows[0]
            self.initial.setdefault("stages", ", ".join(stage["name"] for stage in row.stages))
            self.initial.setdefault("grace_seconds", row.grace_seconds)
            self.initial.setdefault("horizon_hours", row.horizon_hours)

    def clean_stages(self) -> list[str]:
        names = [name.strip() for name in self.cleaned_data["stages"].split(",") if name.strip()]
        try:
            stages.check(names)
        except stages.BadLadder as error:
            raise forms.ValidationError(str(error)) from error
        return names


def change(asked: Asked) -> Done:
    row = ladders.change(
        ladder_id=asked.row.pk,
        names=asked.values["stages"],
        grace_seconds=asked.values["grace_seconds"],
        horizon_hours=asked.values["horizon_hours"],
        actor=asked.actor,
        reason=asked.reason,
        now=asked.now,
    )
    return Done(f"{row} is looked at at {', '.join(boards.names(row))}.", row_url(row))


def _switched(asked: Asked, *, is_enabled: bool) -> Done:
    for row in asked.rows:
        ladders.change(
            ladder_id=row.pk,
            is_enabled=is_enabled,
            actor=asked.actor,
            reason=asked.reason,
            now=asked.now,
        )
    return Done(f"{'Enabled' if is_enabled else 'Disabled'} {len(asked.rows)}.")


@admin.register(Ladder)
class LadderAdmin(Shown):
    """A sport's ladder; its page shows its stages, what is due, what was missed, and its board."""

    list_display = ("sport", "origin", "named", "grace_seconds", "horizon_hours", "is_enabled")
    list_filter = ("is_simulated", "is_enabled", ("sport", RelatedDropdownFilter))
    list_select_related = ("sport",)
    search_fields = ("sport__name",)
    ordering = ("is_simulated", "sport__name")
    detail_related = ("sport",)
    empty_text = "No sport has a ladder yet: each gets its default one when a model serves it."
    desk_actions = (
        Action(
            name="change",
            title="Change stages",
            permission="models_ml.change_ladder",
            consequence="Looks that are still due are planned anew; those taken stay.",
            act=change,
            form=StepsForm,
            icon="stairs",
        ),
        *switches(
            permission="models_ml.change_ladder",
            is_on=lambda row: row.is_enabled,
            enable=lambda asked: _switched(asked, is_enabled=True),
            disable=lambda asked: _switched(asked, is_enabled=False),
            then_on="Its events are looked at again, from the stages that are open.",
            then_off="Its events are looked at no more: nothing is foretold of them.",
        ),
    )

    @display(description="Origin", ordering="is_simulated")
    def origin(self, row: Ladder) -> str:
        return chips.origin(is_simulated=row.is_simulated)

    @display(description="Stages")
    def named(self, row: Ladder) -> str:
        return ", ".join(boards.names(row))

    def badges(self, row: Ladder) -> list[Any]:
        return [self.origin(row)]

    def parts(self, request: HttpRequest, row: Ladder) -> list[sections.Section]:
        return [*boards.of(row, now=timezone.now()), self.all_facts(row)]


class LooksToSee(StartingFilter):
    title = "show"
    options = {
        "due": ("Due", lambda now: Q(state="DUE")),
        "missed": ("Missed or late", lambda now: Q(state__in=["MISSED", "LATE"])),
    }


def again(asked: Asked) -> Done:
    look = asked.row
    laddering.again(
        event_id=look.event_id,
        feature_set=look.feature_set,
        stage=look.stage,
        actor=asked.actor,
        reason=asked.reason,
        now=asked.now,
    )
    return Done(f"{look} is due again: the next run takes it.", row_url(look))


@admin.register(StageLook)
class StageLookAdmin(Shown):
    list_display = ("event", "origin", "feature_set", "stage", "state_chip", "due", "done", "rows")
    list_filter = (
        LooksToSee, ("state", ChoicesDropdownFilter),
        ("event__competition__sport", RelatedDropdownFilter),
        "event__competition__is_simulated", "stage", "feature_set",
    )  # fmt: skip
    list_select_related = ("event__competition",)
    search_fields = ("event__name",)
    ordering = ("-due_at", "pk")
    detail_related = ("event__competition",)
    empty_text = "Nothing is due: no event of a pipeline that serves comes near."
    desk_actions = (
        Action(
            name="again",
            title="Take again",
            permission="models_ml.add_featurerow",
            consequence="What the look brought is forgotten and it is taken anew, unless something"
            " refers to its predictions.",
            act=again,
            valid=lambda row: row.state != "DUE" and row.starts_at > timezone.now(),
            invalid="{row} is due, or its event has started.",
            icon="replay",
        ),
    )

    state_chip = columns.state("state")
    due = columns.moment("due_at", "Due")
    done = columns.moment("done_at", "Done")

    @display(description="Origin")
    def origin(self, row: StageLook) -> str:
        return chips.origin(is_simulated=row.event.competition.is_simulated)

    def badges(self, row: StageLook) -> list[Any]:
        return [self.state_chip(row), self.origin(row)]


class RehearsalForm(ReasonForm):
    """Ask which pipeline's matchday is practised."""

    pipeline = forms.ModelChoiceField(
        queryset=Pipeline.objects.none(), widget=UnfoldAdminSelectWidget()
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["pipeline"]
        field.queryset = queries.served_pipelines().select_related("sport")


def rehearse(asked: Asked) -> Done:
    row = rehearsing.rehearse(
        pipeline=asked.values["pipeline"], name=asked.reason[:120], actor=asked.actor, now=asked.now
    )
    return Done(f"{row.rows} rows, {row.predictions} predictions, for nobody.", row_url(row))


def remove(asked: Asked) -> Done:
    for row in asked.rows:
        rehearsing.remove(rehearsal_id=row.pk, actor=asked.actor, now=asked.now)
    return Done(f"Removed {len(asked.rows)}.")


@admin.register(Rehearsal)
class RehearsalAdmin(Shown):
    list_display = ("number", "name", "pipeline", "rows", "predictions", "made", "removed")
    list_filter = (("pipeline", RelatedDropdownFilter),)
    list_select_related = ("pipeline",)
    search_fields = ("name", "actor")
    ordering = ("-pk",)
    detail_related = ("pipeline",)
    empty_text = "No matchday was rehearsed yet."
    desk_actions = (
        Action(
            name="rehearse",
            title="Rehearse",
            permission="models_ml.add_rehearsal",
            consequence="The next matchday is foretold as if its final stage were open. No strategy"
            " sees it.",
            act=rehearse,
            form=RehearsalForm,
            icon="theater_comedy",
            on=TABLE,
        ),
        Action(
            name="remove",
            title="Remove",
            permission="models_ml.add_rehearsal",
            consequence="Exactly its rows and predictions are deleted; the rehearsal stays listed.",
            act=remove,
            valid=lambda row: row.removed_at is None,
            invalid="{row} was removed already.",
            icon="delete",
            on=frozenset({"row", "rows"}),
        ),
    )

    number = columns.number("Rehearsal")
    made = columns.moment("made_at", "Made")
    removed = columns.moment("removed_at", "Removed")
