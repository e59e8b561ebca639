"""How prices move before the start: one page with a chart and tables, opened from the closes."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from markets import queries
from markets.domain import movement
from markets.models import ClosingPrice, Competition, Market, Sport
from monitoring import thresholds
from monitoring.desk import chips, sections

NAME = "markets_movement"
EVENTS_AT_MOST = 300


class Asked(forms.Form):
    """What the page reports on; all of it where nothing is chosen."""

    sport = forms.ModelChoiceField(
        Sport.objects.order_by("name"), required=False, to_field_name="code", empty_label="All"
    )
    competition = forms.ModelChoiceField(
        Competition.objects.order_by("name"), required=False, to_field_name="code",
        empty_label="All",
    )  # fmt: skip
    kind = forms.ChoiceField(
        label="Market", required=False, choices=[("", "All"), *Market.Kind.choices]
    )
    simulated = forms.BooleanField(label="Simulated", required=False)


def page(request: HttpRequest) -> HttpResponse:
    """Answer the report on the newest events that have started."""
    if not request.user.has_perm("markets.view_closingprice"):
        raise PermissionDenied
    form = Asked(request.GET)
    chosen = form.cleaned_data if form.is_valid() else {}
    report = queries.movement_report(
        until=timezone.now(),
        sport=chosen["sport"].code if chosen.get("sport") else None,
        competition=chosen["competition"].code if chosen.get("competition") else None,
        kinds=[chosen["kind"]] if chosen.get("kind") else None,
        is_simulated=bool(chosen.get("simulated")),
        events_at_most=EVENTS_AT_MOST,
    )
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "opts": ClosingPrice._meta,
        "title": "Movement and timing",
        "form": form,
        "desk_sections": _parts(report),
        "desk_chips": [chips.origin(is_simulated=True)] if chosen.get("simulated") else [],
        "desk_buttons": [],
    }
    return TemplateResponse(request, "markets/movement.html", context)


def address() -> str:
    return reverse(f"admin:{NAME}")


def _parts(report: queries.Movement) -> list[sections.Section]:
    names = dict(Sport.objects.values_list("code", "name"))
    return [
        _chart(report, names),
        _open_to_close(report, names),
        *(_timing(row, names) for row in report.timing),
        _steam(report),
        _reverse(report),
        _divergence(report),
    ]


def _kind(value: str) -> str:
    return dict(Market.Kind.choices).get(value, value)


def _chart(report: queries.Movement, names: Mapping[str, str]) -> sections.Chart:
    """Draw what a price was worth at the close by the hours before the start."""
    series = {
        f"{names[row.sport]}: {_kind(row.kind)}": [
            (window.label, round(100 * window.value.value, 3))
            for window in row.windows
            if window.value.value is not None
        ]
        for row in report.timing
    }
    return sections.Chart(
        "What a price was worth at the close, by when it was taken",
        "movement",
        {name: points for name, points in series.items() if points},
        unit="%",
        columns=("Hours before the start", "Worth, %"),
        note=(
            f"{report.events} events. Price times the fair closing probability, less 1: above 0 it"
            " beat the close."
        ),
        empty="No event with recorded closes fits. Closes are kept once events have started.",
        names=[movement.label(*window) for window in reversed(movement.WINDOWS)],
    )


def _open_to_close(report: queries.Movement, names: Mapping[str, str]) -> sections.Table:
    return sections.Table(
        "From the opening to the close",
        ("Sport", "Market", "Prices", "Events", "Moved", "Opening price at the close", "Beat it",
         "True openers", "Moved lines"),
        [
            (
                names[row.sport], _kind(row.kind), row.n, row.events, chips.percent(row.moved),
                _interval(row.value), chips.percent(row.beat), chips.percent(row.true_openers),
                chips.percent(row.moved_lines),
            )
            for row in report.open_to_close
        ],
        empty="No close is recorded yet.",
        note="“Moved” is the mean distance in probability, margin taken off, book by book.",
    )  # fmt: skip


def _timing(row: queries.Timing, names: Mapping[str, str]) -> sections.Table:
    enough = f"nothing is advised below {thresholds.whole(movement.ENOUGH)} events"
    said = (
        f"Clearly best: {row.advice.label} before the start."
        if row.advice
        else f"No window is clearly best; {enough}."
    )
    return sections.Table(
        f"{names[row.sport]}: {_kind(row.kind)} by hours before the start",
        ("Window", "Prices", "Events", "Still to move", "Worth at the close (95 %)"),
        [
            (
                window.label, window.n, window.events, chips.percent(window.moved),
                _interval(window.value),
            )
            for window in row.windows
        ],
        note=said,
    )  # fmt: skip


def _steam(report: queries.Movement) -> sections.Table:
    shown = len(report.steam)
    return sections.Table(
        "Steam moves",
        ("Event", "Market", "Selection", "Way", "From", "To", "Books", "Mean change"),
        [
            (
                _event(move), _kind(move.kind), move.selection,
                "shorter" if move.direction > 0 else "longer", f"{move.from_hours:.1f} h",
                f"{move.to_hours:.1f} h", move.books, chips.percent(move.change, signed=True),
            )
            for move in report.steam
        ],
        empty=(
            f"None: {thresholds.whole(movement.STEAM_BOOKS)} books or more never went the same"
            f" way within {thresholds.value(movement.STEAM_HOURS):g} hours."
        ),
        note=f"The newest {shown} of {report.steam_found}." if shown else "",
    )  # fmt: skip


def _reverse(report: queries.Movement) -> sections.Table:
    shown = len(report.reverse)
    return sections.Table(
        "Moves against the public",
        ("Event", "Market", "Side", "Share of bets", "Books", "Line moved", "Chance moved"),
        [
            (
                _event(move), _kind(move.kind), move.role, chips.percent(move.public_share),
                move.books, f"{move.line_change:+.2f}", chips.percent(move.change, signed=True),
            )
            for move in report.reverse
        ],
        empty="None. They need a source that tells the public's share of bets.",
        note=f"The newest {shown} of {report.reverse_found}." if shown else "",
    )  # fmt: skip


def _event(move: Any) -> Any:
    url = reverse("admin:markets_event_change", args=[move.event_id])
    return format_html('<a class="cl-link" href="{}">{}</a>', url, move.event)


def _divergence(report: queries.Movement) -> sections.Table:
    used = ", ".join(f"{book} {n}" for book, n in report.reference.items())
    return sections.Table(
        "Distance of the books from the reference",
        ("Book", "Prices", "Mean distance", "Bias", "Worth more than 1"),
        [
            tuple(
                chips.percent(value, signed=name == "bias") if isinstance(value, float) else value
                for name, value in asdict(row).items()
            )
            for row in report.divergence
        ],
        empty="Only one book is known at the close.",
        note=f"Reference by markets: {used}." if used else "",
    )


def _interval(mean: movement.Mean) -> Any:
    if mean.value is None or mean.low is None or mean.high is None:
        return "–"
    value, low, high = (
        chips.percent(number, signed=True, places=2) for number in (mean.value, mean.low, mean.high)
    )
    return format_html("{} ({} to {})", value, low, high)
