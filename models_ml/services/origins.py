"""Which code made an artefact: the hash of every module that could have shaped it."""

import ast
import hashlib
import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module, util
from types import ModuleType

from models_ml import domain
from models_ml.domain import estimators
from models_ml.domain.estimators import trees
from models_ml.services import examples

KINDS: Mapping[str, str] = {
    "boosted3": "three_way",
    "boosted2": "two_way",
    "margin": "points",
    "total": "points",
    "goals": "scores",
    "figure": "figure",
    "runners": "runners",
}
PURE = (f"{domain.__name__}.", "markets.domain.")
ALWAYS = ("asking", "examples", "facts", "features", "labels", "splitting")


@cache
def code_versions(*, kind: str, feature_set: str) -> dict[str, str]:
    """Return the hash of each module that shapes versions of a kind, and of the library, by name.

    The modules of the estimator and of the feature set, with what they import of the domain.
    """
    roots = [f"{estimators.__name__}.{KINDS[kind]}", f"{domain.__name__}.{feature_set}"]
    roots += [f"{domain.__name__}.{name}" for name in ALWAYS]
    found: dict[str, str] = {}
    while roots:
        name = roots.pop()
        short = name.removeprefix(PURE[0])
        if short not in found:
            module = import_module(name)
            found[short] = _sha256(inspect.getsource(module))
            roots += _imported(module)
    own = {short: found[short] for short in sorted(found)}
    services = {"services.examples": _sha256(inspect.getsource(examples))}
    return {**own, **services, "xgboost": trees.library_version()}


def code_version(versions: Mapping[str, str]) -> str:
    """Return one hash for all of them.

    >>> code_version({"elo": "00"}) == code_version({"elo": "01"})
    False
    """
    return _sha256("\n".join(f"{name} {told}" for name, told in sorted(versions.items())))


def _imported(module: ModuleType) -> Iterator[str]:
    """Yield what a module imports of the domain; of the package of all kinds, only its modules."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            pure = [name for name in names if name.startswith(PURE) and name != estimators.__name__]
            yield from (name for name in pure if _is_module(name))


def _is_module(name: str) -> bool:
    try:
        return util.find_spec(name) is not None
    except ModuleNotFoundError:  # it is a name within a module
        return False


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
