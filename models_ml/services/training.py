"""Training: from what was known before a moment to a candidate with its artefact and scores."""

import hashlib
import inspect
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Max

from models_ml.domain import (
    boosting,
    calibrating,
    elo,
    feature_sets,
    features,
    soccer_v1,
    splitting,
)
from models_ml.domain.boosting import Estimator, TrainingSet
from models_ml.domain.features import FeatureSet
from models_ml.domain.splitting import Split
from models_ml.models import ModelVersion, Pipeline, Replay
from models_ml.services import evaluating, loading, storing
from monitoring.domain.progress import RunHandle
from monitoring.errors import Refused
from monitoring.services import audit

MINIMUM = 300  # matches
GOLDEN = 5
SOURCES = (boosting, calibrating, elo, features, soccer_v1, splitting, evaluating)


class NotEnoughHistory(Refused):
    """Too few matches are known to learn from."""


class NothingTrained(Refused):
    """Not one of the pipelines could be trained."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What became of several pipelines: their new versions, and why there is none, by code."""

    versions: list[ModelVersion] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def train(
    *,
    pipeline: Pipeline,
    until: datetime,
    seed: int = 0,
    actor: str,
    now: datetime,
    replay: Replay | None = None,
    progress: RunHandle | None = None,
) -> ModelVersion:
    """Train a version on what was known before ``until``, and return it as a candidate.

    A version made for a replay has stage REPLAY and serves that replay alone.

    Raises:
        NotEnoughHistory: fewer than ``MINIMUM`` matches are known.
        Cancelled: somebody asked for that between two rounds; nothing is written.
    """
    if until > now:
        raise NotEnoughHistory(f"until {until:%Y-%m-%d %H:%M} lies in the future")
    feature_set = feature_sets.named(pipeline.feature_set)
    rows = evaluating.known_matches(pipeline=pipeline, until=until)
    if len(rows) < MINIMUM:
        raise NotEnoughHistory(f"{pipeline}: {len(rows)} matches are known, {MINIMUM} are needed")
    split = splitting.in_time_order(rows.starts)
    content, report = boosting.fit(
        rows=rows,
        split=split,
        feature_set=feature_set,
        parameters=dict(pipeline.parameters),
        seed=seed,
        after_round=_follow(progress),
    )
    estimator = _calibrated(content, rows, split, feature_set)
    version = ModelVersion(
        pipeline=pipeline,
        stage=ModelVersion.Stage.REPLAY if replay else ModelVersion.Stage.CANDIDATE,
        replay=replay,
        features=feature_set.names,
        features_sha256=feature_set.sha256,
        parameters=_parameters(pipeline, report),
        calibration=estimator.calibration,
        metrics=_metrics(estimator, rows, split, feature_set),
        trained_from=_moment(rows.starts[0]),
        trained_until=until,
        n_rows=len(rows),
        seed=seed,
        code_version=code_version(),
        trained_at=now,
    )
    return _register(version, content, actor=actor, now=now)


def train_each(
    *,
    pipelines: Iterable[Pipeline],
    until: datetime,
    seed: int = 0,
    actor: str,
    now: datetime,
    progress: RunHandle | None = None,
) -> Trained:
    """Train a candidate for each pipeline; one that is refused takes no other's turn.

    A fault of ours and a cancellation rise at once; what was trained before them stays.

    Raises:
        NothingTrained: there are pipelines, and each was refused.
    """
    trained = Trained()
    for pipeline in pipelines:
        try:
            version = train(
                pipeline=pipeline, until=until, seed=seed, actor=actor, now=now, progress=progress
            )
        except Refused as no:
            trained.refused[pipeline.code] = str(no)
        else:
            trained.versions.append(version)
    if trained.refused and not trained.versions:
        raise NothingTrained("; ".join(trained.refused.values()))
    return trained


def report(*, trained: Trained) -> dict[str, Any]:
    """Return what became of each pipeline, as JSON can hold it."""
    versions = [summary(version=version) for version in trained.versions]
    return {"versions": versions, "refused": trained.refused}


