"""The program "fatigue": back the rested side against one that played a day or so ago.

A schedule tells who is tired weeks before; a price that forgets it is value.  The model must see
that value too: the row's own bounds of edge hold as they do for every program.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import isnan
from typing import Any, Literal

import pandas as pd
from pydantic import Field

from betting.domain import choosing, selecting
from betting.domain.parameters import Parameters
from betting.domain.programs.base import Program

FEATURES = ("rest_home", "rest_away")
SIDES = ("HOME", "AWAY")
KINDS = frozenset(
    {"MATCH_ODDS", "MONEYLINE", "SPREAD", "ASIAN_HANDICAP", "DRAW_NO_BET", "TOTAL"},
)
LONGEST = 30  # no feature tells of a longer rest


class Told(Parameters):
    max_rest_days: float = Field(
        1.0,
        ge=0,
        le=LONGEST,
        description="The side bet against is tired with a rest of so many days or fewer",
    )
    min_own_rest_days: float = Field(
        2.0, ge=0, le=LONGEST, description="The side that is backed has rested so many days"
    )
    min_rest_advantage: float = Field(
        1.0, ge=0, le=LONGEST, description="It has rested so many days more than the tired one"
    )
    side: Literal["ANY", "HOME", "AWAY"] = Field(
        "ANY", description="Which side may be backed: the one at home, the one away, either"
    )
    backs_under: bool = Field(
        False, description="Of totals: back the under where both sides are tired"
    )


@dataclass(frozen=True, slots=True)
class Judged:
    """What speaks against a candidate, the first reason first; each value with its bound."""

    codes: tuple[str, ...] = ()
    filters: Mapping[str, list[float]] = field(default_factory=dict)


def judge(*, role: str, kind: str, rest_home: float, rest_away: float, told: Told) -> Judged:
    """Hold the rests of an event, in days, against what is told; NaN is not known.

    >>> judge(role="AWAY", kind="MONEYLINE", rest_home=1, rest_away=3, told=Told()).codes
    ()
    >>> judge(role="HOME", kind="MONEYLINE", rest_home=1, rest_away=3, told=Told()).codes
    ('NOT_TIRED', 'NOT_RESTED_ENOUGH')
    """
    of_total = kind == "TOTAL" and role == "UNDER" and told.backs_under
    of_side = kind != "TOTAL" and role in SIDES and told.side in ("ANY", role)
    if not (of_total or of_side):
        return Judged((selecting.ANSWER_NOT_BET,))
    if isnan(rest_home) or isnan(rest_away):
        return Judged((selecting.REST_UNKNOWN,))
    if of_total:
        longer = max(rest_home, rest_away)
        tired = {selecting.NOT_TIRED: [longer, told.max_rest_days]}
        return Judged((selecting.NOT_TIRED,) if longer > told.max_rest_days else (), tired)
    own, other = (rest_home, rest_away) if role == "HOME" else (rest_away, rest_home)
    needed = max(told.min_own_rest_days, other + told.min_rest_advantage)
    asked = (
        (other > told.max_rest_days, selecting.NOT_TIRED, [other, told.max_rest_days]),
        (own < needed, selecting.NOT_RESTED_ENOUGH, [own, needed]),
    )
    return Judged(
        tuple(code for fails, code, _ in asked if fails),
        {code: values for _, code, values in asked},
    )


def appraise(
    predictions: pd.DataFrame,
    quotes: pd.DataFrame,
    rules: selecting.Rules,
    as_of: datetime,
    parameters: Any,
) -> pd.DataFrame:
    """Back the rested side where its price is worth it; once per event.

    ``predictions`` hold role, kind, rest_home and rest_away (days; NaN where not known) besides.
    """
    found = selecting.appraise(predictions=predictions, quotes=quotes, rules=rules, as_of=as_of)
    columns = ("role", "kind", *FEATURES)
    judged = [
        judge(role=role, kind=kind, rest_home=home, rest_away=away, told=parameters)
        for role, kind, home, away in zip(*(found[name] for name in columns), strict=True)
    ]
    choosing.object_to(
        found, codes=[one.codes for one in judged], filters=[one.filters for one in judged]
    )
    rests = [
        {name: None if isnan(row[name]) else round(row[name], 4) for name in FEATURES}
        for row in found[list(FEATURES)].to_dict("records")
    ]
    found["notes"] = pd.Series(rests, index=found.index, dtype=object)
    return choosing.once_per_event(found)


PROGRAM = Program(
    code="fatigue",
    title="Back the rested side against one that is tired",
    appraise=appraise,
    parameters=Told,
    features=FEATURES,
    kinds=KINDS,
)
