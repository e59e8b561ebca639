"""What it costs to turn a decision into a bet: whether it is filled, when, and at which price.

One model for paper bets and for replays.  A venue takes ``depth`` at once, where the price still
holds after the delay; the rest waits behind ``queue`` while money of the others is matched at the
price.  How much is by a time ``t`` is exponential with mean ``flow`` x ``t``, so a rest ``r`` is
filled by then with probability exp(-(queue + r) / (flow t)).  Nothing is drawn by chance: the
draws of a ticket are a hash of its own words and a seed, the same whenever it is asked.

Source: the queue models of limit order books (Cont, Stoikov and Talreja 2010), with one queue and
no cancellations before us, which makes fills later and never sooner.
"""

import hashlib
import math
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from statistics import NormalDist

NOTHING = Decimal("0.00")
_CENT, _THOUSANDTH = Decimal("0.01"), Decimal("0.001")
_NORMAL = NormalDist()
_UNIT = 2.0**64


@dataclass(frozen=True, slots=True)
class Costs:
    """What a book does to a bet; money in the bankroll's currency, times in seconds.

    Attributes:
        latency: mean of what an answer takes; exponential.
        delay: what the book waits with every bet.
        rejection: the share of bets that it turns down whatever their price.
        slippage: how much of price - 1 is lost on the way, in the mean; ``spread``: its
            standard deviation.
        depth: what it takes at once at its price.
        queue: what stands before us for the rest; ``flow``: what is matched there in a second.
        patience: how long the rest waits; 0: it does not.
        commission: of what is won.
    """

    latency: float = 0.0
    delay: float = 0.0
    rejection: float = 0.0
    slippage: float = 0.0
    spread: float = 0.0
    depth: Decimal = Decimal(10_000)
    queue: Decimal = NOTHING
    flow: float = 0.0
    patience: float = 0.0
    commission: float = 0.0


@dataclass(frozen=True, slots=True)
class Draws:
    """What is left to chance of one ticket, each in (0, 1)."""

    latency: float
    refusal: float
    price: float
    flow: float


def draws(*, seed: int, words: str) -> Draws:
    """Return the draws of a ticket: the same for the same seed and words.

    >>> draws(seed=1, words="a") == draws(seed=1, words="a") != draws(seed=2, words="a")
    True
    """
    told = hashlib.sha256(f"{seed}\n{words}".encode()).digest()
    parts = (int.from_bytes(told[at : at + 8], "big") for at in range(0, 32, 8))
    return Draws(*((part + 0.5) / (_UNIT + 1.0) for part in parts))


def delay_seconds(*, costs: Costs, drawn: Draws) -> float:
    """Return after how many seconds the bet meets the market.

    >>> round(delay_seconds(costs=Costs(latency=2.0, delay=5.0), drawn=Draws(.5, .5, .5, .5)), 3)
    6.386
    """
    return costs.delay - costs.latency * math.log1p(-drawn.latency)


def price_met(*, costs: Costs, drawn: Draws, shown: Decimal, is_lay: bool) -> Decimal:
    """Return the price that is left when the bet arrives, of the one shown then.

    >>> slips = Costs(slippage=0.02)
    >>> price_met(costs=slips, drawn=Draws(.5, .5, .5, .5), shown=Decimal("3.00"), is_lay=False)
    Decimal('2.960')
    """
    lost = costs.slippage + costs.spread * _NORMAL.inv_cdf(drawn.price)
    moved = (shown - 1) * Decimal(repr(lost))
    met = shown + moved if is_lay else shown - moved
    return max(met.quantize(_THOUSANDTH), 1 + _THOUSANDTH)


