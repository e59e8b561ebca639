"""What a mapping may say, and what is wrong with one that cannot be used."""

import contextlib
from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from markets.domain import mapped_cells, mapping
from markets.domain.mapped_cells import BadCell, Cells
from markets.domain.mapping import BadMapping
from markets.domain.mapping_spec import (
    Data,
    Line,
    MappingSpec,
    Pick,
    Price,
    Season,
    Seen,
    Sign,
    Time,
)

SPEC = {
    "sport": "soccer",
    "competition": {"code": "HOVE", "name": "Hove League"},
    "season": {"rule": "BY_DATE", "turns": 7},
    "time": {"date": "day", "time": "kick", "zone": "Europe/London"},
    "sides": {"home": "home", "away": "away"},
    "prices": [
        {"kind": "MATCH_ODDS", "role": "HOME", "book": "hove", "column": "h", "mark": "CLOSE"}
    ],
}


def spec(**changes):
    return {**SPEC, **changes}


def price(**changes):
    return spec(prices=[{**SPEC["prices"][0], **changes}])


def cells(**values):
    """Return one record with these cells, read by a mapping of the usual kind."""
    of = MappingSpec(sport="soccer", decimal=values.pop("decimal", "."), blanks=["NA"])
    return Cells({name: at for at, name in enumerate(values)}, list(values.values()), of)


class TestRead:
    def test_takes_a_mapping_and_gives_it_back_as_json(self):
        read = mapping.read(SPEC)
        assert mapping.read(mapping.plain(read)) == read
        assert mapping.read(msgspec.json.encode(SPEC)) == read

    @pytest.mark.parametrize(
        "wrong, where",
        [
            ({"sport": 7}, "$.sport"),
            (spec(colour="red"), "colour"),
            (spec(sides={"home": "h"}), "away"),
            (price(format="ROMAN"), "ROMAN"),
            (price(column=None), "$.prices[0].column"),
            (spec(season={"rule": "ABOUT"}), "ABOUT"),
            (b"[]", "array"),
            (b"{", "truncated"),
            (b"\xff", "malformed"),
            (spec(sport="soc\0cer"), "text that can be kept"),
            (spec(sport="\ud800"), "text that can be kept"),
        ],
    )
    def test_says_where_one_is_no_mapping(self, wrong, where):
        with pytest.raises(
            BadMapping, match="(?i)" + where.replace("$", r"\$").replace("[", r"\[")
        ):
            mapping.read(wrong)

    @given(
        some.recursive(
            some.none() | some.booleans() | some.integers() | some.text(max_size=5),
            lambda inner: (
                some.lists(inner, max_size=3)
                | some.dictionaries(some.sampled_from([*SPEC, "column", "kind"]), inner, max_size=4)
            ),
            max_leaves=12,
        )
    )
    def test_breaks_on_nothing(self, document):
        with contextlib.suppress(BadMapping):
            read = mapping.read(document if isinstance(document, dict) else {"sport": document})
            assert mapping.flaws(read) == []


