"""Every record that is read ends in exactly one way."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from markets.connectors.base import ParsedBatch, Problem
from markets.connectors.columns import PriceColumns
from markets.services.accounting import Accounting, Waiting
from tests.markets.builders import a_batch, a_price, a_result, a_source, an_event, record

numbers = st.sets(st.integers(min_value=0, max_value=30))


class TestRows:
    @given(loaded=numbers, parked=numbers, rejected=numbers, extra=st.integers(0, 9))
    @settings(max_examples=200, deadline=None)
    def test_add_up_whatever_became_of_them(self, loaded, parked, rejected, extra):
        problems = [Problem("", number, "", "x", is_rejection=True) for number in rejected - {0}]
        every = loaded | parked | rejected
        batch = ParsedBatch(problems=problems, records=len(every - {0}) + extra)
        accounting = Accounting(batch, PriceColumns.of(()))
        accounting.load(loaded)
        for number in parked:
            accounting.park(number, Waiting("NO_EVENT"))
        rows = accounting.rows()
        assert rows.read == batch.records
        assert rows.read == rows.loaded + rows.unchanged + rows.parked + rows.rejected
        assert rows.rejected == len(rejected - {0})
        assert rows.parked == len(parked - rejected - {0})
        assert rows.unchanged == extra

    def test_are_loaded_by_any_new_fact_and_unchanged_by_none(self, source):
        batch = a_batch(
            events=[an_event(record=1), an_event("two", home="Cedars", record=2)],
            prices=[a_price("2.1", record=1), a_price("2.2", event_ref="two", record=2)],
            results=[a_result(record=1)],
        )
        batch = replace(batch, records=3)
        assert record(batch, source).rows == (3, 2, 1, 0, 0)
        assert record(batch, source).rows == (3, 0, 3, 0, 0)
        later = replace(batch, prices=[a_price("2.3", hours_before=2, record=1)])
        assert record(later, source).rows == (3, 1, 2, 0, 0)

    def test_of_a_bad_cell_are_loaded_and_of_a_refused_record_rejected(self, source):
        batch = replace(
            a_batch(
                events=[an_event(record=1)],
                prices=[a_price("0.9", record=1), a_price("2.1", record=1, hours_before=3)],
            ),
            problems=[Problem("", 2, "Date", "a day", is_rejection=True)],
            records=2,
        )
        counts = record(batch, source)
        assert counts.rows == (2, 1, 0, 0, 1)
        assert [problem.row for problem in counts.problems] == [2, 1]

    def test_wait_with_an_event_or_a_book_that_nobody_knows(self, db):
        strict = a_source(creates_names=False, creates_books=False)
        batch = a_batch(
            events=[an_event(record=1)],
            prices=[a_price("2", record=2), a_price("2", book="unheard", record=3)],
            results=[a_result(record=4)],
        )
        batch = replace(batch, records=5)
        assert record(batch, strict).rows == (5, 0, 1, 4, 0)


class TestOnly:
    def test_keeps_the_context_of_its_records_as_of_no_record(self):
        batch = a_batch(
            events=[an_event(record=1), an_event("two", home="Cedars", record=2)],
            prices=[a_price("2.1", record=5), a_price("2.2", event_ref="two", record=6)],
        )
        part = batch.only({5})
        assert [(event.ref, event.record) for event in part.events] == [("one", 0)]
        assert (len(part.prices), part.records) == (1, 1)


@pytest.mark.django_db
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(records=st.lists(st.tuples(st.integers(1, 6), st.sampled_from("ABCD")), max_size=12))
def test_a_batch_adds_up_and_its_repetition_brings_nothing(records):
    """Whatever records tell of whatever pairings, their ends add up, and again all is known."""
    from markets.models import Source

    source, _ = Source.objects.get_or_create(
        code="feed", defaults={"name": "A feed", "creates_names": True}
    )
    events = [
        an_event(f"{letter}{number}", home=f"Side {letter}", away=f"Other {letter}", leg=None,
                 record=number)
        for number, letter in records
    ]  # fmt: skip
    batch = replace(a_batch(events=events), records=8)
    first, second = record(batch, source).rows, record(batch, source).rows
    for rows in (first, second):
        assert rows.read == rows.loaded + rows.unchanged + rows.parked + rows.rejected == 8
    assert second.loaded == 0
