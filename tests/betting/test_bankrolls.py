from decimal import Decimal

import pytest
from django.db import transaction

from betting import queries
from betting.models import Bankroll
from betting.services import bankrolls
from monitoring.models import AuditEntry
from tests.betting.builders import NOON, a_bankroll, a_bet, a_replay, an_event

pytestmark = pytest.mark.django_db


def open_bankroll(**changes) -> Bankroll:
    given = {"name": "Main", "kind": "PAPER", "currency": "EUR", "time_zone": "Europe/London"}
    return bankrolls.open_bankroll(**{**given, **changes}, actor="user:alice", now=NOON)


class TestOpenBankroll:
    def test_opens_it_empty_and_says_so_in_the_audit(self):
        bankroll = open_bankroll()
        assert bankroll.balance == 0
        entry = AuditEntry.objects.get(action="bankroll.opened")
        assert (entry.subject, entry.actor) == (f"betting.Bankroll:{bankroll.pk}", "user:alice")

    def test_twice_is_once(self):
        assert open_bankroll().pk == open_bankroll().pk
        assert AuditEntry.objects.count() == 1

    def test_opens_one_of_a_replay(self):
        assert open_bankroll(kind="REPLAY", replay=a_replay()).kind == "REPLAY"

    @pytest.mark.parametrize(
        "changes",
        [
            {"kind": "CASINO"},
            {"kind": "REPLAY"},
            {"time_zone": "Mars/Olympus"},
            {"time_zone": "../etc/passwd"},
            {"time_zone": ""},
            {"currency": "eur"},
            {"currency": "EURO"},
        ],
    )
    def test_refuses_what_cannot_be(self, changes):
        with pytest.raises(bankrolls.BankrollRefused):
            open_bankroll(**changes)

    def test_refuses_a_name_that_belongs_to_another_sort(self):
        open_bankroll()
        with pytest.raises(bankrolls.BankrollRefused, match="another sort"):
            open_bankroll(is_simulated=True)


class TestApplyMovements:
    def test_moves_many_balances_in_one_statement(self, django_assert_num_queries):
        one, other = a_bankroll("10.00"), a_bankroll("20.00")
        with django_assert_num_queries(1):
            bankrolls.apply_movements(
                amounts={one.pk: Decimal("0.10"), other.pk: Decimal("-20.05")}
            )
        balances = Bankroll.objects.order_by("pk").values_list("balance", flat=True)
        assert list(balances) == [Decimal("10.10"), Decimal("-0.05")]

    def test_moves_nothing_where_a_bankroll_does_not_exist(self):
        one = a_bankroll("10.00")
        with pytest.raises(RuntimeError, match="does not exist"), transaction.atomic():
            bankrolls.apply_movements(amounts={one.pk: Decimal("1"), 999_999: Decimal("1")})
        one.refresh_from_db()
        assert one.balance == Decimal("10.00")


@pytest.mark.django_db(transaction=True)
def test_movements_need_the_transaction_of_their_transfers():
    bankroll = a_bankroll()
    with pytest.raises(RuntimeError, match="transaction"):
        bankrolls.apply_movements(amounts={bankroll.pk: Decimal("1")})


class TestAvailable:
    def test_is_the_balance_less_the_liability_of_open_bets(self):
        bankroll = a_bankroll("100.00")
        for status in ("RESERVED", "UNKNOWN", "ACCEPTED", "REJECTED", "CANCELLED"):
            a_bet(bankroll=bankroll, status=status, stake="10.00", event=an_event())
        a_bet(bankroll=bankroll, side="LAY", price=Decimal("3.00"), stake="7.00", event=an_event())
        assert queries.open_exposure(bankroll_id=bankroll.pk) == Decimal("44.00")
        assert queries.available(bankroll_id=bankroll.pk) == Decimal("56.00")

    def test_of_an_untouched_bankroll_is_its_balance(self):
        assert queries.available(bankroll_id=a_bankroll("100.00").pk) == Decimal("100.00")
