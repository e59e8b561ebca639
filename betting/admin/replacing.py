"""Offering what is left of a waiting order at another price, and what took whose place."""

from typing import Any

from django import forms
from django.contrib import admin
from unfold.widgets import UnfoldAdminTextInputWidget

from betting.domain import orders
from betting.models import Bet, Replacement
from betting.models.tracking import UNSENT
from betting.services import replacing
from monitoring.desk import chips, columns, sections
from monitoring.desk.actions import Action, Asked, Done, ReasonForm
from monitoring.desk.pages import Fixed, row_url


class PriceForm(ReasonForm):
    """Ask at which price what is left is offered."""

    price = forms.DecimalField(
        min_value=1,
        max_digits=9,
        decimal_places=3,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
        help_text="Decimal, on the ladder of its exchange.",
    )
    field_order = ("price", "reason")


def replace(asked: Asked) -> Done:
    bet = replacing.replace(
        bet_id=asked.row.pk,
        price=asked.values["price"],
        reason=asked.reason,
        actor=asked.actor,
        now=asked.now,
    )
    return Done(f"Replaced by {bet}: {bet.get_order_state_display().lower()}.", row_url(bet))


def _waits(row: Bet) -> bool:
    return row.order_state in orders.WAITING and row.venue not in (*UNSENT, Bet.OUTSIDE)


ACTION = Action(
    name="replace",
    title="Another price…",
    permission="betting.change_bet",
    consequence="The order is taken back at its venue. Only once that is certain, what is left of"
    " it is placed at the other price, as a bet of its own and within every limit.",
    act=replace,
    form=PriceForm,
    valid=_waits,
    invalid="{row} does not wait at a venue of ours.",
    icon="swap_horiz",
)


def parts(row: Bet) -> list[sections.Section]:
    """Say which order a bet took the place of, and which took its own."""
    found: list[tuple[str, Any]] = []
    if hasattr(row, "replaces"):
        found += [("In place of", row.replaces.former), ("Why", row.replaces.reason)]
    if hasattr(row, "replaced_by"):
        found += [("Replaced by", row.replaced_by.bet), ("Because", row.replaced_by.reason)]
    return [sections.Facts("At another price", found)] if found else []


@admin.register(Replacement)
class ReplacementAdmin(Fixed):
    list_display = ("former_link", "bet_link", "reason", "asked_by", "asked")
    list_select_related = ("former", "bet")
    detail_related = ("former", "bet")
    search_fields = ("former__client_ref", "bet__client_ref", "reason", "asked_by")
    ordering = ("-pk",)
    empty_text = "No order was offered at another price."
    asked = columns.moment("asked_at", "Asked")

    @admin.display(description="Order")
    def former_link(self, row: Replacement) -> Any:
        return chips.link(row.former)

    @admin.display(description="Replaced by")
    def bet_link(self, row: Replacement) -> Any:
        return chips.link(row.bet)
