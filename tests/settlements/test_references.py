"""What settlements and transfers name is there and stays there, whoever writes them."""

from decimal import Decimal as D

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from settlements.models import LedgerAccount, LedgerTransfer, Settlement
from settlements.services import settling
from tests.settlements.builders import NOON, a_bankroll, a_result, an_accepted_bet

pytestmark = pytest.mark.django_db
NOBODY = 987_654_321


def a_settled_bet():
    bet = an_accepted_bet()
    a_result(bet, 2, 1)
    settling.settle_due(as_of=NOON, now=NOON, actor="test")
    return bet


def insert(row, **changed):
    """Write a copy of a row with other values, around the model."""
    names = [one.column for one in row._meta.concrete_fields if not one.primary_key]
    values = {one.column: getattr(row, one.attname) for one in row._meta.concrete_fields}
    values |= {"working": "{}"} if "working" in values else {}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"insert into {row._meta.db_table} ({', '.join(names)})"
            f" values ({', '.join(['%s'] * len(names))})",
            [{**values, **changed}[name] for name in names],
        )


class TestATransfer:
    @pytest.mark.parametrize("key", ["debit_id", "credit_id", "settlement_id"])
    def test_names_accounts_and_settlements_that_are_there(self, key):
        a_settled_bet()
        transfer = LedgerTransfer.objects.get(kind="SETTLEMENT")
        with pytest.raises(IntegrityError, match=f"names what is not there.*{key}"):
            insert(transfer, reference="x", **{key: NOBODY})
        insert(transfer, reference="x")

    def test_reverses_one_that_is_there(self):
        a_settled_bet()
        transfer = LedgerTransfer.objects.get(kind="SETTLEMENT")
        with pytest.raises(IntegrityError, match="reverses_id"):
            insert(transfer, reference="x", kind="REVERSAL", reverses_id=NOBODY)
        insert(transfer, reference="x", kind="REVERSAL", reverses_id=transfer.pk)


class TestASettlement:
    @pytest.mark.parametrize("key", ["result_id", "rule_set_id"])
    def test_names_results_and_rule_sets_that_are_there(self, key):
        a_settled_bet()
        with pytest.raises(IntegrityError, match=f"names what is not there.*{key}"):
            insert(Settlement.objects.get(), revision=2, **{"result_id": None, key: NOBODY})


class TestAnAccount:
    @pytest.mark.parametrize(
        "statement",
        ["delete from {}", "update {} set id = id + 1000", "truncate {} cascade"],
        ids=["deleted", "renumbered", "truncated"],
    )
    def test_is_never(self, statement):
        purse = a_bankroll("1.00")
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement.format(LedgerAccount._meta.db_table))
        assert purse.accounts.get(kind="CASH").balance == D("1.00")
