"""Moving money between cash, books and outside, from a bankroll's page."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget

from betting.models import Bankroll
from markets.models import Book
from monitoring.desk import actions
from monitoring.desk.actions import Action, Asked, Done
from settlements.admin.money import MoveForm, moved
from settlements.services import moving, places


class PlacesForm(MoveForm):
    """Ask from where to where as well."""

    source = forms.ChoiceField(label="From", widget=UnfoldAdminSelectWidget())
    target = forms.ChoiceField(label="To", widget=UnfoldAdminSelectWidget())
    field_order: tuple[str, ...] = ("source", "target", "amount", "reference", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        books = Book.objects.filter(kind__in=Book.TAKES_BETS).order_by("name")
        named = list(books.values_list("code", "name"))
        choices = [
            (places.CASH, "Cash"),
            (places.OUTSIDE, "Outside"),
            *named,
            *((f"{places.BONUS}{code}", f"Bonus of {name}") for code, name in named),
        ]
        for field in ("source", "target"):
            self.fields[field].choices = choices  # type: ignore[attr-defined]


def move(asked: Asked) -> Done:
    transfer = moving.move(
        bankroll_id=asked.row.pk,
        source=asked.values["source"],
        target=asked.values["target"],
        amount=asked.values["amount"],
        reference=asked.values["reference"],
        reason=asked.reason,
        actor=asked.actor,
        now=asked.now,
    )
    return moved(asked, transfer)


actions.offer(
    Bankroll,
    Action(
        name="move",
        title="Move money…",
        permission="settlements.add_ledgertransfer",
        consequence="Once money lies at a book, the bets struck there win and lose what lies there;"
        " all others win and lose in cash. A bonus counts once its book releases it.",
        act=move,
        form=PlacesForm,
        valid=lambda row: row.kind != Bankroll.Kind.REPLAY,
        invalid="The money of {row} belongs to its replay.",
        icon="swap_horiz",
    ),
)
