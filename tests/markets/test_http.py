import gzip
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

import pytest
import stamina

from markets.connectors import http
from monitoring.errors import PermanentlyFailed, TemporarilyFailed


@contextmanager
def a_server(*answers):
    """Answer the n-th request with the n-th of ``answers`` and the last one for ever.

    An answer is (status, headers, body) or a function of the handler.
    """
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["Content-Length"])
            self.body = self.rfile.read(length)
            self.do_GET()

        def do_GET(self):
            asked.append(self.path)
            answer = answers[min(len(asked), len(answers)) - 1]
            if callable(answer):
                answer(self)
                return
            status, headers, body = answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def without_waiting():
    """Keep the attempts and drop the pauses between them."""
    with stamina.set_testing(True, attempts=4, cap=True):
        yield


def send(url, *, timeout_seconds=5, max_bytes=10_000, attempts=http.MAX_ATTEMPTS, **fields):
    into = BytesIO()
    reply = http.send(
        http.Request(url, **fields),
        into=into,
        timeout_seconds=timeout_seconds,
        max_bytes=max_bytes,
        attempts=attempts,
    )
    return reply, into.getvalue()


def fetch(url, **fields):
    return send(url, **fields)[1]


OK = (200, {}, b"prices")


class TestFetch:
    def test_returns_the_body(self):
        with a_server(OK) as (url, _):
            assert fetch(f"{url}/E0.csv") == b"prices"

    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 408])
    def test_asks_again_after_a_temporary_fault(self, status):
        with a_server((status, {}, b""), (status, {"Retry-After": "0"}, b""), OK) as (url, asked):
            assert fetch(url) == b"prices"
            assert len(asked) == 3

    def test_gives_up_after_some_attempts(self):
        with a_server((503, {}, b"")) as (url, asked):
            with pytest.raises(TemporarilyFailed, match="503"):
                fetch(url)
            assert len(asked) == http.MAX_ATTEMPTS

    @pytest.mark.parametrize(
        ("status", "kind"),
        [
            (206, "HTTP_4XX"), (400, "HTTP_4XX"), (401, "REFUSED_AUTH"), (403, "REFUSED_AUTH"),
            (404, "HTTP_4XX"), (410, "HTTP_4XX"), (422, "HTTP_4XX"), (501, "HTTP_5XX"),
        ],
    )  # fmt: skip
    def test_does_not_ask_again_after_a_refusal(self, status, kind):
        with a_server((status, {}, b"")) as (url, asked):
            with pytest.raises(PermanentlyFailed, match=str(status)) as refused:
                fetch(url)
            assert (len(asked), refused.value.kind) == (1, kind)

    @pytest.mark.parametrize("status", [204, 304])
    def test_tells_that_there_is_nothing(self, status):
        with a_server((status, {}, b"")) as (url, _):
            reply, body = send(url)
            assert (reply.status, reply.is_empty, body) == (status, True, b"")

    def test_returns_the_headers_too(self):
        with a_server((200, {"X-Requests-Remaining": "3"}, b"[]")) as (url, _):
            assert send(url)[0].headers["x-requests-remaining"] == "3"

    def test_does_not_wait_longer_than_is_reasonable(self):
        with a_server((429, {"Retry-After": "3600"}, b"")) as (url, asked):
            with pytest.raises(TemporarilyFailed) as told:
                fetch(url)
            assert (len(asked), told.value.kind, told.value.wait) == (1, "RATE_LIMITED", 3600)

    def test_does_not_ask_again_once_its_time_is_over(self):
        def late(handler):
            time.sleep(0.25)
            handler.send_error(503)

        with a_server(late) as (url, asked):
            with pytest.raises(TemporarilyFailed):
                fetch(url, timeout_seconds=0.2)
            assert len(asked) == 1

    def test_stops_reading_what_is_too_large(self):
        with a_server((200, {}, b"x" * 50_000)) as (url, asked):
            with pytest.raises(http.TooLarge):
                fetch(url, max_bytes=1000)
            assert len(asked) == 1

    def test_stops_reading_a_bomb(self):
        bomb = gzip.compress(b"\0" * 5_000_000)
        with (
            a_server((200, {"Content-Encoding": "gzip"}, bomb)) as (url, _),
            pytest.raises(http.TooLarge),
        ):
            fetch(url, max_bytes=100_000)

    def test_asks_again_where_the_answer_is_cut(self):
        cut = (200, {"Content-Length": "100"}, b"half")
        with a_server(cut, OK) as (url, asked):
            assert fetch(url) == b"prices"
            assert len(asked) == 2

    def test_gives_up_a_body_that_drips(self):
        done = threading.Event()

        def drip(handler):
            handler.send_response(200)
            handler.end_headers()
            while not done.wait(0.05):
                try:
                    handler.wfile.write(b"x")
                except OSError:
                    return

        with a_server(drip) as (url, _):
            try:
                with pytest.raises(TemporarilyFailed, match="in time"):
                    fetch(url, timeout_seconds=0.3, attempts=1)
            finally:
                done.set()

    def test_says_that_nobody_is_there(self):
        with a_server(OK) as (url, _):
            pass
        with pytest.raises(TemporarilyFailed, match="ConnectError"):
            fetch(url)

    def test_follows_a_few_redirects(self):
        steps = [(302, {"Location": "/b"}, b""), (301, {"Location": "c"}, b""), OK]
        with a_server(*steps) as (url, asked):
            assert fetch(f"{url}/a") == b"prices"
            assert asked == ["/a", "/b", "/c"]

    def test_does_not_go_round_in_circles(self):
        with a_server((302, {"Location": "/a"}, b"")) as (url, asked):
            with pytest.raises(PermanentlyFailed, match="redirects"):
                fetch(f"{url}/a")
            assert len(asked) == http.MAX_REDIRECTS + 1

    def test_goes_nowhere_but_over_http(self):
        away = (302, {"Location": "file:///etc/passwd"}, b"")
        with a_server(away) as (url, _), pytest.raises(http.NotAllowed):
            fetch(url)
        for address in ("file:///etc/passwd", "ftp://example.org/x", "http://", "E0.csv"):
            with pytest.raises(http.NotAllowed):
                fetch(address)

    def test_does_not_lead_from_the_public_network_into_ours(self, monkeypatch):
        with a_server((302, {"Location": "http://127.0.0.1:1/secret"}, b"")) as (url, asked):
            public = url.replace("127.0.0.1", "feed.example")
            resolve_to(monkeypatch, ["127.0.0.1"])
            is_public = http._is_public
            answers = iter([True])
            monkeypatch.setattr(http, "_is_public", lambda a: next(answers, None) or is_public(a))
            with pytest.raises(http.NotAllowed, match="public address"):
                fetch(public)
            assert len(asked) == 1

    def test_connects_to_the_address_that_was_checked(self, monkeypatch):
        """A name server that answers otherwise a second time leads nowhere else."""
        with a_server(OK) as (url, asked):
            looked_up = resolve_to(monkeypatch, ["127.0.0.1"], ["10.9.9.9"])
            assert fetch(url.replace("127.0.0.1", "feed.example")) == b"prices"
            assert (len(asked), len(looked_up)) == (1, 1)

    def test_names_the_site_that_it_means(self):
        def who(handler):
            body = handler.headers["Host"].encode()
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

        with a_server(who) as (url, _):
            named = url.replace("127.0.0.1", "localhost")
            assert fetch(named) == named.removeprefix("http://").encode()

    def test_tries_a_names_next_address_where_nobody_listens(self, monkeypatch):
        with a_server(OK) as (url, _):
            resolve_to(monkeypatch, ["127.0.0.77", "127.0.0.1"])
            assert fetch(url.replace("127.0.0.1", "feed.example"), attempts=1) == b"prices"

    def test_posts_a_body_and_does_not_send_it_on(self):
        seen = []

        def take(handler):
            seen.append((handler.command, handler.body, handler.headers["X-App"]))
            handler.send_response(302)
            handler.send_header("Location", "/elsewhere")
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        with a_server(take) as (url, _), pytest.raises(http.NotAllowed, match="posted"):
            fetch(url, body=b"{}", headers={"X-App": "1"})
        assert seen == [("POST", b"{}", "1")]

    def test_keeps_what_was_given_for_one_site_from_another(self):
        given = []

        def note(handler):
            given.append(handler.headers["X-Key"])
            handler.send_response(200)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        with a_server(note) as (other, _):
            away = (302, {"Location": f"{other}/x"}, b"")
            with a_server(away) as (url, _):
                fetch(url, headers={"X-Key": "mine"})
        assert given == [None]

    def test_asks_with_parameters_and_shows_no_secret(self, caplog):
        caplog.set_level("DEBUG")
        with a_server((401, {}, b"")) as (url, asked):
            with pytest.raises(PermanentlyFailed) as refused:
                fetch(
                    f"{url}/odds?sport=nba",
                    params={"apiKey": "s3cret", "sig": "hidden"},
                    secret_params=frozenset({"sig"}),
                )
            assert asked == ["/odds?sport=nba&apiKey=s3cret&sig=hidden"]
        for said in (str(refused.value), repr(refused.value)):
            assert "s3cret" not in said
            assert "hidden" not in said
        assert not [r for r in caplog.records if r.name == "httpx" and "s3cret" in r.getMessage()]

    @pytest.mark.parametrize("location", ["http://[::1", "http://127.0.0.1:99999/", "http://a b/"])
    def test_refuses_a_redirect_to_no_address(self, location):
        with a_server((302, {"Location": location}, b"")) as (url, _):
            with pytest.raises((PermanentlyFailed, TemporarilyFailed)) as told:
                fetch(url, attempts=1)
            assert told.value.kind in ("NOT_ALLOWED", "CONNECTION")

    def test_stops_at_a_huge_header(self):
        with (
            a_server((200, {"X": "y" * 300_000}, b"")) as (url, _),
            pytest.raises(TemporarilyFailed, match="Protocol"),
        ):
            fetch(url, attempts=1)


