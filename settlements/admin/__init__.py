"""The admin site's pages of this app; importing them registers them."""

from settlements.admin import daily, money, moving, reconciliation, rule_sets, values

__all__ = ["daily", "money", "moving", "reconciliation", "rule_sets", "values"]
