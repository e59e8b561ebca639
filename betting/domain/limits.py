"""What the limits of a bankroll are, and what of them is used.  Pure: amounts in, amounts out.

Of a strategy's own cap and a row on the same thing the stricter counts.  What is used counts over
the whole bankroll, whichever strategy placed it, so no two of them together pass a limit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from betting.domain import staking
from betting.domain.exposure import NOTHING, Net, Position


class Dimension(StrEnum):
    """What a limit is on."""

    STAKE = "STAKE"
    LIABILITY = "LIABILITY"
    PRICE = "PRICE"
    EVENT = "EVENT"
    MARKET = "MARKET"
    SELECTION = "SELECTION"
    PARTICIPANT = "PARTICIPANT"
    CONFERENCE = "CONFERENCE"
    DIVISION = "DIVISION"
    GROUP = "GROUP"
    COMPETITION = "COMPETITION"
    SPORT = "SPORT"
    BOOK = "BOOK"
    STRATEGY = "STRATEGY"
    DAY = "DAY"
    WEEK = "WEEK"
    OPEN = "OPEN"
    OPEN_BETS = "OPEN_BETS"
    DAY_BETS = "DAY_BETS"
    STRATEGY_BETS = "STRATEGY_BETS"
    FLOOR = "FLOOR"
    DAILY_LOSS = "DAILY_LOSS"
    WEEKLY_LOSS = "WEEKLY_LOSS"
    DRAWDOWN = "DRAWDOWN"
    LOSING_STREAK = "LOSING_STREAK"
    VENUE_FAILURES = "VENUE_FAILURES"


#: Limits that are a number, not money.
COUNTED = (
    Dimension.PRICE,
    Dimension.OPEN_BETS,
    Dimension.DAY_BETS,
    Dimension.STRATEGY_BETS,
    Dimension.LOSING_STREAK,
    Dimension.VENUE_FAILURES,
)
#: Limits that say how much there is to use: all of it used is what they are for.
BUDGETS = (
    Dimension.DAY,
    Dimension.WEEK,
    Dimension.OPEN_BETS,
    Dimension.DAY_BETS,
    Dimension.STRATEGY_BETS,
)
#: Limits that give a bankroll a rest once they are reached; they leave or take no room.
RESTS = (
    Dimension.DAILY_LOSS,
    Dimension.WEEKLY_LOSS,
    Dimension.DRAWDOWN,
    Dimension.LOSING_STREAK,
    Dimension.VENUE_FAILURES,
)


@dataclass(frozen=True, slots=True)
class Caps:
    """Greatest shares of the balance: one bet, open on one event, staked in a day, open at all.

    ``day_bets``: the strategy's own bets of a betting day; None for as many as it finds.
    """

    stake: float
    event: float
    day: float
    open: float
    day_bets: int | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """How much a limit allows: a share of the balance, an amount, the less of both; or a number."""

    share: float | None = None
    amount: Decimal | None = None
    number: Decimal | None = None

    def amounts(self, balance: Decimal) -> list[Decimal]:
        """Return what share and amount come to.

        >>> Bound(share=0.05, amount=Decimal("40")).amounts(Decimal("1000"))
        [Decimal('50.00'), Decimal('40')]
        """
        found = [] if self.share is None else [staking.share_of(max(balance, NOTHING), self.share)]
        return found if self.amount is None else [*found, self.amount]


Limits = Mapping[Dimension, Sequence[Bound]]


def together(*, caps: Caps, rows: Mapping[Dimension, Bound]) -> Limits:
    """Return a strategy's caps and the rows of its bankroll as one set of limits."""
    found: dict[Dimension, list[Bound]] = {
        Dimension.STAKE: [Bound(share=caps.stake)],
        Dimension.EVENT: [Bound(share=caps.event)],
        Dimension.DAY: [Bound(share=caps.day)],
        Dimension.OPEN: [Bound(share=caps.open)],
    }
    if caps.day_bets is not None:
        found[Dimension.STRATEGY_BETS] = [Bound(number=Decimal(caps.day_bets))]
    for dimension, bound in rows.items():
        found.setdefault(dimension, []).append(bound)
    return found


