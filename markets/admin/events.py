"""Events, markets, selections and results: one page shows prices, history, result."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import F, Prefetch, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display

from markets import queries
from markets.admin import entering, ladders, lineups, results
from markets.models import (
    Book,
    ClosingPrice,
    Event,
    Market,
    PriceSnapshot,
    Result,
    Selection,
)
from monitoring.desk import chips, columns, sections
from monitoring.desk.filters import StartingFilter
from monitoring.desk.pages import Fixed

HISTORY_AT_MOST = 2000  # price changes drawn on one page


class EventsToSee(StartingFilter):
    title = "show"
    options = {
        "coming": (
            "Coming, or started within 3 hours",
            lambda now: Q(starts_at__gte=now - timedelta(hours=3)),
        ),
        "past": ("Started before that", lambda now: Q(starts_at__lt=now - timedelta(hours=3))),
    }


@admin.register(Event)
class EventAdmin(Fixed):
    list_display = ("about", "origin", "starts", "state_chip", "score", "label")
    list_filter = (
        EventsToSee,
        ("status", ChoicesDropdownFilter),
        "competition__is_simulated",
        ("competition", RelatedDropdownFilter),
    )
    list_select_related = ("competition", "season")
    search_fields = ("name",)
    ordering = ("starts_at",)
    detail_related = ("competition__sport", "season__competition", "home", "away")
    empty_text = (
        "No event is coming. Ingest a source (Sources → Ingest now), or choose “All” to see the"
        " past."
    )
    desk_actions = (entering.ENTER, lineups.TELL)

    def get_queryset(self, request: HttpRequest) -> Any:
        newest = Result.objects.order_by("-version")
        return (
            super()
            .get_queryset(request)
            .prefetch_related(Prefetch("results", queryset=newest, to_attr="newest_results"))
        )

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Put the next event first where the coming ones are shown, else the last one."""
        return ("starts_at",) if request.GET.get("show", "coming") == "coming" else ("-starts_at",)

    @display(description="Event", ordering="name")
    def about(self, row: Event) -> str:
        return chips.two_lines(row.name, row.competition.name)

    @display(description="Origin", ordering="competition__is_simulated")
    def origin(self, row: Event) -> str:
        return chips.origin(is_simulated=row.competition.is_simulated)

    @display(description="Season", ordering="season")
    def label(self, row: Event) -> str:
        return row.season.label

    starts = columns.moment("starts_at", "Starts")
    state_chip = columns.state("status")

    @display(description="Result")
    def score(self, row: Any) -> str:
        return str(row.newest_results[0]) if row.newest_results else "–"

    def badges(self, row: Event) -> list[Any]:
        held = results.held_badge(row)
        return [chips.state(row.status, row.get_status_display()), self.origin(row), *held]

    def parts(self, request: HttpRequest, row: Event) -> list[sections.Section]:
        markets = sorted(row.markets.prefetch_related("selections"), key=_in_order)
        chosen = [s for market in markets[:1] for s in market.selections.all()]
        return [
            _event_facts(row),
            _results(row),
            *([results.disputes_table(row)] if row.disputes.exists() else []),
            *lineups.parts(row),
            latest_table(event=row),
            *([history_chart(chosen)] if chosen else []),
            closing_table(event=row),
            sections.Table(
                "Markets",
                ("Market", "Selections"),
                [
                    (chips.link(market), ", ".join(str(s) for s in market.selections.all()))
                    for market in markets
                ],
                empty="No book has quoted this event yet.",
            ),
        ]


@admin.register(Market)
class MarketAdmin(Fixed):
    list_display = ("name", "event", "origin", "kind", "line", "period")
    list_filter = (("kind", ChoicesDropdownFilter), "event__competition__is_simulated")
    list_select_related = ("event__competition",)
    search_fields = ("event__name",)
    ordering = ("-pk",)
    detail_related = ("event__competition",)

    @display(description="Market")
    def name(self, row: Market) -> str:
        return str(row)

    @display(description="Origin")
    def origin(self, row: Market) -> str:
        return chips.origin(is_simulated=row.event.competition.is_simulated)

    def badges(self, row: Market) -> list[Any]:
        return [self.origin(row)]

    def parts(self, request: HttpRequest, row: Market) -> list[sections.Section]:
        chosen = list(row.selections.all())
        links = [(chips.link(s), s.get_role_display(), s.line) for s in chosen]
        return [
            self.all_facts(row),
            sections.Table("Selections", ("Selection", "Role", "Line"), links, wide=False),
            *([history_chart(chosen)] if chosen else []),
        ]


@admin.register(Selection)
class SelectionAdmin(Fixed):
    list_display = ("name", "market", "event", "origin", "role", "line")
    list_filter = (("role", ChoicesDropdownFilter), "market__event__competition__is_simulated")
    list_select_related = ("market__event__competition",)
    search_fields = ("name", "market__event__name")
    ordering = ("-pk",)
    detail_related = ("market__event__competition",)

    @display(description="Event")
    def event(self, row: Selection) -> str:
        return chips.link(row.market.event)

    @display(description="Origin")
    def origin(self, row: Selection) -> str:
        return chips.origin(is_simulated=row.market.event.competition.is_simulated)

    def badges(self, row: Selection) -> list[Any]:
        return [self.origin(row)]

    def parts(self, request: HttpRequest, row: Selection) -> list[sections.Section]:
        return [
            self.all_facts(row),
            sections.Facts("Event", [("Event", row.market.event), ("Market", row.market)]),
            history_chart([row], per_book=True),
            *ladders.ladder_parts(row),
            history_table(row),
        ]


