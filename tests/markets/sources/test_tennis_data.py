"""Workbooks of tennis-data.co.uk, written by us in the publisher's shape."""

import io
import re
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from openpyxl import Workbook

from markets.connectors.tennis_data import TennisData
from tests.markets.sources.payloads_of import payload

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ROW = {
    "WTA": 7, "Location": "Hove", "Tournament": "Hove Open", "Date": date(2026, 6, 10),
    "Tier": "WTA250", "Court": "Outdoor", "Surface": "Grass", "Round": "1st Round", "Best of": 3,
    "Winner": "Young A.", "Loser": "Able B.", "WRank": 12, "LRank": 40, "WPts": 2000, "LPts": 900,
    "W1": 6, "L1": 4, "W2": 3, "L2": 6, "W3": 7, "L3": 5, "Wsets": 2, "Lsets": 1,
    "Comment": "Completed", "B365W": 1.5, "B365L": 2.62, "PSW": 1.53, "PSL": 2.7,
    "MaxW": 1.57, "MaxL": 2.8, "AvgW": 1.5, "AvgL": 2.6,
}  # fmt: skip


def workbook(*changes, title="2026", columns=None):
    """Return a workbook with one row per dictionary of changes to ``ROW``."""
    book = Workbook()
    sheet = book.active
    sheet.title = title
    names = columns or list(ROW)
    sheet.append(names)
    for change in changes:
        row = {**ROW, **change}
        sheet.append([row.get(name) for name in names])
    payload = io.BytesIO()
    book.save(payload)
    return payload.getvalue()


def parse(payload, name="wta_2026.xlsx", fetched_at=NOW):
    return TennisData().parse(payload, name=name, fetched_at=fetched_at)


def problems(batch):
    return [(problem.row, problem.field, problem.is_rejection) for problem in batch.problems]


