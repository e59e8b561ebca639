"""The admin site's pages of this app; importing them registers them."""

from settlements.admin import (
    backtest_grids,
    backtests,
    bet_values,
    daily,
    money,
    moving,
    reconciliation,
    reports,
    rule_sets,
    targets,
    values,
)

__all__ = [
    "backtest_grids",
    "backtests",
    "bet_values",
    "daily",
    "money",
    "moving",
    "reconciliation",
    "reports",
    "rule_sets",
    "targets",
    "values",
]
