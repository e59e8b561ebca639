"""What bad input is answered by: every kind of it, through the real load, source by source.

Each file holds good rows beside the bad one.  Whatever happens, the payload is archived as it
came, every row that was read is loaded, unchanged, parked or rejected, and the good ones are not
rejected; what is told names the file, the row as its program counts it, the field, what was
expected and what was found.
"""

import bz2
import gzip
import json
from typing import NamedTuple

import pytest

from markets.models import Fetch, ImportMapping, RawPayload
from markets.services import archiving, ingesting, sources
from tests.corpus.test_bad_input import SPEC
from tests.markets.builders import NOW, csv_file
from tests.markets.sources.payloads_of import payload
from tests.markets.sources.test_tennis_data import workbook
from tests.markets.test_containers import tarred, zipped

pytestmark = pytest.mark.django_db

HOVE = b"""day,home,away,h,d,a,hg,ag
2023-10-21 15:00,Alders,Birches,2.10,3.40,3.60,2,1
2023-10-22 15:00,Cedars,Birches,2.20,3.40,3.60,2,1
"""
#: By source: the name of a file, a good one, how many of its rows are not rejected.
GOOD: dict[str, tuple[str, bytes, int]] = {
    "football_data": ("E0_2324.csv", csv_file({}, {"HomeTeam": "Cedars"}), 2),
    "nflverse": ("games.csv", payload("nflverse", "games.csv"), 4),
    "nfl_lines": ("lines.csv", payload("nfl_lines", "lines.csv"), 1),
    "betfair_bsp": (
        "ANZ_2021_03.csv",
        payload("betfair_bsp", "ANZ_Thoroughbreds_2031_03.csv").replace(b"2031", b"2021"),
        4,
    ),
    "csv": ("hove_1.csv", HOVE, 2),
    "odds_api": ("odds.json", payload("odds_api", "odds.json"), 2),
    "pinnacle": ("matchups.json", payload("pinnacle", "matchups.json"), 2),
    "espn": ("scoreboard.json", payload("espn", "scoreboard.json"), 5),
    "betfair_api": ("books-1.json", payload("betfair_api", "books-1.json"), 2),
    "betfair_stream": ("1.900000001", payload("betfair_stream", "1.900000001"), 10),
    "feeds": ("news.rss", payload("feeds", "news.rss"), 2),
    "tennis_data": ("wta_2026.xlsx", workbook({}, {"Winner": "Cole C."}), 2),
}
CSV = ("football_data", "nflverse", "nfl_lines", "betfair_bsp", "csv")
JSON = ("odds_api", "pinnacle", "espn", "betfair_api")
NOT_ZIPPED = tuple(GOOD.keys() - {"tennis_data"})


@pytest.fixture(autouse=True)
def ready(settings, tmp_path):
    settings.ARCHIVE_DIR = tmp_path / "archive"
    sources.ensure_default_sources(now=NOW)
    ImportMapping.objects.create(
        name="hove", title="Hove", file_pattern="hove*", spec=SPEC, changed_by="t", changed_at=NOW
    )


class Told(NamedTuple):
    """What a look told: the report, and each problem as "row field: message"."""

    report: dict
    lines: list[str]


@pytest.fixture
def load(tmp_path):
    def load(source: str, body: bytes, name: str = "") -> Told:
        """Read a file that lies in a folder, as an operator does."""
        path = tmp_path / (name or GOOD[source][0])
        path.write_bytes(body)
        report = ingesting.ingest(source_code=source, path=str(path), actor="cli:t", now=NOW)
        ends = [report[end] for end in ("loaded", "unchanged", "parked", "rejected")]
        assert sum(ends) == report["rows"]
        kept = RawPayload.objects.latest("pk")
        assert archiving.read(sha256=kept.sha256) == body
        shown = path.name.removesuffix(".gz").removesuffix(".bz2")
        told = [p for p in report["problems"] if p["field"] not in ("seen_at", "no_event")]
        assert all(p["file"].startswith(shown) and p["message"].isprintable() for p in told)
        return Told(report, [f"{p['row']} {p['field']}: {p['message']}" for p in told])

    return load


