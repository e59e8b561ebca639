import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from markets.connectors.base import CLOSE, Reading
from markets.connectors.betfair_bsp import BetfairBsp, parser
from tests.markets.sources.betfair import FETCHED

START = datetime(2031, 1, 1, 3, 30, tzinfo=UTC)  # 14:30 in Melbourne, with summer time
ROW = {
    "LOCAL_MEETING_DATE": "2031-01-01",
    "SCHEDULED_RACE_TIME": "14:30:00.000",
    "ACTUAL_OFF_TIME": "14:30:45.000",
    "TRACK": "Custard Hill",
    "STATE_CODE": "WA",
    "RACE_NO": "3",
    "WIN_MARKET_ID": "900000001",
    "WIN_MARKET_NAME": "R3 1200m Hcap",
    "PLACE_MARKET_ID": "900000002",
    "DISTANCE": "1200",
    "RACE_TYPE": "Hcap",
    "SELECTION_ID": "101",
    "TAB_NUMBER": "1",
    "SELECTION_NAME": "Plum Duff",
    "WIN_RESULT": "LOSER",
    "WIN_BSP": "2.6",
    "PLACE_RESULT": "WINNER",
    "PLACE_BSP": "1.5",
    "WIN_PREPLAY_LAST_PRICE_TAKEN": "2.54",
    "PLACE_LAST_PRICE_TAKEN": "1.48",
    "BEST_AVAIL_BACK_AT_SCHEDULED_OFF": "2.5",
}
SECOND = {"SELECTION_ID": "102", "TAB_NUMBER": "2", "SELECTION_NAME": "Quick Custard",
          "WIN_RESULT": "WINNER", "WIN_BSP": "1.62"}  # fmt: skip
THIRD = {"SELECTION_ID": "103", "TAB_NUMBER": "3", "SELECTION_NAME": "Rhubarb Fool",
         "PLACE_RESULT": "LOSER", "WIN_BSP": "900"}  # fmt: skip


def a_file(*changes):
    rows = [",".join(ROW)] + [",".join({**ROW, **change}.values()) for change in changes]
    return ("\n".join(rows) + "\n").encode()


def parse(*changes):
    return BetfairBsp().parse(a_file(*changes), name="2031_01.csv", fetched_at=FETCHED)


def prices(batch, book, kind="WIN"):
    columns = batch.columns
    return {
        columns.keys[key][7]: (price / 1000, seen, mark)
        for key, number, price, seen, mark in zip(
            columns.key, columns.book, columns.price, columns.seen, columns.mark, strict=True
        )
        if columns.books[number] == book and columns.keys[key][1] == kind
    }


def told(batch):
    return [(p.row, p.field, p.is_rejection) for p in batch.problems]


