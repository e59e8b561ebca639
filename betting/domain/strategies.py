"""The programs a strategy's row may name by ``code``.

A strategy appraises candidates: it gives each prediction a price, an edge, a Kelly share and
the reason against it ("" for none).  Stakes, limits and halts are the same for all of them.
"""

from collections.abc import Callable
from datetime import datetime

import pandas as pd

from betting.domain import selecting

Appraise = Callable[[pd.DataFrame, pd.DataFrame, selecting.Rules, datetime], pd.DataFrame]

REGISTRY: dict[str, Appraise] = {}


def strategy(code: str) -> Callable[[Appraise], Appraise]:
    """Register a program under the code that rows name."""

    def register(function: Appraise) -> Appraise:
        if code in REGISTRY:
            raise ValueError(f"{code!r} is registered twice")
        REGISTRY[code] = function
        return function

    return register


@strategy("value")
def value(
    predictions: pd.DataFrame, quotes: pd.DataFrame, rules: selecting.Rules, as_of: datetime
) -> pd.DataFrame:
    """Back where our probability times the best price is enough above one; once per event."""
    found = selecting.appraise(predictions=predictions, quotes=quotes, rules=rules, as_of=as_of)
    reasons = selecting.keep_best_of_event(found["reason"], found["event_id"], found["edge"])
    selecting.note_beaten(found, reasons)
    return found.assign(reason=reasons)
