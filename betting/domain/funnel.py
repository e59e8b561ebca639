"""Why there were no bets, or so few: where candidates stopped, and which came nearest.

Pure: counts and chains in, an account out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from betting.domain import selecting

#: Reasons that the stake gave: a candidate that ends at one of them had passed every filter.
OF_THE_STAKE = frozenset(
    selecting.REASONS[
        selecting.REASONS.index(selecting.OTHER_SELECTION_BETTER) + 1 : selecting.REASONS.index(
            selecting.VALUE
        )
    ]
)
_SCALES = (selecting.PHASE, selecting.ALLOCATION, selecting.CORRELATED, selecting.DRAWDOWN)


@dataclass(frozen=True, slots=True)
class Step:
    """How many candidates ended at a reason; ``left`` is how many went further.

    ``failed`` counts all that this filter would have stopped, wherever they ended, and ``alone``
    those that nothing else stopped.
    """

    reason: str
    count: int
    left: int
    failed: int
    alone: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted of an interval's decisions, by reason, refusal and state of the bet."""

    ended: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    alone: Mapping[str, int] = field(default_factory=dict)
    refusals: Mapping[str, int] = field(default_factory=dict)
    placed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Funnel:
    """The way of all candidates: through the filters, to the stake, to a bet, to the venue."""

    candidates: int
    staked: int  # reached the stake
    bets: int  # decided to bet
    sent: int  # of them there is a bet, whatever became of it
    waiting: int  # neither sent nor refused
    steps: tuple[Step, ...]
    refusals: Mapping[str, int]
    placed: Mapping[str, int]


def build(tally: Tally) -> Funnel:
    """Put counts in the order in which the questions are asked.

    >>> found = build(Tally(
    ...     ended={"EDGE_TOO_SMALL": 5, "VALUE": 2, "DAY_LIMIT": 1},
    ...     failed={"EDGE_TOO_SMALL": 6}, alone={"EDGE_TOO_SMALL": 4},
    ...     refusals={"PRICE_STALE": 1}, placed={"ACCEPTED": 1}))
    >>> found.candidates, found.staked, found.bets, found.sent, found.waiting
    (8, 3, 2, 1, 0)
    >>> found.steps[0]
    Step(reason='EDGE_TOO_SMALL', count=5, left=3, failed=6, alone=4)
    """
    places = {reason: place for place, reason in enumerate(selecting.REASONS)}
    candidates = left = sum(tally.ended.values())
    steps = []
    reasons = {*tally.ended, *tally.failed} - {selecting.VALUE}
    for reason in sorted(reasons, key=lambda code: (places.get(code, len(places)), code)):
        count = tally.ended.get(reason, 0)
        left -= count
        failed = max(tally.failed.get(reason, 0), count)
        steps.append(Step(reason, count, left, failed, tally.alone.get(reason, 0)))
    sent = sum(tally.placed.values())
    return Funnel(
        candidates=candidates,
        staked=left + sum(tally.ended.get(reason, 0) for reason in OF_THE_STAKE),
        bets=left,
        sent=sent,
        waiting=max(0, left - sent - sum(tally.refusals.values())),
        steps=tuple(steps),
        refusals=tally.refusals,
        placed=tally.placed,
    )


def miss(*, failed: Sequence[str], filters: Mapping[str, Sequence[float]]) -> float | None:
    """Return how far the one filter that failed was missed, as a share of its bound.

    None where none failed, or more than one, or one that has no bound.  A bound of 0 gives the
    distance itself.

    >>> miss(failed=["EDGE_TOO_SMALL"], filters={"EDGE_TOO_SMALL": [0.015, 0.02]})
    0.25
    >>> miss(failed=["PRICE_OUT_OF_RANGE"], filters={"PRICE_OUT_OF_RANGE": [5.5, 1.3, 5.0]})
    0.1
    >>> miss(failed=["HALTED"], filters={}) is None
    True
    """
    if len(failed) != 1 or failed[0] not in filters:
        return None
    value, *bounds = filters[failed[0]]
    bound = _nearest(value, bounds)
    return round(abs(value - bound) / (abs(bound) or 1.0), 6)


def _nearest(value: float, bounds: Sequence[float]) -> float:
    return min(bounds, key=lambda bound: abs(value - bound))


def needed(
    *,
    reason: str,
    values: Sequence[float],
    probability: float,
    refund: float = 0.0,
    is_net: bool = False,
) -> str:
    """Say what would have had to be different for the one filter that failed to let it pass.

    ``probability`` is that of winning where the stake is not refunded, ``refund`` the share that
    is; ``is_net``: commission was taken off the price.

    >>> needed(reason="EDGE_TOO_SMALL", values=[0.012, 0.02], probability=0.46)
    'an edge of 2.00 % instead of 1.20 %: a price of 2.217 instead of 2.200'
    >>> needed(reason="PRICE_STALE", values=[640, 600], probability=0.5)
    'a price confirmed within 600 s; it was 640 s old'
    >>> needed(reason="DAY_LIMIT", values=[0.4, 1.0], probability=0.5)
    'room for a stake of 1.00; 0.40 was left'
    >>> needed(reason="EDGE_TOO_SMALL", values=[0.0075, 0.02], probability=0.5, refund=0.25)
    'an edge of 2.00 % instead of 0.75 %: a price of 2.053 instead of 2.020'
    """
    value, *bounds = values
    bound = _nearest(value, bounds)
    if reason in OF_THE_STAKE:
        room = "" if reason in _SCALES else "room for "
        return f"{room}a stake of {bound:.2f}; {value:.2f} was left"
    if reason in (selecting.EDGE_TOO_SMALL, selecting.EDGE_ABSURD):
        wanted, had = ((1.0 + edge / (1.0 - refund)) / probability for edge in (bound, value))
        return (
            f"an edge of {bound:.2%} instead of {value:.2%}:"
            f" a price of {wanted:.3f} instead of {had:.3f}{' after commission' if is_net else ''}"
        ).replace("%", " %")
    texts = {
        selecting.LIQUIDITY_TOO_LOW: f"{bound:.2f} on offer at that price; there were {value:.2f}",
        selecting.NOT_TIRED: f"a rest of {bound:g} days at most; it was {value:g}",
        selecting.NOT_RESTED_ENOUGH: f"a rest of {bound:g} days; it was {value:g}",
        selecting.OUTSIDE_WINDOW: f"{bound:g} hours to the start; there were {value:.2f}",
        selecting.PRICE_STALE: f"a price confirmed within {bound:.0f} s; it was {value:.0f} s old",
        selecting.OVERROUND_TOO_HIGH: f"a margin of {bound:.4f} at most; it was {value:.4f}",
        selecting.PRICE_OUT_OF_RANGE: f"a price of {bound:.3f}; it was {value:.3f}",
        selecting.PROBABILITY_TOO_LOW: f"a probability of {bound:.4f}; it was {value:.4f}",
        selecting.OTHER_SELECTION_BETTER: (
            f"an edge above {bound:.4f}, that of another selection; it was {value:.4f}"
        ),
    }
    return texts.get(reason, f"{bound:g}; it was {value:g}")
