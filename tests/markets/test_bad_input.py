"""What a bad file, price or day is answered by: through the real load, source by source.

Each file holds good rows beside the bad one.  Whatever happens, the payload is archived as it
came, every row that was read is loaded, unchanged, parked or rejected, and the good ones are not
rejected; what is told names the file, the row as its program counts it, the field, what was
expected and what was found.
"""

import bz2
import gzip
import json

import pytest

from markets.models import Fetch
from markets.services import ingesting
from tests.markets.bad_files import CSV, GOOD, JSON, Told, changed, loader
from tests.markets.sources.test_tennis_data import workbook
from tests.markets.test_containers import zipped

pytestmark = pytest.mark.django_db


@pytest.fixture
def load(settings, tmp_path):
    return loader(settings, tmp_path)


class TestAFileThatIsNone:
    """It is a failed look whose one problem says what was found instead."""

    def refused(self, told: Told, kind: str = "BAD_PAYLOAD") -> str:
        assert ingesting.is_failure(told.report)
        assert told.report["rows"] == 0
        fetch = Fetch.objects.latest("pk")
        assert (fetch.state, fetch.error_kind) == ("FAILED", kind)
        (line,) = told.lines
        assert line.startswith("None ")
        return line

    @pytest.mark.parametrize("source", GOOD)
    def test_but_a_web_page(self, load, source):
        page = b"<!DOCTYPE html><html><body>Service unavailable</body></html>"
        assert "not a web page" in self.refused(load(source, page))

    @pytest.mark.parametrize("source", GOOD)
    def test_but_an_empty_one(self, load, source):
        assert "not an empty" in self.refused(load(source, b""))

    @pytest.mark.parametrize("source", GOOD)
    def test_but_an_error_that_calls_itself_success(self, load, source):
        told = load(source, b'{"message": "Quota \\u001b[31m reached", "code": 7}')
        assert r"data, not the error 'Quota \x1b[31m reached'" in self.refused(told, "ERROR_BODY")

    @pytest.mark.parametrize("source", GOOD)
    def test_but_nothing_but_nul_bytes(self, load, source):
        self.refused(load(source, b"\0" * 200))

    @pytest.mark.parametrize("source", (*CSV, *JSON))
    def test_but_one_in_utf_16(self, load, source):
        body = GOOD[source][1].decode().encode("utf-16")
        assert "UTF-16" in self.refused(load(source, body))

    @pytest.mark.parametrize("source", GOOD)
    def test_but_one_that_is_cut(self, load, source):
        name, body, _ = GOOD[source]
        pack, ending = (bz2, ".bz2") if source.startswith("betfair") else (gzip, ".gz")
        told = load(source, pack.compress(body)[:-12], f"{name}{ending}")
        assert "a whole payload, not a cut or damaged one" in self.refused(told)

    @pytest.mark.parametrize("source", ["football_data", "betfair_stream", "csv"])
    def test_but_a_bomb(self, load, source):
        bomb = gzip.compress(b"\0" * 20_000_000)
        told = load(source, bomb, f"{GOOD[source][0]}.gz")
        assert "expands to up to 200 times its size" in self.refused(told, "BOMB")

    @pytest.mark.parametrize("source", ["odds_api", "pinnacle", "betfair_api", "feeds"])
    def test_but_json_that_is_nested_too_deep(self, load, source):
        assert "nested 64 deep at most" in self.refused(load(source, b"[" * 100_000))

    @pytest.mark.parametrize("source", JSON)
    def test_but_json_that_is_cut(self, load, source):
        body = GOOD[source][1]
        assert "whole JSON in UTF-8" in self.refused(load(source, body[: len(body) // 2]))

    @pytest.mark.parametrize(
        ("source", "old", "new"),
        [
            ("football_data", "HomeTeam", "Home"), ("nflverse", "home_team", "home"),
            ("nfl_lines", "home_team", "home"), ("betfair_bsp", "TRACK", "COURSE"),
            ("csv", "home", "hosts"),
        ],
    )  # fmt: skip
    def test_but_one_whose_header_was_renamed(self, load, source, old, new):
        line = self.refused(load(source, changed(source, old, new)))
        assert f"a header with {old}, not one of " in line
        assert new in line

    @pytest.mark.parametrize("source", CSV)
    def test_but_one_of_a_million_columns(self, load, source):
        self.refused(load(source, b"x," * 1_000_000 + b"\n"))

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 99, "not an .xls one or one behind a password"),
            (workbook({})[:2000], "a whole payload, not a cut or damaged one"),
            (zipped(**{"[Content_Types].xml": b"<Types/>", "a": b"\0" * 40_000_000}), "200 times"),
            (workbook({}, columns=["WTA", "Date", "Sieger"]), "a header with Round, Winner, Loser"),
        ],
        ids=["old or locked", "cut", "bomb", "renamed"],
    )
    def test_but_another_workbook(self, load, body, expected):
        assert expected in self.refused(load("tennis_data", body))

    @pytest.mark.parametrize(
        "declared",
        [
            b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>',
            b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
            b'<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">',
        ],
    )
    def test_but_a_feed_that_declares_entities(self, load, declared):
        body = GOOD["feeds"][1].replace(b"<rss", declared + b"<rss", 1)
        assert "without a document type and entities" in self.refused(load("feeds", body))


