"""What a bad row, text or archive is answered by: through the real load, source by source."""

import gzip
import json

import pytest

from tests.markets.bad_files import CSV, GOOD, JSON, changed, loader
from tests.markets.sources.payloads_of import payload
from tests.markets.sources.test_tennis_data import workbook
from tests.markets.test_containers import tarred, zipped

pytestmark = pytest.mark.django_db


@pytest.fixture
def load(settings, tmp_path):
    return loader(settings, tmp_path)


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
