"""What a program is: it appraises candidates by its own rules and its own parameters."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from betting.domain import selecting
from betting.domain.parameters import Parameters

Appraise = Callable[
    [pd.DataFrame, pd.DataFrame, selecting.Rules, datetime, Any],  # Any: its own Parameters
    pd.DataFrame,
]


@dataclass(frozen=True, slots=True)
class Program:
    """A program under the code that rows name.

    ``appraise`` gives each prediction a price, an edge, a Kelly share and the reason against it
    ("" for none).  Stakes, limits and halts are the same for all programs.
    """

    code: str
    title: str
    appraise: Appraise
    parameters: type[Parameters] = Parameters