#: Source, what is changed into what, what is told; all rows stay.
CELLS = [
    ("football_data", "2.10", "2 PSH: a price above 1 and up to 1000, not {!r}"),
    ("csv", "2.10", "2 h: a price above 1 and up to 1000, not {!r}"),
    ("betfair_bsp", "2.6,", "2 WIN_BSP: a price above 1 and up to 1000, not {!r}"),
    ("nflverse", "-270", "3 home_moneyline: American odds from 100 to 99900 or to -100, not {!r}"),
    ("nfl_lines", "-115.0",
     "2 home_spread_last_price: American odds from 100 to 99900 or to -100, not {!r}"),
    ("odds_api", "-270",
     "1 MONEYLINE price: American odds from 100 to 99900 or to -100, not {!r}"),
]  # fmt: skip


class TestAPrice:
    @pytest.mark.parametrize(
        ("source", "old", "expected", "price"),
        [
            (*cell, price)
            for number, cell in enumerate(CELLS)
            for price in ("NaN", "1.0", "1e9", "0", "-5", "1e400", "=1+1", "9" * 30)[
                : 8 if cell[0] in ("football_data", "odds_api") else 2 + number % 2
            ]
        ],
    )
    def test_that_is_none_is_told_and_its_row_stays(self, load, source, old, expected, price):
        is_json = source in JSON
        written = json.dumps(price) if is_json and price.startswith("=") else price
        told = load(source, changed(source, old, written + "," * old.endswith(",")))
        shown = "1000000000.0" if is_json and price == "1e9" else price
        assert told.lines == [expected.format(shown)]
        assert told.report["rejected"] == 0

    @pytest.mark.parametrize("price", [1.0, -5, 1e9, "NaN", "=1+1", "#N/A", True])
    def test_in_a_workbook_too(self, load, price):
        told = load("tennis_data", workbook({}, {"Winner": "Cole C.", "B365W": price}))
        assert [line.partition(",")[0] for line in told.lines] == [
            "3 B365W: a price above 1 and up to 1000" if price is not True
            else "3 B365W: a price above 1"
        ]  # fmt: skip
        assert told.report["loaded"] == 2

    @pytest.mark.parametrize("price", ["1e308", "1e400", "NaN", "[]"])
    def test_of_a_recording_costs_its_line_alone(self, load, price):
        told = load("betfair_stream", changed("betfair_stream", "2.54", price))
        assert [line[:2] for line in told.lines] == ["3 "]
        assert (told.report["rows"], told.report["rejected"]) == (10, 1)

    @pytest.mark.parametrize("price", ["1e308", "1e400", "NaN"])
    def test_of_a_book_costs_that_book_alone(self, load, price):
        body = GOOD["betfair_api"][1]
        old = next(line for line in body.splitlines() if b'"price"' in line)
        told = load("betfair_api", body.replace(old, b'"price": %s,' % price.encode(), 1))
        assert [line[:2] for line in told.lines] == ["2 "]
        assert (told.report["loaded"], told.report["rejected"]) == (1, 1)


