"""How the exchange is asked: login, catalogues, books, and what goes wrong."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from markets.connectors.base import Answer, Asked
from markets.connectors.betfair_api import BetfairApi, asking
from markets.models import Source
from markets.services import asking as asking_of_sources
from monitoring.errors import PermanentlyFailed, TemporarilyFailed
from tests.markets.sources.betfair import MARKET, a_catalogue
from tests.markets.sources.betfair_answers import RUNNERS, SEEN, a_book, prices, rpc

SECRETS = {"username": "jo", "password": "pass phrase", "app_key": "key-1", "certs": ""}


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
