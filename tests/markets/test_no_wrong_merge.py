"""Two events that are not the same never become one, however alike they are told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from markets.connectors.base import ParsedCompetition
from markets.models import Event, LatestPrice, Participant, Result
from tests.markets.builders import (
    NOW,
    START,
    a_batch,
    a_price,
    a_result,
    a_source,
    an_event,
    match_odds,
    record,
)

MLB = ParsedCompetition("MLB", "MLB", "USA", sport="baseball", time_zone="America/New_York")
NBA = ParsedCompetition("NBA", "NBA", "USA", sport="basketball", time_zone="America/New_York")


@pytest.fixture
def source(db):
    return a_source()


@pytest.fixture
def other(db):
    return a_source(code="other", name="Another feed")


def a_match(ref="one", **fields):
    return an_event(ref, **{"leg": None, **fields})


def a_game(ref="one", **fields):
    values = {"competition": "MLB", "season": "2023", "home": "Mets", "away": "Cubs", "leg": None}
    return an_event(ref, **{**values, **fields})


def of(competition, *events, **facts):
    return replace(a_batch(events=events, **facts), competitions=[competition])


class TestSidesThatAreNearlyCalledTheSame:
    @pytest.mark.parametrize(
        "twin",
        [
            "Alders W", "Alders U21", "Alders B", "Alders II", "Alders Women", "alders", "ALDERS",
            "Alders.", "Аlders", "Álders", "Alders FC",
        ],
    )  # fmt: skip
    def test_play_matches_of_their_own(self, source, other, twin):
        record(a_batch(events=[a_match()], prices=match_odds("2", "3", "4")), source)
        told = a_match(home=twin)
        record(a_batch(events=[told], results=[a_result(9, 9)]), other)
        first = Event.objects.get(home__name="Alders")
        assert Event.objects.count() == 2
        assert not Result.objects.filter(event=first).exists()

    def test_are_parked_where_the_source_makes_no_names(self, source):
        record(a_batch(events=[a_match()]), source)
        strict = a_source(code="strict", name="Strict", creates_names=False)
        counts = record(a_batch(events=[a_match(home="Alders W")]), strict)
        assert (counts.event_ids, Participant.objects.count()) == ({}, 2)

    def test_of_another_sport_are_somebody_else(self, source, other):
        record(a_batch(events=[a_match()]), source)
        game = a_match(competition="NBA")
        counts = record(of(NBA, game), other)
        assert (counts.events.new, Event.objects.count()) == (1, 2)
        assert Participant.objects.filter(name="Alders").count() == 2


class TestTwoGamesOfOnePair:
    def test_in_a_week_are_two(self, source, other):
        cup = a_match("two", starts_at=START + timedelta(days=3))
        record(a_batch(events=[a_match(), cup]), source)
        counts = record(a_batch(events=[a_match(), cup]), other)
        assert (counts.events.new, Event.objects.count()) == (0, 2)
        assert len(set(counts.event_ids.values())) == 2

    def test_on_a_day_are_two(self, source, other):
        late = a_game("two", starts_at=START + timedelta(hours=4))
        record(of(MLB, a_game(), late), source)
        counts = record(of(MLB, a_game(), late), other)
        assert (counts.events.new, len(set(counts.event_ids.values()))) == (0, 2)

    def test_on_a_day_of_which_the_day_alone_is_known_are_never_one(self, source):
        noon = datetime(2023, 8, 12, 16, tzinfo=UTC)
        games = [
            a_game("one", id="g1", starts_at=noon, certainty="DATE", record=1),
            a_game("two", id="g2", starts_at=noon, certainty="DATE", record=2),
        ]
        results = [a_result(3, 1, record=1), replace(a_result(0, 7, record=2), event_ref="two")]
        record(replace(of(MLB, *games), results=results, records=2), source)
        self._are_apart()
        again = replace(of(MLB, games[1]), results=[results[1]], records=2)
        record(again, source)
        self._are_apart()

    def _are_apart(self):
        event = Event.objects.get()
        assert list(event.refs.values_list("ref", flat=True)) == ["g1"]
        assert list(event.results.values_list("home_score", "version")) == [(3, 1)]

    def test_whose_day_ends_at_another_clocks_midnight_are_told_apart(self, source, other):
        evening = datetime(2024, 1, 2, 0, 30, tzinfo=UTC)  # the 1st, 19:30 in New York
        next_evening = evening + timedelta(hours=24)
        first = a_match("one", competition="NBA", starts_at=evening)
        second = a_match("two", competition="NBA", starts_at=next_evening)
        record(of(NBA, first, second), source)
        by_day = [
            replace(first, ref=f"{day}", starts_at=datetime(2024, 1, day, 17, tzinfo=UTC),
                    certainty="DATE")
            for day in (1, 2)
        ]  # fmt: skip
        counts = record(of(NBA, *by_day), other)
        assert counts.events.new == 0
        starts = {e.pk: e.starts_at for e in Event.objects.all()}
        assert [starts[counts.event_ids[day]] for day in ("1", "2")] == [evening, next_evening]


class TestEventsThatAreToldInAnyOrder:
    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        tellings=st.lists(
            st.tuples(
                st.sampled_from(["Alders", "Birches", "Alders W", "Cedars"]),
                st.sampled_from(["Alders", "Birches", "Alders W", "Cedars"]),
                st.integers(0, 14 * 24),
                st.booleans(),
            ),
            min_size=1, max_size=12,
        )
    )  # fmt: skip
    def test_never_hold_facts_of_other_sides(self, db, tellings):
        """Whatever comes in whichever order: an event's facts are those told of its own sides."""
        from django.db import transaction

        with transaction.atomic():
            told = self._tell(tellings)
            for pk, pairs in told.items():
                event = Event.objects.select_related("home", "away").get(pk=pk)
                assert pairs == {(event.home.name, event.away.name)}
                starts = event.starts_at
                assert START - timedelta(hours=1) <= starts <= START + timedelta(days=15)
            pairs = Event.objects.values_list("home__name", "away__name", "starts_at")
            for home, away, at in pairs:
                near = [
                    row for row in pairs
                    if {row[0], row[1]} == {home, away} and abs(row[2] - at) < timedelta(hours=1)
                ]  # fmt: skip
                assert len(near) == 1
            transaction.set_rollback(True)

    def _tell(self, tellings):
        sources = {False: a_source(code="fa"), True: a_source(code="fb")}
        told = {}
        for home, away, hours, is_second in tellings:
            event = a_match(home=home, away=away, starts_at=START + timedelta(hours=hours))
            counts = record(a_batch(events=[event], prices=[a_price("2")]), sources[is_second], NOW)
            for pk in counts.event_ids.values():
                told.setdefault(pk, set()).add((home, away))
        assert LatestPrice.objects.count() <= len(tellings)
        return told
