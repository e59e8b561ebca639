from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from rich.table import Table

from betting.services import filling
from monitoring.commands import ProductCommand, screen


class Command(ProductCommand):
    help = "How orders were filled, at which price and how fast: by book, market and strategy."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=float, default=7.0)
        parser.add_argument("--kind", choices=["LIVE", "PAPER"], help="of the money")

    def report(self, *, days: float = 7.0, kind: str | None = None, **_: Any) -> dict[str, Any]:
        if not 0 < days <= 3_660:
            raise CommandError("--days is above 0 and at most 3660")
        now = timezone.now()
        found = filling.figures(since=now - timedelta(days=days), until=now, kind=kind)
        return {"days": days, "fills": [each.as_dict() for each in found]}

    def show(self, report: dict[str, Any]) -> None:
        table = Table(title=f"Fills of {report['days']:g} days")
        for column in ("of", "", "orders", "filled", "matched", "slippage", "answer"):
            table.add_column(column)
        for row in report["fills"]:
            table.add_row(
                row["dimension"].lower(),
                row["name"],
                str(row["n"]),
                f"{row['fill_rate']:.1%} ({row['fill_rate_low']:.1%}–{row['fill_rate_high']:.1%})",
                f"{row['matched']} of {row['asked']}",
                "–" if row["slippage"] is None else f"{row['slippage']:+.2%}",
                "–" if row["median_ms"] is None else f"{row['median_ms']:.0f} ms",
            )
        screen().print(table)
