"""Which event a telling means: one that stands, a new one, or none for certain."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from markets.connectors.base import (
    ParsedBatch,
    ParsedCompetition,
    ParsedMarket,
    ParsedPerson,
)
from markets.models import Event, EventAlias, EventChange, Participant, SelectionAlias
from tests.markets.builders import (
    NOW,
    START,
    a_batch,
    a_price,
    a_result,
    a_source,
    an_event,
    record,
)

TRACK = ParsedCompetition("au-ascot", "Ascot (WA)", "AU", sport="horse_racing", time_zone="UTC")
NBA = ParsedCompetition("NBA", "NBA", "USA", sport="basketball", time_zone="America/New_York")
HAWKS, HEAT = "Atlanta Hawks", "Miami Heat"


@pytest.fixture
def other(db):
    return a_source(code="other", name="Another feed")


def a_match(ref="one", **fields):
    return an_event(ref, **{"leg": None, **fields})


def a_game(ref="one", *, home=HAWKS, away=HEAT, **fields):
    values = {"competition": "NBA", "season": "2023-24", "home": home, "away": away, "leg": None}
    return an_event(ref, **{**values, **fields})


def a_race(ref="race", **fields):
    values = {
        "competition": "au-ascot", "season": "2023", "home": "", "away": "", "leg": None,
        "meeting_date": date(2023, 8, 12), "race_number": 3, "name": "Ascot 2023-08-12 R3",
    }  # fmt: skip
    return an_event(ref, **{**values, **fields})


def games(*events, **facts):
    return replace(a_batch(events=events, **facts), competitions=[NBA])


def races(*events, **facts):
    return replace(a_batch(events=events), competitions=[TRACK], **facts)


def reasons(counts):
    return [problem.field for problem in counts.problems]


class TestAMatch:
    def test_is_joined_by_sides_and_start_in_the_window(self, source, other):
        record(a_batch(events=[a_match()]), source)
        later = a_match(starts_at=START + timedelta(hours=20))
        counts = record(a_batch(events=[later]), other)
        assert (counts.events.new, counts.events.changed) == (0, 1)
        assert Event.objects.get().starts_at == START + timedelta(hours=20)

    def test_outside_the_window_is_another_one_with_the_next_leg(self, source):
        record(a_batch(events=[a_match()]), source)
        counts = record(a_batch(events=[a_match(starts_at=START + timedelta(days=60))]), source)
        assert counts.events.new == 1
        assert sorted(Event.objects.values_list("leg", flat=True)) == [1, 2]

    def test_on_the_next_day_of_a_series_is_another_one(self, source):
        second = a_game("two", starts_at=START + timedelta(hours=26))
        counts = record(games(a_game(), second), source)
        assert (counts.events.new, Event.objects.count()) == (2, 2)

    def test_with_swapped_sides_waits_and_is_never_merged(self, source, other):
        record(a_batch(events=[a_match()]), source)
        swapped = a_match(home="Birches", away="Alders", is_neutral=True)
        counts = record(a_batch(events=[swapped], results=[a_result()]), other)
        assert reasons(counts) == ["sides_swapped"]
        assert (Event.objects.count(), counts.results.new) == (1, 0)

    def test_that_fits_two_waits(self, source, other):
        first = a_match("one", leg=1)
        second = a_match("two", leg=2, starts_at=START + timedelta(hours=30))
        record(a_batch(events=[first, second]), source)
        between = a_match(starts_at=START + timedelta(hours=15))
        counts = record(a_batch(events=[between]), other)
        assert reasons(counts) == ["ambiguous_event"]
        assert Event.objects.count() == 2

    def test_that_starts_exactly_then_goes_before_the_window(self, source, other):
        first = a_match("one", leg=1)
        second = a_match("two", leg=2, starts_at=START + timedelta(hours=30))
        record(a_batch(events=[first, second]), source)
        counts = record(a_batch(events=[a_match(starts_at=second.starts_at)]), other)
        assert counts.event_ids["one"] == Event.objects.get(leg=2).pk

    def test_of_which_only_the_day_is_known_is_joined_by_that_day(self, source, other):
        at = START.replace(day=13, hour=1)  # the evening of the 12th in New York
        record(games(a_game(starts_at=at)), source)
        noon = a_game(starts_at=START.replace(hour=16), certainty="DATE")
        next_day = a_game("two", starts_at=START.replace(day=13, hour=16), certainty="DATE")
        counts = record(games(noon, next_day), other)
        assert (counts.events.new, counts.events.unchanged) == (1, 1)
        assert counts.event_ids["one"] == Event.objects.get(starts_at=at).pk

    def test_that_may_not_be_made_waits_for_its_event(self, source):
        counts = record(a_batch(events=[a_match(is_known_only=True)]), source)
        assert (reasons(counts), Event.objects.count()) == (["no_event"], 0)

    def test_without_a_start_is_joined_by_its_round(self, source, other):
        record(a_batch(events=[a_match(round="7")]), source)
        for number, expected in (("7", 1), ("8", 0)):
            told = a_match(round=number, starts_at=None)
            counts = record(a_batch(events=[told]), other)
            assert len(counts.event_ids) == expected

    def test_told_by_many_records_is_one(self, source):
        told = [a_match(record=number) for number in (1, 2, 3)]
        counts = record(replace(a_batch(events=told), records=3), source)
        assert counts.events.new == 1
        assert counts.rows == (3, 1, 2, 0, 0)


class TestAnId:
    def test_leads_to_its_event_wherever_that_was_moved(self, source):
        record(a_batch(events=[a_match(id="x1")]), source)
        moved = a_match(id="x1", starts_at=START + timedelta(days=90))
        counts = record(a_batch(events=[moved]), source)
        assert (counts.events.changed, Event.objects.count()) == (1, 1)

    def test_needs_no_competition(self, source):
        record(a_batch(events=[a_match(id="x1")]), source)
        told = an_event("x1", competition="", season="", home="", away="", leg=None,
                        starts_at=None, id="x1", is_known_only=True)  # fmt: skip
        counts = record(
            replace(a_batch(events=[told], prices=[a_price("2.1", event_ref="x1")]),
                    competitions=[]), source,
        )  # fmt: skip
        assert (counts.prices.new, counts.problems) == (1, [])

    def test_that_two_sources_share_is_of_their_namespace(self, db):
        first = a_source(code="a", namespace="exchange")
        second = a_source(code="b", namespace="exchange")
        record(a_batch(events=[a_match(id="x1")]), first)
        moved = a_match(id="x1", starts_at=START + timedelta(days=90))
        assert record(a_batch(events=[moved]), second).events.new == 0
        assert EventAlias.objects.get().namespace == "exchange"

    def test_of_an_event_with_other_sides_waits(self, source):
        record(a_batch(events=[a_match(id="x1")]), source)
        for home, away, expected in (
            ("Birches", "Alders", "sides_swapped"),
            ("Cedars", "Alders", "ambiguous_event"),
        ):
            told = a_match(id="x1", home=home, away=away)
            assert reasons(record(a_batch(events=[told]), source)) == [expected]
        assert Event.objects.count() == 1

    def test_may_be_the_second_of_an_event(self, source):
        at = START + timedelta(hours=1)
        counts = record(games(a_game(id="x1"), a_game("two", id="x2", starts_at=at)), source)
        assert counts.events.new == 1
        assert set(EventAlias.objects.values_list("ref", flat=True)) == {"x1", "x2"}


class TestARace:
    def test_is_joined_by_day_and_number_whatever_its_start(self, source, other):
        record(races(a_race()), source)
        counts = record(races(a_race(starts_at=START + timedelta(hours=3))), other)
        assert (counts.events.new, Event.objects.count()) == (0, 1)

    def test_without_a_number_is_joined_by_its_very_start_between_others(self, source, other):
        dogs = [
            a_race(str(n), race_number=n, name=f"R{n}", starts_at=START + timedelta(minutes=12 * n))
            for n in (1, 2, 3)
        ]
        record(races(*dogs), source)
        told = a_race("x", race_number=None, name="x", starts_at=dogs[1].starts_at)
        counts = record(races(told), other)
        assert counts.event_ids["x"] == Event.objects.get(race_number=2).pk

    def test_without_a_number_that_fits_two_waits(self, source, other):
        for number in (1, 2):
            at = START + timedelta(minutes=2 * number)
            record(races(a_race(race_number=number, name=f"R{number}", starts_at=at)), source)
        told = a_race("x", race_number=None, name="x", starts_at=START + timedelta(minutes=3))
        assert reasons(record(races(told), other)) == ["ambiguous_event"]

    def test_learns_its_number(self, source, other):
        record(races(a_race(race_number=None, name="Ascot 14:00")), source)
        record(races(a_race()), other)
        assert Event.objects.get().race_number == 3

    def test_is_found_by_a_market_of_it(self, db):
        first = a_source(code="a", namespace="exchange", creates_players=True)
        market = ParsedMarket(
            "race", "WIN", id="1.1", runners=[ParsedPerson("Ma Te Wa", id="7", qualifier="NZ")]
        )
        record(races(a_race(), markets=[market]), first)
        told = an_event("y", competition="", season="", home="", away="", leg=None,
                        starts_at=None, is_known_only=True)  # fmt: skip
        found = replace(races(told), markets=[ParsedMarket("y", "WIN", id="1.1")])
        assert record(found, first).event_ids["y"] == Event.objects.get().pk


class TestRunners:
    def test_of_one_name_from_two_countries_are_two(self, db):
        source = a_source(creates_names=False, creates_players=True)
        people = [ParsedPerson("Gold", id=str(i), qualifier=where, number=i)
                  for i, where in ((1, "AU"), (2, "NZ"))]  # fmt: skip
        market = ParsedMarket("race", "WIN", id="1.1", runners=people)
        price = a_price("4", role="RUNNER", kind="WIN", event_ref="race", runner="#2")
        counts = record(replace(races(a_race(), markets=[market]), prices=[price]), source)
        assert sorted(Participant.objects.values_list("name", "qualifier", "kind")) == [
            ("Gold", "AU", "RUNNER"),
            ("Gold", "NZ", "RUNNER"),
        ]
        alias = SelectionAlias.objects.get(ref="2")
        assert alias.selection.participant.qualifier == "NZ"
        assert (alias.selection.number, counts.prices.new) == (2, 1)

    def test_told_by_id_alone_are_found_by_an_earlier_telling(self, db):
        source = a_source(creates_names=False, creates_players=True, namespace="exchange")
        market = ParsedMarket("race", "WIN", id="1.1", runners=[ParsedPerson("Gold", id="7")])
        record(races(a_race(id="1.1"), markets=[market]), source)
        for ident, expected in (("7", 1), ("8", 0)):
            price = a_price("4", role="RUNNER", kind="WIN", event_ref="race", runner=f"#{ident}")
            counts = record(replace(races(a_race(id="1.1")), prices=[price]), source)
            assert counts.prices.new == expected
        assert [problem.field for problem in counts.problems] == ["participant"]


class TestAStart:
    def test_known_for_certain_is_not_moved_by_a_day(self, source, other):
        record(games(a_game()), source)
        told = a_game(starts_at=START.replace(hour=16), certainty="DATE")
        counts = record(games(told), other)
        assert (counts.events.unchanged, Event.objects.get().starts_at) == (1, START)

    def test_of_a_day_becomes_certain_even_when_it_is_over(self, source, other):
        noon = a_game(starts_at=START.replace(hour=16), certainty="DATE")
        record(games(noon, results=[a_result()]), source)
        record(games(a_game()), other)
        event = Event.objects.get()
        assert (event.starts_at, event.start_certainty) == (START, "EXACT")

    def test_that_moved_is_written_down_with_who_said_so(self, source):
        record(a_batch(events=[a_match(id="x")]), source)
        record(a_batch(events=[a_match(id="x", starts_at=START + timedelta(hours=2))]), source)
        change = EventChange.objects.get()
        assert (change.field, change.source, change.known_at) == ("starts_at", source, NOW)
        assert (change.before, change.after) == (str(START), str(START + timedelta(hours=2)))

    def test_is_not_moved_back_by_a_source_that_repeats_itself(self, source, other):
        first, second = a_match(), a_match(starts_at=START + timedelta(hours=2))
        third = a_match(starts_at=START + timedelta(hours=3))
        record(a_batch(events=[first]), source)
        for told, who, expected in (
            (second, other, 2), (first, source, 2), (second, other, 2), (third, source, 3),
            (second, other, 3),
        ):  # fmt: skip
            record(a_batch(events=[told]), who)
            assert Event.objects.get().starts_at == START + timedelta(hours=expected)
        assert EventChange.objects.count() == 2

    def test_is_not_moved_back_by_an_old_file_read_again(self, source):
        told = [
            a_batch(events=[a_match(starts_at=START + timedelta(hours=move))],
                    prices=[a_price("2.1", hours_before=before)])
            for move, before in ((0, 40), (2, 20), (5, 2))
        ]  # fmt: skip
        for batch in told * 2:
            record(batch, source)
        assert Event.objects.get().starts_at == START + timedelta(hours=5)
        assert EventChange.objects.count() == 2


class TestALeagueKnownByHeart:
    def test_knows_every_name_of_its_teams_for_a_source_that_makes_none(self, db):
        source = a_source(creates_names=False)
        counts = record(games(a_game(home="ATL", away="mia")), source)
        assert (counts.events.new, counts.problems) == (1, [])
        assert Event.objects.get().name == f"{HAWKS} v {HEAT}"

    def test_lets_the_same_letters_mean_another_team_in_another_league(self, db):
        source = a_source(creates_names=False)
        wnba = a_game("two", competition="WNBA", season="2024", home="ATL", away="CHI")
        record(ParsedBatch(events=[a_game(home="ATL", away="CHI"), wnba]), source)
        names = set(Event.objects.values_list("name", flat=True))
        assert names == {f"{HAWKS} v Chicago Bulls", "Atlanta Dream v Chicago Sky"}
