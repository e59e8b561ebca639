"""Odds arithmetic over whole arrays of markets.  Pure: no Django, no clock, no I/O.

Words
    price        decimal odds: what one unit staked returns, stake included; > 1
    implied      ``1 / price``
    booksum      sum of the implied probabilities of one whole market
    overround    booksum - 1
    probability  float in [0, 1], never a percentage

Arrays of prices have the shape ``(n_markets, n_selections)``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Texts = NDArray[np.str_]
#: One Newton iteration's value and slope, from the unknown and the implied probabilities.
Residual = Callable[[Floats, Floats], tuple[Floats, Floats]]

BAD_PRICE = "a price is missing or not above 1"
NO_MARGIN = "no margin to remove: booksum at or below 1"
BELOW_ZERO = "the margin is larger than an outsider's whole probability"
UNSOLVED = "the margin equation has no solution"
CERTAIN = "a fair probability of 1 or more"
_STEPS = 100
_CLOSE_ENOUGH = 1e-9  # Newton squares the error: one more step leaves about 1e-18


@dataclass(frozen=True, slots=True, eq=False)
class FairMarkets:
    """Margin-free markets, one row per market, as they were handed in.

    Attributes:
        probabilities: ``(n_markets, n_selections)``, each row sums to 1, or to as many as win; NaN
            where undefined.
        overround: ``(n_markets,)``; NaN where a price was bad.
        method: what was really used for the row; "" where nothing was.
        reason: why the row is NaN or went by another method than asked; "" otherwise.
        parameter: Shin's z, the power's k, the odds ratio's c; NaN elsewhere.
    """

    probabilities: Floats
    overround: Floats
    method: Texts
    reason: Texts
    parameter: Floats


def default_method(n_selections: int) -> str:
    """Return the method used where nobody asks for another: Shin, or power for two answers.

    >>> default_method(3), default_method(2)
    ('shin', 'power')
    """
    return "shin" if n_selections > 2 else "power"


def remove_margin(prices: ArrayLike, *, method: str, sums_to: ArrayLike = 1) -> FairMarkets:
    """Return the fair probabilities of many markets at once.

    A bad market (a price that is NaN, infinite or not above 1) is NaN, with a reason, in its
    own row alone.  Where the booksum is at or below 1 the row goes by "multiplicative".
    ``sums_to``: how many selections win, for all markets or for each.  Where k of them win, each
    price speaks of k tickets of which one wins: prices times k have one winner, and what comes
    out is times k again.  Then the overround is of the booksum divided by k.

    Raises:
        ValueError: the method is unknown, or the array isn't ``(n_markets, n_selections >= 2)``,
            or as many selections win as there are.

    Source: Shin 1993 in the form of Jullien & Salanié 1994; Clarke, Kovalchik & Ingram 2017
    (power); Cheung 2015 (odds ratio); Buchdahl 2015 (differential margin).

    >>> fair = remove_margin([[2.6, 2.4, 4.3]], method="shin")
    >>> fair.probabilities.round(5).tolist(), round(float(fair.parameter[0]), 6)
    ([[0.37299, 0.40478, 0.22223]], 0.016943)
    >>> remove_margin([[1.9, 1.9], [2.1, 2.1]], method="power").method.tolist()
    ['power', 'multiplicative']
    >>> place = remove_margin([[1.3, 1.7, 2.4, 3.4]], method="shin", sums_to=2)
    >>> place.probabilities.round(3).tolist(), round(float(place.probabilities.sum()), 9)
    ([[0.749, 0.57, 0.401, 0.28]], 2.0)
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}: one of {', '.join(METHODS)}")
    columns = np.ascontiguousarray(np.asarray(prices, dtype=np.float64).T)
    if columns.ndim != 2 or columns.shape[0] < 2:
        raise ValueError("prices are (n_markets, n_selections) with at least two selections")
    winners = np.broadcast_to(np.asarray(sums_to, dtype=np.float64), columns.shape[1:])
    if not ((winners >= 1.0) & (winners < columns.shape[0])).all():
        raise ValueError("at least one selection wins, and not all of them")
    with np.errstate(all="ignore"):
        implied = 1.0 / (columns * winners)
        good: Bools = np.all((columns > 1.0) & np.isfinite(columns), axis=0)
        booksum = np.where(good, implied.sum(axis=0), np.nan)
        found = _by_row(implied, booksum, good, method)
        return found if (winners == 1.0).all() else _scaled(found, winners)


def _scaled(found: FairMarkets, winners: Floats) -> FairMarkets:
    """Return probabilities that sum to the number of winners; a certainty has none."""
    probabilities = found.probabilities * winners[:, None]
    certain = (probabilities >= 1.0).any(axis=1)
    probabilities[certain] = np.nan
    return FairMarkets(
        probabilities,
        found.overround,
        np.where(certain, "", found.method),
        np.where(certain, CERTAIN, found.reason),
        found.parameter,
    )


