"""Closing-line value of a group of bankrolls: pictures, and figures by any dimension."""

from datetime import UTC, datetime, time
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from monitoring.desk import chips, sections
from settlements import queries
from settlements.domain import presenting
from settlements.domain.clv_figures import EDGES, ClvFigures
from settlements.models import BetValue
from settlements.services import clv_drawing, clv_figures

NAME = "settlements_clv"
HEADERS = (
    "Bets", "Events", "Covered", "Mean CLV (95 %)", "By stake (95 %)", "Beat the close (95 %)",
    "Expected profit", "Raw", "Moved lines",
)  # fmt: skip


def _day() -> forms.Widget:
    return UnfoldAdminTextInputWidget(attrs={"type": "date"})


class Asked(forms.Form):
    """Whose bets, of which days, told apart by what."""

    by = forms.ChoiceField(
        required=False, choices=[(name, name.capitalize()) for name in clv_figures.DIMENSIONS]
    )
    group = forms.TypedChoiceField(
        label="Money",
        required=False,
        coerce=int,
        empty_value=0,  # type: ignore[arg-type]
    )
    since = forms.DateField(label="From", required=False, widget=_day())
    until = forms.DateField(label="To", required=False, widget=_day())

    def __init__(self, *args: Any, groups: list[queries.Group], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        money = cast(forms.TypedChoiceField, self.fields["group"])
        money.choices = [(at, group.title) for at, group in enumerate(groups)]

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        since, until = told.get("since"), told.get("until")
        if since and until and since >= until:
            self.add_error("until", "must be after the day it begins")
        return told


def page(request: HttpRequest) -> HttpResponse:
    """Answer the figures of one group of bankrolls; the first where none is chosen."""
    if not request.user.has_perm("settlements.view_betvalue"):
        raise PermissionDenied
    groups = queries.groups()
    form = Asked(request.GET, groups=groups)
    chosen = form.cleaned_data if form.is_valid() else {}
    group = groups[chosen.get("group") or 0] if groups else None
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "opts": BetValue._meta,
        "title": "Closing-line value" + (f": {group.title}" if group else ""),
        "form": form,
        "desk_sections": _parts(group, chosen) if group else [],
        "desk_chips": [chips.origin(is_simulated=True)] if group and group.is_simulated else [],
        "desk_buttons": [],
    }
    return TemplateResponse(request, "settlements/clv.html", context)


def address() -> str:
    return reverse(f"admin:{NAME}")


def _parts(group: queries.Group, chosen: dict[str, Any]) -> list[sections.Section]:
    asked = clv_figures.Asked(
        group.bankroll_ids, _midnight(chosen.get("since")), _midnight(chosen.get("until"))
    )
    by = chosen.get("by") or "strategy"
    weeks = clv_figures.figures(by="week", asked=asked)
    counts = clv_figures.distribution(asked=asked)
    bets = [("Less or more", "Bets")]
    ends = [f"below {EDGES[0]:+.0%}", *(f"from {edge:+.0%} on" for edge in EDGES)]
    return [
        _table("All bets", clv_figures.figures(asked=asked), group, "Which"),
        sections.drawn(
            "Week by week", clv_drawing.by_week(weeks), _table("Weeks", weeks, group, "Week"),
            wide=True,
        ),
        _table(f"By {by}", clv_figures.figures(by=by, asked=asked), group, by.capitalize()),
        _table(
            "Against the market before the start", clv_figures.before(asked=asked), group, "Hours"
        ),
        sections.drawn(
            "How single bets lie",
            clv_drawing.distribution(counts),
            sections.Table("Bets", bets[0], list(zip(ends, counts, strict=True))),
            wide=True,
        ),
    ]  # fmt: skip


def _table(title: str, rows: list[ClvFigures], group: queries.Group, first: str) -> sections.Table:
    return sections.Table(
        title,
        (first, *HEADERS),
        [
            (
                one.key or "all", one.n, one.events, chips.percent(one.coverage),
                presenting.percent(one.clv), presenting.percent(one.clv_by_stake),
                presenting.percent(one.beat_close),
                chips.money(one.expected_profit, group.currency, signed=True),
                chips.percent(one.clv_raw, signed=True), one.moved,
            )
            for one in rows
        ],
        empty="No bet's event has started in this time.",
    )  # fmt: skip


def _midnight(day: Any) -> datetime | None:
    return datetime.combine(day, time.min, tzinfo=UTC) if day else None
