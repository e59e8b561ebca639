"""What came once and must never do harm: each bad input with the words that it is answered by.

Through the two widest doors: JSON as The Odds API writes it, and CSV by a mapping.
"""

import io
import json
import unicodedata

import pytest

from markets.connectors.base import Reading
from markets.connectors.csv_import import CsvImport
from markets.connectors.odds_api import OddsApi
from markets.models import Event, Fetch, ImportMapping, ParkedRow, Participant, Source
from markets.services import ingesting, sources
from tests.markets.builders import NOW
from tests.markets.sources.mapped import BASIC

SPEC = {**BASIC, "creates_names": True}
NBA = {"home_team": "Boston Celtics", "away_team": "Dallas Mavericks"}


def a_game(home="-220", **fields):
    """Return a payload of one game; ``home`` is the home side's price as it stands in the JSON."""
    outcomes = [
        {"name": fields.get("home_team", NBA["home_team"]), "price": "PRICE"},
        {"name": NBA["away_team"], "price": 180},
    ]
    market = {"key": "h2h", "outcomes": outcomes}
    book = {"key": "fanduel", "last_update": "2024-06-01T11:59:00Z", "markets": [market]}
    game = {
        "id": "g1", "sport_key": "basketball_nba", "commence_time": "2024-06-03T00:00:00Z",
        **NBA, "bookmakers": [book], **fields,
    }  # fmt: skip
    return json.dumps([game]).replace('"PRICE"', home).encode()


def asked(payload):
    return OddsApi().parse(payload, name="nba.json", fetched_at=NOW)


def mapped(payload):
    if isinstance(payload, str):
        payload = payload.encode()
    reading = Reading("hove.csv", NOW, options={"spec": SPEC})
    (batch,) = CsvImport().read(io.BytesIO(payload), reading=reading)
    return batch


def a_file(*, day="2024-05-20 15:00", home="Alders", h="2.10", hg="2"):
    return f"day,home,away,h,d,a,hg,ag\n{day},{home},Birches,{h},3.40,3.60,{hg},1\n"


def priced(batch):
    """Return the answers that have a price."""
    columns = batch.all_prices()
    return {columns.keys[key][6] for key in columns.key.tolist()}


def told(batch):
    return [problem.message for problem in batch.problems]


class TestAPriceInJson:
    @pytest.mark.parametrize(
        "price",
        [
            "-0", "0", "-2", "99", "1.0", "true", "null", "[]", "{}", '""', '"5/2"', '"٢٫١"',
            '"１５０"', "9223372036854775808", "1" * 30, '"1_000"', '"10,50"',
        ],
    )  # fmt: skip
    def test_that_is_none_is_told_and_its_game_stays(self, price):
        batch = asked(a_game(price))
        assert (batch.records, len(batch.events)) == (1, 1)
        assert priced(batch) == {"AWAY"}
        (message,) = told(batch)
        assert "American odds from 100 to 99900 or to -100" in message

    @pytest.mark.parametrize(
        ("price", "thousandths"), [("-110.5", 1905), ('"+150"', 2500), ("1001", 11010)]
    )
    def test_that_is_odd_but_right_is_read(self, price, thousandths):
        assert asked(a_game(price)).all_prices().price[0] == thousandths

    @pytest.mark.parametrize("price", ["10,50", "1_000", "0x10", "+150"])
    def test_that_is_no_json_spoils_its_payload(self, price):
        batch = asked(a_game(price))
        assert (batch.records, len(batch.events)) == (0, 0)
        assert told(batch)[0].startswith("whole JSON in UTF-8")

    @pytest.mark.parametrize("price", ["NaN", "-Infinity", "1e400", "9" * 5_000])
    def test_that_no_computer_holds_is_told_and_its_game_stays(self, price):
        batch = asked(a_game(price))
        assert (batch.records, len(batch.events), priced(batch)) == (1, 1, {"AWAY"})
        assert told(batch)[0].endswith(f"not '{price[:40]}'")


