"""Settlements, the ledger, values against the close, and the rule sets that bets are settled by."""

from settlements.models.backtest_grids import BacktestCell, BacktestGrid
from settlements.models.backtests import Backtest
from settlements.models.daily import PerformanceDay, PerformanceDue
from settlements.models.money import (
    BetValue,
    CommissionDue,
    LedgerAccount,
    LedgerTransfer,
    Settlement,
)
from settlements.models.reconciliation import ReconciliationItem, ReconciliationRun
from settlements.models.reports import Report
from settlements.models.rule_sets import RuleSet, RuleUse
from settlements.models.targets import PerformanceTarget
from settlements.models.values import ValueBefore, ValueGap

__all__ = [
    "Backtest",
    "BacktestCell",
    "BacktestGrid",
    "BetValue",
    "CommissionDue",
    "LedgerAccount",
    "LedgerTransfer",
    "PerformanceDay",
    "PerformanceDue",
    "PerformanceTarget",
    "ReconciliationItem",
    "ReconciliationRun",
    "Report",
    "RuleSet",
    "RuleUse",
    "Settlement",
    "ValueBefore",
    "ValueGap",
]