@dataclass(frozen=True, slots=True)
class Fill:
    """What an order met: so much at once, and a rest that waits behind others."""

    stake: Decimal
    at_once: Decimal
    price: Decimal  # of what was taken at once
    asked: Decimal  # of what waits
    ahead: float = 0.0
    per_second: float = 0.0
    patience: float = 0.0

    def matched(self, seconds: float) -> Decimal:
        """Return how much is matched so many seconds after it arrived, in whole cents.

        >>> fill = Fill(Decimal(100), Decimal(40), Decimal(2), Decimal(2), 30.0, 2.0, 60.0)
        >>> [str(fill.matched(at)) for at in (0, 15, 25, 45, 999)]
        ['40.00', '40.00', '60.00', '100.00', '100.00']
        """
        behind = self.per_second * max(0.0, min(seconds, self.patience)) - self.ahead
        more = Decimal(repr(max(0.0, behind))).quantize(_CENT, rounding=ROUND_FLOOR)
        return (self.at_once + min(more, self.stake - self.at_once)).quantize(_CENT)

    def waits(self, seconds: float) -> bool:
        """Tell whether more of it may be matched after so many seconds."""
        return seconds < self.patience and self.matched(seconds) < self.stake

    def average(self, matched: Decimal) -> Decimal | None:
        """Return the average price of what is matched; None of nothing."""
        if not matched:
            return None
        worth = self.at_once * self.price + (matched - self.at_once) * self.asked
        return (worth / matched).quantize(_THOUSANDTH)


def arrive(
    *, costs: Costs, drawn: Draws, stake: Decimal, asked: Decimal, shown: Decimal, is_lay: bool
) -> Fill | None:
    """Return what an order meets when it arrives; None where it is turned down.

    Where the price shown is gone by then nothing is taken at once, and only what may wait is
    not turned down.
    """
    if drawn.refusal < costs.rejection:
        return None
    met = price_met(costs=costs, drawn=drawn, shown=shown, is_lay=is_lay)
    holds = met <= asked if is_lay else met >= asked
    if not holds and costs.patience <= 0:
        return None
    at_once = min(stake, costs.depth) if holds else NOTHING
    per_second = -costs.flow * math.log(drawn.flow)
    return Fill(
        stake, at_once.quantize(_CENT), met, asked, float(costs.queue), per_second, costs.patience
    )


def chance_of_price(costs: Costs) -> float:
    """Return how probable it is that the price shown holds until the bet arrives.

    >>> chance_of_price(Costs()), chance_of_price(Costs(spread=0.01))
    (1.0, 0.5)
    """
    if costs.spread <= 0:
        return 1.0 if costs.slippage <= 0 else 0.0
    return _NORMAL.cdf(-costs.slippage / costs.spread)


def fill_probability(*, costs: Costs, stake: Decimal, seconds: float) -> float:
    """Return how probable it is that a bet is filled whole so many seconds after it arrived.

    >>> model = Costs(depth=Decimal(100), queue=Decimal(50), flow=10.0, patience=60.0)
    >>> [round(fill_probability(costs=model, stake=Decimal(s), seconds=30), 3) for s in (100, 200)]
    [1.0, 0.607]
    """
    holds = chance_of_price(costs)
    sooner = _through(costs, max(float(stake - costs.depth), 0.0), seconds)
    later = _through(costs, float(stake), seconds)
    at_once = 1.0 if stake <= costs.depth else sooner
    return (1.0 - costs.rejection) * (holds * at_once + (1.0 - holds) * later)


def expected_share(*, costs: Costs, stake: Decimal, seconds: float) -> float:
    """Return the share of a stake that is matched, in the mean, so many seconds after arrival.

    >>> model = Costs(depth=Decimal(100), queue=Decimal(50), flow=10.0, patience=60.0)
    >>> round(expected_share(costs=model, stake=Decimal(200), seconds=30), 3)
    0.86
    """
    whole, holds = float(stake), chance_of_price(costs)
    first = min(float(costs.depth), whole)
    sooner = first + _behind(costs, whole - first, seconds)
    mean = holds * sooner + (1.0 - holds) * _behind(costs, whole, seconds)
    return (1.0 - costs.rejection) * mean / whole


def _mean_flow(costs: Costs, seconds: float) -> float:
    return costs.flow * max(0.0, min(seconds, costs.patience))


def _through(costs: Costs, rest: float, seconds: float) -> float:
    """Return P(what is matched there passes the queue and a rest)."""
    mean = _mean_flow(costs, seconds)
    return math.exp(-(float(costs.queue) + rest) / mean) if mean > 0 else 0.0


def _behind(costs: Costs, rest: float, seconds: float) -> float:
    """Return the mean of what is matched of a rest behind the queue.

    E min(r, max(0, V - q)) = m (exp(-q / m) - exp(-(q + r) / m)) for V exponential of mean m.
    """
    mean = _mean_flow(costs, seconds)
    if mean <= 0:
        return 0.0
    return mean * (_through(costs, 0.0, seconds) - _through(costs, rest, seconds))
