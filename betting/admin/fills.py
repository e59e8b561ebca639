"""How orders are filled: one page of shares, slippage and time, opened from the bets."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from betting.models import Bet
from betting.services import filling, twinning
from markets.models import Market
from monitoring import thresholds
from monitoring.desk import chips, sections

NAME = "betting_fills"
TITLES = {
    filling.ALL: "All orders",
    filling.BOOK: "By book",
    filling.MARKET: "By kind of market",
    filling.STRATEGY: "By strategy",
}


class Asked(forms.Form):
    """Which orders the page is of."""

    days = forms.IntegerField(min_value=1, max_value=3_660, required=False)
    kind = forms.ChoiceField(
        label="Money",
        required=False,
        choices=[("", "All"), ("LIVE", "Live"), ("PAPER", "Paper")],
    )
    simulated = forms.NullBooleanField(
        label="Simulated",
        required=False,
        widget=forms.Select(choices=[("", "Either"), ("true", "Yes"), ("false", "No")]),
    )


def page(request: HttpRequest) -> HttpResponse:
    """Answer the figures of the last days."""
    if not request.user.has_perm("betting.view_bet"):
        raise PermissionDenied
    form = Asked(request.GET)
    chosen = form.cleaned_data if form.is_valid() else {}
    days, now = chosen.get("days") or 7, timezone.now()
    found = filling.figures(
        since=now - timedelta(days=days),
        until=now,
        kind=chosen.get("kind") or None,
        is_simulated=chosen.get("simulated"),
    )
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "opts": Bet._meta,
        "title": f"Fills of {days} {'day' if days == 1 else 'days'}",
        "form": form,
        "desk_sections": [
            *(_table(dimension, rows) for dimension, rows in filling.by_dimension(found).items()),
            _twins(twinning.gaps(since=now - timedelta(days=days), until=now)),
        ],
        "desk_chips": [],
        "desk_buttons": [],
    }
    return TemplateResponse(request, "betting/fills.html", context)


def address() -> str:
    return reverse(f"admin:{NAME}")


def _table(dimension: str, found: list[filling.Figures]) -> sections.Table:
    note = (
        f"Told of below {thresholds.value(filling.FILLS_LOW):.0%}, as P1 below"
        f" {thresholds.value(filling.FILLS_BAD):.0%}, from"
        f" {thresholds.whole(filling.FILLS_FEWEST)} orders on."
    )
    return sections.Table(
        TITLES[dimension],
        (
            "Of", "Orders", "Filled whole (95 %)", "In part", "Turned down", "Asked", "Matched",
            "Slippage", "Answer", "95 % within",
        ),
        [_row(each) for each in found],
        empty="No order ended in this time.",
        note=note if dimension == filling.BOOK else "",
    )  # fmt: skip


def _row(each: filling.Figures) -> tuple[Any, ...]:
    name = dict(Market.Kind.choices).get(each.name, each.name) or "All"
    slippage = "–" if each.slippage is None else f"{100 * each.slippage:+.2f} %"
    if each.error is not None:
        slippage = f"{slippage} (± {196 * each.error:.2f})"
    return (
        name, each.n, each.fill_rate.in_words(), each.in_part, each.rejected, f"{each.asked:,}",
        chips.percent(each.matched_share), slippage, _milliseconds(each.median_ms),
        _milliseconds(each.late_ms),
    )  # fmt: skip


def _twins(found: list[twinning.Gap]) -> sections.Table:
    return sections.Table(
        "Live beside paper",
        (
            "Strategy", "Pairs", "Turned down live", "On paper", "Matched live", "On paper",
            "Live price against paper", "Priced", "Answer live", "On paper",
        ),
        [
            (
                each.strategy or "All", each.n, each.live_rejected, each.paper_rejected,
                chips.percent(each.live_matched), chips.percent(each.paper_matched),
                chips.percent(each.price_gap, signed=True, places=2), each.priced,
                _milliseconds(each.live_ms), _milliseconds(each.paper_ms),
            )
            for each in found
        ],
        empty="No live bet of this time has a twin on paper. A strategy's twin is set by"
        " `manage.py twins`.",
    )  # fmt: skip


def _milliseconds(value: float | None) -> str:
    return chips.NOTHING if value is None else f"{value:,.0f} ms"
