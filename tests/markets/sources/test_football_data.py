from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from itertools import permutations

import pytest

from markets.connectors.base import CLOSE, NO_MARK, Reading, ReadingConnector
from markets.connectors.betfair.batches import joined
from markets.connectors.football_data import FootballData, cells, parser
from tests.markets.builders import NOW, ROW, START, csv_file
from tests.markets.columns import listed
from tests.markets.sources.payloads_of import payload

NAME = "E0_2324.csv"


def parse(payload, name=NAME, fetched_at=NOW):
    """Parse, and list the prices: the connector hands them out as columns."""
    batch = FootballData().parse(payload, name=name, fetched_at=fetched_at)
    return replace(batch, prices=listed(batch.columns), columns=None)


def problems(batch):
    return [(problem.row, problem.field) for problem in batch.problems]


class TestParse:
    def test_reads_a_match_with_its_result_and_all_its_prices(self):
        batch = parse(csv_file({}))
        assert batch.problems == []
        event, result = batch.events[0], batch.results[0]
        assert (event.competition, event.season, event.home, event.away, event.leg) == (
            "E0", "2023-24", "Alders", "Birches", 1,
        )  # fmt: skip
        assert event.starts_at == START
        assert (result.status, result.home_score, result.away_score) == ("FINAL", 2, 1)
        assert (result.home_score_half, result.away_score_half) == (1, 0)
        assert result.known_at == datetime(2023, 8, 12, 16, 0, tzinfo=UTC)
        assert [
            (price.kind, price.line, price.role, float(price.price)) for price in batch.prices
        ] == [
            ("MATCH_ODDS", None, "HOME", 2.10),
            ("MATCH_ODDS", None, "DRAW", 3.50),
            ("MATCH_ODDS", None, "AWAY", 3.80),
            ("TOTAL", Decimal("2.50"), "OVER", 1.90),
            ("TOTAL", Decimal("2.50"), "UNDER", 2.00),
            ("ASIAN_HANDICAP", Decimal("-0.25"), "HOME", 1.85),
            ("ASIAN_HANDICAP", Decimal("-0.25"), "AWAY", 2.08),
            ("MATCH_ODDS", None, "HOME", 2.00),
            ("MATCH_ODDS", None, "DRAW", 3.60),
            ("MATCH_ODDS", None, "AWAY", 4.00),
            ("TOTAL", Decimal("2.50"), "OVER", 1.90),
            ("TOTAL", Decimal("2.50"), "UNDER", 2.00),
            ("ASIAN_HANDICAP", Decimal("-0.5"), "HOME", 2.00),
            ("ASIAN_HANDICAP", Decimal("-0.5"), "AWAY", 1.93),
        ]
        early, close = (
            datetime(2023, 8, 11, 14, 0, tzinfo=UTC),
            datetime(2023, 8, 12, 13, 59, tzinfo=UTC),
        )
        assert [price.seen_at for price in batch.prices] == [early] * 7 + [close] * 7

    def test_finds_the_books_by_the_columns_that_are_there(self):
        extra = {
            "B365H": "2.0", "B365CH": "1.95", "1XBD": "3.4", "BFEA": "4.1", "BFCH": "2.02",
            "MaxH": "2.2", "AvgC<2.5": "1.9", "B365>2.5": "1.8", "B365CAHA": "1.9", "XYZH": "9",
        }  # fmt: skip
        found = {(price.book, price.kind, price.role) for price in parse(csv_file(extra)).prices}
        assert found >= {
            ("bet365", "MATCH_ODDS", "HOME"),
            ("onexbet", "MATCH_ODDS", "DRAW"),
            ("betfair_exchange", "MATCH_ODDS", "AWAY"),
            ("betfair", "MATCH_ODDS", "HOME"),
            ("max", "MATCH_ODDS", "HOME"),
            ("average", "TOTAL", "UNDER"),
            ("bet365", "TOTAL", "OVER"),
            ("bet365", "ASIAN_HANDICAP", "AWAY"),
        }
        assert {book for book, _, _ in found} == {
            "pinnacle", "bet365", "onexbet", "betfair_exchange", "betfair", "max", "average",
        }  # fmt: skip

    def test_reads_files_from_before_2019(self):
        row = {
            "Div": "E0", "Date": "16/08/08", "HomeTeam": "Alders", "AwayTeam": "Birches",
            "FTHG": "0", "FTAG": "0", "FTR": "D", "BbMxH": "2.3", "BbAvA": "3.1",
            "BbMx>2.5": "2.0", "BbAHh": "0", "BbAvAHH": "1.6", "GBAH": "-0.5", "GBAHA": "1.7",
        }  # fmt: skip
        payload = (",".join(row) + "\n" + ",".join(row.values()) + "\n").encode()
        batch = parse(payload, name="E0.csv")
        assert batch.problems == []
        assert batch.events[0].season == "2008-09"
        assert batch.events[0].starts_at == datetime(2008, 8, 16, 14, 0, tzinfo=UTC)
        assert [(p.book, p.kind, p.line) for p in batch.prices] == [
            ("max", "MATCH_ODDS", None),
            ("average", "MATCH_ODDS", None),
            ("max", "TOTAL", Decimal("2.50")),
            ("average", "ASIAN_HANDICAP", Decimal("0")),
            ("gamebookers", "ASIAN_HANDICAP", Decimal("-0.5")),
        ]

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
    def test_reads_either_encoding(self, encoding):
        payload = csv_file({"HomeTeam": "Köln"}).decode().encode(encoding)
        assert parse(payload).events[0].home == "Köln"

    def test_takes_two_ways_of_writing_a_letter_for_one_name(self):
        batch = parse(csv_file({"HomeTeam": "Ko\u0308ln"}))
        assert batch.events[0].home == "K\u00f6ln"

    def test_goes_by_uk_clocks_in_summer_and_winter(self):
        batch = parse(csv_file({}, {"Date": "13/01/2024"}))
        assert [event.starts_at.hour for event in batch.events] == [14, 15]

    def test_counts_the_legs_in_order_of_time_whatever_the_order_of_the_rows(self):
        batch = parse(
            csv_file({"Div": "SC0", "Date": "02/03/2024"}, {"Div": "SC0"}), name="SC0_2324.csv"
        )
        assert [event.leg for event in batch.events] == [2, 1]

    def test_gives_a_fixture_without_a_score_no_result_and_no_problem(self):
        blank = dict.fromkeys(("FTHG", "FTAG", "FTR", "HTHG", "HTAG"), "")
        batch = parse(csv_file(blank))
        assert (len(batch.events), list(batch.results), batch.problems) == (1, [], [])

    def test_never_says_that_a_price_was_seen_after_the_file_was_read(self):
        read_at = datetime(2023, 8, 11, 9, 0, tzinfo=UTC)
        batch = parse(csv_file({}), fetched_at=read_at)
        assert {price.seen_at for price in batch.prices} == {read_at}

    def test_ignores_empty_lines_and_columns(self):
        payload = csv_file({}).replace(b"\n", b",,\n") + b",,,,\n\n   \n"
        batch = parse(payload)
        assert (len(batch.events), batch.problems) == (1, [])

    @pytest.mark.parametrize(
        "change, field",
        [
            ({"PSH": "0"}, "PSH"),
            ({"PSH": "1"}, "PSH"),
            ({"PSH": "1.0004"}, "PSH"),
            ({"PSH": "1000.5"}, "PSH"),
            ({"PSH": "NaN"}, "PSH"),
            ({"PSH": "1e2"}, "PSH"),
            ({"PSH": "-2"}, "PSH"),
            ({"PSH": "EVS"}, "PSH"),
            ({"PSH": "٢"}, "PSH"),
            ({"PSCH": "1_0"}, "PSCH"),
        ],
    )
    def test_leaves_out_a_price_that_no_book_can_mean(self, change, field):
        batch = parse(csv_file(change))
        assert problems(batch) == [(2, field)]
        assert "a price above 1" in batch.problems[0].message
        assert len(batch.prices) == 13
        assert len(batch.results) == 1

    @pytest.mark.parametrize("line", ["", "x", "0.3", "55"])
    def test_leaves_out_handicap_prices_without_a_line(self, line):
        batch = parse(csv_file({"AHh": line}))
        assert problems(batch) == [(2, "AHh")]
        assert len(batch.prices) == 12

    def test_does_not_miss_a_line_that_no_price_needs(self):
        batch = parse(csv_file({"AHh": "", "PAHH": "", "PAHA": ""}))
        assert batch.problems == []

    @pytest.mark.parametrize(
        "change, field",
        [
            ({"FTHG": "x"}, "FTHG"),
            ({"FTHG": ""}, "FTHG"),
            ({"FTAG": "1.5"}, "FTAG"),
            ({"FTAG": "-1"}, "FTAG"),
            ({"FTHG": "100"}, "FTHG"),
            ({"FTR": "A"}, "FTR"),
            ({"FTHG": "", "FTAG": ""}, "FTHG"),
        ],
    )
    def test_takes_no_result_from_a_score_that_is_in_doubt(self, change, field):
        batch = parse(csv_file(change))
        assert problems(batch) == [(2, field)]
        assert (len(batch.events), len(batch.prices), list(batch.results)) == (1, 14, [])

    def test_leaves_out_a_half_time_above_the_full_time(self):
        batch = parse(csv_file({"HTHG": "3"}))
        assert problems(batch) == [(2, "HTHG")]
        assert (batch.results[0].home_score, batch.results[0].home_score_half) == (2, None)

    @pytest.mark.parametrize("text", ["25:00", "15.00", "noon"])
    def test_takes_the_usual_start_for_an_unreadable_one(self, text):
        batch = parse(csv_file({"Time": text}))
        assert problems(batch) == [(2, "Time")]
        assert batch.events[0].starts_at == START

    @pytest.mark.parametrize(
        "change, field",
        [
            ({"Div": "Z9"}, "Div"),
            ({"Div": ""}, "Div"),
            ({"Date": "2023-08-12"}, "Date"),
            ({"Date": "31/02/2024"}, "Date"),
            ({"Date": "12/08/2022"}, "Date"),
            ({"Date": "12/08/0001"}, "Date"),
            ({"HomeTeam": ""}, "HomeTeam"),
            ({"AwayTeam": "x" * 121}, "AwayTeam"),
            ({"AwayTeam": "a\u202eb"}, "AwayTeam"),
            ({"AwayTeam": "Alders"}, "AwayTeam"),
        ],
    )
    def test_leaves_out_a_row_that_is_no_match_of_this_season(self, change, field):
        batch = parse(csv_file({"HomeTeam": "Cedars"}, change, {"HomeTeam": "Elms"}))
        assert problems(batch) == [(3, field)]
        assert [event.home for event in batch.events] == ["Cedars", "Elms"]

    def test_leaves_out_a_row_that_repeats_a_match(self):
        batch = parse(csv_file({}, {"FTHG": "4"}))
        assert problems(batch) == [(3, "Date")]
        assert [result.home_score for result in batch.results] == [2]

    def test_leaves_out_a_second_header(self):
        payload = csv_file({}) + csv_file({"HomeTeam": "Elms"})
        batch = parse(payload)
        assert problems(batch) == [(3, "Div")]
        assert len(batch.events) == 2

    def test_leaves_out_a_row_with_a_nul_byte(self):
        payload = csv_file({"HomeTeam": "Al\0ders"}, {"HomeTeam": "Elms"})
        batch = parse(payload)
        assert problems(batch) == [(2, "")]
        assert [event.home for event in batch.events] == ["Elms"]

    def test_does_not_believe_the_last_cell_of_a_cut_file(self):
        whole = csv_file({}, {"HomeTeam": "Elms"})
        batch = parse(whole[: whole.rindex(b",4.00") + 3])
        assert problems(batch) == [(3, "")]
        elms = [p for p in batch.prices if "Elms" in p.event_ref]
        assert elms[-1].price == Decimal("3.60")

    @pytest.mark.parametrize("size", range(0, 400, 7))
    def test_survives_a_file_cut_anywhere(self, size):
        batch = parse(csv_file({})[:size])
        assert all(price.price > 1 for price in batch.prices)
        assert batch.events or batch.problems or size <= len(",".join(ROW)) + 1

    @pytest.mark.parametrize(
        "payload",
        [
            b"",
            b"  \n \n",
            b"<!DOCTYPE html><html><body>503</body></html>",
            b"\xef\xbb\xbf<html>",
            b'{"error": "no"}',
            b"PK\x03\x04rest",
            csv_file({}).decode().encode("utf-16"),
            b"Date,HomeTeam,AwayTeam\n12/08/2023,A,B\n",
            b"\0\0\0\0",
        ],
    )
    def test_says_of_anything_else_that_it_is_no_such_file(self, payload):
        batch = parse(payload)
        assert (list(batch.events), list(batch.prices)) == ([], [])
        assert batch.problems[0].file == NAME
        assert any(problem.row is None for problem in batch.problems) or b"\0" in payload

    def test_reads_several_divisions_out_of_one_file(self):
        batch = parse(csv_file({}, {"Div": "E1", "HomeTeam": "Elms"}), name="fixtures.csv")
        assert [(e.competition, e.season) for e in batch.events] == [
            ("E0", "2023-24"),
            ("E1", "2023-24"),
        ]
        assert [c.name for c in batch.competitions] == ["Premier League", "Championship"]


