"""Holding a version beside the market, the close and plain methods, on what it never learned."""

from datetime import UTC, datetime
from typing import Any

import numpy as np

from models_ml.domain import feature_sets, features
from models_ml.models import Evaluation, ModelVersion, Pipeline
from models_ml.services import cards, examples, loading
from monitoring.errors import Refused
from monitoring.services import audit


class VersionNotFound(Refused):
    """The pipeline has no such version."""


class BadDay(Refused):
    """A day that is none."""


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


def evaluate_and_keep(
    *,
    version: ModelVersion,
    since: datetime | None = None,
    until: datetime | None = None,
    actor: str,
    now: datetime,
) -> Evaluation:
    """Evaluate a version on what followed its training, or in a window, and keep the figures.

    Raises:
        NothingToEvaluate, DamagedArtefact: as ``evaluate``.
    """
    begins, ends = since or version.trained_until, until or now
    return keep(
        version=version,
        kind=Evaluation.Kind.EVALUATE,
        since=begins,
        until=ends,
        figures=evaluate(version=version, since=begins, until=ends, now=now),
        actor=actor,
        now=now,
    )


def asked(
    *, version_id: int, since: str = "", until: str = "", actor: str, now: datetime
) -> dict[str, Any]:
    """Evaluate and keep what a run asks for by words; return a summary.

    Raises:
        VersionNotFound, BadDay, NothingToEvaluate, DamagedArtefact.
    """
    version = ModelVersion.objects.select_related("pipeline__sport").filter(pk=version_id).first()
    if version is None:
        raise VersionNotFound(f"there is no version {version_id}")
    row = evaluate_and_keep(
        version=version, since=day(since), until=day(until), actor=actor, now=now
    )
    return summary(row=row)


def summary(*, row: Evaluation) -> dict[str, Any]:
    """Return what people ask first about an evaluation, as JSON can hold it."""
    cards_of = {name: row.figures.get(name) or {} for name in ("model", "market", "close")}
    losses = {name: card.get("log_loss") for name, card in cards_of.items()}
    return {"evaluation": row.pk, "pipeline": row.pipeline.code, "n": row.n, "log_loss": losses}


def day(text: str) -> datetime | None:
    """Read an ISO day or moment, UTC where it names no zone; None of nothing.

    >>> day("2026-01-31").isoformat(), day("")
    ('2026-01-31T00:00:00+00:00', None)

    Raises:
        BadDay: it is neither.
    """
    if not text:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadDay(f"{text!r} is no ISO day or moment") from error
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def version_of(*, pipeline: Pipeline, number: int | None = None) -> ModelVersion:
    """Return a pipeline's version of that number, or the one in production.

    Raises:
        VersionNotFound: there is none.
    """
    rows = pipeline.versions.select_related("pipeline__sport")
    wanted = {"number": number} if number else {"stage": ModelVersion.Stage.PRODUCTION}
    found = rows.filter(**wanted).first()
    if found is None:
        what = f"version {number}" if number else "version in production"
        raise VersionNotFound(f"{pipeline} has no {what}")
    return found


def keep(
    *,
    version: ModelVersion | None,
    kind: str,
    since: datetime,
    until: datetime,
    figures: dict[str, Any],
    actor: str,
    now: datetime,
    pipeline: Pipeline | None = None,
) -> Evaluation:
    """Keep the figures of an evaluation, to be shown and compared later.

    ``pipeline``: whose it is where it is no single version's.
    """
    of = version.pipeline if version else pipeline
    assert of is not None, "an evaluation is of a version or of a pipeline"
    row = Evaluation.objects.create(
        pipeline=of,
        version=version,
        kind=kind,
        since=since,
        until=until,
        at=now,
        n=figures["n_all"],
        figures=figures,
        actor=actor,
    )
    audit.record(actor=actor, action="models_ml.evaluate", subject=row, at=now, n=row.n)
    return row
