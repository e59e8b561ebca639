from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from markets import queries
from markets.connectors.base import ParsedBook, ParsedLadder
from markets.models import (
    Book,
    Competition,
    Event,
    LadderSnapshot,
    Market,
    Participant,
    Season,
    Selection,
    Sport,
)
from markets.services import laddering, recording
from tests.markets.builders import NOW, START, a_batch, a_source

pytestmark = pytest.mark.django_db
SEEN = datetime(2031, 3, 4, 3, 20, tzinfo=UTC)
FETCHED = datetime(2031, 3, 4, 12, 0, tzinfo=UTC)


def offers(*pairs):
    return tuple((Decimal(price), Decimal(size)) for price, size in pairs)


def a_ladder(*, runner="#101", seconds=0, record=1, book="exchange", **fields):
    values = {
        "back": offers(("2.500", "10.00"), ("2.400", "30.00")),
        "lay": offers(("2.600", "5.00")),
        "last_traded": Decimal("2.540"),
        "matched": Decimal("99.50"),
        **fields,
    }
    seen_at = SEEN + timedelta(seconds=seconds)
    return ParsedLadder("race", "WIN", runner, book, seen_at, record=record, **values)


@pytest.fixture
def selection():
    sport = Sport.objects.create(code="horse_racing", name="Horse racing")
    track = Competition.objects.create(sport=sport, code="au-custard-hill", name="Custard Hill")
    season = Season.objects.create(competition=track, label="2031")
    horse = Participant.objects.create(sport=sport, name="Plum Duff", kind="RUNNER")
    event = Event.objects.create(
        competition=track, season=season, name="Custard Hill R3", starts_at=SEEN,
        meeting_date=SEEN.date(), race_number=3,
    )  # fmt: skip
    market = Market.objects.create(event=event, kind="WIN")
    return Selection.objects.create(
        market=market, role="RUNNER", participant=horse, name="Plum Duff"
    )


@pytest.fixture
def book():
    return Book.objects.create(code="exchange", name="The exchange", kind="EXCHANGE")


@pytest.fixture
def record(selection, book):
    told = []

    def record(*ladders, fetched_at=FETCHED):
        return laddering.record_ladders(
            ladders=ladders,
            selections={laddering.key_of(a_ladder()): selection.pk},
            books={"exchange": book.pk},
            fetched_at=fetched_at,
            tell=lambda field, message, row=None: told.append((field, message, row)),
        )

    record.told = told
    return record


class TestRecordLadders:
    def test_stores_both_sides_best_first(self, record, selection):
        counts = record(a_ladder())
        row = LadderSnapshot.objects.get()
        assert (counts.new, counts.unchanged, counts.changed_records) == (1, 0, {1})
        assert (row.selection_id, row.seen_at, row.fetched_at) == (selection.pk, SEEN, FETCHED)
        assert row.back_prices == [Decimal("2.500"), Decimal("2.400")]
        assert row.back_sizes == [Decimal("10.00"), Decimal("30.00")]
        assert (row.lay_prices, row.lay_sizes) == ([Decimal("2.600")], [Decimal("5.00")])
        assert (row.last_traded, row.matched) == (Decimal("2.540"), Decimal("99.50"))

    def test_twice_is_once(self, record):
        record(a_ladder(), a_ladder(seconds=5, record=2))
        again = record(a_ladder(), a_ladder(seconds=5, record=2), a_ladder(seconds=9, record=3))
        assert (again.new, again.unchanged, again.changed_records) == (1, 2, {3})
        assert LadderSnapshot.objects.count() == 3

    def test_never_rewrites_a_moment(self, record):
        record(a_ladder())
        counts = record(a_ladder(back=offers(("9.000", "1.00"))))
        assert (counts.new, LadderSnapshot.objects.get().back_prices[0]) == (0, Decimal("2.500"))

    def test_keeps_an_empty_side_and_what_was_not_told(self, record):
        record(a_ladder(back=(), lay=(), last_traded=None, matched=None))
        row = LadderSnapshot.objects.get()
        assert (row.back_prices, row.lay_sizes, row.last_traded, row.matched) == (
            [],
            [],
            None,
            None,
        )

    @pytest.mark.parametrize("unresolved", [{"runner": "#999"}, {"book": "nobody"}])
    def test_leaves_out_whom_nobody_knows(self, record, unresolved):
        counts = record(a_ladder(**unresolved))
        assert (counts.new, counts.refused_records, record.told) == (0, frozenset(), [])

    def test_understands_a_selection_that_stands_for_nobody(self, book):
        counts = laddering.record_ladders(
            ladders=[a_ladder()],
            selections={laddering.key_of(a_ladder()): laddering.NOBODY},
            books={"exchange": book.pk},
            fetched_at=FETCHED,
            tell=lambda field, message, row=None: None,
        )
        assert counts == laddering.LadderCounts()

    @pytest.mark.parametrize(
        ("fields", "why", "message"),
        [
            ({"back": offers(("1.000", "5"))}, "at or below 1",
             "prices above 1 and up to 1000 in a ladder"),
            ({"lay": offers(("1001", "5"))}, "above 1000",
             "prices above 1 and up to 1000 in a ladder"),
            ({"back": offers(("2", "0"))}, "no order book that can be",
             "sizes above 0 and up to 999999999999.99 in a ladder"),
            ({"back": offers(*[("2", "1")] * 4)}, "no order book that can be",
             "the best 3 offers of each side, not 4"),
            ({"seconds": 9 * 3600}, "in the future",
             "a time in the past, not 2031-03-04 12:20:00 UTC"),
        ],
        ids=["low", "high", "no size", "too many", "in the future"],
    )  # fmt: skip
    def test_refuses_what_no_ladder_can_be_and_stores_the_rest(self, record, fields, why, message):
        counts = record(a_ladder(record=7, **fields), a_ladder(seconds=5))
        assert (counts.new, counts.refused_records, counts.refused) == (1, {7}, {why: 1})
        assert record.told == [("ladder", message, 7)]

    def test_makes_the_partitions_of_its_months(self, record):
        month = 60 * 60 * 24 * 40
        later = FETCHED + timedelta(seconds=month)
        record(a_ladder(), a_ladder(seconds=month), fetched_at=later)
        with connection.cursor() as cursor:
            cursor.execute("SELECT DISTINCT tableoid::regclass::text FROM markets_laddersnapshot")
            names = sorted(name for (name,) in cursor.fetchall())
        assert names == ["markets_laddersnapshot_2031_03", "markets_laddersnapshot_2031_04"]

    def test_needs_as_many_queries_for_many_as_for_one(self, record, django_assert_num_queries):
        record(a_ladder())
        with django_assert_num_queries(5):
            record(*(a_ladder(seconds=n) for n in range(1, 300)))


