"""The admin site's pages of this app; importing them registers them."""

from settlements.admin import (
    bet_values,
    daily,
    money,
    moving,
    reconciliation,
    rule_sets,
    targets,
    values,
)

__all__ = [
    "bet_values",
    "daily",
    "money",
    "moving",
    "reconciliation",
    "rule_sets",
    "targets",
    "values",
]
