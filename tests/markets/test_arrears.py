"""Sources that are read with success and yet no longer tell what is due."""

from datetime import timedelta

import pytest

from markets.connectors.base import ParsedBatch
from markets.domain import levels
from markets.models import Event, Fetch, Source
from markets.monitors import sources as monitors
from markets.services import simulating
from tests.markets.builders import NOW, START, a_batch, a_result, a_source, an_event, record

pytestmark = pytest.mark.django_db
SOON = START + timedelta(days=3)
EMPTY = int(levels.EMPTY_LOOKS.default)


def said(now):
    return [finding.summary for finding in monitors.source_stale(now)]


class TestARealSource:
    @pytest.fixture
    def source(self):
        """A source that has told one result and another event, and is read every 12 hours."""
        source = a_source(
            location="/data", cadence_seconds=43_200, last_attempt_at=SOON, last_success_at=SOON
        )
        other = an_event("two", home="Cedars", away="Elms", starts_at=START + timedelta(hours=3))
        record(a_batch(events=[an_event(), other], results=[a_result()]), source)
        return source

    def looks(self, source, *states):
        for number, state in enumerate(states):
            Fetch.objects.create(
                source=source, origin="x", state=state, started_at=START + timedelta(hours=number)
            )

    def test_is_missed_when_it_stays_empty_although_a_result_is_due(self, source):
        self.looks(source, *["NOTHING_NEW"] * EMPTY)
        (text,) = said(SOON)
        assert "it is read with success and brings nothing: no result of 1 events" in text
        assert "the first began 2023-08-12 17:00 UTC" in text

    @pytest.mark.parametrize(
        "states",
        [
            ["NOTHING_NEW"] * (EMPTY - 1),
            ["NOTHING_NEW"] * EMPTY + ["NEW_DATA"],
            ["NEW_DATA"] + ["NOTHING_NEW"] * (EMPTY - 1),
        ],
    )
    def test_is_not_missed_for_a_few_empty_looks(self, source, states):
        self.looks(source, *states)
        assert said(SOON) == []

    def test_may_stay_empty_while_nothing_is_due(self, source):
        self.looks(source, *["NOTHING_NEW"] * EMPTY)
        began = START + timedelta(hours=3)
        Source.objects.update(last_success_at=began)
        assert said(began + timedelta(hours=35)) == []
        Source.objects.update(last_success_at=began + timedelta(days=14))
        assert said(began + timedelta(days=14, hours=1)) == []
        Source.objects.update(last_success_at=SOON)
        record(a_batch(events=[an_event("two", home="Cedars", away="Elms")],
                       results=[a_result(event_ref="two")]), source)  # fmt: skip
        assert said(SOON) == []

    def test_owes_no_results_of_competitions_that_it_never_told_of(self, source):
        Event.objects.filter(home__name="Cedars").update(status="FINISHED")
        strange = a_source(code="strange")
        record(a_batch(events=[an_event(competition="E0", home="Pines", away="Oaks")]), strange)
        assert len(said(SOON)) == 0
        self.looks(strange, *["NOTHING_NEW"] * EMPTY)
        Source.objects.filter(pk=strange.pk).update(location="/x", last_success_at=SOON)
        assert said(SOON) == []


class TestTheSimulatedLeague:
    @pytest.fixture
    def league(self):
        simulating.create_history(seasons=0, seed=5, now=NOW, actor="cli:test")
        simulating.tick(now=NOW)

    def go_on(self, since, until):
        """Tick each half minute from one minute to another; return the time."""
        for half in range(2 * since + 1, 2 * until + 1):
            now = NOW + timedelta(seconds=30 * half)
            simulating.tick(now=now)
            assert Source.objects.get().last_success_at == now
        return now

    @pytest.fixture
    def mute(self, league, monkeypatch):
        """Make every tick succeed and bring nothing."""
        monkeypatch.setattr(simulating.simulator, "tell", lambda **_: ParsedBatch())

    def test_owes_nothing_while_it_tells_what_is_due(self, league):
        for minute in (0, 2, 4, 6):
            assert said(self.go_on(minute, minute + 2)) == []

    def test_owes_nothing_at_once_after_it_was_away(self, league):
        now = NOW + timedelta(hours=1)
        simulating.tick(now=now)
        assert said(now) == []

    def test_is_missed_when_results_stay_away_although_it_ticks(self, mute):
        assert said(self.go_on(0, 2)) == []
        (text,) = said(self.go_on(2, 6))
        assert "Simulator (SIMULATED): it is read with success and brings nothing" in text
        assert "no result of" in text

    def test_is_missed_when_prices_stay_away_although_it_ticks(self, mute):
        Event.objects.filter(starts_at__lte=NOW + timedelta(minutes=6)).update(status="CANCELLED")
        assert said(self.go_on(0, 4)) == []
        assert "no prices of" in said(self.go_on(4, 6))[0]

    def test_is_missed_when_no_season_follows_although_it_ticks(self, mute):
        Event.objects.update(status="FINISHED", starts_at=NOW - timedelta(minutes=1))
        assert said(NOW) == []
        assert "no event ahead" in said(self.go_on(0, 4))[0]

    def test_is_asked_in_few_statements(self, league, django_assert_max_num_queries):
        with django_assert_max_num_queries(6):
            monitors.source_stale(NOW)
            assert said(NOW) == []
