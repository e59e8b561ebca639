from argparse import ArgumentParser
from dataclasses import asdict
from datetime import date
from typing import Any

from django.utils import timezone
from rich.table import Table

from betting import queries
from betting.services import explaining
from monitoring.commands import ProductCommand, screen


class Command(ProductCommand):
    help = "Show where a day's candidates stopped: the funnel, the nearest misses, missed prices."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--date", type=date.fromisoformat, help="a betting day; default today")
        parser.add_argument("--strategy", help="its name; default all but those of replays")
        parser.add_argument("--nearest", type=int, default=5, help="so many misses; default 5")

    def report(self, **options: Any) -> dict[str, Any]:
        name = options["strategy"]
        found = explaining.account(
            now=timezone.now(),
            day=options["date"],
            strategy=None if name is None else explaining.strategy_named(name),
            nearest=min(max(options["nearest"], 0), 100),
        )
        way = asdict(found.funnel)
        return {
            "date": found.since.date().isoformat(),
            "time_zone": found.time_zone,
            "strategy": name,
            "candidates": way["candidates"],
            "steps": way["steps"],
            "staked": way["staked"],
            "bets": way["bets"],
            "refused": way["refusals"],
            "placed": way["placed"],
            "waiting": way["waiting"],
            "before": [
                {**asdict(one.seen), "causes": [asdict(cause) for cause in one.causes]}
                for one in found.stood
            ],
            "halts": [str(halt) for halt in queries.active_halts()],
            "nearest": [asdict(miss) for miss in found.nearest],
            "shopping": [asdict(row) for row in found.shopped],
            "shopping_books": [asdict(row) for row in found.shopped_books],
        }

    def show(self, report: dict[str, Any]) -> None:
        out = screen()
        out.print(_funnel(report))
        for halt in report["halts"]:
            out.print(f"[red]Paused:[/red] {halt}")
        for row in report["before"]:
            for cause in row["causes"]:
                out.print(f"{row['strategy']}: {cause['text']} [dim]({cause['code']})[/dim]")
        for miss in report["nearest"]:
            out.print(
                f"Missed by {miss['missing']:.1%} ({miss['reason']}): {miss['selection']} in"
                f" {miss['event']} wanted {miss['needed']}"
            )
        for row in report["shopping"]:
            if row["bettered"]:
                out.print(
                    f"{row['strategy']}: {row['bettered']} of {row['bets']} bets had a better price"
                    f" elsewhere, by {row['missed']:.2%} in the mean; {row['lost']} passes would"
                    " have been bets at it"
                )


def _funnel(report: dict[str, Any]) -> Table:
    table = Table(title=f"{report['date']} ({report['time_zone']})")
    for column in ("stopped by", "candidates", "left", "failed it", "it alone"):
        table.add_column(column, justify="left" if column == "stopped by" else "right")
    table.add_row("(all candidates)", "", str(report["candidates"]))
    for step in report["steps"]:
        numbers = (str(step[name]) for name in ("count", "left", "failed", "alone"))
        table.add_row(step["reason"], *numbers)
    table.add_row("reached the stake", str(report["staked"]))
    table.add_row("BET", str(report["bets"]))
    for title in ("refused", "placed"):
        for name, count in report[title].items():
            table.add_row(f"  {title}: {name}", str(count))
    if report["waiting"]:
        table.add_row("  waiting to be placed", str(report["waiting"]))
    return table