@dataclass(frozen=True, slots=True)
class Bet:
    """A bet that asks for room, and everything that it counts towards.

    ``apart``: it is netted with the bets of its market that say the same, and with no others.
    """

    position: Position
    event_id: int
    market_id: int
    selections: int | None  # how many the market has
    participants: frozenset[int] | None  # None: nobody knows who takes part
    book_id: int
    strategy_id: int | None
    sport_id: int
    competition_id: int
    apart: int | None = None

    @property
    def netted(self) -> tuple[int, int | None]:
        """What it is netted within."""
        return self.market_id, self.apart

    @property
    def unit(self) -> Decimal:
        """What a unit of stake can lose."""
        return self.position.price - 1 if self.position.is_lay else Decimal(1)

    def places(self, dimension: Dimension) -> frozenset[int]:
        """Return which rows of a dimension it counts towards."""
        match dimension:
            case Dimension.PARTICIPANT:
                return self.participants or frozenset()
            case Dimension.STRATEGY:
                return frozenset() if self.strategy_id is None else frozenset({self.strategy_id})
        return frozenset({self._place(dimension)})

    def _place(self, dimension: Dimension) -> int:
        return {
            Dimension.EVENT: self.event_id,
            Dimension.MARKET: self.market_id,
            Dimension.SELECTION: self.position.selection_id,
            Dimension.COMPETITION: self.competition_id,
            Dimension.SPORT: self.sport_id,
            Dimension.BOOK: self.book_id,
            Dimension.OPEN: 0,
        }[dimension]


#: Limits on participants that hang together: ``Usage.groups`` tells who belongs where.
GROUPED = (Dimension.CONFERENCE, Dimension.DIVISION, Dimension.GROUP)
#: Limits on what can be lost by the bets that are open.
EXPOSED = (
    Dimension.EVENT,
    Dimension.MARKET,
    Dimension.SELECTION,
    Dimension.PARTICIPANT,
    *GROUPED,
    Dimension.COMPETITION,
    Dimension.SPORT,
    Dimension.BOOK,
    Dimension.STRATEGY,
    Dimension.OPEN,
)


@dataclass(slots=True)
class Usage:
    """What stands in a bankroll now; ``take`` adds to it as a batch goes on.

    What can be lost is netted market by market for each row of each dimension that is
    ``counted``; what is staked is not, for a bookmaker keeps every stake until the end.
    """

    balance: Decimal
    currency: str = "EUR"
    counted: tuple[Dimension, ...] = EXPOSED
    open_staked: Decimal = NOTHING  # every liability in full
    open_bets: int = 0
    day_total: Decimal = NOTHING
    week_total: Decimal = NOTHING
    day_bets: int = 0
    day_bets_of: dict[int | None, int] = field(default_factory=dict)  # by strategy
    exposed: dict[tuple[Dimension, int], Decimal] = field(default_factory=dict)
    nets: dict[tuple[Dimension, int, tuple[int, int | None]], Net] = field(default_factory=dict)
    groups: Mapping[int, Mapping[Dimension, frozenset[int]]] = field(default_factory=dict)

    def places(self, dimension: Dimension, bet: Bet) -> frozenset[int]:
        """Return which rows of a dimension a bet counts towards; of groups, each side's."""
        if dimension not in GROUPED:
            return bet.places(dimension)
        mine = (self.groups.get(side, {}) for side in bet.participants or ())
        return frozenset().union(*(found.get(dimension, frozenset()) for found in mine))

    def take(self, bet: Bet) -> None:
        """Count a bet of this batch, so that the next one sees it."""
        position, liability = bet.position, bet.position.liability
        self.open(
            bet,
            won=position.profit(wins=True),
            lost=position.profit(wins=False),
            liability=liability,
        )
        self.stake(strategy_id=bet.strategy_id, day=liability, week=liability, bets=1)

    def open(
        self, bet: Bet, *, won: Decimal, lost: Decimal, liability: Decimal, bets: int = 1
    ) -> None:
        """Count open bets alike in everything but price and amount, by what they come to."""
        self.open_staked += liability
        self.open_bets += bets
        for dimension in self.counted:
            for place in self.places(dimension, bet):
                net = self.nets.setdefault((dimension, place, bet.netted), Net(bet.selections))
                before = net.worst()
                net.add(bet.position.selection_id, won=won, lost=lost)
                total = self.exposed.get((dimension, place), NOTHING)
                self.exposed[dimension, place] = total - before + net.worst()

    def open_outside(self, liability: Decimal) -> None:
        """Count what stands open that nobody knows more of than what it can lose."""
        self.open_staked += liability
        if Dimension.OPEN in self.counted:
            total = self.exposed.get((Dimension.OPEN, 0), NOTHING)
            self.exposed[Dimension.OPEN, 0] = total + liability

    def stake(self, *, strategy_id: int | None, day: Decimal, week: Decimal, bets: int) -> None:
        """Count what was staked in this betting day and week, and how many bets today."""
        self.day_total += day
        self.week_total += week
        self.day_bets += bets
        self.day_bets_of[strategy_id] = self.day_bets_of.get(strategy_id, 0) + bets

    def net(self, dimension: Dimension, place: int, bet: Bet) -> Net:
        """Return what stands on the bet's own market, as far as it counts in a place."""
        return self.nets.get((dimension, place, bet.netted)) or Net(bet.selections)
