from decimal import Decimal

import pytest

from markets.connectors.base import CLOSE
from markets.connectors.betfair_api import BetfairApi
from tests.markets.sources.betfair import MARKET, a_catalogue
from tests.markets.sources.betfair_answers import (
    RUNNERS,
    SEEN,
    a_book,
    a_book_runner,
    parse,
    prices,
    rpc,
)


class TestRead:
    def test_makes_event_and_market_from_a_catalogue(self):
        batch = parse(rpc(a_catalogue()))
        (event,), (market,) = batch.events, batch.markets
        assert (batch.records, batch.problems, batch.prices) == (1, [], [])
        assert (event.competition, event.race_number, event.id) == ("au-custard-hill", 3, MARKET)
        assert [runner.name for runner in market.runners] == [
            "Plum Duff", "Quick Custard", "Rhubarb Fool",
        ]  # fmt: skip

    def test_reads_a_catalogue_and_its_book_from_one_answer(self):
        batch = parse(rpc(a_catalogue()), rpc(a_book(*RUNNERS)))
        assert (batch.records, batch.problems) == (2, [])
        assert [(p.runner, p.price) for p in batch.prices if p.book == "betfair_exchange"] == [
            ("#101", Decimal("2.500")), ("#102", Decimal("1.600")),
        ]  # fmt: skip
        assert prices(batch, "betfair_traded")["#101"].price == Decimal("2.540")
        assert {price.seen_at for price in batch.prices} == {SEEN}

    def test_reads_a_rest_answer_without_envelope_too(self):
        assert parse(a_catalogue(), a_book(*RUNNERS)).records == 2

    def test_keeps_the_ladder(self):
        (first, _) = parse(rpc(a_catalogue()), rpc(a_book(*RUNNERS))).ladders
        assert first.back == (
            (Decimal("2.500"), Decimal("10.00")), (Decimal("2.400"), Decimal("30.00")),
        )  # fmt: skip
        assert (first.last_traded, first.matched) == (Decimal("2.540"), Decimal("99.50"))

    def test_takes_non_runners_from_the_book(self):
        market = parse(rpc(a_catalogue()), rpc(a_book(*RUNNERS))).markets[0]
        removed = {runner.id: runner for runner in market.runners}["103"]
        assert (removed.name, removed.reduction) == ("Rhubarb Fool", Decimal("12.50"))
        assert removed.removed_at.isoformat() == "2031-03-04T03:10:00+00:00"

    def test_tells_no_offers_of_a_suspended_market(self):
        batch = parse(rpc(a_catalogue()), rpc(a_book(*RUNNERS, status="SUSPENDED")))
        assert (batch.prices, batch.ladders) == ([], [])

    def test_takes_starting_prices_as_the_close_once_they_are_made(self):
        sold = [
            a_book_runner(101, sp={"actualSP": 2.7301128}),
            a_book_runner(102, sp={"actualSP": "NaN"}),
        ]
        book = a_book(*sold, inplay=True, bspReconciled=True, status="SUSPENDED")
        batch = parse(rpc(a_catalogue()), rpc(book))
        (price,) = batch.prices
        assert (price.price, price.mark, price.seen_at) == (Decimal("2.730"), CLOSE, SEEN)
        assert batch.events[0].status == "LIVE"

    def test_takes_the_result_of_a_closed_market(self):
        runners = [a_book_runner(101, status="WINNER"), a_book_runner(102, status="LOSER")]
        batch = parse(rpc(a_catalogue()), rpc(a_book(*runners, status="CLOSED")))
        assert [(r.person.name, r.is_winner) for r in batch.results[0].runners] == [
            ("Plum Duff", True), ("Quick Custard", False),
        ]  # fmt: skip
        assert batch.events[0].status == "FINISHED"

    def test_leaves_delayed_prices_out_unless_the_operator_takes_them(self):
        answers = rpc(a_catalogue()), rpc(a_book(*RUNNERS, isMarketDataDelayed=True))
        refused, taken = parse(*answers), parse(*answers, options={"accept_delayed": True})
        assert (refused.prices, refused.problems[0].field) == ([], "isMarketDataDelayed")
        assert (len(taken.prices), taken.problems) == (3, [])

    def test_lets_a_book_without_its_catalogue_wait_for_its_event(self):
        batch = parse(rpc(a_book(*RUNNERS)))
        (event,) = batch.events
        assert (event.id, event.is_known_only, event.starts_at) == (MARKET, True, None)
        assert (batch.prices, batch.problems[0].is_rejection) == ([], False)

    def test_reads_a_match_by_its_sides(self):
        catalogue = a_catalogue(
            description={"marketType": "MATCH_ODDS"},
            eventType={"id": "1"},
            competition={"id": "7", "name": "Orchard League"},
            event={"id": "31", "name": "Alders v Birches", "timezone": "Europe/London"},
            runners=[
                {"selectionId": 1, "runnerName": "Alders"},
                {"selectionId": 2, "runnerName": "Birches"},
                {"selectionId": 58805, "runnerName": "The Draw"},
            ],
        )
        book = a_book(*(a_book_runner(n, back=[(3.0, 5)]) for n in (58805, 1, 2)))
        batch = parse(rpc(catalogue), rpc(book))
        (event,) = batch.events
        assert (event.competition, event.season, event.is_known_only) == (
            "Orchard League", "2030-31", False,
        )  # fmt: skip
        assert list(prices(batch, "betfair_exchange")) == ["DRAW", "HOME", "AWAY"]
        assert [(ladder.role, ladder.back) for ladder in batch.ladders] == [
            (role, ((Decimal("3"), Decimal("5")),)) for role in ("DRAW", "HOME", "AWAY")
        ]
        assert set(batch.markets[0].answers) == {("1", "HOME"), ("2", "AWAY"), ("58805", "DRAW")}

    def test_reads_an_outright_with_its_runners(self):
        catalogue = a_catalogue(
            marketName="Winner 2030/31",
            description={"marketType": "WINNER"},
            eventType={"id": "1"},
            competition={"id": "7", "name": "Orchard League"},
            event={"id": "31", "name": "Orchard League"},
        )
        (event,) = parse(rpc(catalogue)).events
        assert (event.name, event.home) == ("Orchard League Winner 2030/31", "")


