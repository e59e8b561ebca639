"""Pictures of a version: what its probabilities were worth, and what moved them.  SVG, no script.

Colours are the page's own (``currentColor``), so that a picture fits a light and a dark page; each
one carries its meaning in words for those who do not see it.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT = 420, 420
LEFT, TOP, RIGHT, BOTTOM = 46, 14, 14, 40  # around the plot
BAR, NAMES = 22, 200  # pixels of a bar and of the names beside it
COLOURS = ("#2563eb", "#d97706", "#059669", "#dc2626")  # of up to four versions on one plot
LOW, HIGH = (37, 99, 235), (220, 38, 38)  # a feature's low and high values
MOST = 15  # features of a summary


def reliability_svg(
    *, curves: Mapping[str, Sequence[Mapping[str, float]]], title: str = "Reliability"
) -> str:
    """Draw what was said against what happened, one line of points for each name.

    A point has ``said``, ``happened``, ``low``, ``high`` (95 % interval) and ``n``.

    >>> point = {"said": 0.4, "happened": 0.5, "low": 0.4, "high": 0.6, "n": 80}
    >>> picture = reliability_svg(curves={"v3": [point]})
    >>> "v3: said 0.400, happened 0.500 (0.400 to 0.600), n 80" in picture
    True
    """
    parts = _square("said", "happened")
    for (name, points), colour in zip(curves.items(), COLOURS, strict=False):
        parts += _curve(name, points, colour)
    return _picture(title, WIDTH, HEIGHT, [*parts, *_legend(curves)])


def calibration_svg(
    *, curves: Mapping[str, Sequence[tuple[float, float]]], title: str = "Calibration"
) -> str:
    """Draw what is said after a calibration by what was said before, a line for each name.

    >>> picture = calibration_svg(curves={"home": [(0.1, 0.2), (0.9, 0.8)]})
    >>> picture.count("<polyline"), "home: 0.1 becomes 0.200, 0.9 becomes 0.800" in picture
    (1, True)
    """
    parts = _square("before", "after")
    for (name, points), colour in zip(curves.items(), COLOURS, strict=False):
        shown = points[:: max(1, len(points) // 8)]
        words = ", ".join(f"{before:.2g} becomes {after:.3f}" for before, after in shown)
        path = " ".join(f"{_x(before):.1f},{_y(after):.1f}" for before, after in points)
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2">'
            f"<title>{escape(f'{name}: {words}')}</title></polyline>"
        )
    return _picture(title, WIDTH, HEIGHT, [*parts, *_legend(curves)])


def shap_svg(*, features: Sequence[Mapping[str, Any]], title: str = "What moved the model") -> str:
    """Draw each feature's contributions as dots, blue where its value was low, red where high.

    A feature has ``name``, ``mean_abs`` and ``points``: pairs of contribution and the value's
    place among all values, 0 to 1, None where it was not known (grey).

    >>> picture = shap_svg(features=[{"name": "rest", "mean_abs": 0.1, "points": [[0.1, 0.5]]}])
    >>> picture.count("<circle"), "rest: 0.1000 on average" in picture
    (1, True)
    """
    shown = list(features)[:MOST]
    reach = max([abs(x) for f in shown for x, _ in f["points"]], default=0.0) or 1.0
    width, height = WIDTH + NAMES, BAR * len(shown) + 30
    middle, half = NAMES + WIDTH / 2, WIDTH / 2 - 12
    parts = [
        f'<line x1="{middle:.1f}" y1="4" x2="{middle:.1f}" y2="{height - 22}"'
        ' stroke="currentColor" opacity="0.4"/>',
        _text(NAMES + 12, height - 6, f"{-reach:.3g}", "start"),
        _text(middle, height - 6, "0", "middle"),
        _text(width - 12, height - 6, f"+{reach:.3g}", "end"),
    ]
    for row, feature in enumerate(shown):
        y = BAR * row + 16
        parts.append(
            _text(NAMES - 8, y + 4, feature["name"], "end",
                  f"{feature['name']}: {feature['mean_abs']:.4f} on average")
        )  # fmt: skip
        for number, (x, place) in enumerate(feature["points"]):
            lifted = y + (number * 7 % 11 - 5)  # so that dots do not hide one another
            parts.append(
                f'<circle cx="{middle + half * x / reach:.1f}" cy="{lifted}" r="2"'
                f' fill="{_heat(place)}" opacity="0.7"/>'
            )
    return _picture(title, width, height, parts)


def bars_svg(
    *, bars: Iterable[tuple[str, float]], title: str, limits: Mapping[str, float] | None = None
) -> str:
    """Draw one bar for each name, from the left; red where it passes the name's own limit.

    >>> bars = [("rest", 0.3), ("elo", 0.1)]
    >>> picture = bars_svg(bars=bars, title="PSI", limits={"rest": 0.2, "elo": 0.4})
    >>> picture.count("<rect"), "rest: 0.3, limit 0.2" in picture
    (2, True)
    """
    shown, limits = list(bars), limits or {}
    ends = [abs(value) for _, value in shown] + [limits.get(name, 0.0) for name, _ in shown]
    reach = max(ends, default=0.0) or 1.0
    width, height = WIDTH + NAMES, BAR * len(shown) + 12
    room = WIDTH - 70
    parts = []
    for row, (name, value) in enumerate(shown):
        y, size = BAR * row + 6, room * abs(value) / reach
        limit = limits.get(name)
        told = f"{name}: {value:.4g}" + ("" if limit is None else f", limit {limit:.4g}")
        parts.append(_text(NAMES - 8, y + 12, name, "end", told))
        colour = COLOURS[0 if limit is None or abs(value) <= limit else 3]
        parts.append(
            f'<rect x="{NAMES}" y="{y}" width="{size:.1f}" height="{BAR - 6}"'
            f' fill="{colour}" opacity="0.75"/>'
        )
        end = size if limit is None else max(size, room * limit / reach)
        parts.append(_text(NAMES + end + 5, y + 12, f"{value:.4g}", "start"))
        if limit is not None:
            x = NAMES + room * limit / reach
            parts.append(
                f'<line x1="{x:.1f}" y1="{y - 2}" x2="{x:.1f}" y2="{y + BAR - 4}"'
                f' stroke="currentColor" stroke-width="2"><title>limit {limit:.4g}</title></line>'
            )
    return _picture(title, width, height, parts)


def _curve(name: str, points: Sequence[Mapping[str, float]], colour: str) -> list[str]:
    path = " ".join(f"{_x(p['said']):.1f},{_y(p['happened']):.1f}" for p in points)
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>']
    for p in points:
        x = f"{_x(p['said']):.1f}"
        parts.append(
            f'<line x1="{x}" y1="{_y(p["low"]):.1f}" x2="{x}" y2="{_y(p["high"]):.1f}"'
            f' stroke="{colour}" opacity="0.5"/>'
        )
        words = (
            f"{name}: said {p['said']:.3f}, happened {p['happened']:.3f}"
            f" ({p['low']:.3f} to {p['high']:.3f}), n {p['n']:g}"
        )
        parts.append(
            f'<circle cx="{x}" cy="{_y(p["happened"]):.1f}" r="4" fill="{colour}">'
            f"<title>{escape(words)}</title></circle>"
        )
    return parts


def _square(across: str, upwards: str) -> list[str]:
    """Return a frame from 0 to 1 both ways, with its diagonal and what its sides are."""
    parts = [_line(0, 0, 1, 1, 'stroke-dasharray="4 4" opacity="0.5"')]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(_text(_x(tick), HEIGHT - BOTTOM + 16, f"{tick:g}", "middle"))
        parts.append(_text(LEFT - 6, _y(tick) + 4, f"{tick:g}", "end"))
    parts.append(_text(_x(0.5), HEIGHT - 6, across, "middle"))
    parts.append(_text(LEFT, TOP - 3, upwards, "start"))
    parts.append(
        f'<rect x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT - RIGHT}"'
        f' height="{HEIGHT - TOP - BOTTOM}" fill="none" stroke="currentColor" opacity="0.4"/>'
    )
    return parts


def _legend(names: Iterable[str]) -> list[str]:
    """Name each line in the corner that good forecasts leave free."""
    parts = []
    for place, (name, colour) in enumerate(zip(names, COLOURS, strict=False)):
        y = TOP + 16 + 16 * place
        parts.append(
            f'<line x1="{LEFT + 10}" y1="{y}" x2="{LEFT + 30}" y2="{y}"'
            f' stroke="{colour}" stroke-width="3"/>'
        )
        parts.append(_text(LEFT + 36, y + 4, name, "start"))
    return parts


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return (
        f'<line x1="{_x(x1):.1f}" y1="{_y(y1):.1f}" x2="{_x(x2):.1f}" y2="{_y(y2):.1f}"'
        f' stroke="currentColor" {style}/>'
    )


def _text(x: float, y: float, words: str, anchor: str, told: str = "") -> str:
    title = f"<title>{escape(told)}</title>" if told else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="11"'
        f' fill="currentColor">{escape(words)}{title}</text>'
    )


def _heat(place: float | None) -> str:
    """Return the colour of a value by its place among all, 0 to 1; grey where not known.

    >>> _heat(0.0), _heat(1.0), _heat(None)
    ('#2563eb', '#dc2626', '#9ca3af')
    """
    if place is None:
        return "#9ca3af"
    mixed = (round(low + (high - low) * place) for low, high in zip(LOW, HIGH, strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _picture(title: str, width: int, height: int, parts: Iterable[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}" role="img" aria-label="{escape(title)}"'
        f' style="max-width:100%;height:auto">{"".join(parts)}</svg>'
    )
