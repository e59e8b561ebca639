"""The program "value": back what our probability times the best price makes worth it."""

from datetime import datetime

import pandas as pd

from betting.domain import selecting
from betting.domain.parameters import Parameters
from betting.domain.programs.base import Program


def appraise(
    predictions: pd.DataFrame,
    quotes: pd.DataFrame,
    rules: selecting.Rules,
    as_of: datetime,
    parameters: Parameters,
) -> pd.DataFrame:
    """Back where our probability times the best price is enough above one; once per event."""
    found = selecting.appraise(predictions=predictions, quotes=quotes, rules=rules, as_of=as_of)
    return selecting.once_per_event(found)


PROGRAM = Program(
    code="value",
    title="Back what is worth more than its price",
    appraise=appraise,
)
