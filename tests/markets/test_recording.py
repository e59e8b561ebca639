import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, connections

from markets.connectors.base import ParsedBatch
from markets.connectors.football_data import FootballData
from markets.models import (
    Book,
    Competition,
    Event,
    LatestPrice,
    Market,
    Participant,
    ParticipantAlias,
    PriceSnapshot,
    Result,
    Selection,
)
from markets.services import recording
from monitoring.models import AuditEntry
from tests.markets.builders import (
    NOW,
    START,
    a_batch,
    a_price,
    a_result,
    a_source,
    an_event,
    csv_file,
    match_odds,
)


@pytest.fixture
def source(db):
    return a_source()


def record(batch, source, now=NOW):
    return recording.record(batch=batch, source=source, now=now)


def history(role="HOME", book="pinnacle"):
    rows = PriceSnapshot.objects.filter(selection__role=role, book__code=book)
    return [
        (round((START - seen_at).total_seconds() / 3600), str(price))
        for seen_at, price in rows.order_by("seen_at").values_list("seen_at", "price")
    ]


def everything():
    """Return every row that a load may write, for comparing before and after."""
    tables = (
        Event,
        Market,
        Selection,
        LatestPrice,
        Result,
        PriceSnapshot,
        Book,
        Participant,
        AuditEntry,
    )
    return [sorted(map(str, model.objects.values_list())) for model in tables]


class TestRecord:
    def test_twice_is_once(self, source):
        batch = a_batch(
            prices=match_odds("2.1", "3.5", "3.8") + match_odds("2.0", "3.5", "4", hours_before=1),
            results=[a_result()],
        )
        first = record(batch, source)
        before = everything()
        second = record(batch, source, now=NOW + timedelta(days=1))
        assert first.as_json() == {
            "events": {"new": 1, "changed": 0, "unchanged": 0},
            "prices": {"new": 5, "unchanged": 1},
            "results": {"new": 1, "corrected": 0, "unchanged": 0},
        }
        assert second.as_json() == {
            "events": {"new": 0, "changed": 0, "unchanged": 1},
            "prices": {"new": 0, "unchanged": 6},
            "results": {"new": 0, "corrected": 0, "unchanged": 1},
        }
        assert (second.problems, second.changed_anything) == ([], False)
        assert everything() == before

    def test_makes_whole_markets_with_named_selections_and_their_own_lines(self, source):
        handicap = {"kind": "ASIAN_HANDICAP", "line": Decimal("-0.0")}
        total = a_price("1.9", role="UNDER", kind="TOTAL", line=Decimal("2.5"))
        quarter = a_price("1.9", role="AWAY", kind="ASIAN_HANDICAP", line=Decimal("-0.75"))
        record(a_batch(prices=[a_price("2.0", **handicap), total, quarter]), source)
        rows = Selection.objects.order_by("market__kind", "market__line", "role")
        assert [(s.role, s.name, s.line and str(s.line), str(s.market.line)) for s in rows] == [
            ("AWAY", "Birches", "0.75", "-0.75"),
            ("HOME", "Alders", "-0.75", "-0.75"),
            ("AWAY", "Birches", Decimal("0.00"), "0.00"),
            ("HOME", "Alders", Decimal("0.00"), "0.00"),
            ("OVER", "Over 2.5", "2.50", "2.50"),
            ("UNDER", "Under 2.5", "2.50", "2.50"),
        ]
        assert not Selection.objects.get(role="AWAY", market__line=0).line.is_signed()

    def test_needs_no_more_queries_for_more_events(self, source, django_assert_max_num_queries):
        def batch(n):
            refs = [f"e{i}" for i in range(n)]
            events = [an_event(ref, home=f"H{ref}", away=f"A{ref}") for ref in refs]
            prices = [p for ref in refs for p in match_odds("2", "3", "4", event_ref=ref)]
            return a_batch(
                events=events, prices=prices, results=[a_result(event_ref=r) for r in refs]
            )

        record(batch(1), source)
        for size in (5, 60):
            with django_assert_max_num_queries(50) as queries:
                record(batch(size), source)
            assert len(queries) > 10
        counts = []
        for _ in range(2):
            with django_assert_max_num_queries(50) as queries:
                record(batch(60), source)
            counts.append(len(queries))
        with django_assert_max_num_queries(counts[0]):
            record(batch(2), source)

    def test_writes_one_audit_entry_with_the_counts(self, source):
        record(a_batch(prices=match_odds("2", "3", "4")), source)
        entry = AuditEntry.objects.get()
        assert (entry.action, entry.subject) == ("markets.record", f"markets.Source:{source.pk}")
        assert entry.detail["prices"] == {"new": 3, "unchanged": 0}

    def test_an_empty_batch_does_nothing(self, source):
        assert not record(ParsedBatch(), source).changed_anything