def resolve_to(monkeypatch, *answers):
    """Let the name feed.example stand for the n-th of ``answers`` when it is asked for."""
    real, looked_up = http.socket.getaddrinfo, []

    def resolve(host, port, *rest, **named):
        if host != "feed.example":
            return real(host, port, *rest, **named)
        looked_up.append(host)
        found = answers[min(len(looked_up), len(answers)) - 1]
        return [entry for address in found for entry in real(address, port, *rest, **named)]

    monkeypatch.setattr(http.socket, "getaddrinfo", resolve)
    return looked_up


class TestIsPublic:
    @pytest.mark.parametrize(
        "address",
        [
            "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0",
            "100.64.0.1", "::1", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "224.0.0.1",
            "64:ff9b::10.1.2.3", "64:ff9b:1::1", "2002:7f00:1::", "2002:a01:203::1", "::127.0.0.1",
            "::ffff:0:127.0.0.1", "fec0::1", "2001:0:7f00:1::", "ff02::1", "255.255.255.255",
        ],
    )  # fmt: skip
    def test_says_no_of_every_private_address(self, address):
        assert not http._is_public(address)

    @pytest.mark.parametrize(
        "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
    )
    def test_says_yes_of_a_public_one(self, address):
        assert http._is_public(address)


class TestRetryAfter:
    def test_reads_seconds_and_dates(self):
        moment = datetime.now(tz=UTC) + timedelta(seconds=90)
        assert http._retry_after({"retry-after": "12"}) == 12
        assert 80 < http._retry_after({"retry-after": format_datetime(moment, usegmt=True)}) <= 90

    @pytest.mark.parametrize("text", ["", "soon", "-5", "1e9", "٥", "9" * 40])
    def test_reads_nothing_out_of_anything_else(self, text):
        assert http._retry_after({"retry-after": text}) == 0
