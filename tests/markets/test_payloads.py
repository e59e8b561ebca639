from io import BytesIO
from typing import Any

import msgspec
import pytest

from markets.connectors import json_shape, payloads


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

    def test_keeps_the_beginning_of_a_line_that_is_too_long(self):
        long = b"x" * (3 * payloads.LONGEST_LINE)
        found = lines(b"a\n" + long + b"\nb\n" + long)
        assert [(number, text[:2]) for number, text in found] == [
            (1, "a"), (2, "xx"), (3, "b"), (4, "xx"),
        ]  # fmt: skip
        assert max(len(text) for _, text in found) <= payloads.LONGEST_LINE + 2

    def test_leaves_a_nul_byte_to_its_reader(self):
        assert lines(b"a\0b\n") == [(1, "a\0b")]

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (b"", "not an empty payload"),
            (b"\xff\xfea\x00", "not in UTF-16"),
            (b"<?xml version='1.0'?>", "not a web page"),
            (b"PK\x03\x04", "not an archive"),
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
            (b'\n\n{"name" "a"}', "in line 3, near"),
            (b'{"name": 1}', r"$.name"),
            (b"[]", "JSON: object, not array"),
        ],
    )
    def test_refuses_what_it_cannot_read_and_says_why(self, body, expected):
        assert expected in refusal(body)

    @pytest.mark.parametrize(
        ("written", "read"),
        [
            (b"NaN", "NaN"),
            (b"-Infinity", "-Infinity"),
            (b"1e400", "1e400"),
            (b"9" * 5_000, "9" * 60),
            (b'"NaN 1e400 \\" \\u00e9"', 'NaN 1e400 " é'),
            (b'"\\ud83e\\udd8a \\ud83e"', "\U0001f98a \0"),
        ],
    )
    def test_reads_what_is_no_number_as_text_so_that_nothing_beside_it_is_lost(self, written, read):
        body = b'{"name": "a", "odd": [%s, NaN]}' % written
        assert payloads.json_document(body, dict[str, Any]) == {"name": "a", "odd": [read, "NaN"]}

    def test_survives_a_string_without_an_end(self):
        assert "whole JSON" in refusal(b'{"name": NaN, "x": "' + b'\\"' * 200_000)

    def test_survives_any_depth(self):
        assert "nested" in refusal(b'{"name": ' + b"[" * 100_000, dict[str, Any])

    def test_reads_sixty_four_deep_and_no_deeper(self):
        deep = b"[" * 64 + b"]" * 64
        assert payloads.json_document(deep, list)
        assert refusal(b"[" + deep + b"]", list) == "JSON nested 64 deep at most"

    @pytest.mark.parametrize(
        ("body", "key"),
        [
            (b'{"name": "a", "name": "b"}', "name"),
            (b'{"a": {}, "b": [{"a": 1}], "a": {"c": 2}}', "a"),
            (b'\xef\xbb\xbf {"x\\"": 1, "x\\u0022": 2}', 'x"'),
        ],
    )
    def test_refuses_a_key_that_is_told_twice(self, body, key):
        assert refusal(body, dict[str, Any]) == f"each key once, not {key!r} twice"

    @pytest.mark.parametrize(
        "body",
        [
            b'{"a": {"b": 1}, "b": {"b": 2}}',
            b'{"a": "\\\\", "b": "]:{[\\"a\\":"}',
            b'[{"a": 1}, {"a": 2}]',
        ],
    )
    def test_takes_a_key_once_at_each_place(self, body):
        assert payloads.json_document(body, Any)


class TestCountKeys:
    """A text is looked at in pieces; where they end makes no difference."""

    @pytest.mark.parametrize("size", [1, 2, 3, 7, 10**6])
    @pytest.mark.parametrize(
        ("body", "n_keys"),
        [
            pytest.param(b"", 0, id="empty"),
            pytest.param(b'{"a": 1, "b": {"c": [2, "d:"]}, "a\\"{": ":"}', 3, id="object"),
            pytest.param(b'[{"a": 1}, {"b": "]]"}]', 0, id="list"),
            pytest.param(b'{"' + b"[:" * 99 + b'": 1}', 1, id="signs in a text"),
            pytest.param(b"[" * 64 + b"]" * 64, 0, id="just deep enough"),
            pytest.param(b"[" * 65 + b"]" * 65, None, id="too deep"),
            pytest.param(b"]" * 300 + b"[" * 364, 0, id="closed before it was opened"),
        ],
    )
    def test_counts_what_the_document_itself_tells(self, monkeypatch, body, n_keys, size):
        monkeypatch.setattr(json_shape, "_CHUNK", size)
        assert json_shape.count_keys(body) == n_keys
