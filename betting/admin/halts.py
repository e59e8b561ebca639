"""Pauses: what is not staked on, by whom, why and until when; the emergency stop."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldBooleanSwitchWidget,
)

from betting import queries
from betting.models import TradingHalt
from betting.services import halting, stopping
from monitoring.desk import chips, columns
from monitoring.desk.actions import BOTH, Action, Asked, Done, ReasonForm
from monitoring.desk.filters import StartingFilter
from monitoring.desk.pages import Fixed, row_url

_LONGEST = int(halting.LONGEST.total_seconds() // 60)


class PauseForm(ReasonForm):
    """Choose what to pause, for how long, and what is let through."""

    scope = forms.ChoiceField(widget=UnfoldAdminSelectWidget())
    minutes = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=_LONGEST,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="It ends by itself after so many minutes. Empty: until somebody lifts it.",
    )
    is_reduce_only = forms.BooleanField(
        required=False,
        widget=UnfoldBooleanSwitchWidget(),
        label="Let exposure be lowered",
        help_text="Bets that make the worst loss of their market smaller are still placed.",
    )
    field_order = ("scope", "minutes", "is_reduce_only", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("ALL:", "Everything")]
        for scope, (model, name) in queries.HALTED_ROWS.items():
            title = TradingHalt.Scope(scope).label
            rows = model.objects.order_by(name).values_list("pk", name)
            if scope == TradingHalt.Scope.BANKROLL:
                rows = rows.filter(replay=None)
            if scope == TradingHalt.Scope.STRATEGY:
                rows = rows.filter(bankroll__replay=None)
            choices += [(f"{scope}:{key}", f"{title} {shown}") for key, shown in rows]
        self.fields["scope"].choices = choices  # type: ignore[attr-defined]


def pause(asked: Asked) -> Done:
    scope, _, key = asked.values["scope"].partition(":")
    minutes = asked.values["minutes"]
    halt = halting.halt(
        scope=scope,
        scope_id=int(key) if key else None,
        expires_at=None if minutes is None else halting.after(minutes=minutes, now=asked.now),
        is_reduce_only=asked.values["is_reduce_only"],
        reason=asked.reason,
        actor=asked.actor,
        now=asked.now,
    )
    return Done(f"Paused: {effect(halt)}.", row_url(halt))


def stop(asked: Asked) -> Done:
    stopped = stopping.stop_everything(reason=asked.reason, actor=asked.actor, now=asked.now)
    halt = TradingHalt.objects.get(pk=stopped.halt)
    return Done(f"Everything is stopped. Orders: {stopped.in_words()}.", row_url(halt))


def lift(asked: Asked) -> Done:
    for row in asked.rows:
        halting.lift(halt_id=row.pk, actor=asked.actor, reason=asked.reason, now=asked.now)
    return Done("Lifted: staking goes on.")


def effect(halt: TradingHalt) -> str:
    """Say what a halt does to bets in its scope."""
    if halt.is_reduce_only:
        return "only bets that lower their market's exposure are placed"
    return "nothing in its scope is staked"


def _standing(now: datetime) -> Q:
    return Q(lifted_at__isnull=True) & (Q(expires_at__isnull=True) | Q(expires_at__gt=now))


class HaltsToSee(StartingFilter):
    title = "show"
    options = {
        "on": ("In force", _standing),
        "over": ("Over", lambda now: ~_standing(now)),
    }


@admin.register(TradingHalt)
class TradingHaltAdmin(Fixed):
    list_display = (
        "number",
        "state_chip",
        "what",
        "effect_text",
        "reason",
        "set_by",
        "set",
        "until",
        "lifted_by",
        "lifted",
    )
    list_filter = (HaltsToSee, ("scope", ChoicesDropdownFilter), "is_reduce_only")
    search_fields = ("reason", "set_by")
    ordering = ("-pk",)
    empty_text = "Nothing is paused."
    desk_actions = (
        Action(
            name="emergency-stop",
            title="Emergency stop…",
            permission="betting.add_tradinghalt",
            consequence="Nothing at all is staked until a lead lifts it. Orders that a venue has"
            " not matched are taken back, and an incident of the highest severity opens. Bets"
            " that are matched stay, and are settled.",
            act=stop,
            icon="emergency_home",
            is_dangerous=True,
            on=frozenset({"table"}),
        ),
        Action(
            name="pause",
            title="Pause…",
            permission="betting.add_tradinghalt",
            consequence="Nothing in its scope is staked until somebody lifts it or its time is"
            " over. Bets that stand stay, and are settled.",
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
            consequence="Staking goes on at once with what is due, unless another pause holds it."
            " A rule that set it counts losses anew from now.",
            act=lift,
            valid=lambda row: row.lifted_at is None,
            invalid="{row} is lifted already.",
            icon="play_circle",
            is_dangerous=True,
            on=BOTH,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[TradingHalt]:
        return queries.named_halts()

    number = columns.number("Pause")

    @display(description="State")
    def state_chip(self, row: TradingHalt) -> str:
        if row.lifted_at or (row.expires_at and row.expires_at <= timezone.now()):
            return chips.chip("Over", "idle", "play_circle")
        if row.rule == stopping.RULE:
            return chips.chip("Emergency stop", "bad", "emergency_home")
        return chips.chip("In force", "bad", "pause_circle")

    @display(description="Scope", ordering="scope")
    def what(self, row: TradingHalt) -> str:
        title = row.get_scope_display()
        name = getattr(row, "scope_name", "") or row.scope_id
        return title if row.scope_id is None else f"{title} {name}"

    @display(description="Effect", ordering="is_reduce_only")
    def effect_text(self, row: TradingHalt) -> str:
        return effect(row).capitalize()

    set = columns.moment("set_at", "Since")
    until = columns.moment("expires_at", "Until")
    lifted = columns.moment("lifted_at", "Lifted")

    def badges(self, row: TradingHalt) -> list[Any]:
        return [self.state_chip(row)]
