from betting.models.arbitrages import Arbitrage, ArbitrageLeg, SettlingTerms
from betting.models.bankrolls import Bankroll
from betting.models.bets import Bet, BetQuerySet
from betting.models.compliance import BookRule, CoolDown, GamingLimits
from betting.models.costs import CostModel, PaperOrder
from betting.models.decisions import Decision
from betting.models.groups import GroupMember, ParticipantGroup
from betting.models.halts import TradingHalt
from betting.models.limits import Limit
from betting.models.outside import OutsideOrder
from betting.models.phases import DryBet, Phase, PhaseChange
from betting.models.replacements import Replacement
from betting.models.strategies import Strategy
from betting.models.tracking import BetImport, BetMapping, TrackedBet
from betting.models.twins import PaperTwin

__all__ = [
    "Arbitrage",
    "ArbitrageLeg",
    "Bankroll",
    "Bet",
    "BetImport",
    "BetMapping",
    "BetQuerySet",
    "BookRule",
    "CoolDown",
    "CostModel",
    "Decision",
    "DryBet",
    "GamingLimits",
    "GroupMember",
    "Limit",
    "OutsideOrder",
    "PaperOrder",
    "PaperTwin",
    "ParticipantGroup",
    "Phase",
    "PhaseChange",
    "Replacement",
    "SettlingTerms",
    "Strategy",
    "TrackedBet",
    "TradingHalt",
]
