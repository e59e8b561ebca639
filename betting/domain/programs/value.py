"""The program "value": back what our probability times the best price makes worth it."""

from datetime import datetime
from typing import Any

import pandas as pd
from pydantic import Field

from betting.domain import selecting
from betting.domain.parameters import Parameters
from betting.domain.programs.base import Program


class Told(Parameters):
    needs_confirmed_starter: bool = Field(
        True, description="Bet on a player only where he is confirmed to start"
    )


def appraise(
    predictions: pd.DataFrame,
    quotes: pd.DataFrame,
    rules: selecting.Rules,
    as_of: datetime,
    parameters: Any,
) -> pd.DataFrame:
    """Back where our probability times the best price is enough above one; once per event.

    ``predictions`` about players have ``starts`` besides: True, False, or None where not known.
    """
    found = selecting.appraise(predictions=predictions, quotes=quotes, rules=rules, as_of=as_of)
    if "starts" in found:
        _ask_starters(found, is_needed=parameters.needs_confirmed_starter)
    return selecting.once_per_event(found)


def _ask_starters(found: pd.DataFrame, *, is_needed: bool) -> None:
    """Pass over players who are not confirmed to start, and keep what is known of each."""
    against = [
        (selecting.STARTER_NOT_CONFIRMED,) if is_needed and starts is not True else ()
        for starts in found["starts"]
    ]
    selecting.object_to(found, codes=against, filters=[{} for _ in against])
    found["notes"] = [{"starts": starts} for starts in found["starts"]]


PROGRAM = Program(
    code="value",
    title="Back what is worth more than its price",
    appraise=appraise,
    parameters=Told,
)
