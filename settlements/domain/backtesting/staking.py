"""The bankroll from bet to bet, in integers: who is staked how much, and what it became by then.

It says what ``betting.domain.sizing`` says, to which a property test holds it equal; where a
limit asks for more than amounts and counts (sides, competitions, books, several bets at once),
``exact`` is asked instead.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import heappop, heappush
from typing import NamedTuple

from betting.domain import exposure, rules, selecting, sizing
from betting.domain.limits import Bound
from betting.domain.limits import Dimension as D
from settlements.domain.backtesting import money
from settlements.domain.backtesting.history import NEVER
from settlements.domain.backtesting.plans import Plan
from settlements.domain.terms import Terms

_PER_BET = (D.STAKE, D.LIABILITY, D.EVENT, D.MARKET, D.SELECTION)
_OF_OPEN = (D.STRATEGY, D.OPEN)
_OF_DAY = (D.DAY_BETS, D.STRATEGY_BETS)
_COUNTED = (D.OPEN_BETS, *_OF_DAY)
_HANDLED = frozenset({*_PER_BET, *_OF_OPEN, *_COUNTED, D.DAY, D.WEEK, D.FLOOR})
_NO_BOUND = 2**62
Ratio = tuple[int, int]


def handles(plan: Plan) -> bool:
    """Tell whether a plan asks for nothing but amounts and counts."""
    return (
        plan.staking != sizing.SIMULTANEOUS_KELLY
        and not plan.is_correlation_discounted
        and set(plan.limits) <= _HANDLED
    )


class Asked(NamedTuple):
    """What is asked for a stake, in the order of time; all of one length."""

    as_of: Sequence[int]
    day: Sequence[int]
    week: Sequence[int]
    kelly: Sequence[float]
    price: Sequence[int]
    outcome: Sequence[int]  # ``rules.UNKNOWN`` while it is not known
    settles: Sequence[int]
    payer: Sequence[int]  # the book's place in ``terms``


class Staked(NamedTuple):
    """What became of it: minor units, and by place the reason where nothing was staked."""

    stake: list[int]
    profit: list[int]  # net of commission; 0 while it is not known
    commission: dict[int, int]  # by place, where something was taken
    reason: dict[int, str]


class Rooms(NamedTuple):
    """What the limits allow at a balance: minor units."""

    per_bet: int
    day: int
    week: int
    open: int
    floor: int
    drawdown: Ratio


@dataclass(frozen=True, slots=True)
class _Least:
    """The least of several shares of a balance and amounts: of shares, the least one alone."""

    share: Ratio | None = None
    amount: int = _NO_BOUND

    @classmethod
    def of(cls, bounds: Iterable[Bound]) -> "_Least":
        found = list(bounds)
        shares = [money.ratio(one.share) for one in found if one.share is not None]
        amounts = [money.cents(one.amount) for one in found if one.amount is not None]
        return cls(
            share=min(shares, key=lambda share: Fraction(*share), default=None),
            amount=min(amounts, default=_NO_BOUND),
        )

    def at(self, held: int) -> int:
        if self.share is None:
            return self.amount
        return min(money.share_of(held, self.share), self.amount)


@dataclass(frozen=True, slots=True)
class Limits:
    """A plan's limits as whole numbers, by what they bound."""

    plan: Plan
    named: Mapping[D, Sequence[Bound]]
    counts: Mapping[D, int]
    scales: Sequence[tuple[str, Ratio]]
    per_bet: _Least
    day: _Least
    week: _Least
    open: _Least
    floor: tuple[_Least, ...]

    @classmethod
    def of(cls, plan: Plan, *, market_kind: str) -> "Limits":
        found, terms = (
            plan.all_limits(market_kind=market_kind),
            plan.method(market_kind=market_kind).terms,
        )

        def bounds(*dimensions: D, most: float = 1.0) -> list[Bound]:
            own = [Bound(share=most)] if most < 1.0 else []
            return [*own, *(bound for each in dimensions for bound in found.get(each, ()))]

        return cls(
            plan=plan,
            named=found,
            counts={
                each: min(int(b.number) for b in found[each] if b.number is not None)
                for each in _COUNTED
                if each in found
            },
            scales=[(name, money.ratio(factor)) for name, factor in terms.scales],
            per_bet=_Least.of(bounds(*_PER_BET, most=terms.most)),
            day=_Least.of(bounds(D.DAY)),
            week=_Least.of(bounds(D.WEEK)),
            open=_Least.of(bounds(*_OF_OPEN, most=terms.allocation)),
            floor=tuple(_Least.of([bound]) for bound in bounds(D.FLOOR)),
        )

    def least(self, dimension: D, held: int) -> int:
        """Return the least amount that the bounds on one thing allow."""
        return _Least.of(self.named[dimension]).at(held)

    def kept(self, held: int) -> int:
        """Return what is never staked."""
        return max((one.at(held) for one in self.floor), default=0)

    def rooms(self, *, balance: int, peak: int) -> Rooms:
        """Return what is allowed at a balance that stands so far below its best."""
        held = balance if balance > 0 else 0
        per_bet, day, week, opened = (
            least.amount
            if least.share is None
            else min(money.share_of(held, least.share), least.amount)
            for least in (self.per_bet, self.day, self.week, self.open)
        )
        kept = self.kept(held) if self.floor else 0
        return Rooms(per_bet, day, week, opened, kept, self._scale(balance, peak))

    def _scale(self, balance: int, peak: int) -> Ratio:
        if not self.plan.is_drawdown_scaled:
            return 1, 1
        fallen = exposure.drawdown(peak=money.amount(peak), equity=money.amount(balance))
        return money.ratio(exposure.drawdown_scale(fallen))


