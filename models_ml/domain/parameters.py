"""What a pipeline may be told about its training, and within which bounds."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from models_ml.domain.estimators.base import TOLD_BY_PRICES
from models_ml.domain.features import FeatureSet

DROP = "drop_features"  # names of columns that nothing may be learned from
#: Columns that estimators begin with, which no training can leave out.
BEGUN_WITH = frozenset(
    {
        "elo_difference", "goals_home", "goals_away", "goals_difference", "expected_margin",
        "expected_total", "mean_weighted", "mean_20", "mean_10", "mean_5", "rated_log",
    }
)  # fmt: skip


class Bounds(NamedTuple):
    """The least and the most a parameter may be; ``is_whole``: no fractions."""

    least: float
    most: float
    is_whole: bool = False


PARAMETERS: dict[str, Bounds] = {
    "rounds": Bounds(1, 5000, True),
    "patience": Bounds(1, 1000, True),
    "max_depth": Bounds(1, 12, True),
    "max_bin": Bounds(2, 1024, True),
    "eta": Bounds(0.0001, 1.0),
    "min_child_weight": Bounds(0.0, 100_000.0),
    "subsample": Bounds(0.05, 1.0),
    "colsample_bytree": Bounds(0.05, 1.0),
    "lambda": Bounds(0.0, 100_000.0),
    "alpha": Bounds(0.0, 100_000.0),
    "gamma": Bounds(0.0, 100_000.0),
}


class BadParameter(ValueError):
    """A parameter that nobody knows, or a value it cannot have."""


def check(parameters: Mapping[str, Any]) -> None:
    """Refuse parameters that training would not understand.

    >>> check({"rounds": 200, "eta": 0.05})
    >>> check({"rounds": 0.5})
    Traceback (most recent call last):
    ...
    models_ml.domain.parameters.BadParameter: rounds is a whole number from 1 to 5000, not 0.5

    Raises:
        BadParameter: and says what was expected.
    """
    for message in wrong(parameters).values():
        raise BadParameter(message)


def wrong(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with each parameter that training would not understand.

    >>> wrong({"eta": 2, "max_depth": 3})
    {'eta': 'eta is a number from 0.0001 to 1, not 2'}
    """
    return {name: told for name, value in parameters.items() if (told := _wrong(name, value))}


def _wrong(name: str, value: Any) -> str:
    if name == DROP:
        return _wrong_names(value)
    if name not in PARAMETERS:
        return f"no parameter {name!r}; there are: {', '.join(sorted([*PARAMETERS, DROP]))}"
    least, most, is_whole = PARAMETERS[name]
    is_number = isinstance(value, int if is_whole else int | float)
    if is_number and not isinstance(value, bool) and least <= value <= most:
        return ""
    a_number = "a whole number" if is_whole else "a number"
    return f"{name} is {a_number} from {least:g} to {most:g}, not {value!r}"


def check_dropped(parameters: Mapping[str, Any], *, feature_set: FeatureSet) -> None:
    """Refuse to leave out columns that a set does not have, or that estimators begin with.

    Raises:
        BadParameter: and names them.
    """
    dropped = list(parameters.get(DROP, ()))
    if unknown := [name for name in dropped if name not in feature_set.names]:
        raise BadParameter(f"{feature_set.name} has no feature {', '.join(unknown)}")
    if begun := [name for name in dropped if name in begun_with(feature_set)]:
        raise BadParameter(f"estimators begin with {', '.join(begun)}: nothing can leave it out")
    if len(dropped) == len(feature_set.names):
        raise BadParameter("every feature is left out")


def begun_with(feature_set: FeatureSet) -> Collection[str]:
    """Return the columns of a set that estimators read before they learn anything."""
    starts = {feature_set.names[i] for part in feature_set.starts.values() for i in part}
    told = {name for name in feature_set.names if name.startswith(TOLD_BY_PRICES)}
    return starts | told | (BEGUN_WITH & set(feature_set.names))


def parted(parameters: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return what trees are told, and the names of columns that are left out.

    >>> parted({"eta": 0.1, "drop_features": ["rest_home"]})
    ({'eta': 0.1}, ['rest_home'])
    """
    kept = {name: value for name, value in parameters.items() if name != DROP}
    return kept, list(parameters.get(DROP, ()))


def _wrong_names(value: Any) -> str:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        return f"{DROP} is a list of names, not {value!r}"
    return f"{DROP} names a feature twice" if len(set(value)) < len(value) else ""
