"""Whose close is believed: a rule per competition and kind of market."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from markets.domain import odds
from markets.models import ReferenceRule
from markets.services import referencing
from monitoring.desk import chips
from monitoring.desk.actions import Action, Asked, Done
from monitoring.desk.pages import Kept, actor_of, list_url


class RuleForm(forms.ModelForm):
    """Whom to ask, in order, by which method; judged by the service."""

    method = forms.ChoiceField(
        required=False,
        choices=[("", "by the number of answers"), *((name, name) for name in odds.METHODS)],
        widget=UnfoldAdminSelectWidget(),
        help_text="How the margin is taken off. Closes that stand are recorded anew.",
    )
    reason = forms.CharField(max_length=250, widget=UnfoldAdminTextInputWidget())

    class Meta:
        model = ReferenceRule
        fields = ("competition", "kind", "chain", "method", "reason")
        help_texts = {
            "competition": "None: every competition that is not simulated.",
            "kind": "None: every kind of market.",
            "chain": "Codes of books, separated by commas, in order; the last may be consensus.",
        }


def drop(asked: Asked) -> Done:
    for row in asked.rows:
        referencing.drop_rule(
            competition_code=row.competition.code if row.competition is not None else "",
            kind=row.kind,
            actor=asked.actor,
            reason=asked.reason,
            now=asked.now,
        )
    return Done(f"Dropped {len(asked.rows)}.", url=list_url(ReferenceRule))


@admin.register(ReferenceRule)
class ReferenceRuleAdmin(Kept):
    form = RuleForm
    list_display = ("__str__", "asked", "by_method", "changed_by", "changed")
    list_select_related = ("competition",)
    list_filter = ("kind",)
    search_fields = ("competition__name", "competition__code")
    ordering = ("pk",)
    autocomplete_fields = ("competition",)
    empty_text = (
        "No rule: the books are asked by their reference rank, then the mean of those that take"
        " bets (consensus)."
    )
    desk_actions = (
        Action(
            name="drop",
            title="Drop",
            permission="markets.change_referencerule",
            consequence="The rule that says less goes again, in the end the books' ranks. Bets are"
            " valued anew by it.",
            act=drop,
            icon="delete",
            is_dangerous=True,
        ),
    )

    @display(description="Believed, in order")
    def asked(self, row: ReferenceRule) -> str:
        return " → ".join(row.chain)

    @display(description="Method", ordering="method")
    def by_method(self, row: ReferenceRule) -> str:
        return row.method or "by the number of answers"

    @display(description="Changed", ordering="changed_at")
    def changed(self, row: ReferenceRule) -> str:
        return chips.when(row.changed_at)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("competition", "kind") if obj else ()

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Leave out the reason where somebody may only look."""
        if obj is not None and not self.has_change_permission(request, obj):
            kwargs["fields"] = ["chain", "method"]
        return super().get_form(request, obj, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        rule = referencing.set_rule(
            competition_code=obj.competition.code if obj.competition is not None else "",
            kind=obj.kind,
            chain=form.cleaned_data["chain"],
            method=form.cleaned_data["method"],
            actor=actor_of(request),
            reason=form.cleaned_data["reason"],
            now=timezone.now(),
        )
        obj.pk = rule.pk
        obj.refresh_from_db()
