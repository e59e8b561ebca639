from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from config import seeding
from markets.services import simulating_sports
from monitoring.commands import ProductCommand


class Command(ProductCommand):
    help = "Found the simulated league with its model, money and strategy; repeat at will."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--chaos", action="store_true", help="let the simulated feed fail now and then"
        )

    def report(self, *, chaos: bool = False, **_: Any) -> dict[str, Any]:
        with self.recorded(task="config.seed", now=timezone.now()) as run:
            run.result = seeding.seed(clock=timezone.now, actor=self.actor, progress=run)
            if chaos:
                simulating_sports.set_chaos(on=True, actor=self.actor, now=timezone.now())
        return dict(run.result)

    def show(self, report: dict[str, Any]) -> None:
        founded = report.get("history", {}).get("events", 0)
        self.stdout.write(f"{founded} past events founded; {report.get('version')} serves")
