from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction

from markets.connectors.base import CLOSE, OPENER
from markets.connectors.columns import PriceColumns
from markets.models import ClosingPrice, Event, LatestPrice, PriceSnapshot
from markets.services import closing, listing, pricing, recording
from tests.markets.builders import (
    NOW,
    START,
    a_batch,
    a_price,
    a_source,
    an_event,
    match_odds,
)

BOOKS = ("pinnacle", "bet365")


@pytest.fixture
def offer(db):
    """Record an event with both books, then offer prices straight to the service."""
    first = [p for book in BOOKS for p in match_odds("5", "5", "5", hours_before=500, book=book)]
    counts = recording.record(batch=a_batch(prices=first), source=a_source(), now=START)
    event = Event.objects.get(pk=counts.event_ids["one"])
    from markets.models import Book

    books = dict(Book.objects.values_list("code", "pk"))

    def offer(*prices, fetched_at=NOW, **asked):
        told = []
        columns = PriceColumns.of(prices)
        with transaction.atomic():
            keys = listing.price_keys(
                keys=columns.keys,
                events={"one": event},
                sides={event.pk: ("Alders", "Birches")},
                who=lambda *_: None,
                tell=lambda *what: told.append(what),
            )
            found = pricing.record_prices(
                columns=columns, keys=keys, books=books, fetched_at=fetched_at,
                tell=lambda *what: told.append(what), **asked,
            )  # fmt: skip
        return found, told

    return offer


def stored(role="HOME", book="pinnacle"):
    rows = PriceSnapshot.objects.filter(selection__role=role, book__code=book, seen_at__gt=OLD)
    return [float(price) for price in rows.order_by("seen_at").values_list("price", flat=True)]


def latest(role="HOME", book="pinnacle"):
    return LatestPrice.objects.get(selection__role=role, book__code=book)


OLD = START - timedelta(hours=400)


