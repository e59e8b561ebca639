"""What a paper bet costs at each book: its numbers, what they mean for a stake, and a change."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from betting.models import CostModel
from betting.services import costing
from markets.models import Book
from monitoring.desk import chips, sections
from monitoring.desk.actions import Action, Asked, Done, ReasonForm
from monitoring.desk.pages import Fixed, row_url

_HELP = {
    "latency_ms": "Mean time until the book answers, in milliseconds.",
    "delay_ms": "What the book waits with every bet, in milliseconds.",
    "rejection": "The share of bets turned down whatever their price: 0.05 is one in twenty.",
    "slippage": "How much of price - 1 is lost until the bet arrives, in the mean.",
    "spread": "The standard deviation of that loss.",
    "depth": "What is taken at once at the price shown.",
    "queue": "What stands before us for the rest.",
    "flow_per_minute": "What is matched there in a minute, ours or not.",
    "patience_seconds": "How long the rest waits; 0: it lapses at once.",
    "commission": "Of what is won; it shapes the expectation below.",
    "seed": "Another seed, other luck; the same seed, the same answers.",
}


class CostsForm(ReasonForm):
    """Ask for the numbers as they shall be, and why."""

    field_order = ("book", *costing.NUMBERS, "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row: Any = self.rows[0] if self.rows else CostModel()
        for name in costing.NUMBERS:
            column: Any = CostModel._meta.get_field(name)
            field = column.formfield(required=name != "is_enabled")
            is_switch = name == "is_enabled"
            field.widget = (
                UnfoldBooleanSwitchWidget() if is_switch else UnfoldAdminTextInputWidget()
            )
            field.help_text = _HELP.get(name, "")
            self.fields[name] = field
            self.initial.setdefault(name, getattr(row, name))
        self.order_fields(self.field_order)


class NewForm(CostsForm):
    """Choose the book besides."""

    book = forms.ModelChoiceField(
        Book.objects.filter(cost_model=None).exclude(kind=Book.Kind.AGGREGATE).order_by("name"),
        widget=UnfoldAdminSelectWidget(),
    )


def set_costs(asked: Asked) -> Done:
    book = asked.values.get("book")
    row = costing.set_costs(
        book_id=book.pk if book else asked.row.book_id,
        reason=asked.reason,
        actor=asked.actor,
        now=asked.now,
        **{name: asked.values[name] for name in costing.NUMBERS},
    )
    return Done(f"Set: {row}.", row_url(row))


@admin.register(CostModel)
class CostModelAdmin(Fixed):
    list_display = (
        "book", "state_chip", "latency_ms", "delay_ms", "rejection", "slippage", "depth", "queue",
        "flow_per_minute", "patience_seconds",
    )  # fmt: skip
    list_select_related = ("book",)
    ordering = ("book__name",)
    detail_related = ("book",)
    empty_text = "Paper bets are taken whole and at once at the price shown, at every book."
    desk_actions = (
        Action(
            name="new",
            title="Set a book's costs…",
            permission="betting.change_costmodel",
            consequence="Paper bets and replays at this book are late, turned down or filled in"
            " parts from now on, as the numbers say. Live bets are not touched.",
            act=set_costs,
            form=NewForm,
            icon="add_circle",
            on=frozenset({"table"}),
        ),
        Action(
            name="change",
            title="Change…",
            permission="betting.change_costmodel",
            consequence="Orders that wait keep the terms they were taken at; the next ones are"
            " taken at these.",
            act=set_costs,
            form=CostsForm,
            icon="tune",
        ),
    )

    @display(description="State", ordering="is_enabled")
    def state_chip(self, row: CostModel) -> str:
        return chips.yes_no(row.is_enabled, yes="In use", no="Off")

    def badges(self, row: CostModel) -> list[Any]:
        return [self.state_chip(row)]

    def parts(self, request: HttpRequest, row: CostModel) -> list[sections.Section]:
        rows = [
            (
                f"{each.stake:,.0f}",
                *(
                    chips.percent(share)
                    for share in (
                        each.filled_at_once,
                        each.filled_in_a_minute,
                        each.filled_at_last,
                        each.share,
                    )
                ),
                f"{each.net_of_two:.3f}",
            )
            for each in costing.estimates(row)
        ]
        headers = (
            "Stake", "Filled at once", "In a minute", "At last", "Share matched", "2.00 is worth",
        )  # fmt: skip
        return [self.all_facts(row), sections.Table("What to expect", headers, rows, wide=False)]
