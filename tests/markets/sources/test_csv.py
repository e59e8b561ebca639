"""CSV and Parquet files of any layout, read by mappings."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from markets.connectors.csv_import import CsvImport
from tests.markets.sources.mapped import BASIC, HEADER, NOW, ROW, batches, problems, read, rows

PAYLOADS = Path(__file__).parent / "payloads" / "csv"
GERMAN = {
    "sport": "soccer",
    "competition": {"code": "HOVE"},
    "season": {"rule": "LABEL", "column": "season"},
    "time": {"date": "day", "time": "kick", "date_format": "%d.%m.%Y", "zone": "Europe/Berlin"},
    "sides": {"home": "host", "away": "guest", "neutral": {"column": "where", "map": {"N": "yes",
                                                                                      "H": "no"}}},
    "prices": [
        {"kind": "MATCH_ODDS", "role": "HOME", "book": "hove", "column": "odds_h", "mark": "CLOSE"},
        *(
            {
                "kind": "ASIAN_HANDICAP", "role": role, "book": "hove", "column": column,
                "seen": {"minutes_before_start": 120},
                "line": {"column": "hcap", "sign": {"column": "fav", "negative": ["host"]}},
            }
            for role, column in (("HOME", "ah"), ("AWAY", "aa"))
        ),
    ],
    "result": {"home": "hg", "away": "ag"},
    "delimiter": ";",
    "decimal": ",",
}  # fmt: skip
RUNNERS = {
    "sport": "horse_racing",
    "event": {"column": "market", "prefix": "1."},
    "market": {"column": "market", "prefix": "1."},
    "runner": {"id": "runner"},
    "time": {"date": "day", "zone": "Australia/Melbourne", "certainty": "DATE"},
    "books": [{"code": "rated", "name": "Ratings", "kind": "RATED"}],
    "prices": [
        {
            "kind": "WIN", "role": "RUNNER", "book": "rated", "column": "rp",
            "seen": {"clock": "09:00"},
        }
    ],
    "namespace": "betfair",
    "creates_events": False,
}  # fmt: skip


class TestRead:
    def test_takes_a_row_apart_by_its_mapping(self):
        batch = read(rows(ROW))
        assert (batch.records, batch.problems) == (1, [])
        event, result = batch.events[0], batch.results[0]
        assert (event.competition, event.season, event.home, event.away) == (
            "HOVE", "2026-27", "Alders", "Birches",
        )  # fmt: skip
        assert event.starts_at == datetime(2026, 11, 21, 15, tzinfo=UTC)
        assert [(p.role, p.price, p.mark, p.record) for p in batch.prices] == [
            ("HOME", Decimal("2.100"), 2, 2),
            ("DRAW", Decimal("3.400"), 2, 2),
            ("AWAY", Decimal("3.600"), 2, 2),
        ]
        assert {p.seen_at for p in batch.prices} == {datetime(2026, 11, 21, 14, 59, tzinfo=UTC)}
        assert (result.home_score, result.away_score) == (2, 1)
        assert result.known_at == datetime(2026, 11, 21, 19, tzinfo=UTC)
        assert [(c.code, c.sport) for c in batch.competitions] == [("HOVE", "soccer")]
        assert [book.name for book in batch.books] == ["Hove Bets"]

    def test_reads_semicolons_decimal_commas_and_lines_with_a_sign_elsewhere(self):
        batch = read((PAYLOADS / "matches.csv").read_bytes(), GERMAN)
        assert batch.problems == []
        assert [(e.season, e.is_neutral, e.starts_at.hour) for e in batch.events] == [
            ("2025/26", True, 14),
            ("2025/26", False, 17),
        ]
        assert [(p.kind, p.role, p.line, p.price) for p in batch.prices] == [
            ("MATCH_ODDS", "HOME", None, Decimal("2.100")),
            ("ASIAN_HANDICAP", "HOME", Decimal("-0.5"), Decimal("1.950")),
            ("ASIAN_HANDICAP", "AWAY", Decimal("-0.5"), Decimal("1.950")),
            ("MATCH_ODDS", "HOME", None, Decimal("1.800")),
            ("ASIAN_HANDICAP", "HOME", Decimal("0.75"), Decimal("2.050")),
            ("ASIAN_HANDICAP", "AWAY", Decimal("0.75"), Decimal("1.850")),
        ]
        assert len(batch.results) == 1

    def test_reads_a_line_for_each_runner_of_races_that_are_known(self):
        batch = read(rows("2026-11-21,25,7,3.5", "2026-11-21,25,8,4.5",
                          header="day,market,runner,rp"), RUNNERS)  # fmt: skip
        assert [(e.id, e.record, e.is_known_only, e.competition) for e in batch.events] == [
            ("1.25", 2, True, ""),
            ("1.25", 3, True, ""),
        ]
        assert [(p.runner, p.price, p.record) for p in batch.prices] == [
            ("#7", Decimal("3.500"), 2),
            ("#8", Decimal("4.500"), 3),
        ]
        assert {p.seen_at for p in batch.prices} == {datetime(2026, 11, 20, 22, tzinfo=UTC)}
        assert {(m.kind, m.id) for m in batch.markets} == {("WIN", "1.25")}

    def test_reads_a_file_with_a_line_for_each_price(self):
        spec = {
            **BASIC,
            "result": None,
            "prices": [
                {
                    "kind": "MATCH_ODDS",
                    "role": {"column": "side", "map": {"1": "HOME", "X": "DRAW", "2": "AWAY"}},
                    "book": {"column": "book", "map": {"P": "pinnacle"}},
                    "column": "odds",
                    "seen": {"column": "at"},
                }
            ],
        }
        header = "day,home,away,side,book,odds,at"
        game = "2026-11-21 15:00,Alders,Birches"
        batch = read(
            rows(
                f"{game},1,P,2.1,2026-11-20T10:00:00Z",
                f"{game},1,P,2.2,2026-11-20T11:00:00Z",
                f"{game},9,P,2.2,2026-11-20T11:00:00Z",
                header=header,
            ),
            spec,
        )
        assert [(p.role, p.book, p.seen_at.hour) for p in batch.prices] == [
            ("HOME", "pinnacle", 10),
            ("HOME", "pinnacle", 11),
        ]
        assert problems(batch) == [(4, "side", False)]
        assert {event.ref for event in batch.events} == {batch.events[0].ref}

    def test_keeps_an_id_beside_the_sides(self):
        batch = read(rows(f"{ROW},77", header=f"{HEADER},id"), event={"column": "id"})
        assert (batch.events[0].id, batch.events[0].home) == ("77", "Alders")

    def test_joins_races_by_their_number(self):
        spec = {
            **RUNNERS, "event": None, "market": None, "race": {"number": "race"},
            "competition": {"code": {"column": "track"}}, "season": {"rule": "YEAR", "column": "y"},
            "runner": {"name": "horse"},
        }  # fmt: skip
        batch = read(rows("2026-11-21,Ascot,2026,4,Bay Leaf,3.5",
                          header="day,track,y,race,horse,rp"), spec)  # fmt: skip
        event = batch.events[0]
        assert (event.competition, event.meeting_date, event.race_number) == (
            "Ascot", date(2026, 11, 21), 4,
        )  # fmt: skip
        assert (event.is_known_only, batch.prices[0].runner, batch.competitions) == (
            True, "Bay Leaf", [],
        )  # fmt: skip

    def test_numbers_records_on_over_portions(self, monkeypatch):
        monkeypatch.setattr("markets.connectors.csv_import.parser.RECORDS_AT_MOST", 2)
        lines = [ROW.replace("Alders", f"T{n}") for n in range(5)]
        found = batches(rows(*lines))
        assert [batch.records for batch in found] == [2, 2, 1]
        assert [event.record for batch in found for event in batch.events] == [2, 3, 4, 5, 6]

    def test_finds_an_event_again_in_a_later_portion(self, monkeypatch):
        monkeypatch.setattr("markets.connectors.csv_import.parser.RECORDS_AT_MOST", 1)
        first, second = batches(rows(ROW, ROW))
        assert problems(second) == [(3, "", True)]
        assert "not in row 2 already" in second.problems[0].message
        assert (first.problems, second.records) == ([], 1)

    def test_never_shows_a_price_or_result_after_the_file_was_read(self):
        batch = read(rows(ROW.replace("2026-11-21", "2026-12-24")))
        assert {price.seen_at for price in batch.prices} == {NOW}
        assert batch.results[0].known_at == NOW


class TestResult:
    SPEC = {
        **BASIC,
        "result": {
            "home": "hg", "away": "ag", "half": ["h1", "a1"], "can_be_drawn": False,
            "periods": {"H1": ["h1", "a1"], "H2": ["h2", "a2"], "OT": ["h3", "a3"]},
            "overtime": "OT",
        },
    }  # fmt: skip
    HEADER = f"{HEADER},h1,a1,h2,a2,h3,a3"
    GAME = ROW.rpartition(",2,1")[0]

    def read(self, *scores):
        return read(rows(f"{self.GAME},{','.join(scores)}", header=self.HEADER), self.SPEC)

    def test_has_its_periods(self):
        result = self.read("2", "1", "1", "0", "1", "1", "0", "0").results[0]
        assert result.periods == {"H1": [1, 0], "H2": [1, 1], "OT": [0, 0]}
        assert (result.home_score_half, result.had_overtime) == (1, False)

    def test_knows_overtime_by_its_scores(self):
        result = self.read("3", "2", "1", "0", "1", "2", "1", "0").results[0]
        assert result.had_overtime is True

    def test_has_no_periods_that_do_not_add_up(self):
        batch = self.read("4", "2", "1", "0", "1", "2", "1", "0")
        assert (batch.results[0].periods, problems(batch)) == ({}, [(2, "hg", False)])

    def test_is_left_out_where_it_needs_a_winner_and_has_none(self):
        batch = self.read("2", "2", "1", "0", "1", "2", "0", "0")
        assert (list(batch.results), len(batch.events), batch.records) == ([], 1, 1)
        assert problems(batch) == [(2, "hg", False)]

    def test_is_none_in_a_fixture(self):
        batch = self.read("", "", "", "", "", "", "", "")
        assert (list(batch.results), batch.problems) == ([], [])

    @pytest.mark.parametrize("scores", [("2", ""), ("x", "1"), ("-1", "0"), ("1.5", "0")])
    def test_is_left_out_where_a_score_is_in_doubt(self, scores):
        batch = self.read(*scores, "", "", "", "", "", "")
        assert (list(batch.results), len(problems(batch))) == ([], 1)
        assert len(batch.prices) == 3


class TestMarket:
    @pytest.mark.parametrize("cell", ["0", "1", "NaN", "x", "1e2", "2,10", "٢", "EVS"])
    def test_is_left_out_whole_where_one_price_is_none(self, cell):
        """Half a market would have another margin than the book's."""
        batch = read(rows(ROW.replace("3.40", f'"{cell}"')))
        assert problems(batch) == [(2, "d", False)]
        assert (list(batch.prices), len(batch.results)) == ([], 1)

    def test_may_lack_a_price(self):
        batch = read(rows(ROW.replace("3.40", "")))
        assert ([p.role for p in batch.prices], batch.problems) == (["HOME", "AWAY"], [])


