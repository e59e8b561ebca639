"""The breaker of a source: open after failures in a row, tried by one look, closed by success."""

from datetime import timedelta

import pytest
from django.db import connection

from markets import queries
from markets.models import Source
from markets.services import breaking
from monitoring.models import AuditEntry
from tests.markets.builders import NOW, a_source

pytestmark = pytest.mark.django_db


@pytest.fixture
def source():
    return a_source(location="http://feed.example", cadence_seconds=3600, breaker_opens_after=3)


def fail(source, *, times=1, kind="HTTP_5XX", at=NOW, **fields):
    for _ in range(times):
        breaking.note_failure(source=source, kind=kind, now=at, **fields)
    source.refresh_from_db()


def actions():
    return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


class TestNoteFailure:
    def test_opens_the_breaker_after_so_many_in_a_row(self, source):
        fail(source, times=2)
        assert (source.breaker_state, source.breaker_retry_at) == ("CLOSED", None)
        fail(source)
        assert source.breaker_state == "OPEN"
        assert source.breaker_opened_at == NOW
        assert source.breaker_retry_at == NOW + timedelta(seconds=300)
        assert actions() == ["markets.open_breaker"]

    def test_counts_anew_after_a_success(self, source):
        fail(source, times=2)
        breaking.note_success(source=source, now=NOW)
        fail(source, times=2)
        assert source.breaker_state == "CLOSED"

    @pytest.mark.parametrize("kind", ["RATE_LIMITED", "CANCELLED", "FAULT"])
    def test_of_what_is_not_the_sources_fault_opens_nothing(self, source, kind):
        fail(source, times=9, kind=kind)
        assert (source.breaker_state, source.failures_in_a_row) == ("CLOSED", 9)

    def test_of_a_file_opens_nothing(self, source):
        fail(source, times=9, is_asked=False)
        assert source.breaker_state == "CLOSED"

    def test_waits_as_long_as_the_source_asks(self, source):
        fail(source, kind="RATE_LIMITED", wait=90.0)
        assert source.not_before == NOW + timedelta(seconds=90)
        fail(source, kind="TIMEOUT")
        assert source.not_before == NOW + timedelta(seconds=90)

    def test_of_the_look_that_tries_it_opens_it_again_for_twice_as_long(self, source):
        fail(source, times=3)
        seconds = []
        for _ in range(6):
            at = source.breaker_retry_at
            assert breaking.admit(source=source, now=at)
            fail(source, at=at)
            seconds.append((source.breaker_retry_at - at).total_seconds())
        assert seconds == [600, 1200, 2400, 3600, 3600, 3600]
        assert source.breaker_opened_at == NOW

    def test_of_a_trial_that_says_nothing_of_it_opens_it_again_as_long(self, source):
        fail(source, times=3)
        at = source.breaker_retry_at
        breaking.admit(source=source, now=at)
        fail(source, kind="RATE_LIMITED", at=at)
        assert (source.breaker_state, source.breaker_reopenings) == ("OPEN", 0)

    def test_leaves_a_frequent_source_alone_for_four_cadences_at_most(self, source):
        Source.objects.update(cadence_seconds=60)
        fail(source, times=3)
        assert source.breaker_retry_at == NOW + timedelta(seconds=240)


class TestAdmit:
    def test_lets_looks_pass_while_it_is_closed(self, source):
        assert breaking.admit(source=source, now=NOW)
        assert breaking.admit(source=source, now=NOW)

    def test_lets_none_pass_before_its_time_and_one_alone_after_it(self, source):
        fail(source, times=3)
        at = source.breaker_retry_at
        assert not breaking.admit(source=source, now=at - timedelta(seconds=1))
        assert breaking.admit(source=source, now=at)
        source.refresh_from_db()
        assert source.breaker_state == "HALF_OPEN"
        assert not breaking.admit(source=source, now=at)

    def test_lets_another_one_pass_where_the_trial_was_lost(self, source):
        fail(source, times=3)
        at = source.breaker_retry_at
        breaking.admit(source=source, now=at)
        assert breaking.admit(source=source, now=at + breaking.PROBE)

    def test_closes_with_the_trials_success(self, source):
        fail(source, times=3)
        breaking.admit(source=source, now=source.breaker_retry_at)
        breaking.note_success(source=source, now=NOW)
        source.refresh_from_db()
        assert (source.breaker_state, source.breaker_retry_at) == ("CLOSED", None)
        assert (source.breaker_opened_at, source.failures_in_a_row) == (None, 0)
        assert actions() == ["markets.open_breaker", "markets.close_breaker"]