class TestPrices:
    def test_are_stored_only_where_they_change(self, source):
        prices = [
            a_price(price, hours_before=hours)
            for hours, price in ((30, "2.0"), (20, "2.0"), (10, "2.1"), (5, "2.1"), (1, "2.0"))
        ]
        counts = record(a_batch(prices=prices), source)
        assert history() == [(30, "2.000"), (10, "2.100"), (1, "2.000")]
        assert (counts.prices.new, counts.prices.unchanged) == (3, 2)

    def test_may_come_in_any_order_and_in_any_portions(self, source):
        for hours, price in ((5, "2.1"), (30, "2.0"), (10, "2.1"), (1, "2.0"), (20, "2.0")):
            record(a_batch(prices=[a_price(price, hours_before=hours)]), source)
        told = history()
        assert [price for hours, price in told if hours in (30, 10, 1)] == [
            "2.000",
            "2.100",
            "2.000",
        ]
        latest = LatestPrice.objects.get(selection__role="HOME")
        assert (str(latest.price), str(latest.previous_price)) == ("2.000", "2.100")

    def test_keep_the_latest_with_its_predecessor_and_the_newest_look(self, source):
        record(a_batch(prices=[a_price("2.0", hours_before=9)]), source)
        record(a_batch(prices=[a_price("2.2", hours_before=6)]), source)
        record(a_batch(prices=[a_price("2.2", hours_before=2)]), source)
        latest = LatestPrice.objects.get()
        assert (str(latest.price), str(latest.previous_price)) == ("2.200", "2.000")
        assert (latest.seen_at, latest.confirmed_at) == (
            START - timedelta(hours=6),
            START - timedelta(hours=2),
        )

    def test_a_stored_moment_is_never_rewritten(self, source):
        record(a_batch(prices=[a_price("2.0"), a_price("2.5", hours_before=1)]), source)
        counts = record(a_batch(prices=[a_price("2.3")]), source)
        assert history() == [(24, "2.000"), (1, "2.500")]
        assert (counts.prices.new, counts.prices.unchanged) == (0, 1)
        assert "the price stored for 2023-08-11 14:00 UTC, which stays, not 2.300" in (
            counts.problems[0].message
        )

    def test_of_one_book_do_not_touch_another(self, source):
        record(a_batch(prices=[a_price("2.0"), a_price("2.0", book="bet365")]), source)
        record(a_batch(prices=[a_price("2.4", hours_before=1, book="bet365")]), source)
        assert history(book="pinnacle") == [(24, "2.000")]
        assert history(book="bet365") == [(24, "2.000"), (1, "2.400")]

    @pytest.mark.parametrize("price", ["1", "0", "-4", "1000.1", "NaN", "Infinity"])
    def test_that_no_book_can_mean_are_told_and_left_out(self, source, price):
        counts = record(a_batch(prices=[a_price(price), a_price("3.3", role="DRAW")]), source)
        assert [problem.field for problem in counts.problems] == ["price"]
        assert PriceSnapshot.objects.count() == 1

    def test_from_the_future_are_told_and_left_out(self, source):
        counts = record(a_batch(prices=[a_price("2")]), source, now=START - timedelta(days=2))
        assert [problem.field for problem in counts.problems] == ["seen_at"]
        assert PriceSnapshot.objects.count() == 0

    def test_of_an_unknown_book_are_told_and_left_out(self, source):
        counts = record(a_batch(prices=[a_price("2", book="nobody"), a_price("2")]), source)
        assert [problem.field for problem in counts.problems] == ["book"]
        assert PriceSnapshot.objects.count() == 1

    def test_make_the_months_that_they_need(self, source):
        far = START - timedelta(days=200)
        record(a_batch(prices=[a_price("2", seen_at=far), a_price("3", hours_before=1)]), source)
        with connection.cursor() as cursor:
            cursor.execute(
                "select inhrelid::regclass::text from pg_inherits"
                " where inhparent = 'markets_pricesnapshot'::regclass"
            )
            names = {name for (name,) in cursor.fetchall()}
        assert names >= {"markets_pricesnapshot_2023_01", "markets_pricesnapshot_2023_08"}


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


