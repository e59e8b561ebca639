import io
import json
import threading
from datetime import timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from markets.connectors.base import CLOSE, Answer, Asked, Reading
from markets.connectors.betfair_api import BetfairApi, asking
from markets.models import Source
from markets.services import asking as asking_of_sources
from monitoring.errors import PermanentlyFailed, TemporarilyFailed
from tests.markets.sources.betfair import MARKET, START, a_catalogue

SEEN = START - timedelta(minutes=10)
SECRETS = {"username": "jo", "password": "pass phrase", "app_key": "key-1", "certs": ""}


def a_book_runner(number, back=(), lay=(), **fields):
    def offers(pairs):
        return [{"price": price, "size": size} for price, size in pairs]

    return {
        "selectionId": number,
        "handicap": 0.0,
        "status": "ACTIVE",
        "ex": {"availableToBack": offers(back), "availableToLay": offers(lay)},
        **fields,
    }


def a_book(*runners, **fields):
    values = {
        "marketId": MARKET,
        "status": "OPEN",
        "inplay": False,
        "bspReconciled": False,
        "numberOfWinners": 1,
        "isMarketDataDelayed": False,
        "runners": list(runners),
    }
    return {**values, **fields}


RUNNERS = (
    a_book_runner(
        101, back=[(2.4, 30), (2.5, 10)], lay=[(2.6, 5)], lastPriceTraded=2.54, totalMatched=99.5
    ),
    a_book_runner(102, back=[(1.6, 20)], lay=[(1.63, 8)]),
    a_book_runner(
        103, status="REMOVED", removalDate="2031-03-04T03:10:00.000Z", adjustmentFactor=12.5
    ),
)


def rpc(*elements):
    return {"jsonrpc": "2.0", "result": list(elements), "id": 1}


def parse(*answers, options=None):
    document = answers[0] if len(answers) == 1 else list(answers)
    payload = json.dumps(document).encode()
    if options is None:
        return BetfairApi().parse(payload, name="answer.json", fetched_at=SEEN)
    reading = Reading("answer.json", SEEN, options=options)
    (batch,) = BetfairApi().read(io.BytesIO(payload), reading=reading)
    return batch


def prices(batch, book):
    return {price.runner or price.role: price for price in batch.prices if price.book == book}


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
        assert batch.ladders == []

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
            (a_catalogue(runners="none"), "Expected `array`"),
            ({"marketId": "1.1", "status": 5}, "Expected `str`"),
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


