"""The settlements' read side: why each bet paid what it paid, and where the money went."""

from monitoring.rest.resources import ReadOnlyResource, resource
from settlements import models
from settlements.api.statements import StatedAccounts
from settlements.api.transfers import Transfers
from settlements.services import daily_statements

TIME = ("gte", "lt")

RESOURCES: dict[str, type[ReadOnlyResource]] = {
    "settlements": resource(
        models.Settlement,
        fields=[
            "id",
            "bet",
            "revision",
            "result",
            "rule_set",
            "outcome",
            "profit",
            "commission",
            "working",
            "settled_at",
        ],
        texts={"is_simulated": "bet.bankroll.is_simulated"},
        filters={"bet": ["exact"], "outcome": ["exact"], "settled_at": TIME},
        orderings=["-settled_at", "settled_at", "-id", "id"],
    ),
    "ledger-accounts": resource(
        models.LedgerAccount,
        fields=["id", "bankroll", "kind", "book", "currency", "balance"],
        texts={"is_simulated": "bankroll.is_simulated"},
        filters={"bankroll": ["exact"], "kind": ["exact"], "book": ["exact"]},
        base=StatedAccounts,
    ),
    "ledger-transfers": Transfers,
    "bet-values": resource(
        models.BetValue,
        fields=[
            "id",
            "bet",
            "reference",
            "method",
            "closing_price",
            "closing_probability",
            "close_age_seconds",
            "clv_raw",
            "clv",
            "expected_profit",
            "refund",
            "commission",
            "basis",
            "closing_line",
            "line_probability",
            "distribution",
            "history",
            "price",
            "stake",
            "valued_at",
        ],
        texts={"is_simulated": "bet.bankroll.is_simulated"},
        filters={
            "bet": ["exact"],
            "reference": ["exact"],
            "basis": ["exact"],
            "valued_at": TIME,
        },
    ),
    "performance-days": resource(
        models.PerformanceDay,
        fields=[
            "id",
            "bankroll",
            "day",
            "strategy",
            "cut",
            "key",
            *daily_statements.COLUMNS,
        ],
        texts={"is_simulated": "bankroll.is_simulated"},
        filters={
            "bankroll": ["exact"],
            "strategy": ["exact", "isnull"],
            "cut": ["exact"],
            "key": ["exact"],
            "day": ["gte", "lte"],
        },
    ),
    "value-gaps": resource(
        models.ValueGap,
        fields=["id", "bet", "reason", "looked_at"],
        texts={"is_simulated": "bet.bankroll.is_simulated"},
        filters={"bet": ["exact"], "reason": ["exact"], "looked_at": TIME},
    ),
    "values-before": resource(
        models.ValueBefore,
        fields=[
            "id",
            "bet",
            "hours",
            "moment",
            "is_struck",
            "reference",
            "method",
            "line",
            "price",
            "probability",
            "age_seconds",
            "clv",
        ],
        texts={"is_simulated": "bet.bankroll.is_simulated"},
        filters={"bet": ["exact"], "hours": ["exact"], "moment": TIME},
    ),
}
