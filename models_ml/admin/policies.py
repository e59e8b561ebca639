"""What a promotion asks for, and what is kept for how long: seen, and changed with a reason."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.contrib import admin
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldAdminTimeWidget,
)

from models_ml.admin.shown import Shown
from models_ml.models import HygienePolicy, Pipeline, PromotionPolicy
from models_ml.services import policies
from monitoring.desk.actions import Action, Asked, Done, ReasonForm

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HOUSE = "Every pipeline without a policy of its own"


def _number(help_text: str, *, least: int = 1, is_optional: bool = False) -> forms.IntegerField:
    return forms.IntegerField(
        min_value=least,
        required=not is_optional,
        help_text=help_text,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric"}),
    )


def _figure(help_text: str) -> forms.FloatField:
    return forms.FloatField(
        help_text=help_text, widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"})
    )


class PolicyForm(ReasonForm):
    """Start from what stands: the row's own values, or the house's default."""

    known: Mapping[str, Any] = {}
    kind: type[PromotionPolicy | HygienePolicy]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stands = self.rows[0] if self.rows else self.kind.objects.filter(pipeline=None).first()
        for name in self.known:
            self.initial.setdefault(name, getattr(stands or self.kind(), name))

    def changes(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.known}


class PromotionForm(PolicyForm):
    known = policies.PROMOTION
    kind = PromotionPolicy
    weekdays = forms.TypedMultipleChoiceField(
        choices=list(enumerate(DAYS)),
        coerce=int,
        widget=forms.CheckboxSelectMultiple(),
        help_text="Days on which versions are promoted without an override.",
    )
    until_time = forms.TimeField(
        widget=UnfoldAdminTimeWidget(), help_text="Until then, on those days."
    )
    time_zone = forms.CharField(
        max_length=64, widget=UnfoldAdminTextInputWidget(), help_text="UTC, Europe/London, …"
    )
    slope_tolerance = _figure("The reliability slope lies within 1 ± this.")
    minimum_test_rows = _number("Events of the test part, at least.")
    minimum_challenger_bets = _number("Common events with what serves, at least.")
    too_good_sigma = _figure("Standard deviations below the close that need a signed reason.")
    wants_significance = forms.BooleanField(
        required=False,
        help_text="A gate shuts only where the whole interval is outside, not the figure alone.",
    )
    expires_after_days = _number(
        "Days after which a version serves no more. Empty: never.", is_optional=True
    )
    proposal_expires_days = _number("Days that a proposal waits for two people.")
    field_order = (*policies.PROMOTION, "reason")


class HygieneForm(PolicyForm):
    known = policies.HYGIENE
    kind = HygienePolicy
    keep_days = _number("Days that every version's file is kept, and every trial.")
    keep_last = _number("The last versions, whose files are kept longer.")
    keep_best = _number("The best versions, whose files are kept longer.", least=0)
    predictions_days = _number("Days that predictions and rows are kept.", least=30)
    rehearsals_days = _number("Days that a rehearsal is left standing.")
    is_enabled = forms.BooleanField(required=False, help_text="Put away what may go.")
    field_order = (*policies.HYGIENE, "reason")


def _pipeline() -> forms.ModelChoiceField:
    return forms.ModelChoiceField(
        queryset=Pipeline.objects.order_by("code"),
        required=False,
        empty_label=HOUSE,
        widget=UnfoldAdminSelectWidget(),
    )


class NewPromotionForm(PromotionForm):
    pipeline = _pipeline()
    field_order = ("pipeline", *PromotionForm.field_order)


class NewHygieneForm(HygieneForm):
    pipeline = _pipeline()
    field_order = ("pipeline", *HygieneForm.field_order)


def _changing(change: Callable[..., Any], known: Mapping[str, Any]) -> Callable[[Asked], Done]:
    def act(asked: Asked) -> Done:
        if asked.rows:
            pipeline_id = asked.row.pipeline_id
        else:
            chosen = asked.values["pipeline"]
            pipeline_id = chosen.pk if chosen else None
        policy = change(
            pipeline_id=pipeline_id,
            changes={name: asked.values[name] for name in known},
            actor=asked.actor,
            reason=asked.reason,
            now=asked.now,
        )
        return Done(f"{policy} is as you say from now on.")

    return act


def _actions(
    act: Callable[[Asked], Done],
    permission: str,
    consequence: str,
    form: type[PolicyForm],
    new: type[PolicyForm],
) -> tuple[Action, Action]:
    common: dict[str, Any] = {
        "permission": permission,
        "consequence": consequence,
        "act": act,
        "is_dangerous": True,
    }
    return (
        Action(name="change", title="Change…", icon="edit", form=form, **common),
        Action(
            name="set", title="Set a policy…", icon="add", form=new, on=frozenset({"table"}),
            **common,
        ),
    )  # fmt: skip


@admin.register(PromotionPolicy)
class PromotionPolicyAdmin(Shown):
    list_display = (
        "name", "days", "until_time", "time_zone", "minimum_test_rows", "slope_tolerance",
        "expires_after_days",
    )  # fmt: skip
    list_select_related = ("pipeline",)
    search_fields = ("pipeline__code",)
    ordering = ("pipeline__code", "pk")
    detail_related = ("pipeline",)
    figures = (("weekdays", "Days on which versions are promoted, Monday is 0"),)
    empty_text = "Every pipeline is promoted by the house's default."
    desk_actions = _actions(
        _changing(policies.change_promotion, policies.PROMOTION),
        "models_ml.change_promotionpolicy",
        "Versions are weighed by it from now on. What was weighed already keeps its answers until"
        " somebody weighs it anew; when a version expires changes at once.",
        PromotionForm,
        NewPromotionForm,
    )

    @display(description="Policy", ordering="pipeline")
    def name(self, row: PromotionPolicy) -> str:
        return str(row)

    @display(description="Days")
    def days(self, row: PromotionPolicy) -> str:
        return ", ".join(DAYS[day] for day in row.weekdays)


@admin.register(HygienePolicy)
class HygienePolicyAdmin(Shown):
    list_display = (
        "name", "keep_days", "keep_last", "keep_best", "predictions_days", "rehearsals_days",
        "is_enabled",
    )  # fmt: skip
    list_select_related = ("pipeline",)
    search_fields = ("pipeline__code",)
    ordering = ("pipeline__code", "pk")
    detail_related = ("pipeline",)
    empty_text = "Every pipeline is kept tidy by the house's default."
    desk_actions = _actions(
        _changing(policies.change_hygiene, policies.HYGIENE),
        "models_ml.change_hygienepolicy",
        "What it lets go is put away for good on the next Monday morning. Look first:"
        " manage.py models hygiene --dry-run.",
        HygieneForm,
        NewHygieneForm,
    )

    @display(description="Policy", ordering="pipeline")
    def name(self, row: HygienePolicy) -> str:
        return str(row)
