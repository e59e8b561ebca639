"""Events as a load brings them: found again, moved, begun, over."""

from datetime import timedelta

import pytest

from markets.models import ClosingPrice, Event
from markets.services import closing, recording
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


class TestATellingThatIsOlder:
    """Which of two tellings is the newer one, they say themselves: not the order of reading."""

    MOVED = START + timedelta(days=3)
    OLD, NEW = START - timedelta(days=9), START - timedelta(days=2)

    def tellings(self):
        first = an_event(known_at=self.OLD)
        return first, an_event(starts_at=self.MOVED, known_at=self.NEW)

    @pytest.mark.parametrize("order", [1, -1], ids=["in order", "the newer one first"])
    def test_keeps_no_older_start(self, source, order):
        for told in self.tellings()[::order]:
            record(a_batch(events=[told]), source)
        event = Event.objects.get()
        assert (event.starts_at, event.start_known_at) == (self.MOVED, self.NEW)

    @pytest.mark.parametrize("order", [1, -1], ids=["in order", "the newer one first"])
    def test_leaves_closes_to_the_newer_start(self, source, order):
        early = match_odds("2.0", "3.4", "4.0", hours_before=1)
        late = match_odds("2.5", "3.4", "3.0", hours_before=-48)  # a day before the moved start
        pairs = zip(self.tellings(), (early, late), strict=True)
        for told, prices in list(pairs)[::order]:
            record(a_batch(events=[told], prices=prices), source)
            closing.record_closes(as_of=self.MOVED, now=self.MOVED)
        home = ClosingPrice.objects.get(selection__role="HOME")
        assert (str(home.price), home.starts_at) == ("2.500", self.MOVED)

    def test_does_not_change_when_it_really_started(self, source):
        began = self.MOVED + timedelta(minutes=4)
        newer = an_event(starts_at=self.MOVED, started_at=began, known_at=self.NEW)
        older = an_event(started_at=START, known_at=self.OLD)
        record(a_batch(events=[newer]), source)
        record(a_batch(events=[older]), source)
        assert Event.objects.get().started_at == began

    def test_is_heard_where_it_does_not_say_how_old_it_is(self, source):
        record(a_batch(events=[an_event(known_at=self.NEW)]), source)
        record(a_batch(events=[an_event(starts_at=self.MOVED)]), source)
        assert Event.objects.get().starts_at == self.MOVED

    def test_is_of_now_where_it_was_asked_for_just_now(self, source):
        told = a_batch(events=[an_event(starts_at=self.MOVED)])
        recording.record(batch=told, source=source, now=self.NEW, is_live=True)
        record(a_batch(events=[an_event(known_at=self.OLD)]), source)
        assert Event.objects.get().starts_at == self.MOVED
