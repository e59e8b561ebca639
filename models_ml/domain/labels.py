"""What then came: the answers to asks about the past, in the version that is believed now."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models_ml.domain.asking import latest, newest
from models_ml.domain.facts import Asks, Facts, row_keys

DAY = 86_400_000_000
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Labels(NamedTuple):
    """Row by row as the asks; NaN where a row has no such answer."""

    competition: Ints
    season: Ints
    week: Ints  # of the league's own calendar, since 1970
    starts: Ints
    home: Floats
    away: Floats
    winner: Floats  # 1 or 0; NaN for a runner that did not run
    placed: Floats  # 1 or 0, the winner too
    figure: Floats  # NaN for a player who took no part


def labels(*, facts: Facts, asks: Asks, statistic: str = "") -> Labels:
    """Return the answers to asks of events that are on the fixture list.

    ``statistic`` names the figure that is asked for of players.
    """
    fixtures = latest(facts.fixtures)
    place = np.searchsorted(fixtures.event, asks.event)
    starts = fixtures.starts_at[place]
    home, away = _scores(facts, asks)
    winner, placed = _finishes(facts, asks)
    return Labels(
        competition=fixtures.competition[place],
        season=fixtures.season[place],
        week=_weeks(starts, fixtures.time_scale[place]),
        starts=starts,
        home=home,
        away=away,
        winner=winner,
        placed=placed,
        figure=_figures(facts, asks, statistic),
    )


def _weeks(starts: Ints, time_scale: Floats) -> Ints:
    """Return weeks from Monday to Sunday; a calendar that runs faster has shorter ones."""
    real = starts // DAY
    days = np.where(time_scale == 1.0, real, np.floor(starts / DAY * time_scale))
    return (days.astype(np.int64) + 3) // 7  # 1970 began on a Thursday


def part(told: Labels, rows: NDArray) -> Labels:
    """Return some of the answers, in the order of their positions."""
    return Labels(*(column[rows] for column in told))


def _scores(facts: Facts, asks: Asks) -> tuple[Floats, Floats]:
    results = newest(facts.results)
    results = results.take((results.is_final == 1) & (results.home_score >= 0))
    at = _find(row_keys([asks.event]), row_keys([results.event]))
    return _taken(results.home_score, at), _taken(results.away_score, at)


def _finishes(facts: Facts, asks: Asks) -> tuple[Floats, Floats]:
    """Return who won and who was placed; what a runner was not told of stays unknown."""
    results = newest(facts.results)
    results = results.take(results.is_final == 1)
    believed = row_keys([results.event, results.version])
    rows = facts.runners
    is_told = np.isin(row_keys([rows.event, rows.version]), believed) & (rows.is_removed != 1)
    rows = rows.take(is_told)
    at = _find(row_keys([asks.event, asks.participant]), row_keys([rows.event, rows.participant]))
    winner = np.where(rows.is_winner < 0, np.nan, rows.is_winner)
    placed = np.where(rows.is_placed < 0, np.nan, rows.is_placed)
    return _taken(winner, at), _taken(np.where(rows.is_winner == 1, 1.0, placed), at)


def _figures(facts: Facts, asks: Asks, statistic: str) -> Floats:
    if statistic not in facts.figures.statistics:
        return np.full(len(asks.event), np.nan)
    results = newest(facts.results)
    results = results.take(results.is_final == 1)
    believed = row_keys([results.event, results.version])
    rows = facts.figures
    mine = rows.statistic == rows.statistics.index(statistic)
    mine &= np.isin(row_keys([rows.event, rows.version]), believed) & (rows.took_part == 1)
    rows = rows.take(mine)
    keys = row_keys([rows.event, rows.participant])
    return _taken(rows.value, _find(row_keys([asks.event, asks.participant]), keys))


def _find(wanted: NDArray, keys: NDArray) -> Ints:
    """Return where each wanted key stands among keys that are all different; -1: nowhere."""
    if not len(keys):
        return np.full(len(wanted), -1)
    order = np.argsort(keys, kind="stable")
    sorted_ = keys[order]
    at = np.minimum(np.searchsorted(sorted_, wanted), len(keys) - 1)
    return np.where(sorted_[at] == wanted, order[at], -1)


def _taken(values: NDArray, at: Ints) -> Floats:
    """Return values at places, NaN where the place is -1."""
    if not len(values):
        return np.full(len(at), np.nan)
    return np.where(at >= 0, values[at].astype(np.float64), np.nan)
