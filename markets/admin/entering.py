"""Entering a result by hand, from an event's page."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from markets.domain import entries
from markets.domain.entries import Entry
from markets.models import Result
from markets.services import entering
from monitoring.desk.actions import Action, Asked, Done, ReasonForm

_STATUSES = [(code, Result.Status(code).label) for code in entries.STATUSES]
_WINNERS = [("", "As the scores say"), *Result.Winner.choices]


def _score(label: str, help_text: str = "") -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        required=False,
        min_value=0,
        max_value=entries.HIGHEST,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric"}),
        help_text=help_text,
    )


class ResultForm(ReasonForm):
    """What happened on the field, and how that is known."""

    status = forms.ChoiceField(choices=_STATUSES, widget=UnfoldAdminSelectWidget())
    home = _score("Home", "The final score; sets in tennis.")
    away = _score("Away")
    home_half = _score("Home at half-time", "Where it is known.")
    away_half = _score("Away at half-time")
    winner = forms.ChoiceField(
        choices=_WINNERS,
        required=False,
        widget=UnfoldAdminSelectWidget(),
        help_text="Needed where a side gave up or did not come.",
    )
    order = forms.CharField(
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Of a race: the numbers as they came in, dead heats with =, such as 4=5, 2.",
    )
    field_order = ("status", "home", "away", "home_half", "away_half", "winner", "order", "reason")


def _enter(asked: Asked) -> Done:
    told: Any = asked.values
    row = entering.enter(
        event_id=asked.row.pk,
        entry=Entry(
            status=told["status"],
            score=(told["home"], told["away"]),
            half=(told["home_half"], told["away_half"]),
            winner=told["winner"],
            order=told["order"],
        ),
        actor=asked.actor,
        reason=asked.reason,
        now=asked.now,
    )
    return Done(f"{row} stands: the bets are settled by it.")


ENTER = Action(
    name="enter-result",
    title="Enter the result…",
    permission="markets.add_result",
    consequence="It becomes the newest version of the result, whatever the sources told. Open"
    " disputes are closed by it; bets that were paid by another result are reversed and settled"
    " again.",
    act=_enter,
    form=ResultForm,
    icon="edit_note",
    is_dangerous=True,
)
