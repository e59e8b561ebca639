from datetime import timedelta
from decimal import Decimal

import pytest

from markets.domain import odds
from markets.models import ClosingPrice, Event
from markets.services import closing, recording
from tests.markets.builders import (
    NOW,
    START,
    a_batch,
    a_price,
    a_source,
    an_event,
    match_odds,
)

AFTER = START + timedelta(minutes=1)


@pytest.fixture
def source(db):
    return a_source()


def record(batch, source, now=NOW):
    return recording.record(batch=batch, source=source, now=now)


def close(as_of=AFTER, **fields):
    return closing.record_closes(as_of=as_of, now=NOW, **fields)


def a_close(role="HOME", book="pinnacle"):
    return ClosingPrice.objects.get(selection__role=role, book__code=book)


class TestRecordCloses:
    def test_takes_the_first_and_the_last_price_before_the_start(self, source):
        prices = [
            *match_odds("2.2", "3.3", "3.6", hours_before=30),
            *match_odds("2.1", "3.4", "3.7", hours_before=5),
            *match_odds("2.0", "3.5", "3.8", hours_before=1),
            *match_odds("1.2", "6.0", "15", hours_before=-0.5),
        ]
        record(a_batch(prices=prices), source)
        assert close() == 1
        row = a_close()
        assert (row.opening_price, row.price) == (Decimal("2.2"), Decimal("2.0"))
        assert (row.opened_at, row.seen_at, row.starts_at) == (
            START - timedelta(hours=30),
            START - timedelta(hours=1),
            START,
        )

    def test_takes_the_margin_off_by_the_default_method(self, source):
        record(a_batch(prices=match_odds("2.6", "2.4", "4.3")), source)
        close()
        fair = [float(a_close(role).fair_probability) for role in ("HOME", "DRAW", "AWAY")]
        assert [round(p, 5) for p in fair] == [0.37299, 0.40478, 0.22223]
        assert a_close().method == "shin"
        assert a_close().overround == pytest.approx(1 / 2.6 + 1 / 2.4 + 1 / 4.3 - 1)

    def test_goes_by_power_for_two_answers(self, source):
        line = {"kind": "ASIAN_HANDICAP", "line": Decimal("-0.5")}
        prices = [a_price("1.80", **line), a_price("2.10", role="AWAY", **line)]
        record(a_batch(prices=prices), source)
        close()
        expected = odds.remove_margin([[1.8, 2.1]], method="power").probabilities[0, 0]
        assert a_close().fair_probability == pytest.approx(expected)
        assert a_close().method == "power"

    def test_gives_an_incomplete_market_no_probability_and_says_so(self, source):
        record(a_batch(prices=match_odds("2.6", "2.4", "4.3")[:2]), source)
        close()
        row = a_close()
        assert (row.price, row.fair_probability, row.overround) == (Decimal("2.6"), None, None)
        assert row.method == closing.INCOMPLETE

    def test_says_where_there_was_no_margin(self, source):
        record(a_batch(prices=match_odds("3.2", "3.2", "3.2")), source)
        close()
        assert (a_close().method, a_close().fair_probability) == (
            "multiplicative",
            pytest.approx(1 / 3),
        )

    def test_keeps_books_apart_and_aggregates_too(self, source):
        prices = match_odds("2.6", "2.4", "4.3") + match_odds("2.7", "2.5", "4.4", book="max")
        record(a_batch(prices=prices), source)
        close()
        assert (a_close().price, a_close(book="max").price) == (Decimal("2.6"), Decimal("2.7"))

    def test_says_how_old_the_close_is_by_its_newest_look(self, source):
        record(a_batch(prices=match_odds("2.6", "2.4", "4.3", hours_before=9)), source)
        record(a_batch(prices=match_odds("2.6", "2.4", "4.3", hours_before=1)), source)
        close()
        row = a_close()
        assert (row.seen_at, row.confirmed_at) == (
            START - timedelta(hours=9),
            START - timedelta(hours=1),
        )

    def test_goes_by_the_actual_start_where_it_is_known(self, source):
        late = START + timedelta(minutes=10)
        prices = match_odds("2.6", "2.4", "4.3") + match_odds(
            "2.5", "2.5", "4.3", hours_before=-0.1
        )
        record(a_batch(events=[an_event(started_at=late)], prices=prices), source)
        assert close(as_of=START + timedelta(minutes=5)) == 0
        assert close(as_of=late) == 1
        assert (a_close().price, a_close().starts_at) == (Decimal("2.5"), late)

    def test_does_nothing_before_the_start(self, source):
        record(a_batch(prices=match_odds("2.6", "2.4", "4.3")), source)
        assert close(as_of=START - timedelta(seconds=1)) == 0
        assert not ClosingPrice.objects.exists()

    def test_twice_is_once(self, source):
        record(a_batch(prices=match_odds("2.6", "2.4", "4.3")), source)
        assert (close(), close()) == (1, 0)

    def test_looks_at_an_event_without_prices_once(self, source):
        record(a_batch(), source)
        assert (close(), close()) == (1, 0)

    def test_is_due_again_when_the_start_moves(self, source):
        prices = match_odds("2.6", "2.4", "4.3", hours_before=9) + match_odds(
            "2.0", "3.0", "5.0", hours_before=1
        )
        record(a_batch(prices=prices), source)
        close()
        earlier = START - timedelta(hours=2)
        record(a_batch(events=[an_event(starts_at=earlier)]), source)
        assert close() == 1
        assert (a_close().price, a_close().starts_at) == (Decimal("2.6"), earlier)

    def test_forgets_the_close_of_a_start_that_no_price_precedes(self, source):
        record(a_batch(prices=match_odds("2.6", "2.4", "4.3", hours_before=1)), source)
        close()
        record(a_batch(events=[an_event(starts_at=START - timedelta(hours=2))]), source)
        assert close() == 1
        assert not ClosingPrice.objects.exists()

    def test_is_due_again_when_an_earlier_price_comes_late(self, source):
        record(a_batch(prices=match_odds("2.6", "2.4", "4.3", hours_before=9)), source)
        close()
        record(a_batch(prices=match_odds("2.5", "2.4", "4.3", hours_before=1)), source)
        assert Event.objects.get().close_recorded_for is None
        assert close() == 1
        assert a_close().price == Decimal("2.5")

    def test_waits_for_a_postponed_event(self, source):
        record(a_batch(events=[an_event(status="POSTPONED")]), source)
        assert close() == 0

    def test_looks_only_at_the_events_it_is_asked_for(self, source):
        events = [an_event(), an_event("two", home="Cedars", away="Elms")]
        counts = record(a_batch(events=events, prices=match_odds("2", "3", "4")), source)
        assert close(event_ids=[counts.event_ids["two"]]) == 1
        assert not ClosingPrice.objects.exists()

    def test_costs_two_queries_when_nothing_is_due(self, source, django_assert_max_num_queries):
        with django_assert_max_num_queries(2):
            assert close() == 0

    def test_costs_the_same_for_many_events(self, source, django_assert_max_num_queries):
        refs = [f"e{n}" for n in range(40)]
        events = [an_event(ref, home=f"H{ref}", away=f"A{ref}") for ref in refs]
        prices = [p for ref in refs for p in match_odds("2.6", "2.4", "4.3", event_ref=ref)]
        record(a_batch(events=events, prices=prices), source)
        with django_assert_max_num_queries(12):
            assert close() == 40
        assert ClosingPrice.objects.count() == 120