class TestADocument:
    @pytest.mark.parametrize(
        ("payload", "expected"),
        [
            (b"", "JSON, not an empty payload"),
            (b" \n", "JSON, not an empty payload"),
            (b"<html>moved</html>", "JSON, not a web page"),
            (b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]>", "JSON, not a web page"),
            (a_game().decode().encode("utf-16"), "JSON in UTF-8, not in UTF-16"),
            (b"\x1f\x8b\x08", "JSON, not an archive"),
            (b"[" * 100_000, "JSON nested 64 deep at most"),
            (b"null", "JSON: object, not null"),
            (b"7", "JSON: object, not int"),
            (a_game() + b"{}", "whole JSON in UTF-8: JSON is malformed: trailing characters"),
            (b"\0" * 9, "whole JSON in UTF-8: JSON is malformed: invalid character"),
        ],
    )
    def test_that_is_none_is_one_problem_of_no_row(self, payload, expected):
        batch = asked(payload)
        assert (batch.records, len(batch.events)) == (0, 0)
        assert [problem.row for problem in batch.problems] == [None]
        assert told(batch)[0].startswith(expected)

    def test_that_is_cut_at_any_byte_brings_nothing(self):
        whole = a_game()
        for at in range(len(whole)):
            batch = asked(whole[:at])
            assert (len(batch.events), len(batch.problems)) == (0, 1), at

    def test_with_a_mark_of_its_byte_order_is_read(self):
        assert len(asked(b"\xef\xbb\xbf" + a_game()).events) == 1

    @pytest.mark.parametrize("wrong", [b"B\xffston", b"\\ud800", b"\\u0000", b"B" * 121])
    def test_with_a_name_that_is_no_text_rejects_that_game_alone(self, wrong):
        batch = asked(a_game().replace(b"Boston", wrong))
        assert [problem.is_rejection for problem in batch.problems] == [True]


class TestAMoment:
    @pytest.mark.parametrize(
        ("moment", "expected"),
        [
            ("2024-06-03T00:00:00", "a time with its offset"),
            ("03/06/2024", "a time with its offset"),
            ("2024-06-03T25:61:00Z", "a time with its offset"),
            ("2024-06-03T00:00:60Z", "a time with its offset"),
            ("0001-01-01T00:00:00Z", "a year from 1970 to 2100"),
            ("9999-12-31T23:59:59Z", "a year from 1970 to 2100"),
            (1717372800000000000, "seconds or milliseconds since 1970"),
            (-1, "seconds or milliseconds since 1970"),
        ],
    )
    def test_that_is_none_rejects_its_game(self, moment, expected):
        batch = asked(a_game(commence_time=moment))
        assert [problem.is_rejection for problem in batch.problems] == [True]
        assert expected in told(batch)[0]

    def test_in_seconds_and_in_milliseconds_is_the_same(self):
        starts = {
            asked(a_game(commence_time=moment)).events[0].starts_at
            for moment in (1717372800, 1717372800000, "2024-06-03T00:00:00Z")
        }
        assert len(starts) == 1

    @pytest.mark.parametrize(
        "day", ["2024-03-31 01:30", "31/02/2024", "2024-13-01", "9999-01-01", "", "noon"]
    )
    def test_in_a_file_that_no_clock_shows_rejects_its_row(self, day):
        batch = mapped(a_file(day=day))
        assert (batch.records, len(batch.events)) == (1, 0)
        assert batch.problems[0].is_rejection
        assert batch.problems[0].row == 2


class TestACell:
    @pytest.mark.parametrize(
        "price",
        ["NaN", "1e400", "-0", "1" * 30, "1_000", "٢٫١", "２.５", "true", "1.0", "0", "-2", "EVS"],
    )
    def test_that_is_no_price_is_told_and_its_row_stays(self, price):
        batch = mapped(a_file(h=price))
        assert (batch.records, len(batch.events), len(batch.results)) == (1, 1, 1)
        assert batch.problems
        assert not any(problem.is_rejection for problem in batch.problems)
        assert "HOME" not in priced(batch)

    @pytest.mark.parametrize("score", ["W/O", "3-2 AET (4-3 pens)", "-1", "2.5", "１", "1e3"])
    def test_that_is_no_score_brings_no_result(self, score):
        batch = mapped(a_file(hg=score))
        assert (len(batch.events), len(batch.results)) == (1, 0)
        assert batch.problems


