"""What performance is held against: bounds that a lead changes with a reason."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import AllValuesCheckboxFilter, ChoicesDropdownFilter
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from monitoring.desk import chips, columns, sections
from monitoring.desk.actions import Action, Asked, Done, ReasonForm
from monitoring.desk.pages import Fixed, row_url
from settlements.admin import performance
from settlements.models import PerformanceTarget
from settlements.services import targets


class BoundsForm(ReasonForm):
    """Ask for the bounds; an empty one is none."""

    min_n = forms.IntegerField(
        label="Fewest observations", min_value=0, max_value=10_000_000, initial=0,
        widget=UnfoldAdminTextInputWidget(),
    )  # fmt: skip
    needs_interval = forms.BooleanField(
        label="A bound is passed only when the whole interval is", required=False, initial=True,
        widget=UnfoldBooleanSwitchWidget(),
    )  # fmt: skip
    tells = forms.BooleanField(
        label="Opens an incident", required=False, initial=True, widget=UnfoldBooleanSwitchWidget()
    )
    is_enabled = forms.BooleanField(
        label="Is heeded", required=False, initial=True, widget=UnfoldBooleanSwitchWidget()
    )
    field_order: tuple[str, ...] = (*targets.EDITABLE, "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in targets.BOUNDS:
            self.fields[name] = forms.FloatField(
                label=name.replace("_", " ").capitalize(), required=False,
                widget=UnfoldAdminTextInputWidget(), help_text="As a share: 0.05 is 5 %.",
            )  # fmt: skip
        self.order_fields(self.field_order)
        row = self.rows[0] if self.rows else None
        if isinstance(row, PerformanceTarget):
            for name in targets.EDITABLE:
                self.initial.setdefault(name, getattr(row, name))


class NewForm(BoundsForm):
    """Ask for whose target it is, and of what, as well."""

    source = forms.SlugField(max_length=40, widget=UnfoldAdminTextInputWidget())
    figure = forms.ChoiceField(
        choices=PerformanceTarget.Figure.choices, widget=UnfoldAdminSelectWidget()
    )
    window_days = forms.IntegerField(
        required=False, min_value=1, max_value=3660, widget=UnfoldAdminTextInputWidget(),
        help_text="Betting days; all of them where nothing is said.",
    )  # fmt: skip
    field_order = ("source", "figure", "window_days", *targets.EDITABLE, "reason")


def _values(asked: Asked) -> dict[str, Any]:
    return {name: asked.values[name] for name in targets.EDITABLE}


def add(asked: Asked) -> Done:
    named = {name: asked.values[name] for name in ("source", "figure", "window_days")}
    row = targets.add(
        **named, values=_values(asked), reason=asked.reason, actor=asked.actor, now=asked.now
    )
    return Done(f"Added: {row}.", row_url(row))


def change(asked: Asked) -> Done:
    row = targets.change(
        target_id=asked.row.pk, values=_values(asked), reason=asked.reason, actor=asked.actor,
        now=asked.now,
    )  # fmt: skip
    return Done(f"Changed: {row}.", row_url(row))


@admin.register(PerformanceTarget)
class PerformanceTargetAdmin(Fixed):
    list_display = (
        "name", "figure", "days", "on_target", "look", "bad", "min_n", "enabled", "changed_by",
        "changed",
    )  # fmt: skip
    list_filter = (("source", AllValuesCheckboxFilter), ("figure", ChoicesDropdownFilter))
    search_fields = ("source", "reason")
    ordering = ("source", "figure", "pk")
    empty_text = "No target is written. `manage.py prepare` writes those that are shipped."
    desk_actions = (
        Action(
            name="add",
            title="Add…",
            permission="settlements.change_performancetarget",
            consequence="Performance is held against it from now on.",
            act=add,
            form=NewForm,
            icon="add",
            on=frozenset({"table"}),
        ),
        Action(
            name="change",
            title="Change…",
            permission="settlements.change_performancetarget",
            consequence="Performance is held against the new bounds from now on.",
            act=change,
            form=BoundsForm,
            icon="tune",
            on=frozenset({"row"}),
        ),
    )
    changed = columns.moment("changed_at", "Changed")

    @display(description="Asked by", ordering="source")
    def name(self, row: PerformanceTarget) -> str:
        return row.source

    @display(description="Betting days", ordering="window_days")
    def days(self, row: PerformanceTarget) -> str:
        return str(row.window_days or "all")

    @display(description="On target")
    def on_target(self, row: PerformanceTarget) -> str:
        return performance.bounds_in_words(row)[0]

    @display(description="Worth a look")
    def look(self, row: PerformanceTarget) -> str:
        return performance.bounds_in_words(row)[1]

    @display(description="Bad")
    def bad(self, row: PerformanceTarget) -> str:
        return performance.bounds_in_words(row)[2]

    @display(description="Heeded", ordering="is_enabled")
    def enabled(self, row: PerformanceTarget) -> str:
        return chips.yes_no(row.is_enabled)

    def tiles(self, request: HttpRequest) -> list[sections.Tile]:
        return [sections.Tile("Performance", "Figures", performance.address())]
