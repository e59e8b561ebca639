"""What a strategy's phase and its share of the money leave of a stake."""

from decimal import Decimal

from betting.domain import phases, selecting
from betting.models import Decision, Strategy
from betting.queries import phases as queries
from monitoring import thresholds
from monitoring.domain.thresholds import declare

MICRO_STAKE = declare(
    "betting.micro-stake", 0.005, "share",
    "In the micro phase a strategy stakes this share of its bankroll on one bet at most.",
    lowest=0.0001, highest=0.02,
)  # fmt: skip
MICRO_SCALE = declare(
    "betting.micro-scale", 0.25, "share",
    "In the micro phase a strategy stakes this share of what it would in production.",
    lowest=0.01, highest=1,
)  # fmt: skip


def terms_of(strategy: Strategy) -> phases.Terms:
    """Return what the strategy's phase and allocation leave of its stakes.

    A dry run is sized as production would stake.
    """
    if strategy.phase != phases.MICRO:
        return phases.Terms(allocation=strategy.allocation)
    return phases.Terms(
        scale=thresholds.value(MICRO_SCALE),
        most=thresholds.value(MICRO_STAKE),
        allocation=strategy.allocation,
    )


class Allotment:
    """One strategy's terms in money, with what it has open; ``take`` counts what is added."""

    def __init__(self, *, strategy: Strategy) -> None:
        self.terms = terms_of(strategy)
        is_shared = self.terms.allocation < 1.0
        self.opened = queries.opened(strategy_id=strategy.pk) if is_shared else Decimal("0.00")

    def rooms(self, *, balance: Decimal) -> list[tuple[str, Decimal]]:
        """Return what the terms still allow for one bet, named by their reasons."""
        return self.terms.rooms(balance=balance, opened=self.opened)

    def take(self, amount: Decimal) -> None:
        """Count a bet, so that the next one sees it."""
        self.opened += amount


class Allotments:
    """The terms of all strategies of a batch, asked once more before money is reserved."""

    def __init__(self, *, balance: Decimal) -> None:
        self._balance = balance
        self._of: dict[int, Allotment] = {}

    def refusal(self, decision: Decision) -> str:
        """Return why the strategy's phase or allocation forbids this bet now, or ""."""
        if decision.strategy.phase == phases.DRY_RUN:
            return selecting.DRY_RUN
        rooms = self._allotment(decision.strategy).rooms(balance=self._balance)
        return next((name for name, room in rooms if decision.stake > room), "")

    def take(self, decision: Decision) -> None:
        """Count a bet that goes on."""
        self._allotment(decision.strategy).take(decision.stake)

    def _allotment(self, strategy: Strategy) -> Allotment:
        if strategy.pk not in self._of:
            self._of[strategy.pk] = Allotment(strategy=strategy)
        return self._of[strategy.pk]
