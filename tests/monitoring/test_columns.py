"""Columns of numbers go to the database and come back as they are."""

import numpy as np
import pytest
from django.db import IntegrityError, transaction

from monitoring import columns
from monitoring.models import AuditEntry
from monitoring.services import audit
from tests.settlements.builders import NOON

pytestmark = pytest.mark.django_db


class TestRow:
    @pytest.mark.parametrize(
        "sent",
        [[], [0], [2**63 - 1, -(2**63), -1], list(range(10_000))],
        ids=["none", "one", "the ends", "many"],
    )
    def test_gives_whole_numbers_back(self, sent):
        array = np.array(sent, dtype=np.int64)
        (found,) = columns.row("select %s::bigint[]", [array])
        assert found.dtype == np.int64 and found.tolist() == sent

    def test_reads_fractions_and_what_is_not_a_number(self):
        (found,) = columns.row("select array[0.1, 'NaN', -2]::float8[]")
        assert found[[0, 2]].tolist() == [0.1, -2.0] and np.isnan(found[1])

    def test_refuses_nulls(self):
        with pytest.raises(ValueError, match="no nulls"):
            columns.row("select array[1, null]::bigint[]")


class TestRun:
    def test_counts_rows_takes_texts_beside_numbers_and_is_counted(self, django_assert_num_queries):
        with django_assert_num_queries(1):
            touched = columns.run(
                "insert into monitoring_auditentry (actor, action, subject, at, detail)"
                " select %(by)s, a.word, 'n:' || n.id, %(at)s, '{}'"
                " from unnest(%(ids)s::bigint[], %(words)s::text[]) as n(id, word)"
                " cross join lateral (select n.word) a",
                {"by": "t", "at": NOON, "ids": np.array([7, 8]), "words": ["x", "y"]},
            )
        assert touched == 2
        assert list(AuditEntry.objects.order_by("pk").values_list("subject", "action", "at")) == [
            ("n:7", "x", NOON), ("n:8", "y", NOON),
        ]  # fmt: skip

    def test_fails_as_the_other_statements_do(self):
        with pytest.raises(IntegrityError), transaction.atomic():
            columns.run(
                "insert into monitoring_auditentry (actor, action, subject, at, detail)"
                " select null, '', '', now(), '{}' from unnest(%s::bigint[])",
                [np.array([1])],
            )


def test_audit_of_each_is_that_of_all():
    audit.record_each(
        actor="t", action="a", at=NOON, subjects=["x:1", "x:2"], details=['{"n": 1}', "{}"]
    )
    rows = AuditEntry.objects.order_by("pk").values_list("actor", "subject", "detail")
    assert list(rows) == [("t", "x:1", {"n": 1}), ("t", "x:2", {})]
