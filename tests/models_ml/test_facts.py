"""Facts: what was known at a moment is a prefix; the tables become columns that say since when."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.models import (
    Book,
    Competition,
    Event,
    EventChange,
    Market,
    Notice,
    Participant,
    PriceSnapshot,
    Result,
    RunnerResult,
    Season,
    Selection,
    Sport,
    StatisticResult,
)
from markets.services import partitions
from models_ml.domain import known
from models_ml.domain.facts import EVER, NEVER, NONE, TABLES, Entries, Facts, Notices, Results
from models_ml.domain.features import microseconds
from models_ml.queries import facts as tables
from tests.models_ml import builders
from tests.models_ml.worlds import a_world

START = datetime(2024, 5, 4, 15, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def some_results(known_at: list[int]) -> Results:
    n = len(known_at)
    columns = {"event": range(n), "version": [1] * n, "known_at": known_at, "is_final": [1] * n}
    return Results.of({**columns, "home_score": [0] * n, "away_score": [0] * n})


class TestTable:
    @given(st.lists(st.integers(0, 50), max_size=20), st.integers(-1, 51))
    def test_at_a_moment_holds_exactly_what_was_known_by_then(self, known_at, moment) -> None:
        there = some_results(known_at).at(moment)
        assert sorted(there.known_at.tolist()) == sorted(k for k in known_at if k <= moment)

    @given(st.lists(st.integers(0, 9), min_size=2, max_size=20), st.randoms())
    def test_has_one_order_whatever_order_its_rows_came_in(self, known_at, random) -> None:
        rows = some_results(known_at)
        places = list(range(len(rows)))
        random.shuffle(places)
        again = rows.take(np.array(places)).sorted()
        assert again.event.tolist() == rows.event.tolist()

    @pytest.mark.parametrize("name", TABLES)
    def test_may_be_empty(self, name) -> None:
        assert len(TABLES[name].empty().at(5)) == 0

    def test_says_of_a_runner_only_then_that_it_was_removed(self) -> None:
        columns = {"event": [1], "participant": [2], "number": [3], "known_at": [EVER]}
        entries = Entries.of({**columns, "removed_at": [100]})
        assert entries.at(99).removed_at.tolist() == [NEVER]
        assert entries.at(100).removed_at.tolist() == [100]


class TestFacts:
    def test_keep_those_of_some_events_and_what_is_about_none(self) -> None:
        told = {"event": [1, 2, NONE], "participant": [NONE, NONE, 7], "kind": [2, 2, 2]}
        more = {"status": [0, 0, 0], "known_at": [5, 6, 7], "value": [0.0, 0.0, 0.0]}
        notices = Notices.of({**told, **more, "thread": [1, 2, 3], "version": [1, 1, 1]})
        kept = replace(Facts.nothing(), notices=notices).only([2])
        assert kept.notices.event.tolist() == [2, NONE]

    def test_have_the_fingerprint_of_what_they_say(self) -> None:
        nothing = Facts.nothing()
        first, second = some_results([1, 2]), some_results([2, 1])
        assert replace(nothing, results=first).fingerprint() != nothing.fingerprint()
        swapped = replace(second, event=first.event)
        assert (
            replace(nothing, results=swapped).fingerprint()
            == replace(nothing, results=first).fingerprint()
        )


class TestKnown:
    def test_has_a_code_for_every_choice_of_the_tables(self) -> None:
        assert set(known.KINDS) == set(Market.Kind.values)
        assert set(known.ROLES) == set(Selection.Role.values)
        assert set(known.NOTICES) == set(Notice.Kind.values)
        assert set(known.CERTAINTIES) == set(Event.Certainty.values)
        assert set(known.BOOKS) == set(Book.Kind.values)
        assert set(known.OFF) <= set(Event.Status.values)

    def test_reads_no_key_that_is_told_later_than_the_fixture(self) -> None:
        later = {"temp", "wind", "spread", "total", "stadium", "race"}
        assert {one.key for one in known.ATTRIBUTES} & later == set()

    @pytest.mark.parametrize(
        "name, data, value",
        [
            ("is_dome", {"roof": "dome"}, 1.0),
            ("is_dome", {"roof": "closed"}, 0.0),
            ("is_retractable", {"roof": "closed"}, 1.0),
            ("is_grass", {"surface": "grass "}, 1.0),
            ("is_grass", {"surface": "a_turf"}, 0.0),
            ("is_grass", {"surface": "sand"}, None),
            ("is_playoff", {"game_type": "WC"}, 1.0),
            ("is_playoff", {"game_type": "REG"}, 0.0),
            ("distance", {"distance": 1200}, 1200.0),
            ("is_maiden", {"type": "Mdn"}, 1.0),
            ("is_maiden", {"type": "Grp1"}, 0.0),
            ("is_handicap", {"type": "Hcap"}, 1.0),
            ("race_class", {"type": "CL4"}, 4.0),
            ("race_group", {"type": "Listed"}, 4.0),
            ("distance", {}, None),
        ],
    )
    def test_makes_numbers_of_attributes(self, name, data, value) -> None:
        attribute = next(one for one in known.ATTRIBUTES if one.name == name)
        found = attribute.of(data)
        assert found == value if value is not None else np.isnan(found)


def of(event: Event, *, until: datetime = START + 90 * HOUR, **fields) -> Facts:
    competition = event.competition
    return tables.facts(
        sport_id=competition.sport_id,
        is_simulated=competition.is_simulated,
        until=until,
        **fields,
    )


def a_match(sport: str = "soccer", **fields) -> Event:
    kind = Sport.objects.get_or_create(code=sport, defaults={"name": sport})[0]
    competition = Competition.objects.get_or_create(
        code=f"c-{sport}", defaults={"sport": kind, "name": "C", "time_zone": "America/New_York"}
    )[0]
    season = Season.objects.get_or_create(competition=competition, label="2023-24")[0]
    home, away = (
        Participant.objects.get_or_create(sport=kind, name=name)[0] for name in ("Ayr", "Bury")
    )
    fields = {"home": home, "away": away, "starts_at": START, "name": "Ayr v Bury", **fields}
    return Event.objects.create(competition=competition, season=season, **fields)


def a_race() -> tuple[Event, list[Participant]]:
    event = a_match(
        "horse_racing", home=None, away=None, meeting_date=START.date(), race_number=3, round="R3",
        data={"distance": 1400, "type": "Mdn", "race": "R3 Maiden"},
    )  # fmt: skip
    horses = [
        Participant.objects.create(sport=event.competition.sport, name=name, kind="RUNNER")
        for name in ("Fast", "Slow")
    ]
    return event, horses


def a_result(event: Event, version: int = 1, *, known_at: datetime, **fields) -> Result:
    fields = {"status": "FINAL", "home_score": 2, "away_score": 1, **fields}
    return Result.objects.create(
        event=event, version=version, known_at=known_at, recorded_at=known_at,
        source=builders.a_source(), **fields,
    )  # fmt: skip


@pytest.mark.django_db
class TestFactsOfTables:
    def test_hold_each_version_of_a_result_since_it_was_known(self) -> None:
        event = a_match()
        a_result(event, known_at=START + 2 * HOUR)
        a_result(event, 2, known_at=START + 9 * HOUR, status="WITHDRAWN")
        results = of(event).results
        assert results.version.tolist() == [1, 2]
        assert results.is_final.tolist() == [1, 0]
        assert results.home_score.tolist() == [2, -1]
        assert of(event, until=START + 3 * HOUR).results.version.tolist() == [1]

    def test_hold_the_plan_as_it_stood_before_and_after_a_move(self) -> None:
        event = a_match()
        told_at = START - 50 * HOUR
        EventChange.objects.create(
            event=event, field="starts_at", known_at=told_at,
            before=str(START - 24 * HOUR), after=str(START),
        )  # fmt: skip
        fixtures = of(event).fixtures
        starts = [microseconds(START - 24 * HOUR), microseconds(START)]
        assert fixtures.starts_at.tolist() == starts
        assert fixtures.known_at.tolist() == [EVER, microseconds(told_at)]
        assert np.diff(fixtures.local_day).tolist() == [1]

    def test_say_since_when_a_match_is_put_off(self) -> None:
        event = a_match(status="POSTPONED")
        EventChange.objects.create(
            event=event, field="status", before="SCHEDULED", after="POSTPONED",
            known_at=START - HOUR,
        )  # fmt: skip
        fixtures = of(event).fixtures
        assert fixtures.is_on.tolist() == [1, 0]
        assert fixtures.known_at.tolist() == [EVER, microseconds(START - HOUR)]

    def test_count_days_by_the_clocks_of_the_competition(self) -> None:
        late = a_match(starts_at=datetime(2024, 5, 5, 1, 0, tzinfo=UTC))
        (day,) = of(late).fixtures.local_day
        assert day == date(2024, 5, 4).toordinal() - date(1970, 1, 1).toordinal()

    def test_number_the_seasons_of_a_competition(self) -> None:
        event = a_match()
        older = Season.objects.create(competition=event.competition, label="2022-23")
        Event.objects.create(
            competition=event.competition, season=older, home=event.away, away=event.home,
            starts_at=START - 8000 * HOUR, name="Bury v Ayr",
        )  # fmt: skip
        fixtures = of(event).fixtures
        assert dict(zip(fixtures.season.tolist(), fixtures.season_rank.tolist(), strict=True)) == {
            older.pk: 0,
            event.season_id: 1,
        }

    def test_hold_who_is_to_run_and_how_they_came_in(self) -> None:
        event, (fast, slow) = a_race()
        market = Market.objects.create(event=event, kind="WIN")
        for number, horse in enumerate((fast, slow), start=1):
            Selection.objects.create(
                market=market, role="RUNNER", participant=horse, name=horse.name, number=number,
                removed_at=START - HOUR if horse == slow else None,
            )  # fmt: skip
        result = a_result(
            event, known_at=START + HOUR, has_runners=True, home_score=None, away_score=None
        )
        RunnerResult.objects.create(result=result, participant=fast, number=1, is_winner=True)
        found = of(event)
        assert found.entries.participant.tolist() == [fast.pk, slow.pk]
        assert found.entries.removed_at.tolist() == [NEVER, microseconds(START - HOUR)]
        assert found.runners.is_winner.tolist() == [1]
        assert found.runners.is_placed.tolist() == [-1]
        assert found.fixtures.attributes["distance"].tolist() == [1400.0]
        assert found.fixtures.attributes["is_maiden"].tolist() == [1.0]
        assert found.fixtures.round.tolist() == [3]
        assert found.names == {}

    def test_hold_figures_of_players_with_their_names(self) -> None:
        event = a_match("basketball")
        result = a_result(event, known_at=START + 3 * HOUR, has_statistics=True)
        player = Participant.objects.create(
            sport=event.competition.sport, name="Ann", kind="PLAYER"
        )
        for statistic, value in (("rebounds", 7), ("points", 31)):
            StatisticResult.objects.create(
                result=result, participant=player, statistic=statistic, value=value
            )
        figures = of(event).figures
        assert figures.statistics == ("points", "rebounds")
        assert dict(zip(figures.statistic.tolist(), figures.value.tolist(), strict=True)) == {
            0: 31.0,
            1: 7.0,
        }

    def test_hold_notices_of_an_event_and_of_its_sides(self) -> None:
        event = a_match("american_football")
        common = {"source": builders.a_source(), "title": "t", "digest": "x" * 64}
        for version, status, told_at in ((1, "Questionable", -30), (2, "Out", -3)):
            Notice.objects.create(
                **common, kind="INJURY", ref="i1", version=version, participant=event.home,
                status=status, known_at=START + told_at * HOUR,
            )  # fmt: skip
        Notice.objects.create(
            **common, kind="PUBLIC_SHARE", ref="p1", version=1, event=event,
            data={"kind": "SPREAD", "role": "HOME", "tickets": "0.61", "money": "0.40", "by": "x"},
            known_at=START - 2 * HOUR,
        )  # fmt: skip
        Notice.objects.create(
            **common, kind="NEWS", ref="n1", version=1, event=event, known_at=START - HOUR
        )
        notices = of(event).notices
        told = [notices.statuses[code] for code in notices.status]
        assert told == ["questionable", "out", "spread.home.money", "spread.home.tickets"]
        assert notices.value[2:].tolist() == [0.4, 0.61]
        assert notices.thread[0] == notices.thread[1]
        assert len(of(event, until=START - 2.5 * HOUR).notices) == 2


@pytest.mark.django_db
class TestQuotes:
    def test_are_the_prices_of_whole_events_in_the_order_they_were_seen(self) -> None:
        league = builders.a_league(a_world(seasons=1))
        event = league.events[5]
        found = of(event, until=league.ends_at, quotes_of=[event.pk]).quotes
        assert set(found.event.tolist()) == {event.pk}
        assert len(found) == 5  # the draw's price never changed
        assert (np.diff(found.seen_at) >= 0).all()
        assert [known.ROLES[code] for code in found.place[:3]] == ["HOME", "DRAW", "AWAY"]
        first = builders.prices_of(5, league.world.fixtures[5])[0].price
        assert Decimal(int(found.price_millis[0])) / 1000 == first

    def test_and_all_facts_take_a_fixed_number_of_queries(
        self, django_assert_max_num_queries
    ) -> None:
        league = builders.a_league(a_world(seasons=1))
        with django_assert_max_num_queries(12):
            found = of(
                league.events[0],
                until=league.ends_at,
                quotes_of=[event.pk for event in league.events],
            )
        assert len(found.results) == len(league.events)
        assert set(found.names.values()) >= {"Side 0", "Side 11"}

    def test_and_prices_are_the_same_asked_for_in_pieces(
        self, monkeypatch, django_assert_num_queries
    ) -> None:
        league = builders.a_league(a_world(seasons=1))
        asked = {"event_ids": [event.pk for event in league.events], "until": league.ends_at}
        whole = tables.quotes(**asked)
        monkeypatch.setattr(tables, "AT_ONCE", len(league.events) // 3 + 1)
        with django_assert_num_queries(3 + 1):
            again = tables.quotes(**asked)
        assert len(whole) > 0
        for name in whole.columns():
            np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))

    def test_of_starts_are_those_of_other_races_too(self) -> None:
        book = Book.objects.create(code="sp", name="SP", kind="STARTING")
        tote = Book.objects.create(code="tote", name="Tote")
        partitions.ensure(months=[(START.year, START.month)])
        races = []
        for number in (1, 2):
            event = a_match(
                "horse_racing", home=None, away=None, meeting_date=START.date(),
                race_number=number, name=f"R{number}",
            )  # fmt: skip
            horse = Participant.objects.create(
                sport=event.competition.sport, name=f"H{number}", kind="RUNNER"
            )
            market = Market.objects.create(event=event, kind="WIN")
            selection = Selection.objects.create(
                market=market, role="RUNNER", participant=horse, name=horse.name
            )
            for one in (book, tote):
                PriceSnapshot.objects.create(
                    selection=selection, book=one, seen_at=START, price=Decimal("3.5"),
                    fetched_at=START,
                )  # fmt: skip
            races.append(event)
        asked = {"sport_id": races[0].competition.sport_id, "is_simulated": False}
        found = tables.starting_quotes(**asked, until=START, but_of=[races[0].pk])
        assert (found.event.tolist(), found.book.tolist()) == ([races[1].pk], [book.pk])
        assert found.price_millis.tolist() == [3500]
        assert len(tables.starting_quotes(**asked, until=START - HOUR)) == 0

    def test_and_results_of_other_competitions_may_be_left_out(self) -> None:
        first = builders.a_league(a_world(seasons=1))
        builders.a_league(a_world(seasons=1), code="T2")
        one = of(first.events[0], until=first.ends_at, competitions=[first.competition.pk])
        assert set(one.fixtures.competition.tolist()) == {first.competition.pk}
        assert len(one.results) == len(first.events)
        bare = of(first.events[0], until=first.ends_at, leave_out={"results"})
        assert (len(bare.results), len(bare.fixtures)) == (0, 2 * len(first.events))
