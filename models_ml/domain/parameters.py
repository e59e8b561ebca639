"""What a pipeline may be told about its training, and within which bounds."""

from collections.abc import Mapping
from typing import Any, NamedTuple


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
    if name not in PARAMETERS:
        return f"no parameter {name!r}; there are: {', '.join(sorted(PARAMETERS))}"
    least, most, is_whole = PARAMETERS[name]
    is_number = isinstance(value, int if is_whole else int | float)
    if is_number and not isinstance(value, bool) and least <= value <= most:
        return ""
    a_number = "a whole number" if is_whole else "a number"
    return f"{name} is {a_number} from {least:g} to {most:g}, not {value!r}"
