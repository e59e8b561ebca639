"""The rules of data quality on prices: what each speaks of, and what it leaves alone."""

from datetime import timedelta

import pytest
from django.db import connection

from markets.domain import kinds, quality_limits
from markets.models import LadderSnapshot, PriceSnapshot
from markets.services import partitions
from tests.markets.quality import (
    HOUR,
    MINUTE,
    NOW,
    a_book,
    a_source,
    an_event,
    found,
    quote,
)

DAY = 24 * HOUR
UNBOUNDED = {"EACH_WAY"}


def default(threshold):
    return threshold.default


class TestOverroundRange:
    @pytest.mark.parametrize("kind", kinds.ALL_KINDS)
    @pytest.mark.parametrize("book_kind", ["BOOKMAKER", "EXCHANGE", "AGGREGATE", "STARTING"])
    def test_holds_a_fair_market_of_every_kind(self, kind, book_kind):
        rows = {(row.kind, row.book_kind): row for row in quality_limits.bounds(read=default)}
        bounds = rows.get((kind, book_kind))
        assert (bounds is None) == (kind in UNBOUNDED)
        assert bounds is None or bounds.low <= 0.0 < bounds.high

    def test_stands_in_what_the_database_is_given(self):
        rows = {(row.kind, row.book_kind): row for row in quality_limits.bounds(read=default)}
        row = rows["DOUBLE_CHANCE", "EXCHANGE"]
        assert (row.low, row.high, row.answers, row.sums_to) == (-0.02, float("inf"), 3, 2)
        assert "EACH_WAY" not in {kind for kind, _ in rows}


@pytest.mark.django_db
class TestOverround:
    @pytest.mark.parametrize(
        ("kind", "book_kind", "prices", "is_odd"),
        [
            ("MATCH_ODDS", "BOOKMAKER", {"HOME": "2.1", "DRAW": "3.4", "AWAY": "3.6"}, False),
            ("MATCH_ODDS", "BOOKMAKER", {"HOME": "2.1", "DRAW": "3.4", "AWAY": "8.0"}, True),
            ("MATCH_ODDS", "BOOKMAKER", {"HOME": "1.5", "DRAW": "3.0", "AWAY": "3.0"}, True),
            ("MATCH_ODDS", "BOOKMAKER", {"HOME": "2.1", "DRAW": "8.4"}, False),  # not whole
            ("MATCH_ODDS", "EXCHANGE", {"HOME": "1.5", "DRAW": "2.0", "AWAY": "2.0"}, False),
            ("MATCH_ODDS", "EXCHANGE", {"HOME": "3.1", "DRAW": "3.4", "AWAY": "3.6"}, True),
            ("MATCH_ODDS", "AGGREGATE", {"HOME": "2.4", "DRAW": "3.7", "AWAY": "3.4"}, False),
            ("MATCH_ODDS", "AGGREGATE", {"HOME": "3.4", "DRAW": "3.7", "AWAY": "3.9"}, True),
            (
                "DOUBLE_CHANCE", "BOOKMAKER",
                {"HOME_DRAW": "1.33", "HOME_AWAY": "1.33", "DRAW_AWAY": "1.60"}, False,
            ),
            (
                "DOUBLE_CHANCE", "BOOKMAKER",
                {"HOME_DRAW": "2.4", "HOME_AWAY": "2.6", "DRAW_AWAY": "2.8"}, True,
            ),
            ("WIN", "BOOKMAKER", {"Kes": "3.5", "Owl": "2.5", "Rook": "3.0"}, False),
            ("WIN", "BOOKMAKER", {"Kes": "5.5", "Owl": "4.5", "Rook": "4.0"}, True),
            ("EACH_WAY", "BOOKMAKER", {"Kes": "5.5", "Owl": "9.5", "Rook": "9.0"}, False),
        ],
    )  # fmt: skip
    def test_speaks_of_whole_markets_out_of_their_range(self, kind, book_kind, prices, is_odd):
        quote(an_event(), kind, book_kind=book_kind, **prices)
        assert bool(found("overround")) == is_odd

    @pytest.mark.parametrize(("places", "is_odd"), [(2, False), (3, True), (None, False)])
    def test_goes_by_the_number_of_places(self, places, is_odd):
        prices = {"Kes": "1.8", "Owl": "1.5", "Rook": "1.6", "Daw": "2.2"}
        quote(an_event(), "PLACE", places=places, **prices)
        assert bool(found("overround")) == is_odd

    def test_says_where_and_how_much(self):
        quote(an_event(), HOME="2.1", DRAW="3.4", AWAY="8.0")
        (said,) = found("overround")
        assert said == ("Alders v Birches, 1X2, bet365: margin -10.47 %, believed are 0 to 20 %")

    def test_leaves_prices_of_two_moments_alone(self):
        event = an_event()
        quote(event, told=HOUR, HOME="2.1", DRAW="3.4")
        quote(event, told=MINUTE, AWAY="8.0")
        assert found("overround") == []

    @pytest.mark.parametrize("change", [{"status": "CANCELLED"}, {"starts_in": -HOUR},
                                        {"starts_in": 10 * DAY}])  # fmt: skip
    def test_leaves_what_is_not_open_alone(self, change):
        quote(an_event(**change), HOME="2.1", DRAW="3.4", AWAY="8.0")
        assert found("overround") == []

    def test_leaves_a_book_that_is_switched_off_alone(self):
        market = quote(an_event(), HOME="2.1", DRAW="3.4", AWAY="8.0")
        book = a_book()
        book.is_enabled = False
        book.save()
        assert found("overround") == []
        assert market.selections.count() == 3


