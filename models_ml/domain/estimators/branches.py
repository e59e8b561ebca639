"""Two ways into one estimator: from the market where there is one, from ratings elsewhere.

Trees that start from ratings must not correct a market, and a history whose first half knew no
prices must not teach the other half.  So each start has its own trees; those of the ratings never
see a column that prices tell.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_ml.domain.estimators import trees
from models_ml.domain.estimators.base import (
    MARKET,
    RATINGS,
    AfterRound,
    Columns,
    without_prices,
)
from models_ml.domain.estimators.trees import Objective, Rows, Trees
from models_ml.domain.splitting import Split

BRANCHES = (MARKET, RATINGS)


@dataclass(frozen=True, slots=True, eq=False)
class Starts:
    """Where each row starts: by the market (NaN where there is none) and by ratings."""

    market: NDArray
    ratings: NDArray

    @property
    def quoted(self) -> NDArray:
        return ~np.isnan(self.market)


@dataclass(frozen=True, slots=True)
class Branches:
    """The trees of both starts."""

    market: Trees
    ratings: Trees

    def margins(self, values: NDArray, starts: Starts, columns: Columns) -> NDArray:
        """Return each row's logit or mean, (n,)."""
        quoted = starts.quoted
        found = np.empty(len(values))
        if quoted.any():
            found[quoted] = self.market.margins(values[quoted], starts.market[quoted])
        if not quoted.all():
            bare = without_prices(values[~quoted], columns)
            found[~quoted] = self.ratings.margins(bare, starts.ratings[~quoted])
        return found

    def contributions(self, values: NDArray, starts: Starts, columns: Columns) -> NDArray:
        """Return what each feature adds, (n, f + 1); the last column is the start."""
        quoted = starts.quoted
        found = np.empty((len(values), values.shape[1] + 1))
        found[quoted] = self.market.contributions(values[quoted], starts.market[quoted])
        bare = without_prices(values[~quoted], columns)
        found[~quoted] = self.ratings.contributions(bare, starts.ratings[~quoted])
        return found


def grow(
    *,
    values: NDArray,
    starts: Starts,
    labels: NDArray,
    split: Split,
    columns: Columns,
    objective: Objective,
    parameters: dict[str, Any],
    seed: int,
    after_round: AfterRound | None,
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Grow the trees of both starts: the market's on rows with one, the ratings' on all."""
    content, report = {}, {}
    bare = without_prices(values, columns)
    for name, own, start, allowed in (
        (MARKET, values, starts.market, starts.quoted),
        (RATINGS, bare, starts.ratings, np.ones(len(values), dtype=bool)),
    ):
        train, validation = (
            Rows(own[part], start[part], labels[part])
            for part in (rows[allowed[rows]] for rows in (split.train, split.validation))
        )
        content[name], report[name] = trees.grow(
            train=train, validation=validation, objective=objective,
            parameters=parameters, seed=seed, after_round=after_round,
        )  # fmt: skip
    return content, report


def load(content: dict[str, bytes]) -> Branches:
    return Branches(trees.load(content[MARKET]), trees.load(content[RATINGS]))


def served(starts: Starts, name: str) -> NDArray:
    """Return which rows a branch serves, (n,) bool."""
    return starts.quoted if name == MARKET else ~starts.quoted
