from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from betting.services import deciding, placing
from monitoring.commands import ProductCommand


class Command(ProductCommand):
    help = "Decide all waiting predictions and place the bets; --dry-run only says what it would."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="write nothing, place nothing")

    def report(self, **options: Any) -> dict[str, Any]:
        now = timezone.now()
        if options["dry_run"]:
            return {"dry_run": True, **deciding.decide_due(now=now, dry_run=True)}
        with self.recorded(task="betting.tasks.decide_due", now=now) as run:
            decided = deciding.decide_due(now=now, actor=run.actor)
            placed = placing.place_due(now=timezone.now(), actor=run.actor)
            run.result = {**decided, **placed}
        return {"dry_run": False, **decided, **placed}
