"""P1: taking the margin off 100,000 three-way markets, beside the cheapest vectorised method."""

import functools
from collections.abc import Callable

import numpy as np

from benchmarks.side_by_side import medians, report
from markets.domain import odds

N = 100_000
METHODS = ("shin", "power", "odds_ratio")


def markets() -> np.ndarray:
    """Return prices like a book's: chances of a league, 3 to 8 percent of margin."""
    generator = np.random.default_rng(1)
    chances = generator.dirichlet([4.5, 2.7, 3.0], N).clip(0.01, 0.97)
    chances /= chances.sum(axis=1, keepdims=True)
    margin = generator.uniform(1.03, 1.08, (N, 1))
    return np.round(1.0 / np.minimum(chances**0.97 * margin, 0.99), 2)


def main() -> None:
    prices = markets()

    def multiplicative() -> None:
        implied = 1.0 / prices
        implied / implied.sum(axis=1, keepdims=True)

    peer = shin_package(prices)
    for method in METHODS:
        contestants = {
            "ours": functools.partial(odds.remove_margin, prices, method=method),
            "numpy_multiplicative": multiplicative,
        }
        if peer is not None and method == "shin":
            contestants["shin_package"] = peer
        work = f"margin removal, {method}, three answers"
        report(bench="P1", work=work, n=N, seconds=medians(contestants))


def shin_package(prices: np.ndarray) -> Callable[[], object] | None:
    """Return the public ``shin`` package at the same work, where it is installed."""
    try:
        import shin
    except ImportError:
        print("shin is not installed: no peer in this run")
        return None
    rows = prices.tolist()
    return lambda: [shin.calculate_implied_probabilities(row) for row in rows]


if __name__ == "__main__":
    main()
