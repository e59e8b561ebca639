"""What training made of a model's confidence: which method it chose, and what that does."""

from collections.abc import Mapping
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import mark_safe

from models_ml.domain import calibrating, calibrations
from models_ml.models import ModelVersion
from models_ml.services import drawing
from monitoring.desk import chips, sections

CLASSES: dict[str, tuple[str, ...]] = {
    ModelVersion.Kind.BOOSTED3: ("home", "draw", "away"),
    ModelVersion.Kind.BOOSTED2: ("home", "away"),
}
CHOSEN = "chosen"


def of(row: ModelVersion) -> list[sections.Section]:
    """Return the methods that were tried and the curves of the one that was chosen."""
    started = calibrations.by_start(row.calibration)
    rows = [line for start, told in started.items() for line in _tried(start, told)]
    table = sections.Table(
        "Calibration",
        ("Start", "Method", "", "Held-out log loss", "Fitted on", "With"),
        rows,
        empty="It was not calibrated.",
        note="Of the methods the plainest is chosen that the best does not beat by more than a"
        " standard error, on rows that none was fitted on."
        if len(rows) > len(started)
        else "",
        wide=False,
    )
    return [table, *_pictures(row, started)]


def _tried(start: str, told: Mapping[str, Any]) -> list[tuple[object, ...]]:
    held_out = told.get("held_out_log_loss") or {told["method"]: None}
    lines: list[tuple[object, ...]] = []
    for method in sorted(held_out, key=_place):
        is_chosen = method == told["method"]
        lines.append(
            (
                start or "all rows",
                method,
                chips.chip(CHOSEN, "good", "check") if is_chosen else "",
                held_out[method],
                told.get("n") if is_chosen else "",
                _numbers(told) if is_chosen else "",
            )
        )
    return lines


def _place(method: str) -> int:
    """Return how plain a method is: those that only some kinds know come last."""
    known = calibrating.METHODS
    return known.index(method) if method in known else len(known)


def _numbers(told: Mapping[str, Any]) -> str:
    plain = {
        name: value
        for name, value in sorted(told.items())
        if name != "n" and isinstance(value, int | float)
    }
    return ", ".join(f"{name} {value:.4g}" for name, value in plain.items())


def _pictures(
    row: ModelVersion, started: Mapping[str, Mapping[str, Any]]
) -> list[sections.Section]:
    names = CLASSES.get(row.kind, ())
    found: list[sections.Section] = []
    for start, told in started.items():
        title = "What the calibration does" + (f" to rows that start from {start}" if start else "")
        stored = chips.folded("Its parameters as they are stored", told)
        if not names or told["method"] == "identity":
            continue
        drawn = calibrations.curves(told, classes=len(names))
        svg = drawing.calibration_svg(curves=dict(zip(names, drawn, strict=False)), title=title)
        found.append(sections.Html(title, format_html("{}{}", mark_safe(svg), stored), wide=False))
    return found