def _by_row(implied: Floats, booksum: Floats, good: Bools, method: str) -> FairMarkets:
    """Give every row the method that it can have.  ``implied`` is ``(n_selections, n_markets)``."""
    n_markets = implied.shape[1]
    used = np.full(n_markets, method, dtype="<U20")
    reason = np.full(n_markets, "", dtype="<U64")
    plain = good & (booksum <= 1.0)
    asked = good & ~plain
    if asked.all():
        fair, parameter = METHODS[method](implied, booksum)
    else:
        fair, parameter = np.full_like(implied, np.nan), np.full(n_markets, np.nan)
        fair[:, plain] = implied[:, plain] / booksum[plain]
        fair[:, asked], parameter[asked] = METHODS[method](implied[:, asked], booksum[asked])
    used[plain], reason[plain] = "multiplicative", NO_MARGIN
    impossible = asked & ~((fair > 0.0) & (fair < 1.0)).all(axis=0)
    if impossible.any():
        fair[:, impossible] = np.nan
        reason[impossible] = BELOW_ZERO if METHODS[method] is _additive else UNSOLVED
    used[~good | impossible] = ""
    reason[~good] = BAD_PRICE
    return FairMarkets(np.ascontiguousarray(fair.T), booksum - 1.0, used, reason, parameter)


def _multiplicative(implied: Floats, booksum: Floats) -> tuple[Floats, Floats]:
    """Share the margin in proportion: ``p = π / B``."""
    return implied / booksum, np.full_like(booksum, np.nan)


def _additive(implied: Floats, booksum: Floats) -> tuple[Floats, Floats]:
    """Share the margin equally: ``p = π - (B - 1) / n``; below 0 it is undefined."""
    return implied - (booksum - 1.0) / implied.shape[0], np.full_like(booksum, np.nan)


def _power(implied: Floats, booksum: Floats) -> tuple[Floats, Floats]:
    """Find k with ``Σ π^k = 1``.

    ``ln Σ π^k`` is convex and falls in k, so Newton from k = 1 never overshoots.
    """
    logs = np.log(implied)

    def residual(k: Floats, logs: Floats) -> tuple[Floats, Floats]:
        powers = np.exp(k * logs)
        total = powers.sum(axis=0)
        return np.log(total), (powers * logs).sum(axis=0) / total

    k = _newton(residual, logs, np.ones_like(booksum))
    fair = np.exp(k * logs)
    return fair / fair.sum(axis=0), k


def _shin(implied: Floats, booksum: Floats) -> tuple[Floats, Floats]:
    """Find the share z of insiders with ``Σ √(z² + 4(1-z)π²/B) - 2 - (n-2)z = 0``.

    The left side is convex in z, positive at 0 and zero at the trivial root 1, so Newton from 0
    never overshoots the root that is meant.  For two selections the answer is the additive one.
    The usual ``[√(...) - z] / (2(1-z))`` loses digits for outsiders: the quotient below is equal.
    """
    n = implied.shape[0]
    if n == 2:
        fair, _ = _additive(implied, booksum)
        return fair, _shin_two(implied, booksum)
    squares = implied * implied / booksum

    def residual(z: Floats, squares: Floats) -> tuple[Floats, Floats]:
        roots = np.sqrt(z * z + 4.0 * (1.0 - z) * squares)
        slope = ((z - 2.0 * squares) / roots).sum(axis=0) - (n - 2)
        return roots.sum(axis=0) - 2.0 - (n - 2) * z, slope

    z = _newton(residual, squares, np.zeros_like(booksum))
    fair = 2.0 * squares / (np.sqrt(z * z + 4.0 * (1.0 - z) * squares) + z)
    return fair / fair.sum(axis=0), z


def _shin_two(implied: Floats, booksum: Floats) -> Floats:
    """Return z of a market with two selections in closed form (Jullien & Salanié 1994)."""
    difference = np.square(implied[0] - implied[1])
    return (booksum - 1.0) * (difference - booksum) / (booksum * (difference - 1.0))


def _odds_ratio(implied: Floats, booksum: Floats) -> tuple[Floats, Floats]:
    """Find c with ``Σ π / (c + π - cπ) = 1``: every fair odds ratio is c times the book's.

    The sum is convex and falls in c, so Newton from c = 1 never overshoots.
    """

    def residual(c: Floats, implied: Floats) -> tuple[Floats, Floats]:
        below = c + implied - c * implied
        shares = implied / below
        return shares.sum(axis=0) - 1.0, -(shares * (1.0 - implied) / below).sum(axis=0)

    c = _newton(residual, implied, np.ones_like(booksum))
    fair = implied / (c + implied - c * implied)
    return fair / fair.sum(axis=0), c


def _newton(residual: Residual, columns: Floats, start: Floats) -> Floats:
    """Solve every column's equation; the few slow ones go on alone.

    A column that is solved stays as it is: what it comes to must not depend on its neighbours.
    """
    solution = start.copy()
    left = np.arange(start.size)
    unknown, going = start, np.ones(start.size, dtype=bool)
    for _ in range(_STEPS):
        value, slope = residual(unknown, columns)
        step = np.where(going, value / slope, 0.0)
        unknown = unknown - step
        going = np.abs(step) > _CLOSE_ENOUGH * np.maximum(1.0, np.abs(unknown))
        n_going = int(np.count_nonzero(going))
        if n_going == 0:
            break
        if n_going < 0.5 * left.size:
            solution[left] = unknown
            left, unknown, columns = left[going], unknown[going], columns[:, going]
            going = np.ones(left.size, dtype=bool)
    solution[left] = unknown
    return solution


#: By name.  The logarithmic method equals the odds ratio; the differential margin with weights
#: in proportion to the odds equals the additive one.
METHODS: dict[str, Callable[[Any, Any], tuple[Floats, Floats]]] = {
    "multiplicative": _multiplicative,
    "additive": _additive,
    "power": _power,
    "shin": _shin,
    "odds_ratio": _odds_ratio,
    "logarithmic": _odds_ratio,
    "differential_margin": _additive,
}
