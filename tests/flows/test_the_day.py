"""One day of betting through the real services: from a price to a valued bet and an incident."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from itertools import permutations

import numpy as np
import pytest

from betting.models import Bankroll, Bet
from betting.services import bankrolls, deciding, placing, strategies
from markets.connectors.base import (
    ParsedBatch,
    ParsedBook,
    ParsedCompetition,
    ParsedEvent,
    ParsedPrice,
    ParsedResult,
)
from markets.models import Source
from markets.services import closing, recording
from models_ml.models import Pipeline
from models_ml.services import featuring, pipelines, predicting, training
from monitoring.models import AuditEntry, Incident
from monitoring.services import incidents
from settlements import monitors, queries
from settlements.models import LedgerTransfer
from settlements.services import ledger, settling, valuing
from tests.models_ml import registry

pytestmark = pytest.mark.django_db(transaction=True)  # placing calls the venue between two

KICK_OFF = datetime(2026, 3, 14, 15, 0, tzinfo=UTC)
LOOKED = KICK_OFF - timedelta(minutes=60)
TEAMS = [f"Team {letter}" for letter in "ABCDEFGHIJKLMNOPQRST"]
ROLES = ("HOME", "DRAW", "AWAY")
ME = "user:alice"
LEAGUE = ParsedCompetition(code="T1", name="Test League", country="Nowhere")
BOOKS = (
    ParsedBook(code="pinnacle", name="Pinnacle", reference_rank=1),
    ParsedBook(code="softbook", name="Soft Book"),
)


def at(moment, ref, book, prices):
    return [
        ParsedPrice(ref, "MATCH_ODDS", None, role, book, D(price), moment)
        for role, price in zip(ROLES, prices, strict=True)
    ]


def a_season_before():
    """Return a played season: stronger teams are priced shorter and win more often."""
    random, events, prices, results = np.random.default_rng(4), [], [], []
    strength = {team: 1.2 - 0.06 * place for place, team in enumerate(TEAMS)}
    for number, (home, away) in enumerate(permutations(TEAMS, 2)):
        start = KICK_OFF - timedelta(days=400) + timedelta(hours=18 * number)
        ref = f"old{number}"
        goals = [random.poisson(np.exp(gap)) for gap in _gaps(strength[home], strength[away])]
        events.append(ParsedEvent(ref, "T1", "2024-25", home, away, 1, start))
        edge = strength[home] - strength[away] + 0.2
        chance = np.array([np.exp(edge), 0.8, np.exp(-edge)])
        shown = [f"{0.97 / p:.3f}" for p in np.clip(chance / chance.sum(), 0.03, 0.9)]
        prices += at(start - timedelta(hours=20), ref, "pinnacle", shown)
        known = start + timedelta(hours=2)
        results.append(ParsedResult(ref, "FINAL", *map(int, goals), known_at=known))
    return ParsedBatch(events, prices, results, competitions=[LEAGUE], books=BOOKS)


def _gaps(home, away):
    return 0.2 + 0.5 * (home - away), 0.5 * (away - home)


def today(*, prices=(), results=()):
    event = ParsedEvent("today", "T1", "2025-26", TEAMS[3], TEAMS[9], 1, KICK_OFF)
    return ParsedBatch([event], prices, results, competitions=[LEAGUE], books=BOOKS)


def record(batch, now):
    source, _ = Source.objects.get_or_create(
        code="test", defaults={"name": "Test feed", "creates_names": True}
    )
    return recording.record(batch=batch, source=source, now=now)


def a_serving_version():
    pipelines.ensure_default_pipelines(now=LOOKED)
    pipeline = Pipeline.objects.get(code="soccer-1x2")
    pipeline.parameters = {"rounds": 20}
    version = training.train(
        pipeline=pipeline, until=KICK_OFF - timedelta(days=1), actor=ME, now=LOOKED
    )
    return registry.promoted(version, now=LOOKED, actor=ME)


def a_strategy(pipeline):
    bankroll = bankrolls.open_bankroll(
        name="Main", kind="PAPER", currency="EUR", time_zone="UTC", actor=ME, now=LOOKED
    )
    ledger.deposit(
        bankroll_id=bankroll.pk, amount=D("1000.00"), reference="start", actor=ME, now=LOOKED
    )
    return strategies.ensure_strategy(
        name="Value",
        code="value",
        bankroll=bankroll,
        pipeline=pipeline,
        now=LOOKED,
        actor=ME,
        max_edge=20.0,
        max_price=D("50"),
        max_overround=1.0,
        max_price_age_seconds=86_400,
    )


def test_the_day():
    record(a_season_before(), LOOKED - timedelta(days=2))
    version = a_serving_version()
    strategy = a_strategy(version.pipeline)

    # A soft book shows far too high a price for the home side.
    opening = at(LOOKED - timedelta(minutes=20), "today", "pinnacle", ("1.900", "3.600", "4.200"))
    opening += at(LOOKED - timedelta(minutes=10), "today", "softbook", ("6.000", "3.000", "3.000"))
    counts = record(today(prices=opening), LOOKED)
    event_id = counts.event_ids["today"]

    (row,) = featuring.build(
        event_ids=[event_id], feature_set="soccer_v1", stage="T-60m", as_of=LOOKED, now=LOOKED
    )
    predictions = predicting.predict(feature_rows=[row], version=version, now=LOOKED)
    assert sum(p.probability for p in predictions) == pytest.approx(1.0)
    decisions = deciding.decide(
        strategy=strategy,
        prediction_ids=[p.pk for p in predictions],
        as_of=LOOKED,
        now=LOOKED,
    )
    assert {d.selection.role for d in decisions if d.verdict == "BET"} == {"HOME"}
    report = placing.place(
        decision_ids=[d.pk for d in decisions if d.verdict == "BET"],
        as_of=LOOKED,
        now=LOOKED,
        actor=ME,
    )
    assert report.accepted == 1
    bet = Bet.objects.get()
    assert (bet.status, bet.price, bet.placed_at) == ("ACCEPTED", D("6.000"), LOOKED)

    # The market closes, the home side wins, the morning settles.
    close = at(KICK_OFF - timedelta(minutes=1), "today", "pinnacle", ("1.800", "3.700", "4.600"))
    record(today(prices=close), KICK_OFF)
    known = KICK_OFF + timedelta(hours=2)
    record(today(results=[ParsedResult("today", "FINAL", 2, 1, known_at=known)]), known)
    closing.record_closes(as_of=known, now=known)
    settled = settling.settle_due(as_of=known, now=known, actor="task:settle_due")
    assert (settled.settled, settled.ledger_imbalance) == (1, D("0.00"))
    assert valuing.value_due(as_of=known, now=known) == 1

    bet.refresh_from_db()
    bankroll = Bankroll.objects.get()
    assert (bet.outcome, bet.profit) == ("WON", 5 * bet.stake)
    assert bankroll.balance == D("1000.00") + bet.profit
    transfer = LedgerTransfer.objects.get(kind="SETTLEMENT")
    assert (transfer.amount, transfer.credit.kind) == (bet.profit, "CASH")
    assert bet.value.reference == "pinnacle"
    assert bet.value.clv_raw == pytest.approx(6.0 / 1.8 - 1)
    assert 2.0 < bet.value.clv < bet.value.clv_raw
    shown = queries.performance()
    assert (shown.n, shown.profit, shown.beat_close.value) == (1, bet.profit, 1.0)

    # The source corrects the score; the ledger explains the difference.
    later = known + timedelta(days=1)
    record(today(results=[ParsedResult("today", "FINAL", 1, 1, known_at=None)]), later)
    corrected = settling.settle_due(as_of=later, now=later, actor="task:settle_due")
    assert (corrected.settled, corrected.resettled) == (0, 1)
    bankroll.refresh_from_db()
    assert bankroll.balance == D("1000.00") - bet.stake
    assert LedgerTransfer.objects.get(kind="REVERSAL").reverses == transfer
    assert AuditEntry.objects.get(action="settlements.resettled").subject == f"betting.Bet:{bet.pk}"

    # Somebody writes a balance past the ledger: the check says so, and an incident stands.
    assert list(monitors.ledger_imbalance(later)) == []
    Bankroll.objects.update(balance=bankroll.balance + 5)
    (finding,) = monitors.ledger_imbalance(later)
    incidents.open_incident(
        kind="settlements.ledger-imbalance",
        severity=finding.severity,
        summary=finding.summary,
        at=later,
        subject=finding.subject,
    )
    assert Incident.objects.get().severity == "P0"
