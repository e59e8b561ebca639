from datetime import timedelta

import pytest
from django.utils import timezone

from betting import tasks
from betting.models import Bet
from monitoring import registry
from tests.betting.builders import a_bet, a_strategy, an_event_with_prices, predictions_of

pytestmark = pytest.mark.django_db


class Run:
    actor = "task:betting.tasks"


class TestDecideDue:
    def test_decides_places_and_says_how_many(self):
        now = timezone.now()
        a_strategy()
        event = an_event_with_prices(
            starts_at=now + timedelta(hours=1), seen_at=now - timedelta(seconds=5)
        )
        predictions_of(event, as_of=now)
        assert registry.jobs["betting.tasks.decide_due"].body(Run()) == {
            "decided": 3,
            "bets": 1,
            "passes": 2,
            "accepted": 1,
            "rejected": 0,
            "unknown": 0,
            "refused": 0,
            "halts_ended": 0,
        }

    def test_says_nothing_but_zeroes_when_idle(self):
        assert set(tasks.decide_due.body(Run()).values()) == {0}


class TestReconcileUnknown:
    def test_asks_about_bets_that_waited_longer_than_a_placing_run_may_last(self):
        now = timezone.now()
        stuck = a_bet(status="RESERVED", reserved_at=now - tasks.RECONCILE_AFTER * 2)
        fresh = a_bet(status="RESERVED", reserved_at=now)
        assert tasks.reconcile_unknown.body(Run())["asked"] == 1
        assert Bet.objects.get(pk=stuck.pk).status == "REJECTED"
        assert Bet.objects.get(pk=fresh.pk).status == "RESERVED"
        assert tasks.decide_due.time_limit < tasks.RECONCILE_AFTER.total_seconds()
