from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.utils import timezone

from models_ml.management.moments import moment
from models_ml.models import ModelVersion
from models_ml.services import evaluating, pipelines
from monitoring.commands import ProductCommand


class Command(ProductCommand):
    help = "Score a version beside the market and Elo on matches after its training."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("pipeline")
        parser.add_argument("--number", type=int, help="version; the one in production")
        parser.add_argument("--since", type=moment, help="start of the window; end of training")
        parser.add_argument("--until", type=moment, help="end of the window; now")

    def report(self, **options: Any) -> dict[str, Any]:
        now, pipeline = timezone.now(), options["pipeline"]
        since: datetime | None = options["since"]
        until: datetime | None = options["until"]
        version = self._version(pipeline, options["number"])
        window = {"since": since or version.trained_until, "until": until or now}
        scores = evaluating.evaluate(version=version, now=now, **window)
        shown = {name: value.isoformat() for name, value in window.items()}
        return {"pipeline": pipeline, "number": version.number, **shown, **scores}

    def _version(self, pipeline: str, number: int | None) -> ModelVersion:
        rows = pipelines.chosen(name=pipeline)[0].versions.select_related("pipeline")
        wanted = {"number": number} if number else {"stage": ModelVersion.Stage.PRODUCTION}
        found = rows.filter(**wanted).first()
        if found is None:
            what = f"version {number}" if number else "version in production"
            raise evaluating.VersionNotFound(f"{pipeline} has no {what}")
        return found
