"""CSV files that are wrong in a row or as a whole."""

import pytest

from markets.connectors.csv_import import records
from tests.markets.sources.mapped import HEADER, ROW, problems, read, rows


class TestRejected:
    @pytest.mark.parametrize(
        "line, field",
        [
            (ROW.replace("2026-11-21 15:00", "soon"), "day"),
            (ROW.replace("2026-11-21 15:00", "2026-03-29 01:30"), "day"),
            (ROW.replace("Alders", ""), "home"),
            (ROW.replace("Birches", "Alders"), "away"),
            (ROW.replace("Alders", "Al\0ders"), ""),
            (ROW.replace("Alders", '"Al"x'), ""),
            (f"{ROW},surplus", ""),
            (HEADER, ""),
            (ROW.replace("Elms", "Alders").replace("Alders", "Cedars"), ""),
        ],
    )
    def test_is_a_row_that_tells_no_event_of_its_own(self, line, field):
        first = ROW.replace("Alders", "Cedars")
        batch = read(rows(first, line, ROW.replace("Alders", "Elms")))
        assert problems(batch) == [(3, field, True)]
        assert (batch.records, [e.home for e in batch.events]) == (3, ["Cedars", "Elms"])

    def test_is_text_in_another_encoding(self):
        payload = rows(ROW.replace("Alders", "Köln"), ROW).encode("cp1252")
        assert problems(read(payload)) == [(2, "", True)]
        assert read(payload, encoding="cp1252").events[0].home == "Köln"

    def test_is_a_line_without_end(self, monkeypatch):
        monkeypatch.setattr(records, "LONGEST_LINE", 500)
        batch = read(rows(ROW.replace("Alders", "x" * 5_000), ROW))
        assert (problems(batch), [e.home for e in batch.events]) == ([(2, "", True)], ["Alders"])

    def test_is_a_quote_that_never_closes_and_not_the_lines_after_it(self):
        batch = read(rows(ROW.replace("Alders", '"Cedars'), ROW, ROW.replace("Alders", "Elms")))
        assert problems(batch) == [(2, "", True)]
        assert [event.record for event in batch.events] == [3, 4]


class TestText:
    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_may_end_its_lines_anyhow(self, end):
        assert read(rows(ROW).replace("\n", end)).records == 1

    def test_may_begin_with_a_mark_and_have_a_cell_over_two_lines(self):
        payload = "\ufeff" + rows(ROW.replace("Alders", '"The\nAlders"'), ROW)
        batch = read(payload)
        assert [(e.home, e.record) for e in batch.events] == [("The Alders", 2), ("Alders", 4)]

    def test_counts_no_line_that_holds_nothing(self):
        assert read(rows(ROW, ",,,,,,,", "", "   ")).records == 1

    def test_is_used_where_it_is_cut_short_but_for_its_last_cell(self):
        payload = rows(ROW.replace("Alders", "Elms"), ROW)
        batch = read(payload[: payload.rindex(",3.40") + 4])
        assert problems(batch) == [(3, "", False)]
        assert [p.role for p in batch.prices if p.record == 3] == ["HOME"]

    @pytest.mark.parametrize("size", range(0, 130, 3))
    def test_breaks_nothing_wherever_it_is_cut(self, size):
        batch = read(rows(ROW)[:size])
        assert batch.problems or batch.events or size <= len(HEADER) + 1
        assert all(price.price > 1 for price in batch.prices)

    @pytest.mark.parametrize(
        "payload",
        [
            b"",
            b"\n \n",
            b"<html><body>503</body></html>",
            b'{"error": 1}',
            b"PK\x03\x04xyz",
            b"\x1f\x8b\x08rest",
            rows(ROW).encode("utf-16"),
            b"day,home\n1,2\n",
            (HEADER + ",home\n").encode(),
            b"PAR1 is no file",
            ",".join(f"c{n}" for n in range(3_000)).encode(),
        ],
        ids=range(11),
    )
    def test_of_another_kind_is_told_once(self, payload):
        batch = read(payload)
        assert (batch.records, list(batch.events)) == (0, [])
        assert [(problem.row, problem.is_rejection) for problem in batch.problems] == [
            (None, False)
        ]

    def test_without_a_column_of_prices_is_read_and_told(self):
        header = HEADER.replace(",h,", ",x,")
        batch = read(rows(ROW, header=header))
        assert problems(batch) == [(None, "h", False)]
        assert ([p.role for p in batch.prices], len(batch.results)) == (["DRAW", "AWAY"], 1)
