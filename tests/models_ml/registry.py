"""Versions with a real artefact, made without a league: for tests of who serves, and who may."""

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.db.models import Max

from models_ml.domain import boosting, splitting
from models_ml.domain.boosting import TrainingSet
from models_ml.domain.soccer_v1 import SOCCER_V1
from models_ml.models import ModelVersion, Pipeline
from models_ml.services import loading, pipelines, storing

NOON = datetime(2026, 11, 17, 12, tzinfo=UTC)  # a Tuesday: the window is open
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
REAL, SIMULATED = "soccer-1x2", "soccer-1x2-simulated"
NO_SCALING = {"method": "temperature", "temperature": 1.0}


def a_pipeline(code: str = REAL) -> Pipeline:
    pipelines.ensure_default_pipelines(now=NOON)
    return Pipeline.objects.get(code=code)


@cache
def _artefact() -> tuple[bytes, dict[str, Any]]:
    """Return a tiny model and its golden rows; made once for all tests."""
    random = np.random.default_rng(3)
    n = 120
    values = random.uniform(0.2, 0.8, (n, len(SOCCER_V1.features)))
    values[:, list(SOCCER_V1.market)] = random.dirichlet([4, 3, 3], n)
    rows = TrainingSet(np.arange(n), np.arange(n), values, random.integers(0, 3, n))
    content, _ = boosting.fit(
        rows=rows,
        split=splitting.in_time_order(rows.starts),
        feature_set=SOCCER_V1,
        parameters={"rounds": 2},
        seed=1,
    )
    estimator = boosting.load(content=content, feature_set=SOCCER_V1, calibration=NO_SCALING)
    return content, loading.golden(estimator=estimator, values=values[:3])


def a_candidate(pipeline: Pipeline, **fields: Any) -> ModelVersion:
    """Return a version that is whole: its file is written, its golden rows come out."""
    content, golden = _artefact()
    mates = ModelVersion.objects.filter(pipeline=pipeline)
    number = (mates.aggregate(latest=Max("number"))["latest"] or 0) + 1
    name, sha256 = storing.write(pipeline_code=pipeline.code, number=number, content=content)
    trained_until = fields.pop("trained_until", NOON - 2 * DAY)
    metrics = {"golden": golden, "n": 300, "model": {"log_loss": 0.97, "brier_sum": 0.57}}
    return ModelVersion.objects.create(
        pipeline=pipeline,
        number=number,
        artefact=name,
        artefact_sha256=sha256,
        features=SOCCER_V1.names,
        features_sha256=SOCCER_V1.sha256,
        calibration=NO_SCALING,
        metrics={**metrics, **fields.pop("metrics", {})},
        trained_from=trained_until - 365 * DAY,
        trained_until=trained_until,
        n_rows=2000,
        code_version="c" * 64,
        trained_at=NOON - DAY,
        **fields,
    )


def file_of(version: ModelVersion) -> Path:
    return Path(settings.ARTEFACT_DIR) / version.artefact


def damage(version: ModelVersion) -> bytes:
    """Flip a byte of a version's file; return what it held."""
    whole = file_of(version).read_bytes()
    broken = bytearray(whole)
    broken[len(broken) // 2] ^= 0xFF
    file_of(version).write_bytes(broken)
    loading.forget()
    return whole


def repair(version: ModelVersion, whole: bytes) -> None:
    file_of(version).write_bytes(whole)
    loading.forget()
