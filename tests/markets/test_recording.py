"""A load as a whole: once however often, few statements, together with others."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connections

from markets.connectors.base import ParsedBatch
from markets.connectors.football_data import FootballData
from markets.models import (
    Book,
    Event,
    LatestPrice,
    Market,
    Participant,
    PriceSnapshot,
    Result,
    Selection,
)
from monitoring.models import AuditEntry
from tests.markets.builders import (
    NOW,
    a_batch,
    a_price,
    a_result,
    a_source,
    an_event,
    csv_file,
    match_odds,
    record,
)


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
            "notices": {"new": 0, "changed": 0, "unchanged": 0},
        }
        assert second.as_json() == {
            "events": {"new": 0, "changed": 0, "unchanged": 1},
            "prices": {"new": 0, "unchanged": 6},
            "results": {"new": 0, "corrected": 0, "unchanged": 1},
            "notices": {"new": 0, "changed": 0, "unchanged": 0},
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

    def test_leaves_the_audit_to_what_people_do(self, source):
        record(a_batch(prices=match_odds("2", "3", "4"), results=[a_result()]), source)
        record(a_batch(prices=match_odds("2.1", "3", "4", hours_before=1)), source)
        assert not AuditEntry.objects.exists()

    def test_an_empty_batch_does_nothing(self, source):
        assert not record(ParsedBatch(), source).changed_anything


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
