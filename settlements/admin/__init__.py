"""The admin site's pages of this app; importing them registers them."""

from settlements.admin import money, reconciliation, rule_sets, values

__all__ = ["money", "reconciliation", "rule_sets", "values"]
