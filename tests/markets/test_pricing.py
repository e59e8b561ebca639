"""Prices as a load brings them: what is stored, what is told, and what is left out."""

from datetime import timedelta

import pytest
from django.db import connection

from markets.models import LatestPrice, PriceSnapshot
from tests.markets.builders import START, a_batch, a_price, history, record


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
