"""Bets, and the orders the paper venue remembers."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import path
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from betting.admin import common, fills, recording, replacing
from betting.models import Bet, PaperOrder
from monitoring.desk import asking, chips, columns, sections
from monitoring.desk.actions import Action, Asked, Done
from monitoring.desk.filters import StartingFilter
from monitoring.desk.pages import Fixed, list_url


class BetsToSee(StartingFilter):
    title = "show"
    options = {
        "open": ("Open", lambda now: Q(status__in=Bet.OPEN)),
        "settled": ("Settled", lambda now: Q(status="SETTLED")),
        "refused": ("Rejected or cancelled", lambda now: Q(status__in=["REJECTED", "CANCELLED"])),
    }


def reconcile(asked: Asked) -> Done:
    return asking.ask(asked, task="betting.tasks.reconcile_unknown")


@admin.register(Bet)
class BetAdmin(recording.RecordsBets, Fixed):
    list_display = (
        "number", "outcome_chip", "about", "origin", "stake_text", "price_text", "edge_text",
        "profit_text", "clv", "placed",
    )  # fmt: skip
    list_filter = (
        BetsToSee,
        ("status", ChoicesDropdownFilter),
        ("order_state", ChoicesDropdownFilter),
        ("outcome", ChoicesDropdownFilter),
        ("bankroll", RelatedDropdownFilter),
        ("strategy", RelatedDropdownFilter),
        ("book", RelatedDropdownFilter),
    )
    list_select_related = (common.EVENT, "bankroll", "book", "value")
    search_fields = ("client_ref", "venue_ref", "selection__market__event__name")
    search_help_text = "Event, our reference, the venue's reference"
    ordering = ("-pk",)
    detail_related = (
        common.EVENT, "bankroll", "book", "strategy", "decision", "value", "tracked__imported",
    )  # fmt: skip
    empty_text = (
        "No bet is open. A strategy bets when an event reaches its stage and a price is worth it;"
        " its page says why it passed."
    )
    desk_actions = (
        Action(
            name="decide",
            title="Decide now",
            permission="betting.add_bet",
            consequence="What waits for a decision is decided, and bets are placed within every"
            " limit.",
            act=common.decide,
            icon="rule",
            on=frozenset({"table"}),
        ),
        Action(
            name="reconcile",
            title="Ask the venues",
            permission="betting.change_bet",
            consequence="Bets without an answer are asked for by our reference. Nothing is sent"
            " twice.",
            act=reconcile,
            icon="contact_support",
            on=frozenset({"table"}),
        ),
        *recording.ACTIONS,
        replacing.ACTION,
    )

    number = columns.number("Bet")
    status_chip = columns.state("status")

    @display(description="State or outcome", ordering="status")
    def outcome_chip(self, row: Bet) -> str:
        if row.outcome is None:
            return self.status_chip(row)
        return chips.outcome(row.outcome, row.get_outcome_display())

    @display(description="Selection")
    def about(self, row: Bet) -> str:
        market = row.selection.market
        return chips.two_lines(f"{row.selection} · {market}", chips.link(market.event))

    @display(description="Price, book", ordering="price")
    def price_text(self, row: Bet) -> str:
        return chips.two_lines(f"{row.price:.2f}", row.book.name)

    @display(description="Origin")
    def origin(self, row: Bet) -> str:
        return common.origin(row.bankroll)

    @display(description="Stake", ordering="stake")
    def stake_text(self, row: Bet) -> str:
        return chips.money(row.stake, row.bankroll.currency)

    @display(description="Edge")
    def edge_text(self, row: Bet) -> str:
        if row.probability is None:
            return chips.NOTHING
        return chips.percent(row.probability * float(row.price) - 1, signed=True)

    @display(description="Profit", ordering="profit")
    def profit_text(self, row: Bet) -> str:
        return chips.money(row.profit, row.bankroll.currency, signed=True)

    @display(description="CLV")
    def clv(self, row: Any) -> str:
        value = getattr(row, "value", None)
        return chips.percent(value.clv if value else None, signed=True)

    placed = columns.moment("placed_at", "Placed")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(fills.page)
        return [path("fills/", view, name=fills.NAME), *super().get_urls()]

    def tiles(self, request: HttpRequest) -> list[sections.Tile]:
        open_by_status = dict(
            Bet.objects.open().order_by().values_list("status").annotate(n=Count("pk"))
        )
        return [
            sections.Tile(
                Bet.Status(status).label,
                open_by_status.get(status, 0),
                list_url(Bet, show="open", status__exact=status),
                "bad" if status == Bet.Status.UNKNOWN and open_by_status.get(status) else "",
            )
            for status in Bet.OPEN
        ] + [sections.Tile("Fills", "Report", fills.address())]

    def badges(self, row: Bet) -> list[Any]:
        badges = [self.status_chip(row), self.origin(row)]
        return [*badges, self.outcome_chip(row)] if row.outcome else badges

    def parts(self, request: HttpRequest, row: Bet) -> list[sections.Section]:
        return [
            sections.Facts(
                "What",
                [
                    ("Event", row.selection.market.event),
                    ("Market", str(row.selection.market)),
                    ("Selection", row.selection),
                    ("Side", row.get_side_display()),
                    ("Book", row.book),
                    ("Venue", row.venue),
                    ("Bankroll", row.bankroll),
                    ("Strategy", row.strategy),
                    ("Decision", row.decision),
                ],
            ),
            sections.Facts(
                "Money",
                [
                    ("Stake", self.stake_text(row)),
                    ("Price", row.price),
                    ("Liability", chips.money(row.liability, row.bankroll.currency)),
                    ("Our probability", chips.percent(row.probability)),
                    ("Edge when struck", self.edge_text(row)),
                    ("Profit", self.profit_text(row)),
                    ("Closing-line value", self.clv(row)),
                    ("Close", getattr(row, "value", None)),
                ],
            ),
            _order(row),
            *replacing.parts(row),
            _story(row),
            *recording.parts(row),
            _settlements(row),
        ]


def _order(row: Bet) -> sections.Facts:
    currency = row.bankroll.currency
    return sections.Facts(
        "Order",
        [
            ("Order", chips.state(row.order_state, row.get_order_state_display())),
            ("Asked", f"{row.requested_stake} {currency} at {row.requested_price}"),
            ("Matched", chips.money(row.matched_stake, currency)),
            ("Average price matched", row.matched_price),
            ("Answered within", None if row.latency_ms is None else f"{row.latency_ms} ms"),
        ],
    )


def _story(row: Bet) -> sections.Facts:
    return sections.Facts(
        "Story",
        [
            ("Placed", row.placed_at),
            ("Answered", row.answered_at),
            ("Said", row.status_reason),
            ("Our reference", row.client_ref),
            ("Venue's reference", row.venue_ref),
            ("Settled", row.settled_at),
        ],
    )


def _settlements(row: Bet) -> sections.Table:
    """Show how it was settled, each time; settlements hang on the bet by their own foreign key."""
    related: Any = getattr(row, "settlements", None)
    rows = [
        (
            chips.link(found, f"Revision {found.revision}"),
            chips.outcome(found.outcome, found.get_outcome_display()),
            chips.money(found.profit, row.bankroll.currency, signed=True),
            found.settled_at,
        )
        for found in (related.order_by("-revision") if related is not None else ())
    ]
    headers = ("Settlement", "Outcome", "Profit", "Settled")
    return sections.Table("Settlements", headers, rows, empty="Not settled yet.", wide=False)


@admin.register(PaperOrder)
class PaperOrderAdmin(Fixed):
    list_display = ("client_ref", "state_chip", "price", "stake", "reason", "received")
    list_filter = ("state",)
    search_fields = ("client_ref",)
    ordering = ("-pk",)
    empty_text = "The paper venue has received no order."

    @display(description="State", ordering="state")
    def state_chip(self, row: PaperOrder) -> str:
        return chips.state(row.state)

    received = columns.moment("received_at", "Received")
