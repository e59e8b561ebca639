"""What is asked once more of every bet, under the bankroll's lock, before its money is reserved.

Each refusal is the code of a rule.  The order is from what can never change to what may.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from betting import queries
from betting.domain import limits, selecting
from betting.domain.halts import Effect
from betting.models import Bankroll, Decision
from betting.services import complying, strategies
from betting.services.reducing import OpenPositions
from markets.models import Event
from models_ml.models import ModelVersion

NOT_A_BET = "NOT_A_BET"
NO_VENUE = "NO_VENUE"
SIMULATED_MISMATCH = "SIMULATED_MISMATCH"
REPLAY_MISMATCH = "REPLAY_MISMATCH"
STRATEGY_DISABLED = "STRATEGY_DISABLED"
REDUCE_ONLY = "REDUCE_ONLY"  # a halt lets through only what lowers its market's exposure


class Permit:
    """The rules as they stand now, for one batch of one bankroll; ``take`` counts what it let by.

    Made inside the transaction that locked the bankroll: what is open is read from the
    database then, so another worker's bets count as well as this batch's.
    """

    def __init__(
        self,
        *,
        bankroll: Bankroll,
        decisions: Sequence[Decision],
        quotes: dict[tuple[int, int], Any],
        as_of: datetime,
        now: datetime,
        has_venue: bool,
    ) -> None:
        self.bankroll, self.quotes, self.as_of = bankroll, quotes, as_of
        self.has_venue = has_venue
        self.is_live = bankroll.kind != Bankroll.Kind.REPLAY
        self.usage = queries.usage(bankroll=bankroll, as_of=as_of)
        self.halted = queries.halted(at=now)
        self.compliance = complying.Compliance(bankroll=bankroll, as_of=as_of, now=now)
        self.positions = (
            OpenPositions(bankroll=bankroll, decisions=decisions) if self.halted.reduced else None
        )
        self.taken = queries.events_bet(
            strategy_ids={decision.strategy_id for decision in decisions},
            event_ids={decision.prediction.event_id for decision in decisions},
        )

    def refusal(self, decision: Decision) -> str:
        """Return the code of the first rule that forbids this bet now, or ""."""
        rules = (
            self._belongs,
            self._may_be_bet,
            self._is_quoted,
            self._has_room,
            self.compliance.refusal,
        )
        return next((code for rule in rules if (code := rule(decision))), "")

    def take(self, decision: Decision) -> None:
        """Count a bet that goes on, so that the next of the batch sees it."""
        event_id = decision.prediction.event_id
        self.usage.take(event_id=event_id, amount=decision.stake)
        self.compliance.take(decision)
        self.taken |= {(decision.strategy_id, event_id)}
        if self.positions is not None:
            self.positions.take(decision)

    def _belongs(self, decision: Decision) -> str:
        """Hold bets, replays and simulated money to where they belong."""
        prediction, pipeline = decision.prediction, decision.strategy.pipeline
        simulated = {
            self.bankroll.is_simulated,
            pipeline.is_simulated,
            prediction.event.competition.is_simulated,
        }
        if decision.verdict != Decision.Verdict.BET or decision.price is None:
            return NOT_A_BET
        if len(simulated) > 1:
            return SIMULATED_MISMATCH
        if prediction.feature_row.replay_id != self.bankroll.replay_id:
            return REPLAY_MISMATCH
        return "" if self.has_venue else NO_VENUE

    def _may_be_bet(self, decision: Decision) -> str:
        """Ask the switches: event, halts, strategy, model."""
        prediction, strategy = decision.prediction, decision.strategy
        event = prediction.event
        start = min(event.starts_at, event.started_at or event.starts_at)
        if start <= self.as_of:
            return selecting.EVENT_STARTED
        if self.is_live and event.status != Event.Status.SCHEDULED:
            return selecting.EVENT_NOT_SCHEDULED
        if halt := self._halt(decision):
            return halt
        if not strategy.is_enabled:
            return STRATEGY_DISABLED
        if self.is_live and prediction.version.stage != ModelVersion.Stage.PRODUCTION:
            return selecting.VERSION_NOT_SERVING
        return ""

    def _halt(self, decision: Decision) -> str:
        """Ask the halts; one that only lets exposure be lowered is held against what stands."""
        event = decision.prediction.event
        effect = self.halted.effect(
            strategy_id=decision.strategy_id,
            bankroll_id=self.bankroll.pk,
            pipeline_id=decision.strategy.pipeline_id,
            sport_id=event.competition.sport_id,
            competition_id=event.competition_id,
            book_id=decision.book_id,
            live=self.is_live,
        )
        if effect is Effect.STOP:
            return selecting.HALTED
        if effect is Effect.REDUCE_ONLY and self.positions and not self.positions.lowers(decision):
            return REDUCE_ONLY
        return ""

    def _is_quoted(self, decision: Decision) -> str:
        """Ask that the book is open, and was seen to quote the selection lately enough."""
        quote = self.quotes.get((decision.selection_id, decision.book_id or 0))
        if quote is None:
            return selecting.NO_PRICE
        if not quote.is_enabled:
            return selecting.BOOK_DISABLED
        oldest = self.as_of - timedelta(seconds=decision.strategy.max_price_age_seconds)
        return "" if quote.confirmed_at >= pd.Timestamp(oldest) else selecting.PRICE_STALE

    def _has_room(self, decision: Decision) -> str:
        """Ask every limit, with what is really open now."""
        event_id = decision.prediction.event_id
        if (decision.strategy_id, event_id) in self.taken:
            return selecting.ALREADY_BET
        return limits.refusal(
            usage=self.usage,
            caps=strategies.caps_of(decision.strategy),
            event_id=event_id,
            amount=decision.stake,
        )
