"""The bankroll from bet to bet, by live betting's own functions, whatever the limits ask for.

Each batch is what starts together: what stands open is laid out anew before it, as deciding reads
it from the database, and ``sizing.Sizing`` stakes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from heapq import heappop, heappush
from itertools import groupby
from typing import Any

from betting.domain import exposure, limits, sizing
from betting.domain.limits import EXPOSED, Dimension, Usage
from betting.domain.payoffs import quarter_of
from settlements.domain.backtesting import money
from settlements.domain.backtesting.appraising import Offers
from settlements.domain.backtesting.history import NEVER, History
from settlements.domain.backtesting.plans import Plan
from settlements.domain.backtesting.staking import Asked, Staked
from settlements.domain.terms import Terms


@dataclass(frozen=True, slots=True)
class _Open:
    """A bet that is open: what it counts towards, when it is paid and what it brings."""

    settles: int
    place: int
    bet: limits.Bet
    profit: int
    sides: frozenset[int]

    def __lt__(self, other: "_Open") -> bool:
        return (self.settles, self.place) < (other.settles, other.place)


class Bankroll:
    """The money as it stands, what is open, and what was staked in this day and week."""

    def __init__(self, plan: Plan, *, market_kind: str) -> None:
        self.plan, self.method = plan, plan.method(market_kind=market_kind)
        self.balance = self.peak = money.cents(plan.opening)
        self.waiting: list[_Open] = []
        self.standing: list[_Open] = []  # those that are never paid
        self.day = self.week = 0
        self.staked: dict[str, Decimal] = {"day": Decimal(0), "week": Decimal(0)}
        self.bets = 0

    def pay(self, until: int) -> None:
        """Pay what is due by a moment."""
        while self.waiting and self.waiting[0].settles <= until:
            now = self.waiting[0].settles
            while self.waiting and self.waiting[0].settles == now:
                self.balance += heappop(self.waiting).profit
            self.peak = max(self.peak, self.balance)

    def turn(self, *, day: int, week: int) -> None:
        """Begin a betting day, and a week, where they are new."""
        if day != self.day:
            self.day, self.bets, self.staked["day"] = day, 0, Decimal(0)
        if week != self.week:
            self.week, self.staked["week"] = week, Decimal(0)

    def sizing(self) -> sizing.Sizing:
        """Return what stakes the next batch, with everything that stands."""
        counted = {Dimension.EVENT, Dimension.OPEN, *self.plan.limits}
        usage = Usage(
            balance=money.amount(self.balance),
            currency=self.plan.currency,
            counted=tuple(each for each in EXPOSED if each in counted),
        )
        opened = [*self.waiting, *self.standing]
        for one in opened:
            position = one.bet.position
            usage.open(
                one.bet,
                won=position.profit(wins=True),
                lost=position.profit(wins=False),
                liability=position.liability,
            )
        usage.stake(
            strategy_id=self.method.strategy_id,
            day=self.staked["day"],
            week=self.staked["week"],
            bets=self.bets,
        )
        fallen = exposure.drawdown(peak=money.amount(self.peak), equity=usage.balance)
        return sizing.Sizing(
            method=self.method,
            usage=usage,
            bounds=self.plan.bounds,
            opened=usage.open_staked,
            drawdown=exposure.drawdown_scale(fallen),
            ties=[(one.bet.event_id, one.sides) for one in opened],
        )

    def take(self, one: _Open) -> None:
        """Count a bet."""
        stake = one.bet.position.liability
        self.staked = {name: staked + stake for name, staked in self.staked.items()}
        self.bets += 1
        if one.settles == NEVER:
            self.standing.append(one)
        else:
            heappush(self.waiting, one)


def walk(
    *,
    history: History,
    found: Offers,
    places: Sequence[int],
    asked: Asked,
    plan: Plan,
    terms: Sequence[Terms],
) -> Staked:
    """Stake one batch after another on the money as it is by then."""
    bankroll = Bankroll(plan, market_kind=history.kind)
    told = Staked([0] * len(places), [0] * len(places), {}, {})
    for as_of, batch in groupby(range(len(places)), key=lambda at: asked.as_of[at]):
        rows = list(batch)
        bankroll.pay(as_of)
        bankroll.turn(day=asked.day[rows[0]], week=asked.week[rows[0]])
        sizer = bankroll.sizing()
        seen = {at: _seen(history, found, int(places[at]), at) for at in rows}
        sizer.meet(list(seen.values()))
        for at in rows:
            stake = sizer.stake(seen[at])
            if not stake.amount:
                told.reason[at] = stake.reason
                continue
            profit, commission = _paid(asked, at, stake.amount, terms)
            told.stake[at], told.profit[at] = money.cents(stake.amount), profit
            if commission:
                told.commission[at] = commission
            bankroll.take(_opened(sizer, seen[at], stake.amount, asked.settles[at], at, profit))
    return told


def _paid(asked: Asked, at: int, stake: Decimal, terms: Sequence[Terms]) -> tuple[int, int]:
    if asked.settles[at] == NEVER:
        return 0, 0
    return money.paid(
        terms=terms[asked.payer[at]],
        stake=money.cents(stake),
        price=asked.price[at],
        outcome=asked.outcome[at],
    )


def _opened(
    sizer: sizing.Sizing, seen: dict[str, Any], stake: Decimal, settles: int, at: int, profit: int
) -> _Open:
    bet = sizer.bet(seen)
    return _Open(
        settles, at, replace(bet, position=replace(bet.position, stake=stake)), profit,
        sizing.sides(seen),
    )  # fmt: skip


def _seen(history: History, found: Offers, place: int, at: int) -> dict[str, Any]:
    """Return a candidate as deciding hands it on."""
    home, away = int(history.home[place]), int(history.away[place])
    return {
        "prediction_id": at,
        "event_id": int(history.event[place]),
        "market_id": int(history.market[place]),
        "selection_id": int(history.selection[place]),
        "book_id": history.books[int(found.book[place])].id,
        "sport_id": int(history.sport[place]),
        "competition_id": int(history.competition[place]),
        "home_id": None if home < 0 else home,
        "away_id": None if away < 0 else away,
        "starts_at": int(history.starts[place]),
        "price": Decimal(int(found.price[place])).scaleb(-3),
        "net_price": float(found.net[place]),
        "kelly": float(found.kelly[place]),
        "probability": float(history.probability[place]),
        "refund": float(history.refund[place]),
        "quarter": quarter_of(
            role=str(history.role[place]), line=float(history.quarters[place]) / 4.0
        ),
    }
