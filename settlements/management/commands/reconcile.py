from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.utils import timezone

from betting.services import reconciling as asking
from monitoring.commands import WARNINGS, ProductCommand
from settlements.services import reconciling


class Command(ProductCommand):
    help = (
        "Ask the venues what became of bets without an answer and of orders that wait; with"
        " --day, or --from and --until, hold the books against the orders that venues cleared."
        " Exits 2 while bets are unknown, or differences open."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--older-than",
            type=int,
            default=int(asking.ANSWER_WITHIN.total_seconds()),
            help="seconds a bet must have waited; never less than a placing run may last",
        )
        parser.add_argument("--day", help="a betting day, such as 2026-05-01")
        parser.add_argument("--from", dest="first", help="a betting day, or a moment")
        parser.add_argument(
            "--until", dest="last", help="a betting day, which belongs to the period, or a moment"
        )

    def report(self, **options: Any) -> dict[str, Any]:
        first, last = options["day"] or options["first"], options["day"] or options["last"]
        if first or last:
            return self._books(first, last)
        return self._unanswered(timedelta(seconds=options["older_than"]))

    def _books(self, first: str | None, last: str | None) -> dict[str, Any]:
        now = timezone.now()
        with self.recorded(
            task="settlements.tasks.reconcile_accounts",
            arguments={"first": first, "last": last},
            now=now,
        ) as run:
            runs = reconciling.reconcile(now=now, actor=run.actor, first=first, last=last)
            found = reconciling.as_dict(runs)
            run.result = {"runs": len(runs), "open": found["open"]}
        if found["open"] or any(one.failed for one in runs):
            self.exit_code = WARNINGS
        return found

    def _unanswered(self, older_than: timedelta) -> dict[str, Any]:
        now = timezone.now()
        with self.recorded(
            task="betting.tasks.reconcile_unknown",
            arguments={"older_than": older_than.total_seconds()},
            now=now,
        ) as run:
            found = asking.reconcile(now=now, older_than=older_than, actor=run.actor)
            found |= asking.follow(now=now, actor=run.actor)
            run.result = dict(found)
        if found["unknown"]:
            self.exit_code = WARNINGS
        return found
