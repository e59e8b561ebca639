from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from markets import queries
from markets.services import sources, switching
from monitoring.commands import WARNINGS, ProductCommand


class Command(ProductCommand):
    help = "Show how the sources fare, or switch one off or on.  Exit code 2: one needs a look."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "action", nargs="?", default="status", choices=["status", "enable", "disable"]
        )
        parser.add_argument("source", nargs="?", help="the source's code")
        parser.add_argument("--reason", default="", help="why it is switched; it is audited")

    def report(
        self, *, action: str = "status", source: str | None = None, reason: str = "", **_: Any
    ) -> dict[str, Any]:
        now = timezone.now()
        if action != "status":
            switch = switching.enable if action == "enable" else switching.disable
            switch(source_code=source or "", reason=reason, actor=self.actor, now=now)
        else:
            sources.ensure_default_sources(now=now)
        found = queries.source_health(now=now)
        shown = [row.as_dict() for row in found if source in (None, row.code)]
        if action == "status" and any(row["needs_a_look"] for row in shown):
            self.exit_code = WARNINGS
        return {"sources": shown}

    def show(self, report: dict[str, Any]) -> None:
        table = Table("source", "enabled", "last success", "age", "cadence", "failures", "note")
        for row in report["sources"]:
            table.add_row(
                row["code"] + (" SIMULATED" if row["is_simulated"] else ""),
                "yes" if row["is_enabled"] else f"no: {row['disabled_reason']}",
                row["last_success_at"] or "never",
                "" if row["age_seconds"] is None else f"{row['age_seconds']:.0f} s",
                f"{row['cadence_seconds']} s",
                str(row["failures_in_a_row"]),
                "stale" if row["is_stale"] else "",
            )
        Console().print(table)
