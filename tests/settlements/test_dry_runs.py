"""How the bets of dry runs would have ended: as real ones do, without money."""

from datetime import timedelta
from decimal import Decimal

import pytest

from betting.models import Bankroll, Decision, DryBet, Strategy
from markets.models import ResultDispute, Source
from models_ml.models import FeatureRow, ModelVersion, Pipeline, Prediction
from settlements.models import LedgerTransfer, Settlement
from settlements.services import dry_runs
from tests.settlements.builders import (
    KICK_OFF,
    NOON,
    a_bankroll,
    a_book,
    a_competition,
    a_result,
    a_selection,
    an_event,
)

pytestmark = pytest.mark.django_db
D = Decimal


@pytest.fixture
def version() -> ModelVersion:
    pipeline = Pipeline.objects.create(
        code="soccer-1x2", sport=a_competition().sport, market_kind="MATCH_ODDS",
        feature_set="soccer_v1",
    )  # fmt: skip
    return ModelVersion.objects.create(
        pipeline=pipeline, number=1, stage="PRODUCTION", artefact="none", artefact_sha256="0" * 64,
        features=[], features_sha256="0" * 64, trained_from=KICK_OFF - timedelta(days=90),
        trained_until=KICK_OFF - timedelta(days=1), n_rows=1, code_version="test",
        trained_at=KICK_OFF - timedelta(days=1),
    )  # fmt: skip


@pytest.fixture
def dry_bet(version):
    """Make a dry bet of ten on a selection at 1.90."""
    bankroll: Bankroll = a_bankroll()
    strategy = Strategy.objects.create(
        name="Dry", code="value", bankroll=bankroll, pipeline=version.pipeline, phase="DRY_RUN"
    )

    def make(**chosen: str | None) -> DryBet:
        selection = a_selection(an_event(), **chosen)  # type: ignore[arg-type]
        event = selection.market.event
        row = FeatureRow.objects.create(
            event=event, feature_set="soccer_v1", stage="T-60m", as_of=KICK_OFF, values=[],
            checksum="0", made_at=KICK_OFF,
        )  # fmt: skip
        prediction = Prediction.objects.create(
            feature_row=row, version=version, event=event, selection=selection, probability=0.5,
            as_of=KICK_OFF, made_at=KICK_OFF,
        )  # fmt: skip
        decision = Decision.objects.create(
            strategy=strategy, prediction=prediction, selection=selection, book=a_book(),
            verdict="PASS", reason="DRY_RUN", probability=0.5, price=D("1.900"),
            decided_at=KICK_OFF,
        )  # fmt: skip
        return DryBet.objects.create(decision=decision, stake=D("10.00"))

    return make


def told(bet: DryBet) -> tuple[str | None, Decimal | None]:
    bet.refresh_from_db()
    return bet.outcome, bet.profit


class TestTellDue:
    def test_judges_as_real_bets_are_judged_and_moves_no_money(self, dry_bet):
        won, lost = dry_bet(), dry_bet(role="AWAY")
        half = dry_bet(kind="ASIAN_HANDICAP", role="HOME", line="-0.75")
        void, waiting = dry_bet(), dry_bet()
        for bet in (won, lost, half):
            a_result(bet.decision.selection.market.event, 2, 1)
        a_result(void.decision.selection.market.event, status="ABANDONED")
        transfers = LedgerTransfer.objects.count()
        assert dry_runs.tell_due(as_of=NOON) == 4
        assert [told(bet) for bet in (won, lost, half, void, waiting)] == [
            ("WON", D("9.00")), ("LOST", D("-10.00")), ("HALF_WON", D("4.50")), ("VOID", D("0.00")),
            (None, None),
        ]  # fmt: skip
        assert dry_runs.tell_due(as_of=NOON) == 0
        assert LedgerTransfer.objects.count() == transfers
        assert not Settlement.objects.exists()

    def test_heeds_a_result_that_is_corrected_and_not_one_that_only_adds(self, dry_bet):
        bet = dry_bet()
        event = bet.decision.selection.market.event
        a_result(event, 2, 1)
        dry_runs.tell_due(as_of=NOON)
        a_result(event, 2, 1, known_at=NOON + timedelta(hours=1), only_adds=True)
        assert dry_runs.tell_due(as_of=NOON + timedelta(hours=2)) == 0
        a_result(event, 2, 2, known_at=NOON + timedelta(hours=3))
        assert dry_runs.tell_due(as_of=NOON + timedelta(hours=4)) == 1
        assert told(bet) == ("LOST", D("-10.00"))
        assert dry_runs.tell_due(as_of=NOON + timedelta(hours=5)) == 0

    def test_waits_where_a_result_is_disputed_or_not_known_yet(self, dry_bet):
        disputed, early = dry_bet(), dry_bet()
        result = a_result(disputed.decision.selection.market.event, 2, 1)
        source = Source.objects.create(code="other", name="Other")
        ResultDispute.objects.create(
            event=result.event, standing=result, source=source, told_at=NOON - timedelta(hours=1)
        )
        a_result(early.decision.selection.market.event, 2, 1, known_at=NOON + timedelta(hours=1))
        assert dry_runs.tell_due(as_of=NOON) == 0
        assert told(disputed) == told(early) == (None, None)

    def test_leaves_open_what_no_rule_judges(self, dry_bet):
        bet = dry_bet(period="H1")
        a_result(bet.decision.selection.market.event, 2, 1)
        assert dry_runs.tell_due(as_of=NOON) == 0
        assert told(bet) == (None, None)
