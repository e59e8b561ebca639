from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from markets import queries
from markets.domain import odds
from markets.models import Book, Competition, Event
from markets.services import recording
from tests.markets.builders import (
    NOW,
    START,
    a_batch,
    a_price,
    a_result,
    a_source,
    an_event,
    match_odds,
)


@pytest.fixture
def source(db):
    return a_source()


@pytest.fixture
def event(source):
    """An event whose home price went 2.2, 2.1, 2.0 at 30, 5 and 1 hours before the start."""
    prices = [
        *match_odds("2.2", "3.3", "3.6", hours_before=30),
        *match_odds("2.1", "3.4", "3.7", hours_before=5),
        *match_odds("2.0", "3.5", "3.8", hours_before=1),
        a_price("1.9", kind="ASIAN_HANDICAP", line=Decimal("-0.25"), hours_before=5),
        a_price("2.0", role="AWAY", kind="ASIAN_HANDICAP", line=Decimal("-0.25"), hours_before=5),
    ]
    recording.record(batch=a_batch(prices=prices), source=source, now=NOW)
    return Event.objects.get()


def board(event, *, hours_before, **fields):
    as_of = START - timedelta(hours=hours_before)
    return queries.event_board(event_ids=[event.pk], as_of=as_of, **fields)


class TestShownPrices:
    def test_are_what_every_book_shows_now_in_order_of_selection(self, event):
        found = queries.shown_prices(event_id=event.pk)
        by_kind = {
            kind: {row.price for row in found if row.kind == kind}
            for kind in ("ASIAN_HANDICAP", "MATCH_ODDS")
        }
        assert by_kind == {
            "ASIAN_HANDICAP": {Decimal("1.9"), Decimal("2.0")},
            "MATCH_ODDS": {Decimal("2.0"), Decimal("3.5"), Decimal("3.8")},
        }
        assert [row.selection_id for row in found] == sorted(row.selection_id for row in found)

    def test_need_one_query_and_are_none_of_an_event_nobody_quotes(
        self, event, django_assert_num_queries
    ):
        with django_assert_num_queries(1):
            assert queries.shown_prices(event_id=event.pk + 1) == []


class TestEventBoard:
    @pytest.mark.parametrize(
        "hours_before, home",
        [(30, "2.2"), (6, "2.2"), (5, "2.1"), (2, "2.1"), (1, "2.0"), (0, "2.0")],
    )
    def test_shows_the_price_that_stood_then(self, event, hours_before, home):
        found = board(event, hours_before=hours_before)
        assert dict(zip(found["role"], found["price"], strict=True))["HOME"] == Decimal(home)
        assert (found["seen_at"] <= START - timedelta(hours=hours_before)).all()
        assert (found["confirmed_at"] <= START - timedelta(hours=hours_before)).all()

    def test_is_empty_before_the_first_price_and_has_its_columns_still(self, event):
        found = board(event, hours_before=31)
        assert len(found) == 0
        assert {name: str(dtype) for name, dtype in found.dtypes.items()} == {
            name: str(np.dtype(d)) if "datetime" not in d else d
            for name, d in queries.prices.BOARD.items()
        }

    def test_shows_what_each_event_knew_at_its_own_moment(self, event, source):
        other = a_batch(
            events=[an_event("two", home="Cedars", away="Elms")],
            prices=match_odds("5", "4", "1.6", event_ref="two", hours_before=30)
            + match_odds("6", "4", "1.6", event_ref="two", hours_before=20),
        )
        two = recording.record(batch=other, source=source, now=NOW).event_ids["two"]
        moments = {event.pk: START - timedelta(hours=4), two: START - timedelta(hours=25)}
        found = queries.event_board(event_ids=list(moments), as_of=moments)
        home = found[found["role"] == "HOME"]
        assert dict(zip(home["event_id"], home["price"], strict=True)) == {
            event.pk: Decimal("2.1"),
            two: Decimal("5"),
        }

    def test_shows_the_kinds_that_are_asked_for_with_both_lines(self, event):
        found = board(event, hours_before=0, kinds=("ASIAN_HANDICAP",))
        assert found["line"].tolist() == [-0.25, -0.25]
        assert dict(zip(found["role"], found["selection_line"], strict=True)) == {
            "HOME": -0.25,
            "AWAY": 0.25,
        }
        assert board(event, hours_before=0)["line"].isna().all()

    def test_needs_one_query_live_and_two_for_the_past(self, event, django_assert_num_queries):
        with django_assert_num_queries(1):
            board(event, hours_before=0)
        with django_assert_num_queries(2):
            board(event, hours_before=3)

    def test_says_when_a_price_was_confirmed(self, event, source):
        again = match_odds("2.0", "3.5", "3.8", hours_before=0.5)
        recording.record(batch=a_batch(prices=again), source=source, now=NOW)
        assert (board(event, hours_before=0)["confirmed_at"] == START - timedelta(minutes=30)).all()
        assert (board(event, hours_before=1)["confirmed_at"] == START - timedelta(hours=1)).all()


