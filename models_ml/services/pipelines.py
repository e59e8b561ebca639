"""The pipelines that every installation has."""

from datetime import datetime

from django.db import transaction

from markets.models import Market, Sport
from models_ml.domain.soccer_v1 import SOCCER_V1
from models_ml.models import Pipeline
from monitoring.errors import Refused
from monitoring.services import audit

DEFAULTS = (("soccer-1x2", False), ("soccer-1x2-simulated", True))


class UnknownPipeline(Refused):
    """No pipeline has this code."""


@transaction.atomic
def ensure_default_pipelines(*, now: datetime) -> list[Pipeline]:
    """Return the default pipelines, made where they are missing; touches no existing one."""
    sport, _ = Sport.objects.get_or_create(code=SOCCER_V1.sport, defaults={"name": "Soccer"})
    found = []
    for code, is_simulated in DEFAULTS:
        pipeline, is_new = Pipeline.objects.get_or_create(
            code=code,
            defaults={
                "sport": sport,
                "market_kind": Market.Kind.MATCH_ODDS,
                "feature_set": SOCCER_V1.name,
                "is_simulated": is_simulated,
            },
        )
        if is_new:
            audit.record(
                actor="task:ensure_default_pipelines",
                action="models_ml.pipeline_added",
                subject=pipeline,
                at=now,
                code=code,
            )
        found.append(pipeline)
    return found


def chosen(*, name: str) -> list[Pipeline]:
    """Return the pipeline of this code, or every pipeline of the feature set of this name.

    Raises:
        UnknownPipeline: neither exists.
    """
    rows = Pipeline.objects.select_related("sport").order_by("pk")
    found = list(rows.filter(code=name)) or list(rows.filter(feature_set=name))
    if not found:
        known = ", ".join(rows.values_list("code", flat=True)) or "none yet"
        raise UnknownPipeline(f"no pipeline or feature set {name!r}; pipelines: {known}")
    return found
