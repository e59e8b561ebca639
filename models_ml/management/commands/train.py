from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.utils import timezone

from models_ml.management.moments import moment
from models_ml.services import learning, pipelines, training
from monitoring.commands import WARNINGS, ProductCommand


class Command(ProductCommand):
    keeps_memory = True
    help = "Train a candidate for a pipeline, or for every pipeline of a feature set."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="a pipeline (soccer-1x2) or a feature set (soccer_v1)")
        parser.add_argument("--until", type=moment, help="learn from what was known then; now")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument(
            "--calibration-weeks",
            type=int,
            default=learning.CALIBRATION_WEEKS,
            help="weeks before the test part that confidence is fitted on; 8",
        )

    def report(self, **options: Any) -> dict[str, Any]:
        now = timezone.now()
        until: datetime = options["until"] or now
        pipelines.ensure_default_pipelines(now=now)
        chosen = pipelines.chosen(name=options["name"])
        trained: list[dict[str, Any]] = []
        refused: dict[str, str] = {}
        for pipeline in chosen:
            try:
                trained.append(self._train(pipeline.code, until, options))
            except (training.NotEnoughHistory, training.OneClassOnly) as no:
                if len(chosen) == 1:
                    raise
                refused[pipeline.code] = str(no)
        self.exit_code = self.exit_code if trained else WARNINGS
        return {"versions": trained, "refused": refused}

    def _train(self, code: str, until: datetime, options: dict[str, Any]) -> dict[str, Any]:
        now = timezone.now()
        told = {name: options[name] for name in ("seed", "calibration_weeks")}
        with self.recorded(
            task="models_ml.tasks.train_pipeline",
            arguments={"pipeline": code, **told},
            now=now,
        ) as run:
            version = training.train(
                pipeline=pipelines.chosen(name=code)[0],
                until=until,
                **told,
                actor=self.actor,
                now=now,
                progress=run,
            )
            run.result = training.summary(version=version)
        return training.summary(version=version)
