"""Searches for parameters with their trials."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter

from models_ml.admin.shown import Shown
from models_ml.models import ModelVersion, Search, SearchTrial
from models_ml.services import searching
from monitoring.desk import chips, columns, sections
from monitoring.desk.actions import Action, Asked, Done

SHOWN = 100  # trials of a search
STOPPED = (Search.State.CANCELLED, Search.State.FAILED)


def cancel(asked: Asked) -> Done:
    search = searching.cancel(
        search_id=asked.row.pk, actor=asked.actor, reason=asked.reason, now=asked.now
    )
    return Done(f"{search} is called off; what was tried is kept.")


def resume(asked: Asked) -> Done:
    search = searching.resume(
        search_id=asked.row.pk,
        user=asked.user,
        actor=asked.actor,
        reason=asked.reason,
        now=asked.now,
    )
    return Done(f"{search} goes on.")


@admin.register(Search)
class SearchAdmin(Shown):
    list_display = ("number", "pipeline", "state_chip", "trials", "began", "finished", "actor")
    list_filter = (("pipeline", RelatedDropdownFilter), ("state", ChoicesDropdownFilter))
    list_select_related = ("pipeline",)
    search_fields = ("pipeline__code", "actor")
    ordering = ("-pk",)
    detail_related = ("pipeline",)
    figures = (("best", "Best so far"), ("space", "Searched in"))
    empty_text = "No parameters were searched for yet: open a pipeline and press Search."
    desk_actions = (
        Action(
            name="cancel",
            title="Cancel",
            permission="models_ml.add_search",
            consequence="No more trials are made. Those that ended are kept.",
            act=cancel,
            valid=lambda row: row.state == Search.State.RUNNING,
            invalid="{row} is over.",
            icon="cancel",
            is_dangerous=True,
        ),
        Action(
            name="resume",
            title="Resume",
            permission="models_ml.add_search",
            consequence="The trials that are left are made; none that ended is made again.",
            act=resume,
            valid=lambda row: row.state in (*STOPPED, Search.State.RUNNING),
            invalid="{row} is done.",
            icon="play_arrow",
        ),
    )

    number = columns.number("Search")
    state_chip = columns.state("state")
    began = columns.moment("began_at", "Began")
    finished = columns.moment("finished_at", "Finished")

    def badges(self, row: Search) -> list[Any]:
        return [self.state_chip(row)]

    def parts(self, request: HttpRequest, row: Search) -> list[sections.Section]:
        found = list(row.rows.order_by("value", "number")[:SHOWN])
        names = sorted(row.space)
        trials = [
            (
                trial.number,
                chips.state(trial.state, trial.get_state_display()),
                trial.value,
                *(trial.parameters.get(name) for name in names),
            )
            for trial in found
        ]
        made = [
            (chips.link(version, str(version)), version.get_stage_display(), version.trained_at)
            for version in ModelVersion.objects.filter(search=row).select_related("pipeline")
        ]
        return [
            *super().parts(request, row),
            sections.Table(
                "Candidates", ("Version", "Stage", "Trained"), made,
                empty="None yet: the best trial makes one when all are over.",
            ),
            sections.Table(
                "Trials, best first", ("Trial", "State", "Log loss", *names), trials,
                empty="None has begun.", note=f"{len(found)} of {row.trials} asked for.",
            ),
        ]  # fmt: skip


@admin.register(SearchTrial)
class SearchTrialAdmin(Shown):
    list_display = ("number", "search", "state_chip", "value")
    list_filter = (("state", ChoicesDropdownFilter),)
    list_select_related = ("search__pipeline",)
    search_fields = ("search__pipeline__code",)
    ordering = ("-pk",)
    detail_related = ("search__pipeline",)
    figures = (("parameters", "Parameters"), ("intermediate", "Log loss on the way"))
    empty_text = "No parameters were searched for yet."

    state_chip = columns.state("state")
