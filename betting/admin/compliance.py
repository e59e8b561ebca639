"""What law and oneself allow: limits, rules of books, rests that nobody ends early."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.utils import timezone
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from betting.models import Bankroll, BookRule, CoolDown, GamingLimits
from betting.services import complying
from markets.models import Book
from monitoring.desk import chips, columns
from monitoring.desk.actions import Action, Asked, Done, ReasonForm
from monitoring.desk.fields import MoneyField
from monitoring.desk.filters import StartingFilter
from monitoring.desk.pages import Fixed, row_url

_HOURS = int(complying.LONGEST.total_seconds() // 3600)


def _hours(help_text: str) -> forms.IntegerField:
    return forms.IntegerField(
        min_value=1, max_value=_HOURS, widget=UnfoldAdminIntegerFieldWidget(), help_text=help_text
    )


def _bankroll(**options: Any) -> forms.ModelChoiceField:
    rows = Bankroll.objects.filter(replay=None).order_by("name")
    return forms.ModelChoiceField(rows, widget=UnfoldAdminSelectWidget(), **options)


def _text(**options: Any) -> forms.CharField:
    return forms.CharField(required=False, widget=UnfoldAdminTextInputWidget(), **options)


class CoolDownForm(ReasonForm):
    """How long, and of what."""

    bankroll = _bankroll(required=False, empty_label="Everything")
    hours = _hours("From now on. It may be made longer, and never shorter.")
    field_order = ("bankroll", "hours", "reason")


class LengthenForm(ReasonForm):
    hours = _hours("So much later than it would end.")
    field_order = ("hours", "reason")


class LimitsForm(ReasonForm):
    """A bankroll's limits as they are to be; an empty one is none."""

    bankroll = _bankroll()
    jurisdiction = _text(max_length=6, help_text="Where it is: GB, US-NJ.")
    max_day_stake = MoneyField(required=False)
    max_day_loss = MoneyField(required=False)
    max_session_stake = MoneyField(required=False)
    max_session_loss = MoneyField(required=False)
    session_minutes = forms.IntegerField(
        min_value=1, max_value=1440, initial=240, widget=UnfoldAdminIntegerFieldWidget()
    )
    field_order = ("bankroll", *complying.LIMITS, "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _begin_with(self, complying.LIMITS, "bankroll")


class RuleForm(ReasonForm):
    """A book's rules as they are to be."""

    book = forms.ModelChoiceField(Book.objects.order_by("name"), widget=UnfoldAdminSelectWidget())
    jurisdictions = _text(max_length=500, help_text="GB, IE, US-NJ. Empty: everywhere.")
    is_banned = forms.BooleanField(required=False, widget=UnfoldBooleanSwitchWidget())
    banned_reason = _text(max_length=250)
    push_rule = forms.CharField(
        required=False, max_length=2000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
    )
    overtime_rule = forms.CharField(
        required=False, max_length=2000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
    )
    field_order = ("book", *complying.RULES, "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _begin_with(self, complying.RULES, "book")

    def clean_jurisdictions(self) -> list[str]:
        return [code.strip() for code in self.cleaned_data["jurisdictions"].split(",") if code]


def _begin_with(form: ReasonForm, names: tuple[str, ...], whose: str) -> None:
    """Show what stands, where a row is changed: whose it is stays."""
    if not form.rows:
        return
    row: Any = form.rows[0]
    form.fields[whose].initial = getattr(row, f"{whose}_id")
    form.fields[whose].disabled = True
    for name in names:
        value = getattr(row, name)
        form.fields[name].initial = ", ".join(value) if isinstance(value, list) else value


def begin(asked: Asked) -> Done:
    bankroll = asked.values["bankroll"]
    row = complying.cool_down(
        bankroll_id=bankroll.pk if bankroll else None,
        until=asked.now + timedelta(hours=asked.values["hours"]),
        reason=asked.reason,
        actor=asked.actor,
        now=asked.now,
    )
    return Done(f"Nothing is staked until {row.ends_at:%Y-%m-%d %H:%M} UTC.", row_url(row))


def lengthen(asked: Asked) -> Done:
    row = complying.lengthen(
        cool_down_id=asked.row.pk,
        until=asked.row.ends_at + timedelta(hours=asked.values["hours"]),
        reason=asked.reason,
        actor=asked.actor,
        now=asked.now,
    )
    return Done(f"It ends on {row.ends_at:%Y-%m-%d %H:%M} UTC.")


def set_limits(asked: Asked) -> Done:
    row = complying.set_limits(
        bankroll_id=asked.values["bankroll"].pk,
        reason=asked.reason,
        actor=asked.actor,
        now=asked.now,
        **{name: asked.values[name] for name in complying.LIMITS},
    )
    return Done(f"{row} are set: the next bet heeds them.", row_url(row))


def set_rule(asked: Asked) -> Done:
    row = complying.set_rule(
        book_id=asked.values["book"].pk,
        reason=asked.reason,
        actor=asked.actor,
        now=asked.now,
        **{name: asked.values[name] for name in complying.RULES},
    )
    return Done(f"{row} are set: the next bet heeds them.", row_url(row))


def _set(title: str, permission: str, act: Any, form: type[ReasonForm]) -> Action:
    return Action(
        name="set",
        title=title,
        permission=permission,
        consequence="The next bet heeds it, recorded ones too. Bets that stand stay.",
        act=act,
        form=form,
        icon="tune",
        on=frozenset({"row", "table"}),
    )


class RestsToSee(StartingFilter):
    title = "show"
    options = {
        "on": ("In force", lambda now: Q(ends_at__gt=now)),
        "over": ("Over", lambda now: Q(ends_at__lte=now)),
    }


def _is_on(row: CoolDown, now: datetime | None = None) -> bool:
    return row.ends_at > (now or timezone.now())


@admin.register(CoolDown)
class CoolDownAdmin(Fixed):
    list_display = ("number", "state_chip", "what", "since", "until", "reason", "set_by")
    list_filter = (RestsToSee,)
    list_select_related = ("bankroll",)
    detail_related = ("bankroll",)
    search_fields = ("reason", "set_by")
    ordering = ("-pk",)
    empty_text = "Nobody has imposed a rest."
    number = columns.number("Cool-down")
    since = columns.moment("begins_at", "Since")
    until = columns.moment("ends_at", "Until")
    desk_actions = (
        Action(
            name="begin",
            title="Cool down…",
            permission="betting.add_cooldown",
            consequence="Nothing is staked until it is over. Nobody, an administrator neither, can"
            " shorten or lift it; it can only be made longer. Bets that stand are settled.",
            act=begin,
            form=CoolDownForm,
            icon="hourglass_top",
            is_dangerous=True,
            on=frozenset({"table"}),
        ),
        Action(
            name="lengthen",
            title="Make it longer…",
            permission="betting.add_cooldown",
            consequence="It ends later. That cannot be taken back.",
            act=lengthen,
            form=LengthenForm,
            valid=_is_on,
            invalid="{row} is over: begin another.",
            icon="more_time",
            is_dangerous=True,
        ),
    )

    @display(description="State")
    def state_chip(self, row: CoolDown) -> str:
        if _is_on(row):
            return chips.chip("In force", "bad", "hourglass_top")
        return chips.chip("Over", "idle", "hourglass_bottom")

    @display(description="Of", ordering="bankroll")
    def what(self, row: CoolDown) -> str:
        return str(row.bankroll) if row.bankroll else "Everything"

    def badges(self, row: CoolDown) -> list[Any]:
        return [self.state_chip(row)]


@admin.register(GamingLimits)
class GamingLimitsAdmin(Fixed):
    list_display = ("bankroll", *complying.LIMITS, "changed_by", "changed")
    list_select_related = ("bankroll",)
    detail_related = ("bankroll",)
    search_fields = ("bankroll__name",)
    ordering = ("bankroll__name",)
    empty_text = "No bankroll has limits of its own: Set them."
    changed = columns.moment("changed_at", "Changed")
    desk_actions = (_set("Set limits…", "betting.change_gaminglimits", set_limits, LimitsForm),)


@admin.register(BookRule)
class BookRuleAdmin(Fixed):
    list_display = ("book", "banned_chip", "jurisdictions", "banned_reason", "changed")
    list_filter = ("is_banned",)
    list_select_related = ("book",)
    detail_related = ("book",)
    search_fields = ("book__name", "book__code")
    ordering = ("book__name",)
    empty_text = "No book has rules: each may be bet with everywhere."
    changed = columns.moment("changed_at", "Changed")
    desk_actions = (_set("Set rules…", "betting.change_bookrule", set_rule, RuleForm),)

    @display(description="Banned", ordering="is_banned")
    def banned_chip(self, row: BookRule) -> str:
        return chips.chip("Banned", "bad", "block") if row.is_banned else chips.chip("Allowed")

    def badges(self, row: BookRule) -> list[Any]:
        return [self.banned_chip(row)]
