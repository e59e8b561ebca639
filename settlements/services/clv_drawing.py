"""Pictures of closing-line value: week by week with its interval, and how single bets lie.

SVG without script, in the page's own colours; each mark says its figures in words.
"""

from collections.abc import Callable, Sequence
from html import escape

from django.utils.safestring import SafeString, mark_safe

from settlements.domain.clv_figures import EDGES, ClvFigures

WIDTH, HEIGHT = 860, 240
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 12, 34
BLUE, RED = "#2563eb", "#dc2626"


def by_week(weeks: Sequence[ClvFigures]) -> SafeString:
    """Draw the mean of each week as a line, its 95 % interval as a band around it."""
    told = [
        (one, one.clv.value, one.clv.low, one.clv.high)
        for one in weeks
        if one.clv.value is not None
    ]
    ends = [v for _, *three in told for v in three if v is not None]
    low, high = min([*ends, -0.01]), max([*ends, 0.01])
    step = (WIDTH - LEFT - RIGHT) / max(len(told), 1)

    def x(at: int) -> float:
        return LEFT + step * (at + 0.5)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)

    banded = [(at, a, b) for at, (_, _, a, b) in enumerate(told) if a is not None and b is not None]
    edge = [(x(at), y(b)) for at, _, b in banded] + [(x(at), y(a)) for at, a, _ in banded[::-1]]
    parts = [*_levels(low, high, y)]
    if len(banded) > 1:
        parts.append(f'<polygon points="{_path(edge)}" fill="{BLUE}" opacity="0.18"/>')
    line = [(x(at), y(value)) for at, (_, value, _, _) in enumerate(told)]
    parts.append(f'<polyline points="{_path(line)}" fill="none" stroke="{BLUE}" stroke-width="2"/>')
    every = max(1, len(told) // 8)
    for at, (one, value, a, b) in enumerate(told):
        words = f"week of {one.key}: {_percent(value)}"
        if a is not None and b is not None:
            words += f" ({_percent(a)} to {_percent(b)})"
        words = f"{words}, {one.valued} bets"
        parts.append(
            f'<circle cx="{x(at):.1f}" cy="{y(value):.1f}" r="4" fill="{BLUE}">'
            f"<title>{escape(words)}</title></circle>"
        )
        if at % every == 0:
            parts.append(_text(x(at), HEIGHT - 10, one.key, "middle"))
    return _picture("Mean closing-line value by week, with its 95 % interval", parts)


def distribution(counts: Sequence[int]) -> SafeString:
    """Draw how many bets fall between ``EDGES``; what did not beat the close is red."""
    most = max([*counts, 1])
    step = (WIDTH - LEFT - RIGHT) / len(counts)
    room = HEIGHT - TOP - BOTTOM
    parts = [_text(LEFT - 6, TOP + 10, f"{most:,}", "end")]
    for at, count in enumerate(counts):
        low = EDGES[at - 1] if at else None
        high = EDGES[at] if at < len(EDGES) else None
        size = room * count / most
        words = f"{_between(low, high)}: {count:,} bets"
        colour = RED if high is not None and high <= 0 else BLUE
        parts.append(
            f'<rect x="{LEFT + step * at + 1:.1f}" y="{TOP + room - size:.1f}"'
            f' width="{step - 2:.1f}" height="{size:.1f}" fill="{colour}" opacity="0.75">'
            f"<title>{escape(words)}</title></rect>"
        )
        if high is not None and at % 5 == 0:
            parts.append(_text(LEFT + step * (at + 1), HEIGHT - 10, _percent(high), "middle"))
    return _picture("How many bets had which closing-line value", parts)


def _between(low: float | None, high: float | None) -> str:
    if low is None:
        return f"below {_percent(high or 0.0)}"
    return f"from {_percent(low)} on" if high is None else f"{_percent(low)} to {_percent(high)}"


def _levels(low: float, high: float, y: Callable[[float], float]) -> list[str]:
    """Return the lines of the highest, the lowest and no value, with their figures."""
    parts = []
    for value in sorted({low, 0.0, high}):
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"'
            f' stroke="currentColor" opacity="{0.6 if value == 0 else 0.2}"/>'
        )
        parts.append(_text(LEFT - 6, y(value) + 4, _percent(value), "end"))
    return parts


def _path(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _percent(share: float) -> str:
    return f"{100 * share:+.1f} %"


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="11"'
        f' fill="currentColor">{escape(words)}</text>'
    )


def _picture(title: str, parts: Sequence[str]) -> SafeString:
    return mark_safe(
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" style="max-width:100%;height:auto"'
        f' aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )
