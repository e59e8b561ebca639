"""Answers of the exchange API as they were kept: which of them are markets."""

import json
from decimal import Decimal as D

import msgspec
import pytest
from django.utils import timezone

from betting.venues.betfair import outside, wire
from markets.connectors.betfair_api import BetfairApi
from tests.real.data import FOLDER

DATA = FOLDER / "betfair" / "api" / "rest_and_stream_samples"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data at {DATA} (REAL_DATA_DIR)"),
]


def parse(*names):
    payload = b"[" + b",".join((DATA / f"{name}.json").read_bytes() for name in names) + b"]"
    return BetfairApi().parse(payload, name="+".join(names), fetched_at=timezone.now())


class TestConnector:
    def test_reads_a_catalogue(self):
        batch = parse("list_market_catalogue")
        (market,) = batch.markets
        assert (batch.records, batch.problems) == (1, [])
        assert (market.kind, market.id, len(market.runners)) == ("OUTRIGHT", "1.125818641", 10)
        assert batch.events[0].competition == "Austrian Bundesliga"

    def test_rejects_politics(self):
        batch = parse("list_market_catalogue_no_ero")
        (problem,) = batch.problems
        assert (batch.records, problem.row, problem.is_rejection) == (2, 2, True)
        assert problem.message == "a market type that is read, not 'NONSPORT'"

    @pytest.mark.parametrize("name", ["list_market_book", "list_runner_book"])
    def test_lets_a_book_without_catalogue_wait(self, name):
        batch = parse(name)
        assert (batch.records, len(batch.all_prices())) == (1, 0)
        assert (batch.events[0].is_known_only, batch.problems[0].is_rejection) == (True, False)

    @pytest.mark.parametrize(
        "name", ["list_events", "list_competitions", "list_market_types", "list_event_types"]
    )
    def test_loads_no_lists(self, name):
        assert (parse(name).records, parse(name).events) == (0, [])

    def test_takes_an_error_for_what_it_is(self):
        assert parse("base_endpoint_fail").problems[0].message == (
            "markets, not the error An error.."
        )


class TestClearedOrders:
    def test_are_read_as_the_exchange_told_them(self):
        kept = json.loads((DATA / "list_cleared_orders.json").read_bytes())["result"]
        told = msgspec.convert(kept, wire.ClearedOrders)
        one = outside.of_cleared(told.clearedOrders[0], status="SETTLED")
        assert (one.venue_ref, one.market_ref, one.side) == ("71958694780", "1.125875592", "LAY")
        assert (one.outcome, one.size, one.price) == ("LOST", D("2.00"), D("1.220"))
        assert (one.profit, one.ended_at.isoformat()) == (D("-0.44"), "2016-07-30T16:26:13+00:00")
        assert told.moreAvailable is True