def changed(source: str, old: str, new: bytes | str, count: int = 1) -> bytes:
    body = GOOD[source][1]
    assert old.encode() in body
    return body.replace(old.encode(), new.encode() if isinstance(new, str) else new, count)


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

    @pytest.mark.parametrize("source", ["football_data", "betfair_stream", "odds_api"])
    def test_but_a_bomb(self, load, source):
        bomb = gzip.compress(b"\0" * 20_000_000)
        told = load(source, bomb, f"{GOOD[source][0]}.gz")
        assert "expands to up to 200 times its size" in self.refused(told, "BOMB")

    @pytest.mark.parametrize("source", ["odds_api", "pinnacle", "betfair_api", "feeds"])
    def test_but_json_that_is_nested_too_deep(self, load, source):
        assert "nested so deep" in self.refused(load(source, b"[" * 100_000))

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


class TestARow:
    def rejected_alone(self, load, source, body, row, expected):
        """All rows of the good file are as good as before; this one is rejected."""
        told = load(source, body)
        (line,) = [line for line in told.lines if line.startswith(f"{row} ")]
        assert expected in line
        assert (told.report["rejected"], told.report["rows"]) == (1, GOOD[source][2] + 1)

    @pytest.mark.parametrize("source", CSV)
    def test_that_is_a_second_header(self, load, source):
        body = GOOD[source][1]
        row = body.count(b"\n") + 1
        again = body + body.splitlines()[0] + b"\n"
        self.rejected_alone(load, source, again, row, "one header, not a second one")

    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ("football_data", "Date: a match that is not in row 2 already"),
            ("nflverse", "game_id: each game once, not '1999_02_SEA_DEN' again"),
            ("betfair_bsp", "SELECTION_ID: a runner that is not in row 2 already"),
            ("csv", "an event that is not in row 2 already"),
        ],
    )
    def test_that_stands_there_twice(self, load, source, expected):
        body = GOOD[source][1]
        row = body.count(b"\n") + 1
        twice = body + body.splitlines()[1] + b"\n"
        self.rejected_alone(load, source, twice, row, expected)

    @pytest.mark.parametrize("source", CSV)
    @pytest.mark.parametrize(
        ("row", "expected"),
        [
            (b"a\0b,c", "text without NUL bytes"),
            (b'"open,b,c', "quoted cell|unexpected end of data"),
            (b"x" * 1_200_000, "field limit|a line of up to"),
        ],
        ids=["NUL", "open quote", "long"],
    )
    def test_that_is_no_row(self, load, source, row, expected):
        first, rest = GOOD[source][1].split(b"\n", 1)
        told = load(source, first + b"\n" + row + b"\n" + rest)
        (line,) = [line for line in told.lines if line.startswith("2 ")]
        assert any(words in line for words in expected.split("|"))
        assert (told.report["rejected"], told.report["rows"]) == (1, GOOD[source][2] + 1)

    @pytest.mark.parametrize("source", JSON)
    @pytest.mark.parametrize("element", [b"null", b'{"id": NaN}'])
    def test_that_is_another_thing_in_a_list(self, load, source, element):
        body = GOOD[source][1].rstrip()
        if source == "espn":
            body = body.replace(b'"events": [', b'"events": [%s,' % element, 1)
        else:
            body = body[:-1] + b"," + element + b"]"
        before = load(source, GOOD[source][1]).report
        told = load(source, body)
        assert told.report["rejected"] == before["rejected"] + 1
        assert told.report["rows"] == before["rows"] + 1

    def test_in_a_workbook_that_is_a_second_header_or_an_error(self, load):
        header = {name: name for name in ("WTA", "Date", "Round", "Winner", "Loser", "Comment")}
        told = load("tennis_data", workbook({}, header, {"Winner": "Cole C.", "WTA": "#REF!"}))
        assert told.lines == [
            "3 : one header, not a second one",
            "4 WTA: a value, not '#REF!'",
        ]
        assert (told.report["loaded"], told.report["rejected"]) == (1, 2)


