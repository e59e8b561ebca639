"""Pictures of performance as SVG, without a script: they read on a page, in a mail and on paper.

Colours are the page's own (``currentColor``) beside a few fixed ones; every picture carries its
meaning in words for those who do not see it.  Pure: numbers in, markup out.
"""

import math
from collections.abc import Sequence
from datetime import date
from html import escape

WIDTH, HEIGHT = 860, 240
LEFT, TOP, RIGHT, BOTTOM = 76, 12, 12, 26  # around the plot
LINE, GOOD, BAD = "#2563eb", "#059669", "#dc2626"
MOST = 600  # points of a line
Point = tuple[date, float]


def line_svg(
    *,
    title: str,
    points: Sequence[Point],
    band: Sequence[tuple[float, float]] = (),
    is_share: bool = False,
    zero: bool = False,
) -> str:
    """Draw a value over days, with its interval as a band where one is given.

    A point whose value is not finite is left out; ``zero`` keeps 0 in the picture.

    >>> picture = line_svg(title="Equity", points=[(date(2026, 1, 1), 5.0), (date(2026, 1, 3), 7)])
    >>> picture.count("<polyline"), "2026-01-01 5.00 to 2026-01-03 7.00" in picture
    (1, True)
    """
    kept = [i for i, (_, value) in enumerate(points) if math.isfinite(value)]
    if not kept:
        return _picture(title, [_text(WIDTH / 2, HEIGHT / 2, "Nothing to draw yet.", "middle")])
    kept = [*kept[: -1 : max(1, -(-len(kept) // MOST))], kept[-1]]
    around = [edge for i in kept if band for edge in band[i] if math.isfinite(edge)]
    values = [points[i][1] for i in kept]
    low, high = _ends(values, around, zero)
    first, last = points[kept[0]][0].toordinal(), points[kept[-1]][0].toordinal()

    def place(day: date, value: float) -> str:
        share = (day.toordinal() - first) / max(1, last - first)
        inside = min(max(value, low), high)
        return f"{LEFT + share * (WIDTH - LEFT - RIGHT):.1f},{_y(inside, low, high):.1f}"

    parts = _frame(low, high, is_share=is_share)
    sure = [i for i in kept if band and all(map(math.isfinite, band[i]))]
    if sure:
        top = [place(points[i][0], band[i][1]) for i in sure]
        bottom = [place(points[i][0], band[i][0]) for i in reversed(sure)]
        parts.append(f'<polygon points="{" ".join(top + bottom)}" fill="{LINE}" opacity="0.15"/>')
    path = " ".join(place(*points[i]) for i in kept)
    start, end = points[kept[0]], points[kept[-1]]
    words = f"{start[0]} {_told(start[1], is_share)} to {end[0]} {_told(end[1], is_share)}"
    parts.append(
        f'<polyline points="{path}" fill="none" stroke="{LINE}" stroke-width="2">'
        f"<title>{escape(f'{title}: {words}')}</title></polyline>"
    )
    parts += [
        _text(LEFT, HEIGHT - 8, f"{start[0]}", "start"),
        _text(WIDTH - RIGHT, HEIGHT - 8, f"{end[0]}", "end"),
    ]
    return _picture(title, parts)


def bars_svg(*, title: str, points: Sequence[Point]) -> str:
    """Draw what each day brought, up in green and down in red.

    >>> picture = bars_svg(title="Profit", points=[(date(2026, 1, 1), 5.0), (date(2026, 1, 2), -2)])
    >>> picture.count("<rect"), "2026-01-02: -2.00" in picture
    (2, True)
    """
    if not points:
        return _picture(title, [_text(WIDTH / 2, HEIGHT / 2, "Nothing to draw yet.", "middle")])
    shown = points[-MOST:]
    low, high = _ends([value for _, value in shown], [], True)
    first, last = shown[0][0].toordinal(), shown[-1][0].toordinal()
    room = (WIDTH - LEFT - RIGHT) / (last - first + 1)
    parts, ground = _frame(low, high), _y(0.0, low, high)
    for day, value in shown:
        top = _y(value, low, high)
        x = LEFT + (day.toordinal() - first) * room
        parts.append(
            f'<rect x="{x:.1f}" y="{min(top, ground):.1f}" width="{max(0.8 * room, 0.6):.1f}"'
            f' height="{abs(top - ground):.1f}" fill="{GOOD if value >= 0 else BAD}">'
            f"<title>{day}: {value:.2f}</title></rect>"
        )
    parts += [
        _text(LEFT, HEIGHT - 8, f"{shown[0][0]}", "start"),
        _text(WIDTH - RIGHT, HEIGHT - 8, f"{shown[-1][0]}", "end"),
    ]
    return _picture(title, parts)


def _ends(values: Sequence[float], around: Sequence[float], zero: bool) -> tuple[float, float]:
    """Return the plot's lowest and highest value; a band may not crush the line to nothing."""
    low, high = min(values), max(values)
    if around:
        reach = 3 * (high - low) or abs(high) or 1.0
        low, high = max(min(around), low - reach), min(max(around), high + reach)
        low, high = min(low, *values), max(high, *values)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        low, high = low - (abs(low) * 0.01 or 1.0), high + (abs(high) * 0.01 or 1.0)
    return low, high


def _y(value: float, low: float, high: float) -> float:
    return TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)


def _frame(low: float, high: float, *, is_share: bool = False) -> list[str]:
    parts = []
    for step in range(5):
        value = low + step * (high - low) / 4
        y = _y(value, low, high)
        parts.append(
            f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"'
            ' stroke="currentColor" opacity="0.15"/>'
        )
        parts.append(_text(LEFT - 6, y + 4, _told(value, is_share), "end"))
    if low < 0 < high:
        y = _y(0.0, low, high)
        parts.append(
            f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"'
            ' stroke="currentColor" opacity="0.6"/>'
        )
    return parts


def _told(value: float, is_share: bool) -> str:
    return f"{100 * value:.1f} %" if is_share else f"{value:,.2f}"


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="11"'
        f' fill="currentColor">{escape(words)}</text>'
    )


def _picture(title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' width="100%" style="max-width:{WIDTH}px" xmlns="http://www.w3.org/2000/svg"'
        f' font-family="sans-serif"><title>{escape(title)}</title>{"".join(parts)}</svg>'
    )
