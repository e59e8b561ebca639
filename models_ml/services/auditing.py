"""Where a prediction came from, and whether it comes out the same today."""

from datetime import datetime
from typing import Any

import numpy as np

from models_ml.domain import feature_sets, features
from models_ml.models import FeatureRow, Prediction
from models_ml.queries import selections
from models_ml.services import answering, asking, codes, loading, predicting, questioning
from models_ml.services.asking import Subject
from models_ml.services.predicting import PredictionRefused
from models_ml.services.storing import DamagedArtefact
from monitoring.errors import Refused

CLOSE = 1e-9  # what the same probability may differ by


def audit_of(*, prediction_id: int, now: datetime) -> dict[str, Any]:
    """Return what a prediction was made by and from, and what the same gives now.

    ``features``: the row holds what its checksum was made of; ``recomputed``: what the tables
    say now of that moment is the same; ``answered``: the version says the same of the row.
    None where that cannot be told, with ``why``.

    Raises:
        PredictionRefused: there is no such prediction.
    """
    row = (
        Prediction.objects.select_related("feature_row", "version__pipeline", "selection__market")
        .filter(pk=prediction_id)
        .first()
    )
    if row is None:
        raise PredictionRefused(f"no prediction #{prediction_id}")
    features_row, version = row.feature_row, row.version
    recomputed, why = _recomputed(features_row, now)
    answered, other = _answered(row)
    told = features_row.sources.get("code")
    return {
        "prediction": row.pk,
        "event": row.event_id,
        "selection": row.selection_id,
        "probability": row.probability,
        "as_of": row.as_of.isoformat(),
        "made_at": row.made_at.isoformat(),
        "pipeline": version.pipeline.code,
        "version": version.number,
        "artefact_sha256": version.artefact_sha256,
        "features_sha256": version.features_sha256,
        "code_version": version.code_version,
        "trained_until": version.trained_until.isoformat(),
        "stage": features_row.stage,
        "due_at": features_row.due_at.isoformat() if features_row.due_at else None,
        "is_late": features_row.is_late,
        "checksum": features_row.checksum,
        "sources": features_row.sources,
        "is_of_this_code": told == codes.code_of(features_row.feature_set),
        "features": _checksum(features_row, features_row.values) == features_row.checksum,
        "recomputed": recomputed,
        "answered": answered,
        "why": why or other,
    }


def _checksum(row: FeatureRow, values: list[float | None]) -> str:
    return features.checksum(feature_set=row.feature_set, as_of=row.as_of, values=values)


def _recomputed(row: FeatureRow, now: datetime) -> tuple[bool | None, str]:
    try:
        made = asking.made(
            event_ids=[row.event_id],
            feature_set=feature_sets.named(row.feature_set),
            as_of={row.event_id: row.as_of},
            now=now,
            statistics=[row.statistic] if row.statistic else [],
        )
    except (Refused, ValueError) as error:
        return None, str(error)
    wanted = Subject(row.event_id, row.participant_id, row.statistic)
    if wanted not in made.subjects:
        return False, "the tables know nothing of it as of then"
    values = made.values[made.subjects.index(wanted)].tolist()
    return _checksum(row, values) == row.checksum, ""


def _answered(row: Prediction) -> tuple[bool | None, str]:
    """Tell whether the version says the same of the stored rows as it did."""
    version, of = row.version, row.feature_row
    feature_set = feature_sets.named(of.feature_set)
    kept_for: dict[str, Any] = {"replay_id": of.replay_id, "rehearsal_id": of.rehearsal_id}
    mates = FeatureRow.objects.filter(
        event_id=of.event_id,
        feature_set=of.feature_set,
        stage=of.stage,
        statistic=of.statistic,
        **kept_for,
    ).order_by("participant_id")
    rows = list(mates) if feature_set.grain == asking.RUNNER else [of]
    values = predicting.matrix(rows)
    asked = questioning.asked(
        subjects=[Subject(one.event_id, one.participant_id, one.statistic) for one in rows],
        values=values,
        feature_set=feature_set,
        kind=version.pipeline.market_kind,
        answers=selections.answers(
            event_ids=[of.event_id], market_kind=version.pipeline.market_kind
        ),
    )
    try:
        said = answering.answer(version=version, values=values, questions=asked.questions)
    except (DamagedArtefact, loading.FeaturesChanged, ValueError) as error:
        return None, str(error)
    for place, one in enumerate(asked.answers):
        if one.selection_id == row.selection_id:
            return bool(np.isclose(said.probability[place], row.probability, atol=CLOSE)), ""
    return None, "the selection is not asked for any more"