class TestFlaws:
    @pytest.mark.parametrize(
        "wrong, expected",
        [
            (spec(sides=None), "sides, a race, or the id of an event"),
            (spec(competition=None), "competition: whose events"),
            (spec(season=None), "season: where its label"),
            (spec(time=None), "time: when an event starts"),
            (spec(race={"number": "n"}), "either sides or a race"),
            (spec(sides=None, event={"column": "id"}), "creates_events: false"),
            (spec(time={"date": "d", "zone": "Mars/Olympus"}), "time.zone: a time zone"),
            (spec(time={"date": ""}), "time.date: a column"),
            (spec(season={"rule": "LABEL"}), "season: a column"),
            (spec(season={"rule": "BY_DATE", "turns": 13}), "season.turns"),
            (spec(competition={"code": "a b"}), "competition.code"),
            (spec(competition={"code": "x", "time_zone": "UT"}), "competition.time_zone"),
            (spec(delimiter=";;"), "delimiter: one character"),
            (spec(decimal=","), "decimal: another character"),
            (spec(encoding="utf-16"), "encoding: one of"),
            (spec(encoding="rot13"), "encoding: one of"),
            (spec(prices=[]), "something to read"),
            (spec(books=[{"code": "a b", "name": "x"}]), "books[0]"),
            (spec(books=[{"code": "a", "name": "x", "reference_rank": 0}]), "reference_rank"),
            (price(kind="COIN_TOSS"), "prices[0].kind"),
            (price(kind="PLAYER_TOTAL"), "prices[0].kind"),
            (price(role="OVER"), "prices[0].role"),
            (price(role={"column": "r"}), "prices[0].role"),
            (price(role={"column": "r", "map": {"1": "NOBODY"}}), "prices[0].role"),
            (price(period="Q9"), "prices[0].period"),
            (price(line={"column": "x"}), "prices[0].line: none"),
            (price(kind="TOTAL", role="OVER"), "prices[0].line: one"),
            (price(kind="TOTAL", role="OVER", line={}), "either a column or a value"),
            (price(kind="TOTAL", role="OVER", line={"value": "2.6"}), "a number in quarters"),
            (price(kind="TEAM_TOTAL", role="OVER", line={"value": "1.5"}), "of: HOME or AWAY"),
            (price(kind="WIN", role="RUNNER"), "WIN without a runner"),
            (price(book="a b"), "book: a code"),
            (price(mark="NONE"), "seen: when the price was shown"),
            (price(seen={}), "seen: one of"),
            (price(seen={"clock": "25:00"}), "seen.clock"),
            (price(seen={"minutes_before_start": -1}), "seen.minutes_before_start"),
            (spec(runner={}), "runner: a column"),
            (spec(result={"home": "a", "away": "b", "half": ["c"]}), "two columns"),
            (spec(result={"home": "a", "away": "b", "overtime": "OT"}), "result.overtime"),
            (
                spec(result={"home": "a", "away": "b", "known_after_hours": -1}),
                "result.known_after_hours",
            ),
        ],
    )
    def test_name_what_is_wrong(self, wrong, expected):
        with pytest.raises(BadMapping) as told:
            mapping.read(wrong)
        assert expected in str(told.value)


class TestNumber:
    @pytest.mark.parametrize("text, value", [("-1.5", "-1.5"), ("+7", "7"), ("007", "7")])
    def test_is_read_as_it_stands(self, text, value):
        assert mapped_cells.number(cells(a=text), "a") == Decimal(value)

    @pytest.mark.parametrize("text", ["", "  ", "NA"])
    def test_is_none_where_the_cell_is_blank(self, text):
        assert mapped_cells.number(cells(a=text), "a") is None

    @pytest.mark.parametrize(
        "text",
        ["NaN", "Infinity", "1e400", "1_000", "1,000", "10,50", "٢", "２", "0x10", "1 000", "true"],
    )
    def test_is_no_other_way_of_writing_one(self, text):
        with pytest.raises(BadCell, match="a number"):
            mapped_cells.number(cells(a=text), "a")

    def test_has_a_decimal_comma_where_the_mapping_says_so(self):
        assert mapped_cells.number(cells(a="10,50", decimal=","), "a") == Decimal("10.50")
        with pytest.raises(BadCell):
            mapped_cells.number(cells(a="10.50", decimal=","), "a")


