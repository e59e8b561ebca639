import pytest
from django.db import DatabaseError, connection, transaction

from monitoring.models import AuditEntry
from monitoring.services import audit
from tests.monitoring.builders import NOON, a_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def entry() -> AuditEntry:
    audit.record(
        actor="user:a", action="tests.act", subject="betting.Bet:1", at=NOON, amount="2.00"
    )
    return AuditEntry.objects.get()


class TestRecord:
    def test_writes_who_did_what_to_which_when(self, entry):
        assert (entry.actor, entry.action, entry.subject) == (
            "user:a",
            "tests.act",
            "betting.Bet:1",
        )
        assert (entry.at, entry.detail) == (NOON, {"amount": "2.00"})

    def test_goes_with_the_callers_transaction(self):
        with transaction.atomic():
            audit.record(actor="user:a", action="tests.act", subject="x", at=NOON)
            transaction.set_rollback(True)
        assert not AuditEntry.objects.exists()

    def test_names_a_row_without_its_class(self):
        run = a_run()
        assert audit.label(run) == f"monitoring.TaskRun:{run.pk}"


class TestAnEntry:
    def test_cannot_be_changed(self, entry):
        with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
            AuditEntry.objects.update(actor="user:b")

    def test_cannot_be_deleted(self, entry):
        with pytest.raises(DatabaseError, match="Cannot delete"), transaction.atomic():
            AuditEntry.objects.all().delete()

    def test_cannot_be_truncated(self, entry):
        with (
            connection.cursor() as cursor,
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
        ):
            cursor.execute("truncate monitoring_auditentry")
        assert AuditEntry.objects.get() == entry