class TestResults:
    def test_first_told_were_known_when_the_source_says(self, source):
        record(a_batch(results=[a_result()]), source)
        result = Result.objects.get()
        assert (result.version, result.known_at) == (1, START + timedelta(hours=2))
        assert result.recorded_at == NOW

    def test_are_never_known_later_than_they_were_read(self, source):
        record(a_batch(results=[a_result(known_at=NOW + timedelta(days=1))]), source)
        assert Result.objects.get().known_at == NOW

    def test_corrected_are_a_new_version_known_from_the_load_on(self, source):
        record(a_batch(results=[a_result(2, 1)]), source)
        later = NOW + timedelta(days=2)
        counts = record(a_batch(results=[a_result(2, 2)]), source, now=later)
        assert (counts.results.new, counts.results.corrected) == (0, 1)
        versions = Result.objects.order_by("version").values_list(
            "version", "away_score", "known_at"
        )
        assert list(versions) == [(1, 1, START + timedelta(hours=2)), (2, 2, later)]

    def test_corrected_and_corrected_back_are_three_versions(self, source):
        for away in (1, 2, 1, 1):
            record(a_batch(results=[a_result(2, away)]), source)
        assert list(Result.objects.order_by("version").values_list("away_score", flat=True)) == [
            1,
            2,
            1,
        ]

    def test_without_a_half_time_contradict_none(self, source):
        record(a_batch(results=[a_result(home_score_half=1, away_score_half=0)]), source)
        counts = record(a_batch(results=[a_result()]), source)
        assert (counts.results.corrected, counts.results.unchanged) == (0, 1)

    def test_of_another_source_do_not_overrule_the_first(self, source):
        record(a_batch(results=[a_result(2, 1)]), source)
        other = a_source(code="other")
        ParticipantAlias.objects.bulk_create(
            ParticipantAlias(source=other, sport=p.sport, alias=p.name, participant=p)
            for p in Participant.objects.all()
        )
        counts = record(a_batch(results=[a_result(2, 2)]), other)
        assert Result.objects.count() == 1
        assert [problem.field for problem in counts.problems] == ["result"]


class TestNames:
    def test_are_made_where_the_source_may_make_them(self, source):
        record(a_batch(), source)
        competition = Competition.objects.get()
        assert (competition.code, competition.name, competition.sport.code) == (
            "E0",
            "Premier League",
            "soccer",
        )
        assert set(ParticipantAlias.objects.values_list("alias", "participant__name")) == {
            ("Alders", "Alders"),
            ("Birches", "Birches"),
        }

    def test_that_are_unknown_are_told_where_it_may_not(self, source):
        record(a_batch(prices=[a_price("2", hours_before=48)]), source)
        strict = a_source(code="strict", creates_names=False)
        counts = record(a_batch(prices=match_odds("2", "3", "4"), results=[a_result()]), strict)
        assert [problem.field for problem in counts.problems] == ["participant", "participant"]
        assert "'Alders'" in counts.problems[0].message
        assert (Result.objects.count(), PriceSnapshot.objects.count()) == (0, 1)

    def test_that_an_operator_mapped_are_understood(self, source):
        record(a_batch(), source)
        strict = a_source(code="strict", creates_names=False)
        for alias, name in (("ALD", "Alders"), ("BIR", "Birches")):
            club = Participant.objects.get(name=name)
            ParticipantAlias.objects.create(
                source=strict, sport=club.sport, alias=alias, participant=club
            )
        counts = record(a_batch(events=[an_event(home="ALD", away="BIR")]), strict)
        assert (counts.events.unchanged, counts.problems) == (1, [])

    def test_of_an_unknown_competition_are_told(self, source):
        counts = record(a_batch(events=[an_event(competition="Q1"), an_event("two")]), source)
        assert [problem.field for problem in counts.problems] == ["competition"]
        assert Event.objects.count() == 1


@pytest.mark.django_db(transaction=True)
class TestTogether:
    def test_two_loads_of_one_file_at_once_store_it_once(self):
        source = a_source()
        rows = [
            {"HomeTeam": f"Home {n}", "AwayTeam": f"Away {n}", "Date": f"{n + 1:02d}/09/2023"}
            for n in range(12)
        ]
        batch = FootballData().parse(csv_file(*rows), name="E0_2324.csv", fetched_at=NOW)
        barrier, counted, failed = threading.Barrier(4), [], []

        def load():
            try:
                barrier.wait()
                counted.append(record(batch, source))
            except Exception as fault:
                failed.append(fault)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert sorted(counts.events.new for counts in counted) == [0, 0, 0, 12]
        assert sum(counts.prices.new for counts in counted) == PriceSnapshot.objects.count()
        assert (Event.objects.count(), Result.objects.count()) == (12, 12)
        assert Selection.objects.count() == 12 * (3 + 2 + 2 + 2)

    def test_loads_of_leagues_that_share_clubs_do_not_wait_in_a_circle(self):
        source = a_source()
        clubs = [f"Club {n}" for n in range(20)]

        def batch(division, order):
            rows = [
                {"Div": division, "HomeTeam": home, "AwayTeam": away, "Date": "02/09/2023"}
                for home, away in zip(order[::2], order[1::2], strict=True)
            ]
            return FootballData().parse(csv_file(*rows), name="x_2324.csv", fetched_at=NOW)

        batches = [batch("E0", clubs), batch("E1", clubs[::-1]), batch("E2", clubs[5:] + clubs[:5])]
        barrier, failed = threading.Barrier(3), []

        def load(one):
            try:
                barrier.wait()
                record(one, source)
            except Exception as fault:
                failed.append(fault)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=load, args=[one]) for one in batches]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert (Participant.objects.count(), Event.objects.count()) == (20, 30)
