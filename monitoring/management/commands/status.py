from typing import Any

from django.utils import timezone
from rich.table import Table

from monitoring import registry
from monitoring.commands import FAILED, OK, WARNINGS, ProductCommand, screen
from monitoring.services import health

EXIT = {health.OK: OK, health.WARNING: WARNINGS, health.FAILED: FAILED}


class Command(ProductCommand):
    help = "Show how engines, workers, beat, queues, sources and incidents are."

    def report(self, **_: Any) -> dict[str, Any]:
        report = health.overview(timezone.now())
        self.exit_code = EXIT[report["status"]]
        return report

    def show(self, report: dict[str, Any]) -> None:
        parts = Table("part", "status", "detail")
        for part in report.values():
            if isinstance(part, dict) and "detail" in part:
                parts.add_row(part["name"], part["status"], part["detail"])
        queues = Table("queue", "waiting", "running", "oldest waits, s")
        for row in report["queues"]:
            queues.add_row(*(str(row[name]) for name in row))
        open_ = ", ".join(f"{count} × {name}" for name, count in report["incidents"].items())
        tables = [_table(name, report[name]) for name in sorted(registry.tables) if report[name]]
        screen().print(parts, queues, *tables, f"Open incidents: {open_ or 'none'}")


def _table(name: str, rows: list[dict[str, Any]]) -> Table:
    """Show rows of a room above under their own columns."""
    shown = Table(*rows[0], title=name, title_justify="left")
    for row in rows:
        shown.add_row(*("" if value is None else str(value) for value in row.values()))
    return shown
