"""What a version must pass before it may serve: each gate a rule over figures, nothing else.

A plain threshold on a small sample fires on noise: a perfect model's slope lies within 1 ± .05 on
272 games 22 % of the time only.  So a gate refuses where the interval excludes what is healthy;
``Policy.wants_significance`` off takes the figure itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike

SUM_TOLERANCE = 1e-9
COVERAGE = 0.99
MEAN_GAP = 0.05
WORSE_AT = 0.05  # shared among the candidates tried against one champion
Z_95 = 1.959963984540054

Figure = float | int | str | None


class State(StrEnum):
    PASSED = "PASSED"
    FAILED = "FAILED"
    NOT_ENOUGH = "NOT_ENOUGH"  # too few events to say; shown to those who approve, blocks nothing
    SIGNED = "SIGNED"  # too good to be true, and a person signed why


@dataclass(frozen=True, slots=True)
class Gate:
    name: str
    state: State
    text: str
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class Policy:
    slope_tolerance: float = 0.05
    minimum_test_rows: int = 200
    minimum_challenger_bets: int = 100
    too_good_sigma: float = 3.0
    wants_significance: bool = True
    expires_after: timedelta | None = timedelta(days=62)


class Paired(NamedTuple):
    """Losses of the candidate less another's on the same events, with the 95 % interval."""

    n: int
    mean: float
    low: float
    high: float

    @property
    def sigma(self) -> float:
        return (self.high - self.low) / (2.0 * Z_95)


class Clv(NamedTuple):
    """Mean closing-line value of the bets a version led to, with its 95 % interval."""

    n: int
    mean: float
    low: float
    high: float


def sound(problem: str | None) -> Gate:
    """Pass where file, hash, golden rows, features and kind are readable.

    >>> sound("golden rows come out otherwise").state.value, sound(None).state.value
    ('FAILED', 'PASSED')
    """
    text = problem or "the artefact is whole and foretells what it foretold when it was trained"
    return _gate("sound", problem is not None, text)


def enough(*, n: int, policy: Policy) -> Gate:
    """Pass where the test part holds enough rows (of races: races)."""
    least = policy.minimum_test_rows
    text = f"{n} events were tested on, {least} are needed"
    return _gate("enough", n < least, text, n=n, minimum=least)


def brier(*, difference: Paired, baseline: str, policy: Policy) -> Gate:
    """Pass unless the candidate's Brier score is worse than the best baseline's but the market."""
    bound = difference.low if policy.wants_significance else difference.mean
    text = f"Brier less that of {baseline}: {_told(difference)}; {_must(policy, 'below 0')}"
    return _gate("brier", bound > 0.0, text, baseline=baseline, **_figures(difference))


def slope(*, slope: float | None, low: float | None, high: float | None, policy: Policy) -> Gate:
    """Pass unless the reliability slope lies outside 1 ± tolerance, its whole interval with it."""
    tolerance = policy.slope_tolerance
    figures: dict[str, Figure] = {"slope": slope, "low": low, "high": high, "tolerance": tolerance}
    if slope is None or low is None or high is None:
        return _gate("slope", True, "no line could be drawn through the reliability", **figures)
    least, most = 1.0 - tolerance, 1.0 + tolerance
    if policy.wants_significance:
        is_outside = high < least or low > most
    else:
        is_outside = not least <= slope <= most
    text = (
        f"slope {slope:.3f} [{low:.3f}, {high:.3f}]; "
        f"{_must(policy, f'within {least:.2f} to {most:.2f}')}"
    )
    return _gate("slope", is_outside, text, **figures)


def smoke(
    *,
    probabilities: ArrayLike,
    groups: ArrayLike,
    expected_sums: ArrayLike,
    coverage: float,
    mean_gap: float | None,
    n: int,
) -> Gate:
    """Pass where a past week's predictions are what predictions must be.

    ``probabilities`` and ``groups`` are (rows,), a group being an event's selections;
    ``expected_sums`` is what each group sums to, one for all or one per group in order of number;
    ``coverage`` the share of the week's events with features that were foretold; ``mean_gap``
    the mean difference to the version that serves, None where none does; ``n`` events.
    """
    p, group = np.asarray(probabilities, dtype=float), np.asarray(groups)
    figures: dict[str, Figure] = {"n": n, "coverage": coverage, "mean_gap": mean_gap}
    problem = _smoke_problem(p, group, expected_sums, coverage, mean_gap, n)
    return _gate("smoke", problem is not None, problem or f"{n} past events foretold", **figures)


