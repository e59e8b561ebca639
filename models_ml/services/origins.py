"""Which code made an artefact: the hash of every module that could have shaped it."""

import hashlib
import inspect
from collections.abc import Mapping
from functools import cache

from models_ml.domain import estimators, feature_sets
from models_ml.domain.estimators import trees
from models_ml.models import Pipeline
from models_ml.services import codes, examples

KINDS: Mapping[str, str] = {
    "boosted3": "three_way",
    "boosted2": "two_way",
    "margin": "points",
    "total": "points",
    "goals": "scores",
    "figure": "figure",
    "runners": "runners",
}
ALWAYS = ("asking", "examples", "facts", "features", "labels", "splitting")


@cache
def code_versions(*, kind: str, feature_set: str) -> dict[str, str]:
    """Return the hash of each module that shapes versions of a kind, and of the library, by name.

    The modules of the estimator and of the feature set, with what they import of the domain.
    """
    roots = [f"{estimators.__name__}.{KINDS[kind]}", f"{codes.DOMAIN}.{feature_set}"]
    roots += [f"{codes.DOMAIN}.{name}" for name in ALWAYS]
    found = codes.hashes(roots, but=estimators.__name__)
    own = {name.removeprefix(f"{codes.DOMAIN}."): told for name, told in found.items()}
    services = {"services.examples": _sha256(inspect.getsource(examples))}
    return {**own, **services, "xgboost": trees.library_version()}


def code_version(versions: Mapping[str, str]) -> str:
    """Return one hash for all of them.

    >>> code_version({"elo": "00"}) == code_version({"elo": "01"})
    False
    """
    return _sha256("\n".join(f"{name} {told}" for name, told in sorted(versions.items())))


def code_of(pipeline: Pipeline) -> str:
    """Return the one hash of what a version of a pipeline would be made by now."""
    feature_set = feature_sets.named(pipeline.feature_set)
    kind = estimators.kind_of(target=pipeline.target, feature_set=feature_set)
    return code_version(code_versions(kind=kind, feature_set=feature_set.name))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
