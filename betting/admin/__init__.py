"""The admin site's pages of this app; importing them registers them."""

from betting.admin import bankrolls, bets, costs, halts, strategies

__all__ = ["bankrolls", "bets", "costs", "halts", "strategies"]