class TestPrice:
    def read(self, text, format="DECIMAL", **changes):
        of = Price("MATCH_ODDS", "HOME", "hove", "a", format=format)
        return mapped_cells.price(cells(a=text, **changes), of)

    @pytest.mark.parametrize(
        "text, form, value",
        [
            ("1.9", "DECIMAL", "1.900"),
            ("+150", "AMERICAN", "2.500"),
            ("-110", "AMERICAN", "1.909"),
            ("5/2", "FRACTIONAL", "3.500"),
            ("evs", "FRACTIONAL", "2.000"),
        ],
    )
    def test_is_read_in_its_format(self, text, form, value):
        assert self.read(text, form) == Decimal(value)

    def test_has_a_decimal_comma_where_the_mapping_says_so(self):
        assert self.read("1,9", decimal=",") == Decimal("1.900")

    @pytest.mark.parametrize(
        "text, form",
        [
            ("1.0", "DECIMAL"), ("0", "DECIMAL"), ("-2", "DECIMAL"), ("1001", "DECIMAL"),
            ("NaN", "DECIMAL"), ("5/2", "DECIMAL"), ("8", "AMERICAN"), ("-99", "AMERICAN"),
            ("5/0", "FRACTIONAL"), ("2.5", "FRACTIONAL"),
        ],
    )  # fmt: skip
    def test_is_refused_where_no_book_can_mean_it(self, text, form):
        with pytest.raises(BadCell) as wrong:
            self.read(text, form)
        assert wrong.value.column == "a"


class TestSigned:
    def test_takes_its_sign_from_another_column(self):
        of = Line("line", sign=Sign("fav", ["home"]))
        assert mapped_cells.signed(cells(line="3.5", fav="home"), of) == Decimal("-3.5")
        assert mapped_cells.signed(cells(line="3.5", fav="away"), of) == Decimal("3.5")

    def test_is_not_guessed_where_nothing_tells_the_sign(self):
        of = Line("line", sign=Sign("fav", ["home"]))
        with pytest.raises(BadCell):
            mapped_cells.signed(cells(line="3.5", fav=""), of)
        assert mapped_cells.signed(cells(line="0", fav=""), of) == 0

    def test_is_turned_where_the_mapping_turns_it(self):
        assert mapped_cells.signed(cells(line="3"), Data("k", "line", negate=True)) == -3


class TestStartsAt:
    def read(self, of, **values):
        return mapped_cells.starts_at(cells(**values), of, zone="UTC")

    def test_is_by_the_clocks_of_its_zone(self):
        of = Time("d", "t", date_format="%d/%m/%Y", zone="Europe/London")
        start, day = self.read(of, d="12/08/2026", t="15:00")
        assert (start, day) == (datetime(2026, 8, 12, 14, tzinfo=UTC), date(2026, 8, 12))

    def test_is_noon_where_only_the_day_is_known(self):
        start, day = self.read(Time("d", zone="America/New_York", certainty="DATE"), d="2026-01-05")
        assert (start, day) == (datetime(2026, 1, 5, 17, tzinfo=UTC), date(2026, 1, 5))

    @pytest.mark.parametrize(
        "text, form",
        [("2026-01-05T12:00:00Z", ""), ("1767614400", ""), ("2026-01-05 13:00 +0100",
                                                            "%Y-%m-%d %H:%M %z")],
    )  # fmt: skip
    def test_is_a_stamp_where_the_column_has_one(self, text, form):
        start, _ = self.read(Time("d", date_format=form), d=text)
        assert start == datetime(2026, 1, 5, 12, tzinfo=UTC)

    @pytest.mark.parametrize(
        "day, clock",
        [
            ("2026-02-30", "15:00"), ("12/08/2026", "15:00"), ("", "15:00"),
            ("0001-01-01", "15:00"),
            ("9999-01-01", "15:00"), ("2026-08-12", "25:00"), ("2026-08-12", "15:00:60"),
            ("2026-08-12", ""), ("2026-03-29", "01:30"), ("2026-08-12T15:00", "noon"),
            ("٢٠٢٦-08-12", "15:00"),
        ],
    )  # fmt: skip
    def test_is_refused_where_no_clock_showed_it(self, day, clock):
        with pytest.raises(BadCell):
            self.read(Time("d", "t", zone="Europe/London"), d=day, t=clock)

    def test_takes_the_first_of_a_doubled_hour(self):
        start, _ = self.read(Time("d", "t", zone="Europe/London"), d="2026-10-25", t="01:30")
        assert start == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