class TestReferenceProbabilities:
    def test_are_those_of_the_reference_book_without_its_margin(self, event):
        found = queries.reference_probabilities(
            event_ids=[event.pk], as_of=START - timedelta(hours=5)
        )
        expected = odds.remove_margin([[2.1, 3.4, 3.7]], method="shin")
        assert found["role"].tolist() == ["HOME", "DRAW", "AWAY"]
        np.testing.assert_allclose(found["fair_probability"], expected.probabilities[0])
        assert found["overround"].tolist() == pytest.approx([expected.overround[0]] * 3)
        assert set(found["book_code"]) == {"pinnacle"}
        assert set(found["method"]) == {"shin"}

    def test_are_the_mean_of_the_others_where_the_reference_is_silent(self, source):
        prices = (
            match_odds("2.0", "3.5", "4.2", book="bet365")
            + match_odds("2.1", "3.3", "4.0", book="bwin")
            + match_odds("2.3", "3.6", "4.4", book="max")
            + match_odds("2.1", "3.3", "4.0")[:2]
        )
        recording.record(batch=a_batch(prices=prices), source=source, now=NOW)
        found = queries.reference_probabilities(
            event_ids=list(Event.objects.values_list("pk", flat=True)), as_of=START
        )
        expected = odds.remove_margin([[2.0, 3.5, 4.2], [2.1, 3.3, 4.0]], method="shin")
        np.testing.assert_allclose(found["fair_probability"], expected.probabilities.mean(axis=0))
        assert set(found["book_code"]) == {queries.CONSENSUS}
        assert found["fair_probability"].sum() == pytest.approx(1)

    def test_leave_out_a_book_that_is_switched_off(self, event):
        Book.objects.filter(code="pinnacle").update(is_enabled=False)
        found = queries.reference_probabilities(event_ids=[event.pk], as_of=START)
        assert len(found) == 0

    def test_are_given_for_each_line(self, event):
        found = queries.reference_probabilities(
            event_ids=[event.pk], as_of=START, kind="ASIAN_HANDICAP"
        )
        assert found["role"].tolist() == ["HOME", "AWAY"]
        assert set(found["method"]) == {"power"}

    def test_know_nothing_of_the_future(self, event, source):
        before = queries.reference_probabilities(
            event_ids=[event.pk], as_of=START - timedelta(hours=5)
        )
        late = match_odds("9", "9", "1.1", hours_before=2)
        recording.record(batch=a_batch(prices=late), source=source, now=NOW)
        after = queries.reference_probabilities(
            event_ids=[event.pk], as_of=START - timedelta(hours=5)
        )
        assert after.equals(before)


class TestMatchHistory:
    def history(self, as_of=NOW, **fields):
        asked = {"sport_code": "soccer", "is_simulated": False, **fields}
        return queries.match_history(as_of=as_of, **asked)

    def test_holds_what_was_known_then_in_the_version_of_then(self, source):
        record = recording.record
        record(batch=a_batch(results=[a_result(2, 1)]), source=source, now=NOW)
        record(batch=a_batch(results=[a_result(0, 1)]), source=source, now=NOW + timedelta(days=1))
        assert len(self.history(as_of=START + timedelta(hours=1))) == 0
        assert self.history(as_of=NOW)["home_score"].tolist() == [2]
        assert self.history(as_of=NOW + timedelta(days=1))["home_score"].tolist() == [0]

    def test_leaves_out_what_did_not_end(self, source):
        abandoned = a_result(1, 0, status="ABANDONED")
        recording.record(batch=a_batch(results=[abandoned]), source=source, now=NOW)
        assert len(self.history()) == 0

    def test_is_in_order_of_time_and_by_competition(self, source):
        events = [
            an_event("late", home="C", away="D", starts_at=START + timedelta(days=7)),
            an_event("early"),
        ]
        results = [a_result(event_ref="late"), a_result(event_ref="early")]
        counts = recording.record(
            batch=a_batch(events=events, results=results), source=source, now=NOW
        )
        assert self.history()["event_id"].tolist() == [
            counts.event_ids["early"],
            counts.event_ids["late"],
        ]
        assert len(self.history(competition_codes=["E1"])) == 0
        assert len(self.history(competition_codes=["E0", "E1"])) == 2

    def test_never_mixes_simulated_and_real(self, source):
        recording.record(batch=a_batch(results=[a_result()]), source=source, now=NOW)
        Competition.objects.update(is_simulated=True)
        assert len(self.history()) == 0
        assert len(self.history(is_simulated=True)) == 1


class TestEventsStarting:
    def test_is_closed_below_and_open_above(self, event):
        hour = timedelta(hours=1)
        assert queries.events_starting(after=START, until=START + hour).get() == event
        assert not queries.events_starting(after=START - hour, until=START).exists()

    def test_may_be_narrowed(self, event):
        day = {"after": START, "until": START + timedelta(days=1)}
        assert queries.events_starting(**day, competition_codes=["E0"], is_simulated=False).exists()
        assert not queries.events_starting(**day, competition_codes=["E1"]).exists()
        assert not queries.events_starting(**day, is_simulated=True).exists()
        assert queries.events_starting(**day, status="SCHEDULED").exists()
        assert not queries.events_starting(**day, status=["FINISHED", "LIVE"]).exists()
