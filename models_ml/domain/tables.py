"""Figures as rows under headers, for people, spreadsheets and pages of the documentation."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Any

SCORES = ("log_loss", "brier_sum", "rps")
_FIRST = ("model-market", "model-close")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_of(rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV; a text that a spreadsheet would take for a formula is made plain.

    >>> csv_of([["name", "log loss"], ["=HYPERLINK()", -0.25], ["v1", None]])
    "name,log loss\\r\\n'=HYPERLINK(),-0.25\\r\\nv1,\\r\\n"
    """
    out = StringIO()
    csv.writer(out).writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def forecasters(figures: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return everybody that was scored, by name: model, market, close, then plain methods.

    The model stands there on the rows with a market; where it also spoke without one, once more
    on all of them, as do close and plain methods.
    """
    found = [("model", figures.get("model")), ("market", figures.get("market"))]
    on_all = figures.get("model_on_all")
    if on_all and on_all.get("n") != (figures.get("model") or {}).get("n"):
        found.append(("model, all rows", on_all))
    found.append(("close", figures.get("close")))
    found += sorted((figures.get("baselines") or {}).items())
    late = figures.get("at_close") or {}
    found += [(f"{name}, at the close's line", late.get(name)) for name in ("model", "close")]
    for name, card in sorted((late.get("baselines") or {}).items()):
        found.append((f"{name}, at the close's line", card))
    return [(name.replace("_", " "), card) for name, card in found if card]


def differences(figures: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the paired differences of log loss, market and close first, then by name.

    Also those at the close's line.
    """
    late = (figures.get("at_close") or {}).get("differences") or {}
    found = sorted((figures.get("differences") or {}).items())
    found += [(f"{name}, at the close's line", gap) for name, gap in sorted(late.items())]
    found.sort(key=lambda one: _FIRST.index(one[0]) if one[0] in _FIRST else len(_FIRST))
    return [(name.replace("_", " "), gap) for name, gap in found if gap]


def rows_of(figures: Mapping[str, Any]) -> list[list[Any]]:
    """Return an evaluation as rows: forecasters, differences, then parts of the events."""
    plain = ("accuracy", "auc", "ece", "slope")
    ends = [f"{score}_{end}" for score in SCORES for end in ("low", "high")]
    rows: list[list[Any]] = [["forecaster", "n", *SCORES, *plain, *ends]]
    for name, card in forecasters(figures):
        told = card.get("intervals") or {}
        bounds = [bound for score in SCORES for bound in told.get(score, (None, None))]
        rows.append([name, *(card.get(key) for key in ("n", *SCORES, *plain)), *bounds])
    keys = ("mean", "low", "high", "n", "clusters", "dm_p")
    rows += [[], ["difference of log loss", *keys]]
    rows += [[name, *(gap.get(key) for key in keys)] for name, gap in differences(figures)]
    rows += [[], ["part", "name", "n", *SCORES]]
    for part, entries in (figures.get("slices") or {}).items():
        for entry in entries:
            name = entry.get("name", entry.get("week"))
            rows.append([part, name, *(entry.get(key) for key in ("n", *SCORES))])
    return rows


def with_interval(card: Mapping[str, Any] | None, score: str, *, places: int = 4) -> str:
    """Return a score and its interval: what it is, and from where to where it might be.

    Rows of one week alone have none: whole weeks are drawn.

    >>> card = {"log_loss": 0.96912, "intervals": {"log_loss": [0.95, 0.98]}}
    >>> with_interval(card, "log_loss"), with_interval(None, "log_loss")
    ('0.9691 (0.9500 to 0.9800)', '–')
    >>> with_interval({"log_loss": 0.9, "intervals": {"log_loss": [0.9, 0.9]}}, "log_loss")
    '0.9000'
    """
    value = (card or {}).get(score)
    if card is None or value is None:
        return "–"
    ends = (card.get("intervals") or {}).get(score)
    shown = f"{value:.{places}f}"
    if not ends or ends[0] == ends[1]:
        return shown
    return f"{shown} ({ends[0]:.{places}f} to {ends[1]:.{places}f})"


def gap_with_interval(gap: Mapping[str, Any] | None, *, places: int = 4) -> str:
    """Return a difference with its interval, signed; without one where one week is all there is.

    >>> gap_with_interval({"mean": -0.001, "low": -0.004, "high": 0.002})
    '-0.0010 (-0.0040 to +0.0020)'
    """
    if gap is None:
        return "–"
    mean, low, high = (f"{gap[key]:+.{places}f}" for key in ("mean", "low", "high"))
    return mean if gap["low"] == gap["high"] else f"{mean} ({low} to {high})"


def markdown(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table as Markdown.

    >>> markdown(["a", "b"], [[1, "x"]])
    '| a | b |\\n|---|---|\\n| 1 | x |\\n'
    """
    lines = [list(headers), ["---"] * len(headers), *rows]
    return "".join(
        f"|{'|'.join(map(str, line))}|\n" if place == 1 else f"| {' | '.join(map(str, line))} |\n"
        for place, line in enumerate(lines)
    )


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
