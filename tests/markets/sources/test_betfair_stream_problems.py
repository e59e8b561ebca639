import io

import pytest

from markets.connectors.base import Reading
from markets.connectors.betfair_stream import BetfairStream, parser
from tests.markets.sources.betfair import (
    BEGAN,
    FETCHED,
    MARKET,
    a_race,
    a_runner,
    changed,
    defined,
    lines,
)
from tests.markets.sources.streamed import only_problem, parse, read


class TestProblems:
    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ('{"op":"ocm","pt":1}', "an mcm message, not 'ocm'"),
            ('{"clk":"1","rc":[]}', "an mcm message, not ''"),
            ('{"op":"mcm","mc":[]}', "milliseconds since 1970, not None"),
            ('{"op":"mcm","pt":-5}', "milliseconds since 1970, not -5"),
            ('{"op":"mcm","pt":"x"}', "a whole mcm message: int | null, not str"),
            ('{"op":"mcm","pt":1,"mc":[{"id', "a whole mcm message: JSON is malformed"),
            ("null", "a whole mcm message: object, not null"),
        ],
    )
    def test_reject_a_line_and_nothing_else(self, line, message):
        batch = parse(defined(BEGAN), line, changed(BEGAN + 1, {"id": 101, "ltp": 2.0}))
        assert (only_problem(batch).row, only_problem(batch).is_rejection) == (2, True)
        assert only_problem(batch).message.startswith(message)
        assert (batch.records, len(batch.columns)) == (3, 1)

    def test_reject_prices_before_their_definition(self):
        batch = parse(changed(BEGAN, {"id": 101, "ltp": 2.0}))
        assert only_problem(batch).message == f"the definition of {MARKET} before its prices"

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"marketType": "CORRECT_SCORE"}, "a market type that is read, not 'CORRECT_SCORE'"),
            ({"eventTypeId": "6"}, "a sport that is read, not number '6'"),
            ({"venue": ""}, "a race's track"),
            ({"marketType": "MATCH_ODDS"}, "a market type of races, not 'MATCH_ODDS'"),
            ({"timezone": "Mars/Olympus"}, "a time zone such as Europe/London"),
            (
                {"marketTime": "yesterday"},
                "a time with its offset such as 2024-03-31T12:00:00Z, not 'yester",
            ),
        ],
    )
    def test_refuse_a_market_once(self, fields, message):
        batch = parse(defined(BEGAN, **fields), changed(BEGAN + 1, {"id": 101, "ltp": 2.0}))
        problems = [p for p in batch.problems if p.row == 1]
        assert [(p.message.startswith(message), p.is_rejection) for p in problems] == [(True, True)]
        assert (len(batch.columns), list(batch.events)) == (0, [])

    @pytest.mark.parametrize("payload", [b"<html>", b"BZh9", b"Date,Home", b"[1]"])
    def test_tell_of_a_file_that_is_no_recording_once(self, payload):
        batch = BetfairStream().parse(payload, name="x", fetched_at=FETCHED)
        assert only_problem(batch).message.startswith("a recording of the Betfair stream")
        assert batch.records == 0

    def test_heartbeats_and_blank_lines_are_none(self):
        heartbeat = {"op": "mcm", "pt": BEGAN, "ct": "HEARTBEAT"}
        batch = parse(heartbeat, "", defined(BEGAN + 1))
        assert (batch.records, batch.problems, batch.events[0].record) == (2, [], 3)

    def test_a_line_without_end_is_rejected_and_the_next_is_read(self, monkeypatch):
        monkeypatch.setattr(parser, "LINE_AT_MOST", 2_000)
        short = [a_runner(101)]
        batch = parse(
            defined(BEGAN, runners=short),
            '{"op":"' + "m" * 5_000,
            defined(BEGAN + 1, runners=short),
        )
        assert [p.row for p in batch.problems] == [2]
        assert batch.records == 3


class TestPortions:
    @pytest.fixture
    def small(self, monkeypatch):
        monkeypatch.setattr(parser, "RECORDS_AT_MOST", 3)

    def test_number_their_records_on(self, small):
        batches = read(*a_race())
        assert [batch.records for batch in batches] == [3, 3, 3, 1]
        seen = [row for batch in batches for row in batch.columns.record.tolist()]
        assert max(seen) == 9

    def test_hold_the_event_and_the_market_of_their_prices(self, small):
        for batch in read(*a_race()):
            assert batch.columns.event_refs() <= {event.ref for event in batch.events}
            assert {ladder.event_ref for ladder in batch.ladders} <= {e.ref for e in batch.events}
            assert len(batch.events) == len(batch.markets)

    def test_together_tell_what_the_whole_tells(self, small, monkeypatch):
        parts = [set(zip(b.columns.seen, b.columns.price, strict=True)) for b in read(*a_race())]
        monkeypatch.undo()
        (whole,) = read(*a_race())
        assert set().union(*parts) == set(zip(whole.columns.seen, whole.columns.price, strict=True))

    def test_of_many_markets_keep_them_apart(self):
        other = "1.900000002"
        batch = parse(*a_race(), *a_race(market=other))
        assert {event.ref for event in batch.events} == {MARKET, other}
        assert len(batch.results) == 2


class TestCheckOptions:
    def test_accepts_spans(self):
        assert BetfairStream().check_options({"conflate_ms": 0, "ladder_ms": 60_000}) == []

    @pytest.mark.parametrize(
        "options", [{"conflate_ms": -1}, {"ladder_ms": "5"}, {"conflate_ms": True}, {"speed": 1}]
    )
    def test_says_what_is_wrong(self, options):
        assert len(BetfairStream().check_options(options)) == 1


def test_reads_no_further_than_its_portion(monkeypatch):
    monkeypatch.setattr(parser, "RECORDS_AT_MOST", 3)
    payload = lines(*a_race())
    stream = io.BytesIO(payload)
    portions = BetfairStream().read(stream, reading=Reading(MARKET, FETCHED))
    assert next(portions).records == 3
    assert stream.tell() == sum(len(line) for line in payload.splitlines(keepends=True)[:3])