class TestBestOffers:
    def test_shows_what_stood_at_a_moment(self, record, selection, book):
        record(a_ladder(), a_ladder(seconds=10, back=offers(("2.7", "3"))))
        frame = queries.best_offers(selection_ids=[selection.pk], as_of=SEEN + timedelta(seconds=9))
        (row,) = frame.to_dict("records")
        assert (row["back_price"], row["back_size"], row["lay_price"]) == (2.5, 10.0, 2.6)
        assert (row["book_id"], row["last_traded"], row["matched"]) == (book.pk, 2.54, 99.5)

    def test_knows_nothing_of_later(self, record, selection):
        record(a_ladder(seconds=1))
        assert queries.best_offers(selection_ids=[selection.pk], as_of=SEEN).empty

    def test_forgets_offers_that_nobody_told_of_for_days(self, record, selection):
        record(a_ladder())
        later = SEEN + timedelta(days=3)
        assert queries.best_offers(selection_ids=[selection.pk], as_of=later).empty


class TestLadderHistory:
    def test_is_newest_first_within_its_window(self, record, selection):
        record(*(a_ladder(seconds=n) for n in range(5)))
        found = queries.ladder_history(
            selection_id=selection.pk,
            since=SEEN + timedelta(seconds=1),
            until=SEEN + timedelta(seconds=4),
        )
        assert [(row.seen_at - SEEN).seconds for row in found] == [3, 2, 1]

    def test_goes_by_moment_and_book(self, record, selection):
        record(*(a_ladder(seconds=n) for n in range(3)))
        as_of = SEEN + timedelta(seconds=1)
        of_book = queries.ladder_history(
            selection_id=selection.pk, as_of=as_of, book_code="exchange"
        )
        assert of_book.first().seen_at == as_of
        assert not queries.ladder_history(selection_id=selection.pk, book_code="other").exists()


class TestALoad:
    """What ``recording`` counts of order books that the gate turns away."""

    def load(self, *ladders):
        exchange = ParsedBook("exchange", "The exchange", kind="EXCHANGE")
        batch = replace(a_batch(), ladders=ladders, books=[exchange], records=len(ladders))
        return recording.record(batch=batch, source=a_source(), now=NOW)

    def a_ladder(self, record, **fields):
        values = {"kind": "MATCH_ODDS", "runner": "", "role": "HOME", **fields}
        return ParsedLadder(
            "one", values.pop("kind"), values.pop("runner"), "exchange",
            START - timedelta(seconds=record), record=record,
            **{"back": offers(("2.5", "10")), **values},
        )  # fmt: skip

    def test_counts_them_by_the_reason_beside_the_prices(self):
        counts = self.load(
            self.a_ladder(1),
            self.a_ladder(2, back=offers(("1", "10"))),
            self.a_ladder(3, lay=offers(("1", "10"))),
            self.a_ladder(4, lay=offers(("2000", "10"))),
            self.a_ladder(5, back=offers(("2", "0"))),
            self.a_ladder(6, role="OVER"),
            self.a_ladder(7, role="OVER"),
            self.a_ladder(8, kind="TOTAL", role="OVER", line=Decimal("2.3")),
        )
        assert counts.prices.refused == {
            "at or below 1": 2,
            "above 1000": 1,
            "no order book that can be": 1,
            "no market that is known": 2,
            "no line of its market": 1,
        }
        assert (LadderSnapshot.objects.count(), counts.rows.loaded) == (1, 1)

    def test_counts_none_where_all_are_stored(self):
        assert self.load(self.a_ladder(1)).prices.refused == {}