class TestRecordPrices:
    def test_stores_changes_alone(self, offer):
        found, _ = offer(
            a_price("2.0", hours_before=9),
            a_price("2.0", hours_before=8),
            a_price("2.1", hours_before=7),
        )
        assert (found.new, found.unchanged, stored()) == (2, 1, [2.0, 2.1])

    def test_names_the_records_that_changed_anything(self, offer):
        prices = [
            a_price("2.0", hours_before=9, record=4),
            a_price("2.0", hours_before=8, record=5),
            a_price("2.1", hours_before=7, record=6),
        ]
        assert offer(*prices)[0].changed_records.tolist() == [4, 6]
        assert offer(*prices)[0].changed_records.tolist() == []

    def test_writes_nothing_the_second_time(self, offer):
        prices = match_odds("2.0", "3.5", "3.9", hours_before=9)
        offer(*prices)
        before = list(LatestPrice.objects.order_by("pk").values())
        found, _ = offer(*prices)
        assert (found.new, found.unchanged) == (0, 3)
        assert list(LatestPrice.objects.order_by("pk").values()) == before

    def test_keeps_the_latest_price_and_the_one_before_it(self, offer):
        offer(a_price("2.0", hours_before=9))
        offer(a_price("2.1", hours_before=7))
        row = latest()
        assert (row.price, row.previous_price) == (Decimal("2.1"), Decimal("2.0"))
        assert row.seen_at == row.confirmed_at == START - timedelta(hours=7)

    def test_confirms_a_price_that_still_stands(self, offer):
        offer(a_price("2.0", hours_before=9))
        offer(a_price("2.0", hours_before=2))
        row = latest()
        assert (row.seen_at, row.confirmed_at) == (
            START - timedelta(hours=9),
            START - timedelta(hours=2),
        )
        assert row.previous_price == 5

    def test_fits_an_older_price_in_without_touching_the_latest(self, offer):
        offer(a_price("2.0", hours_before=2))
        offer(a_price("2.2", hours_before=9))
        assert stored() == [2.2, 2.0]
        assert latest().price == Decimal("2.0")

    def test_keeps_what_is_stored_for_a_moment_and_says_so(self, offer):
        offer(a_price("2.0", hours_before=9))
        found, told = offer(a_price("2.5", hours_before=9))
        assert (found.new, stored()) == (0, [2.0])
        assert "which stays, not 2.500" in told[0][1]

    def test_keeps_the_mark_of_the_look_that_is_stored_and_of_the_last_one(self, offer):
        offer(
            a_price("2.0", hours_before=9, mark=OPENER),
            a_price("2.0", hours_before=0.1, mark=CLOSE),
        )
        row = PriceSnapshot.objects.get(selection__role="HOME", seen_at__gt=OLD)
        assert (row.mark, latest().mark) == (OPENER, CLOSE)

    @pytest.mark.parametrize(
        ("price", "reason", "expected"),
        [
            ("1", "at or below 1", "a price above 1, not 1 (pinnacle)"),
            ("0", "at or below 1", "a price above 1, not 0 (pinnacle)"),
            ("-5", "at or below 1", "a price above 1, not -5 (pinnacle)"),
            ("1000000000", "above 1000", "a price up to 1000, not 1e+09 (pinnacle)"),
            ("NaN", "not a number", "a finite price, not what is none (pinnacle)"),
        ],
    )
    def test_refuses_what_no_book_can_mean(self, offer, price, reason, expected):
        found, told = offer(a_price(price, record=7), a_price("2.0", role="DRAW", record=8))
        assert (found.new, found.refused) == (1, {reason: 1})
        assert found.refused_records.tolist() == [7]
        assert told == [("price", expected, 7)]

    def test_refuses_a_stamp_more_than_five_minutes_ahead(self, offer):
        at = START - timedelta(hours=1)
        early = a_price("2.0", seen_at=at + timedelta(seconds=300), record=1)
        ahead = a_price("2.0", role="DRAW", seen_at=at + timedelta(seconds=301), record=2)
        found, told = offer(early, ahead, fetched_at=at)
        assert (found.new, found.refused) == (1, {"in the future": 1})
        assert told[0][0::2] == ("seen_at", 2)

    def test_tells_an_old_price_of_a_live_source_and_stores_it(self, offer):
        at = START - timedelta(hours=1)
        price = a_price("2.0", seen_at=at - timedelta(seconds=601))
        found, told = offer(price, fetched_at=at, is_live=True)
        assert found.new == 1
        assert "1 are older" in told[0][1]
        assert offer(price, fetched_at=at)[1] == []

    def test_counts_what_it_refuses_by_the_reason(self, offer):
        at = START - timedelta(hours=1)
        found, _ = offer(
            a_price("1.0", hours_before=1),
            a_price("1.0", hours_before=1, role="DRAW"),
            a_price("1.9", kind="ASIAN_HANDICAP", line=Decimal("0.3"), hours_before=1),
            a_price("1.9", kind="ASIAN_HANDICAP", line=Decimal("0.3"), role="AWAY", hours_before=1),
            a_price("1.9", kind="TOTAL", line=Decimal("NaN"), role="OVER", hours_before=1),
            a_price("1.9", kind="COIN_TOSS", hours_before=1),
            a_price("1.9", role="OVER", hours_before=1),
            a_price("2.1", hours_before=2),
            fetched_at=at,
            is_live=True,
        )  # fmt: skip
        assert found.refused == {
            "at or below 1": 2,
            "no line of its market": 3,
            "no market that is known": 2,
            "older than 600 s, kept": 1,
        }
        assert found.new == 1

    def test_tells_a_flood_of_refused_prices_in_few_words(self, offer):
        prices = [a_price("0.5", hours_before=300 - n) for n in range(pricing.TELL_AT_MOST + 20)]
        found, told = offer(*prices)
        assert found.refused == {"at or below 1": pricing.TELL_AT_MOST + 20}
        assert len(told) == pricing.TELL_AT_MOST + 1
        assert told[-1][1] == "a price above 1; 20 more are at or below 1"

    def test_leaves_out_a_book_that_is_not_known(self, offer):
        assert offer(a_price("2.0", book="nobody"))[0].new == 0

    def test_needs_the_same_questions_for_many_prices(self, offer):
        questions = []

        def count(execute, sql, *rest):
            questions.append(sql)
            return execute(sql, *rest)

        def asked(hours):
            with connection.execute_wrapper(count):
                questions.clear()
                offer(*[a_price(f"2.{hour % 9}", hours_before=hour) for hour in hours])
            return len(questions)

        asked([250])  # makes the month
        assert asked([249, 248]) == asked(range(240, 5, -1))


class TestReopenedCloses:
    def close(self):
        closing.record_closes(as_of=START + timedelta(minutes=1), now=NOW)

    def test_a_later_look_before_the_start_makes_the_close_better(self, offer):
        offer(*match_odds("2.0", "3.5", "3.9", hours_before=9))
        self.close()
        assert set(ClosingPrice.objects.values_list("exactness", flat=True)) == {"NONE"}
        offer(*match_odds("2.0", "3.5", "3.9", hours_before=0.5))
        self.close()
        pinnacle = ClosingPrice.objects.filter(book__code="pinnacle")
        assert set(pinnacle.values_list("exactness", flat=True)) == {"PROVISIONAL"}

    def test_a_price_in_play_leaves_the_close_alone(self, offer):
        offer(*match_odds("2.0", "3.5", "3.9", hours_before=0.5))
        self.close()
        offer(*match_odds("1.2", "7", "15", hours_before=-0.5))
        assert Event.objects.get().close_recorded_for == START


class TestManyEvents:
    def test_reopens_those_alone_that_got_a_price(self, db):
        events = [an_event(), an_event("two", home="Cedars", away="Elms")]
        prices = match_odds("2", "3", "4") + match_odds("2", "3", "4", event_ref="two")
        source = a_source()
        counts = recording.record(
            batch=a_batch(events=events, prices=prices), source=source, now=NOW
        )
        closing.record_closes(as_of=START, now=NOW)
        late = match_odds("2.1", "3", "4", hours_before=1, event_ref="two")
        recording.record(batch=a_batch(events=events, prices=late), source=source, now=NOW)
        open_again = Event.objects.filter(close_recorded_for__isnull=True)
        assert list(open_again.values_list("pk", flat=True)) == [counts.event_ids["two"]]
