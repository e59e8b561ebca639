"""Changing the numbers that decide, and what the rows of the table hold."""

import pytest
from django.db import IntegrityError, transaction
from django.db.utils import DataError

from monitoring import thresholds
from monitoring.domain import thresholds as domain
from monitoring.models import AuditEntry, Threshold
from monitoring.services import audit, thresholding
from tests.monitoring.builders import NOON, SECOND, a_threshold

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("threshold_rows")]
ME = {"actor": "user:lea", "reason": "the feed is slow", "now": NOON}


@pytest.fixture
def late():
    with a_threshold(is_whole=True) as declared:
        yield declared


def changed(threshold, value, **fields):
    return thresholding.change(key=threshold.key, value=value, **{**ME, **fields})


def back(threshold, **fields):
    return thresholding.back_to_default(key=threshold.key, **{**ME, **fields})


class TestChange:
    def test_decides_at_once_in_this_process(self, late, django_capture_on_commit_callbacks):
        assert thresholds.value(late) == 120
        with django_capture_on_commit_callbacks(execute=True):
            changed(late, 60)
        assert thresholds.value(late) == 60

    def test_decides_nothing_before_it_is_committed(self, late):
        assert thresholds.value(late) == 120
        changed(late, 60)  # the test's own transaction goes on
        assert thresholds.value(late) == 120

    def test_keeps_who_when_and_why_and_audits_it(self, late):
        row = changed(late, 60)
        changed(late, 90, actor="cli:root", reason="  slower still ", now=NOON + SECOND)
        row.refresh_from_db()
        assert (row.value, row.changed_by, row.reason, row.changed_at) == (
            90, "cli:root", "slower still", NOON + SECOND,
        )  # fmt: skip
        first, second = AuditEntry.objects.filter(subject=audit.label(row)).order_by("pk")
        assert (first.action, first.actor) == ("monitoring.set_threshold", "user:lea")
        assert first.detail == {
            "key": late.key, "reason": "the feed is slow", "before": None, "after": 60.0,
            "default": 120.0,
        }  # fmt: skip
        assert (second.detail["before"], second.detail["after"]) == (60.0, 90.0)

    @pytest.mark.parametrize(
        ("value", "said"),
        [
            (9, "is 10 to 3600 s, not 9"),
            (3601, "is 10 to 3600 s, not 3601"),
            (60.5, "is a whole number, not 60.5"),
            (float("nan"), "is a finite number, not nan"),
            (float("-inf"), "is a finite number, not -inf"),
        ],
        ids=["below", "above", "not whole", "not a number", "infinite"],
    )
    def test_refuses_what_could_decide_nothing(self, late, value, said):
        with pytest.raises(thresholding.ThresholdRefused, match=said):
            changed(late, value)
        assert not AuditEntry.objects.exists()
        assert thresholds.value(late) == 120

    @pytest.mark.parametrize("reason", ["", "  ", "x" * 251], ids=["none", "blank", "too long"])
    def test_refuses_to_change_without_a_reason(self, late, reason):
        with pytest.raises(thresholding.ThresholdRefused, match="reason"):
            changed(late, 60, reason=reason)

    def test_refuses_what_is_so_already(self, late):
        changed(late, 60)
        with pytest.raises(thresholding.ThresholdRefused, match="is 60 s already"):
            changed(late, 60)
        assert AuditEntry.objects.count() == 1

    def test_refuses_what_nobody_declared(self):
        with pytest.raises(thresholding.UnknownThreshold, match="there is no threshold"):
            thresholding.change(key="markets.odd", value=1, **ME)


class TestBackToDefault:
    def test_lets_the_default_decide_also_a_new_one(self, late, django_capture_on_commit_callbacks):
        changed(late, 60)
        with django_capture_on_commit_callbacks(execute=True):
            row = back(late, reason="the feed is well")
        assert (row.value, row.reason, thresholds.value(late)) == (None, "the feed is well", 120)
        newer = domain.Threshold(late.key, 300.0, "s", 10, 3_600, True, late.text)
        assert thresholds.value(newer) == 300
        detail = AuditEntry.objects.latest("pk").detail
        assert (detail["before"], detail["after"]) == (60.0, None)

    def test_refuses_where_it_decides_already(self, late):
        with pytest.raises(thresholding.ThresholdRefused, match="at its default, 120 s already"):
            back(late)


class TestSync:
    def test_makes_a_row_of_each_and_twice_is_once(self, late):
        assert thresholding.sync().created == sorted(domain.DECLARED)
        again = thresholding.sync()
        assert (again.created, again.dropped, again.unused) == ([], [], [])
        assert set(Threshold.objects.values_list("value", flat=True)) == {None}

    def test_never_undoes_what_an_operator_changed(self, late):
        changed(late, 60)
        thresholding.sync()
        assert Threshold.objects.get(key=late.key).value == 60

    def test_drops_what_is_declared_no_longer_and_keeps_what_was_changed(self):
        with a_threshold() as old, a_threshold(key="monitoring.test-old") as changed_once:
            thresholding.sync()
            changed(changed_once, 60)
        synced = thresholding.sync()
        assert (synced.dropped, synced.unused) == ([old.key], [changed_once.key])
        stand = {one.key: one for one in thresholding.stands()}[changed_once.key]
        assert (stand.declared, stand.value, stand.changed_to) == (None, None, 60)
        with pytest.raises(thresholding.UnknownThreshold):
            back(changed_once)


class TestStands:
    def test_are_whole_before_any_row_stands(self, late):
        stands = {one.key: one for one in thresholding.stands()}
        assert stands.keys() == domain.DECLARED.keys()
        assert (stands[late.key].value, stands[late.key].changed_to) == (120, None)


class TestTheTable:
    @pytest.mark.parametrize(
        "fields",
        [
            {"value": float("nan")},
            {"value": float("inf")},
            {"reason": ""},
            {"changed_by": ""},
            {"changed_at": None},
        ],
        ids=["not a number", "infinite", "no reason", "nobody", "never"],
    )
    def test_holds_no_change_without_a_number_and_who_and_why(self, fields):
        told = {"value": 1.0, "reason": "x", "changed_by": "user:lea", "changed_at": NOON}
        with pytest.raises((IntegrityError, DataError)), transaction.atomic():
            Threshold.objects.create(key="markets.any", **{**told, **fields})