@pytest.mark.django_db
class TestMissingSelection:
    def test_speaks_of_a_three_way_market_quoted_as_two_way(self):
        quote(an_event(), HOME="2.1", AWAY="1.8")
        (said,) = found("missing-selection")
        assert said.endswith("2 of 3 answers told, only AWAY, HOME")

    def test_speaks_of_an_answer_that_is_told_no_more(self):
        event = an_event()
        quote(event, told=HOUR, DRAW="3.3")
        quote(event, told=MINUTE, HOME="2.1", AWAY="3.8")
        assert len(found("missing-selection")) == 1

    def test_leaves_a_line_that_the_book_moved_away_from_alone(self):
        event = an_event()
        quote(event, "TOTAL", line="2.5", told=HOUR, OVER="1.9")
        quote(event, "TOTAL", line="2.75", told=MINUTE, OVER="1.9", UNDER="1.9")
        assert found("missing-selection") == []

    @pytest.mark.parametrize(
        ("kind", "book_kind", "prices"),
        [
            ("MONEYLINE", "EXCHANGE", {"HOME": "2.1"}),  # nobody offers the other side
            ("WIN", "BOOKMAKER", {"Kes": "2.1"}),  # as many as it cares to
            ("MONEYLINE", "BOOKMAKER", {"HOME": "2.1", "AWAY": "1.8"}),
        ],
    )
    def test_leaves_what_need_not_be_whole_alone(self, kind, book_kind, prices):
        quote(an_event(), kind, book_kind=book_kind, **prices)
        assert found("missing-selection") == []


@pytest.mark.django_db
class TestStalePrice:
    WHOLE = {"HOME": "2.1", "DRAW": "3.4", "AWAY": "3.6"}

    @pytest.mark.parametrize(
        ("told", "is_stale"), [(MINUTE, False), (29 * MINUTE, False), (32 * MINUTE, True)]
    )
    def test_speaks_of_a_book_three_cadences_behind_the_others(self, told, is_stale):
        event = an_event()
        quote(event, book="pinnacle", told=MINUTE, **self.WHOLE)
        quote(event, book="bet365", told=told, **self.WHOLE)
        assert bool(found("stale-price")) == is_stale

    def test_goes_by_the_slowest_source_that_knows_the_event(self):
        event = an_event()
        a_source("slow", cadence_seconds=86_400)
        event.refs.create(namespace="slow", ref="7")
        quote(event, book="pinnacle", told=MINUTE, **self.WHOLE)
        quote(event, book="bet365", told=2 * DAY, **self.WHOLE)
        assert found("stale-price") == []

    def test_speaks_of_an_event_behind_the_others_of_its_competition(self):
        quote(an_event(), told=HOUR, **self.WHOLE)
        quote(an_event("Cedars", "Dogwoods"), told=MINUTE, **self.WHOLE)
        (said,) = found("stale-price")
        assert said.startswith("Alders v Birches: last told 2026-03-14 11:00 UTC, 1.0 hours before")

    def test_leaves_a_source_that_is_silent_altogether_to_its_own_check(self):
        for home, away in (("Alders", "Birches"), ("Cedars", "Dogwoods")):
            quote(an_event(home, away), told=10 * HOUR, **self.WHOLE)
        assert found("stale-price") == []


@pytest.mark.django_db
class TestFrozenPrice:
    def world(self, *, others: int, moved: bool = True, frozen_for: timedelta = 5 * HOUR):
        """One book stands since long; the others went from 2.0 to 1.7 an hour ago."""
        partitions.ensure_ahead(now=NOW)
        event = an_event()
        quote(event, "MONEYLINE", book="bet365", since=frozen_for, HOME="2.0", AWAY="1.9")
        rows = []
        for i in range(others):
            market = quote(event, "MONEYLINE", book=f"book{i}", since=HOUR, HOME="1.7", AWAY="2.3")
            book = a_book(f"book{i}")
            for selection in market.selections.all():
                price = "1.9" if selection.role == "AWAY" else "2.0"
                was = price if moved else ("2.3" if selection.role == "AWAY" else "1.7")
                rows.append((selection.pk, book.pk, NOW - 9 * HOUR, was, NOW - 9 * HOUR, 0))
        with connection.cursor() as cursor:
            sql = "insert into markets_pricesnapshot (selection_id, book_id, seen_at, price,"
            cursor.executemany(f"{sql} fetched_at, mark) values (%s, %s, %s, %s, %s, %s)", rows)
        assert PriceSnapshot.objects.count() == len(rows)

    def test_speaks_of_a_fresh_stamp_that_stands_while_the_others_moved(self):
        self.world(others=3)
        (said,) = found("frozen-price")
        assert "bet365: unchanged since 2026-03-14 07:00 UTC, while 3 other books moved" in said

    @pytest.mark.parametrize(
        "how", [{"others": 2}, {"others": 3, "moved": False},
                {"others": 3, "frozen_for": HOUR}],
    )  # fmt: skip
    def test_leaves_a_book_alone_that_has_reason_to_stand(self, how):
        self.world(**how)
        assert found("frozen-price") == []


