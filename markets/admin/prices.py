"""Latest and closing prices, as lists, and how long history is kept."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import path
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from markets import queries
from markets.admin import movement
from markets.models import ClosingPrice, LatestPrice, RetentionPolicy
from markets.services import retiring
from monitoring.desk import chips, columns, sections
from monitoring.desk.actions import Action, Asked, Done, ReasonForm
from monitoring.desk.pages import Fixed

RELATED = ("selection__market__event__competition", "book")


class Prices(Fixed):
    list_select_related = RELATED
    detail_related = RELATED
    list_filter: Any = (("book", RelatedDropdownFilter), "book__is_simulated", "book__kind")
    search_fields = ("selection__market__event__name", "selection__name")

    @display(description="Book", ordering="book")
    def book_name(self, row: Any) -> str:
        return str(row.book.name)

    @display(description="Market")
    def market(self, row: Any) -> str:
        return str(row.selection.market)

    @display(description="Selection")
    def answer(self, row: Any) -> str:
        return chips.two_lines(row.selection, chips.link(row.selection.market.event))

    @display(description="Origin")
    def origin(self, row: Any) -> str:
        return chips.origin(is_simulated=row.selection.market.event.competition.is_simulated)

    seen = columns.moment("seen_at", "Shown since")
    confirmed = columns.moment("confirmed_at", "Confirmed")

    def badges(self, row: Any) -> list[Any]:
        return [self.origin(row)]


@admin.register(LatestPrice)
class LatestPriceAdmin(Prices):
    list_display = (
        "answer", "market", "book_name", "price", "moved", "origin", "seen", "confirmed",
    )  # fmt: skip
    list_display_links = ("price",)
    ordering = ("-pk",)
    empty_text = "No price is known. Ingest a source (Sources → Ingest now) or run the simulator."

    @display(description="Moved")
    def moved(self, row: LatestPrice) -> str:
        if row.previous_price is None:
            return chips.NOTHING
        return chips.percent(float(row.price / row.previous_price) - 1, signed=True)


EXACTNESS = {
    ClosingPrice.Exactness.EXACT: ("good", "check_circle"),
    ClosingPrice.Exactness.PROVISIONAL: ("warn", "schedule"),
    ClosingPrice.Exactness.NONE: ("idle", "history"),
}


@admin.register(ClosingPrice)
class ClosingPriceAdmin(Prices):
    list_display = (
        "answer", "market", "book_name", "opening_price", "price", "fair", "worth", "method",
        "origin", "seen",
    )  # fmt: skip
    list_display_links = ("price",)
    list_filter = (*Prices.list_filter, "exactness", "opening_exactness")
    ordering = ("-pk",)
    empty_text = "Closing prices are kept once events have started."

    @display(description="Fair at close", ordering="fair_probability")
    def fair(self, row: ClosingPrice) -> str:
        return chips.percent(row.fair_probability)

    @display(description="Exactness", ordering="exactness")
    def worth(self, row: ClosingPrice) -> str:
        tone, icon = EXACTNESS[ClosingPrice.Exactness(row.exactness)]
        return chips.chip(row.get_exactness_display(), tone, icon)

    def badges(self, row: ClosingPrice) -> list[Any]:
        return [self.origin(row), self.worth(row)]

    def tiles(self, request: HttpRequest) -> list[sections.Tile]:
        return [sections.Tile("Movement and timing", "Report", url=movement.address())]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(movement.page)
        return [path("movement/", view, name=movement.NAME), *super().get_urls()]

    def parts(self, request: HttpRequest, row: ClosingPrice) -> list[sections.Section]:
        return [self.all_facts(row), _by_method(row)]


def _by_method(row: ClosingPrice) -> sections.Table:
    """Show what each method makes of this book's market, beside the one that was recorded."""
    book = row.book.code
    event_id = row.selection.market.event_id
    shown = []
    for method, found in queries.closing_by_method(event_ids=[event_id], chain=[book]).items():
        mine = found[found["selection_id"] == row.selection_id]
        for fair, used in mine[["fair_probability", "method"]].to_numpy().tolist():
            shown.append((method, chips.percent(fair), used))
    return sections.Table(
        "Fair probability by every method",
        ("Method", "Fair probability", "Used"),
        shown,
        empty="The market was incomplete, or the close is too old to be one.",
        wide=False,
    )


class PolicyForm(ReasonForm):
    """How long the rows are kept; empty: for ever."""

    keep_days = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=retiring.DAYS_AT_MOST,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric"}),
        help_text="Days. Empty: for ever.",
    )
    exports_parquet = forms.BooleanField(
        required=False, help_text="Write a month of history to a file before it is dropped."
    )
    is_enabled = forms.BooleanField(required=False, help_text="Retire what is older.")
    field_order = (*retiring.CHANGEABLE, "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if len(self.rows) == 1:
            for name in retiring.CHANGEABLE:
                self.initial.setdefault(name, getattr(self.rows[0], name))


def change_policy(asked: Asked) -> Done:
    policy = retiring.change_policy(
        table=asked.row.table,
        changes={name: asked.values[name] for name in retiring.CHANGEABLE},
        actor=asked.actor,
        reason=asked.reason,
        now=asked.now,
    )
    return Done(f"{policy}, from the next run on.")


@admin.register(RetentionPolicy)
class RetentionPolicyAdmin(Fixed):
    list_display = ("table", "kept", "exports_parquet", "is_enabled", "ran", "last_retired")
    desk_actions = (
        Action(
            name="change",
            title="Change…",
            permission="markets.change_retentionpolicy",
            consequence="What is older than it then allows leaves the database at the next run,"
            " and payloads and problems leave it for good.",
            act=change_policy,
            form=PolicyForm,
            icon="edit",
            is_dangerous=True,
        ),
    )
    ordering = ("table",)
    empty_text = "Policies are made by the first run of “Retire what is kept long enough”."

    @display(description="Kept", ordering="keep_days")
    def kept(self, row: RetentionPolicy) -> str:
        return "for ever" if row.keep_days is None else f"{row.keep_days} days"

    @display(description="Last run", ordering="last_run_at")
    def ran(self, row: RetentionPolicy) -> str:
        return chips.when(row.last_run_at)
