"""Servers that pack, cut and drip what they answer."""

import gzip
import socket
import struct
import threading
import zlib

import pytest

from markets.connectors.http_bodies import BadBody, unpacked
from monitoring.errors import PermanentlyFailed, TemporarilyFailed
from tests.markets.test_http import a_server, fetch

BODY = bytes(range(256)) * 4_000
OK = b"HTTP/1.1 200 OK\r\n"


def read(body, encoding, size=1_000):
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    return list(unpacked(chunks, encoding=encoding))


def sends(*pieces, done=None, resets=False):
    """Answer with these bytes; the last one again and again until it is done, or with a reset."""

    def answer(handler):
        handler.close_connection = True
        try:
            for piece in pieces:
                handler.connection.sendall(piece)
            while done is not None and not done.wait(0.05):
                handler.connection.sendall(pieces[-1])
        except OSError:
            return
        if resets:
            linger = struct.pack("ii", 1, 0)
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            handler.connection.close()

    return answer


class TestUnpacked:
    @pytest.mark.parametrize(
        ("encoding", "body"),
        [
            ("", BODY), ("identity", BODY), (" GZIP ", gzip.compress(BODY)),
            ("x-gzip", gzip.compress(BODY)), ("deflate", zlib.compress(BODY)),
            ("gzip", gzip.compress(BODY[:9]) + gzip.compress(BODY[9:])),
        ],
    )  # fmt: skip
    def test_yields_the_body_as_it_was_meant(self, encoding, body):
        assert b"".join(read(body, encoding)) == BODY

    def test_yields_nothing_of_an_answer_without_a_body(self):
        assert read(b"", "gzip") == []

    def test_never_yields_a_large_piece_however_far_a_chunk_expands(self):
        pieces = read(gzip.compress(b"\0" * 20_000_000), "gzip", size=1_000_000)
        assert max(map(len, pieces)) <= 256 * 1024
        assert sum(map(len, pieces)) == 20_000_000

    @pytest.mark.parametrize(
        ("encoding", "body", "expected"),
        [
            ("gzip", gzip.compress(BODY)[:-9], "a whole gzip body, not a cut one"),
            ("gzip", b"prices", "a whole gzip body: "),
            ("gzip", gzip.compress(BODY) + b"more", "a whole gzip body: "),
            ("gzip, gzip", gzip.compress(gzip.compress(BODY)), "not as 'gzip, gzip'"),
            ("zstd", BODY, "packed as gzip, deflate, not as 'zstd'"),
        ],
    )
    def test_refuses_what_its_headers_do_not_say(self, encoding, body, expected):
        with pytest.raises(BadBody, match=expected):
            read(body, encoding)


class TestFetch:
    """Each of these hung, grew or passed for a whole answer once."""

    def failed(self, answer, **fields):
        with a_server(answer) as (url, _), pytest.raises(TemporarilyFailed) as told:
            fetch(url, attempts=1, **fields)
        return told.value.kind, str(told.value)

    def test_of_a_packed_body_that_is_cut_is_no_answer(self):
        cut = (200, {"Content-Encoding": "gzip"}, gzip.compress(BODY)[:-9])
        kind, said = self.failed(cut, max_bytes=10**7)
        assert kind == "CONNECTION"
        assert "not a cut one" in said

    def test_of_a_bomb_within_a_bomb_unpacks_none_of_it(self):
        bomb = gzip.compress(gzip.compress(b"\0" * 10_000_000))
        _, said = self.failed((200, {"Content-Encoding": "gzip, gzip"}, bomb))
        assert "not as 'gzip, gzip'" in said

    def test_of_a_connection_that_is_reset_is_no_answer(self):
        kind, said = self.failed(sends(OK + b"Content-Length: 9\r\n\r\nabc", resets=True))
        assert kind == "CONNECTION"
        assert "reset" in said

    @pytest.mark.parametrize(
        "pieces", [[b"H"], [OK, b"X: y\r\n"], [b"HTTP/1.1 100 Continue\r\n\r\n"]]
    )
    def test_ends_in_time_where_the_head_drips(self, pieces):
        done = threading.Event()
        try:
            kind, said = self.failed(sends(*pieces, done=done), timeout_seconds=0.4)
        finally:
            done.set()
        assert (kind, "not finished in time" in said) == ("TIMEOUT", True)

    def test_does_not_take_a_redirect_to_nowhere_for_one(self):
        with a_server((302, {}, b"")) as (url, asked):
            with pytest.raises(PermanentlyFailed, match="answered 302"):
                fetch(url)
            assert len(asked) == 1

    def test_asks_for_what_it_can_unpack_alone(self):
        given = []

        def note(handler):
            given.append(handler.headers["Accept-Encoding"])
            handler.send_response(200)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        with a_server(note) as (url, _):
            fetch(url)
        assert given == ["gzip, deflate"]