class TestText:
    @pytest.mark.parametrize(
        ("source", "old", "is_cp1252"),
        [("football_data", "Cedars", True), ("betfair_bsp", "Plum Duff", True),
         ("csv", "Alders", False)],
    )  # fmt: skip
    def test_in_another_encoding_is_read_or_its_row_rejected(self, load, source, old, is_cp1252):
        told = load(source, changed(source, old, b"K\xf6ln"))
        assert told.report["rejected"] == (0 if is_cp1252 else 1)
        assert told.lines == ([] if is_cp1252 else ["2 : text in utf-8"])

    @pytest.mark.parametrize("wrong", [b"A\\u0000b", b"A\xffb", b"A\\ud800b", b"A" * 5_000])
    @pytest.mark.parametrize(
        ("source", "old", "row"),
        [("odds_api", "Miami Heat", 1), ("pinnacle", "Boston Celtics", 2),
         ("espn", "Seattle Storm", 1)],
    )  # fmt: skip
    def test_that_is_none_rejects_its_game_alone(self, load, source, old, row, wrong):
        before = load(source, GOOD[source][1]).report["rejected"]
        told = load(source, changed(source, old, wrong, 9))
        assert any(line.startswith(f"{row} ") for line in told.lines)
        games = GOOD[source][1].count(old.encode()) if source == "espn" else 1
        assert before < told.report["rejected"] <= before + games
        assert told.report["unchanged"] + told.report["parked"] + told.report["loaded"] >= 1

    def test_that_no_table_holds_rejects_the_records_that_hold_it(self, load):
        """Whatever a connector lets through: the tables' own refusal costs no other record."""
        body = json.loads(GOOD["betfair_api"][1])
        other = json.dumps(body).replace("900000001", "900000777").replace("31000001", "31000777")
        spoiled = other.replace("Plum Duff", "A\\u0000b").replace("Custard Hill", "Jelly Hill")
        told = load("betfair_api", json.dumps(body + json.loads(spoiled)).encode())
        assert (told.report["loaded"], told.report["rejected"]) == (2, 2)
        assert [line[:44] for line in told.lines] == [
            "3 : values that the tables can hold: Postgre",
            "4 : values that the tables can hold: Postgre",
        ]


class TestAnArchive:
    GAME = payload("betfair_stream", "1.900000001")
    OTHER = payload("betfair_stream", "1.900000002")

    def test_reads_nothing_under_a_name_that_leads_out_of_it(self, load):
        body = tarred(**{"../1.900000001": self.GAME, "ok/1.900000001": self.GAME})
        told = load("betfair_stream", body, "r.tar")
        assert told.report["rows"] == 10
        assert told.lines == ["None : a name that stays within the archive, not '../1.900000001'"]

    def test_that_is_cut_brings_what_is_whole(self, load):
        body = tarred(**{"1.900000001": self.GAME, "1.900000002": self.OTHER})
        told = load("betfair_stream", body[:-12_000], "r.tar")
        assert told.report["rows"] == 10
        assert told.lines == ["None : a whole archive, not one that is cut after 1 files"]

    def test_within_others_is_read_as_far_as_three_deep(self, load):
        body = gzip.compress(zipped(**{"a/1.900000001.gz": gzip.compress(self.GAME)}))
        assert load("betfair_stream", body, "r.zip.gz").report["rows"] == 10
        for _ in range(2):
            body = gzip.compress(body)
        told = load("betfair_stream", body, "r.zip.gz")
        assert told.lines == ["None : archives within archives up to 3 deep"]
