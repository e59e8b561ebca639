"""How often drift is seen where there is none, and where there is some: the table of docs/drift.md.

``python -m benchmarks.drift_rates``.  200 draws for each line of PSI and 1,000 for the others,
seeded; no database.
"""

from collections.abc import Callable

import numpy as np

from models_ml.domain import drift, scoring
from models_ml.domain.drift import State

FEATURES, REFERENCE = 50, 2_048
NAMES = [f"f{i}" for i in range(FEATURES)]
SAID = np.random.default_rng(12).dirichlet([5, 3, 4], size=4_000)


def rows(rng: np.random.Generator, n: int, shift: float = 0.0, shifted: int = 0) -> np.ndarray:
    """Return rows of fifty features that ten things drive; some shifted, in deviations."""
    drivers = np.repeat(rng.normal(size=(n, 10)), 5, axis=1)
    found = 0.7 * drivers + np.sqrt(1 - 0.49) * rng.normal(size=(n, FEATURES))
    found[:, :shifted] += shift
    return found


def games(rng: np.random.Generator, n: int, confidence: float = 1.0) -> tuple:
    """Return what was said of n matches, more or less confidently than is right, and the end."""
    p = SAID[rng.integers(0, len(SAID), size=n)]
    y = (rng.random(n)[:, None] > np.cumsum(p, axis=1)[:, :-1]).sum(axis=1)
    said = p**confidence / (p**confidence).sum(axis=1, keepdims=True)
    return said, y


def fired(look: Callable[[np.random.Generator], State], draws: int) -> str:
    rng = np.random.default_rng(7)
    return f"{sum(look(rng) == State.FIRED for _ in range(draws)):,} of {draws:,}"


def main() -> None:
    kept = drift.reference(rows(np.random.default_rng(1), REFERENCE), NAMES)

    def psi(n: int, shift: float = 0.0, shifted: int = 0) -> Callable:
        return lambda rng: drift.psi(kept, rows(rng, n, shift, shifted)).finding().state

    def brier(worse: float) -> Callable:
        def look(rng: np.random.Generator) -> State:
            now, then = (scoring.briers(*games(rng, n)) for n in (240, 300))
            return drift.brier_worse(worse * now, then, draws=500).state

        return look

    def slope(n: int, confidence: float) -> Callable:
        def look(rng: np.random.Generator) -> State:
            return drift.calibration(scoring.reliability(*games(rng, n, confidence)), n=n).state

        return look

    for name, look in {
        "PSI, no drift, 128 rows": psi(128),
        "PSI, no drift, 256 rows": psi(256),
        "PSI, no drift, 2,000 rows": psi(2_000),
        "PSI, 6 of 50 features moved by .5 σ, 256 rows": psi(256, 0.5, 6),
        "PSI, 6 of 50 features moved by .7 σ, 256 rows": psi(256, 0.7, 6),
        "PSI, 6 of 50 features moved by .7 σ, 128 rows": psi(128, 0.7, 6),
        "Brier, no drift, 240 rows against 300": brier(1.0),
        "Brier, 15 % worse, 240 rows against 300": brier(1.15),
        "Calibration, no drift, 240 rows": slope(240, 1.0),
        "Calibration, twice too sure, 240 rows": slope(240, 2.0),
        "Calibration, half as sure, 600 rows": slope(600, 0.5),
    }.items():
        print(f"| {name} | {fired(look, 200 if name.startswith('PSI') else 1_000)} |")


if __name__ == "__main__":
    main()
