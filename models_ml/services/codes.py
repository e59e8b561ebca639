"""Which code made a value: the hash of a feature set's modules and of everything they rest on."""

import ast
import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import numpy as np

DOMAIN = "models_ml.domain"
PURE = (f"{DOMAIN}.", "markets.domain.")  # where the code of a value may lie
ASKED = f"{DOMAIN}.asking"  # as of when, and of what


@cache
def code_of(feature_set: str) -> str:
    """Return the SHA-256 over the module of a set, those it imports, and numpy's version.

    A set that is not in this product's code has no module of its own: then of the rest.
    """
    digest = hashlib.sha256(f"numpy {np.__version__}\n".encode())
    for name, told in hashes([f"{DOMAIN}.{feature_set}", ASKED]).items():
        digest.update(f"{name} {told}\n".encode())
    return digest.hexdigest()


def hashes(names: Iterable[str], *, but: str = "") -> dict[str, str]:
    """Return the SHA-256 of modules and of all pure ones that they import, by name.

    ``but`` is not walked through: a package that imports all of its modules, to choose one.
    """
    found: dict[str, str] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        path = _source(name)
        if path is None or name in found or name == but:
            continue
        source = path.read_bytes()
        found[name] = hashlib.sha256(source).hexdigest()
        waiting += _pure_imports(source)
    return dict(sorted(found.items()))


def _source(name: str) -> Path | None:
    try:
        told = importlib.util.find_spec(name)
    except ModuleNotFoundError:  # a name within a module, not a module
        return None
    return Path(told.origin) if told is not None and told.origin is not None else None


@cache
def _pure_imports(source: bytes) -> list[str]:
    return [name for name in _imported(source) if name.startswith(PURE)]


def _imported(source: bytes) -> Iterator[str]:
    """Give every name that a source imports, as module and as name within a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
