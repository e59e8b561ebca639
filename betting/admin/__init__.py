"""The admin site's pages of this app; importing them registers them."""

from betting.admin import (
    arbitrages,
    bankrolls,
    bet_files,
    bets,
    compliance,
    costs,
    groups,
    halts,
    limits,
    outside,
    phases,
    replacing,
    strategies,
    twins,
)

__all__ = [
    "arbitrages",
    "bankrolls",
    "bet_files",
    "bets",
    "compliance",
    "costs",
    "groups",
    "halts",
    "limits",
    "outside",
    "phases",
    "replacing",
    "strategies",
    "twins",
]
