"""Scores as sections of a page: forecasters with intervals, differences, parts, reliability."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpResponse
from django.utils.safestring import SafeString, mark_safe

from markets.models import Competition, Season
from models_ml.domain import tables
from models_ml.services import drawing
from monitoring.desk import chips, sections

SHOWN = 60  # rows of a part
TITLES = {
    "competition": "By competition",
    "season": "By season",
    "stage": "By stage",
    "version": "By version",
    "confidence": "By how sure the model was",
    "called": "Favourites and underdogs",
    "four_weeks": "Four weeks at a time",
    "week": "By week",
}
CALIBRATION = ("slope", "intercept")
UNDERNEATH = (
    "Under a figure: where 95 % of resamples of whole weeks lie (none of one week). Less is better."
)


def of(figures: Mapping[str, Any]) -> list[sections.Section]:
    """Return an evaluation's figures as sections."""
    return [
        forecasters(tables.forecasters(figures)),
        differences(tables.differences(figures)),
        *reliability({"model": figures.get("reliability") or []}),
        *parts(figures.get("slices") or {}),
    ]


def forecasters(
    shown: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    title: str = "Who said it how well",
    note: str = UNDERNEATH,
    empty: str = "Nobody was scored.",
) -> sections.Table:
    """Return everybody's scores, each with the interval that 95 % of resamples lie in."""
    return sections.Table(
        title,
        ("Forecaster", "Rows", "Log loss", "Brier (sum)", "RPS", "Accuracy", "AUC",
         "Calibration error", "Slope", "Intercept"),
        [
            (
                name,
                card.get("n"),
                *(over(tables.with_interval(card, score)) for score in tables.SCORES),
                chips.percent(card.get("accuracy")),
                chips.number(card.get("auc"), 3),
                chips.number(card.get("ece"), 4),
                *(over(_line(card, end)) for end in CALIBRATION),
            )
            for name, card in shown
        ],
        empty=empty,
        note=note,
    )  # fmt: skip


def over(text: str) -> SafeString:
    """Return a figure over its interval.

    >>> chips.two_lines("0.97", "0.95 to 0.98") in over("0.97 (0.95 to 0.98)")
    True
    """
    figure, _, interval = text.partition(" (")
    return chips.in_one(chips.two_lines(figure, interval.rstrip(")")) if interval else figure)


def differences(shown: Sequence[tuple[str, Mapping[str, Any]]]) -> sections.Table:
    """Return paired differences of log loss; below 0 the first one lost less."""
    return sections.Table(
        "Differences of log loss on the same events",
        ("First less second", "Difference", "Rows", "Weeks", "p"),
        [
            (
                name,
                over(tables.gap_with_interval(gap)),
                gap["n"],
                gap["clusters"],
                chips.number(gap.get("dm_p"), 4),
            )
            for name, gap in shown
        ],
        empty="Nobody spoke on the same events.",
        note="Below 0 the first one lost less. Where the interval under it holds 0, these events"
        " cannot tell the two apart; p is Diebold and Mariano's.",
        wide=False,
    )


def reliability(
    curves: Mapping[str, Sequence[Mapping[str, float]]], *, title: str = "Reliability"
) -> list[sections.Section]:
    """Return what was said against what happened, drawn, with its points as a table."""
    drawn = {name: points for name, points in curves.items() if points}
    if not drawn:
        return []
    rows = [
        (name, point["said"], point["happened"], point["low"], point["high"], point["n"])
        for name, points in drawn.items()
        for point in points
    ]
    picture: SafeString = mark_safe(drawing.reliability_svg(curves=drawn))
    points = sections.Table(
        "Points",
        ("Who", "Said", "Happened", "Low", "High", "Statements"),
        rows,
        note="Low and high enclose what happened with 95 %.",
    )
    return [sections.drawn(title, picture, points)]


def parts(slices: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[sections.Section]:
    """Return the model's scores on parts of the events."""
    names = _names(slices)
    found: list[sections.Section] = []
    for part, title in TITLES.items():
        entries = list(slices.get(part) or [])
        if not entries:
            continue
        keys = [key for key in entries[0] if key not in ("name", "week")]
        found.append(
            sections.Table(
                title,
                ("", *(key.replace("_", " ") for key in keys)),
                [
                    (
                        names.get((part, entry.get("name")), str(entry.get("name", _week(entry)))),
                        *(entry.get(key) for key in keys),
                    )
                    for entry in entries[-SHOWN:]
                ],
                wide=False,
                note=f"The last {SHOWN} of {len(entries)}." if len(entries) > SHOWN else "",
            )
        )
    return found


def download(*, rows: Sequence[Sequence[Any]], name: str) -> HttpResponse:
    """Return rows as a CSV file."""
    answer = HttpResponse(tables.csv_of(rows), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def _names(slices: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[tuple[str, Any], str]:
    """Return how competitions and seasons are called, by part and id."""
    ids = {
        part: [entry["name"] for entry in slices.get(part) or []]
        for part in ("competition", "season")
    }
    called: dict[tuple[str, Any], str] = {
        ("competition", pk): name
        for pk, name in Competition.objects.filter(pk__in=ids["competition"]).values_list(
            "pk", "name"
        )
    }
    seasons = Season.objects.filter(pk__in=ids["season"]).select_related("competition")
    return called | {("season", season.pk): str(season) for season in seasons}


def _week(entry: Mapping[str, Any]) -> str:
    return f"week {entry.get('week')}"


def _line(card: Mapping[str, Any], name: str) -> str:
    """Return a figure of the line through the reliability diagram with its interval."""
    if card.get(name) is None:
        return "–"
    return f"{card[name]:.2f} ({card[f'{name}_low']:.2f} to {card[f'{name}_high']:.2f})"