class TestAskLeave:
    def test_refuses_while_the_breaker_is_open(self, source):
        fail(source, times=3)
        with pytest.raises(breaking.LeftAlone, match="failed 3 times in a row"):
            breaking.ask_leave(source=source, now=NOW)

    def test_refuses_while_the_source_asked_us_to_wait(self, source):
        fail(source, kind="RATE_LIMITED", wait=90.0)
        with pytest.raises(breaking.LeftAlone, match="12:01:30 UTC"):
            breaking.ask_leave(source=source, now=NOW)
        breaking.ask_leave(source=source, now=NOW + timedelta(seconds=90))


class TestReset:
    def reset(self, **fields):
        values = {"source_code": "feed", "actor": "user:olga", "reason": "repaired", "now": NOW}
        return breaking.reset(**{**values, **fields})

    def test_asks_again_at_once(self, source):
        fail(source, times=3, wait=9e3)
        self.reset()
        breaking.ask_leave(source=Source.objects.get(), now=NOW)
        entry = AuditEntry.objects.get(action="markets.reset_breaker")
        assert (entry.actor, entry.detail["reason"]) == ("user:olga", "repaired")

    def test_refuses_where_there_is_nothing_to_reset_or_no_reason(self, source):
        with pytest.raises(breaking.NothingToReset):
            self.reset()
        fail(source, times=3)
        with pytest.raises(breaking.NothingToReset, match="reason"):
            self.reset(reason=" ")
        assert "markets.reset_breaker" not in actions()


class TestSourcesDue:
    def due(self, now):
        return [source.code for source in queries.sources_due(now=now)]

    def test_leaves_out_what_is_left_alone_until_it_may_be_tried(self, source):
        fail(source, times=3)
        assert self.due(NOW + timedelta(seconds=299)) == []
        assert self.due(NOW + timedelta(seconds=300)) == ["feed"]

    def test_leaves_out_what_asked_us_to_wait(self, source):
        Source.objects.update(not_before=NOW + timedelta(hours=2))
        assert self.due(NOW + timedelta(hours=1)) == []
        assert self.due(NOW + timedelta(hours=2)) == ["feed"]

    def test_asks_four_times_less_often_while_the_quota_is_low(self, source):
        fields = {"quota_limit": 500, "quota_used": 460, "quota_remaining": 40}
        Source.objects.update(last_attempt_at=NOW, quota_read_at=NOW, **fields)
        assert self.due(NOW + timedelta(hours=3, minutes=59)) == []
        assert self.due(NOW + timedelta(hours=4)) == ["feed"]

    def test_forgets_a_low_quota_with_the_month(self, source):
        june = NOW.replace(month=6, day=30, hour=23)
        fields = {"quota_limit": 500, "quota_used": 500, "quota_remaining": 0}
        Source.objects.update(last_attempt_at=june, quota_read_at=june, **fields)
        assert self.due(june + timedelta(hours=1)) == ["feed"]


class TestTwoLooksAtOnce:
    def test_only_one_of_them_tries_an_open_breaker(self, source):
        """The second finds the row as the first left it: the condition is part of the update."""
        fail(source, times=3)
        at = source.breaker_retry_at
        stale = Source.objects.get()
        assert breaking.admit(source=source, now=at)
        assert connection.in_atomic_block
        assert not breaking.admit(source=stale, now=at)