class TestRead:
    def test_makes_one_race_of_its_runners(self):
        batch = parse({}, SECOND, THIRD)
        (event,) = batch.events
        assert (batch.records, batch.problems) == (3, [])
        assert (event.id, event.race_number, event.round) == ("1.900000001", 3, "R3")
        assert (event.meeting_date, event.season) == (date(2031, 1, 1), "2031")
        assert event.data == {"race": "R3 1200m Hcap", "type": "Hcap", "distance": 1200}
        assert event.status == "FINISHED"

    def test_reads_times_by_one_clock_and_says_that_it_is_assumed(self):
        (event,) = parse({}, SECOND).events
        assert (event.starts_at, event.certainty) == (START, "ZONE")
        assert event.started_at == START + timedelta(seconds=45)

    def test_reads_times_by_the_clock_that_the_operator_names(self):
        reading = Reading("f.csv", FETCHED, time_zone="Australia/Perth")
        (batch,) = BetfairBsp().read(io.BytesIO(a_file({})), reading=reading)
        assert batch.events[0].starts_at == START + timedelta(hours=3)

    @pytest.mark.parametrize(
        ("state", "code", "country"),
        [("WA", "au-custard-hill", "AU"), ("NZ", "nz-custard-hill", "NZ")],
    )
    def test_takes_the_track_for_the_competition(self, state, code, country):
        batch = parse({"STATE_CODE": state})
        (competition,) = batch.competitions
        assert (competition.code, competition.name) == (code, f"Custard Hill ({state})")
        assert batch.markets[0].runners[0].qualifier == country

    def test_lists_a_win_and_a_place_market(self):
        win, place = parse({}, SECOND, THIRD).markets
        assert (win.kind, win.id, win.places) == ("WIN", "1.900000001", None)
        assert (place.kind, place.id, place.places) == ("PLACE", "1.900000002", 2)
        assert [(r.name, r.id, r.number) for r in win.runners][1] == ("Quick Custard", "102", 2)

    def test_lists_no_place_market_where_there_was_none(self):
        batch = parse({"PLACE_MARKET_ID": "", "PLACE_RESULT": "", "PLACE_BSP": ""})
        assert [market.kind for market in batch.markets] == ["WIN"]
        assert prices(batch, "betfair_traded", "PLACE") == {}

    def test_takes_prices_of_both_markets(self):
        batch = parse({}, SECOND)
        off = START + timedelta(seconds=45) - timedelta(seconds=1)
        assert prices(batch, "betfair_sp")["#101"] == (2.6, off.timestamp() * 1e6, CLOSE)
        assert prices(batch, "betfair_traded")["#102"][0] == 2.54
        assert prices(batch, "betfair_sp", "PLACE")["#102"] == (1.5, off.timestamp() * 1e6, CLOSE)
        assert prices(batch, "betfair_traded", "PLACE")["#101"] == (1.48, off.timestamp() * 1e6, 0)

    def test_shows_the_offers_at_the_planned_start_as_seen_then(self):
        seen = prices(parse({}), "betfair_exchange")["#101"][1]
        assert seen == (START - timedelta(seconds=1)).timestamp() * 1e6

    def test_tells_how_the_runners_came_in(self):
        (result,) = parse({}, SECOND, THIRD).results
        came_in = {r.person.id: (r.is_winner, r.is_placed) for r in result.runners}
        assert came_in == {"101": (False, True), "102": (True, True), "103": (False, False)}
        assert result.known_at == START + timedelta(minutes=15, seconds=45)

    def test_keeps_both_winners_of_a_dead_heat(self):
        (result,) = parse({"WIN_RESULT": "WINNER"}, SECOND).results
        assert [runner.is_winner for runner in result.runners] == [True, True]

    def test_has_no_result_before_the_race_was_run(self):
        batch = parse({"WIN_RESULT": "", "PLACE_RESULT": ""})
        assert (batch.results, batch.problems, batch.events[0].status) == ([], [], "SCHEDULED")

    def test_tells_of_a_race_that_nobody_won(self):
        batch = parse({}, {**SECOND, "WIN_RESULT": "LOSER"})
        assert (batch.results, told(batch)) == ([], [(2, "WIN_RESULT", False)])


class TestPlaces:
    PLACED = ["2.0", "1.25", "1.66", "1.66", "10"]  # a book of 2.6: no whole number

    def places(self, prices, placed):
        rows = [
            {"SELECTION_ID": str(200 + n), "PLACE_BSP": price,
             "PLACE_RESULT": "WINNER" if n < placed else "LOSER"}
            for n, price in enumerate(prices)
        ]  # fmt: skip
        return parse(*rows).markets[1].places

    def test_are_what_the_starting_prices_sum_to(self):
        assert self.places(["2", "2", "2", "2"], placed=2) == 2

    def test_do_not_grow_by_a_dead_heat(self):
        assert self.places(["2", "2", "2", "2"], placed=3) == 2

    def test_are_the_runners_placed_where_the_book_is_unclear(self):
        assert self.places(self.PLACED, placed=3) == 3

    def test_are_the_runners_placed_where_a_price_is_missing(self):
        assert self.places(["2", "", "2", "2"], placed=3) == 3

    def test_are_unknown_where_nobody_was_placed(self):
        assert self.places(["2", "2"], placed=0) is None


class TestRepeatedRunners:
    """A race stands again where its place market was made anew."""

    BARE = {"PLACE_MARKET_ID": "900000009", "PLACE_RESULT": "", "PLACE_BSP": ""}

    @pytest.mark.parametrize(
        ("rows", "kept", "rejected"), [(({}, BARE), 2, 3), ((BARE, {}), 3, 2), (({}, {}), 2, 3)]
    )
    def test_keep_the_row_that_knows_the_places_whichever_comes_first(self, rows, kept, rejected):
        batch = parse(*rows)
        (problem,) = [p for p in batch.problems if p.is_rejection]
        assert (problem.row, problem.field) == (rejected, "SELECTION_ID")
        assert problem.message == f"a runner that is not in row {kept} already"
        assert batch.markets[1].id == "1.900000002"
        assert set(batch.columns.record.tolist()) == {kept}