def summary(*, version: ModelVersion) -> dict[str, Any]:
    """Return what people ask first about a version, as JSON can hold it."""
    cards = {name: version.metrics.get(name) or {} for name in ("model", "market", "elo")}
    promoted_at = version.promoted_at
    return {
        "id": version.pk,
        "pipeline": version.pipeline.code,
        "number": version.number,
        "stage": version.stage,
        "trained_until": version.trained_until.isoformat(),
        "promoted_at": promoted_at.isoformat() if promoted_at else None,
        "n_rows": version.n_rows,
        "n_test": version.metrics.get("n"),
        "model_log_loss": cards["model"].get("log_loss"),
        "market_log_loss": cards["market"].get("log_loss"),
        "elo_log_loss": cards["elo"].get("log_loss"),
        "calibration": version.calibration.get("method"),
        "artefact": version.artefact,
        "artefact_sha256": version.artefact_sha256,
    }


@cache
def code_version() -> str:
    """Return the hash of everything in code that shapes an artefact, and of the library."""
    digest = hashlib.sha256(boosting.library_version().encode())
    for module in SOURCES:
        digest.update(inspect.getsource(module).encode())
    return digest.hexdigest()


def _follow(progress: RunHandle | None) -> boosting.AfterRound | None:
    if progress is None:
        return None
    handle = progress

    def after_round(done: int, total: int) -> None:
        handle.raise_if_cancelled()
        handle.progress(done=done, total=total, message="boosting")

    return after_round


def _calibrated(
    content: bytes, rows: TrainingSet, split: Split, feature_set: FeatureSet
) -> Estimator:
    raw = boosting.load(content=content, feature_set=feature_set, calibration=calibrating.IDENTITY)
    margins = raw.margins(rows.values[split.calibration])
    chosen = calibrating.choose(margins, rows.outcomes[split.calibration])
    return Estimator(raw.booster, feature_set, chosen)


def _parameters(pipeline: Pipeline, report: dict[str, Any]) -> dict[str, Any]:
    library = f"xgboost {boosting.library_version()}"
    return {**boosting.DEFAULTS, **pipeline.parameters, **report, "library": library}


def _golden_values(rows: TrainingSet, split: Split, feature_set: FeatureSet) -> np.ndarray:
    """Return rows to be foretold again after each load: the last ones, and one nearly empty."""
    last = rows.values[split.test][-GOLDEN + 1 :]
    unknown = np.full((1, rows.values.shape[1]), np.nan)
    unknown[0, feature_set.expectation] = 0.5
    return np.vstack([last, unknown])


def _metrics(
    estimator: Estimator, rows: TrainingSet, split: Split, feature_set: FeatureSet
) -> dict[str, Any]:
    cards = evaluating.score_cards(
        estimator=estimator,
        values=rows.values[split.test],
        outcomes=rows.outcomes[split.test],
        feature_set=feature_set,
    )
    parts = {}
    for name in ("train", "validation", "calibration", "test"):
        starts = rows.starts[getattr(split, name)]
        parts[name] = {
            "n": len(starts),
            "from": _moment(starts[0]).isoformat() if len(starts) else None,
            "to": _moment(starts[-1]).isoformat() if len(starts) else None,
        }
    golden = _golden_values(rows, split, feature_set)
    return {
        **cards,
        "parts": parts,
        "golden": loading.golden(estimator=estimator, values=golden),
    }


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(int(microseconds) / 1e6, tz=UTC)


def _register(version: ModelVersion, content: bytes, *, actor: str, now: datetime) -> ModelVersion:
    """Give the version its number, its file and its row; the pipeline is locked meanwhile."""
    with transaction.atomic():
        Pipeline.objects.select_for_update().get(pk=version.pipeline_id)
        latest = ModelVersion.objects.filter(pipeline_id=version.pipeline_id).aggregate(
            number=Max("number")
        )["number"]
        version.number = (latest or 0) + 1
        version.artefact, version.artefact_sha256 = storing.write(
            pipeline_code=version.pipeline.code, number=version.number, content=content
        )
        version.save(force_insert=True)
        audit.record(
            actor=actor,
            action="models_ml.train",
            subject=version,
            at=now,
            number=version.number,
            stage=version.stage,
            artefact_sha256=version.artefact_sha256,
            trained_until=version.trained_until.isoformat(),
            n=version.n_rows,
        )
    return version