FIXTURES = [
    {"HomeTeam": home, "AwayTeam": away, "Date": f"{day:02d}/{month:02d}/2023"}
    for month, day in ((8, 20), (9, 3))
    for home, away in permutations(("Alders", "Birches", "Cedars"), 2)
]
FLAWED = [
    *FIXTURES,
    {**FIXTURES[0], "PSH": "0"},
    {"HomeTeam": "Al\0ders"},
    {"Date": "12/08/2021"},
    {"HomeTeam": "Elms", "AHh": "0.3", "FTR": "A"},
    {"HomeTeam": '"Al"x'},
    {"Div": "Div"},
    {"Div": "E1", "Time": "noon"},
]


def portions(payload, *, size, name=NAME):
    reading = Reading(name, NOW)
    return list(parser.batches(BytesIO(payload), reading=reading, size=size))


class TestRead:
    """A file in portions tells what it tells as a whole."""

    def facts(self, batch):
        return (
            list(batch.events), list(batch.results), list(batch.problems), listed(batch.columns),
            sorted(c.code for c in batch.competitions), batch.records, dict(batch.excerpts),
        )  # fmt: skip

    @pytest.mark.parametrize("size", [1, 2, 5, 100])
    @pytest.mark.parametrize("name", [NAME, "E0.csv"])
    @pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b"\n\n"], ids=["n", "rn", "r", "nn"])
    @pytest.mark.parametrize("cut", [0, 3, 12])
    def test_brings_the_same_facts_and_problems_in_any_portions(self, size, name, end, cut):
        body = csv_file(*FLAWED)
        body = body[: len(body) - cut].replace(b"\n", end)
        whole = FootballData().parse(body, name=name, fetched_at=NOW)
        assert self.facts(joined(portions(body, size=size, name=name))) == self.facts(whole)

    def test_holds_no_more_rows_in_a_portion_than_it_may(self):
        assert isinstance(FootballData(), ReadingConnector)
        assert [batch.records for batch in portions(csv_file(*FLAWED), size=4)] == [4, 4, 4, 4, 3]

    def test_ends_a_portion_early_where_rows_are_long(self):
        body = csv_file(*FIXTURES).replace(b"1.93\n", b"1.93" + b"," * 20_000 + b"\n")
        assert [batch.records for batch in portions(body, size=10)] == [1] * len(FIXTURES)

    def test_counts_legs_and_finds_repeated_matches_across_portions(self):
        later, again = {**FIXTURES[0], "Date": "02/03/2024"}, FIXTURES[0]
        batches = portions(csv_file(later, *FIXTURES, again), size=3)
        legs = {event.record: event.leg for batch in batches for event in batch.events}
        assert (legs[2], legs[3], legs[9]) == (3, 1, 2)
        said = [problem.message for batch in batches for problem in batch.problems]
        assert said == ["a match that is not in row 3 already"]

    def test_takes_the_season_of_most_rows_whichever_come_first(self):
        early = [{"HomeTeam": f"T{n}", "Date": "05/11/2022"} for n in range(2)]
        batches = portions(csv_file(*early, *FIXTURES), size=2, name="E0.csv")
        assert {event.season for batch in batches for event in batch.events} == {"2023-24"}
        assert [problem.row for batch in batches for problem in batch.problems] == [2, 3]

    def test_is_one_portion_of_a_file_without_rows(self):
        (batch,) = portions(csv_file(), size=2)
        assert (batch.records, list(batch.problems)) == (0, [])

    def test_gives_up_where_line_after_line_is_no_text(self):
        (batch,) = portions(b"\0\n" * 5_000 + csv_file({}), size=2)
        assert [problem.row for problem in batch.problems] == [None]

    def test_tells_what_stood_before_a_header_that_is_none(self):
        (batch,) = portions(b"\0Div,Date\n" + csv_file({}).partition(b"\n")[2], size=2)
        assert [(p.row, p.is_rejection) for p in batch.problems] == [(1, False), (None, False)]

    def test_reads_a_line_without_an_end_as_far_as_is_honest(self):
        (batch,) = portions(csv_file({}, {"HomeTeam": "Elms" + "x" * 3_000_000}), size=9_000)
        assert [(problem.row, problem.field) for problem in batch.problems] == [(3, "")]
        assert len(batch.events) == 1

    def test_has_no_options(self):
        assert FootballData().check_options({"a": 1}) == ["a: no option of this source"]


