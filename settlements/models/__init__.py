"""Settlements, the ledger, values against the close, and the rule sets that bets are settled by."""

from settlements.models.money import BetValue, LedgerAccount, LedgerTransfer, Settlement
from settlements.models.rule_sets import RuleSet, RuleUse

__all__ = ["BetValue", "LedgerAccount", "LedgerTransfer", "RuleSet", "RuleUse", "Settlement"]
