from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.utils import timezone

from models_ml.management.moments import moment
from models_ml.services import rerunning
from monitoring.commands import ProductCommand

TASK = "models_ml.tasks.replay_interval"


class Command(ProductCommand):
    keeps_memory = True
    help = "Predict a past interval again by chosen versions, and show what differs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="since", type=moment, required=True)
        parser.add_argument("--to", dest="until", type=moment, required=True)
        parser.add_argument(
            "--models", required=True, help="of one pipeline: soccer-1x2:3,soccer-1x2:5"
        )
        parser.add_argument("--stage", default="", help="such as T-24h; the last one")

    def report(self, **options: Any) -> dict[str, Any]:
        now = timezone.now()
        since: datetime = options["since"]
        until: datetime = options["until"]
        models, stage = options["models"], options["stage"]
        span = {"since": since.isoformat(), "until": until.isoformat()}
        pipeline, numbers = rerunning.named(models=models)
        asked = {"models": models, "stage": stage, **span}
        with self.recorded(task=TASK, arguments=asked, now=now) as run:
            row = rerunning.rerun(
                pipeline=pipeline,
                numbers=numbers,
                since=since,
                until=until,
                stage=stage,
                actor=self.actor,
                now=now,
                progress=run,
            )
            run.result = {"rerun": row.pk, "events": row.figures["events"]}
        return rerunning.summary(row=row)
