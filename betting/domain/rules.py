"""The risk engine: one small class for each rule, and the list of all of them.

Pure: amounts in, amounts out.  A rule says how great a stake it still leaves room for.  Sizing
cuts a stake down to that room; placing refuses one beyond it, under the bankroll's lock.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from betting.domain import exposure, staking
from betting.domain.exposure import NOTHING
from betting.domain.limits import Bet, Bound, Limits, Usage
from betting.domain.limits import Dimension as D

_CENT = Decimal("0.01")
BET_UNSOUND = "BET_UNSOUND"
BALANCE_UNKNOWN = "BALANCE_UNKNOWN"
CURRENCY_UNKNOWN = "CURRENCY_UNKNOWN"
PARTICIPANT_UNKNOWN = "PARTICIPANT_UNKNOWN"


class Rule(ABC):
    """One rule: the limit that it reads, the code that it refuses by, and its room."""

    def __init__(self, dimension: D | None, code: str, *, reads: str) -> None:
        self.dimension, self.code, self.reads = dimension, code, reads

    @abstractmethod
    def room(self, *, bet: Bet, usage: Usage, bounds: Sequence[Bound]) -> Decimal | None:
        """Return the greatest stake that it allows, in whole cents; None: any."""

    def forbids(self, *, bet: Bet, usage: Usage, bounds: Sequence[Bound]) -> bool:
        """Tell whether a bet's stake is beyond the room."""
        room = self.room(bet=bet, usage=usage, bounds=bounds)
        return room is not None and bet.position.stake > room

    def in_words(self, *, bet: Bet, usage: Usage, bounds: Sequence[Bound]) -> str:
        """Say what is asked for, what is allowed, and what room that leaves."""
        room = self.room(bet=bet, usage=usage, bounds=bounds)
        left = NOTHING if room is None else max(room, NOTHING)
        found = f"a stake of {bet.position.stake} where there is room for {left}"
        return f"{self.reads}: {found}{self._limit(usage, bounds)}"

    def _limit(self, usage: Usage, bounds: Sequence[Bound]) -> str:
        return f", limit {least(bounds, usage.balance)}"


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that a bet breaks: its code, and its numbers in words."""

    code: str
    numbers: str

    def __str__(self) -> str:
        return f"{self.code}: {self.numbers}"


def least(bounds: Sequence[Bound], balance: Decimal) -> Decimal:
    """Return the least amount that several bounds allow."""
    return min(amount for bound in bounds for amount in bound.amounts(balance))


def greatest(bounds: Sequence[Bound], balance: Decimal) -> Decimal:
    """Return the greatest amount that several bounds name."""
    return max(amount for bound in bounds for amount in bound.amounts(balance))


def _stake_of(money: Decimal, bet: Bet) -> Decimal:
    return (money / bet.unit).quantize(_CENT, rounding=ROUND_FLOOR)


class PerBet(Rule):
    """The stake of one bet, whatever it may lose."""

    def room(self, *, bet: Bet, usage: Usage, bounds: Sequence[Bound]) -> Decimal | None:
        return least(bounds, usage.balance)


class PerBetLiability(Rule):
    """What one bet may lose."""

    def room(self, *, bet: Bet, usage: Usage, bounds: Sequence[Bound]) -> Decimal | None:
        return _stake_of(least(bounds, usage.balance), bet)


class Ceiling(Rule):
    """The greatest price."""

    def room(self, *, bet: Bet, usage: Usage, bounds: Sequence[Bound]) -> Decimal | None:
        return None if bet.position.price <= _number(bounds) else NOTHING

    def in_words(self, *, bet: Bet, usage: Usage, bounds: Sequence[Bound]) -> str:
        """Say which price is asked for, and which is allowed."""
        return f"{self.reads}: {bet.position.price}, limit {_number(bounds)}"


class Exposed(Rule):
    """What can be lost at worst by all bets that share a row with this one, itself included.

    A bet that lowers it passes also where too much stands open already.
    """

    def room(self, *, bet: Bet, usage: Usage, bounds: Sequence[Bound]) -> Decimal | None:
        assert self.dimension is not None
        allowed, rooms = least(bounds, usage.balance), []
        for place in usage.places(self.dimension, bet):
            net = usage.net(self.dimension, place, bet)
            others = usage.exposed.get((self.dimension, place), NOTHING) - net.worst()
            rooms.append(net.room(bet=bet.position, allowed=allowed - others))
        return min(rooms, default=None)

    def forbids(self, *, bet: Bet, usage: Usage, bounds: Sequence[Bound]) -> bool:
        return super().forbids(bet=bet, usage=usage, bounds=bounds) and not self._lowers(bet, usage)

    def _lowers(self, bet: Bet, usage: Usage) -> bool:
        assert self.dimension is not None
        places = usage.places(self.dimension, bet)
        nets = [usage.net(self.dimension, place, bet) for place in places]
        return all(exposure.lowers(standing=net, position=bet.position) for net in nets)


class Staked(Rule):
    """What was staked in a betting day or week, in full."""

    def room(self, *, bet: Bet, usage: Usage, bounds: Sequence[Bound]) -> Decimal | None:
        used = usage.day_total if self.dimension is D.DAY else usage.week_total
        return _stake_of(least(bounds, usage.balance) - used, bet)


class Counted(Rule):
    """How many bets stand open, or were placed in a betting day."""

    def room(self, *, bet: Bet, usage: Usage, bounds: Sequence[Bound]) -> Decimal | None:
        return None if self._used(bet, usage) + 1 <= _number(bounds) else NOTHING

    def in_words(self, *, bet: Bet, usage: Usage, bounds: Sequence[Bound]) -> str:
        """Say how many there are, and how many may be."""
        return f"{self.reads}: {self._used(bet, usage)} already, limit {_number(bounds):.0f}"

    def _used(self, bet: Bet, usage: Usage) -> int:
        match self.dimension:
            case D.OPEN_BETS:
                return usage.open_bets
            case D.DAY_BETS:
                return usage.day_bets
        return usage.day_bets_of.get(bet.strategy_id, 0)


class Floor(Rule):
    """What is left of the balance even if every open bet is lost."""

    def room(self, *, bet: Bet, usage: Usage, bounds: Sequence[Bound]) -> Decimal | None:
        kept = greatest(bounds, usage.balance)
        return _stake_of(usage.balance - usage.open_staked - kept, bet)

    def _limit(self, usage: Usage, bounds: Sequence[Bound]) -> str:
        return f", {greatest(bounds, usage.balance)} is kept"


class Funds(Rule):
    """What the balance still covers."""

    def room(self, *, bet: Bet, usage: Usage, bounds: Sequence[Bound]) -> Decimal | None:
        return _stake_of(usage.balance - usage.open_staked, bet)

    def _limit(self, usage: Usage, bounds: Sequence[Bound]) -> str:
        return ""


def _number(bounds: Sequence[Bound]) -> Decimal:
    return min(bound.number for bound in bounds if bound.number is not None)


RULES: tuple[Rule, ...] = (
    PerBet(D.STAKE, "STAKE_LIMIT", reads="the bet's stake"),
    PerBetLiability(D.LIABILITY, "LIABILITY_LIMIT", reads="what the bet may lose"),
    Ceiling(D.PRICE, "PRICE_LIMIT", reads="the bet's price"),
    Exposed(D.EVENT, "EVENT_LIMIT", reads="open bets on the event"),
    Exposed(D.MARKET, "MARKET_LIMIT", reads="open bets on the market"),
    Exposed(D.SELECTION, "SELECTION_LIMIT", reads="open bets on the selection"),
    Exposed(D.PARTICIPANT, "PARTICIPANT_LIMIT", reads="open bets on all events of a side"),
    Exposed(D.CONFERENCE, "CONFERENCE_LIMIT", reads="open bets on a side's conference"),
    Exposed(D.DIVISION, "DIVISION_LIMIT", reads="open bets on a side's division"),
    Exposed(D.GROUP, "GROUP_LIMIT", reads="open bets on a group that a side is in"),
    Exposed(D.COMPETITION, "COMPETITION_LIMIT", reads="open bets in the competition"),
    Exposed(D.SPORT, "SPORT_LIMIT", reads="open bets in the sport"),
    Exposed(D.BOOK, "BOOK_LIMIT", reads="open bets at the book"),
    Exposed(D.STRATEGY, "STRATEGY_LIMIT", reads="open bets of the strategy"),
    Staked(D.DAY, "DAY_LIMIT", reads="what was staked in the betting day"),
    Staked(D.WEEK, "WEEK_LIMIT", reads="what was staked in the betting week"),
    Exposed(D.OPEN, "OPEN_LIMIT", reads="all open bets"),
    Counted(D.OPEN_BETS, "OPEN_BETS_LIMIT", reads="how many bets are open"),
    Counted(D.DAY_BETS, "DAY_BETS_LIMIT", reads="how many bets the day has"),
    Counted(D.STRATEGY_BETS, "STRATEGY_BETS_LIMIT", reads="how many the strategy has today"),
    Floor(D.FLOOR, "FLOOR_LIMIT", reads="balance and open stakes"),
    Funds(None, "NO_FUNDS", reads="balance and open stakes"),
)
"""Every rule, in the order they are asked."""
UNREADABLE = {
    BET_UNSOUND: "its stake or price is no number above 0 and 1",
    BALANCE_UNKNOWN: "the balance is no number",
    CURRENCY_UNKNOWN: "the bankroll's currency is none",
    PARTICIPANT_UNKNOWN: "nobody knows who takes part, and there is a limit on a side",
}
CODES = (*UNREADABLE, *(rule.code for rule in RULES))


def rooms(*, usage: Usage, limits: Limits, bet: Bet) -> list[staking.Cut]:
    """Return what each rule still allows to stake, by the code of its refusal.

    Nothing is allowed where it cannot be told what stands.
    """
    if code := unreadable(usage=usage, limits=limits, bet=bet):
        return [(code, NOTHING)]
    found = (
        (rule, rule.room(bet=bet, usage=usage, bounds=bounds)) for rule, bounds in _asked(limits)
    )
    return [(rule.code, room) for rule, room in found if room is not None]


def refusal(*, usage: Usage, limits: Limits, bet: Bet) -> str:
    """Return the code of the first rule that forbids a bet, or ""."""
    if code := unreadable(usage=usage, limits=limits, bet=bet):
        return code
    position = bet.position
    if not (position.stake.is_finite() and position.stake > 0):
        return BET_UNSOUND
    return next(
        (
            rule.code
            for rule, bounds in _asked(limits)
            if rule.forbids(bet=bet, usage=usage, bounds=bounds)
        ),
        "",
    )


def broken(*, usage: Usage, limits: Limits, bet: Bet, unasked: Collection[D] = ()) -> list[Broken]:
    """Return every rule that forbids a bet, with its numbers; ``unasked`` ones are left out."""
    if code := unreadable(usage=usage, limits=limits, bet=bet):
        return [Broken(code, UNREADABLE[code])]
    return [
        Broken(rule.code, rule.in_words(bet=bet, usage=usage, bounds=bounds))
        for rule, bounds in _asked(limits)
        if rule.dimension not in unasked and rule.forbids(bet=bet, usage=usage, bounds=bounds)
    ]


def shared(*, usage: Usage, limits: Limits) -> list[Decimal]:
    """Return what is left of the limits that all bets of a bankroll share, in money."""
    balance, staked = usage.balance, usage.open_staked
    if not balance.is_finite():
        return [NOTHING]
    used = {
        D.DAY: usage.day_total,
        D.WEEK: usage.week_total,
        D.OPEN: usage.exposed.get((D.OPEN, 0), NOTHING),
    }
    found = [least(limits[each], balance) - used[each] for each in used if each in limits]
    if D.FLOOR in limits:
        found.append(balance - staked - greatest(limits[D.FLOOR], balance))
    return [*found, balance - staked]


def unreadable(*, usage: Usage, limits: Limits, bet: Bet) -> str:
    """Return the code of what a rule needs and nobody can tell, or ""."""
    price = bet.position.price
    if not (price.is_finite() and price > 1):
        return BET_UNSOUND
    if not usage.balance.is_finite():
        return BALANCE_UNKNOWN
    if not (len(usage.currency) == 3 and usage.currency.isascii() and usage.currency.isupper()):
        return CURRENCY_UNKNOWN
    if bet.participants is None and D.PARTICIPANT in limits:
        return PARTICIPANT_UNKNOWN
    return ""


def _asked(limits: Limits) -> Iterator[tuple[Rule, Sequence[Bound]]]:
    for rule in RULES:
        if rule.dimension is None:
            yield rule, ()
        elif rule.dimension in limits:
            yield rule, limits[rule.dimension]
