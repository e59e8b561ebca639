"""An exchange's ladder as parts of a selection's page."""

from collections import defaultdict

from markets import queries
from markets.models import LadderSnapshot, Selection
from monitoring.desk import sections

DRAWN_AT_MOST = 500


def ladder_parts(row: Selection) -> list[sections.Section]:
    """Return the newest ladder and the way it came; nothing where no exchange told of one."""
    newest = list(queries.ladder_history(selection_id=row.pk)[:DRAWN_AT_MOST])
    if not newest:
        return []
    return [_table(newest[0]), _chart(row, newest)]


def _table(ladder: LadderSnapshot) -> sections.Table:
    depth = max(len(ladder.back_prices), len(ladder.lay_prices))
    rows = [
        (
            _at(ladder.back_sizes, place),
            _at(ladder.back_prices, place),
            _at(ladder.lay_prices, place),
            _at(ladder.lay_sizes, place),
        )
        for place in range(depth)
    ]
    traded = "nothing" if ladder.last_traded is None else f"{ladder.last_traded:.2f}"
    matched = "" if ladder.matched is None else f", {ladder.matched:,.2f} matched"
    return sections.Table(
        f"Ladder at {ladder.book}",
        ("To back", "Back", "Lay", "To lay"),
        rows,
        empty="Nobody offered anything.",
        note=f"Seen {ladder.seen_at:%Y-%m-%d %H:%M:%S} UTC; last traded {traded}{matched}.",
        wide=False,
    )


def _at(values: list, place: int) -> str | None:
    return f"{values[place]:,.2f}" if place < len(values) else None


def _chart(row: Selection, newest: list[LadderSnapshot]) -> sections.Chart:
    series: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for ladder in reversed(newest):
        seen = f"{ladder.seen_at:%Y-%m-%d %H:%M:%S}"
        for name, prices in (("Back", ladder.back_prices), ("Lay", ladder.lay_prices)):
            if prices:
                series[f"{name} at {ladder.book}"].append((seen, float(prices[0])))
    return sections.Chart(
        "Best offers on both sides",
        f"ladder-{row.pk}",
        dict(series),
        stepped=True,
        columns=("Seen (UTC)", "Price"),
        note="What lies between the lines is the exchange's spread.",
    )
