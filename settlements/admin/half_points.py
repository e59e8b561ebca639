"""What half a point is worth: one page of tables, opened from the closing-line values."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from markets.models import Sport
from monitoring.desk import chips, sections
from settlements.domain import spreads
from settlements.models import BetValue
from settlements.services import half_points

NAME = "settlements_half_points"
MEASURES = {spreads.MARGIN: "handicaps", spreads.TOTAL: "totals"}


class Asked(forms.Form):
    """Which results the page is of."""

    simulated = forms.BooleanField(label="Simulated", required=False)


def page(request: HttpRequest) -> HttpResponse:
    """Answer what half a point is worth in each sport."""
    if not request.user.has_perm("settlements.view_betvalue"):
        raise PermissionDenied
    form = Asked(request.GET)
    is_simulated = form.is_valid() and bool(form.cleaned_data["simulated"])
    names = dict(Sport.objects.values_list("code", "name"))
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "opts": BetValue._meta,
        "title": "Half points",
        "form": form,
        "desk_sections": [
            _table(one, names[one.sport])
            for one in half_points.table(now=timezone.now(), is_simulated=is_simulated)
        ],
        "desk_chips": [chips.origin(is_simulated=True)] if is_simulated else [],
        "desk_buttons": [],
    }
    return TemplateResponse(request, "settlements/half_points.html", context)


def address() -> str:
    return reverse(f"admin:{NAME}")


def _table(one: half_points.HalfPoints, sport: str) -> sections.Table:
    is_handicap = one.measure == spreads.MARGIN
    rests = (
        f"the {one.history:,} results known today"
        if one.distribution == spreads.EMPIRICAL
        else f"a normal curve: {one.history} known results are too few"
    )
    return sections.Table(
        f"{sport}: {MEASURES[one.measure]}",
        ("Line", "Comes back", "Half a point better", "Half a point worse", "Half a point is worth",
         "Fair price better", "Fair price worse"),
        [
            (
                f"{row.line:+.2f}" if is_handicap else f"{row.line:.2f}",
                chips.percent(row.push), chips.percent(row.better), chips.percent(row.worse),
                chips.percent(row.worth, places=2), f"{1 / row.better:.3f}",
                f"{1 / row.worse:.3f}",
            )
            for row in one.rows
        ],
        note=(
            f"Each line closing at even chances. By {rests}, standard deviation {one.sd:g} around"
            f" the line. {'The favourite lays the points' if is_handicap else 'For the over'}."
        ),
    )  # fmt: skip