DAYS = [
    ("football_data", "12/08/2023", "2 Date: a day from 1970 to 2100 as dd/mm/yyyy",
     ["31/02/2023", "12/08/1900", "2023-08-12"]),
    ("nflverse", "2023-10-08", "3 gameday: a day from 1970 to 2100 as yyyy-mm-dd",
     ["2023-02-31", "1900-10-08", "08/10/2023"]),
    ("betfair_bsp", "2021-03-04", "2 LOCAL_MEETING_DATE: a day as yyyy-mm-dd",
     ["2021-02-31", "31/02/2021"]),
    ("betfair_bsp", "2021-03-04", "2 SCHEDULED_RACE_TIME: a year from 1970 to 2100",
     ["1900-03-04"]),
    ("csv", "2023-10-21 15:00", "2 day: a date such as 2024-02-29", ["31/02/2023"]),
    ("csv", "2023-10-21", "2 day: a year from 1970 to 2100", ["1900-10-21"]),
    ("odds_api", "2024-03-02T00:40:00Z", "1 commence_time: a time with its offset such as",
     ["2024-02-31T00:00:00Z", "31/02/2024"]),
    ("odds_api", "2024-03-02T00:40:00Z", "1 commence_time: a year from 1970 to 2100",
     ["1900-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]),
    ("pinnacle", "2026-11-29T01:00:00Z", "2 startTime: a time with its offset such as",
     ["2026-02-31T01:00:00Z"]),
    ("pinnacle", "2026-11-29T01:00:00Z", "2 startTime: a year from 1970 to 2100",
     ["1900-01-01T00:00:00Z"]),
    ("betfair_stream", '"pt": 1930360802000', "3 pt: milliseconds since 1970",
     ['"pt": -2208988800000']),
]  # fmt: skip


class TestADay:
    @pytest.mark.parametrize(
        ("source", "old", "expected", "day"),
        [(source, old, expected, day) for source, old, expected, days in DAYS for day in days],
    )
    def test_that_never_was_rejects_its_row_alone(self, load, source, old, expected, day):
        told = load(source, changed(source, old, day))
        lines = [line for line in told.lines if line.startswith(f"{expected[0]} ")]
        assert len(lines) == 1
        assert lines[0].startswith(f"{expected}, not " if "such as" not in expected else expected)
        assert day.removeprefix('"pt": ')[:10] in lines[0]
        whole = GOOD[source][2]
        assert told.report["rows"] - told.report["rejected"] >= whole - 1
        assert told.report["loaded"] + told.report["parked"] >= 1

    @pytest.mark.parametrize("day", ["31/02/2026", "10/06/2026", -5, 1e12, None, True, "=TODAY()"])
    def test_in_a_workbook_too(self, load, day):
        told = load("tennis_data", workbook({}, {"Winner": "Cole C.", "Date": day}))
        (line,) = told.lines
        assert line.startswith("3 Date: a ")
        assert (told.report["loaded"], told.report["rejected"]) == (1, 1)

    def test_of_a_news_item_is_told_and_the_item_kept(self, load):
        told = load("feeds", changed("feeds", "Sat, 21 Nov 2026", "Tue, 31 Feb 2026"))
        assert told.lines[0].startswith("1 published_at: a time with its offset, from 1970 to 2100")
        assert told.report["loaded"] == 2
