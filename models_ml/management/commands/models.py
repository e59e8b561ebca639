from argparse import SUPPRESS, ArgumentParser
from typing import Any

from django.utils import timezone

from models_ml import queries
from models_ml.models import ModelVersion
from models_ml.services import pipelines, promoting, training
from monitoring.commands import ProductCommand


class Command(ProductCommand):
    help = "List model versions, promote one, or roll a pipeline back to its previous one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        listing = actions.add_parser("list", help="versions, newest first")
        listing.add_argument("--pipeline", default="")
        promote = actions.add_parser("promote", help="put a version into production")
        promote.add_argument("pipeline")
        promote.add_argument("number", type=int)
        rollback = actions.add_parser("rollback", help="put the previous version back")
        rollback.add_argument("pipeline")
        for action in (promote, rollback):
            action.add_argument("--reason", required=True)
        for action in (listing, promote, rollback):
            action.add_argument("--output", choices=["table", "json"], default=SUPPRESS)

    def report(self, **options: Any) -> dict[str, Any]:
        action, pipeline = options.pop("action"), options.pop("pipeline")
        if action == "list":
            chosen = pipelines.chosen(name=pipeline)[0] if pipeline else None
            rows = queries.versions(pipeline=chosen)
            return {"versions": [training.summary(version=version) for version in rows]}
        version = self._promote(pipeline, **options) if action == "promote" else None
        version = version or self._rollback(pipeline, **options)
        return {"serving": training.summary(version=version)}

    def _promote(self, pipeline: str, *, number: int, reason: str, **_: Any) -> ModelVersion:
        row = pipelines.chosen(name=pipeline)[0]
        found = row.versions.filter(number=number).first()
        if found is None:
            raise promoting.PromotionRefused(f"{pipeline} has no version {number}")
        return promoting.promote(
            version_id=found.pk, actor=self.actor, reason=reason, now=timezone.now()
        )

    def _rollback(self, pipeline: str, *, reason: str, **_: Any) -> ModelVersion:
        row = pipelines.chosen(name=pipeline)[0]
        return promoting.rollback(
            pipeline_id=row.pk, actor=self.actor, reason=reason, now=timezone.now()
        )
