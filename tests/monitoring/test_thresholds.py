"""Numbers that decide: declared once, within their bounds, read from rows without cost."""

import re

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitoring import thresholds
from monitoring.domain import thresholds as domain
from monitoring.models import Threshold
from tests.monitoring.builders import NOON, a_threshold


class TestDeclare:
    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"default": 5.0}, "is 10 to 3600 s, not 5"),
            ({"default": 60.5, "is_whole": True}, "is a whole number, not 60.5"),
            ({"default": float("inf")}, "is a finite number, not inf"),
        ],
        ids=["out of bounds", "not whole", "not finite"],
    )
    def test_refuses_a_default_that_could_not_be_set(self, fields, said):
        with pytest.raises(ValueError, match=said), a_threshold(**fields):
            pytest.fail("it was declared")
        assert "monitoring.test-late" not in domain.DECLARED

    def test_refuses_a_second_home(self):
        with (
            a_threshold() as late,
            pytest.raises(ValueError, match="declared twice"),
            a_threshold(key=late.key),
        ):
            pytest.fail("it was declared")


class TestTheDeclared:
    def test_are_of_every_room_that_watches(self):
        rooms = {one.room for one in domain.DECLARED.values()}
        assert rooms >= {"markets", "betting", "settlements", "monitoring"}
        assert rooms <= {app.label for app in apps.get_app_configs()}

    @pytest.mark.parametrize("key", sorted(domain.DECLARED))
    def test_say_what_happens_and_leave_room_to_change(self, key):
        declared = domain.DECLARED[key]
        assert re.fullmatch(r"[a-z_]+\.[a-z][a-z0-9-]*", key)
        assert len(key) <= Threshold._meta.get_field("key").max_length
        assert declared.text[0].isupper() and declared.text.endswith(".")
        assert declared.text.count(". ") == 0  # one sentence
        assert declared.lowest < declared.highest
        assert domain.wrong_with(threshold=declared, value=declared.default) == ""
        assert re.search(r"^1 \w{2,}s$", declared.in_words(1)) is None  # one of it is not many


@pytest.fixture
def late():
    with a_threshold() as declared:
        yield declared


def a_row(threshold, value):
    return Threshold.objects.create(
        key=threshold.key, value=value, reason="x", changed_by="user:lea", changed_at=NOON
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("threshold_rows")
class TestReading:
    def test_takes_the_default_where_no_row_says_otherwise(self, late):
        assert thresholds.value(late) == 120
        Threshold.objects.create(key=late.key)
        thresholds.forget()
        assert (thresholds.value(late), thresholds.whole(late)) == (120, 120)
        assert thresholds.span(late).total_seconds() == 120

    def test_takes_the_row_once_it_is_changed(self, late):
        a_row(late, 60)
        assert thresholds.span(late).total_seconds() == 60

    def test_asks_once_for_all_of_them_while_they_are_young(self, late, monkeypatch):
        clock = [1_000.0]
        monkeypatch.setattr(thresholds, "monotonic", lambda: clock[0])
        with CaptureQueriesContext(connection) as asked:
            for declared in domain.DECLARED.values():
                thresholds.value(declared)
        assert len(asked) == 1
        a_row(late, 60)  # by another process
        clock[0] += thresholds.LIFE - 0.1
        assert thresholds.value(late) == 120
        clock[0] += 0.2
        assert thresholds.value(late) == 60

    def test_keeps_nothing_that_was_read_before_a_change(self, late, monkeypatch):
        """Another thread changes it after the rows are read and before they are kept."""
        read = thresholds._read

        def slowly():
            values = read()
            a_row(late, 60)
            monkeypatch.setattr(thresholds, "_read", read)
            thresholds.forget()
            return values

        monkeypatch.setattr(thresholds, "_read", slowly)
        assert [thresholds.value(late), thresholds.value(late)] == [120, 60]

    def test_takes_the_default_where_a_new_version_moved_the_bounds(self, late):
        a_row(late, 7_200)
        assert thresholds.value(late) == 120
