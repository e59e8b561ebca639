"""Events as a load brings them: found again, moved, begun, over."""

from datetime import timedelta

from markets.models import Event
from tests.markets.builders import START, a_batch, a_result, an_event, history, match_odds, record


class TestEvents:
    def test_that_move_are_the_same_event_and_count_as_changed(self, source):
        record(a_batch(), source)
        moved = an_event(starts_at=START + timedelta(days=3))
        counts = record(a_batch(events=[moved]), source)
        assert (counts.events.new, counts.events.changed) == (0, 1)
        assert Event.objects.get().starts_at == START + timedelta(days=3)

    def test_that_move_keep_their_prices_and_may_get_new_ones(self, source):
        record(a_batch(prices=match_odds("2.0", "3.4", "4", hours_before=1)), source)
        moved = an_event(starts_at=START - timedelta(hours=3))
        earlier = match_odds("2.0", "3.4", "4", hours_before=4)
        record(a_batch(events=[moved], prices=earlier), source)
        assert history() == [(4, "2.000"), (1, "2.000")]

    def test_that_are_over_do_not_move_without_a_result(self, source):
        record(a_batch(results=[a_result()]), source)
        moved = an_event(starts_at=START + timedelta(days=90))
        counts = record(a_batch(events=[moved]), source)
        assert Event.objects.get().starts_at == START
        assert [problem.field for problem in counts.problems] == ["starts_at"]
        record(a_batch(events=[moved], results=[a_result()]), source)
        assert Event.objects.get().starts_at == START + timedelta(days=90)

    def test_follow_their_newest_result(self, source):
        record(a_batch(), source)
        postponed = a_result(None, None, status="POSTPONED")
        record(a_batch(results=[postponed]), source)
        assert Event.objects.get().status == "POSTPONED"
        record(a_batch(), source)
        assert Event.objects.get().status == "POSTPONED"
        record(a_batch(events=[an_event(starts_at=START + timedelta(days=9))]), source)
        assert Event.objects.get().status == "SCHEDULED"
        record(a_batch(results=[a_result()]), source)
        assert Event.objects.get().status == "FINISHED"
        record(a_batch(), source)
        assert Event.objects.get().status == "FINISHED"

    def test_remember_when_they_really_started(self, source):
        late = START + timedelta(minutes=12)
        record(a_batch(events=[an_event(started_at=late, status="LIVE")]), source)
        record(a_batch(), source)
        event = Event.objects.get()
        assert (event.started_at, event.status) == (late, "LIVE")
