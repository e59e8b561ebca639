from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from models_ml.management.moments import moment
from models_ml.models import Evaluation
from models_ml.services import evaluating, pipelines, recent
from monitoring.commands import ProductCommand


class Command(ProductCommand):
    keeps_memory = True
    help = "Score a version beside the market, the close and plain methods, and keep the figures."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("pipeline")
        parser.add_argument("--number", type=int, help="version; the one in production")
        parser.add_argument("--since", type=moment, help="start of the window; end of training")
        parser.add_argument("--until", type=moment, help="end of the window; now")
        parser.add_argument(
            "--recent",
            type=int,
            metavar="WEEKS",
            help="instead: what was really served for the events of so many weeks",
        )

    def report(self, **options: Any) -> dict[str, Any]:
        now, code = timezone.now(), options["pipeline"]
        pipeline = pipelines.chosen(name=code)[0]
        number: int | None = None
        if (weeks := options["recent"]) is not None:
            row = recent.recent_kept(pipeline=pipeline, weeks=weeks, actor=self.actor, now=now)
        else:
            version = evaluating.version_of(pipeline=pipeline, number=options["number"])
            window = {name: options[name] for name in ("since", "until")}
            row = evaluating.evaluate_and_keep(version=version, actor=self.actor, now=now, **window)
            number = version.number
        return {"pipeline": code, "number": number, **self._window(row), **row.figures}

    def _window(self, row: Evaluation) -> dict[str, Any]:
        ends = {name: getattr(row, name).isoformat() for name in ("since", "until")}
        return {**ends, "evaluation": row.pk}
