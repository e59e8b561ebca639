"""What models are told of their bets: mean closing-line value by version, events drawn."""

from datetime import timedelta

import pytest

from betting.models import Decision
from models_ml.models import FeatureRow, Prediction, VersionClv
from settlements import tasks
from settlements.services import valuing
from tests.betting import builders as betting
from tests.models_ml import registry
from tests.settlements.builders import (
    NOON,
    a_bankroll,
    a_book,
    a_close,
    a_selection,
    an_accepted_bet,
    an_event,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def version():
    return registry.a_candidate(registry.a_pipeline())


@pytest.fixture
def bankroll():
    return a_bankroll()


def a_bet_of(version, bankroll, *, fair, **fields):
    """Return a bet at 2.0 on an event of its own, struck because a version said so, valued."""
    selection = a_selection(an_event())
    event = selection.market.event
    row = FeatureRow.objects.create(
        event=event, feature_set="soccer_v1", stage="T-60m", as_of=NOON - timedelta(days=1),
        values=[], checksum="0" * 64, made_at=NOON,
    )  # fmt: skip
    prediction = Prediction.objects.create(
        feature_row=row, version=version, event=event, selection=selection, probability=0.6,
        as_of=row.as_of, made_at=NOON,
    )  # fmt: skip
    strategy = betting.a_strategy(bankroll=bankroll, pipeline=version.pipeline)
    decision = Decision.objects.create(
        strategy=strategy, prediction=prediction, selection=selection, book=a_book(),
        verdict="BET", reason="VALUE", probability=0.6, price="2.000", stake="10.00",
        decided_at=NOON,
    )  # fmt: skip
    bet = an_accepted_bet(selection, bankroll=bankroll, price="2.000", decision=decision, **fields)
    a_close(selection, book=a_book("pinnacle", reference_rank=1), price="2.000", fair=fair)
    return bet


def value():
    valuing.value_due(as_of=NOON, now=NOON)


class TestNoteVersions:
    def test_tells_the_mean_with_an_interval(self, version, bankroll):
        for fair in (0.50, 0.51, 0.52, 0.55):
            a_bet_of(version, bankroll, fair=fair)
        value()
        assert valuing.note_versions(as_of=NOON) == 1
        told = VersionClv.objects.get()
        assert (told.version, told.n, told.as_of) == (version, 4, NOON)
        assert told.mean == pytest.approx((0.0 + 0.02 + 0.04 + 0.1) / 4)
        assert told.low < told.mean < told.high

    def test_twice_is_once_until_something_changes(self, version, bankroll):
        for fair in (0.50, 0.52):
            a_bet_of(version, bankroll, fair=fair)
        value()
        found = [valuing.note_versions(as_of=NOON + timedelta(hours=h)) for h in range(2)]
        assert found == [1, 0]
        a_bet_of(version, bankroll, fair=0.53)
        value()
        assert valuing.note_versions(as_of=NOON + timedelta(hours=3)) == 1
        assert [one.n for one in VersionClv.objects.order_by("as_of")] == [2, 3]

    def test_leaves_out_what_was_void_and_what_was_no_model(self, version, bankroll):
        for fair in (0.50, 0.52):
            a_bet_of(version, bankroll, fair=fair)
        a_bet_of(
            version, bankroll, fair=0.9, status="SETTLED", outcome="VOID", profit="0.00",
            settled_at=NOON,
        )  # fmt: skip
        by_hand = an_accepted_bet(bankroll=bankroll)
        a_close(by_hand.selection, book=a_book("pinnacle"), price="2.000", fair=0.7)
        value()
        valuing.note_versions(as_of=NOON)
        assert VersionClv.objects.get().n == 2

    def test_says_nothing_of_one_event_alone(self, version, bankroll):
        a_bet_of(version, bankroll, fair=0.52)
        value()
        assert valuing.note_versions(as_of=NOON) == 0
        assert not VersionClv.objects.exists()

    def test_runs_with_the_daily_valuing(self, version, bankroll):
        for fair in (0.50, 0.52):
            a_bet_of(version, bankroll, fair=fair)
        assert tasks.value_due.body(None) == {"valued": 2, "before": 2, "versions": 1}