def _event_facts(row: Event) -> sections.Facts:
    return sections.Facts(
        "Facts",
        [
            ("Competition", row.competition),
            ("Season", row.season.label),
            ("Home", row.home),
            ("Away", row.away),
            ("Planned start", row.starts_at),
            ("Actual start", row.started_at),
            ("Predictions", _list_link("models_ml_prediction", row)),
            ("Bets", _list_link("betting_bet", row)),
        ],
    )


def _list_link(page: str, row: Event) -> Any:
    """Link to a list of an app above by its page's name; nothing is imported from there."""
    url = reverse(f"admin:{page}_changelist")
    return format_html('<a class="cl-link" href="{}?show=all&q={}">Show</a>', url, row.name)


def _results(row: Event) -> sections.Table:
    rows = [
        (
            chips.link(result, f"v{result.version}"),
            chips.state(result.status, result.get_status_display()),
            "–" if result.home_score is None else f"{result.home_score}–{result.away_score}",
            result.source,
            result.known_at,
        )
        for result in row.results.select_related("source").order_by("-version")
    ]
    headers = ("Version", "State", "Score", "Source", "Known since")
    empty = "Not known yet; sources bring it after the event."
    return sections.Table("Result", headers, rows, empty=empty, wide=False)


def latest_table(*, event: Event) -> sections.Table:
    """Return what each book shows now, a column per book."""
    found = queries.shown_prices(event_id=event.pk)
    selections = Selection.objects.select_related("market").in_bulk(
        {row.selection_id for row in found}
    )
    books: dict[str, None] = {}
    by_selection: dict[Selection, dict[str, Any]] = defaultdict(dict)
    for row in sorted(found, key=lambda row: _in_order(selections[row.selection_id].market)):
        books.setdefault(row.book)
        by_selection[selections[row.selection_id]][row.book] = row.price
    best = {s: max(prices.values()) for s, prices in by_selection.items()}
    table = [
        (
            str(selection.market),
            chips.link(selection),
            *(_price(prices.get(book), best[selection]) for book in books),
        )
        for selection, prices in by_selection.items()
    ]
    return sections.Table(
        "Prices now",
        ("Market", "Selection", *books),
        table,
        empty="No book has quoted this event yet.",
        note="The best price of each row is marked." if table else "",
    )


def _in_order(market: Market) -> tuple[bool, str, Any]:
    """Put the plain question first, then handicaps and totals by their lines."""
    return (market.kind != Market.Kind.MATCH_ODDS, market.kind, market.line or 0)


def _price(price: Any, best: Any) -> Any:
    if price is None:
        return None
    return chips.chip(f"{price:.2f}", "good") if price == best else f"{price:.2f}"


def closing_table(*, event: Event) -> sections.Table:
    """Return each book's opening and closing price, and the fair probability at the close."""
    found = (
        ClosingPrice.objects.filter(selection__market__event=event)
        .select_related("selection__market", "book")
        .order_by("selection_id", "book__name")[:400]
    )
    rows = sorted(found, key=lambda row: _in_order(row.selection.market))
    table = [
        (
            str(row.selection.market), chips.link(row.selection), row.book.name,
            f"{row.opening_price:.2f}", f"{row.price:.2f}",
            chips.percent(float(row.price / row.opening_price) - 1, signed=True),
            chips.percent(row.fair_probability), row.method, row.seen_at,
        )
        for row in rows
    ]  # fmt: skip
    headers = (
        "Market",
        "Selection",
        "Book",
        "Open",
        "Close",
        "Move",
        "Fair at close",
        "Method",
        "Seen",
    )
    return sections.Table("Open and close", headers, table, empty="The event has not started.")


def history_chart(selections: list[Selection], *, per_book: bool = False) -> sections.Chart:
    """Draw the price history: the best price per selection, or one selection's books."""
    names = {s.pk: str(s) for s in selections}
    series: dict[str, dict[str, float]] = defaultdict(dict)
    shown: dict[int, dict[str, Any]] = defaultdict(dict)
    changes = _changes(selections).filter(book__kind__in=Book.IS_MARKET)
    newest = changes.order_by("-seen_at").values_list(
        "selection_id", "book__name", "seen_at", "price"
    )[:HISTORY_AT_MOST]
    for key, book, seen_at, price in reversed(newest):
        shown[key][book] = price
        name, value = (book, price) if per_book else (names[key], max(shown[key].values()))
        series[name][f"{seen_at:%Y-%m-%d %H:%M:%S}"] = float(value)
    return sections.Chart(
        "Price history by book" if per_book else "Price history: the best price",
        f"prices-{selections[0].pk}",
        {name: list(points.items()) for name, points in series.items()},
        stepped=True,
        columns=("Seen (UTC)", "Price"),
        empty="No price change is recorded.",
    )


def history_table(selection: Selection) -> sections.Table:
    """Return the latest price changes of one selection."""
    rows = [
        (row.book.name, f"{row.price:.3f}", row.seen_at, row.fetched_at)
        for row in _changes([selection]).order_by(F("seen_at").desc())[:100]
    ]
    headers = ("Book", "Price", "Shown", "Fetched")
    return sections.Table("Price changes, newest first", headers, rows, empty="None is recorded.")


def _changes(selections: list[Selection]) -> Any:
    keys = [s.pk for s in selections]
    return PriceSnapshot.objects.filter(selection_id__in=keys).select_related("book")
