"""The admin site's pages of this app; importing them registers them."""

from betting.admin import bankrolls, bets, halts, strategies

__all__ = ["bankrolls", "bets", "halts", "strategies"]
