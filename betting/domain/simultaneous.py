"""Kelly for bets that run at the same time: how much on each when all of them are open at once.

Staking each by itself is too much together: what one loses, the others no longer have.  The
shares f maximise ``E ln(1 + sum f_i r_i)`` over independent events, with the sum of what can be
lost no more than a cap.

A hundred events have 2^100 outcomes, so none is listed.  With ``1/W = int_0^inf exp(-t W) dt``
(and ``ln W`` by Frullani's integral) the expectation over independent events becomes a product:

    E[r_i / W] = int exp(-t) E[r_i exp(-t f_i r_i)] prod_{j != i} E[exp(-t f_j r_j)] dt

one integral however many events there are.  In u = ln t the integrand is analytic and falls off
at both ends, where the trapezoid rule converges exponentially: with the nodes below, growth is
right to 1e-11.  Newton's steps under a logarithmic barrier then reach shares whose growth is
within ``Plan.shortfall`` of the best: (selections + 1) times the last weight of the barrier.

Sources: Thorp, "The Kelly Criterion in Blackjack, Sports Betting and the Stock Market" (2006);
Whitrow, "Algorithms for optimal allocation of bets on many simultaneous events" (2007); Boyd &
Vandenberghe, "Convex Optimization" (2004), 11.2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from betting.domain.payoffs import Payoffs

_STEP = 0.3
_T = np.exp(np.arange(-28.0, 24.0, _STEP))  # (n_nodes,)
_WEIGHTS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10)
_MOST_STEPS = 40  # of Newton, for each weight of the barrier
_ENOUGH = 1e-13  # growth that a step would still add
_DUST = 1e-7  # shares below it are what the barrier leaves of 0


@dataclass(frozen=True, slots=True)
class Together:
    """One event: net per unit staked (n_outcomes, n_selections), and how probable each outcome."""

    payoffs: NDArray
    probability: NDArray


@dataclass(frozen=True, slots=True)
class Plan:
    """Shares of the money per event and selection, the growth they bring, and what it may lack."""

    shares: tuple[tuple[float, ...], ...]
    growth: float
    shortfall: float


def single(payoffs: Payoffs) -> Together:
    """Return the event of one bet."""
    return Together(np.array([payoffs.net]).T, np.array(payoffs.probability))


def exclusive(probability: Sequence[float], net_odds: Sequence[float]) -> Together:
    """Return the event of several backed selections, of which one wins at most.

    >>> exclusive([0.5, 0.3], [1.2, 3.0]).payoffs.tolist()
    [[1.2, -1.0], [-1.0, 3.0], [-1.0, -1.0]]
    """
    n = len(probability)
    payoffs = np.full((n + 1, n), -1.0)
    payoffs[np.arange(n), np.arange(n)] = net_odds
    return Together(payoffs, np.append(probability, max(0.0, 1.0 - float(np.sum(probability)))))


def shares(*, events: Sequence[Together], cap: float = 1.0) -> Plan:
    """Return the shares that let money grow fastest, their outlay together within the cap.

    Four independent bets that win .60 at 2.0, then eight of them:

    >>> of = lambda n: [single(Payoffs((1.0, -1.0), (0.6, 0.4)))] * n
    >>> [round(shares(events=of(n)).shares[0][0], 3) for n in (1, 4, 8)]
    [0.2, 0.175, 0.124]

    Raises:
        ValueError: a cap outside [0, 1], probabilities that do not sum to one, or a selection
            that cannot lose.
    """
    if not 0.0 <= cap <= 1.0:
        raise ValueError(f"the cap {cap} is no share")
    for event in events:
        _check(event)
    worth = [_worth(event) for event in events]
    kept = [index for index, mask in enumerate(worth) if mask.any()]
    found = [np.zeros(event.payoffs.shape[1]) for event in events]
    if not kept or cap <= _DUST:
        return Plan(tuple(tuple(each.tolist()) for each in found), 0.0, 0.0)
    problem = _Problem([events[index] for index in kept], [worth[index] for index in kept])
    best, shortfall = problem.solve(cap)
    best = np.where(best < _DUST, 0.0, best)
    for index, part in zip(kept, np.split(best, problem.ends[:-1]), strict=True):
        found[index][worth[index]] = part
    return Plan(
        tuple(tuple(float(share) for share in each) for each in found),
        problem.growth(best),
        shortfall,
    )


def _check(event: Together) -> None:
    if abs(float(event.probability.sum()) - 1.0) > 1e-6 or (event.probability < 0.0).any():
        raise ValueError("the probabilities of an event's outcomes must sum to one")
    if not np.isfinite(event.payoffs).all() or (event.payoffs.min(axis=0) >= 0.0).any():
        raise ValueError("each selection must be able to lose, and by a finite amount")


def _worth(event: Together) -> NDArray:
    """Tell which selections may deserve a stake: alone in its event, one with an edge."""
    edge = event.probability @ event.payoffs
    return edge > 0.0 if (edge > 0.0).sum() == 0 or len(edge) == 1 else np.full(len(edge), True)


class _Problem:
    """The selections of all events as one vector; padded arrays (n_events, n_outcomes, …)."""

    def __init__(self, events: Sequence[Together], worth: Sequence[NDArray]) -> None:
        payoffs = [event.payoffs[:, mask] for event, mask in zip(events, worth, strict=True)]
        most = [max(each.shape[axis] for each in payoffs) for axis in (0, 1)]
        self.r = np.zeros((len(events), *most))
        self.log_p = np.full((len(events), most[0]), -np.inf)
        self.is_real = np.zeros((len(events), most[1]), dtype=bool)
        for n, (event, each) in enumerate(zip(events, payoffs, strict=True)):
            outcomes, selections = each.shape
            self.r[n, :outcomes, :selections] = each
            with np.errstate(divide="ignore"):
                self.log_p[n, :outcomes] = np.log(event.probability)
            self.is_real[n, :selections] = True
        self.event_of = np.nonzero(self.is_real)[0]
        self.ends = np.cumsum(self.is_real.sum(axis=1))
        self.outlay = -self.r.min(axis=1)[self.is_real]  # per unit staked

    def solve(self, cap: float) -> tuple[NDArray, float]:
        n = len(self.outlay)
        f = cap / (2.0 * n * self.outlay)
        for weight in _WEIGHTS:
            f = self._centre(f, cap=cap, weight=weight)
        return f, (n + 1) * _WEIGHTS[-1]

    def growth(self, f: NDArray) -> float:
        """Return ``E ln W`` per round."""
        return float(_STEP * (np.exp(-_T) - np.exp(self._tilted(f)[0])).sum())

    def _tilted(self, f: NDArray) -> tuple[NDArray, NDArray]:
        """Return ln(E exp(-t W)) by node, and the outcomes' weights under exp(-t f r)."""
        stakes = np.zeros(self.is_real.shape)
        stakes[self.is_real] = f
        won = np.einsum("eos,es->eo", self.r, stakes)
        exponent = self.log_p - _T[:, None, None] * won  # (n_nodes, n_events, n_outcomes)
        top = exponent.max(axis=2, keepdims=True)
        raw = np.exp(exponent - top)
        total = raw.sum(axis=2, keepdims=True)
        log_mean = (top + np.log(total))[:, :, 0].sum(axis=1) - _T
        return np.minimum(log_mean, 0.0), raw / total

    def _slopes(self, f: NDArray) -> tuple[NDArray, NDArray]:
        """Return the gradient and the Hessian of growth."""
        log_mean, tilted = self._tilted(f)
        density = _STEP * _T * np.exp(log_mean)
        mean = np.einsum("teo,eos->tes", tilted, self.r)[:, self.is_real]
        curved = mean * np.sqrt(density * _T)[:, None]
        hessian = -(curved.T @ curved)
        own = np.einsum("t,teo,eos,eoz->esz", density * _T, tilted, self.r, self.r, optimize=True)
        start = 0
        for event, end in enumerate(self.ends):
            mine = self.is_real[event]
            hessian[start:end, start:end] = -own[event][np.ix_(mine, mine)]
            start = end
        return density @ mean, hessian

    def _centre(self, f: NDArray, *, cap: float, weight: float) -> NDArray:
        """Return the point of greatest growth plus barrier, by damped Newton steps."""
        for _ in range(_MOST_STEPS):
            slack = cap - float(self.outlay @ f)
            gradient, hessian = self._slopes(f)
            gradient = gradient + weight / f - weight * self.outlay / slack
            hessian = hessian - np.diag(weight / f**2)
            hessian -= weight * np.outer(self.outlay, self.outlay) / slack**2
            step = np.linalg.solve(-hessian, gradient)
            rise = float(gradient @ step)
            if rise < _ENOUGH:
                break
            following = self._along(f, step, cap=cap, weight=weight, rise=rise)
            if following is None:
                break
            f = following
        return f

    def _along(
        self, f: NDArray, step: NDArray, *, cap: float, weight: float, rise: float
    ) -> NDArray | None:
        """Return the first point on the way that rises enough; None where rounding hides it."""
        here, length = self._height(f, cap=cap, weight=weight), 1.0
        for _ in range(30):
            there = f + length * step
            if there.min() > 0.0 and float(self.outlay @ there) < cap:
                height = self._height(there, cap=cap, weight=weight)
                if height >= here + 1e-4 * length * rise:
                    return there
            length /= 2.0
        return None

    def _height(self, f: NDArray, *, cap: float, weight: float) -> float:
        barrier = np.log(f).sum() + np.log(cap - float(self.outlay @ f))
        return self.growth(f) + weight * float(barrier)


def growth_of(*, events: Sequence[Together], stakes: Sequence[ArrayLike]) -> float:
    """Return ``E ln(1 + sum f_i r_i)`` of given shares.

    >>> even = [single(Payoffs((1.0, -1.0), (0.6, 0.4)))]
    >>> round(growth_of(events=even, stakes=[[0.2]]), 6)
    0.020136
    """
    problem = _Problem(events, [np.full(event.payoffs.shape[1], True) for event in events])
    return problem.growth(np.concatenate([np.asarray(each, dtype=float) for each in stakes]))
