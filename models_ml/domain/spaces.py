"""Where a search may look for a pipeline's parameters."""

from collections.abc import Mapping, Sequence
from typing import Any

from models_ml.domain import parameters
from models_ml.domain.estimators import runners, trees
from models_ml.domain.parameters import PARAMETERS, BadParameter

MOST_TRIALS = 500
TREES: Mapping[str, tuple[float, float]] = {
    "eta": (0.003, 0.3),
    "max_depth": (1, 5),
    "min_child_weight": (1.0, 200.0),
    "subsample": (0.3, 1.0),
    "colsample_bytree": (0.3, 1.0),
    "lambda": (0.1, 500.0),
    "alpha": (0.0, 10.0),
    "gamma": (0.0, 5.0),
}
#: Searched by their logarithm where the space does not begin at 0.
BY_ORDERS = ("eta", "min_child_weight", "lambda")

Space = dict[str, list[float]]  # the least and the most of each parameter


def default(kind: str) -> Space:
    """Return where the parameters of a kind of estimator are looked for; empty: it has none.

    >>> default("margin")["max_depth"], default("runners")
    ([1, 5], {})
    """
    if kind == runners.KIND:
        return {}
    return {name: [least, most] for name, (least, most) in TREES.items()}


def check(space: Mapping[str, Any]) -> Space:
    """Return a space that somebody wrote, checked against the bounds of training itself.

    >>> check({"eta": [0.01, 0.1]})
    {'eta': [0.01, 0.1]}
    >>> check({"max_depth": [4, 1]})
    Traceback (most recent call last):
    ...
    models_ml.domain.parameters.BadParameter: max_depth: 4 is more than 1

    Raises:
        BadParameter: and says what was expected.
    """
    found: Space = {}
    for name, ends in space.items():
        if name not in PARAMETERS:
            parameters.check({name: ends})  # it says which there are
        if not isinstance(ends, list | tuple) or len(ends) != 2:
            raise BadParameter(f"{name} is searched between two numbers, not in {ends!r}")
        for end in ends:
            parameters.check({name: end})
        if ends[0] > ends[1]:
            raise BadParameter(f"{name}: {ends[0]:g} is more than {ends[1]:g}")
        found[name] = list(ends)
    return found


def check_trials(trials: object) -> int:
    """Return how many trials are asked for, where they are 1 to 500.

    >>> check_trials(501)
    Traceback (most recent call last):
    ...
    models_ml.domain.parameters.BadParameter: a search makes 1 to 500 trials, not 501
    """
    if isinstance(trials, bool) or not isinstance(trials, int) or not 1 <= trials <= MOST_TRIALS:
        raise BadParameter(f"a search makes 1 to {MOST_TRIALS} trials, not {trials!r}")
    return trials


def standing(space: Mapping[str, Sequence[float]], own: Mapping[str, Any]) -> dict[str, float]:
    """Return what stands today, as far as the space reaches: what a search is held against.

    >>> standing({"eta": [0.05, 0.3], "max_depth": [1, 5]}, {"max_depth": 3})
    {'eta': 0.05, 'max_depth': 3}
    """
    known = {**trees.DEFAULTS, "rounds": trees.ROUNDS, "patience": trees.PATIENCE, **own}
    return {
        name: min(max(known.get(name, least), least), most) for name, (least, most) in space.items()
    }


def is_by_orders(name: str, least: float) -> bool:
    return name in BY_ORDERS and least > 0


def is_whole(name: str) -> bool:
    return PARAMETERS[name].is_whole