class TestAFile:
    @pytest.mark.parametrize(
        "payload",
        [
            b"", b"<html>moved</html>", b"\xff\xfed\0a\0y\0", b"PK\x03\x04", b"PAR1 no parquet",
            b"day;home;away\n1;2;3\n", b"\0" * 100,
        ],
    )  # fmt: skip
    def test_that_is_none_is_a_problem_of_no_row(self, payload):
        batch = mapped(payload)
        assert (batch.records, len(batch.events)) == (0, 0)
        assert batch.problems[0].row is None

    def test_with_a_field_without_end_or_a_million_columns_hangs_nobody(self):
        assert mapped(a_file(home="x" * 5_000_000)).problems
        assert mapped(b"day," + b"x," * 1_000_000 + b"\n").problems


HOSTILE = [
    "<script>alert(1)</script>", "{{ 7 * 7 }}", "{% load x %}", "=HYPERLINK(\"x\")", "@SUM(1)",
    "../../etc/passwd", "Robert'); DROP TABLE x;--", "İstanbul", "ﬃ", "Ａlders", "Аlders",
    "Al\u0301ders", "Al\u200bders", "\u202esredlA", "A\0lders", "A" * 121, "NULL", "\ud7ff", "🦊",
]  # fmt: skip


@pytest.mark.django_db
class TestAName:
    @pytest.fixture(autouse=True)
    def mapping(self, settings, tmp_path):
        settings.ARCHIVE_DIR = tmp_path / "archive"
        sources.ensure_default_sources(now=NOW)
        ImportMapping.objects.create(
            name="hove", title="Hove", file_pattern="hove*.csv", spec=SPEC, changed_by="t",
            changed_at=NOW,
        )  # fmt: skip

    def ingest(self, code, path):
        report = ingesting.ingest(source_code=code, path=str(path), actor="cli:t", now=NOW)
        ends = [report[end] for end in ("loaded", "unchanged", "parked", "rejected")]
        assert sum(ends) == report["rows"]
        return report

    @pytest.mark.parametrize("name", HOSTILE)
    def test_is_kept_as_text_parked_or_refused_and_breaks_nothing(self, tmp_path, name):
        path = tmp_path / "nba.json"
        path.write_bytes(a_game(home_team=name))
        report = self.ingest("odds_api", path)
        assert (report["rows"], report["loaded"]) == (1, 0)
        assert report["parked"] + report["rejected"] == 1
        assert Event.objects.count() == 0
        assert ParkedRow.objects.count() == report["parked"]
        assert Fetch.objects.get().rows_read == 1

    def test_is_never_merged_with_one_that_only_looks_the_same(self, tmp_path):
        twins = ["Alders", "Аlders", "Ａlders", "ALDERS", "Alders FC", "Aldérs", "Alde\u0301rs"]
        rows = "".join(a_file(home=name).partition("\n")[2] for name in twins)
        path = tmp_path / "hove.csv"
        path.write_bytes(f"day,home,away,h,d,a,hg,ag\n{rows}".encode())
        self.ingest("csv", path)
        names = set(Participant.objects.values_list("name", flat=True)) - {"Birches"}
        assert names == {unicodedata.normalize("NFC", name) for name in twins}
        assert len(names) == len(twins) - 1

    def test_of_a_source_that_may_not_make_names_makes_none(self, tmp_path):
        assert not Source.objects.get(code="odds_api").creates_names
        path = tmp_path / "nba.json"
        path.write_bytes(a_game(home_team="Bostn Celtics"))
        assert self.ingest("odds_api", path)["parked"] == 1
        assert not Participant.objects.filter(name="Bostn Celtics").exists()
