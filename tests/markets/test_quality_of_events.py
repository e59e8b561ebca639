"""The rules of data quality on events: what each speaks of, and what it leaves alone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.domain import quality
from markets.models import EventChange
from tests.markets.quality import (
    HOUR,
    MINUTE,
    NOW,
    a_league,
    a_result,
    a_source,
    an_event,
    found,
)

DAY = 24 * HOUR


def shown(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


LEAGUES = quality.Leagues(share=0.6, sides=8)


class TestSeasonFlaw:
    @pytest.mark.parametrize(
        ("tally", "value"),
        [
            (("E0", "2023-24", 20, 380, 380, True), None),
            (("E0", "2023-24", 20, 379, 379, True), -1),
            (("E0", "2023-24", 20, 379, 379, False), None),  # it goes on
            (("E0", "2023-24", 20, 381, 380, False), 1),  # too many are too many at any time
            (("F1", "2019-20", 20, 279, 279, True), -101),  # cut short
            (("CUP", "2023-24", 64, 63, 63, True), None),  # no round robin: nothing expected
            (("NBA", "2023-24", 30, 1319, 850, True), None),
            (("NFL", "2023", 32, 285, 270, True), None),
            (("NFL", "2022", 32, 284, 270, True), None),  # one was called off
            (("NFL", "2023", 32, 271, 260, True), -13),
            (("NFL", "2005", 32, 267, 250, True), None),
            (("TEN", "2019", 6, 30, 30, True), None),  # too few sides to say
        ],
    )
    def test_is_the_distance_from_what_the_competition_plays(self, tally, value):
        flaw = quality.season_flaw(quality.Tally(*tally), leagues=LEAGUES)
        assert (None if flaw is None else flaw[0]) == value

    @given(teams=st.integers(8, 40), gone=st.integers(0, 10), is_over=st.booleans())
    def test_of_a_round_robin_is_what_is_missing_once_it_is_over(self, teams, gone, is_over):
        played = teams * (teams - 1) - gone
        flaw = quality.season_flaw(
            quality.Tally("X", "1", teams, played, played, is_over), leagues=LEAGUES
        )
        assert (0 if flaw is None else -flaw[0]) == (gone if is_over else 0)


@pytest.mark.django_db
class TestNoResult:
    @pytest.fixture(autouse=True)
    def a_season_with_results(self, db):
        a_result(an_event("Elms", "Firs", starts_in=-3 * DAY, status="FINISHED"))

    @pytest.mark.parametrize(
        ("ago", "fields", "speaks"),
        [
            (5 * HOUR, {}, False),
            (7 * HOUR, {}, True),
            (7 * HOUR, {"status": "LIVE"}, True),
            (7 * HOUR, {"start_certainty": "DATE"}, False),
            (31 * HOUR, {"start_certainty": "DATE"}, True),
            (7 * HOUR, {"status": "CANCELLED"}, False),
            (7 * HOUR, {"status": "POSTPONED"}, False),
        ],
    )
    def test_speaks_of_events_that_are_over_for_hours(self, ago, fields, speaks):
        an_event(starts_in=-ago, **fields)
        assert bool(found("no-result")) == speaks

    def test_waits_as_long_as_the_sport_lasts(self):
        tennis = a_league("wta", sport="tennis")
        a_result(an_event("A", "B", league=tennis, starts_in=-9 * DAY, status="FINISHED"))
        an_event("C", "D", league=tennis, starts_in=-30 * HOUR)
        assert found("no-result") == []

    @pytest.mark.parametrize(("ago", "n"), [(4 * MINUTE, 0), (6 * MINUTE, 1)])
    def test_gives_a_fast_calendar_minutes_all_the_same(self, ago, n):
        fast = a_league("SIM1", is_simulated=True, time_scale=360.0)
        a_result(an_event("A", "B", league=fast, starts_in=-DAY, status="FINISHED"))
        an_event("C", "D", league=fast, starts_in=-ago)
        assert len(found("no-result")) == n

    def test_leaves_a_season_whose_results_nobody_tells_to_one_finding(self):
        other = a_league("NBA")
        for home in ("A", "C", "E"):
            an_event(home, "B", league=other, starts_in=-DAY)
        assert found("no-result") == []
        assert found("season-without-results") == [
            "NBA 2025-26: 3 events are over, none has a result"
        ]

    def test_looks_at_the_asked_span_alone(self):
        an_event(starts_in=-30 * DAY)
        assert found("no-result", since=NOW - 14 * DAY) == []
        assert len(found("no-result")) == 1


@pytest.mark.django_db
class TestStatusOdd:
    @pytest.mark.parametrize(
        ("fields", "result", "said"),
        [
            ({"status": "LIVE", "starts_in": HOUR}, None, "live before its start"),
            ({"status": "LIVE", "starts_in": 10 * MINUTE}, None, ""),
            ({"status": "SCHEDULED", "starts_in": -3 * HOUR}, "FINAL", "still scheduled though"),
            ({"status": "FINISHED", "starts_in": -3 * HOUR}, "FINAL", ""),
            ({"status": "FINISHED", "starts_in": -3 * HOUR}, None, "finished without a result"),
            ({"status": "SCHEDULED", "starts_in": -3 * HOUR}, None, ""),
        ],
    )
    def test_speaks_of_a_state_that_the_facts_contradict(self, fields, result, said):
        event = an_event(**fields)
        if result:
            a_result(event, status=result)
        assert [said in one for one in found("status-odd")] == ([True] if said else [])


@pytest.mark.django_db
class TestDuplicatedEvent:
    @pytest.mark.parametrize(
        ("home", "away", "apart", "fields", "is_twice"),
        [
            ("Alders", "Birches", 3 * HOUR, {"leg": 2}, True),
            ("Birches", "Alders", 3 * HOUR, {}, True),
            ("Birches", "Alders", 13 * HOUR, {}, False),
            ("Birches", "Alders", 3 * HOUR, {"status": "POSTPONED"}, False),
            ("Birches", "Cedars", 3 * HOUR, {}, False),
        ],
    )
    def test_speaks_of_the_same_sides_near_each_other(self, home, away, apart, fields, is_twice):
        an_event()
        an_event(home, away, starts_in=2 * HOUR + apart, **fields)
        said = found("duplicated-event")
        assert bool(said) == is_twice
        assert all(("exchanged" in one) == (home == "Birches") for one in said)

    def test_leaves_two_games_of_one_day_alone_where_they_are_usual(self):
        league = a_league("MLB", sport="baseball")
        an_event(league=league)
        an_event(league=league, starts_in=6 * HOUR, leg=2)
        assert found("duplicated-event") == []

    def test_sees_it_in_another_competition_too(self):
        an_event()
        an_event(league=a_league("X2"))
        assert len(found("duplicated-event")) == 1


@pytest.mark.django_db
class TestSideTwice:
    @pytest.mark.parametrize(
        ("home", "away", "apart", "fields", "n"),
        [
            ("Alders", "Cedars", HOUR, {}, 1),
            ("Cedars", "Alders", HOUR, {}, 1),
            ("Alders", "Cedars", 3 * HOUR, {}, 0),
            ("Birches", "Alders", HOUR, {}, 0),  # the same event twice: another rule's
            ("Alders", "Cedars", HOUR, {"start_certainty": "DATE"}, 0),
        ],
    )
    def test_speaks_of_a_side_that_cannot_be_in_both(self, home, away, apart, fields, n):
        an_event()
        an_event(home, away, starts_in=2 * HOUR + apart, **fields)
        assert len(found("side-twice")) == n


@pytest.mark.django_db
class TestStartDisagrees:
    def moved(self, event, source, minutes, ago):
        EventChange.objects.create(
            event=event,
            source=source,
            field="starts_at",
            before="",
            after=str(event.starts_at + minutes * MINUTE),
            known_at=NOW - ago,
        )

    def test_speaks_of_two_that_move_it_to_and_fro(self):
        event, one, two = an_event(), a_source("one"), a_source("two")
        self.moved(event, one, 0, 3 * HOUR)
        self.moved(event, two, 30, 2 * HOUR)
        (said,) = found("start-disagrees")
        assert "one says 2026-03-14 14:00 UTC, two says 2026-03-14 14:30 UTC" in said

    def test_goes_by_the_last_word_of_each(self):
        event, one, two = an_event(), a_source("one"), a_source("two")
        self.moved(event, one, 0, 3 * HOUR)
        self.moved(event, two, 30, 2 * HOUR)
        self.moved(event, one, 30, HOUR)
        assert found("start-disagrees") == []

    def test_leaves_one_that_changed_its_mind_alone(self):
        event, one = an_event(), a_source("one")
        self.moved(event, one, 0, 3 * HOUR)
        self.moved(event, one, 60, HOUR)
        assert found("start-disagrees") == []


@pytest.mark.django_db
class TestStartPlaceholder:
    @pytest.mark.parametrize(
        ("zone", "starts_at", "fields", "speaks"),
        [
            ("Europe/Rome", "2026-03-15T23:00", {}, True),
            ("Europe/Rome", "2026-03-16T00:00", {}, False),
            ("UTC", "2026-03-16T00:00", {}, False),  # no zone of its own is known
            ("Europe/Rome", "2026-03-15T23:00", {"start_certainty": "DATE"}, False),
        ],
    )
    def test_speaks_of_midnight_by_the_competitions_clocks(self, zone, starts_at, fields, speaks):
        league = a_league("I1", time_zone=zone)
        an_event(league=league, starts_in=shown(starts_at) - NOW, **fields)
        assert bool(found("start-placeholder")) == speaks


@pytest.mark.django_db
class TestSeasonCount:
    def season(self, *, left_out: int, ago: timedelta = 30 * DAY):
        sides = [f"Side {i}" for i in range(8)]
        pairs = [(home, away) for home in sides for away in sides if home != away]
        for home, away in pairs[left_out:]:
            an_event(home, away, starts_in=-ago, status="FINISHED", label="2024-25")

    @pytest.mark.parametrize(
        ("left_out", "ago", "n"), [(0, 30 * DAY, 0), (2, 30 * DAY, 1), (2, 9 * DAY, 0)]
    )
    def test_speaks_of_a_season_over_that_lacks_matches(self, left_out, ago, n):
        self.season(left_out=left_out, ago=ago)
        said = found("season-count")
        assert len(said) == n
        if n:
            assert said == ["X1 2024-25: 54 matches of 8 sides, 56 expected: 2 missing"]