class TestSeason:
    def test_is_that_of_the_file_name(self):
        assert parse(csv_file({}), name="mmz4281/2324/E0.csv").events[0].season == "2023-24"

    def test_is_that_of_the_first_day_where_the_name_tells_nothing(self):
        batch = parse(csv_file({"Date": "26/07/2020"}, {"Date": "09/08/2019"}), name="E0.csv")
        assert {event.season for event in batch.events} == {"2019-20"}
        assert batch.problems == []

    def test_is_not_that_of_a_name_which_the_rows_contradict(self):
        rows = [{"HomeTeam": f"T{n}", "Date": "05/11/2022"} for n in range(3)]
        batch = parse(csv_file(*rows), name="2021/E0.csv")
        assert {event.season for event in batch.events} == {"2022-23"}


class TestCollectedAt:
    @pytest.mark.parametrize(
        "start, collected",
        [
            ("2023-08-11 19:00", "2023-08-11 14:00"),  # Friday evening
            ("2023-08-11 15:30", "2023-08-11 12:30"),  # Friday, three hours before
            ("2023-08-12 14:00", "2023-08-11 14:00"),  # Saturday
            ("2023-08-13 13:00", "2023-08-11 14:00"),  # Sunday
            ("2023-08-14 19:00", "2023-08-11 14:00"),  # Monday
            ("2023-08-15 19:00", "2023-08-15 14:00"),  # Tuesday
            ("2023-08-17 19:00", "2023-08-15 14:00"),  # Thursday
            ("2023-12-20 19:45", "2023-12-19 15:00"),  # Wednesday in winter
        ],
    )
    def test_is_friday_or_tuesday_afternoon_in_the_uk(self, start, collected):
        moment = datetime.fromisoformat(start).replace(tzinfo=UTC)
        assert cells.collected_at(moment) == datetime.fromisoformat(collected).replace(tzinfo=UTC)


