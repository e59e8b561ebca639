"""Holding a version beside the market, the close and plain methods, on what it never learned."""

from datetime import datetime
from typing import Any

import numpy as np

from models_ml.domain import feature_sets, features
from models_ml.models import Evaluation, ModelVersion
from models_ml.services import cards, examples, loading
from monitoring.errors import Refused


class VersionNotFound(Refused):
    """The pipeline has no such version."""


class NothingToEvaluate(Refused):
    """No event with a known result lies in the window."""


def evaluate(
    *, version: ModelVersion, since: datetime, until: datetime, now: datetime
) -> dict[str, Any]:
    """Return a version's scores on the events that started in [since, until) and are known now.

    Raises:
        NothingToEvaluate: there are none, or the window begins before the version's training
            ended: on what it has seen a model always looks good.
        DamagedArtefact: the version's file is not what was written.
    """
    if since < version.trained_until:
        raise NothingToEvaluate(
            f"{version} learned until {version.trained_until:%Y-%m-%d %H:%M}; choose a later window"
        )
    rows = examples.examples(pipeline=version.pipeline, until=now)
    begins, ends = features.microseconds(since), features.microseconds(until)
    inside = (rows.starts >= begins) & (rows.starts < ends)
    if not inside.any():
        raise NothingToEvaluate(f"no known result from {since:%Y-%m-%d} to {until:%Y-%m-%d}")
    return cards.figures(
        market_kind=version.pipeline.market_kind,
        estimator=loading.load(version=version),
        examples=rows.part(inside),
        past=rows.part(np.flatnonzero(rows.label_known_at <= rows.as_of[inside].min())),
        feature_set=feature_sets.named(version.pipeline.feature_set),
    )


def keep(
    *,
    version: ModelVersion,
    kind: str,
    since: datetime,
    until: datetime,
    figures: dict[str, Any],
    actor: str,
    now: datetime,
) -> Evaluation:
    """Keep the figures of an evaluation, to be shown and compared later."""
    return Evaluation.objects.create(
        pipeline_id=version.pipeline_id,
        version=version,
        kind=kind,
        since=since,
        until=until,
        at=now,
        n=figures["n_all"],
        figures=figures,
        actor=actor,
    )
