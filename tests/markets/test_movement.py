from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets import queries
from markets.domain import movement
from markets.models import Event, Notice
from markets.services import closing, recording
from tests.markets.builders import NOW, START, a_batch, a_price, a_source, an_event, match_odds


class TestInWindow:
    def test_takes_the_price_in_effect_when_the_window_begins(self):
        hours = np.array([60.0, 30.0, 13.0, 2.0])
        assert movement.in_window(begins=np.array([0]), hours=hours, window=(12, 24)).tolist() == [
            1
        ]

    def test_takes_the_first_price_shown_within_where_none_stood_before(self):
        assert movement.in_window(
            begins=np.array([0]), hours=np.array([20.0, 13.0]), window=(12, 24)
        ).tolist() == [0]

    def test_takes_none_where_the_book_opened_after_it(self):
        assert movement.in_window(
            begins=np.array([0]), hours=np.array([12.0, 3.0]), window=(12, 24)
        ).tolist() == [-1]

    @given(
        hours=st.lists(st.floats(0.01, 100), min_size=1, max_size=8),
        window=st.sampled_from(movement.WINDOWS),
    )
    def test_never_takes_a_price_that_was_not_yet_shown(self, hours, window):
        falling = np.array(sorted(hours, reverse=True))
        (row,) = movement.in_window(begins=np.array([0]), hours=falling, window=window).tolist()
        if row >= 0:
            assert falling[row] > window[0]
            assert falling[row] >= window[1] or row == 0


class TestMeanByEvent:
    def test_widens_with_what_hangs_together(self):
        value = np.tile([0.1, -0.1], 50)
        alone = movement.mean_by_event(event=np.arange(100), value=value)
        together = movement.mean_by_event(event=np.tile([0, 1], 50), value=value)
        assert together.high - together.low > alone.high - alone.low

    def test_is_the_same_every_time(self):
        given_ = {"event": np.arange(30), "value": np.linspace(-1, 1, 30)}
        assert movement.mean_by_event(**given_) == movement.mean_by_event(**given_)

    def test_knows_nothing_of_nothing(self):
        empty = np.zeros(0)
        assert movement.mean_by_event(event=empty, value=empty).value is None


def a_window(farthest, value, low, *, events=100):
    mean = movement.Mean(value, low, value + (value - low))
    return movement.Window(0, farthest, n=events * 3, events=events, moved=0.01, value=mean)


class TestAdvice:
    def test_names_the_window_that_is_clearly_best(self):
        best = a_window(24, 0.02, 0.01)
        assert movement.advice([a_window(1, -0.03, -0.04), best], enough=100) is best

    def test_names_none_where_the_interval_holds_another_mean(self):
        assert (
            movement.advice([a_window(1, 0.015, 0.0), a_window(24, 0.02, 0.01)], enough=100) is None
        )

    def test_names_none_below_a_hundred_events(self):
        windows = [a_window(1, -0.03, -0.04), a_window(24, 0.02, 0.01, events=99)]
        assert movement.advice(windows, enough=100) is None


def steam(*changes):
    """Changes are (selection, book, hours, change)."""
    table = np.array(changes, dtype=float).reshape(-1, 4)
    return movement.steam(
        selection=table[:, 0].astype(np.int64),
        book=table[:, 1].astype(np.int64),
        hours=table[:, 2],
        change=table[:, 3],
        rule=movement.Steaming(books=3, hours=2.0, step=0.005),
    )


class TestSteam:
    def test_needs_three_books(self):
        assert steam((1, 1, 9, 0.02), (1, 2, 8.5, 0.02), (1, 2, 8, 0.02)) == []

    def test_needs_them_within_two_hours(self):
        assert steam((1, 1, 9, 0.02), (1, 2, 8, 0.02), (1, 3, 6.9, 0.02)) == []

    def test_needs_one_direction(self):
        assert steam((1, 1, 9, 0.02), (1, 2, 8.5, -0.02), (1, 3, 8, 0.02)) == []

    def test_leaves_out_changes_too_small_to_mean_anything(self):
        assert steam((1, 1, 9, 0.02), (1, 2, 8.5, 0.004), (1, 3, 8, 0.02)) == []

    def test_finds_it_also_where_an_earlier_change_is_too_old(self):
        (found,) = steam((1, 1, 12, 0.02), (1, 1, 9, 0.02), (1, 2, 8.5, 0.02), (1, 3, 8, 0.02))
        assert (found.from_hours, found.to_hours, found.books) == (9, 8, 3)

    def test_tells_one_long_move_once_and_two_apart(self):
        one = [(1, book, 9 - book / 10, 0.02) for book in range(1, 6)]
        two = [(1, book, 3 - book / 10, 0.02) for book in range(1, 4)]
        assert [found.books for found in steam(*one, *two)] == [5, 3]