class TestRecords:
    """What is counted: every line that holds anything ends somewhere."""

    def test_number_every_fact_by_its_line(self):
        batch = parse(csv_file({}, {"HomeTeam": "Elms"}))
        assert batch.records == 2
        for facts in (batch.events, batch.results, batch.prices):
            assert sorted({fact.record for fact in facts}) == [2, 3]
        assert batch.excerpts[3].startswith("E0,")

    @pytest.mark.parametrize(
        "change",
        [
            {"Div": "Z9"},
            {"Date": "31/02/2024"},
            {"Date": "12/08/2022"},
            {"HomeTeam": ""},
            {"AwayTeam": "Alders"},
            {"HomeTeam": "Al\0ders"},
            {"HomeTeam": '"Al"x'},
            {},
        ],
    )
    def test_count_a_refused_row_as_read_and_rejected(self, change):
        batch = parse(csv_file({"HomeTeam": "Cedars"}, {}, change))
        assert (batch.records, len(batch.events)) == (3, 2)
        assert [(p.row, p.is_rejection) for p in batch.problems] == [(4, True)]

    def test_count_a_second_header_as_a_refused_row(self):
        batch = parse(csv_file({}) + csv_file({"HomeTeam": "Elms"}))
        assert (batch.records, len(batch.events)) == (3, 2)

    @pytest.mark.parametrize("change", [{"PSH": "0"}, {"FTR": "A"}, {"Time": "noon"}, {"AHh": "x"}])
    def test_use_a_row_with_a_bad_cell(self, change):
        batch = parse(csv_file(change))
        assert (batch.records, len(batch.events)) == (1, 1)
        assert [p.is_rejection for p in batch.problems] == [False]

    def test_use_a_row_that_is_cut_short(self):
        whole = csv_file({}, {"HomeTeam": "Elms"})
        batch = parse(whole[: whole.rindex(b",4.00") + 3])
        assert (batch.records, len(batch.events)) == (2, 2)
        assert not any(problem.is_rejection for problem in batch.problems)

    def test_are_none_in_what_is_no_such_file(self):
        batch = parse(b"Date,HomeTeam\n\0\n")
        assert batch.records == 0
        assert not any(problem.is_rejection for problem in batch.problems)


class TestMark:
    def test_says_which_prices_the_publisher_calls_closing(self):
        marks = [price.mark for price in parse(csv_file({})).prices]
        assert marks == [NO_MARK] * 7 + [CLOSE] * 7


class TestAFile:
    def test_is_read_as_it_comes_with_its_mark_and_line_ends(self):
        batch = parse(payload("football_data", NAME))
        assert (batch.records, batch.problems) == (2, [])
        assert [event.home for event in batch.events] == ["Alders", "Cedars"]
        assert len(batch.results) == 1  # the other is a fixture
