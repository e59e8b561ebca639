"""Notices: told, told differently, told again; and what of them was known when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from markets.connectors.base import ParsedNotice
from markets.models import Competition, Event, Notice, Participant, ParticipantAlias, Season, Sport
from markets.queries.notices import notices as told_around
from markets.services import noticing
from tests.markets.builders import a_source

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
NEWS = ParsedNotice("NEWS", "wire-1", "Smith is out", NOW - HOUR, record=1)


@pytest.fixture
def source():
    return a_source(code="feeds")


@pytest.fixture
def league():
    sport = Sport.objects.create(code="soccer", name="Soccer")
    return Competition.objects.create(sport=sport, code="E0", name="Premier League")


@pytest.fixture
def event(league):
    season = Season.objects.create(competition=league, label="2026-27")
    sides = [Participant.objects.create(sport=league.sport, name=n) for n in ("Alders", "Birches")]
    return Event.objects.create(
        competition=league, season=season, home=sides[0], away=sides[1], leg=1,
        name="Alders v Birches", starts_at=NOW + 5 * HOUR,
    )  # fmt: skip


def record(source, *notices, events=None, now=NOW):
    return noticing.record_notices(
        notices=notices, source=source, events=events or {}, now=now, fetched_at=now
    )


class TestRecordNotices:
    def test_keeps_what_is_told_as_known_since_it_was_published(self, source):
        counts = record(source, NEWS)
        assert counts.as_json() == {"new": 1, "changed": 0, "unchanged": 0}
        assert counts.changed_records == {1}
        row = Notice.objects.get()
        assert (row.version, row.title, row.known_at) == (1, "Smith is out", NOW - HOUR)

    def test_twice_is_once(self, source, django_assert_max_num_queries):
        record(source, NEWS)
        with django_assert_max_num_queries(6):
            counts = record(source, NEWS, now=NOW + HOUR)
        assert (counts.unchanged, counts.changed_records) == (1, set())
        assert Notice.objects.count() == 1

    def test_makes_a_version_of_what_is_told_differently_known_since_the_look(self, source):
        record(source, NEWS)
        counts = record(source, replace(NEWS, title="Smith may play"), now=NOW + HOUR)
        assert counts.changed == 1
        versions = Notice.objects.order_by("version").values_list("version", "title", "known_at")
        assert list(versions) == [
            (1, "Smith is out", NOW - HOUR),
            (2, "Smith may play", NOW + HOUR),
        ]

    @pytest.mark.parametrize("published", [None, NOW + HOUR])
    def test_knows_nothing_before_it_was_fetched_unless_it_was_published(self, source, published):
        record(source, replace(NEWS, published_at=published))
        assert Notice.objects.get().known_at == NOW

    def test_takes_the_last_of_two_tellings_in_one_batch(self, source):
        counts = record(source, NEWS, replace(NEWS, title="Later", record=2))
        assert (counts.new, Notice.objects.get().title) == (1, "Later")

    def test_finds_a_team_by_alias_or_by_its_very_name(self, source, event, league):
        ParticipantAlias.objects.create(
            source=source, sport=league.sport, alias="The Alders", participant=event.home
        )
        for ref, team in (("1", "The Alders"), ("2", "Birches"), ("3", "Alder")):
            record(source, replace(NEWS, ref=ref, team=team, competition="E0"))
        found = Notice.objects.order_by("ref").values_list("participant__name", flat=True)
        assert list(found) == ["Alders", "Birches", None]

    def test_does_not_guess_between_two_of_a_name(self, source, event):
        other = Sport.objects.create(code="basketball", name="Basketball")
        Participant.objects.create(sport=other, name="Alders")
        record(source, replace(NEWS, team="Alders"))
        record(source, replace(NEWS, ref="2", team="Alders", competition="E0"))
        found = Notice.objects.order_by("ref").values_list("ref", "participant__sport__code")
        assert list(found) == [("2", "soccer"), ("wire-1", None)]

    def test_fills_in_a_team_that_was_mapped_since(self, source, event, league):
        told = replace(NEWS, team="The Alders", competition="E0")
        record(source, told)
        ParticipantAlias.objects.create(
            source=source, sport=league.sport, competition=league, alias="The Alders",
            participant=event.home,
        )  # fmt: skip
        counts = record(source, told)
        row = Notice.objects.get()
        assert (row.participant, row.version, counts.unchanged) == (event.home, 1, 1)

    def test_keeps_what_is_told_of_an_event(self, source, event):
        told = replace(NEWS, kind="REFEREE", event_ref="a", person="M. Reed")
        record(source, told, events={"a": event})
        assert Notice.objects.get().event == event

    def test_stores_no_link_that_is_none_and_no_text_that_is_too_long(self, source):
        record(source, replace(NEWS, title="x" * 500, url="javascript:alert(1)", body="a\0b"))
        row = Notice.objects.get()
        assert (len(row.title), row.url, row.body) == (300, "", "ab")

    def test_does_nothing_where_nothing_is_told(self, source, django_assert_num_queries):
        with django_assert_num_queries(0):
            assert record(source).as_json() == {"new": 0, "changed": 0, "unchanged": 0}


class TestNotices:
    def test_are_those_of_the_event_and_of_its_sides_at_their_latest_version(self, source, event):
        line_up = replace(NEWS, kind="LINEUP", ref="l", event_ref="a", data={"home": ["Smith"]})
        injury = replace(NEWS, kind="INJURY", ref="i", team="Birches", competition="E0")
        elsewhere = replace(NEWS, ref="n", team="Cedars")
        record(source, line_up, injury, elsewhere, events={"a": event})
        record(source, replace(injury, status="Out"), now=NOW + HOUR)
        found = told_around(event_ids=[event.pk], as_of=NOW + 2 * HOUR)
        assert list(found[["kind", "status", "version"]].itertuples(index=False, name=None)) == [
            ("LINEUP", "", 1),
            ("INJURY", "Out", 2),
        ]
        assert found["data"].iloc[0] == {"home": ["Smith"]}
        assert str(found["known_at"].dt.tz) == "UTC"

    def test_hold_nothing_that_was_told_later(self, source, event):
        record(source, replace(NEWS, event_ref="a"), events={"a": event})
        record(source, replace(NEWS, title="Later"), events={"a": event}, now=NOW + HOUR)
        before = told_around(event_ids=[event.pk], as_of=NOW)
        assert list(before["title"]) == ["Smith is out"]
        assert told_around(event_ids=[event.pk], as_of=NOW - 2 * HOUR).empty

    def test_are_of_the_kinds_that_are_asked_for(self, source, event):
        record(source, replace(NEWS, event_ref="a"), events={"a": event})
        assert told_around(event_ids=[event.pk], as_of=NOW, kinds=["INJURY"]).empty
        assert len(told_around(event_ids=[event.pk], as_of=NOW, kinds=["NEWS"])) == 1

    def test_of_a_side_are_forgotten_after_a_week(self, source, event):
        old = replace(NEWS, team="Alders", published_at=NOW - timedelta(days=8))
        record(source, old)
        assert told_around(event_ids=[event.pk], as_of=NOW).empty

    def test_are_read_in_one_statement(self, source, event, django_assert_num_queries):
        with django_assert_num_queries(1):
            assert told_around(event_ids=[event.pk], as_of=NOW).empty
