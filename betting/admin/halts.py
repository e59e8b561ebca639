"""Pauses: what is not staked on, by whom and why."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from betting.models import Strategy, TradingHalt
from betting.services import halting
from markets.models import Book, Sport
from monitoring.desk import chips, columns
from monitoring.desk.actions import BOTH, Action, Asked, Done, ReasonForm
from monitoring.desk.filters import StartingFilter
from monitoring.desk.pages import Fixed, row_url


class PauseForm(ReasonForm):
    """Choose what to pause."""

    scope = forms.ChoiceField(widget=UnfoldAdminSelectWidget())
    field_order = ("scope", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("ALL:", "Everything")]
        choices += [
            (f"STRATEGY:{s.pk}", f"Strategy {s}") for s in Strategy.objects.order_by("name")
        ]
        choices += [(f"BOOK:{b.pk}", f"Book {b}") for b in Book.objects.order_by("name")]
        choices += [(f"SPORT:{s.pk}", f"Sport {s}") for s in Sport.objects.order_by("name")]
        self.fields["scope"].choices = choices  # type: ignore[attr-defined]


def pause(asked: Asked) -> Done:
    scope, _, key = asked.values["scope"].partition(":")
    halt = halting.halt(
        scope=scope,
        scope_id=int(key) if key else None,
        reason=asked.reason,
        actor=asked.actor,
        now=asked.now,
    )
    return Done("Paused: nothing in its scope is staked any more.", row_url(halt))


def lift(asked: Asked) -> Done:
    for row in asked.rows:
        halting.lift(halt_id=row.pk, actor=asked.actor, reason=asked.reason, now=asked.now)
    return Done("Lifted: staking goes on.")


class HaltsToSee(StartingFilter):
    title = "show"
    options = {
        "on": ("In force", lambda now: Q(lifted_at__isnull=True)),
        "over": ("Lifted", lambda now: Q(lifted_at__isnull=False)),
    }


@admin.register(TradingHalt)
class TradingHaltAdmin(Fixed):
    list_display = (
        "number",
        "state_chip",
        "what",
        "reason",
        "set_by",
        "set",
        "lifted_by",
        "lifted",
    )
    list_filter = (HaltsToSee, ("scope", ChoicesDropdownFilter))
    search_fields = ("reason", "set_by")
    ordering = ("-pk",)
    empty_text = "Nothing is paused."
    desk_actions = (
        Action(
            name="pause",
            title="Pause…",
            permission="betting.add_tradinghalt",
            consequence="Nothing in its scope is staked until somebody lifts it. Bets that stand"
            " stay, and are settled.",
            act=pause,
            form=PauseForm,
            icon="pause_circle",
            is_dangerous=True,
            on=frozenset({"table"}),
        ),
        Action(
            name="lift",
            title="Lift",
            permission="betting.change_tradinghalt",
            consequence="Staking goes on at once with what is due.",
            act=lift,
            valid=lambda row: row.lifted_at is None,
            invalid="{row} is lifted already.",
            icon="play_circle",
            is_dangerous=True,
            on=BOTH,
        ),
    )

    number = columns.number("Pause")

    @display(description="State")
    def state_chip(self, row: TradingHalt) -> str:
        if row.lifted_at:
            return chips.chip("Lifted", "idle", "play_circle")
        return chips.chip("In force", "bad", "pause_circle")

    @display(description="Scope", ordering="scope")
    def what(self, row: TradingHalt) -> str:
        name = row.get_scope_display()
        return name if row.scope_id is None else f"{name} {row.scope_id}"

    set = columns.moment("set_at", "Since")
    lifted = columns.moment("lifted_at", "Lifted")

    def badges(self, row: TradingHalt) -> list[Any]:
        return [self.state_chip(row)]
