"""The program "value": back what our probability times the best price makes worth it."""

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from betting.domain import choosing, selecting
from betting.domain.parameters import Parameters
from betting.domain.programs.base import Program

SPREADS = ("SPREAD", "ASIAN_HANDICAP")


class Told(Parameters):
    spread_min_edge: float | None = Field(
        None,
        ge=0,
        le=1,
        description="The least edge of a spread or handicap, where it is above min_edge",
    )
    spread_min_edge_home: float | None = Field(
        None, ge=0, le=1, description="The same of the home side alone"
    )
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

    ``predictions`` have role and kind besides, those about players ``starts``: True, False, or
    None where that is not known.
    """
    asked = _with_edges(predictions, rules=rules, told=parameters)
    found = selecting.appraise(predictions=asked, quotes=quotes, rules=rules, as_of=as_of)
    if "starts" in found:
        _ask_starters(found, is_needed=parameters.needs_confirmed_starter)
    return choosing.once_per_event(found)


def _with_edges(predictions: pd.DataFrame, *, rules: selecting.Rules, told: Told) -> pd.DataFrame:
    """Return predictions with the least edge asked of each, where spreads have their own."""
    if told.spread_min_edge is None and told.spread_min_edge_home is None:
        return predictions
    of_all = _higher(rules.min_edge, told.spread_min_edge)
    at_home = _higher(of_all, told.spread_min_edge_home)
    is_spread = predictions["kind"].isin(SPREADS)
    is_home = predictions["role"] == "HOME"
    asked = np.where(is_spread & is_home, at_home, np.where(is_spread, of_all, rules.min_edge))
    return predictions.assign(min_edge=asked)


def _higher(least: float, asked: float | None) -> float:
    return least if asked is None else max(least, asked)


def _ask_starters(found: pd.DataFrame, *, is_needed: bool) -> None:
    """Pass over players who are not confirmed to start, and keep what is known of each."""
    against = [
        (selecting.STARTER_NOT_CONFIRMED,) if is_needed and starts is not True else ()
        for starts in found["starts"]
    ]
    choosing.object_to(found, codes=against, filters=[{} for _ in against])
    told = [{"starts": starts} for starts in found["starts"]]
    found["notes"] = pd.Series(told, index=found.index, dtype=object)


PROGRAM = Program(
    code="value",
    title="Back what is worth more than its price",
    appraise=appraise,
    parameters=Told,
)
