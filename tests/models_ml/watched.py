"""A version that serves, what it learned from, and live looks drawn by a test."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from markets.models import Competition, Event, Participant, Season
from models_ml.domain import drift
from models_ml.domain.soccer_v1 import SOCCER_V1
from models_ml.models import DriftReference, FeatureRow, ModelVersion
from tests.models_ml import registry

NOW = registry.NOON
LEARNED = NOW - timedelta(days=20)
WIDTH = len(SOCCER_V1.features)
BRIERS = [0.4, 0.8] * 150  # of the test part


def world(rng: np.random.Generator, n: int, *, shift: float = 0.0, shifted: int = 0) -> NDArray:
    """Return rows of every feature, driven by a few things together; some of them shifted."""
    drivers = np.repeat(rng.normal(size=(n, WIDTH // 5)), 5, axis=1)
    rows = 0.7 * drivers + np.sqrt(1 - 0.49) * rng.normal(size=(n, WIDTH))
    rows[:, :shifted] += shift
    return rows


def a_version(*, trained_until: datetime = LEARNED, **fields: Any) -> ModelVersion:
    """Return a version in production of the real pipeline, without a reference."""
    pipeline = registry.a_pipeline()
    candidate = registry.a_candidate(pipeline, trained_until=trained_until, **fields)
    return registry.promoted(candidate, now=NOW - timedelta(days=14))


def a_reference(version: ModelVersion, *, n: int = 2048, **fields: Any) -> DriftReference:
    """Return what a version learned from: ``world`` as a seed makes it."""
    kept = drift.reference(world(np.random.default_rng(1), n), SOCCER_V1.names)
    fields = {"briers": BRIERS, "gap_n": 300, "gap_mean": 0.01, "gap_sigma": 0.2, **fields}
    return DriftReference.objects.create(
        version=version,
        figures=kept.as_figures(),
        since=version.trained_from,
        until=version.trained_until,
        n=n,
        **{"market_kind": version.pipeline.market_kind, **fields},
    )


def live(version: ModelVersion, values: NDArray, *, stage: str = "T-60m", **fields: Any) -> None:
    """Store live looks since a version learned, one an hour, in place of those before."""
    FeatureRow.objects.filter(feature_set=SOCCER_V1.name).delete()
    events = _events(version, len(values))
    first = version.trained_until + timedelta(hours=1)
    FeatureRow.objects.bulk_create(
        FeatureRow(
            event=event, feature_set=SOCCER_V1.name, stage=stage, checksum="0" * 64,
            as_of=first + timedelta(hours=i), made_at=first, **fields,
            values=[None if np.isnan(v) else float(v) for v in row],
        )
        for i, (event, row) in enumerate(zip(events, values, strict=True))
    )  # fmt: skip


def _events(version: ModelVersion, n: int) -> list[Event]:
    sport = version.pipeline.sport
    competition, _ = Competition.objects.get_or_create(sport=sport, code="W1", name="Watched")
    season, _ = Season.objects.get_or_create(competition=competition, label="2026-27")
    home, away = (
        Participant.objects.get_or_create(sport=sport, name=name)[0] for name in ("In", "Out")
    )
    known = list(Event.objects.filter(competition=competition).order_by("pk")[:n])
    return known + Event.objects.bulk_create(
        Event(
            competition=competition, season=season, home=home, away=away, leg=number,
            starts_at=version.trained_until + timedelta(hours=2 + number), name=f"Event {number}",
        )
        for number in range(len(known), n)
    )  # fmt: skip
