"""The betting's read side: money, strategies, what was decided, what was struck."""

from betting import models
from betting.api import (
    arbitrages,
    bankrolls,
    bet_files,
    bets,
    compliance,
    costs,
    groups,
    limits,
    phases,
    strategies,
)
from monitoring.rest.resources import ReadOnlyResource, resource

TIME = ("gte", "lt")

RESOURCES: dict[str, type[ReadOnlyResource]] = {
    "costs": costs.Costs,
    "bankrolls": bankrolls.BANKROLLS,
    "limits": limits.Limits,
    **groups.RESOURCES,
    "strategies": strategies.Strategies,
    **phases.RESOURCES,
    "decisions": resource(
        models.Decision,
        fields=[
            "id",
            "strategy",
            "prediction",
            "selection",
            "verdict",
            "reason",
            "refusal",
            "probability",
            "price",
            "edge",
            "stake",
            "chain",
            "decided_at",
        ],
        texts={
            "is_simulated": "strategy.bankroll.is_simulated",
            "book": "book.code",
            "event": "selection.market.event.name",
        },
        filters={
            "strategy": ["exact"],
            "verdict": ["exact"],
            "reason": ["exact"],
            "decided_at": TIME,
        },
        orderings=["-decided_at", "decided_at", "-id", "id"],
    ),
    "outside-orders": resource(
        models.OutsideOrder,
        fields=[
            "id",
            "venue",
            "venue_ref",
            "told_ref",
            "market_ref",
            "runner_ref",
            "selection",
            "side",
            "price",
            "stake",
            "matched_price",
            "matched_stake",
            "waits",
            "at_risk",
            "bet",
            "why_no_bet",
            "placed_at",
            "seen_at",
            "told_at",
            "ended_at",
        ],
        filters={"venue": ["exact"], "bet": ["isnull"], "ended_at": ["isnull"]},
    ),
    "bets": bets.Bets,
    **arbitrages.RESOURCES,
    **bet_files.RESOURCES,
    **compliance.RESOURCES,
}
