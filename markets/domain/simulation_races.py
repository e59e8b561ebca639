"""Seasons of invented races: fields of eight, one of which may not run, and who comes in when.

The chance to win is a runner's strength among those that run; the further places follow as if
the race went on without the ones before (Harville 1973, "Assigning probabilities to the outcomes
of multi-entry competitions", JASA 68).
"""

from functools import lru_cache

import numpy as np

from markets.domain import simulation_sports
from markets.domain.simulation import Floats, Ints
from markets.domain.simulation_sports import (
    PLAYED,
    RUNNERS,
    STEPS,
    TABLE,
    League,
    Quoted,
    SportSeason,
    random,
)

FIELD, PLACES = 8, 3
REMOVED_SHARE, REMOVED_BEFORE = 0.15, 1.2  # of the races; league hours
_FIRST = (
    "Amber", "Bold", "Copper", "Distant", "Early", "Fallow", "Gentle", "Hidden", "Iron", "Jolly",
    "Keen", "Lucky",
)  # fmt: skip
_SECOND = ("Anthem", "Beacon", "Cloud", "Dancer", "Echo", "Ferry", "Garland", "Harbour")
NAMES: tuple[str, ...] = tuple(f"{first} {second}" for first in _FIRST for second in _SECOND)


@lru_cache(maxsize=8)
def season(league: League, seed: int, number: int) -> SportSeason:
    """Compute one season; the same for the same arguments, in any process."""
    home, away, hours = simulation_sports.table(league, seed=seed, season=number)
    n = len(hours)
    runners = _fields(seed, league, number, n)
    strength = random(seed, league, TABLE, 0).normal(0.0, 0.7, len(NAMES))
    known = strength[runners] + random(seed, league, TABLE, number, 1).normal(0.0, 0.2, (n, FIELD))
    truth, believed = simulation_sports.seen(
        known, spread=np.full(FIELD, 0.25), seed=seed, league=league, season=number
    )
    draw = random(seed, league, PLAYED, number)
    removed = np.where(draw.random(n) < REMOVED_SHARE, draw.integers(0, FIELD, n), -1)
    runs = np.arange(FIELD) != removed[:, None]
    order = _finish(truth, runs, draw)
    by_step = np.where(STEPS[None, :, None] > REMOVED_BEFORE, True, runs[:, None])
    to_win = _winning(believed, by_step[:, :, None])
    fair = _winning(truth, runs)
    at_removal = to_win[:, int(np.flatnonzero(STEPS > REMOVED_BEFORE)[-1]), 0]
    return SportSeason(
        league, home, away, hours,
        quoted=(
            Quoted("WIN", (), fair, simulation_sports.offered(to_win)),
            Quoted(
                "PLACE", (), placing(fair), places=PLACES,
                prices=simulation_sports.offered(placing(to_win), sums_to=PLACES),
            ),
        ),
        score=np.zeros((n, 2), dtype=np.int64), runners=runners, order=order,
        reduction=np.where(runs, np.nan, np.round(at_removal * 100, 2)),
    )  # fmt: skip


def _fields(seed: int, league: League, number: int, n: int) -> Ints:
    """Choose who runs: nobody twice in one round."""
    draw = random(seed, league, RUNNERS, number)
    per_round = league.per_round
    rounds = [
        draw.permutation(len(NAMES))[: FIELD * per_round].reshape(per_round, FIELD)
        for _ in range(n // per_round)
    ]
    fields: Ints = np.concatenate(rounds)
    return fields


def _finish(truth: Floats, runs: Ints, draw: np.random.Generator) -> Ints:
    """Return each runner's place: strongest first after Gumbel noise, which is Harville's model."""
    came_in = np.where(runs, truth + draw.gumbel(size=truth.shape), -np.inf)
    places: Ints = (-came_in).argsort(axis=1).argsort(axis=1) + 1
    return np.where(runs, places, 0)


def _winning(strength: Floats, runs: Ints) -> Floats:
    """Return each runner's probability to win; NaN for one that does not run."""
    weight = np.where(runs, np.exp(strength), 0.0)
    share = weight / weight.sum(axis=-1, keepdims=True)
    return np.where(np.broadcast_to(runs, share.shape), share, np.nan)


def placing(win: Floats) -> Floats:
    """Return each runner's probability to be among the first three, from that to win.

    >>> placing(np.array([0.25, 0.25, 0.25, 0.25])).round(4).tolist()
    [0.75, 0.75, 0.75, 0.75]
    """
    p = np.nan_to_num(win)
    first = p[..., :, None]
    pair = first * p[..., None, :] / (1.0 - first)  # i first, j second
    diagonal = np.arange(p.shape[-1])
    pair[..., diagonal, diagonal] = 0.0
    second = pair.sum(axis=-2)
    left = 1.0 - first - p[..., None, :]
    left[..., diagonal, diagonal] = 1.0
    weight = pair / np.maximum(left, 1e-9)
    either = weight + np.swapaxes(weight, -1, -2)
    # k third: over every pair (i, j) that k is not in; each unordered pair once.
    total = weight.sum(axis=(-1, -2))[..., None]
    third = p * (total - either.sum(axis=-1))
    placed: Floats = np.where(np.isnan(win), np.nan, np.minimum(p + second + third, 1.0))
    return placed
