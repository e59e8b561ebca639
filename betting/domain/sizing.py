"""How much each bet of a batch stakes, by its strategy's method and what the limits still allow.

Pure: what stands in the bankroll is handed in, and counted on as the batch goes on.  Deciding asks
it of the bankroll as it is, a backtest of one that it keeps by itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from math import prod
from typing import Any

import pandas as pd

from betting.domain import exposure, limits, rules, selecting, simultaneous, staking
from betting.domain import groups as domain_groups
from betting.domain.groups import Groups
from betting.domain.limits import Bound, Caps, Dimension, Usage
from betting.domain.phases import Terms

METHODS = ("FRACTIONAL_KELLY", "SIMULTANEOUS_KELLY", "FLAT", "PERCENT")
FRACTIONAL_KELLY, SIMULTANEOUS_KELLY, FLAT, PERCENT = METHODS
Seen = Mapping[str, Any]  # a row that was appraised and has nothing against it
Tie = tuple[int, frozenset[int]]  # an open bet's event, and who takes part in it


@dataclass(frozen=True, slots=True)
class Method:
    """What a strategy says of its stakes."""

    staking: str
    kelly_fraction: float
    flat_stake: Decimal | None
    stake_share: float | None
    min_stake: Decimal
    stake_step: Decimal
    caps: Caps
    market_kind: str
    strategy_id: int | None = None
    terms: Terms = field(default_factory=Terms)
    is_drawdown_scaled: bool = False
    is_correlation_discounted: bool = False


class Sizing:
    """Sizes the bets of a batch one after another, each seeing what the earlier ones took.

    ``opened``: the strategy's own open liability; ``drawdown``: the factor on its stakes;
    ``ties``: who takes part in the bets that are open, where they count.
    """

    def __init__(
        self,
        *,
        method: Method,
        usage: Usage,
        bounds: Mapping[Dimension, Bound],
        opened: Decimal = staking.NOTHING,
        drawdown: float = 1.0,
        ties: Iterable[Tie] = (),
        groups: Groups | None = None,
    ) -> None:
        self.method, self.usage, self.opened = method, usage, opened
        self.limits = limits.together(caps=method.caps, rows=bounds)
        self.has_stake_row = Dimension.STAKE in bounds
        self.drawdown = drawdown if method.is_drawdown_scaled else 1.0
        self.open = list(ties)
        self.groups = {} if groups is None else groups
        self.together: dict[int, float] = {}

    def meet(self, standing: Sequence[Seen]) -> None:
        """Take in the whole batch: what starts at one time is staked together, if so told.

        A strategy bets once on an event, so the bets of one start are independent.  Their
        outlay, once scaled, stays within what a day, all open bets and the money still allow;
        the earlier start is served first.
        """
        if self.method.staking != SIMULTANEOUS_KELLY:
            return
        by_start: dict[datetime, list[Seen]] = {}
        for seen in standing:
            by_start.setdefault(seen["starts_at"], []).append(seen)
        budget = self._budget()
        for start in sorted(by_start):
            events = [simultaneous.single(selecting.outcomes(seen)) for seen in by_start[start]]
            plan = simultaneous.shares(events=events, cap=min(1.0, budget))
            for seen, (share,) in zip(by_start[start], plan.shares, strict=True):
                self.together[seen["prediction_id"]] = share
                budget = max(0.0, budget - share)

    def stake(self, seen: Seen) -> staking.Stake:
        """Return the stake of a bet, and count it."""
        bet = self.bet(seen)
        found = staking.stake(
            balance=self.usage.balance,
            asked=self._asked(seen),
            scales=self._scales(seen),
            max_share=self.method.caps.stake,
            rooms=[*self._own_rooms(), *self._rooms(bet)],
            minimum=self.method.min_stake,
            step=self.method.stake_step,
        )
        if found.amount:
            self.usage.take(replace(bet, position=replace(bet.position, stake=found.amount)))
            self.opened += found.amount
            if self.method.is_correlation_discounted:
                self.open.append((bet.event_id, sides(seen)))
        return found

    def _own_rooms(self) -> list[staking.Cut]:
        return self.method.terms.rooms(balance=self.usage.balance, opened=self.opened)

    def _rooms(self, bet: limits.Bet) -> list[staking.Cut]:
        """Return what each rule leaves; the strategy's own cap on a stake is asked by staking."""
        found = rules.rooms(usage=self.usage, limits=self.limits, bet=bet)
        return [cut for cut in found if self.has_stake_row or cut[0] != selecting.STAKE_LIMIT]

    def bet(self, seen: Seen) -> limits.Bet:
        """Return an appraised row as the limits see it; nothing is staked on it yet."""
        taking_part = sides(seen)
        position = exposure.Position(seen["selection_id"], False, seen["price"], staking.NOTHING)
        return limits.Bet(
            position=position,
            event_id=seen["event_id"],
            market_id=seen["market_id"],
            selections=selecting.SELECTIONS_OF.get(self.method.market_kind),
            participants=taking_part if len(taking_part) == 2 else None,
            book_id=seen["book_id"],
            strategy_id=self.method.strategy_id,
            sport_id=seen["sport_id"],
            competition_id=seen["competition_id"],
        )

    def _asked(self, seen: Seen) -> list[staking.Cut]:
        """Ask the strategy's method; money in its minor unit."""
        method, balance = self.method, self.usage.balance
        match method.staking:
            case "FLAT":
                assert method.flat_stake is not None  # its constraint says so
                return staking.flat(method.flat_stake)
            case "PERCENT":
                assert method.stake_share is not None
                return staking.percent(balance=balance, share=method.stake_share)
        return staking.by_kelly(
            balance=balance,
            share=seen["kelly"],
            fraction=method.kelly_fraction,
            together=self.together.get(seen["prediction_id"]),
        )

    def _scales(self, seen: Seen) -> Iterable[tuple[str, float]]:
        yield from self.method.terms.scales
        if self.method.is_correlation_discounted:
            mine = (seen["event_id"], sides(seen))
            found = [tie for each in self.open if (tie := _tie(mine, each, self.groups))]
            yield selecting.CORRELATED, exposure.discount(found)
        if self.method.is_drawdown_scaled:
            yield selecting.DRAWDOWN, self.drawdown

    def _budget(self) -> float:
        """Return the share of the money that full Kelly stakes may come to before scaling."""
        balance, scale = self.usage.balance, self.method.kelly_fraction * self.drawdown
        scale *= prod(factor for _, factor in self.method.terms.scales)
        if balance <= 0 or scale <= 0.0:
            return 0.0
        own = [amount for name, amount in self._own_rooms() if name == selecting.ALLOCATION_LIMIT]
        room = min([*rules.shared(usage=self.usage, limits=self.limits), *own])
        return float(max(room, Decimal(0)) / balance) / scale


def sides(seen: Seen) -> frozenset[int]:
    """Return who takes part in a candidate's event, as far as it is known."""
    return frozenset(int(seen[name]) for name in ("home_id", "away_id") if pd.notna(seen[name]))


def _tie(one: Tie, other: Tie, groups: Groups) -> float | None:
    """Return the factor of the closest tie of two bets: event, somebody in both, a group."""
    if one[0] == other[0]:
        return exposure.SAME_EVENT
    if one[1] & other[1]:
        return exposure.SAME_SIDE
    return domain_groups.discount(groups, one[1], other[1])