class TestSeenAt:
    START = datetime(2026, 8, 12, 14, tzinfo=UTC)

    def read(self, seen, **values):
        of = Price("MATCH_ODDS", "HOME", "hove", "a", mark="CLOSE", seen=seen)
        return mapped_cells.seen_at(
            cells(**values), of, start=self.START, day=date(2026, 8, 12), zone="Europe/London"
        )

    def test_is_a_minute_before_the_start_of_a_closing_price(self):
        assert self.read(None) == datetime(2026, 8, 12, 13, 59, tzinfo=UTC)

    def test_is_what_the_mapping_says(self):
        assert self.read(Seen(minutes_before_start=60)).hour == 13
        assert self.read(Seen(clock="09:00")) == datetime(2026, 8, 12, 8, tzinfo=UTC)
        assert self.read(Seen(column="at"), at="2026-08-12 10:00").hour == 9

    def test_is_refused_where_the_column_tells_no_moment(self):
        with pytest.raises(BadCell):
            self.read(Seen(column="at"), at="")


class TestSeason:
    @pytest.mark.parametrize(
        "rule, text, label",
        [
            ("LABEL", "2025/26", "2025/26"),
            ("START_YEAR", "1999", "1999-00"),
            ("END_YEAR", "2008", "2007-08"),
            ("YEAR", "2026", "2026"),
        ],
    )
    def test_comes_from_a_column(self, rule, text, label):
        assert mapped_cells.season(cells(s=text), Season(rule, "s"), day=None) == label

    @pytest.mark.parametrize("rule, text", [("YEAR", "26"), ("YEAR", ""), ("LABEL", "x" * 21)])
    def test_is_refused_where_the_column_tells_none(self, rule, text):
        with pytest.raises(BadCell):
            mapped_cells.season(cells(s=text), Season(rule, "s"), day=None)

    @pytest.mark.parametrize(
        "day, turns, label",
        [((2026, 6, 30), 7, "2025-26"), ((2026, 7, 1), 7, "2026-27"), ((2026, 12, 31), 1, "2026")],
    )
    def test_comes_from_the_day(self, day, turns, label):
        assert mapped_cells.by_date(date(*day), turns=turns) == label


class TestPicked:
    def test_is_translated_where_the_mapping_translates(self):
        of = Pick("side", {"1": "HOME", "2": "AWAY"})
        assert mapped_cells.picked(cells(side="2"), of) == "AWAY"
        with pytest.raises(BadCell, match="one of 1, 2"):
            mapped_cells.picked(cells(side="X"), of)


class TestName:
    def test_is_composed_with_single_spaces(self):
        assert mapped_cells.name(cells(a=" Ko\u0308ln  II "), "a") == "K\u00f6ln II"

    @pytest.mark.parametrize("text", ["", "a\u202eb", "a\u200bb", "x" * 121, "a\tb\x07"])
    def test_is_refused_where_it_cannot_be_read_by_people(self, text):
        with pytest.raises(BadCell):
            mapped_cells.name(cells(a=text), "a")


class TestDatum:
    @pytest.mark.parametrize(
        "kind, text, value",
        [
            ("TEXT", "Turf", "Turf"),
            ("TEXT", "", None),
            ("NUMBER", "3.0", 3),
            ("NUMBER", "3.5", 3.5),
            ("FLAG", "True", True),
            ("FLAG", "", False),
        ],
    )
    def test_is_kept_as_json_has_it(self, kind, text, value):
        assert mapped_cells.datum(cells(a=text), Data("k", "a", kind=kind)) == value

    @pytest.mark.parametrize("kind, text", [("NUMBER", "many"), ("FLAG", "perhaps")])
    def test_is_refused_where_it_is_none(self, kind, text):
        with pytest.raises(BadCell):
            mapped_cells.datum(cells(a=text), Data("k", "a", kind=kind))
