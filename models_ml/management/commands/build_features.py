from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.utils import timezone

from markets import queries as markets_queries
from models_ml.domain import feature_sets, stages
from models_ml.management.moments import moment
from models_ml.services import featuring
from monitoring.commands import ProductCommand


class Command(ProductCommand):
    keeps_memory = True
    help = "Build feature rows of the events that a stage is open for, or print what features are."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="a feature set (soccer_v1)")
        parser.add_argument("--stage", choices=list(stages.STAGES), default=stages.FINAL_STAGE)
        parser.add_argument("--as-of", type=moment, help="what was known then; now")
        parser.add_argument("--competition", action="append", help="code; may be repeated")
        parser.add_argument("--markdown", action="store_true", help="print docs/features.md")

    def report(self, **options: Any) -> dict[str, Any]:
        if options["markdown"]:
            return {"markdown": feature_sets.markdown()}
        now, name, stage = timezone.now(), options["name"], options["stage"]
        as_of: datetime = options["as_of"] or now
        rows = featuring.build(
            event_ids=self._open(name, stage, as_of, options["competition"]),
            feature_set=name,
            stage=stage,
            as_of=as_of,
            now=now,
        )
        market = feature_sets.named(name).market[0]
        return {
            "feature_set": name,
            "stage": stage,
            "as_of": as_of.isoformat(),
            "rows": len(rows),
            "new": sum(row.made_at == now for row in rows),
            "without_market": sum(row.values[market] is None for row in rows),
        }

    def _open(
        self, name: str, stage: str, as_of: datetime, competition: list[str] | None
    ) -> list[int]:
        """Return the events not started at ``as_of`` for which the stage was open then."""
        events = markets_queries.events_starting(
            after=as_of, until=as_of + stages.STAGES[stage], competition_codes=competition
        ).filter(competition__sport__code=feature_sets.named(name).sport, home__isnull=False)
        rows = events.order_by("starts_at", "pk").values_list(
            "pk", "starts_at", "competition__time_scale"
        )
        return [
            event_id
            for event_id, starts_at, scale in rows
            if stages.opens_at(starts_at, stage, scale) <= as_of < starts_at
        ]

    def show(self, report: dict[str, Any]) -> None:
        if "markdown" in report:
            self.stdout.write(report["markdown"], ending="")
        else:
            super().show(report)
