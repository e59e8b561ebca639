from typing import Any

from django.utils import timezone
from rich.table import Table

from monitoring.commands import FAILED, OK, WARNINGS, ProductCommand, screen
from monitoring.services import health

EXIT = {health.OK: OK, health.WARNING: WARNINGS, health.FAILED: FAILED}


class Command(ProductCommand):
    help = "Show how engines, workers, beat, queues and incidents are."

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
        screen().print(parts, queues, f"Open incidents: {open_ or 'none'}")