class _Purse:
    """The money as it stands, and what is open: (paid when, stake, profit), the earliest first."""

    __slots__ = ("balance", "count", "open", "opened", "peak")

    def __init__(self, opening: int) -> None:
        self.balance = self.peak = opening
        self.opened = self.count = 0
        self.open: list[tuple[int, int, int]] = []

    def pay(self, until: int) -> None:
        """Pay what is due by a moment; the best that the money was is taken at each payment."""
        waiting = self.open
        while waiting and waiting[0][0] <= until:
            now = waiting[0][0]
            while waiting and waiting[0][0] == now:
                _, stake, profit = heappop(waiting)
                self.balance += profit
                self.opened -= stake
                self.count -= 1
            self.peak = max(self.peak, self.balance)


def walk(*, asked: Asked, plan: Plan, limits: Limits, terms: Sequence[Terms]) -> Staked:
    """Stake one bet after another on the money as it is by then."""
    pay, wanted = _payer(terms), _wanted(plan, limits.scales)
    purse = _Purse(money.cents(plan.opening))
    step, minimum = money.cents(plan.stake_step), money.cents(plan.min_stake)
    rooms = limits.rooms(balance=purse.balance, peak=purse.peak)
    most_open = limits.counts.get(D.OPEN_BETS, _NO_BOUND)
    most_day = min(limits.counts.get(each, _NO_BOUND) for each in _OF_DAY)
    found, waiting, used = Staked([], [], {}, {}), purse.open, Used()
    for place, (as_of, day, week, kelly, price, outcome, settles, book) in enumerate(
        zip(*asked, strict=True)
    ):
        if waiting and waiting[0][0] <= as_of:
            purse.pay(as_of)
            rooms = limits.rooms(balance=purse.balance, peak=purse.peak)
        if day != used.today:
            used.turn(day, week)
        stake = min(
            wanted(purse.balance, kelly, rooms.drawdown),
            rooms.per_bet,
            rooms.day - used.day,
            rooms.week - used.week,
            rooms.open - purse.opened,
            purse.balance - purse.opened - rooms.floor,
        )
        stake -= stake % step
        profit = 0
        if stake < minimum or purse.count >= most_open or used.bets >= most_day:
            stake = 0
            found.reason[place] = _Why(limits, purse, used).of(kelly, rooms, minimum, step)
        else:
            used.take(stake)
            purse.opened, purse.count = purse.opened + stake, purse.count + 1
            if settles != NEVER:
                profit, commission = pay(stake, price, outcome, book)
                if commission:
                    found.commission[place] = commission
                heappush(waiting, (settles, stake, profit))
        found.stake.append(stake)
        found.profit.append(profit)
    return found


@dataclass(slots=True)
class Used:
    """What was staked in this betting day and week, and how many bets the day has."""

    day: int = 0
    week: int = 0
    bets: int = 0
    today: int = -_NO_BOUND
    this_week: int = -_NO_BOUND

    def turn(self, day: int, week: int) -> None:
        """Begin a betting day, and a week where that is new."""
        self.today, self.day, self.bets = day, 0, 0
        if week != self.this_week:
            self.this_week, self.week = week, 0

    def take(self, stake: int) -> None:
        """Count a bet."""
        self.day, self.week, self.bets = self.day + stake, self.week + stake, self.bets + 1


