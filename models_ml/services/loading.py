"""From a version row to an estimator that may be trusted: hash, then load, then golden rows."""

import threading
from collections import OrderedDict

import numpy as np

from models_ml.domain import boosting, feature_sets
from models_ml.domain.boosting import Estimator
from models_ml.models import ModelVersion
from models_ml.services import storing
from models_ml.services.storing import DamagedArtefact
from monitoring.errors import Refused

KEEP = 6
TOLERANCE = 1e-6
_kept: OrderedDict[tuple[int, str, str], Estimator] = OrderedDict()
_lock = threading.Lock()


class FeaturesChanged(Refused):
    """A version was trained on columns that its feature set no longer has."""


def load(*, version: ModelVersion) -> Estimator:
    """Return a version's estimator, kept in this process for the next call.

    Raises:
        DamagedArtefact: file missing, hash wrong, or the golden rows come out otherwise.
        FeaturesChanged: the feature set of this name has other columns now.
    """
    key = (version.pk, version.artefact_sha256, str(sorted(version.calibration.items())))
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    estimator = load_fresh(version=version)
    with _lock:
        _kept[key] = estimator
        while len(_kept) > KEEP:
            _kept.popitem(last=False)
    return estimator


def load_fresh(*, version: ModelVersion) -> Estimator:
    """Return a version's estimator from its file, checked, whatever this process keeps."""
    content = check_file(version=version)
    feature_set = feature_sets.named(version.pipeline.feature_set)
    try:
        estimator = boosting.load(
            content=content, feature_set=feature_set, calibration=version.calibration
        )
    except ValueError as error:  # xgboost's own error is a ValueError
        raise DamagedArtefact(f"{version}: {version.artefact} cannot be loaded") from error
    _check_golden(version, estimator)
    return estimator


def check_file(*, version: ModelVersion) -> bytes:
    """Return a version's artefact, checked but not loaded: cheap, and safe in any process.

    Raises:
        DamagedArtefact: the file is missing or not what was written.
        FeaturesChanged: the feature set of this name has other columns now.
    """
    feature_set = feature_sets.named(version.pipeline.feature_set)
    if version.features_sha256 != feature_set.sha256:
        raise FeaturesChanged(
            f"{version} was trained on other columns than {feature_set.name} has now: train anew"
        )
    return storing.read(version=version)


def golden(*, estimator: Estimator, values: np.ndarray) -> dict[str, list[list[float | None]]]:
    """Return rows with their probabilities, to be stored and asked again after each load."""
    return {
        "values": [[None if np.isnan(v) else float(v) for v in row] for row in values],
        "probabilities": estimator.probabilities(values).tolist(),
    }


def forget() -> None:
    """Drop every estimator this process keeps."""
    with _lock:
        _kept.clear()


def kept() -> int:
    """Return how many estimators this process keeps."""
    return len(_kept)


def _check_golden(version: ModelVersion, estimator: Estimator) -> None:
    stored = version.metrics.get("golden")
    if not stored:
        raise DamagedArtefact(f"{version}: the row has no golden rows")
    values = np.array(stored["values"], dtype=float)
    found = estimator.probabilities(values)
    if not np.allclose(found, stored["probabilities"], rtol=0, atol=TOLERANCE):
        raise DamagedArtefact(f"{version}: golden rows come out otherwise than at training")
