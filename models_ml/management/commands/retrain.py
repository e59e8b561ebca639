from argparse import SUPPRESS, ArgumentParser
from typing import Any

from django.utils import timezone

from models_ml.services import assessing, pipelines, retraining
from monitoring.commands import ProductCommand

ASSESS, NOW = "models_ml.tasks.drift_decisions", retraining.TASK


class Command(ProductCommand):
    help = "Decide whether pipelines are to be trained anew, or train one now and propose it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        assess = actions.add_parser("assess", help="ask every rule; keep the decision; act on it")
        assess.add_argument("pipeline", nargs="?", default="", help="every one that is served")
        at_once = actions.add_parser("now", help="train a candidate whatever the rules say")
        at_once.add_argument("pipeline")
        at_once.add_argument("--reason", required=True)
        for action in (assess, at_once):
            action.add_argument("--output", choices=["table", "json"], default=SUPPRESS)

    def report(self, **options: Any) -> dict[str, Any]:
        assesses = options.pop("action") == "assess"
        return self._assess(**options) if assesses else self._now(**options)

    def _assess(self, *, pipeline: str, **_: Any) -> dict[str, Any]:
        now = timezone.now()
        with self.recorded(task=ASSESS, arguments={"pipeline": pipeline}, now=now) as run:
            found = assessing.assess_each(
                now=now, actor=self.actor, pipeline=pipeline, progress=run
            )
            told = run.result = assessing.told(found=found)
        return told

    def _now(self, *, pipeline: str, reason: str, **_: Any) -> dict[str, Any]:
        now, chosen = timezone.now(), pipelines.chosen(name=pipeline)[0]
        asked = {"pipeline": chosen.code, "why": reason}
        with self.recorded(task=NOW, arguments=asked, now=now) as run:
            made = retraining.retrain(
                pipeline=chosen, why=reason, actor=self.actor, now=now, progress=run
            )
            told = run.result = retraining.summary(made=made)
        return told
