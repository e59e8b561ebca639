from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from betting.services import stopping
from monitoring.commands import WARNINGS, ProductCommand


class Command(ProductCommand):
    help = (
        "Stop all staking, take back what is not matched, open a P0 incident; exits 2 while an"
        " order has no answer. `resume` lifts it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", required=True)

    def report(self, **options: Any) -> dict[str, Any]:
        now, reason = timezone.now(), options["reason"]
        with self.recorded(
            task="betting.emergency_stop", arguments={"reason": reason}, now=now
        ) as run:
            stopped = stopping.stop_everything(reason=reason, actor=self.actor, now=now)
            run.result = stopped.as_dict()
        if not stopped.is_clean:
            self.exit_code = WARNINGS
        return stopped.as_dict()
