"""When events are looked at, what became of each look, and matchdays practised."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from models_ml.admin.shown import Shown
from models_ml.models import Ladder, Rehearsal, StageLook
from monitoring.desk import chips, columns
from monitoring.desk.filters import StartingFilter


@admin.register(Ladder)
class LadderAdmin(Shown):
    list_display = ("sport", "origin", "named", "grace_seconds", "horizon_hours", "is_enabled")
    list_filter = ("is_simulated", ("sport", RelatedDropdownFilter))
    list_select_related = ("sport",)
    search_fields = ("sport__name",)
    ordering = ("is_simulated", "sport__name")
    detail_related = ("sport",)
    figures = (("stages", "Stages"),)
    empty_text = "No sport has a ladder of its own: each is looked at at its default stages."

    @display(description="Origin", ordering="is_simulated")
    def origin(self, row: Ladder) -> str:
        return chips.origin(is_simulated=row.is_simulated)

    @display(description="Stages")
    def named(self, row: Ladder) -> str:
        return ", ".join(str(stage["name"]) for stage in row.stages)


class LooksToSee(StartingFilter):
    title = "show"
    options = {
        "due": ("Due", lambda now: Q(state="DUE")),
        "missed": ("Missed or late", lambda now: Q(state__in=["MISSED", "LATE"])),
    }


@admin.register(StageLook)
class StageLookAdmin(Shown):
    list_display = ("event", "origin", "feature_set", "stage", "state_chip", "due", "done", "rows")
    list_filter = (LooksToSee, ("state", ChoicesDropdownFilter), "stage", "feature_set")
    list_select_related = ("event__competition",)
    search_fields = ("event__name",)
    ordering = ("-due_at", "pk")
    detail_related = ("event__competition",)
    empty_text = "Nothing is due: no event of a pipeline that serves comes near."

    state_chip = columns.state("state")
    due = columns.moment("due_at", "Due")
    done = columns.moment("done_at", "Done")

    @display(description="Origin")
    def origin(self, row: StageLook) -> str:
        return chips.origin(is_simulated=row.event.competition.is_simulated)

    def badges(self, row: StageLook) -> list[Any]:
        return [self.state_chip(row), self.origin(row)]


@admin.register(Rehearsal)
class RehearsalAdmin(Shown):
    list_display = ("number", "name", "pipeline", "rows", "predictions", "made", "removed")
    list_filter = (("pipeline", RelatedDropdownFilter),)
    list_select_related = ("pipeline",)
    search_fields = ("name", "actor")
    ordering = ("-pk",)
    detail_related = ("pipeline",)
    empty_text = "No matchday was rehearsed yet."

    number = columns.number("Rehearsal")
    made = columns.moment("made_at", "Made")
    removed = columns.moment("removed_at", "Removed")
