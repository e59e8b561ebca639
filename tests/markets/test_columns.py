from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from markets.connectors.base import Problem
from markets.connectors.columns import NO_NUMBER, PriceColumns, microseconds
from tests.markets.builders import START, a_batch, a_price, a_result, an_event, match_odds


class TestOf:
    def test_names_each_question_and_book_once(self):
        prices = match_odds("2.1", "3.5", "3.8") + match_odds("2.0", "3.5", "4", hours_before=1)
        columns = PriceColumns.of(prices)
        assert (len(columns), len(columns.keys), columns.books) == (6, 3, ["pinnacle"])
        assert columns.keys[0] == ("one", "MATCH_ODDS", "FULL", None, "", "", "HOME", "")
        assert columns.price.tolist() == [2100, 3500, 3800, 2000, 3500, 4000]
        assert columns.seen[0] == microseconds(START - timedelta(hours=24))

    def test_marks_what_is_no_number(self):
        columns = PriceColumns.of([a_price("NaN"), a_price("Infinity"), a_price("1e40")])
        assert columns.price.tolist()[:2] == [NO_NUMBER, NO_NUMBER]
        assert columns.price[2] > 10**12


class TestJoined:
    def test_keeps_what_each_row_means(self):
        first, second = PriceColumns.of([a_price("2")]), PriceColumns.of([a_price("3", book="x")])
        both = PriceColumns.joined([first, second])
        assert [(both.books[b], p) for b, p in zip(both.book, both.price, strict=True)] == [
            ("pinnacle", 2000),
            ("x", 3000),
        ]


class TestBatch:
    def test_hands_over_prices_whichever_way_they_came(self):
        listed, columns = [a_price("2")], PriceColumns.of([a_price("3")])
        assert len(a_batch().all_prices()) == 0
        assert a_batch(prices=listed).all_prices().price.tolist() == [2000]
        both = replace(a_batch(prices=listed), columns=columns)
        assert sorted(both.all_prices().price.tolist()) == [2000, 3000]

    def test_of_some_records_keeps_their_facts_and_the_events_they_speak_of(self):
        batch = replace(
            a_batch(
                events=[an_event(record=1), an_event("two", record=2), an_event("six", record=6)],
                prices=[a_price("2", record=3), a_price("3", event_ref="two", record=4)],
                results=[a_result(record=5)],
            ),
            columns=PriceColumns.of([a_price("4", event_ref="two", record=7)]),
            problems=[Problem("f", 3, "x", "y"), Problem("f", 4, "x", "y")],
            records=7,
            excerpts={3: "three", 4: "four"},
        )
        some = batch.only([3, 5])
        assert [event.ref for event in some.events] == ["one"]
        assert [price.price for price in some.prices] == [Decimal("2")]
        assert (len(some.results), len(some.columns), some.records) == (1, 0, 2)
        assert ([p.row for p in some.problems], some.excerpts) == ([3], {3: "three"})
        assert [event.ref for event in batch.only([7]).events] == ["two"]
        assert [event.ref for event in batch.only({6}).events] == ["six"]