@pytest.mark.django_db
class TestCrossedLadder:
    def world(self, *, back: str, lay: str, book_kind: str = "EXCHANGE"):
        partitions.ensure_ahead(now=NOW)
        market = quote(
            an_event(), "MONEYLINE", book="betfair", book_kind=book_kind, HOME="2.0", AWAY="2.0"
        )
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into markets_laddersnapshot (selection_id, book_id, seen_at, back_prices,"
                " back_sizes, lay_prices, lay_sizes, fetched_at)"
                " values (%s, %s, %s, %s, '{1}', %s, '{1}', %s)",
                [
                    (market.selections.get(role="HOME").pk, a_book("betfair").pk, at, *prices, at)
                    for at, prices in (
                        (NOW - HOUR, ([2], [1])),  # what came later stands
                        (NOW - MINUTE, ([float(back)], [float(lay)])),
                    )
                ],
            )
        assert LadderSnapshot.objects.count() == 2

    @pytest.mark.parametrize(
        ("back", "lay", "is_crossed"),
        [("2.0", "2.02", False), ("2.02", "2.0", True), ("2.0", "2.0", True)],
    )
    def test_speaks_of_offers_that_would_be_matched_at_once(self, back, lay, is_crossed):
        self.world(back=back, lay=lay)
        assert bool(found("crossed-ladder")) == is_crossed


@pytest.mark.django_db
class TestArbitrage:
    @pytest.mark.parametrize(
        ("away", "told", "kind", "speaks"),
        [
            ("2.5", MINUTE, "BOOKMAKER", True),  # 1/2.2 + 1/2.5: 17 %
            ("2.0", MINUTE, "BOOKMAKER", False),  # 4.8 % sure profit: rare, and true at times
            ("2.5", HOUR, "BOOKMAKER", False),  # stale: that is another rule's
            ("2.5", MINUTE, "AGGREGATE", False),  # nobody can bet there
        ],
    )
    def test_speaks_of_a_sure_profit_that_is_too_good(self, away, told, kind, speaks):
        event = an_event()
        quote(event, "MONEYLINE", book="pinnacle", HOME="2.2", AWAY="1.75")
        quote(event, "MONEYLINE", book="other", book_kind=kind, told=told, HOME="1.5", AWAY=away)
        said = found("arbitrage")
        assert bool(said) == speaks
        if speaks:
            assert "AWAY 2.500 at other, HOME 2.200 at pinnacle" in said[0]

    def test_leaves_one_books_own_margin_to_its_own_rule(self):
        quote(an_event(), "MONEYLINE", HOME="3.0", AWAY="3.0")
        assert found("arbitrage") == []


@pytest.mark.django_db
class TestLineNotMonotone:
    @pytest.mark.parametrize(
        ("kind", "roles", "ladder", "is_broken"),
        [
            ("TOTAL", ("OVER", "UNDER"), {"2.5": ("1.8", "2.1"), "3.5": ("3.0", "1.4")}, False),
            ("TOTAL", ("OVER", "UNDER"), {"2.5": ("3.0", "1.4"), "3.5": ("1.8", "2.1")}, True),
            ("SPREAD", ("HOME", "AWAY"), {"-3": ("2.1", "1.8"), "3": ("1.4", "3.0")}, False),
            ("SPREAD", ("HOME", "AWAY"), {"-3": ("1.4", "3.0"), "3": ("2.1", "1.8")}, True),
            ("TOTAL", ("OVER", "UNDER"), {"2.5": ("1.9", "1.9"), "2.75": ("1.9", "1.9")}, False),
        ],
    )
    def test_speaks_of_an_easier_line_that_is_less_likely(self, kind, roles, ladder, is_broken):
        event = an_event()
        for line, prices in ladder.items():
            quote(event, kind, line=line, **dict(zip(roles, prices, strict=True)))
        assert bool(found("line-not-monotone")) == is_broken

    def test_compares_one_book_with_itself_alone(self):
        event = an_event()
        quote(event, "TOTAL", line="2.5", book="one", OVER="3.0", UNDER="1.4")
        quote(event, "TOTAL", line="3.5", book="two", OVER="1.8", UNDER="2.1")
        assert found("line-not-monotone") == []
