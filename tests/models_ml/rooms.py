"""Synthetic rows for estimators: what is expected is known, because it was drawn so."""

from dataclasses import dataclass, field

import numpy as np
import scipy
from numpy.typing import NDArray

from models_ml.domain import goals, lines
from models_ml.domain.examples import Examples

DAY = 86_400_000_000
FIRST = 1_600_000_000_000_000


@dataclass(frozen=True)
class Set:
    """Columns of a feature set, as estimators see them."""

    names: list[str]
    name: str = "test"
    sha256: str = field(default="ab" * 32)


def examples(values: NDArray, *, per_day: int = 5, **labels: NDArray) -> Examples:
    """Return rows five a day, each asked an hour before its start and known two hours after."""
    n = len(values)
    group = labels.pop("group", np.arange(n))
    _, race = np.unique(group, return_inverse=True)
    starts = FIRST + (race // per_day) * DAY
    none = np.full(n, np.nan)
    told = dict.fromkeys(("home", "away", "figure", "winner", "placed"), none)
    return Examples(
        event=race, participant=np.full(n, -1), group=group, competition=np.ones(n, dtype=int),
        season=np.ones(n, dtype=int), week=starts // (7 * DAY), starts=starts,
        as_of=starts - DAY // 24, label_known_at=starts + DAY // 12, values=values,
        **{"market": np.full((n, 3), np.nan), "close": np.full((n, 3), np.nan)}
        | told | labels,
    )  # fmt: skip


GRIDIRON = Set(
    ["elo_difference", "expected_margin", "expected_total", "rest", "market_home", "spread_line",
     "spread_home", "total_line", "total_over"]
)  # fmt: skip


def gridiron(*, n: int = 3000, seed: int = 0, quoted_from: float = 0.4) -> Examples:
    """Return games of points: ratings know half of the truth, rest moves it, a market knows it.

    The market forgets rest; before ``quoted_from`` (a share of the rows) nobody wrote it down.
    """
    rng = np.random.default_rng(seed)
    strength, rest = rng.normal(2.0, 6.0, n), rng.integers(-3, 4, n).astype(float)
    mean, total = strength + 1.5 * rest, rng.normal(45.0, 5.0, n)
    margin = np.rint(rng.normal(mean, 12.0))
    points = np.maximum(np.rint(rng.normal(total, 11.0)), np.abs(margin))
    points += (points + margin) % 2
    rated = strength + rng.normal(0.0, 4.0, n)
    values = np.stack(
        [
            25.0 * (rated - 2.0), rated, np.full(n, 45.0), rest,
            scipy.special.ndtr(strength / 12.0), -np.rint(strength * 2) / 2,
            scipy.special.ndtr((strength - np.rint(strength * 2) / 2) / 12.0),
            np.rint(total) + 0.5, scipy.special.ndtr((total - np.rint(total) - 0.5) / 11.0),
        ],
        axis=1,
    )  # fmt: skip
    values[: int(quoted_from * n), 4:] = np.nan
    return examples(values, home=(points + margin) / 2, away=(points - margin) / 2)


SOCCER = Set(
    ["goals_home", "goals_away", "form", "market_home", "market_draw", "market_away",
     "total_line", "total_over"]
)  # fmt: skip


def soccer(*, n: int = 3000, seed: int = 0, quoted: float = 0.7) -> Examples:
    """Return matches whose goals ratings know but for form; the market knows them whole."""
    rng = np.random.default_rng(seed)
    form = rng.normal(size=n)
    home, away = np.exp(rng.normal(0.35, 0.25, n)), np.exp(rng.normal(0.1, 0.25, n))
    rated = np.stack([home, away], axis=1)
    home, away = home * np.exp(0.25 * form), away * np.exp(-0.25 * form)
    scores = goals.grid(home=home, away=away, rho=-0.08)
    drawn = rng.random(n)[:, None] > np.cumsum(scores.reshape(n, -1), axis=1)
    score = drawn.sum(axis=1)
    shares = goals.over_total(scores, np.full(n, 2.5), np.arange(n))
    values = np.column_stack(
        [rated, form, goals.outcomes(scores), np.full(n, 2.5), lines.answers(shares).probability]
    )
    values[rng.random(n) > quoted, 3:] = np.nan
    return examples(values, home=(score // 16).astype(float), away=(score % 16).astype(float))


PLAYER = Set(["mean_weighted", "rest", "is_home"])


def player(*, n: int = 3000, seed: int = 0) -> Examples:
    """Return figures of players who make more of them after a rest."""
    rng = np.random.default_rng(seed)
    mean, rest = rng.uniform(5, 28, n), rng.integers(0, 4, n).astype(float)
    truth = mean * np.exp(0.12 * (rest - 1.5))
    values = np.column_stack([mean, rest, rng.integers(0, 2, n)]).astype(float)
    values[::17, 0] = np.nan
    figure = rng.negative_binomial(4.0, 4.0 / (4.0 + truth)).astype(float)
    return examples(values, figure=figure)


RACES = Set(["runs", "strength", "rated_log", "number", "noise"])


def races(*, n: int = 900, seed: int = 0) -> Examples:
    """Return races of 4 to 12: ratings know half, strength the rest; three are placed."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(4, 13, n)
    group = np.repeat(np.arange(n), sizes)
    rated, strength = rng.normal(0, 0.8, len(group)), rng.normal(0, 1, len(group))
    utility = rated + 0.5 * strength
    keys = [power * utility + rng.gumbel(size=len(group)) for power in (1.0, 0.8, 0.7)]
    winner, placed = np.zeros(len(group)), np.zeros(len(group))
    for race in range(n):
        part = np.flatnonzero(group == race)
        for finish, key in enumerate(keys):
            left = part[placed[part] == 0]
            first = left[key[left].argmax()]
            placed[first] = 1.0
            winner[first] = float(finish == 0)
    number = np.concatenate([np.arange(1, size + 1) for size in sizes])
    noise = rng.normal(size=len(group))
    values = np.column_stack([rng.integers(0, 30, len(group)), strength, rated, number, noise])
    values[rng.random(len(group)) < 0.2, 0] = np.nan
    return examples(values.astype(float), group=group, winner=winner, placed=placed)