class TestActualStarts:
    @pytest.mark.parametrize("told_time", ["14:24:59.000", "15:30:01.000", "02:00:00.000"])
    def test_far_from_the_plan_are_not_believed(self, told_time):
        batch = parse({"ACTUAL_OFF_TIME": told_time}, SECOND | {"ACTUAL_OFF_TIME": told_time})
        assert batch.events[0].started_at is None
        assert [row for row, field, _ in told(batch) if field == "ACTUAL_OFF_TIME"] == [2, 3]
        assert (
            prices(batch, "betfair_sp")["#101"][1]
            == (START - timedelta(seconds=1)).timestamp() * 1e6
        )

    @pytest.mark.parametrize("told_time", ["14:25:00.000", "14:30:00.000", "15:30:00.000"])
    def test_near_the_plan_are(self, told_time):
        assert parse({"ACTUAL_OFF_TIME": told_time}).events[0].started_at is not None

    def test_after_midnight_belong_to_the_next_day(self):
        late = {"SCHEDULED_RACE_TIME": "23:58:00.000", "ACTUAL_OFF_TIME": "00:01:00.000"}
        (event,) = parse(late).events
        assert event.started_at - event.starts_at == timedelta(minutes=3)


class TestProblems:
    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({"LOCAL_MEETING_DATE": "01/01/2031"}, "a day as yyyy-mm-dd, not '01/01/2031'"),
            ({"SCHEDULED_RACE_TIME": "25:00:00"}, "hh:mm:ss, not '25:00:00'"),
            ({"TRACK": ""}, "a name of up to 120 printable characters, not ''"),
            ({"RACE_NO": "x"}, "a whole number from 1 to 999, not 'x'"),
            ({"RACE_NO": "0"}, "a whole number from 1 to 999, not '0'"),
            ({"WIN_MARKET_ID": "1.9"}, "Betfair's number of it, not '1.9'"),
            ({"SELECTION_ID": ""}, "Betfair's number of it, not ''"),
            (
                {"SELECTION_NAME": "A\u202eB"},
                r"a name of up to 120 printable characters, not 'A\u202eB'",
            ),
            ({"SELECTION_NAME": '"open'}, "cells between commas: unexpected end of data"),
            ({"RACE_NO": "\u0663"}, "a whole number from 1 to 999, not '\u0663'"),
        ],
    )
    def test_reject_the_row_and_keep_the_others(self, change, expected):
        batch = parse(change, SECOND)
        (problem,) = [p for p in batch.problems if p.is_rejection]
        assert (problem.row, problem.message) == (2, expected)
        assert (batch.records, len(batch.events)) == (2, 1)

    @pytest.mark.parametrize(
        ("change", "column"),
        [
            ({"PLACE_BSP": "1.0"}, "PLACE_BSP"),
            ({"WIN_BSP": "1e400"}, "WIN_BSP"),
            ({"WIN_BSP": "10,5".replace(",", "_")}, "WIN_BSP"),
            ({"TAB_NUMBER": "1A"}, "TAB_NUMBER"),
            ({"WIN_RESULT": "MAYBE"}, "WIN_RESULT"),
            ({"ACTUAL_OFF_TIME": "soon"}, "ACTUAL_OFF_TIME"),
        ],
    )
    def test_leave_out_one_cell_and_use_the_rest(self, change, column):
        batch = parse(change, SECOND)
        assert (2, column, False) in told(batch)
        assert not any(p.is_rejection for p in batch.problems)
        assert {2, 3} == set(batch.columns.record.tolist())

    def test_reject_a_second_header(self):
        lines = a_file(SECOND).splitlines()
        payload = b"\n".join([*lines, lines[0]])
        batch = BetfairBsp().parse(payload, name="f", fetched_at=FETCHED)
        assert told(batch) == [(3, "WIN_MARKET_ID", True)]

    def test_reject_a_line_that_is_cut(self):
        payload = a_file(SECOND, {})[:-60]
        batch = BetfairBsp().parse(payload, name="f", fetched_at=FETCHED)
        assert told(batch)[0] == (3, "", True)

    def test_reject_nul_bytes(self):
        payload = a_file(SECOND, {}).replace(b"Plum", b"Pl\0m")
        assert told(BetfairBsp().parse(payload, name="f", fetched_at=FETCHED))[0] == (3, "", True)

    @pytest.mark.parametrize(
        "payload", [b"", b"\n \n", b"<html>", b"PK\x03\x04", b"\xff\xfeL", b"{}"]
    )
    def test_refuse_what_is_no_csv(self, payload):
        batch = BetfairBsp().parse(payload, name="f", fetched_at=FETCHED)
        (problem,) = batch.problems
        assert (problem.row, batch.records) == (None, 0)
        assert problem.message.startswith("text") or problem.field == "LOCAL_MEETING_DATE"

    def test_reject_a_line_that_does_not_end_and_no_other(self):
        payload = a_file({}, SECOND) + b"x" * 1_100_000
        batch = BetfairBsp().parse(payload, name="f", fetched_at=FETCHED)
        assert (batch.records, told(batch)) == (3, [(4, "", True)])

    def test_reject_a_line_that_ends_before_a_column_that_stands_twice(self):
        header, row = a_file({}).splitlines()
        short = row.rsplit(b",", 1)[0]
        payload = b"\n".join([header + b",,TRACK", row + b",,Elsewhere", short]) + b"\n"
        batch = BetfairBsp().parse(payload, name="f", fetched_at=FETCHED)
        assert [problem for problem in told(batch) if problem[2]] == [(3, "", True)]
        assert "Elsewhere" not in batch.events[0].name

    def test_refuse_a_header_without_a_column_that_is_needed(self):
        payload = a_file({}).replace(b"SELECTION_ID", b"RUNNER")
        (problem,) = BetfairBsp().parse(payload, name="f", fetched_at=FETCHED).problems
        assert problem.field == "SELECTION_ID"

    def test_a_mark_and_windows_line_ends_are_none(self):
        payload = b"\xef\xbb\xbf" + a_file({}, SECOND).replace(b"\n", b"\r\n")
        batch = BetfairBsp().parse(payload, name="f", fetched_at=FETCHED)
        assert (batch.problems, len(batch.events)) == ([], 1)


