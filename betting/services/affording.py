"""What an arbitrage may stake: every rule asked of every leg as if the others did not exist.

Each leg may come to stand alone, so nothing is netted between them: together their stakes stay
within each limit, and within what closing a lone leg at a worse price would take besides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from math import prod

from betting import queries
from betting.domain import arbitrage, exposure, limits, phases, rules, selecting, splitting, staking
from betting.domain.arbitrage import Offer
from betting.domain.halts import Effect
from betting.models import Bankroll, Strategy
from betting.queries import risk
from betting.services import allotting, breaking, complying, permitting, strategies
from markets.models import Market

_CENT = Decimal("0.01")
_ASKED, _SCALED = "ASKED", "SCALED"
#: What bounds one bet; every other rule bounds what all legs stake together.
_OF_ONE = ("STAKE_LIMIT", "LIABILITY_LIMIT", "PRICE_LIMIT", "SELECTION_LIMIT", "BOOK_LIMIT")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is staked on each leg, or the reason why nothing is; ``cuts``: the total on the way."""

    reason: str
    split: splitting.Split | None = None
    cuts: tuple[tuple[str, Decimal], ...] = ()


class Affording:
    """The rules as they stand now for one strategy's arbitrage on one market.

    Made inside the transaction that locked the bankroll, where something is to be written.
    """

    def __init__(
        self, *, strategy: Strategy, bankroll: Bankroll, market: Market, now: datetime
    ) -> None:
        self.strategy, self.bankroll, self.market = strategy, bankroll, market
        self.now = now
        self.halted = queries.halted(at=now)
        self.compliance = complying.Compliance(bankroll=bankroll, as_of=now, now=now)
        self.breakers = breaking.Breakers(bankroll=bankroll, now=now)
        rows = risk.in_force([bankroll])[bankroll.pk]
        self.limits = limits.together(caps=strategies.caps_of(strategy), rows=risk.bounds_of(rows))
        self.usage = risk.usage(bankroll=bankroll, as_of=now, dimensions=set(rows))
        self.allotment = allotting.Allotment(strategy=strategy)

    def stopped(self, *, book_id: int, lowers: bool) -> str:
        """Return the halt, or the law, that stops a bet at a book now, or ""."""
        event = self.market.event
        start = min(event.starts_at, event.started_at or event.starts_at)
        if start <= self.now:
            return selecting.EVENT_STARTED
        if event.status != event.Status.SCHEDULED:
            return selecting.EVENT_NOT_SCHEDULED
        effect = self.halted.effect(
            strategy_id=self.strategy.pk,
            bankroll_id=self.bankroll.pk,
            pipeline_id=None,
            sport_id=event.competition.sport_id,
            competition_id=event.competition_id,
            book_id=book_id,
            live=True,
        )
        if effect is Effect.STOP:
            return selecting.HALTED
        if effect is Effect.REDUCE_ONLY and not lowers:
            return permitting.REDUCE_ONLY
        return self.compliance.forbids(book_id=book_id, amount=Decimal(0))

    def plan(self, *, legs: Sequence[Offer]) -> Plan:
        """Return the stakes of legs that every rule lets by together, or the first that does not.

        What the strategy's way of staking asks for in all (FLAT and PERCENT; any other: as much
        as the limits leave) is scaled by phase and allocation and cut to the rooms.
        """
        for leg in legs:
            if reason := self.stopped(book_id=leg.book_id, lowers=False):
                return Plan(reason)
        if self.breakers.is_half_open:  # one bet tries it, and these are several
            return Plan(breaking.HALF_OPEN)
        cuts = self._cuts(legs)
        total = max(staking.NOTHING, min(amount for _, amount in cuts))
        spare = self._spare(total)
        slots = [
            splitting.Slot(
                net=leg.net,
                step=self.strategy.stake_step,
                least=self.strategy.min_stake,
                most=max(staking.NOTHING, self._most(leg)[1] - spare),
            )
            for leg in legs
        ]
        found = splitting.split(slots=slots, total=total)
        if not all(found.stakes):
            code, _ = min([*cuts, *map(self._most, legs)], key=lambda cut: cut[1])
            is_asked = code in (_ASKED, _SCALED)
            return Plan(selecting.STAKE_BELOW_MINIMUM if is_asked else code, None, tuple(cuts))
        if found.worst <= 0:
            return Plan(arbitrage.SPLIT_TOO_COARSE, found, tuple(cuts))
        reason = self.refusal(dict(zip(legs, found.stakes, strict=True)))
        if not reason and self.strategy.phase == phases.DRY_RUN:
            reason = selecting.DRY_RUN
        return Plan(reason, found, tuple(cuts))

    def refusal(self, stakes: Mapping[Offer, Decimal]) -> str:
        """Return the code of the first rule that forbids these bets together, or ""; they count
        from then on.
        """
        for leg, stake in stakes.items():
            bet = self._bet(leg, stake)
            if code := rules.refusal(usage=self.usage, limits=self.limits, bet=bet):
                return code
            if code := self.compliance.forbids(book_id=leg.book_id, amount=stake):
                return code
            self.usage.take(bet)
            self.compliance.standing.take(stake)
        return ""

    def _cuts(self, legs: Sequence[Offer]) -> list[tuple[str, Decimal]]:
        """Return what is asked for, after each cut; the least of them is the total."""
        strategy, balance = self.strategy, self.usage.balance
        match strategy.staking:
            case Strategy.Staking.FLAT:
                asked = strategy.flat_stake or staking.NOTHING
            case Strategy.Staking.PERCENT:
                asked = staking.share_of(balance, strategy.stake_share or 0.0)
            case _:
                asked = balance
        scale = prod(factor for _, factor in self.allotment.terms.scales)
        found = [(_ASKED, asked), (_SCALED, staking.share_of(asked, scale))]
        share = 1 + Decimal(str(self._besides()))
        found += [
            (code, (room / share).quantize(_CENT, rounding=ROUND_FLOOR))
            for code, room in self._rooms(legs)
        ]
        return found

    def _rooms(self, legs: Sequence[Offer]) -> list[tuple[str, Decimal]]:
        """Return what the rules leave for all legs together."""
        found = [cut for leg in legs for cut in self._of(leg) if cut[0] not in _OF_ONE]
        own = self.allotment.rooms(balance=self.usage.balance)
        found += [cut for cut in own if cut[0] == selecting.ALLOCATION_LIMIT]
        least: dict[str, Decimal] = {}
        for code, room in found:
            least[code] = min(room, least.get(code, room))
        return list(least.items())

    def _most(self, leg: Offer) -> tuple[str, Decimal]:
        """Return what one leg may stake at most, with the rule that says so."""
        own = self.allotment.rooms(balance=self.usage.balance)
        found = [cut for cut in self._of(leg) if cut[0] in _OF_ONE]
        found += [cut for cut in own if cut[0] == selecting.PHASE_LIMIT]
        return min(found, key=lambda cut: cut[1], default=("NO_FUNDS", self.usage.balance))

    def _of(self, leg: Offer) -> list[tuple[str, Decimal]]:
        return rules.rooms(
            usage=self.usage, limits=self.limits, bet=self._bet(leg, staking.NOTHING)
        )

    def _besides(self) -> float:
        """Return what closing a lone leg may take besides, as a share of the total."""
        return self.strategy.max_hedge_loss_share + self.strategy.max_edge

    def _spare(self, total: Decimal) -> Decimal:
        return staking.share_of(total, self._besides())

    def _bet(self, leg: Offer, stake: Decimal) -> limits.Bet:
        """Return a leg as the limits see it: netted with nothing."""
        event = self.market.event
        sides = {event.home_id, event.away_id}
        return limits.Bet(
            position=exposure.Position(leg.selection_id, False, leg.price, stake),
            event_id=event.pk,
            market_id=self.market.pk,
            selections=selecting.SELECTIONS_OF.get(self.market.kind),
            participants=None if None in sides else frozenset(sides),  # type: ignore[arg-type]
            book_id=leg.book_id,
            strategy_id=self.strategy.pk,
            sport_id=event.competition.sport_id,
            competition_id=event.competition_id,
            apart=-leg.selection_id,  # no bet has such a number
        )