def _smoke_problem(
    p: np.ndarray,
    group: np.ndarray,
    sums: ArrayLike,
    coverage: float,
    mean_gap: float | None,
    n: int,
) -> str | None:
    if n == 0 or len(p) == 0:
        return "no event of the week could be foretold"
    wrong = int((~(np.isfinite(p) & (p > 0.0) & (p < 1.0))).sum())
    if wrong:
        return f"{wrong} of {len(p)} probabilities do not lie between 0 and 1"
    _, place = np.unique(group, return_inverse=True)
    off = float(np.abs(np.bincount(place, weights=p) - np.asarray(sums, dtype=float)).max())
    if off > SUM_TOLERANCE:
        return f"an event's probabilities miss their sum by {off:.2g}"
    if not coverage >= COVERAGE:
        return f"{coverage:.1%} of the events with features were foretold, {COVERAGE:.0%} must be"
    if mean_gap is not None and not abs(mean_gap) <= MEAN_GAP:
        return f"the mean lies {mean_gap:+.3f} from the serving version's, {MEAN_GAP} is allowed"
    return None


def too_good(*, difference: Paired | None, policy: Policy) -> Gate:
    """Pass unless log loss beats the margin-free close by more than chance explains.

    Nobody beats the close by that much; whoever does has seen the result.  A person may sign a
    reason: ``signed``.
    """
    if difference is None:
        return Gate("too good", State.PASSED, "no close is known to hold it against", {})
    limit = -policy.too_good_sigma * difference.sigma
    text = f"log loss less the close's: {_told(difference)}; must not lie below {limit:+.4f}"
    figures = {"limit": limit, "sigma": difference.sigma, **_figures(difference)}
    return _gate("too good", difference.mean < limit, text, **figures)


def challenger(
    *, difference: Paired | None, tried: int, policy: Policy, clv: tuple[Clv, Clv] | None
) -> Gate:
    """Pass unless the candidate is worse than what serves, on events neither has learned.

    ``difference`` is in log loss; ``tried`` counts the candidates proposed since the champion
    began, among whom the chance of a false verdict is shared; ``clv`` is (candidate's, champion's).
    """
    figures: dict[str, Figure] = {"tried": tried}
    if clv is not None and clv[0].high < clv[1].low:
        text = f"its closing-line value of {clv[0].mean:+.2%} lies below {clv[1].mean:+.2%}"
        return _gate("challenger", True, text, clv=clv[0].mean, champion_clv=clv[1].mean, **figures)
    least = policy.minimum_challenger_bets
    if difference is None or difference.n < least:
        n = difference.n if difference else 0
        text = f"{n} common events unseen by both, {least} are needed to compare"
        return Gate("challenger", State.NOT_ENOUGH, text, {**figures, "n": n, "minimum": least})
    level = WORSE_AT / max(1, tried)
    p = _p_of_worse(difference)
    is_worse = p < level if policy.wants_significance else difference.mean > 0.0
    text = (
        f"log loss less the champion's: {_told(difference)}; p of worse {p:.3g}, level {level:.3g}"
    )
    return _gate("challenger", is_worse, text, p=p, level=level, **_figures(difference), **figures)


def fresh(*, trained_until: datetime, now: datetime, policy: Policy) -> Gate:
    """Pass while what the version learned from is not too old."""
    age, limit = now - trained_until, policy.expires_after
    if limit is None:
        return _gate("fresh", False, f"learned {age.days} days ago; nothing expires", days=age.days)
    text = f"learned {age.days} days ago, {limit.days} are allowed"
    return _gate("fresh", age > limit, text, days=age.days, limit=limit.days)


def signed(gate: Gate, reason: str) -> Gate:
    """Return a failed gate as signed by a person, with the reason.

    Raises:
        ValueError: the gate is not one that may be signed, or did not fail, or no reason is given.
    """
    if gate.name != "too good" or gate.state != State.FAILED or not reason.strip():
        raise ValueError(f"{gate.name} ({gate.state}) cannot be signed away")
    return Gate(gate.name, State.SIGNED, f"{gate.text}; signed: {reason}", gate.figures)


def refusals(gates: Sequence[Gate], *, signed: bool) -> list[str]:
    """Return what blocks a promotion; none: it may go on.

    >>> refusals([sound(None), sound("the file is gone")], signed=False)
    ['sound: the file is gone']
    """
    return [
        f"{gate.name}: {gate.text}"
        for gate in gates
        if gate.state == State.FAILED and not (signed and gate.name == "too good")
    ]


def _p_of_worse(difference: Paired) -> float:
    """Return the one-sided p value that the candidate is no worse than the other."""
    if difference.sigma <= 0.0:
        return 0.0 if difference.mean > 0.0 else 1.0
    return float(scipy.stats.norm.sf(difference.mean / difference.sigma))


def _gate(name: str, is_failed: bool, text: str, **figures: Figure) -> Gate:
    return Gate(name, State.FAILED if is_failed else State.PASSED, text, figures)


def _figures(d: Paired) -> dict[str, Figure]:
    return {"n": d.n, "mean": d.mean, "low": d.low, "high": d.high}


def _told(d: Paired) -> str:
    return f"{d.mean:+z.4f} [{d.low:+z.4f}, {d.high:+z.4f}] on {d.n}"


def _must(policy: Policy, where: str) -> str:
    return f"the interval must reach {where}" if policy.wants_significance else f"must lie {where}"