class TestPortions:
    @pytest.fixture
    def small(self, monkeypatch):
        monkeypatch.setattr(parser, "RECORDS_AT_MOST", 4)
        monkeypatch.setattr(parser, "_ROOM_FOR_A_RACE", 2)

    def read(self, payload):
        reading = Reading("f.csv", FETCHED, time_zone="Australia/Melbourne")
        return list(BetfairBsp().read(io.BytesIO(payload), reading=reading))

    def races(self, count):
        return [
            {**runner, "RACE_NO": str(race), "WIN_MARKET_ID": str(700 + race)}
            for race in range(1, count + 1)
            for runner in ({}, SECOND, THIRD)
        ]

    def test_hold_whole_races(self, small):
        batches = self.read(a_file(*self.races(4)))
        assert [batch.records for batch in batches] == [3, 3, 3, 3]
        assert all(len(batch.results[0].runners) == 3 for batch in batches)

    def test_number_their_records_on(self, small):
        batches = self.read(a_file(*self.races(2)))
        assert [sorted(set(b.columns.record.tolist())) for b in batches] == [[2, 3, 4], [5, 6, 7]]

    def test_reject_a_runner_that_comes_after_its_race_was_told(self, small):
        late = {**THIRD, "SELECTION_ID": "109", "RACE_NO": "1", "WIN_MARKET_ID": "701"}
        batches = self.read(a_file(*self.races(3), late))
        problem = batches[-1].problems[0]
        assert (problem.row, problem.is_rejection) == (11, True)
        assert problem.message == "a runner beside the others of its race, which ended in row 4"

    def test_gather_the_runners_of_a_race_wherever_they_stand(self):
        rows = self.races(2)
        (batch,) = self.read(a_file(*rows[::2], *rows[1::2]))
        assert [len(result.runners) for result in batch.results] == [3, 3]


def test_prices_are_exact():
    batch = parse({"WIN_BSP": "38.38"})
    assert prices(batch, "betfair_sp")["#101"][0] == float(Decimal("38.38"))
