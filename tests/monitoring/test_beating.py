import pytest
from django.db import connection, transaction

from monitoring.models import BeatLease, Heartbeat
from monitoring.services import beating
from monitoring.services.beating import Lease, LeaseLost
from tests.monitoring.builders import NOON, SECOND

pytestmark = pytest.mark.django_db


def let_it_run_out() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "update monitoring_beatlease set expires_at = clock_timestamp() - interval '1s'"
        )


class TestBeatHeart:
    def test_keeps_one_row_a_name(self):
        beating.beat_heart(name="beat", now=NOON)
        beating.beat_heart(name="beat", now=NOON + SECOND, detail={"token": 2})
        heart = Heartbeat.objects.get()
        assert (heart.at, heart.detail) == (NOON + SECOND, {"token": 2})


class TestLease:
    def test_is_one_holders_at_a_time(self):
        first, second = Lease("first"), Lease("second")
        assert first.keep()
        assert not second.keep()
        assert first.keep()
        assert second.current_holder() == "first"

    def test_goes_to_the_next_when_it_runs_out_with_a_greater_token(self):
        first, second = Lease("first"), Lease("second")
        first.keep()
        let_it_run_out()
        assert second.keep()
        assert (first.token, second.token) == (1, 2)
        assert not first.keep()

    def test_refuses_an_old_holder_that_wakes_up(self):
        first, second = Lease("first"), Lease("second")
        first.keep()
        let_it_run_out()
        with pytest.raises(LeaseLost), transaction.atomic():
            first.check()
        second.keep()
        with pytest.raises(LeaseLost), transaction.atomic():
            first.check()
        with transaction.atomic():
            second.check()

    def test_is_handed_over_at_once_when_let_go(self):
        first, second = Lease("first"), Lease("second")
        first.keep()
        first.release()
        assert second.keep()
        first.release()
        assert BeatLease.objects.get().holder == "second"
        assert second.keep()
