"""P2: Elo with probabilities and updates in time order, 100,000 matches of 1,000 sides.

``python -m benchmarks.p2_elo``.  The floors: the bare formula in a loop over lists, and the
formula in numpy over waves that are known beforehand.  Optional peer: penaltyblog.
"""

import numpy as np
from numpy.typing import NDArray

from benchmarks.side_by_side import medians, report
from models_ml.domain import elo, waves

N, SIDES = 100_000, 1_000
RULES = elo.Rules()


def _matches() -> tuple[NDArray, NDArray, NDArray]:
    """Return home, away and margin; rounds in which every side plays once."""
    rng = np.random.default_rng(1)
    pairs = np.concatenate(
        [rng.permutation(SIDES).reshape(-1, 2) for _ in range(N // (SIDES // 2))]
    )
    goals = rng.poisson(1.4, size=(N, 2))
    return pairs[:, 0].copy(), pairs[:, 1].copy(), goals[:, 0] - goals[:, 1]


HOME, AWAY, MARGIN = _matches()
ADVANTAGE = np.full(N, RULES.home_advantage)
COLUMNS = list(zip(HOME.tolist(), AWAY.tolist(), MARGIN.tolist(), strict=True))


def ours() -> NDArray:
    """Return ratings after each match and, as a state beside them, the expected score."""

    def step(home: NDArray, away: NDArray, advantage: NDArray, margin: NDArray) -> tuple:
        expected, gain = RULES.played(home[0], away[0], advantage, margin)
        return (home[0] + gain, expected), (away[0] - gain, expected)

    state = np.full((2, SIDES), elo.MEAN)
    return waves.run(home=HOME, away=AWAY, state=state, step=step, columns=[ADVANTAGE, MARGIN])


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


def main() -> None:
    contestants = {"ours": ours, "bare_loop": bare_loop, "numpy_waves": numpy_waves}
    try:
        import penaltyblog as _  # noqa: F401

        contestants["penaltyblog"] = penaltyblog
    except ImportError:
        print("penaltyblog is not installed: no peer in this run")
    seconds = medians(contestants)
    report(bench="P2", work="Elo with probabilities, in time order", n=N, seconds=seconds)


if __name__ == "__main__":
    main()
