from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.utils import timezone
from rich.table import Table

from betting import queries
from betting.models import Decision, Strategy
from monitoring.commands import ProductCommand, screen
from monitoring.errors import Refused


class NoSuchStrategy(Refused):
    """The name is no strategy's."""


class Command(ProductCommand):
    help = "Show where a day's candidates stopped: the funnel by reason, and the nearest misses."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--date", type=date.fromisoformat, help="a betting day; default today")
        parser.add_argument("--strategy", help="its name; default all but those of replays")

    def report(self, **options: Any) -> dict[str, Any]:
        day, strategy = options["date"], options["strategy"]
        chosen = self._strategy(strategy)
        zone = chosen.bankroll.time_zone if chosen else "UTC"
        start, end = queries.betting_day(at=timezone.now(), time_zone=zone)
        if day is not None:
            start, end = queries.day_bounds(day=day, time_zone=zone)
        funnel = queries.funnel(since=start, until=end, strategy_id=chosen.pk if chosen else None)
        return {
            "date": start.date().isoformat(),
            "time_zone": zone,
            "strategy": strategy,
            "candidates": funnel.candidates,
            "steps": [
                {"reason": step.reason, "count": step.count, "left": step.left}
                for step in funnel.steps
            ],
            "bets": funnel.bets,
            "refused": funnel.refusals,
            "placed": funnel.placed,
            "halts": [str(halt) for halt in queries.active_halts()],
            "nearest": [_miss(decision) for decision in funnel.nearest],
        }

    def show(self, report: dict[str, Any]) -> None:
        out = screen()
        table = Table(title=f"{report['date']} ({report['time_zone']})")
        for column in ("stopped by", "candidates", "left"):
            table.add_column(column, justify="left" if column == "stopped by" else "right")
        table.add_row("(all candidates)", "", str(report["candidates"]))
        for step in report["steps"]:
            table.add_row(step["reason"], str(step["count"]), str(step["left"]))
        table.add_row("BET", str(report["bets"]), "")
        for title in ("refused", "placed"):
            for name, count in report[title].items():
                table.add_row(f"  {title}: {name}", str(count), "")
        out.print(table)
        for halt in report["halts"]:
            out.print(f"[red]Paused:[/red] {halt}")
        for miss in report["nearest"]:
            out.print(
                f"Missed by {miss['missing']:.4f}: {miss['selection']} in {miss['event']}"
                f" at {miss['price']}, edge {miss['edge']:+.4f} of {miss['min_edge']:.4f}"
            )

    def _strategy(self, name: str | None) -> Strategy | None:
        if name is None:
            return None
        found = Strategy.objects.select_related("bankroll").filter(name=name).first()
        if found is None:
            raise NoSuchStrategy(f"there is no strategy {name!r}")
        return found


def _miss(decision: Decision) -> dict[str, Any]:
    edge = decision.edge or 0.0
    return {
        "decision": decision.pk,
        "event": str(decision.selection.market.event),
        "selection": str(decision.selection),
        "book": decision.book.code if decision.book else None,
        "price": str(decision.price),
        "probability": decision.probability,
        "edge": edge,
        "min_edge": decision.strategy.min_edge,
        "missing": decision.strategy.min_edge - edge,
    }