class TestProblems:
    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            ({"error": {"code": -32099, "message": "ANGX-0003"}}, "ANGX-0003"),
            ({"error": {"data": {"APINGException": {"errorCode": "NO_SESSION"}}}}, "NO_SESSION"),
            ({"faultcode": "Client", "faultstring": "DSC-0018"}, "DSC-0018"),
            ({"faultcode": "C", "detail": {"APINGException": {"errorCode": "NO_KEY"}}}, "NO_KEY"),
        ],
    )
    def test_an_error_is_no_data(self, answer, code):
        batch = parse(answer)
        (problem,) = batch.problems
        assert (problem.message, batch.records) == (f"markets, not the error {code}", 0)

    @pytest.mark.parametrize("payload", [b"", b"<html>", b"[1, 2]", b"{", b'"x"', b"\xff\xfe{"])
    def test_what_is_no_answer_is_told_once(self, payload):
        batch = BetfairApi().parse(payload, name="x", fetched_at=SEEN)
        (problem,) = batch.problems
        assert (problem.row, batch.records) == (None, 0)

    def test_lists_that_are_looked_up_are_not_loaded(self):
        batch = parse(rpc({"competition": {"id": "1", "name": "x"}, "marketCount": 3}))
        assert (batch.records, batch.problems[0].row) == (0, None)

    @pytest.mark.parametrize(
        ("element", "expected"),
        [
            (a_catalogue(description={"marketType": "NONSPORT"}), "a market type that is read"),
            (a_catalogue(marketStartTime="soon"), "a time with its offset"),
            (a_catalogue(runners="none"), "a market's catalogue: array, not str, at $.runners"),
            ({"marketId": "1.1", "status": 5}, "a market's book: str, not int, at $.status"),
            ({"price": 3}, "a market with its id"),
            (7, "a market with its id"),
        ],
    )
    def test_one_market_is_rejected_and_the_others_are_read(self, element, expected):
        batch = parse(rpc(element, a_catalogue()))
        (problem,) = batch.problems
        assert (problem.row, problem.is_rejection, batch.records) == (1, True, 2)
        assert problem.message.startswith(expected)
        assert len(batch.events) == 1


class TestCheckOptions:
    def test_accepts_what_ask_understands(self):
        options = {
            "event_types": ["7"],
            "hours_ahead": 12,
            "locale": "italy",
            "accept_delayed": True,
        }
        assert BetfairApi().check_options(options) == []

    @pytest.mark.parametrize(
        "options",
        [{"event_types": "7"}, {"hours_ahead": 0}, {"locale": "mars"}, {"accept_delayed": 1},
         {"max_markets": True}, {"password": "x"}],
    )  # fmt: skip
    def test_says_what_is_wrong(self, options):
        assert len(BetfairApi().check_options(options)) == 1
