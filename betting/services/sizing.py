"""What sizing a batch of bets asks of the database: the bankroll, its limits, what stands open."""

from datetime import datetime
from decimal import Decimal

from django.db import connection

from betting.domain import exposure, sizing
from betting.models import Bankroll, Bet, Strategy
from betting.queries import groups, risk
from betting.services import allotting, strategies

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


def method_of(strategy: Strategy) -> sizing.Method:
    """Read a strategy's row as its way of staking."""
    assert strategy.pipeline is not None  # what has none stakes on no prediction
    return sizing.Method(
        staking=strategy.staking,
        kelly_fraction=strategy.kelly_fraction,
        flat_stake=strategy.flat_stake,
        stake_share=strategy.stake_share,
        min_stake=strategy.min_stake,
        stake_step=strategy.stake_step,
        caps=strategies.caps_of(strategy),
        market_kind=strategy.pipeline.market_kind,
        strategy_id=strategy.pk,
        terms=allotting.terms_of(strategy),
        is_drawdown_scaled=strategy.is_drawdown_scaled,
        is_correlation_discounted=strategy.is_correlation_discounted,
    )


class Sizer(sizing.Sizing):
    """Sizes the bets of a batch on a bankroll as it stands."""

    def __init__(self, *, strategy: Strategy, as_of: datetime) -> None:
        method = method_of(strategy)
        bankroll = Bankroll.objects.get(pk=strategy.bankroll_id)
        rows = risk.in_force([bankroll])[bankroll.pk]
        scale, is_tied = 1.0, method.is_correlation_discounted
        if method.is_drawdown_scaled:
            scale = exposure.drawdown_scale(drawdown(bankroll=bankroll))
        super().__init__(
            method=method,
            usage=risk.usage(bankroll=bankroll, as_of=as_of, dimensions=rows),
            bounds=risk.bounds_of(rows),
            opened=allotting.Allotment(strategy=strategy).opened,
            drawdown=scale,
            ties=_ties(bankroll_id=bankroll.pk) if is_tied else (),
            groups=groups.standing(at=as_of) if is_tied else {},
        )


def _ties(*, bankroll_id: int) -> list[sizing.Tie]:
    """Return the event of each open bet of a bankroll, and who takes part in it."""
    rows = Bet.objects.open().filter(bankroll_id=bankroll_id)
    event = "selection__market__event"
    return [
        (event_id, frozenset(sides) - {None})
        for event_id, *sides in rows.values_list(
            f"{event}_id", f"{event}__home_id", f"{event}__away_id"
        )
    ]
