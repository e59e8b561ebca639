"""What a calibration does to a probability: its name, and its curves as points to draw."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from models_ml.domain import calibrating

POINTS = 49  # of a curve
EDGE = 0.02  # from each end

Curve = list[tuple[float, float]]


def by_start(calibration: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the calibration of each start; "" where there is one for all rows.

    >>> by_start({"method": "identity"}), list(by_start({"market": {"method": "identity"}}))
    ({'': {'method': 'identity'}}, ['market'])
    """
    if "method" in calibration:
        return {"": calibration}
    return {start: told for start, told in calibration.items() if "method" in told}


def method(calibration: Mapping[str, Any]) -> str | None:
    """Return the method of a calibration, or those of both starts where there are two.

    >>> method({"method": "beta"}), method({})
    ('beta', None)
    >>> method({"market": {"method": "identity"}, "ratings": {"method": "platt"}})
    'market: identity, ratings: platt'
    """
    named = by_start(calibration).items()
    told = (f"{start}: {one['method']}" if start else str(one["method"]) for start, one in named)
    return ", ".join(told) or None


def curves(calibration: Mapping[str, Any], *, classes: int) -> list[Curve]:
    """Return what is said of each class after the calibration, by what was said before.

    The other classes are taken to be equally likely; of two classes one tells the other.

    >>> line = curves({"method": "temperature", "temperature": 2.0}, classes=2)[0]
    >>> [(round(before, 2), round(after, 3)) for before, after in line[::24]]
    [(0.02, 0.125), (0.5, 0.5), (0.98, 0.875)]

    Raises:
        ValueError: the method is none that calibrates classes.
    """
    said = np.linspace(EDGE, 1.0 - EDGE, POINTS)
    found = []
    for own in range(1 if classes == 2 else classes):
        before = np.repeat((1.0 - said)[:, None] / (classes - 1), classes, axis=1)
        before[:, own] = said
        after = calibrating.probabilities(np.log(before), dict(calibration))[:, own]
        found.append([(float(x), float(y)) for x, y in zip(said, after, strict=True)])
    return found
