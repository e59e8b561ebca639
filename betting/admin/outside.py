"""Orders on our account that we did not send."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from unfold.decorators import display

from betting.models import OutsideOrder
from monitoring.desk import asking, chips, columns
from monitoring.desk.actions import Action, Asked, Done
from monitoring.desk.filters import StartingFilter
from monitoring.desk.pages import Fixed


class OrdersToSee(StartingFilter):
    title = "show"
    options = {
        "standing": ("Standing", lambda now: Q(ended_at__isnull=True)),
        "loose": ("Without a bet", lambda now: Q(bet__isnull=True, ended_at__isnull=True)),
        "over": ("Over", lambda now: Q(ended_at__isnull=False)),
    }


def ask(asked: Asked) -> Done:
    return asking.ask(asked, task="betting.tasks.adopt_outside")


@admin.register(OutsideOrder)
class OutsideOrderAdmin(Fixed):
    list_display = (
        "venue_ref", "state_chip", "selection", "market_ref", "side", "stake", "price",
        "matched_stake", "at_risk", "bet_link", "why_no_bet", "seen",
    )  # fmt: skip
    list_filter = (OrdersToSee, "venue", "side")
    list_select_related = ("selection__market__event", "bet")
    detail_related = ("selection__market__event", "bet")
    search_fields = ("venue_ref", "market_ref", "told_ref")
    ordering = ("-pk",)
    empty_text = "Every order on the account is one that we sent."
    desk_actions = (
        Action(
            name="ask",
            title="Ask the venues",
            permission="betting.change_bet",
            consequence="Orders that somebody placed outside are taken up and count. None is"
            " cancelled.",
            act=ask,
            icon="contact_support",
            on=frozenset({"table"}),
        ),
    )

    @display(description="State", ordering="ended_at")
    def state_chip(self, row: OutsideOrder) -> str:
        if row.ended_at:
            return chips.chip("Over", "idle", "task_alt")
        return chips.chip("Standing", "warn", "warning")

    @display(description="Bet", ordering="bet")
    def bet_link(self, row: OutsideOrder) -> Any:
        return chips.link(row.bet) if row.bet else chips.NOTHING

    seen = columns.moment("seen_at", "First seen")