@pytest.fixture
def league(db):
    """Record matches whose home side shortens from 24 hours to 1 hour before, at every book."""
    source = a_source()

    def build(n=3, *, early="2.40", late="2.00", books=("pinnacle", "bet365", "bwin")):
        refs = [f"e{number}" for number in range(n)]
        events = [an_event(ref, home=f"H{ref}", away=f"A{ref}") for ref in refs]
        prices = []
        for ref in refs:
            for place, book in enumerate(books):
                at = {"event_ref": ref, "book": book}
                prices += match_odds(early, "3.40", "3.10", hours_before=24, **at)
                prices += match_odds(late, "3.40", "3.90", hours_before=5 - place / 10, **at)
                prices += match_odds(late, "3.40", "3.90", hours_before=0.5, **at)
        recording.record(batch=a_batch(events=events, prices=prices), source=source, now=NOW)
        closing.record_closes(as_of=NOW, now=NOW)

    return build


def report(**asked):
    return queries.movement_report(until=NOW, **asked)


class TestMovementReport:
    def test_says_how_far_prices_went_and_what_the_opening_was_worth(self, league):
        league()
        (row,) = report().open_to_close
        assert (row.sport, row.kind, row.n, row.events) == ("soccer", "MATCH_ODDS", 27, 3)
        assert 0.05 < row.moved < 0.1
        assert row.beat == pytest.approx(1 / 3)  # the home side's price alone was better before

    def test_values_each_window_by_the_fair_close(self, league):
        league()
        (timing,) = report().timing
        windows = {window.label: window for window in timing.windows}
        assert windows["12–24 h"].n == windows["4–12 h"].n == 27
        assert windows["48–72 h"].n == 0
        assert windows["0–1 h"].moved == pytest.approx(0)
        assert windows["12–24 h"].moved > 0.05
        assert timing.advice is None  # three events say nothing

    def test_finds_the_steam(self, league):
        league(n=1)
        found = report()
        assert found.steam_found == 2  # the home side shortens, the away side lengthens
        directions = {move.selection: move.direction for move in found.steam}
        assert directions == {"He0": 1, "Ae0": -1}

    def test_measures_books_against_the_reference(self, league):
        league()
        found = report()
        assert found.reference == {"pinnacle": 3}
        assert {row.book: row.distance for row in found.divergence} == {
            "bet365": pytest.approx(0),
            "bwin": pytest.approx(0),
        }

    def test_reports_nothing_where_nothing_is_recorded(self, db):
        assert report() == queries.Movement(0, None, NOW)

    def test_keeps_simulated_and_real_apart(self, league):
        league()
        assert report(is_simulated=True).events == 0

    def test_looks_at_the_newest_events_alone(self, league):
        league(n=3)
        assert report(events_at_most=2).events == 2

    def test_asks_a_bounded_number_of_questions(self, league, django_assert_max_num_queries):
        league(n=20)
        with django_assert_max_num_queries(9):
            report()

    def test_leaves_out_a_line_that_the_book_moved_away_from(self, db):
        spread = {"kind": "ASIAN_HANDICAP"}
        old, new = {**spread, "line": Decimal("-0.5")}, {**spread, "line": Decimal("-1.0")}
        prices = [
            a_price("1.95", hours_before=30, **old),
            a_price("1.95", role="AWAY", hours_before=30, **old),
            a_price("1.90", hours_before=0.5, **new),
            a_price("2.00", role="AWAY", hours_before=0.5, **new),
        ]
        recording.record(batch=a_batch(prices=prices), source=a_source(), now=NOW)
        closing.record_closes(as_of=NOW, now=NOW)
        lines = queries.main_lines(event_ids=_ids(), at_close=True)
        assert lines["line"].tolist() == [-1.0]
        (row,) = report().open_to_close
        assert (row.n, row.moved_lines) == (2, 1.0)


def _ids():

    return list(Event.objects.values_list("pk", flat=True))


