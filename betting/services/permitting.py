"""What is asked once more of every bet, under the bankroll's lock, before its money is reserved.

Each refusal is the code of a rule.  The order is from what can never change to what may.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

import pandas as pd

from betting import queries
from betting.domain import exposure, limits, price_ladder, rules, selecting, windows
from betting.domain.halts import Effect
from betting.domain.limits import Dimension
from betting.models import Bankroll, Decision
from betting.queries import risk
from betting.services import allotting, breaking, complying, strategies
from markets.models import Book, Event
from models_ml import queries as models_ml
from models_ml.models import ModelVersion

NOT_A_BET = "NOT_A_BET"
NO_VENUE = "NO_VENUE"
VENUE_SILENT = "VENUE_SILENT"  # it did not hear of us in time: nobody would take an order back
SIMULATED_MISMATCH = "SIMULATED_MISMATCH"
REPLAY_MISMATCH = "REPLAY_MISMATCH"
STRATEGY_DISABLED = "STRATEGY_DISABLED"
PROBABILITIES_UNSOUND = "PROBABILITIES_UNSOUND"  # of a market, together: not those of one
PRICE_OFF_LADDER = "PRICE_OFF_LADDER"
VERSION_EXPIRED = "VERSION_EXPIRED"
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
        is_silent: bool = False,
    ) -> None:
        self.bankroll, self.quotes, self.as_of = bankroll, quotes, as_of
        self.has_venue, self.is_silent, self.now = has_venue, is_silent, now
        self._expired: dict[int, bool] = {}
        self.is_live = bankroll.kind != Bankroll.Kind.REPLAY
        self.allotted = allotting.Allotments(balance=bankroll.balance)
        self.halted = queries.halted(at=now)
        self.compliance = complying.Compliance(bankroll=bankroll, as_of=as_of, now=now)
        self.breakers = breaking.Breakers(bankroll=bankroll, now=now) if self.is_live else None
        rows = risk.in_force([bankroll])[bankroll.pk]
        self.bounds = risk.bounds_of(rows)
        counted = {*rows, Dimension.MARKET} if self.halted.reduced else set(rows)
        self.usage = risk.usage(bankroll=bankroll, as_of=as_of, dimensions=counted)
        self.sound = risk.soundness(decisions=decisions)
        self.taken = queries.events_bet(
            strategy_ids={decision.strategy_id for decision in decisions},
            event_ids={decision.prediction.event_id for decision in decisions},
        )

    def refusal(self, decision: Decision) -> str:
        """Return the code of the first rule that forbids this bet now, or ""."""
        asked = (
            self._belongs,
            self._is_sound,
            self._may_be_bet,
            self._is_quoted,
            self._has_room,
            self.compliance.refusal,
        )
        return next((code for ask in asked if (code := ask(decision))), "")

    def take(self, decision: Decision) -> None:
        """Count a bet that goes on, so that the next of the batch sees it."""
        self.usage.take(bet_of(decision))
        self.allotted.take(decision)
        self.compliance.take(decision)
        self.taken |= {(decision.strategy_id, decision.prediction.event_id)}
        if self.breakers:
            self.breakers.take()

    def _belongs(self, decision: Decision) -> str:
        """Hold bets, replays and simulated money to where they belong."""
        prediction = decision.prediction
        pipeline = prediction.version.pipeline
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
        if not self.has_venue:
            return NO_VENUE
        return VENUE_SILENT if self.is_silent else ""

    def _is_sound(self, decision: Decision) -> str:
        """Ask that our own numbers can be: of the selection, and of its whole market."""
        if not (isfinite(decision.probability) and 0.0 < decision.probability < 1.0):
            return selecting.PROBABILITY_INVALID
        return "" if self.sound(decision) else PROBABILITIES_UNSOUND

    def _may_be_bet(self, decision: Decision) -> str:
        """Ask the switches: event, halts, strategy, model."""
        prediction, strategy = decision.prediction, decision.strategy
        event = prediction.event
        start = min(event.starts_at, event.started_at or event.starts_at)
        if start <= self.as_of:
            return selecting.EVENT_STARTED
        if self.is_live and event.status != Event.Status.SCHEDULED:
            return selecting.EVENT_NOT_SCHEDULED
        hours = windows.hours_to(
            starts_at=start, started_at=None, as_of=self.as_of,
            time_scale=event.competition.time_scale,
        )  # fmt: skip
        if not strategies.window_of(strategy).holds(hours):
            return selecting.OUTSIDE_WINDOW
        if halt := self._halt(decision):
            return halt
        if self.breakers and self.breakers.refuses():
            return breaking.HALF_OPEN
        if not strategy.is_enabled:
            return STRATEGY_DISABLED
        if self.is_live and prediction.version.stage != ModelVersion.Stage.PRODUCTION:
            return selecting.VERSION_NOT_SERVING
        if self.is_live and self._is_expired(prediction.version):
            return VERSION_EXPIRED
        return ""

    def _is_expired(self, version: ModelVersion) -> bool:
        """Tell whether a version learned too long ago to be bet on; one query for each."""
        if version.pk not in self._expired:
            self._expired[version.pk] = models_ml.is_expired(version=version, now=self.now)
        return self._expired[version.pk]

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
        if effect is Effect.REDUCE_ONLY and not self._lowers(decision):
            return REDUCE_ONLY
        return ""

    def _lowers(self, decision: Decision) -> bool:
        bet = bet_of(decision)
        standing = self.usage.net(Dimension.MARKET, bet.market_id, bet)
        return exposure.lowers(standing=standing, position=bet.position)

    def _is_quoted(self, decision: Decision) -> str:
        """Ask that the book is open, and was seen to quote the selection lately enough."""
        quote = self.quotes.get((decision.selection_id, decision.book_id or 0))
        if quote is None:
            return selecting.NO_PRICE
        if not quote.is_enabled:
            return selecting.BOOK_DISABLED
        if self._is_off_ladder(decision, quote):
            return PRICE_OFF_LADDER
        oldest = self.as_of - timedelta(seconds=decision.strategy.max_price_age_seconds)
        return "" if quote.confirmed_at >= pd.Timestamp(oldest) else selecting.PRICE_STALE

    def _is_off_ladder(self, decision: Decision, quote: Any) -> bool:
        """Tell whether an exchange would not take the price; prices on paper are history's own."""
        if self.bankroll.kind != Bankroll.Kind.LIVE or quote.book_kind != Book.Kind.EXCHANGE:
            return False
        assert decision.price is not None  # asked before
        kind = price_ladder.kind_for(decision.selection.market.kind)
        try:
            price_ladder.place_of(decision.price, kind=kind)
        except price_ladder.OffLadder:
            return True
        return False

    def _has_room(self, decision: Decision) -> str:
        """Ask every limit, with what is really open now."""
        event_id = decision.prediction.event_id
        if (decision.strategy_id, event_id) in self.taken:
            return selecting.ALREADY_BET
        if refusal := self.allotted.refusal(decision):
            return refusal
        caps = strategies.caps_of(decision.strategy)
        return rules.refusal(
            usage=self.usage,
            limits=limits.together(caps=caps, rows=self.bounds),
            bet=bet_of(decision),
        )


def bet_of(decision: Decision) -> limits.Bet:
    """Return a decision's bet as the limits see it: what it counts towards."""
    assert decision.price is not None and decision.book_id is not None  # as its constraint says
    event, market = decision.prediction.event, decision.selection.market
    sides = {event.home_id, event.away_id}
    return limits.Bet(
        position=exposure.Position(
            decision.selection_id, is_lay=False, price=decision.price, stake=decision.stake
        ),
        event_id=event.pk,
        market_id=market.pk,
        selections=selecting.SELECTIONS_OF.get(market.kind),
        participants=None if None in sides else frozenset(sides),  # type: ignore[arg-type]
        book_id=decision.book_id,
        strategy_id=decision.strategy_id,
        sport_id=event.competition.sport_id,
        competition_id=event.competition_id,
    )
