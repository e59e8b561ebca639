from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.utils import timezone

from betting.services import reconciling
from betting.tasks import RECONCILE_AFTER
from monitoring.commands import WARNINGS, ProductCommand


class Command(ProductCommand):
    help = (
        "Ask the venues what became of bets without an answer and of orders that wait; exits 2"
        " while some are unknown."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--older-than",
            type=int,
            default=int(RECONCILE_AFTER.total_seconds()),
            help="seconds a bet must have waited; never less than a placing run may last",
        )

    def report(self, **options: Any) -> dict[str, Any]:
        now = timezone.now()
        with self.recorded(
            task="betting.tasks.reconcile_unknown",
            arguments={"older_than": options["older_than"]},
            now=now,
        ) as run:
            found = reconciling.reconcile(
                now=now, older_than=timedelta(seconds=options["older_than"]), actor=run.actor
            )
            found |= reconciling.follow(now=now, actor=run.actor)
            run.result = dict(found)
        if found["unknown"]:
            self.exit_code = WARNINGS
        return found
