"""What plain methods would have said of matches, each from what was known before it."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from models_ml.domain import baselines
from models_ml.domain.boosting import CLASSES
from models_ml.domain.features import Match

DAY = 86_400 * 1_000_000  # µs
STEP = 28 * DAY  # strengths are fitted anew every four weeks
MINIMUM = 100  # matches of a competition, below which nobody knows its sides
RIDGE = 0.02
LONG_AGO = 4 * 365 * DAY  # what lies further back counts for less than a fourteenth


def latest(history: Iterable[Match]) -> dict[int, Match]:
    """Return each event's newest version."""
    found: dict[int, Match] = {}
    for match in history:
        if match.event_id not in found or found[match.event_id].version < match.version:
            found[match.event_id] = match
    return found


def elo_logistic(*, past: NDArray, outcomes: NDArray, expectations: NDArray) -> NDArray:
    """Return what Elo alone says, (n, 3), NaN where too few matches went before.

    ``past`` and ``outcomes`` are the expected scores and the classes of matches before all of
    those foretold.
    """
    if len(outcomes) < MINIMUM:
        return np.full((len(expectations), len(CLASSES)), np.nan)
    fit = baselines.fit_elo(past, outcomes, classes=len(CLASSES))
    return fit.probabilities(expectations)


def dixon_coles(*, history: Sequence[Match], event_ids: Sequence[int]) -> NDArray:
    """Return what goals alone say, (n, 3), NaN where too few matches went before.

    Strengths are fitted for each competition every four weeks, from results known when the four
    weeks began; older ones count less.
    """
    wanted = latest(history)
    matches = [wanted[event_id] for event_id in event_ids]
    found = np.full((len(matches), len(CLASSES)), np.nan)
    blocks: dict[tuple[int, int], list[int]] = {}
    for place, match in enumerate(matches):
        key = (match.competition_id, match.starts_at // STEP)
        blocks.setdefault(key, []).append(place)
    by_competition: dict[int, list[Match]] = {}
    for match in history:
        by_competition.setdefault(match.competition_id, []).append(match)
    for (competition, step), places in blocks.items():
        begins = min(step * STEP, min(matches[place].starts_at for place in places))
        fit = _fitted(by_competition[competition], begins)
        if fit is not None:
            home = np.array([matches[place].home_id for place in places])
            away = np.array([matches[place].away_id for place in places])
            found[places] = fit.probabilities(home, away)
    return found


def _fitted(history: Sequence[Match], moment: int) -> baselines.DixonColes | None:
    """Return strengths by the results known at a moment (µs), or None of too few."""
    seen = latest(m for m in history if m.known_at <= moment and moment - m.starts_at < LONG_AGO)
    rows = [m for m in seen.values() if m.is_final]
    if len(rows) < MINIMUM:
        return None
    columns = [(m.home_id, m.away_id, m.home_score, m.away_score, m.starts_at) for m in rows]
    home, away, home_goals, away_goals, starts = np.array(columns).T
    return baselines.fit_dixon_coles(
        home=home,
        away=away,
        home_goals=home_goals,
        away_goals=away_goals,
        weights=baselines.weights_of_age((moment - starts) / DAY),
        ridge=RIDGE,
    )
