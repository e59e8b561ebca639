from dataclasses import asdict
from typing import Any

from django.utils import timezone
from rich.table import Table

from monitoring.commands import FAILED, OK, WARNINGS, ProductCommand, screen
from monitoring.services import health

EXIT = {health.OK: OK, health.WARNING: WARNINGS, health.FAILED: FAILED}


class Command(ProductCommand):
    help = "Look at everything now: engines, workers, beat, disk and every registered check."

    def report(self, **_: Any) -> dict[str, Any]:
        examined = health.examine_all(timezone.now())
        status = health.worst(examined)
        self.exit_code = EXIT[status]
        return {"status": status, "checks": [asdict(part) for part in examined]}

    def show(self, report: dict[str, Any]) -> None:
        table = Table("check", "status", "detail", title=report["status"])
        for part in report["checks"]:
            table.add_row(part["name"], part["status"], part["detail"])
        screen().print(table)
