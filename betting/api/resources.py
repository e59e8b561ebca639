"""The betting's read side: money, strategies, what was decided, what was struck."""

from betting import models
from betting.api import strategies
from monitoring.rest.resources import ReadOnlyResource, resource

TIME = ("gte", "lt")

RESOURCES: dict[str, type[ReadOnlyResource]] = {
    "bankrolls": resource(
        models.Bankroll,
        fields=[
            "id",
            "name",
            "kind",
            "currency",
            "time_zone",
            "balance",
            "is_simulated",
            "replay",
            "created_at",
        ],
        filters={"kind": ["exact"], "is_simulated": ["exact"]},
    ),
    "strategies": strategies.Strategies,
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
    "bets": resource(
        models.Bet,
        fields=[
            "id",
            "client_ref",
            "venue",
            "venue_ref",
            "bankroll",
            "strategy",
            "decision",
            "selection",
            "side",
            "price",
            "stake",
            "liability",
            "probability",
            "status",
            "status_reason",
            "placed_at",
            "answered_at",
            "outcome",
            "profit",
            "settled_at",
        ],
        texts={
            "is_simulated": "bankroll.is_simulated",
            "book": "book.code",
            "selection_name": "selection.name",
            "market": "selection.market.kind",
            "event": "selection.market.event.name",
        },
        filters={
            "bankroll": ["exact"],
            "bankroll__kind": ["exact"],
            "bankroll__is_simulated": ["exact"],
            "strategy": ["exact"],
            "status": ["exact"],
            "client_ref": ["exact"],
            "placed_at": TIME,
            "settled_at": TIME,
        },
        orderings=["-id", "id", "-placed_at", "placed_at"],
    ),
}
