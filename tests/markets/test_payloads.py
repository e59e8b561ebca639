from io import BytesIO
from typing import Any

import msgspec
import pytest

from markets.connectors import payloads


class Thing(msgspec.Struct):
    name: str
    size: int = 0


def lines(body, **options):
    return list(payloads.text_lines(BytesIO(body), **options))


def refusal(body, kind=Thing):
    with pytest.raises(payloads.BadPayload) as refused:
        payloads.json_document(body, kind)
    return str(refused.value)


class TestTextLines:
    @pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
    def test_numbers_lines_from_one_whatever_ends_them(self, end):
        assert lines(end.join([b"a", b"", b"c"])) == [(1, "a"), (2, ""), (3, "c")]

    def test_takes_the_byte_order_mark_off(self):
        assert lines(b"\xef\xbb\xbfa,b\n") == [(1, "a,b")]

    def test_reads_each_line_in_the_first_encoding_that_fits(self):
        assert lines("Zürich\n".encode() + "Köln\n".encode("cp1252")) == [
            (1, "Zürich"),
            (2, "Köln"),
        ]

    def test_replaces_what_the_last_encoding_does_not_know(self):
        assert lines(b"\x81\n") == [(1, "�")]

    def test_leaves_a_nul_byte_to_its_reader(self):
        assert lines(b"a\0b\n") == [(1, "a\0b")]

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (b"", "not an empty payload"),
            (b"\xff\xfea\x00", "not in UTF-16"),
            (b"<?xml version='1.0'?>", "not a web page"),
            (b"PK\x03\x04", "not an archive"),
            (b"x" * (payloads.LONGEST_LINE + 2), "line 1 is longer"),
        ],
    )
    def test_refuses_other_kinds_in_words(self, body, expected):
        with pytest.raises(payloads.BadPayload, match=expected):
            lines(body)


class TestJsonDocument:
    def test_reads_what_is_named_and_skips_the_rest(self):
        body = b'\xef\xbb\xbf{"name": "a", "more": {"x": [1]}}'
        assert payloads.json_document(body, Thing) == Thing("a")

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (b"", "not an empty payload"),
            (b"  \n", "not an empty payload"),
            (b"<html>", "not a web page"),
            (b"\xfe\xff\x00{", "not in UTF-16"),
            (b"\x1f\x8b\x08", "not an archive"),
            (b'{"name": "a"', "whole JSON"),
            (b'{"name": "\xff"}', "whole JSON in UTF-8"),
            (b'{"name": "\\ud800"}', "whole JSON"),
            (b'{"name": NaN}', "whole JSON"),
            (b'{"name": 1}', r"$.name"),
            (b"[]", "Expected `object`"),
        ],
    )
    def test_refuses_what_it_cannot_read_and_says_why(self, body, expected):
        assert expected in refusal(body)

    def test_survives_any_depth(self):
        assert "nested" in refusal(b'{"name": ' + b"[" * 100_000, dict[str, Any])
