"""What an experiment must show before somebody may let its change in.  Pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models_ml.domain.scoring import intervals

FLOOR = 100  # differences, whatever a proposal asks for
FOLDS = 3
SHARE = 0.4  # of the history, its last part, that folds are tested on


class Verdict(StrEnum):
    BETTER = "BETTER"
    NO_DIFFERENCE = "NO_DIFFERENCE"
    WORSE = "WORSE"
    THE_SAME = "THE_SAME"
    NOT_ENOUGH = "NOT_ENOUGH"


def folds(starts: ArrayLike) -> list[tuple[int, int]]:
    """Return where each fold's tested rows begin and end; what starts together stays together.

    >>> folds(np.arange(100))
    [(60, 73), (73, 87), (87, 100)]
    >>> folds(np.repeat(np.arange(10), 10))
    [(60, 80), (80, 90), (90, 100)]
    """
    times = np.asarray(starts)
    n = len(times)
    cuts = [round((1.0 - SHARE + SHARE * place / FOLDS) * n) for place in range(FOLDS)]
    free = [_free(times, cut) for cut in cuts]
    ends = [*free[1:], n]
    return [(a, b) for a, b in zip(free, ends, strict=True) if a < b]


def score(
    *, candidate: ArrayLike, incumbent: ArrayLike, weeks: ArrayLike, minimum_n: int
) -> dict[str, Any]:
    """Return the paired difference of two log losses, whole weeks drawn, with the verdict.

    Below 0 the candidate is better.

    >>> rng = np.random.default_rng(0)
    >>> a = rng.normal(1.0, 0.3, 400)
    >>> b = a + rng.normal(0.05, 0.1, 400)
    >>> score(candidate=a, incumbent=b, weeks=np.arange(400) // 10, minimum_n=100)["verdict"]
    'BETTER'
    """
    first, second = np.asarray(candidate, dtype=float), np.asarray(incumbent, dtype=float)
    gaps = first - second
    if not len(gaps):
        return {"n": 0, "distinct": 0, "verdict": Verdict.NOT_ENOUGH.value}
    found = {
        **intervals.paired(gaps, clusters=weeks).as_figures(),
        "distinct": len(np.unique(gaps)),
        "candidate": float(first.mean()),
        "incumbent": float(second.mean()),
    }
    return {**found, "verdict": verdict(found, minimum_n=minimum_n).value}


def verdict(found: Mapping[str, Any], *, minimum_n: int) -> Verdict:
    """Return what a score says.

    >>> told = {"n": 500, "distinct": 480, "low": -0.01, "high": 0.002}
    >>> verdict(told, minimum_n=100).value, verdict({**told, "n": 99}, minimum_n=5).value
    ('NO_DIFFERENCE', 'NOT_ENOUGH')
    """
    if found["n"] < max(minimum_n, FLOOR):
        return Verdict.NOT_ENOUGH
    if found["distinct"] < 2:
        return Verdict.THE_SAME
    if found["high"] < 0.0:
        return Verdict.BETTER
    return Verdict.WORSE if found["low"] > 0.0 else Verdict.NO_DIFFERENCE


def objection(found: Mapping[str, Any], *, minimum_n: int) -> str | None:
    """Return why a change may not be let in, or None.

    One that makes no difference may: it can be simpler, and its reviewer says so.
    """
    match Verdict(found["verdict"]):
        case Verdict.NOT_ENOUGH:
            return f"{found['n']} differences, {max(minimum_n, FLOOR)} are needed"
        case Verdict.THE_SAME:
            return "both say the same of everything: nothing was tried"
        case Verdict.WORSE:
            return f"it is worse by {found['mean']:.4f} [{found['low']:.4f}, {found['high']:.4f}]"
    return None


def applied(incumbent: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters with a change let in.

    >>> applied({"eta": 0.1, "drop_features": ["a"]}, {"drop_features": ["b"]})
    {'eta': 0.1, 'drop_features': ['b']}
    """
    return {**incumbent, **change}


def taken_back(
    present: Mapping[str, Any], incumbent: Mapping[str, Any], change: Mapping[str, Any]
) -> dict[str, Any]:
    """Return parameters with a change taken out, whatever else was changed since.

    >>> taken_back({"eta": 0.2, "gamma": 1.0, "alpha": 3}, {"eta": 0.1}, {"eta": 0.2, "gamma": 1.0})
    {'eta': 0.1, 'alpha': 3}
    """
    kept = {name: value for name, value in present.items() if name not in change}
    before = {name: incumbent[name] for name in change if name in incumbent}
    return {**before, **kept}


def before(label_known_at: NDArray, as_of: NDArray, cut: int) -> NDArray:
    """Return the rows before a fold whose end was known when its first row was asked."""
    return np.flatnonzero(label_known_at[:cut] <= as_of[cut:].min())


def _free(times: NDArray, cut: int) -> int:
    """Return the first place from ``cut`` on where a new moment begins."""
    while 0 < cut < len(times) and times[cut] == times[cut - 1]:
        cut += 1
    return cut
