"""From a version row to an estimator that may be trusted: hash, then load, then golden rows."""

import threading
from collections import OrderedDict

import numpy as np

from models_ml.domain import estimators, feature_sets
from models_ml.domain.estimators import Estimator, OtherColumns
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
        estimator = estimators.load(
            content=content, feature_set=feature_set, calibration=version.calibration
        )
    except OtherColumns as error:
        raise FeaturesChanged(f"{version}: {version.artefact} is of other columns") from error
    except ValueError as error:
        raise DamagedArtefact(f"{version}: {version.artefact} cannot be loaded") from error
    if estimator.kind != version.kind:
        raise DamagedArtefact(f"{version}: the file is of a {estimator.kind}, not {version.kind}")
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
    """Return rows with what is told of them, to be stored and asked again after each load."""
    return {
        "values": [[None if np.isnan(v) else float(v) for v in row] for row in values],
        "probabilities": estimator.sample(values).tolist(),
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
    try:
        found = estimator.sample(np.array(stored["values"], dtype=float))
        same = np.allclose(found, stored["probabilities"], rtol=0, atol=TOLERANCE)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise DamagedArtefact(f"{version} cannot answer its golden rows: {error}") from error
    if not same:
        raise DamagedArtefact(f"{version}: golden rows come out otherwise than at training")
