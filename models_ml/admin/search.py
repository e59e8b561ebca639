"""Searches for parameters with their trials, and experiments."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter

from models_ml.admin.shown import Shown
from models_ml.models import Experiment, Search, SearchTrial
from monitoring.desk import chips, columns, sections

SHOWN = 100  # trials of a search


@admin.register(Search)
class SearchAdmin(Shown):
    list_display = ("number", "pipeline", "state_chip", "trials", "began", "finished", "actor")
    list_filter = (("pipeline", RelatedDropdownFilter), ("state", ChoicesDropdownFilter))
    list_select_related = ("pipeline",)
    search_fields = ("pipeline__code", "actor")
    ordering = ("-pk",)
    detail_related = ("pipeline",)
    figures = (("best", "Best so far"), ("space", "Searched in"))
    empty_text = "No parameters were searched for yet."

    number = columns.number("Search")
    state_chip = columns.state("state")
    began = columns.moment("began_at", "Began")
    finished = columns.moment("finished_at", "Finished")

    def badges(self, row: Search) -> list[Any]:
        return [self.state_chip(row)]

    def parts(self, request: HttpRequest, row: Search) -> list[sections.Section]:
        trials = [
            (trial.number, chips.state(trial.state, trial.get_state_display()), trial.value)
            for trial in row.rows.order_by("value", "number")[:SHOWN]
        ]
        headers = ("Trial", "State", "Log loss")
        table = sections.Table("Trials, best first", headers, trials, empty="None has begun.")
        return [*super().parts(request, row), table]


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


@admin.register(Experiment)
class ExperimentAdmin(Shown):
    list_display = ("name", "kind", "pipeline", "state_chip", "proposed_by", "reviewed_by")
    list_filter = (("kind", ChoicesDropdownFilter), ("state", ChoicesDropdownFilter))
    list_select_related = ("pipeline",)
    search_fields = ("name", "hypothesis", "proposed_by")
    ordering = ("-pk",)
    detail_related = ("pipeline",)
    figures = (("incumbent", "What stands"), ("candidate", "Against it"), ("figures", "Figures"))
    empty_text = "Nothing was tried yet."

    state_chip = columns.state("state")

    def badges(self, row: Experiment) -> list[Any]:
        return [self.state_chip(row)]
