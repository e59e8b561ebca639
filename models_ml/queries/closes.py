"""The margin-free close of matches: never a feature, only what models are held against."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from markets import queries as markets_queries
from models_ml.domain.boosting import CLASSES

SUM_TOLERANCE = 1e-6


def closing_probabilities(*, event_ids: Sequence[int], market_kind: str) -> NDArray:
    """Return the closing probabilities of home, draw and away, (n, 3), NaN where none is known.

    In the order of the events; by the reference chain of the close, its margin taken off.
    """
    found = np.full((len(event_ids), len(CLASSES)), np.nan)
    fair = markets_queries.closing_fair(event_ids=event_ids, kinds=[market_kind])
    places = {event_id: place for place, event_id in enumerate(event_ids)}
    for event_id, role, probability in zip(
        fair["event_id"], fair["role"], fair["fair_probability"], strict=True
    ):
        if role in CLASSES:
            found[places[int(event_id)], CLASSES.index(role)] = float(probability)
    is_whole = np.abs(found.sum(axis=1) - 1.0) < SUM_TOLERANCE
    found[~is_whole] = np.nan
    return found
