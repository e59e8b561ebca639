from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from models_ml.domain.drift import State
from models_ml.services import drifting
from monitoring.commands import WARNINGS, ProductCommand

TASK = "models_ml.tasks.drift_reports"


class Command(ProductCommand):
    help = "Hold what serves against what it learned from; exit 2 where a rule fires."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("pipeline", nargs="?", default="", help="every one that is served")

    def report(self, **options: Any) -> dict[str, Any]:
        now, pipeline = timezone.now(), options["pipeline"]
        with self.recorded(task=TASK, arguments={"pipeline": pipeline}, now=now) as run:
            found = drifting.report_each(now=now, actor=self.actor, pipeline=pipeline, progress=run)
            told = run.result = drifting.told(found=found)
        fired = any(
            one["state"] == State.FIRED for row in told["reports"] for one in row["findings"]
        )
        if fired or told["refused"]:
            self.exit_code = WARNINGS
        return told
