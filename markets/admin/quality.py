"""What looks wrong in the data: found by rules, closed when it is gone."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display

from markets.models import QualityFinding
from monitoring.desk import chips, columns
from monitoring.desk.filters import StartingFilter
from monitoring.desk.pages import Fixed


class FindingsToSee(StartingFilter):
    title = "show"
    options = {
        "open": ("Open", lambda now: Q(resolved_at__isnull=True)),
        "over": ("Over", lambda now: Q(resolved_at__isnull=False)),
    }


@admin.register(QualityFinding)
class QualityFindingAdmin(Fixed):
    list_display = ("kind", "subject", "detail", "n", "state_chip", "found")
    list_filter = (FindingsToSee, "kind", ("source", RelatedDropdownFilter))
    list_select_related = ("source",)
    detail_related = ("source", "event", "market", "book")
    search_fields = ("subject", "detail")
    ordering = ("-pk",)
    empty_text = "Nothing in the data looks wrong."
    found = columns.moment("found_at", "Found")

    @display(description="State")
    def state_chip(self, row: QualityFinding) -> str:
        if row.resolved_at is None:
            return chips.chip("Open", "warn", "troubleshoot")
        return chips.chip("Over", "good", "check_circle")

    def badges(self, row: QualityFinding) -> list[Any]:
        return [self.state_chip(row)]
