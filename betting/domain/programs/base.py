"""What a program is: it appraises candidates by its own rules and its own parameters."""

from collections.abc import Callable, Collection
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
    ("" for none).  Stakes, limits and halts are the same for all programs.  ``features`` are what
    it is given of each prediction's feature row, ``kinds`` the markets it can bet on (None: any).
    """

    code: str
    title: str
    appraise: Appraise
    parameters: type[Parameters] = Parameters
    features: tuple[str, ...] = ()
    kinds: frozenset[str] | None = None

    def unfit(self, *, feature_set: str, features: Collection[str], kind: str) -> str:
        """Say why the program could bet on nothing that a model of these features foretells, or "".

        >>> Program("rest", "", appraise=None, features=("rest",)).unfit(  # type: ignore[arg-type]
        ...     feature_set="players_v1", features=["mean_5"], kind="PLAYER_TOTAL")
        'rest needs rest, which players_v1 does not tell'
        """
        if self.kinds is not None and kind not in self.kinds:
            return f"{self.code} does not bet on {kind}, only on {', '.join(sorted(self.kinds))}"
        missing = [name for name in self.features if name not in features]
        if missing:
            return f"{self.code} needs {', '.join(missing)}, which {feature_set} does not tell"
        return ""
