"""How much each bet of a batch stakes, by its strategy's method and what the limits still allow."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from math import prod
from typing import Any

import pandas as pd
from django.db import connection

from betting.domain import exposure, limits, rules, selecting, simultaneous, staking
from betting.domain import groups as domain_groups
from betting.domain.groups import Groups
from betting.domain.limits import Dimension
from betting.models import Bankroll, Bet, Strategy
from betting.queries import groups, risk
from betting.services import allotting, strategies

Seen = Mapping[str, Any]  # a row that was appraised and has nothing against it
_PEAK = """
    select coalesce(max(made.so_far), 0), coalesce(sum(made.step), 0)
    from (
        select sum(profit) as step, sum(sum(profit)) over (order by settled_at) as so_far
        from betting_bet where bankroll_id = %s and status = 'SETTLED'
        group by settled_at
    ) made
"""


def drawdown(*, bankroll: Bankroll) -> float:
    """Return how far a bankroll stands below its peak now, as a share of the peak.

    Equity is what the money that is there now would have been with every bet that was settled,
    in the order of settlement: a deposit or a withdrawal is neither a gain nor a loss.
    """
    with connection.cursor() as cursor:
        cursor.execute(_PEAK, [bankroll.pk])
        highest, made = cursor.fetchone()
    opening = bankroll.balance - made
    return exposure.drawdown(peak=opening + max(highest, Decimal(0)), equity=bankroll.balance)


class Sizer:
    """Sizes the bets of a batch one after another, each seeing what the earlier ones took."""

    def __init__(self, *, strategy: Strategy, as_of: datetime) -> None:
        self.strategy = strategy
        bankroll = Bankroll.objects.get(pk=strategy.bankroll_id)
        rows = risk.in_force([bankroll])[bankroll.pk]
        self.usage = risk.usage(bankroll=bankroll, as_of=as_of, dimensions=rows)
        self.caps = strategies.caps_of(strategy)
        bounds = risk.bounds_of(rows)
        self.limits = limits.together(caps=self.caps, rows=bounds)
        self.has_stake_row = Dimension.STAKE in bounds
        self.allotment = allotting.Allotment(strategy=strategy)
        self.drawdown = self._drawdown(bankroll)
        self.open = _ties(bankroll_id=bankroll.pk) if self._is_discounted else []
        self.groups = groups.standing(at=as_of) if self._is_discounted else {}
        self.together: dict[int, float] = {}

    def meet(self, standing: Sequence[Seen]) -> None:
        """Take in the whole batch: what starts at one time is staked together, if so told.

        A strategy bets once on an event, so the bets of one start are independent.  Their
        outlay, once scaled, stays within what a day, all open bets and the money still allow;
        the earlier start is served first.
        """
        if self.strategy.staking != Strategy.Staking.SIMULTANEOUS_KELLY:
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
        bet = self._bet(seen)
        found = staking.stake(
            balance=self.usage.balance,
            asked=self._asked(seen),
            scales=self._scales(seen),
            max_share=self.caps.stake,
            rooms=[*self.allotment.rooms(balance=self.usage.balance), *self._rooms(bet)],
            minimum=self.strategy.min_stake,
            step=self.strategy.stake_step,
        )
        if found.amount:
            self.usage.take(replace(bet, position=replace(bet.position, stake=found.amount)))
            self.allotment.take(found.amount)
            if self._is_discounted:
                self.open.append((bet.event_id, _sides(seen)))
        return found

    def _rooms(self, bet: limits.Bet) -> list[staking.Cut]:
        """Return what each rule leaves; the strategy's own cap on a stake is asked by staking."""
        found = rules.rooms(usage=self.usage, limits=self.limits, bet=bet)
        return [cut for cut in found if self.has_stake_row or cut[0] != selecting.STAKE_LIMIT]

    def _bet(self, seen: Seen) -> limits.Bet:
        """Return an appraised row as the limits see it; nothing is staked on it yet."""
        sides, pipeline = _sides(seen), self.strategy.pipeline
        assert pipeline is not None  # what has none stakes on no prediction
        position = exposure.Position(seen["selection_id"], False, seen["price"], staking.NOTHING)
        return limits.Bet(
            position=position,
            event_id=seen["event_id"],
            market_id=seen["market_id"],
            selections=selecting.SELECTIONS_OF.get(pipeline.market_kind),
            participants=sides if len(sides) == 2 else None,
            book_id=seen["book_id"],
            strategy_id=self.strategy.pk,
            sport_id=seen["sport_id"],
            competition_id=seen["competition_id"],
        )

    def _asked(self, seen: Seen) -> list[staking.Cut]:
        """Ask the strategy's method; money in its minor unit."""
        strategy, balance = self.strategy, self.usage.balance
        match strategy.staking:
            case Strategy.Staking.FLAT:
                assert strategy.flat_stake is not None  # its constraint says so
                return staking.flat(strategy.flat_stake)
            case Strategy.Staking.PERCENT:
                assert strategy.stake_share is not None
                return staking.percent(balance=balance, share=strategy.stake_share)
        return staking.by_kelly(
            balance=balance,
            share=seen["kelly"],
            fraction=strategy.kelly_fraction,
            together=self.together.get(seen["prediction_id"]),
        )

    def _scales(self, seen: Seen) -> Iterable[tuple[str, float]]:
        yield from self.allotment.terms.scales
        if self._is_discounted:
            mine = (seen["event_id"], _sides(seen))
            found = [tie for each in self.open if (tie := _tie(mine, each, self.groups))]
            yield selecting.CORRELATED, exposure.discount(found)
        if self.strategy.is_drawdown_scaled:
            yield selecting.DRAWDOWN, self.drawdown

    def _budget(self) -> float:
        """Return the share of the money that full Kelly stakes may come to before scaling."""
        balance, scale = self.usage.balance, self.strategy.kelly_fraction * self.drawdown
        scale *= prod(factor for _, factor in self.allotment.terms.scales)
        if balance <= 0 or scale <= 0.0:
            return 0.0
        left = [
            *rules.shared(usage=self.usage, limits=self.limits),
            *(
                amount
                for name, amount in self.allotment.rooms(balance=balance)
                if name == selecting.ALLOCATION_LIMIT
            ),
        ]
        room = min(left)
        return float(max(room, Decimal(0)) / balance) / scale

    def _drawdown(self, bankroll: Bankroll) -> float:
        if not self.strategy.is_drawdown_scaled:
            return 1.0
        return exposure.drawdown_scale(drawdown(bankroll=bankroll))

    @property
    def _is_discounted(self) -> bool:
        return self.strategy.is_correlation_discounted


def _sides(seen: Seen) -> frozenset[int]:
    return frozenset(int(seen[name]) for name in ("home_id", "away_id") if pd.notna(seen[name]))


def _tie(
    one: tuple[int, frozenset[int]], other: tuple[int, frozenset[int]], groups: Groups
) -> float | None:
    """Return the factor of the closest tie of two bets: event, somebody in both, a group."""
    if one[0] == other[0]:
        return exposure.SAME_EVENT
    if one[1] & other[1]:
        return exposure.SAME_SIDE
    return domain_groups.discount(groups, one[1], other[1])


def _ties(*, bankroll_id: int) -> list[tuple[int, frozenset[int]]]:
    """Return the event of each open bet of a bankroll, and who takes part in it."""
    rows = Bet.objects.open().filter(bankroll_id=bankroll_id)
    event = "selection__market__event"
    return [
        (event_id, frozenset(sides) - {None})
        for event_id, *sides in rows.values_list(
            f"{event}_id", f"{event}__home_id", f"{event}__away_id"
        )
    ]
