"""Histories out of a seed, as arrays: what a backtest of any size stands on without a database."""

from typing import Any

import numpy as np

from settlements.domain import rules
from settlements.domain.backtesting import calendars, history
from settlements.domain.backtesting.history import History

HOUR, DAY = 3_600_000_000, 86_400_000_000
BEGIN = 1_577_880_000_000_000  # 2020-01-01 12:00 UTC
ROLES = ("HOME", "DRAW", "AWAY")


def a_history(
    *, events: int = 60, quoting: int = 3, a_day: int = 6, seed: int = 0, **changes: Any
) -> History:
    """Return three-way matches, some a day, with prices around what they are worth."""
    random = np.random.default_rng(seed)
    shape = (events, 3)
    worth = random.dirichlet([5.0, 3.0, 4.0], size=events)
    model = worth * np.exp(random.normal(0, 0.1, shape))
    close = worth * np.exp(random.normal(0, 0.03, shape))
    margin = np.exp(random.normal(0.04, 0.04, (*shape, quoting)))
    prices = (1000 / (worth[:, :, None] * margin)).round(-1)
    won = (random.random(events)[:, None] > np.cumsum(worth, axis=1)).sum(axis=1)
    starts = BEGIN + np.arange(events) // a_day * DAY + random.integers(0, 3, events) * HOUR
    starts = np.sort(starts)
    event = np.repeat(np.arange(1, events + 1), 3)
    lost, has_won = (rules.OUTCOMES.index(one) for one in (rules.Outcome.LOST, rules.Outcome.WON))
    mornings = calendars.mornings(starts=starts, as_of=starts - HOUR)
    fields: dict[str, Any] = {
        "kind": "MATCH_ODDS",
        "books": tuple(history.Book(at + 1, f"book{at}") for at in range(quoting)),
        "event": event,
        "market": event + 1000,
        "selection": np.arange(1, 3 * events + 1),
        "role": np.tile(ROLES, events),
        "quarters": np.full(3 * events, np.nan),
        "starts": np.repeat(starts, 3),
        "as_of": np.repeat(starts - HOUR, 3),
        "probability": (model / model.sum(axis=1, keepdims=True)).ravel(),
        "refund": np.zeros(3 * events),
        "prices": np.clip(prices, 1010, 90_000).astype(np.int32).reshape(-1, quoting),
        "ages": random.integers(0, 900, (3 * events, quoting)).astype(float),
        "sport": np.ones(3 * events, dtype=np.int64),
        "competition": np.repeat(random.integers(1, 4, events), 3),
        "home": np.repeat(random.integers(1, 9, events), 3),
        "away": np.repeat(random.integers(9, 17, events), 3),
        "outcome": np.where(np.tile([0, 1, 2], events) == np.repeat(won, 3), has_won, lost),
        "settles": np.repeat(calendars.paid_at(known=starts + 2 * HOUR, moments=mornings), 3),
        "close": (close / close.sum(axis=1, keepdims=True)).ravel(),
        "close_price": (0.97 / close).ravel(),
    }
    return history.check(History(**{**fields, **changes}))
