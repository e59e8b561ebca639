"""Money that people bring and take: from a bankroll's page, to the cent, by who may."""

from decimal import Decimal as D

import pytest
from django.test import Client
from django.urls import reverse

from betting.models import Bankroll
from monitoring.models import AuditEntry
from monitoring.services import roles
from settlements.models import LedgerTransfer
from settlements.services import ledger
from tests.betting.builders import a_replay
from tests.config.builders import a_person
from tests.settlements.builders import a_bankroll, an_accepted_bet

pytestmark = pytest.mark.django_db
ANSWERS = {
    "confirmed": "yes",
    "amount": "250.25",
    "reference": "Statement 12/4",
    "reason": "Quarter's money",
}
BAD_AMOUNTS = (
    "-1",
    "0",
    "0.00",
    "1e5",
    "١٠",
    "１０",
    "",
    " ",
    "10,50",
    "1_000",
    "0.005",
    "NaN",
    "9" * 13,
)


@pytest.fixture
def bankroll() -> Bankroll:
    return a_bankroll("1000.00")


def a_client(role: str) -> Client:
    roles.ensure_roles()
    client = Client()
    client.force_login(a_person("otto", role))
    return client


@pytest.fixture
def lead() -> Client:
    return a_client(roles.OPS_LEAD)


def button(name: str, bankroll: Bankroll) -> str:
    return reverse("admin:betting_bankroll_do", args=[bankroll.pk, name])


def press(client: Client, name: str, bankroll: Bankroll, **changed: str) -> str:
    answer = client.post(button(name, bankroll), {**ANSWERS, **changed}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def balance(bankroll: Bankroll) -> D:
    return Bankroll.objects.get(pk=bankroll.pk).balance


class TestDeposit:
    def test_moves_the_money_to_the_cent_and_says_so(self, bankroll, lead) -> None:
        text = press(lead, "deposit", bankroll)
        assert "Deposit of 250.25 EUR is booked." in text
        assert balance(bankroll) == D("1250.25")
        transfer = LedgerTransfer.objects.latest("pk")
        assert (transfer.kind, transfer.amount) == ("DEPOSIT", D("250.25"))
        assert transfer.reference == f"deposit:{bankroll.pk}:Statement 12/4"
        assert ledger.imbalance() == 0

    def test_stands_in_the_audit_with_who_and_why(self, bankroll, lead) -> None:
        press(lead, "deposit", bankroll)
        entry = AuditEntry.objects.filter(action="ledger.deposit").latest("pk")
        assert (entry.actor, entry.subject) == ("user:otto", f"betting.Bankroll:{bankroll.pk}")
        assert (entry.detail["amount"], entry.detail["reference"], entry.detail["reason"]) == (
            "250.25", "Statement 12/4", "Quarter's money",
        )  # fmt: skip

    def test_twice_with_one_reference_moves_once(self, bankroll, lead) -> None:
        press(lead, "deposit", bankroll)
        text = press(lead, "deposit", bankroll)
        assert "Nothing moved: this Deposit of 250.25 EUR stands since" in text
        assert balance(bankroll) == D("1250.25")

    def test_refuses_another_amount_under_the_same_reference(self, bankroll, lead) -> None:
        press(lead, "deposit", bankroll)
        text = press(lead, "deposit", bankroll, amount="250.26")
        assert "Refused: Statement 12/4 already moved 250.25, not 250.26" in text
        assert balance(bankroll) == D("1250.25")

    def test_refuses_more_than_a_balance_can_hold(self, bankroll, lead) -> None:
        assert "Refused:" in press(lead, "deposit", bankroll, amount="999999999999.99")
        assert balance(bankroll) == D("1000.00")

    @pytest.mark.parametrize("amount", BAD_AMOUNTS)
    def test_of_no_amount_in_cents_moves_nothing(self, bankroll, lead, amount) -> None:
        answer = lead.post(button("deposit", bankroll), {**ANSWERS, "amount": amount})
        assert answer.status_code == 200
        assert list(answer.context["form"].errors) == ["amount"]
        assert balance(bankroll) == D("1000.00")

    @pytest.mark.parametrize("field", ["reference", "reason"])
    @pytest.mark.parametrize("text", ["", "   ", "a\x00b", "x" * 300])
    def test_needs_its_reference_and_its_reason(self, bankroll, lead, field, text) -> None:
        answer = lead.post(button("deposit", bankroll), {**ANSWERS, field: text})
        assert list(answer.context["form"].errors) == [field]
        assert balance(bankroll) == D("1000.00")

    def test_is_offered_on_the_bankroll_s_page_and_asks_first(self, bankroll, lead) -> None:
        page = lead.get(reverse("admin:betting_bankroll_change", args=[bankroll.pk]))
        assert button("deposit", bankroll) in page.content.decode()
        text = lead.get(button("deposit", bankroll)).content.decode()
        assert "The balance rises" in text and 'name="amount"' in text
        lead.get(button("deposit", bankroll), ANSWERS)
        assert balance(bankroll) == D("1000.00")


class TestWithdraw:
    def test_takes_the_money_to_the_cent(self, bankroll, lead) -> None:
        text = press(lead, "withdraw", bankroll, amount="1000")
        assert "Withdrawal of 1000.00 EUR is booked." in text
        assert balance(bankroll) == 0
        assert AuditEntry.objects.filter(action="ledger.withdrawal", actor="user:otto").exists()

    def test_leaves_what_open_bets_may_need(self, bankroll, lead) -> None:
        an_accepted_bet(bankroll=bankroll, stake="30.00")
        assert (
            "970.00 EUR can be taken out" in lead.get(button("withdraw", bankroll)).content.decode()
        )
        text = press(lead, "withdraw", bankroll, amount="970.01")
        assert "Refused: 970.01 is more than the 970.00 that no open bet may need" in text
        assert balance(bankroll) == D("1000.00")
        press(lead, "withdraw", bankroll, amount="970")
        assert balance(bankroll) == D("30.00")

    @pytest.mark.parametrize("amount", BAD_AMOUNTS)
    def test_of_no_amount_in_cents_moves_nothing(self, bankroll, lead, amount) -> None:
        answer = lead.post(button("withdraw", bankroll), {**ANSWERS, "amount": amount})
        assert list(answer.context["form"].errors) == ["amount"]
        assert balance(bankroll) == D("1000.00")


@pytest.mark.parametrize("name", ["deposit", "withdraw"])
class TestBoth:
    @pytest.mark.parametrize("role", [roles.VIEWER, roles.OPERATOR, roles.MODELING_LEAD])
    def test_are_the_ops_lead_s_alone(self, bankroll, name, role) -> None:
        client = a_client(role)
        page = client.get(reverse("admin:betting_bankroll_change", args=[bankroll.pk]))
        assert "/do/" not in page.content.decode()
        assert client.get(button(name, bankroll)).status_code == 403
        assert client.post(button(name, bankroll), ANSWERS).status_code == 403
        assert balance(bankroll) == D("1000.00")

    def test_leave_a_replay_s_money_alone(self, lead, name) -> None:
        replay = a_bankroll("500.00", kind="REPLAY", replay=a_replay())
        page = lead.get(reverse("admin:betting_bankroll_change", args=[replay.pk]))
        assert "/do/" not in page.content.decode()
        assert "belongs to its replay" in press(lead, name, replay)
        assert balance(replay) == D("500.00")