class Exchange:
    """Stands in for the exchange behind ``Get``: answers in turn, and keeps what it was sent."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.logins, self.sent, self.kept = [], [], []

    def get(self, url, *, headers, body, keep=True, certificate=None):
        if "/api/" in url:
            self.logins.append((url, body, certificate))
            told = {"status": "SUCCESS", "token": f"token-{len(self.logins)}"}
            told |= {"loginStatus": "SUCCESS", "sessionToken": "token-c"} if certificate else {}
            assert keep is False
            return Answer("login", url, json.dumps(told).encode())
        self.sent.append(SimpleNamespace(url=url, headers=headers, document=json.loads(body)))
        return Answer("x", url, json.dumps(self.answers.pop(0)).encode())


def ask(exchange, *, api=None, secrets=SECRETS, location="", **options):
    asked = Asked(
        options=options,
        location=location,
        since=None,
        credentials={name: SecretStr(text) for name, text in secrets.items()},
        now=SEEN,
    )
    return list((api or BetfairApi()).ask(asked=asked, get=exchange.get))


class TestAsk:
    def test_asks_for_catalogues_and_then_for_books_with_them(self):
        exchange = Exchange(rpc(a_catalogue()), [rpc(a_catalogue()), rpc(a_book(*RUNNERS))])
        answers = ask(exchange, event_types=["7"], countries=["AU"], hours_ahead=6)
        first, second = exchange.sent
        assert [answer.name for answer in answers] == ["catalogue.json", "books-1.json"]
        assert first.document["params"]["filter"]["eventTypeIds"] == ["7"]
        assert first.document["params"]["filter"]["marketStartTime"] == {
            "from": "2031-03-04T00:20:00Z", "to": "2031-03-04T09:20:00Z",
        }  # fmt: skip
        assert [part["method"].rpartition("/")[2] for part in second.document] == [
            "listMarketCatalogue", "listMarketBook",
        ]  # fmt: skip
        assert second.document[1]["params"]["marketIds"] == [MARKET]

    def test_what_it_gets_can_be_read(self):
        exchange = Exchange(rpc(a_catalogue()), [rpc(a_catalogue()), rpc(a_book(*RUNNERS))])
        _, books = ask(exchange)
        batch = BetfairApi().parse(books.payload, name=books.name, fetched_at=SEEN)
        assert len(prices(batch, "betfair_exchange")) == 2

    def test_sends_the_token_and_the_key_as_headers(self):
        exchange = Exchange(rpc())
        ask(exchange)
        headers = exchange.sent[0].headers
        assert (headers["X-Authentication"], headers["X-Application"]) == ("token-1", "key-1")
        assert exchange.logins[0][1] == b"username=jo&password=pass+phrase"

    def test_logs_in_by_certificate_where_there_is_one(self):
        exchange = Exchange(rpc())
        ask(exchange, secrets={**SECRETS, "certs": "/secure/betfair.pem"})
        ((url, _, certificate),) = exchange.logins
        assert (url, certificate) == (
            "https://identitysso-cert.betfair.com/api/certlogin", "/secure/betfair.pem",
        )  # fmt: skip

    def test_logs_in_once_for_many_looks(self):
        exchange, api = Exchange(rpc(), rpc()), BetfairApi()
        ask(exchange, api=api)
        ask(exchange, api=api)
        assert len(exchange.logins) == 1

    def test_logs_in_again_where_the_exchange_forgot_it(self):
        gone = {"error": {"data": {"APINGException": {"errorCode": "INVALID_SESSION_INFORMATION"}}}}
        exchange = Exchange(gone, rpc(a_catalogue()), [rpc(), rpc()])
        ask(exchange)
        tokens = [sent.headers["X-Authentication"] for sent in exchange.sent]
        assert tokens[:2] == ["token-1", "token-2"]

    def test_splits_markets_by_what_one_request_may_weigh(self):
        many = [a_catalogue(market=f"1.{n}") for n in range(asking.MARKETS_AT_A_TIME + 1)]
        exchange = Exchange(rpc(*many), [rpc(), rpc()], [rpc(), rpc()])
        ask(exchange)
        assert [len(sent.document[1]["params"]["marketIds"]) for sent in exchange.sent[1:]] == [
            asking.MARKETS_AT_A_TIME, 1,
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("code", "error"),
        [("TOO_MANY_REQUESTS", TemporarilyFailed), ("INVALID_APP_KEY", PermanentlyFailed)],
    )
    def test_tells_an_error_that_passes_from_one_that_stays(self, code, error):
        exchange = Exchange({"error": {"data": {"APINGException": {"errorCode": code}}}})
        with pytest.raises(error, match=f"betfair answered {code}"):
            ask(exchange)

    @pytest.mark.parametrize("missing", ["username", "password", "app_key"])
    def test_asks_nothing_without_a_secret(self, missing):
        exchange = Exchange()
        with pytest.raises(PermanentlyFailed, match=missing):
            ask(exchange, secrets={**SECRETS, missing: ""})
        assert exchange.logins == []

    def test_a_refused_login_names_no_secret(self):
        def get(url, **_):
            return Answer(
                "login", url, b'{"status": "FAIL", "error": "INVALID_USERNAME_OR_PASSWORD"}'
            )

        with pytest.raises(PermanentlyFailed, match="refused the login") as refused:
            ask(SimpleNamespace(get=get))
        assert "pass phrase" not in str(refused.value)

    def test_a_login_that_does_not_answer_fails_as_it_failed(self):
        def get(url, **_):
            raise TemporarilyFailed("no connection")

        with pytest.raises(TemporarilyFailed, match="no connection"):
            ask(SimpleNamespace(get=get))

    def test_html_is_no_answer(self):
        exchange = Exchange()
        exchange.get = lambda url, **_: Answer(
            "x", url, b'{"status": "SUCCESS", "token": "t"}' if "sso" in url else b"<html>"
        )
        with pytest.raises(asking.Misread):
            ask(exchange)


class Answering(BaseHTTPRequestHandler):
    """An exchange on this machine: logs in, lists, shows a book."""

    def do_POST(self):
        self.server.asked.append(self.path)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}") if (
            self.path.startswith("/exchange")
        ) else None  # fmt: skip
        told = {"status": "SUCCESS", "token": "token-1"} if body is None else rpc(a_catalogue())
        if isinstance(body, list):
            told = [rpc(a_catalogue()), rpc(a_book(*RUNNERS))]
        payload = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_):
        pass


class TestOverHttp:
    def test_asks_an_exchange_that_answers(self):
        with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
            server.asked = []
            threading.Thread(target=server.serve_forever, daemon=True).start()
            source = Source(
                code="betfair_api", location=f"http://127.0.0.1:{server.server_port}/",
                timeout_seconds=5, max_bytes=100_000,
            )  # fmt: skip
            line = asking_of_sources.Line(source, SEEN)
            asked = Asked(
                options={}, location=source.location, since=None, now=SEEN,
                credentials={name: SecretStr(text) for name, text in SECRETS.items()},
            )  # fmt: skip
            _, books = BetfairApi().ask(asked=asked, get=line.get)
            server.shutdown()
        assert server.asked == ["/api/login", *["/exchange/betting/json-rpc/v1"] * 2]
        batch = BetfairApi().parse(books.payload, name=books.name, fetched_at=SEEN)
        assert len(prices(batch, "betfair_exchange")) == 2

    @pytest.mark.parametrize(
        ("location", "host"),
        [
            ("", "https://api.betfair.com/"),
            ("https://api.betfair.com/", "https://api.betfair.com/"),
            ("https://api.betfair.com.au/", "https://api.betfair.com/"),
            ("https://betfair.com.evil.example/", "https://betfair.com.evil.example/"),
        ],
    )
    def test_goes_where_the_location_says(self, location, host):
        exchange = Exchange(rpc())
        ask(exchange, location=location)
        assert exchange.sent[0].url.startswith(host)


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