class TestParquet:
    def test_is_read_as_the_same_file_in_text(self):
        table = pa.table(
            {
                "day": [
                    datetime(2026, 11, 21, 15, tzinfo=UTC),
                    datetime(2026, 11, 22, 15, tzinfo=UTC),
                ],
                "home": ["Alders", "Cedars"],
                "away": ["Birches", "Elms"],
                "h": [2.1, None],
                "d": [3.4, float("nan")],
                "a": [Decimal("3.60"), None],
                "hg": [2, None],
                "ag": [1, None],
            }
        )
        payload = io.BytesIO()
        parquet.write_table(table, payload, row_group_size=1)
        batch = read(payload.getvalue(), name="matches.parquet")
        text = read(rows(ROW, "2026-11-22 15:00,Cedars,Elms,,,,,"))
        assert (batch.problems, batch.records) == ([], 2)
        assert [p.price for p in batch.prices] == [p.price for p in text.prices]
        assert [(e.home, e.starts_at) for e in batch.events] == [
            (e.home, e.starts_at) for e in text.events
        ]
        assert [event.record for event in batch.events] == [1, 2]

    def test_that_is_damaged_is_told(self):
        payload = io.BytesIO()
        parquet.write_table(pa.table({"day": ["x"]}), payload)
        batch = read(payload.getvalue()[:-20])
        assert "a whole Parquet file" in batch.problems[0].message


class TestOptions:
    def test_without_a_mapping_say_that_one_is_missing(self):
        batch = CsvImport().parse(rows(ROW).encode(), name="x.csv", fetched_at=NOW)
        assert "a mapping whose file pattern fits 'x.csv'" in batch.problems[0].message
        assert batch.records == 0

    def test_with_a_mapping_that_is_none_say_why(self):
        (batch,) = batches(rows(ROW), sport=7)
        assert "sport" in batch.problems[0].message

    def test_are_checked(self):
        assert CsvImport().check_options({"mapping": "nba_games"}) == []
        assert CsvImport().check_options({"colour": 1}) == ["no such option: colour"]
