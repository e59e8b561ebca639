"""Pictures of backtests: lines over time, and a grid as a map.  SVG, no script.

Colours are the page's own but for the lines', and each carries its meaning in words for those who
do not see it.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape

WIDTH, HEIGHT = 760, 220
LEFT, TOP, RIGHT, BOTTOM = 74, 12, 12, 26
COLOURS = ("#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed", "#0891b2")
LOW, MIDDLE, HIGH = (220, 38, 38), (245, 245, 244), (5, 150, 105)
_CELL = (92, 30)

Points = Sequence[tuple[str, float]]  # moment in ISO, value


def lines_svg(*, series: Mapping[str, Points], title: str, is_share: bool = False) -> str:
    """Draw values over time, a line for each name.

    >>> picture = lines_svg(title="Money", series={"one": [
    ...     ("2024-01-01T06:00:00+00:00", 100.0), ("2024-01-03T06:00:00+00:00", 90.0)]})
    >>> picture.count("<polyline"), "one: 100 on 2024-01-01, 90 on 2024-01-03" in picture
    (1, True)
    """
    moments = [_seconds(at) for points in series.values() for at, _ in points]
    values = [value for points in series.values() for _, value in points]
    if not values:
        return ""
    span, reach = (min(moments), max(moments)), (min(*values, 0.0) if is_share else min(values),
                                                 max(values))  # fmt: skip
    parts = _frame(span, reach, is_share=is_share)
    for (name, points), colour in zip(series.items(), COLOURS, strict=False):
        if not points:
            continue
        path = " ".join(
            f"{_across(_seconds(at), span):.1f},{_up(value, reach):.1f}" for at, value in points
        )
        first, last = (f"{_said(points[i][1], is_share)} on {points[i][0][:10]}" for i in (0, -1))
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5">'
            f"<title>{escape(f'{name}: {first}, {last}')}</title></polyline>"
        )
    if len(series) > 1:
        for place, (name, colour) in enumerate(zip(series, COLOURS, strict=False)):
            parts.append(_text(LEFT + 8, TOP + 14 + 14 * place, name, "start", colour))
    return _picture(title, WIDTH, HEIGHT, parts)


def map_svg(
    *,
    across: Sequence[str],
    down: Sequence[str],
    values: Sequence[Sequence[float | None]],
    title: str,
    names: tuple[str, str],
    is_share: bool = True,
) -> str:
    """Draw a value for each pair, red below nothing and green above it, grey where there is none.

    >>> picture = map_svg(across=["0.02"], down=["0.1", "0.2"], values=[[0.05], [None]],
    ...                   title="Yield", names=("min_edge", "kelly"))
    >>> picture.count("<rect"), "min_edge 0.02, kelly 0.1: 5.00 %" in picture
    (2, True)
    """
    known = [abs(value) for row in values for value in row if value is not None]
    reach = max(known, default=0.0) or 1.0
    width, height = 120 + _CELL[0] * len(across), 46 + _CELL[1] * len(down)
    parts = [_text(120, 14, names[0], "start"), _text(112, 34, names[1], "end")]
    for column, name in enumerate(across):
        parts.append(_text(120 + _CELL[0] * (column + 0.5), 34, name, "middle"))
    for row, (name, cells) in enumerate(zip(down, values, strict=True)):
        y = 42 + _CELL[1] * row
        parts.append(_text(112, y + 19, name, "end"))
        for column, value in enumerate(cells):
            x = 120 + _CELL[0] * column
            said = "–" if value is None else _said(value, is_share)
            told = f"{names[0]} {across[column]}, {names[1]} {name}: {said}"
            parts.append(
                f'<rect x="{x}" y="{y}" width="{_CELL[0] - 2}" height="{_CELL[1] - 2}"'
                f' fill="{_shade(value, reach)}"><title>{escape(told)}</title></rect>'
            )
            parts.append(_text(x + _CELL[0] / 2 - 1, y + 19, said, "middle", "#1c1917"))
    return _picture(title, width, height, parts)


def _frame(span: tuple[float, float], reach: tuple[float, float], *, is_share: bool) -> list[str]:
    parts = []
    for share in (0.0, 0.5, 1.0):
        value = reach[0] + share * (reach[1] - reach[0])
        y = _up(value, reach)
        parts.append(
            f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"'
            ' stroke="currentColor" opacity="0.2"/>'
        )
        parts.append(_text(LEFT - 6, y + 4, _said(value, is_share), "end"))
        at = span[0] + share * (span[1] - span[0])
        day = f"{datetime.fromtimestamp(at, tz=UTC):%Y-%m-%d}"
        anchor = ("start", "middle", "end")[int(2 * share)]
        parts.append(_text(_across(at, span), HEIGHT - 8, day, anchor))
    return parts


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def _across(at: float, span: tuple[float, float]) -> float:
    share = (at - span[0]) / ((span[1] - span[0]) or 1.0)
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _up(value: float, reach: tuple[float, float]) -> float:
    share = (value - reach[0]) / ((reach[1] - reach[0]) or 1.0)
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _said(value: float, is_share: bool) -> str:
    return f"{value * 100:.2f} %" if is_share else f"{value:,.6g}".replace(",", " ")


def _shade(value: float | None, reach: float) -> str:
    if value is None:
        return "#9ca3af"
    share, end = min(1.0, abs(value) / reach), HIGH if value >= 0 else LOW
    mixed = (round(near + (far - near) * share) for near, far in zip(MIDDLE, end, strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _text(x: float, y: float, words: str, anchor: str, colour: str = "currentColor") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="11"'
        f' fill="{colour}">{escape(words)}</text>'
    )


def _picture(title: str, width: float, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}"'
        f' style="max-width:{width:g}px;width:100%">{"".join(parts)}</svg>'
    )
