"""Each rule of data quality: what it speaks of, and what it leaves alone."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from markets.domain import kinds, quality
from markets.models import EventChange, LadderSnapshot, PriceSnapshot, QualityFinding
from markets.queries import quality as queries
from markets.queries.quality import Scope
from markets.services import partitions
from tests.markets.quality import (
    HOUR,
    MINUTE,
    NOW,
    a_book,
    a_league,
    a_result,
    a_source,
    an_event,
    found,
    quote,
)

DAY = 24 * HOUR


def shown(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


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
        flaw = quality.season_flaw(quality.Tally(*tally))
        assert (None if flaw is None else flaw[0]) == value

    @given(teams=st.integers(8, 40), gone=st.integers(0, 10), is_over=st.booleans())
    def test_of_a_round_robin_is_what_is_missing_once_it_is_over(self, teams, gone, is_over):
        played = teams * (teams - 1) - gone
        flaw = quality.season_flaw(quality.Tally("X", "1", teams, played, played, is_over))
        assert (0 if flaw is None else -flaw[0]) == (gone if is_over else 0)


class TestOverroundRange:
    @pytest.mark.parametrize("kind", kinds.ALL_KINDS)
    @pytest.mark.parametrize("book_kind", ["BOOKMAKER", "EXCHANGE", "AGGREGATE", "STARTING"])
    def test_holds_a_fair_market_of_every_kind(self, kind, book_kind):
        bounds = quality.overround_range(kind=kind, book_kind=book_kind)
        assert bounds.low is None or bounds.low <= 0.0
        assert bounds.high is None or bounds.high > 0.0

    def test_stands_in_what_the_database_is_given(self):
        rows = {(row.kind, row.book_kind): row for row in quality.bounds()}
        row = rows["DOUBLE_CHANCE", "EXCHANGE"]
        assert (row.low, row.high, row.answers, row.sums_to) == (-0.02, float("inf"), 3, 2)
        assert "EACH_WAY" not in {row.kind for row in quality.bounds()}


class TestRules:
    def test_are_all_looked_at(self):
        assert quality.RULES.keys() == {*queries._RULES, "season-count"}

    @pytest.mark.parametrize("rule", quality.RULES.values(), ids=lambda rule: rule.kind)
    def test_say_what_to_do(self, rule):
        assert len(rule.kind) <= 40
        assert len(rule.act) > 40
        assert rule.reach in (quality.NOW, quality.HISTORY)


@pytest.mark.django_db
class TestOverround:
    @pytest.mark.parametrize(
        ("kind", "book_kind", "prices", "is_odd"),
        [
            ("MATCH_ODDS", "BOOKMAKER", {"HOME": "2.1", "DRAW": "3.4", "AWAY": "3.6"}, False),
            ("MATCH_ODDS", "BOOKMAKER", {"HOME": "2.1", "DRAW": "3.4", "AWAY": "8.0"}, True),
            ("MATCH_ODDS", "BOOKMAKER", {"HOME": "1.5", "DRAW": "3.0", "AWAY": "3.0"}, True),
            ("MATCH_ODDS", "BOOKMAKER", {"HOME": "2.1", "DRAW": "8.4"}, False),  # not whole
            ("MATCH_ODDS", "EXCHANGE", {"HOME": "1.5", "DRAW": "2.0", "AWAY": "2.0"}, False),
            ("MATCH_ODDS", "EXCHANGE", {"HOME": "3.1", "DRAW": "3.4", "AWAY": "3.6"}, True),
            ("MATCH_ODDS", "AGGREGATE", {"HOME": "2.4", "DRAW": "3.7", "AWAY": "3.4"}, False),
            ("MATCH_ODDS", "AGGREGATE", {"HOME": "3.4", "DRAW": "3.7", "AWAY": "3.9"}, True),
            (
                "DOUBLE_CHANCE", "BOOKMAKER",
                {"HOME_DRAW": "1.33", "HOME_AWAY": "1.33", "DRAW_AWAY": "1.60"}, False,
            ),
            (
                "DOUBLE_CHANCE", "BOOKMAKER",
                {"HOME_DRAW": "2.4", "HOME_AWAY": "2.6", "DRAW_AWAY": "2.8"}, True,
            ),
            ("WIN", "BOOKMAKER", {"Kes": "3.5", "Owl": "2.5", "Rook": "3.0"}, False),
            ("WIN", "BOOKMAKER", {"Kes": "5.5", "Owl": "4.5", "Rook": "4.0"}, True),
            ("EACH_WAY", "BOOKMAKER", {"Kes": "5.5", "Owl": "9.5", "Rook": "9.0"}, False),
        ],
    )  # fmt: skip
    def test_speaks_of_whole_markets_out_of_their_range(self, kind, book_kind, prices, is_odd):
        quote(an_event(), kind, book_kind=book_kind, **prices)
        assert bool(found("overround")) == is_odd

    @pytest.mark.parametrize(("places", "is_odd"), [(2, False), (3, True), (None, False)])
    def test_goes_by_the_number_of_places(self, places, is_odd):
        prices = {"Kes": "1.8", "Owl": "1.5", "Rook": "1.6", "Daw": "2.2"}
        quote(an_event(), "PLACE", places=places, **prices)
        assert bool(found("overround")) == is_odd

    def test_says_where_and_how_much(self):
        quote(an_event(), HOME="2.1", DRAW="3.4", AWAY="8.0")
        (said,) = found("overround")
        assert said == ("Alders v Birches, 1X2, bet365: margin -10.47 %, believed are 0 to 20 %")

    def test_leaves_prices_of_two_moments_alone(self):
        event = an_event()
        quote(event, told=HOUR, HOME="2.1", DRAW="3.4")
        quote(event, told=MINUTE, AWAY="8.0")
        assert found("overround") == []

    @pytest.mark.parametrize("change", [{"status": "CANCELLED"}, {"starts_in": -HOUR},
                                        {"starts_in": 10 * DAY}])  # fmt: skip
    def test_leaves_what_is_not_open_alone(self, change):
        quote(an_event(**change), HOME="2.1", DRAW="3.4", AWAY="8.0")
        assert found("overround") == []

    def test_leaves_a_book_that_is_switched_off_alone(self):
        market = quote(an_event(), HOME="2.1", DRAW="3.4", AWAY="8.0")
        book = a_book()
        book.is_enabled = False
        book.save()
        assert found("overround") == []
        assert market.selections.count() == 3


@pytest.mark.django_db
class TestMissingSelection:
    def test_speaks_of_a_three_way_market_quoted_as_two_way(self):
        quote(an_event(), HOME="2.1", AWAY="1.8")
        (said,) = found("missing-selection")
        assert said.endswith("2 of 3 answers told, only AWAY, HOME")

    def test_speaks_of_an_answer_that_is_told_no_more(self):
        event = an_event()
        quote(event, told=HOUR, DRAW="3.3")
        quote(event, told=MINUTE, HOME="2.1", AWAY="3.8")
        assert len(found("missing-selection")) == 1

    def test_leaves_a_line_that_the_book_moved_away_from_alone(self):
        event = an_event()
        quote(event, "TOTAL", line="2.5", told=HOUR, OVER="1.9")
        quote(event, "TOTAL", line="2.75", told=MINUTE, OVER="1.9", UNDER="1.9")
        assert found("missing-selection") == []

    @pytest.mark.parametrize(
        ("kind", "book_kind", "prices"),
        [
            ("MONEYLINE", "EXCHANGE", {"HOME": "2.1"}),  # nobody offers the other side
            ("WIN", "BOOKMAKER", {"Kes": "2.1"}),  # as many as it cares to
            ("MONEYLINE", "BOOKMAKER", {"HOME": "2.1", "AWAY": "1.8"}),
        ],
    )
    def test_leaves_what_need_not_be_whole_alone(self, kind, book_kind, prices):
        quote(an_event(), kind, book_kind=book_kind, **prices)
        assert found("missing-selection") == []


@pytest.mark.django_db
class TestStalePrice:
    WHOLE = {"HOME": "2.1", "DRAW": "3.4", "AWAY": "3.6"}

    @pytest.mark.parametrize(
        ("told", "is_stale"), [(MINUTE, False), (29 * MINUTE, False), (32 * MINUTE, True)]
    )
    def test_speaks_of_a_book_three_cadences_behind_the_others(self, told, is_stale):
        event = an_event()
        quote(event, book="pinnacle", told=MINUTE, **self.WHOLE)
        quote(event, book="bet365", told=told, **self.WHOLE)
        assert bool(found("stale-price")) == is_stale

    def test_goes_by_the_slowest_source_that_knows_the_event(self):
        event = an_event()
        a_source("slow", cadence_seconds=86_400)
        event.refs.create(namespace="slow", ref="7")
        quote(event, book="pinnacle", told=MINUTE, **self.WHOLE)
        quote(event, book="bet365", told=2 * DAY, **self.WHOLE)
        assert found("stale-price") == []

    def test_speaks_of_an_event_behind_the_others_of_its_competition(self):
        quote(an_event(), told=HOUR, **self.WHOLE)
        quote(an_event("Cedars", "Dogwoods"), told=MINUTE, **self.WHOLE)
        (said,) = found("stale-price")
        assert said.startswith("Alders v Birches: last told 2026-03-14 11:00 UTC, 1.0 hours before")

    def test_leaves_a_source_that_is_silent_altogether_to_its_own_check(self):
        for home, away in (("Alders", "Birches"), ("Cedars", "Dogwoods")):
            quote(an_event(home, away), told=10 * HOUR, **self.WHOLE)
        assert found("stale-price") == []


@pytest.mark.django_db
class TestFrozenPrice:
    def world(self, *, others: int, moved: bool = True, frozen_for: timedelta = 5 * HOUR):
        """One book stands since long; the others went from 2.0 to 1.7 an hour ago."""
        partitions.ensure_ahead(now=NOW)
        event = an_event()
        quote(event, "MONEYLINE", book="bet365", since=frozen_for, HOME="2.0", AWAY="1.9")
        rows = []
        for i in range(others):
            market = quote(event, "MONEYLINE", book=f"book{i}", since=HOUR, HOME="1.7", AWAY="2.3")
            book = a_book(f"book{i}")
            for selection in market.selections.all():
                price = "1.9" if selection.role == "AWAY" else "2.0"
                was = price if moved else ("2.3" if selection.role == "AWAY" else "1.7")
                rows.append((selection.pk, book.pk, NOW - 9 * HOUR, was, NOW - 9 * HOUR, 0))
        with connection.cursor() as cursor:
            sql = "insert into markets_pricesnapshot (selection_id, book_id, seen_at, price,"
            cursor.executemany(f"{sql} fetched_at, mark) values (%s, %s, %s, %s, %s, %s)", rows)
        assert PriceSnapshot.objects.count() == len(rows)

    def test_speaks_of_a_fresh_stamp_that_stands_while_the_others_moved(self):
        self.world(others=3)
        (said,) = found("frozen-price")
        assert "bet365: unchanged since 2026-03-14 07:00 UTC, while 3 other books moved" in said

    @pytest.mark.parametrize(
        "how", [{"others": 2}, {"others": 3, "moved": False},
                {"others": 3, "frozen_for": HOUR}],
    )  # fmt: skip
    def test_leaves_a_book_alone_that_has_reason_to_stand(self, how):
        self.world(**how)
        assert found("frozen-price") == []


@pytest.mark.django_db
class TestCrossedLadder:
    def world(self, *, back: str, lay: str, book_kind: str = "EXCHANGE"):
        partitions.ensure_ahead(now=NOW)
        market = quote(
            an_event(), "MONEYLINE", book="betfair", book_kind=book_kind, HOME="2.0", AWAY="2.0"
        )
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into markets_laddersnapshot (selection_id, book_id, seen_at, back_prices,"
                " back_sizes, lay_prices, lay_sizes, fetched_at)"
                " values (%s, %s, %s, %s, '{1}', %s, '{1}', %s)",
                [
                    (market.selections.get(role="HOME").pk, a_book("betfair").pk, at, *prices, at)
                    for at, prices in (
                        (NOW - HOUR, ([2], [1])),  # what came later stands
                        (NOW - MINUTE, ([float(back)], [float(lay)])),
                    )
                ],
            )
        assert LadderSnapshot.objects.count() == 2

    @pytest.mark.parametrize(
        ("back", "lay", "is_crossed"),
        [("2.0", "2.02", False), ("2.02", "2.0", True), ("2.0", "2.0", True)],
    )
    def test_speaks_of_offers_that_would_be_matched_at_once(self, back, lay, is_crossed):
        self.world(back=back, lay=lay)
        assert bool(found("crossed-ladder")) == is_crossed


@pytest.mark.django_db
class TestArbitrage:
    @pytest.mark.parametrize(
        ("away", "told", "kind", "speaks"),
        [
            ("2.5", MINUTE, "BOOKMAKER", True),  # 1/2.2 + 1/2.5: 17 %
            ("2.0", MINUTE, "BOOKMAKER", False),  # 4.8 % sure profit: rare, and true at times
            ("2.5", HOUR, "BOOKMAKER", False),  # stale: that is another rule's
            ("2.5", MINUTE, "AGGREGATE", False),  # nobody can bet there
        ],
    )
    def test_speaks_of_a_sure_profit_that_is_too_good(self, away, told, kind, speaks):
        event = an_event()
        quote(event, "MONEYLINE", book="pinnacle", HOME="2.2", AWAY="1.75")
        quote(event, "MONEYLINE", book="other", book_kind=kind, told=told, HOME="1.5", AWAY=away)
        said = found("arbitrage")
        assert bool(said) == speaks
        if speaks:
            assert "AWAY 2.500 at other, HOME 2.200 at pinnacle" in said[0]

    def test_leaves_one_books_own_margin_to_its_own_rule(self):
        quote(an_event(), "MONEYLINE", HOME="3.0", AWAY="3.0")
        assert found("arbitrage") == []


@pytest.mark.django_db
class TestLineNotMonotone:
    @pytest.mark.parametrize(
        ("kind", "roles", "ladder", "is_broken"),
        [
            ("TOTAL", ("OVER", "UNDER"), {"2.5": ("1.8", "2.1"), "3.5": ("3.0", "1.4")}, False),
            ("TOTAL", ("OVER", "UNDER"), {"2.5": ("3.0", "1.4"), "3.5": ("1.8", "2.1")}, True),
            ("SPREAD", ("HOME", "AWAY"), {"-3": ("2.1", "1.8"), "3": ("1.4", "3.0")}, False),
            ("SPREAD", ("HOME", "AWAY"), {"-3": ("1.4", "3.0"), "3": ("2.1", "1.8")}, True),
            ("TOTAL", ("OVER", "UNDER"), {"2.5": ("1.9", "1.9"), "2.75": ("1.9", "1.9")}, False),
        ],
    )
    def test_speaks_of_an_easier_line_that_is_less_likely(self, kind, roles, ladder, is_broken):
        event = an_event()
        for line, prices in ladder.items():
            quote(event, kind, line=line, **dict(zip(roles, prices, strict=True)))
        assert bool(found("line-not-monotone")) == is_broken

    def test_compares_one_book_with_itself_alone(self):
        event = an_event()
        quote(event, "TOTAL", line="2.5", book="one", OVER="3.0", UNDER="1.4")
        quote(event, "TOTAL", line="3.5", book="two", OVER="1.8", UNDER="2.1")
        assert found("line-not-monotone") == []


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


@pytest.mark.django_db
class TestFind:
    @pytest.mark.parametrize("kind", quality.RULES)
    def test_takes_few_statements_however_much_there_is(self, kind, django_assert_max_num_queries):
        for i in range(6):
            event = an_event(f"Home {i}", f"Away {i}")
            quote(event, HOME="2.1", DRAW="3.4", AWAY="8.0")
            quote(event, "TOTAL", line="2.5", OVER="3.0", UNDER="1.9")
        with django_assert_max_num_queries(5):
            queries.find(kind=kind, scope=Scope(as_of=NOW))

    def test_names_the_worst_first_and_counts_the_rest(self, monkeypatch):
        monkeypatch.setattr(queries, "AT_MOST", 2)
        for i, away in enumerate(("6.0", "12.0", "8.0")):
            quote(an_event(f"H{i}", f"A{i}"), HOME="2.1", DRAW="3.4", AWAY=away)
        result = queries.find(kind="overround", scope=Scope(as_of=NOW))
        assert [flaw.detail[:2] for flaw in result.flaws] == ["H1", "H2"]
        assert (result.total, result.is_whole) == (3, False)

    def test_keeps_to_the_asked_competition(self):
        quote(an_event(), HOME="2.1", DRAW="3.4", AWAY="8.0")
        other = a_league("X2")
        assert found("overround", competition_id=other.pk) == []
        assert QualityFinding.objects.count() == 0
