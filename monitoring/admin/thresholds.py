"""The numbers that decide: what each is, what it may be, and changing it with a reason."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from monitoring.desk import chips, sections
from monitoring.desk.actions import BOTH, Action, Asked, Done, ReasonForm
from monitoring.desk.filters import StartingFilter
from monitoring.desk.pages import Fixed
from monitoring.domain import thresholds as domain
from monitoring.models import AuditEntry, Threshold
from monitoring.services import audit, thresholding

PERMISSION = "monitoring.change_threshold"
ROOMS = {
    "markets": "Markets and sources",
    "models_ml": "Models",
    "betting": "Betting",
    "settlements": "Settlements",
    "monitoring": "Operations",
}


class ChangeForm(ReasonForm):
    """Ask for the number, within its bounds, and why."""

    value = forms.FloatField(
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
    )
    field_order = ("value", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row: Any = self.rows[0]
        stand = thresholding.stand_of(row)
        assert stand.declared is not None and stand.value is not None  # else it is not offered
        self.declared = stand.declared
        self.fields["value"].help_text = f"{stand.declared.text} {_bounds(stand.declared)}."
        self.initial.setdefault("value", domain.written(stand.value))

    def clean_value(self) -> float:
        value = float(self.cleaned_data["value"])
        if wrong := domain.wrong_with(threshold=self.declared, value=value):
            raise forms.ValidationError(wrong)
        return value


def change(asked: Asked) -> Done:
    row = thresholding.change(
        key=asked.row.key,
        value=asked.values["value"],
        actor=asked.actor,
        reason=asked.reason,
        now=asked.now,
    )
    declared = domain.DECLARED[row.key]
    return Done(f"{row.key} is {declared.in_words(asked.values['value'])} now.")


def back(asked: Asked) -> Done:
    for row in asked.rows:
        thresholding.back_to_default(
            key=row.key, actor=asked.actor, reason=asked.reason, now=asked.now
        )
    return Done(f"Back to the default: {len(asked.rows)}.")


def _is_declared(row: Threshold) -> bool:
    return row.key in domain.DECLARED


def _is_changed(row: Threshold) -> bool:
    return _is_declared(row) and row.value is not None


def _bounds(declared: domain.Threshold) -> str:
    lowest, highest = domain.written(declared.lowest), domain.written(declared.highest)
    return f"{lowest} to {highest}{', whole' if declared.is_whole else ''}"


class ThresholdsToSee(StartingFilter):
    title = "show"
    options = {
        "declared": ("In use", lambda now: Q(key__in=domain.DECLARED)),
        "changed": ("Changed", lambda now: Q(value__isnull=False)),
        "unused": ("Read by nothing", lambda now: ~Q(key__in=domain.DECLARED)),
    }


class RoomFilter(admin.SimpleListFilter):
    title = "room"
    parameter_name = "room"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rooms = {one.room for one in domain.DECLARED.values()}
        return [(room, title) for room, title in ROOMS.items() if room in rooms]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        room = self.value()
        return queryset.filter(key__startswith=f"{room}.") if room in ROOMS else queryset


@admin.register(Threshold)
class ThresholdAdmin(Fixed):
    list_display = ("name", "now", "default", "bounds", "decides", "changed")
    list_filter = (ThresholdsToSee, RoomFilter)
    search_fields = ("key", "reason", "changed_by")
    ordering = ("key",)
    list_per_page = 200
    empty_text = "`manage.py prepare` writes a row for each number that the code declares."
    desk_actions = (
        Action(
            name="change",
            title="Change…",
            permission=PERMISSION,
            consequence="It decides by the new number within seconds, in every process.",
            act=change,
            form=ChangeForm,
            valid=_is_declared,
            invalid="Nothing reads {row} any more.",
            icon="edit",
        ),
        Action(
            name="back",
            title="Back to the default",
            permission=PERMISSION,
            consequence="The default decides again, also a newer one that a later version brings.",
            act=back,
            valid=_is_changed,
            invalid="{row} is at its default.",
            icon="undo",
            on=BOTH,
        ),
    )

    @display(description="Threshold", ordering="key")
    def name(self, row: Threshold) -> str:
        room = row.key.partition(".")[0]
        return chips.two_lines(row.key, ROOMS.get(room, room))

    @display(description="Now")
    def now(self, row: Threshold) -> str:
        stand = thresholding.stand_of(row)
        if stand.declared is None or stand.value is None:
            return chips.chip("Read by nothing", "idle", "link_off")
        text = stand.declared.in_words(stand.value)
        return chips.chip(text, "note", "edit") if stand.value != stand.declared.default else text

    @display(description="Default")
    def default(self, row: Threshold) -> str:
        declared = domain.DECLARED.get(row.key)
        return chips.NOTHING if declared is None else declared.in_words(declared.default)

    @display(description="May be")
    def bounds(self, row: Threshold) -> str:
        declared = domain.DECLARED.get(row.key)
        return chips.NOTHING if declared is None else _bounds(declared)

    @display(description="What it decides")
    def decides(self, row: Threshold) -> str:
        declared = domain.DECLARED.get(row.key)
        return chips.NOTHING if declared is None else chips.whole(declared.text)

    @display(description="Changed", ordering="changed_at")
    def changed(self, row: Threshold) -> str:
        if not row.changed_by:
            return chips.NOTHING
        who = chips.whole(f"{row.changed_by}: {row.reason}")
        return chips.two_lines(who, chips.when(row.changed_at))

    def badges(self, row: Threshold) -> list[Any]:
        return [self.now(row)]

    def parts(self, request: HttpRequest, row: Threshold) -> list[sections.Section]:
        changes = AuditEntry.objects.filter(subject=audit.label(row)).order_by("-pk")[:15]
        facts = [
            ("Decides", self.decides(row)),
            ("Now", self.now(row)),
            ("Default", self.default(row)),
            ("May be", self.bounds(row)),
            ("Changed", row.changed_at),
            ("By", row.changed_by or None),
            ("Why", row.reason or None),
        ]
        return [
            sections.Facts("Facts", facts),
            sections.Table(
                "Its last changes",
                ("When", "Who", "From", "To", "Why"),
                [
                    (
                        entry.at,
                        entry.actor,
                        _told(entry.detail.get("before")),
                        _told(entry.detail.get("after")),
                        entry.detail.get("reason", ""),
                    )
                    for entry in changes
                ],
                empty="Nobody has changed it.",
            ),
        ]


def _told(value: Any) -> str:
    return domain.written(value) if isinstance(value, int | float) else "the default"