class TestParse:
    def test_reads_a_match_with_its_result_and_prices(self):
        batch = parse(workbook({}))
        assert (batch.records, batch.problems) == (1, [])
        event, result = batch.events[0], batch.results[0]
        assert (event.competition, event.season, event.round) == ("wta", "2026", "1st Round")
        assert (event.starts_at, event.certainty) == (datetime(2026, 6, 10, 12, tzinfo=UTC), "DATE")
        assert event.data["surface"] == "Grass"
        assert event.data["best_of"] == 3
        assert (result.status, result.home_score, result.away_score) == ("FINAL", 1, 2)
        assert result.winner == "AWAY"
        assert result.periods == {"SET1": [4, 6], "SET2": [6, 3], "SET3": [5, 7]}
        assert result.known_at == datetime(2026, 6, 11, 12, tzinfo=UTC)
        assert {price.book for price in batch.prices} == {"bet365", "pinnacle", "max", "average"}
        assert [competition.code for competition in batch.competitions] == ["wta"]

    def test_puts_the_sides_into_alphabetical_order_whoever_won(self):
        """The file names the winner first: taken over, the order would tell the result."""
        first = parse(workbook({}))
        second = parse(workbook({"Winner": "Able B.", "Loser": "Young A."}))
        for batch in (first, second):
            assert (batch.events[0].home, batch.events[0].away) == ("Able B.", "Young A.")
        assert first.events[0].id == second.events[0].id
        assert (first.results[0].winner, second.results[0].winner) == ("AWAY", "HOME")
        assert (first.events[0].data["home_rank"], second.events[0].data["home_rank"]) == (40, 12)
        pinnacle = {p.role: p.price for p in first.prices if p.book == "pinnacle"}
        assert pinnacle == {"AWAY": Decimal("1.530"), "HOME": Decimal("2.700")}

    def test_never_calls_a_price_the_close_and_shows_it_an_hour_before_noon(self):
        prices = parse(workbook({})).prices
        assert {price.mark for price in prices} == {0}
        assert {price.seen_at for price in prices} == {datetime(2026, 6, 10, 11, tzinfo=UTC)}

    def test_never_says_that_anything_was_seen_after_the_file_was_read(self):
        early = datetime(2026, 6, 10, 8, tzinfo=UTC)
        batch = parse(workbook({}), fetched_at=early)
        assert {price.seen_at for price in batch.prices} == {early}
        assert batch.results[0].known_at == early

    def test_reads_the_other_tour_by_its_column(self):
        names = ["ATP" if name == "WTA" else "Series" if name == "Tier" else name for name in ROW]
        batch = parse(workbook({"ATP": 3, "Series": "ATP250", "Best of": 3}, columns=names))
        assert (batch.events[0].competition, batch.events[0].data["tier"]) == ("atp", "ATP250")

    @pytest.mark.parametrize("comment, status", [("Retired", "RETIRED"), ("Awarded", "RETIRED")])
    def test_names_the_winner_of_a_match_that_was_broken_off(self, comment, status):
        sets = {"Wsets": 1, "Lsets": 0, "W2": 2, "L2": 1, "W3": None, "L3": None}
        result = parse(workbook({"Comment": comment, **sets})).results[0]
        assert (result.status, result.winner) == (status, "AWAY")
        assert (result.home_score, result.away_score) == (0, 1)

    def test_names_the_winner_of_a_walkover_that_has_no_sets(self):
        none = dict.fromkeys(("W1", "L1", "W2", "L2", "W3", "L3", "Wsets", "Lsets"))
        batch = parse(workbook({"Comment": "Walkover", **none}))
        result = batch.results[0]
        assert (result.status, result.winner, result.home_score) == ("WALKOVER", "AWAY", None)
        assert (result.periods, batch.problems) == ({}, [])

    def test_takes_a_scheduled_match_without_a_result(self):
        batch = parse(workbook({"Comment": "Sched", "Wsets": None, "Lsets": None}))
        assert (len(batch.events), list(batch.results), batch.problems) == (1, [], [])

    @pytest.mark.parametrize("day", [date(2026, 6, 10), 46183, "2026-06-10"], ids=str)
    def test_reads_a_day_however_the_workbook_keeps_it(self, day):
        assert parse(workbook({"Date": day})).events[0].starts_at.date() == date(2026, 6, 10)

    def test_takes_the_days_before_new_year_for_the_season_that_they_begin(self):
        batch = parse(workbook({"Date": date(2025, 12, 29)}))
        assert (batch.events[0].season, batch.problems) == ("2026", [])

    @pytest.mark.parametrize("title, name", [("Sheet1", "wta_2026.xlsx"), ("Sheet1", "x.xlsx")])
    def test_finds_the_season_without_a_title(self, title, name):
        assert parse(workbook({}, title=title), name=name).events[0].season == "2026"

    def test_leaves_rows_that_hold_nothing_uncounted(self):
        assert parse(workbook({}, dict.fromkeys(ROW), {"Round": "2nd Round"})).records == 2

    def test_reads_all_of_a_sheet_that_says_it_is_smaller(self):
        payload = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(workbook({}))) as whole,
            zipfile.ZipFile(payload, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            for part in whole.namelist():
                text = whole.read(part)
                if part.endswith("sheet1.xml"):
                    text = re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1"', text)
                archive.writestr(part, text)
        assert len(parse(payload.getvalue()).prices) == 8

    def test_keeps_ids_short_enough_to_store(self):
        long = {"Winner": "Z" * 100, "Loser": "Y" * 100}
        ids = [parse(workbook({**long, "Round": r})).events[0].id for r in ("Semifinals", "Final")]
        assert [len(one) for one in ids] == [80, 80]
        assert ids[0] != ids[1]


class TestProblems:
    @pytest.mark.parametrize(
        "change, field",
        [
            ({"PSW": "#N/A"}, "PSW"),
            ({"PSW": 1}, "PSW"),
            ({"PSW": 0}, "PSW"),
            ({"PSW": 1001}, "PSW"),
            ({"PSW": True}, "PSW"),
            ({"PSW": "1,53"}, "PSW"),
            ({"W3": 100}, "W3"),
        ],
    )
    def test_leave_out_one_cell_and_use_the_row(self, change, field):
        batch = parse(workbook(change))
        assert problems(batch) == [(2, field, False)]
        assert (batch.records, len(batch.events), len(batch.results)) == (1, 1, 1)

    @pytest.mark.parametrize("word", ["N/A", "-", "", None])
    def test_do_not_tell_of_a_blank(self, word):
        batch = parse(workbook({"B365W": word, "B365L": word, "WRank": word}))
        assert (batch.problems, len(batch.prices)) == ([], 6)

    @pytest.mark.parametrize(
        "change, field",
        [
            ({"Wsets": 1, "Lsets": 2}, "Wsets"),
            ({"Wsets": 1, "Lsets": 0}, "Wsets"),
            ({"Wsets": None}, "Wsets"),
            ({"Comment": "Postponed?"}, "Comment"),
        ],
    )
    def test_take_no_result_that_is_in_doubt(self, change, field):
        batch = parse(workbook(change))
        assert field in {problem.field for problem in batch.problems}
        assert not any(problem.is_rejection for problem in batch.problems)
        assert (len(batch.events), list(batch.results)) == (1, [])

    @pytest.mark.parametrize(
        "change, field",
        [
            ({"Date": "soon"}, "Date"),
            ({"Date": None}, "Date"),
            ({"Date": date(2024, 6, 10)}, "Date"),
            ({"Winner": None}, "Winner"),
            ({"Winner": "Able B."}, "Loser"),
            ({"Winner": "Y\u202eoung"}, "Winner"),
            ({"Loser": "x" * 121}, "Loser"),
            ({"Round": "=HYPERLINK(1)"}, "Round"),
            ({"WTA": "#REF!"}, "WTA"),
            ({}, "Winner"),
        ],
    )
    def test_refuse_a_row_that_tells_no_match_of_this_season(self, change, field):
        batch = parse(workbook({}, change))
        assert problems(batch) == [(3, field, True)]
        assert (batch.records, len(batch.events)) == (2, 1)

    def test_of_a_formula_beside_a_match_take_the_match_without_it(self):
        batch = parse(workbook({}, {"Winner": "Cole C.", "Surface": "=A1", "B365W": "=1+1"}))
        assert problems(batch) == [(3, "B365W", False), (3, "Surface", False)]
        assert (len(batch.events), len(batch.prices)) == (2, 15)
        assert "surface" not in batch.events[1].data

    @pytest.mark.parametrize(
        "payload",
        [b"", b"<html>503</html>", b"PK\x03\x04rest", workbook({})[:2000]],
        ids=["empty", "html", "no-zip", "cut"],
    )
    def test_say_of_anything_else_that_it_is_no_workbook(self, payload):
        batch = parse(payload)
        assert (batch.records, list(batch.events)) == (0, [])
        assert [(p.file, p.row) for p in batch.problems] == [("wta_2026.xlsx", None)]

    def test_refuse_a_workbook_that_expands_too_far(self):
        bomb = io.BytesIO()
        with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("xl/workbook.xml", b"0" * 30_000_000)
        assert "expands" in parse(bomb.getvalue()).problems[0].message

    def test_refuse_a_sheet_that_claims_more_rows_than_there_can_be(self):
        payload = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(workbook({}))) as whole,
            zipfile.ZipFile(payload, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            for part in whole.namelist():
                text = whole.read(part)
                if part.endswith("sheet1.xml"):
                    text = text.replace(b'<row r="2"', b'<row r="2000000000"')
                archive.writestr(part, text)
        assert "rows" in parse(payload.getvalue()).problems[0].message

    def test_refuse_another_header(self):
        batch = parse(workbook({}, columns=["Date", "Winner"]))
        assert "a header with Round" in batch.problems[0].message


class TestAFile:
    def test_is_read_as_a_spreadsheet_saves_it(self):
        batch = parse(payload("tennis_data", "wta_2026.xlsx"))
        assert (batch.records, batch.problems) == (2, [])
        assert [result.status for result in batch.results] == ["FINAL", "RETIRED"]