def _payer(terms: Sequence[Terms]) -> Callable[[int, int, int, int], tuple[int, int]]:
    """Return what pays a bet: stake, price, outcome and whose terms, to profit and commission."""
    usual = [money.is_usual(one) for one in terms]
    factors: dict[tuple[int, int], int] = {}

    def pay(stake: int, price: int, outcome: int, book: int) -> tuple[int, int]:
        if not usual[book]:
            return money.paid(terms=terms[book], stake=stake, price=price, outcome=outcome)
        by = factors.get((price, outcome))
        if by is None:
            by = factors[price, outcome] = money.factor(outcome=outcome, price=price)
        return money.profit(stake, by), 0

    return pay


def _wanted(plan: Plan, named: Sequence[tuple[str, Ratio]]) -> Callable[[int, float, Ratio], int]:
    """Return what the method asks for, scaled, before any limit."""
    fraction, share = money.ratio(plan.kelly_fraction), money.ratio(plan.stake_share or 1.0)
    flat = money.cents(plan.flat_stake) if plan.flat_stake is not None else 0
    scales = tuple(scale for _, scale in named)
    is_kelly, is_flat = plan.staking == sizing.FRACTIONAL_KELLY, plan.staking == sizing.FLAT
    is_scaled, (top, bottom), float_share_of = (
        plan.is_drawdown_scaled, fraction, money.float_share_of,
    )  # fmt: skip

    def kelly_alone(balance: int, kelly: float, drawdown: Ratio) -> int:
        return float_share_of(balance, kelly) * top // bottom if balance > 0 else 0

    def wanted(balance: int, kelly: float, drawdown: Ratio) -> int:
        held = balance if balance > 0 else 0
        if is_kelly:
            found = money.share_of(money.float_share_of(held, kelly), fraction)
        else:
            found = flat if is_flat else money.share_of(held, share)
        for scale in scales:
            found = money.share_of(found, scale)
        return money.share_of(found, drawdown) if is_scaled else found

    is_plain = is_kelly and not scales and not is_scaled
    return kelly_alone if is_plain else wanted


@dataclass(frozen=True, slots=True)
class _Why:
    """Why nothing was staked: the first number on the way that left less than the least stake."""

    limits: Limits
    purse: _Purse
    used: Used

    def of(self, kelly: float, rooms: Rooms, minimum: int, step: int) -> str:
        plan, held = self.limits.plan, max(self.purse.balance, 0)
        bare = plan.model_copy(update={"is_drawdown_scaled": False})
        amount = _wanted(bare, ())(held, kelly, (1, 1))
        scales = list(self.limits.scales)
        if plan.is_drawdown_scaled:
            scales.append((selecting.DRAWDOWN, rooms.drawdown))
        for name, scale in scales:
            left = money.share_of(amount, scale)
            if left < minimum <= amount and amount - amount % step >= minimum:
                return name
            amount = left
        for name, left in self._rooms(held):
            if left < minimum <= amount and amount - amount % step >= minimum:
                return name
            amount = min(amount, max(left, 0))
        return selecting.STAKE_BELOW_MINIMUM

    def _rooms(self, held: int) -> Iterator[tuple[str, int]]:
        """Yield what each rule leaves, in the order in which they are asked."""
        plan, purse, used = self.limits.plan, self.purse, self.used
        yield selecting.STAKE_LIMIT, money.share_of(held, money.ratio(plan.max_stake_share))
        if plan.phase_most < 1.0:
            yield selecting.PHASE_LIMIT, money.share_of(held, money.ratio(plan.phase_most))
        if plan.allocation < 1.0:
            own = money.share_of(held, money.ratio(plan.allocation))
            yield selecting.ALLOCATION_LIMIT, own - purse.opened
        free = purse.balance - purse.opened
        spent = {D.DAY: used.day, D.WEEK: used.week}
        spent |= dict.fromkeys(_OF_OPEN, purse.opened)
        counted = {D.OPEN_BETS: purse.count}
        for rule in rules.RULES:
            on = rule.dimension
            if on is None:
                yield rule.code, free
            elif on in self.limits.counts:
                has_room = counted.get(on, used.bets) < self.limits.counts[on]
                yield rule.code, _NO_BOUND if has_room else 0
            elif on is D.FLOOR and on in self.limits.named:
                yield rule.code, free - self.limits.kept(held)
            elif on in self.limits.named:
                yield rule.code, self.limits.least(on, held) - spent.get(on, 0)