class TestClosingFair:
    def test_goes_by_the_first_of_the_chain_and_names_it(self, league):
        league(n=1)
        found = queries.closing_fair(event_ids=_ids())
        assert set(found["book_code"]) == {"pinnacle"}
        assert found["fair_probability"].sum() == pytest.approx(1)

    def test_falls_back_to_the_mean_of_those_who_take_bets(self, db):
        prices = match_odds("2.0", "3.5", "3.9", hours_before=0.5, book="bet365")
        prices += match_odds("2.1", "3.4", "3.8", hours_before=0.5, book="bwin")
        prices += match_odds("9.0", "9.0", "1.1", hours_before=0.5, book="max")
        recording.record(batch=a_batch(prices=prices), source=a_source(), now=NOW)
        closing.record_closes(as_of=NOW, now=NOW)
        found = queries.closing_fair(event_ids=_ids())
        assert set(found["book_code"]) == {queries.CONSENSUS}
        assert found["price"].tolist() == pytest.approx([2.05, 3.45, 3.85])
        assert found["fair_probability"].sum() == pytest.approx(1)

    def test_counts_a_close_that_is_too_old_as_missing(self, db):
        prices = match_odds("2.0", "3.5", "3.9", hours_before=3)
        recording.record(batch=a_batch(prices=prices), source=a_source(), now=NOW)
        closing.record_closes(as_of=NOW, now=NOW)
        assert queries.closing_fair(event_ids=_ids()).empty
        assert len(queries.closing_fair(event_ids=_ids(), is_any_age=True)) == 3

    def test_shows_what_every_method_makes_of_it(self, db):
        prices = match_odds("2.6", "2.4", "4.3", hours_before=0.5)
        recording.record(batch=a_batch(prices=prices), source=a_source(), now=NOW)
        closing.record_closes(as_of=NOW, now=NOW)
        found = queries.closing_by_method(event_ids=_ids())
        home = {name: rows["fair_probability"].iloc[0] for name, rows in found.items()}
        assert len(home) == 7
        assert home["shin"] == pytest.approx(0.37299, abs=1e-5)
        assert home["multiplicative"] != home["additive"] != home["power"]

    def test_refuses_a_method_that_is_none(self):
        with pytest.raises(ValueError, match="unknown method 'magic'"):
            queries.closing_fair(event_ids=[], method="magic")

    def test_is_empty_where_nothing_closed(self, db):
        assert list(queries.closing_fair(event_ids=[1]).columns)[:2] == ["event_id", "market_id"]


class TestReverseMoves:
    @pytest.fixture
    def moved(self, db):
        """Let three books move the home side's handicap from -1 to -0.5."""
        prices = []
        for book in ("pinnacle", "bet365", "bwin"):
            for line, hours in (("-1", 30), ("-0.5", 0.5)):
                at = {"kind": "SPREAD", "line": Decimal(line), "hours_before": hours, "book": book}
                prices += [a_price("1.91", **at), a_price("1.91", role="AWAY", **at)]
        source = a_source()
        recording.record(batch=a_batch(prices=prices), source=source, now=NOW)
        closing.record_closes(as_of=NOW, now=NOW)
        return source

    def tell(self, source, tickets, *, at=START, version=1):
        (event_id,) = _ids()
        Notice.objects.create(
            source=source, kind="PUBLIC_SHARE", ref="x", version=version, event_id=event_id,
            title="shares", published_at=at - timedelta(hours=1), known_at=NOW, digest="0" * 64,
            data={"kind": "SPREAD", "role": "HOME", "tickets": tickets},
        )  # fmt: skip

    def test_are_lines_that_got_easier_for_those_whom_most_back(self, moved):
        self.tell(moved, "0.72")
        (move,) = report().reverse
        assert (move.role, move.public_share, move.books, move.line_change) == (
            "HOME", 0.72, 3, 0.5,
        )  # fmt: skip

    def test_need_a_majority_of_the_bets(self, moved):
        self.tell(moved, "0.55")
        assert report().reverse_found == 0

    def test_are_none_where_the_public_got_it_harder(self, moved):
        self.tell(moved, "0.20")
        assert report().reverse_found == 0

    def test_go_by_what_was_told_before_the_start(self, moved):
        self.tell(moved, "0.72", at=START + timedelta(hours=2))
        assert report().reverse_found == 0
