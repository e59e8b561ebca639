"""P2 and P3: Elo in time order, and the whole of soccer_v1, over 100,000 matches.

``python -m benchmarks.p2_elo``.  The floors: the bare formula in a loop over lists, and the
formula in numpy over waves of matches in which no side plays twice.  Optional peer: penaltyblog.
"""

import numpy as np

from benchmarks.side_by_side import medians, report
from models_ml.domain import elo
from models_ml.domain.features import Fixture, Match, unfold
from models_ml.domain.soccer_v1 import SOCCER_V1, State

N, SIDES, HOUR = 100_000, 1_000, 3_600_000_000


def matches() -> list[Match]:
    rng = np.random.default_rng(1)
    found = []
    for day in range(N // (SIDES // 2)):
        order = rng.permutation(SIDES)
        scores = rng.poisson(1.4, size=(SIDES // 2, 2))
        starts_at = day * 7 * 24 * HOUR
        for number, (home, away) in enumerate(order.reshape(-1, 2).tolist()):
            event_id = day * SIDES + number
            names = (event_id, 1, day // 38, home, away, starts_at)
            found.append(Match(*names, starts_at + 2 * HOUR, 1, True, *scores[number].tolist()))
    return found


MATCHES = matches()
FIXTURES = [
    Fixture(
        m.event_id, m.competition_id, m.season_id, m.home_id, m.away_id, m.starts_at,
        m.starts_at - HOUR,
    )
    for m in MATCHES
]  # fmt: skip
COLUMNS = [
    (m.home_id, m.away_id, m.home_score - m.away_score)
    for m in MATCHES
]  # fmt: skip
HOME, AWAY, MARGIN = (np.array(column) for column in zip(*COLUMNS, strict=True))


def ours() -> None:
    state = State()
    for match in MATCHES:
        state.learn(match)


def bare_loop() -> None:
    ratings = [elo.MEAN] * SIDES
    for home, away, margin in COLUMNS:
        expected = 1.0 / (1.0 + 10.0 ** (-(ratings[home] + 60.0 - ratings[away]) / 400.0))
        score = 1.0 if margin > 0 else 0.5 if margin == 0 else 0.0
        size = abs(margin)
        weight = 1.0 if size <= 1 else 1.5 if size == 2 else (11.0 + size) / 8.0
        gain = 20.0 * weight * (score - expected)
        ratings[home] += gain
        ratings[away] -= gain


def numpy_waves() -> None:
    ratings = np.full(SIDES, elo.MEAN)
    wave = SIDES // 2
    for first in range(0, N, wave):
        home, away, margin = (a[first : first + wave] for a in (HOME, AWAY, MARGIN))
        expected = 1.0 / (1.0 + 10.0 ** (-(ratings[home] + 60.0 - ratings[away]) / 400.0))
        size = np.abs(margin)
        weight = np.where(size <= 1, 1.0, np.where(size == 2, 1.5, (11.0 + size) / 8.0))
        gain = 20.0 * weight * ((np.sign(margin) + 1) / 2 - expected)
        ratings[home] += gain
        ratings[away] -= gain


def penaltyblog() -> None:
    from penaltyblog.ratings import Elo

    ratings = Elo()
    for home, away, margin in COLUMNS:
        ratings.calculate_match_probabilities(home, away)
        ratings.update_ratings(home, away, 0 if margin > 0 else 1 if margin == 0 else 2)


def soccer_v1() -> None:
    unfold(feature_set=SOCCER_V1, history=MATCHES, fixtures=FIXTURES)


def main() -> None:
    contestants = {"ours": ours, "bare_loop": bare_loop, "numpy_waves": numpy_waves}
    try:
        import penaltyblog as _  # noqa: F401

        contestants["penaltyblog"] = penaltyblog
    except ImportError:
        print("penaltyblog is not installed: no peer in this run")
    report(
        bench="P2",
        work="Elo and form states, updates in time order",
        n=N,
        seconds=medians(contestants),
    )
    whole = medians({"ours": soccer_v1}, repeat=3)
    report(bench="P3", work="soccer_v1, every row as of its own time", n=N, seconds=whole)


if __name__ == "__main__":
    main()
