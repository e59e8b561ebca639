from decimal import Decimal as D

import pytest
from django.db import transaction

from betting.models import Bankroll
from monitoring.models import AuditEntry
from settlements.models import LedgerAccount, LedgerTransfer
from settlements.services import ledger
from tests.betting.builders import a_replay
from tests.settlements import builders
from tests.settlements.builders import NOON, a_bankroll, an_accepted_bet

pytestmark = pytest.mark.django_db


def deposit(bankroll, amount="100.00", reference="r1"):
    return ledger.deposit(
        bankroll_id=bankroll.pk, amount=D(amount), reference=reference, actor="test", now=NOON
    )


def withdraw(bankroll, amount, reference="w1"):
    return ledger.withdraw(
        bankroll_id=bankroll.pk, amount=D(amount), reference=reference, actor="test", now=NOON
    )


def balance(bankroll):
    return Bankroll.objects.get(pk=bankroll.pk).balance


class TestDeposit:
    def test_moves_money_from_capital_to_cash_and_the_bankroll(self):
        bankroll = a_bankroll("0")

        transfer = deposit(bankroll)

        assert (transfer.debit.kind, transfer.credit.kind) == ("CAPITAL", "CASH")
        assert (transfer.debit.balance, transfer.credit.balance) == (D("-100.00"), D("100.00"))
        assert balance(bankroll) == D("100.00")
        assert AuditEntry.objects.filter(action="ledger.deposit").count() == 1

    def test_twice_is_once(self):
        bankroll = a_bankroll("0")
        assert deposit(bankroll) == deposit(bankroll)
        assert balance(bankroll) == D("100.00")
        assert AuditEntry.objects.filter(action="ledger.deposit").count() == 1

    def test_refuses_another_amount_under_the_same_reference(self):
        bankroll = a_bankroll("0")
        deposit(bankroll)
        with pytest.raises(ledger.LedgerRefused):
            deposit(bankroll, "200.00")

    @pytest.mark.parametrize("amount", ["0", "-5", "0.005", "NaN", "Infinity", "1e12", "1e30"])
    def test_refuses_what_is_no_positive_sum_of_cents(self, amount):
        with pytest.raises(ledger.LedgerRefused):
            deposit(a_bankroll("0"), amount)

    def test_refuses_more_than_a_balance_can_hold(self):
        bankroll = a_bankroll("0.01")
        with pytest.raises(ledger.LedgerRefused, match="cannot hold"):
            deposit(bankroll, "999999999999.99")
        assert deposit(bankroll, "999999999999.98").amount == D("999999999999.98")

    @pytest.mark.parametrize("reference", ["", "  ", "x" * 41, "a\nb", "a\x00b"])
    def test_refuses_a_reference_that_is_none(self, reference):
        with pytest.raises(ledger.LedgerRefused, match="reference"):
            deposit(a_bankroll("0"), reference=reference)

    def test_takes_one_deposit_for_a_replay_and_no_other(self):
        bankroll = a_bankroll("0", kind="REPLAY", replay=a_replay())
        assert deposit(bankroll) == deposit(bankroll)
        for move in (deposit, withdraw):
            with pytest.raises(ledger.LedgerRefused, match="belongs to its replay"):
                move(bankroll, "1.00", reference="later")
        assert balance(bankroll) == D("100.00")


class TestWithdraw:
    def test_moves_money_from_cash_to_capital(self):
        bankroll = a_bankroll("100.00")
        transfer = withdraw(bankroll, "30.00")
        assert (transfer.debit.kind, transfer.credit.kind) == ("CASH", "CAPITAL")
        assert balance(bankroll) == D("70.00")

    def test_refuses_money_that_open_bets_may_need(self):
        bankroll = a_bankroll("100.00")
        an_accepted_bet(bankroll=bankroll, stake="60.00")
        with pytest.raises(ledger.LedgerRefused):
            withdraw(bankroll, "40.01")
        assert withdraw(bankroll, "40.00").amount == D("40.00")


class TestPost:
    @pytest.mark.django_db(transaction=True)
    def test_needs_an_open_transaction(self):
        with pytest.raises(RuntimeError):
            ledger.post(movements=[])

    def test_opens_the_accounts_that_a_bankroll_lacks(self):
        bankroll = a_bankroll("0")
        movement = ledger.Movement(bankroll.pk, "DEPOSIT", "CAPITAL", D("1.00"), "x", NOON)
        with transaction.atomic():
            ledger.post(movements=[movement])
        assert balance(bankroll) == 1
        assert bankroll.accounts.count() == len(LedgerAccount.OF_EVERY_BANKROLL)
        assert ledger.imbalance() == 0

    def test_refuses_a_bankroll_that_there_is_not(self):
        movement = ledger.Movement(987654, "DEPOSIT", "CAPITAL", D("1.00"), "x", NOON)
        with pytest.raises(RuntimeError), transaction.atomic():
            ledger.post(movements=[movement])


class TestImbalance:
    def test_is_nothing_while_all_holds(self):
        a_bankroll("100.00")
        assert ledger.imbalance() == D("0.00")
        assert ledger.imbalances() == []

    def test_sees_a_balance_written_past_the_ledger(self):
        bankroll, other = a_bankroll("100.00"), a_bankroll("50.00")
        Bankroll.objects.filter(pk=bankroll.pk).update(balance=D("107.00"))
        assert ledger.imbalance() == D("7.00")
        assert ledger.imbalance(bankroll_ids=[other.pk]) == D("0.00")

    def test_sees_an_account_that_is_not_the_sum_of_its_transfers(self):
        bankroll = a_bankroll("100.00")
        LedgerAccount.objects.filter(bankroll=bankroll, kind="CAPITAL").update(balance=0)
        (found,) = ledger.imbalances()
        assert (found.accounts, found.balance, found.bets) == (D("100.00"), 0, 0)

    def test_sees_a_bet_settled_without_a_transfer(self):
        an_accepted_bet(status="SETTLED", outcome="WON", profit=D("9.00"), settled_at=NOON)
        assert ledger.imbalance() == D("9.00")

    def test_does_not_let_two_faults_cancel(self):
        for amount in ("5.00", "-5.00"):
            bankroll = a_bankroll("100.00")
            Bankroll.objects.filter(pk=bankroll.pk).update(balance=D(100) + D(amount))
        assert ledger.imbalance() == D("10.00")


class TestTransfers:
    def test_are_never_edited(self):
        a_bankroll("100.00")
        with pytest.raises(Exception, match="Cannot update"), transaction.atomic():
            LedgerTransfer.objects.update(amount=D("1.00"))


def test_builders_keep_the_books():
    builders.an_accepted_bet()
    assert ledger.imbalance() == D("0.00")
