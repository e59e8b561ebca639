from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from rich.table import Table

from markets import queries
from markets.models import Market
from monitoring.commands import ProductCommand, screen


class Command(ProductCommand):
    help = "Show how prices moved before the start, and in which hours they were worth most."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--sport", help="one sport by its code")
        parser.add_argument("--competition", help="one competition by its code")
        parser.add_argument("--kind", choices=Market.Kind.values, help="one kind of market")
        parser.add_argument("--since", type=_day, help="events from this day on (YYYY-MM-DD, UTC)")
        parser.add_argument("--until", type=_day, help="events before this day")
        parser.add_argument("--events", type=int, default=2_000, help="the newest so many")
        parser.add_argument("--simulated", action="store_true", help="the simulated leagues")

    def report(
        self,
        *,
        sport: str | None = None,
        competition: str | None = None,
        kind: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        events: int = 2_000,
        simulated: bool = False,
        **_: Any,
    ) -> dict[str, Any]:
        if events < 1:
            raise CommandError("--events is 1 or more")
        found = queries.movement_report(
            until=until or timezone.now(),
            since=since,
            sport=sport,
            competition=competition,
            kinds=[kind] if kind else None,
            is_simulated=simulated,
            events_at_most=events,
        )
        return asdict(found)

    def show(self, report: dict[str, Any]) -> None:
        console = screen()
        console.print(f"{report['events']} events; {report['steam_found']} steam moves")
        console.print(_table("Open to close", _OPEN, report["open_to_close"]))
        for timing in report["timing"]:
            title = f"{timing['sport']} {timing['kind']}: worth at the close, by hours before"
            table = _table(title, _WINDOWS, timing["windows"])
            best = timing["advice"]
            table.caption = (
                f"clearly best: {best['nearest']:g} to {best['farthest']:g} hours before"
                if best
                else "no window is clearly best"
            )
            console.print(table)
        console.print(_table("Distance from the reference", _DIVERGENCE, report["divergence"]))


_OPEN = ("sport", "kind", "n", "events", "moved", "value", "beat", "true_openers", "moved_lines")
_WINDOWS = ("nearest", "farthest", "n", "events", "moved", "value")
_DIVERGENCE = ("book", "n", "distance", "bias", "worth")


def _day(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)


def _table(title: str, names: tuple[str, ...], rows: list[dict[str, Any]]) -> Table:
    table = Table(*(name.replace("_", " ") for name in names), title=title)
    for row in rows:
        table.add_row(*(_cell(row[name]) for name in names))
    return table


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        if value["value"] is None:
            return "–"
        return f"{value['value']:+.2%} ({value['low']:+.2%} to {value['high']:+.2%})"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "–" if value is None else str(value)
