import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from betting.models import PaperTwin
from monitoring.models import AuditEntry, User
from monitoring.services import roles
from tests.betting.builders import a_bankroll, a_strategy

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(client):
    roles.ensure_roles()
    user = User.objects.create_user("lea", password="x", is_staff=True)
    user.groups.add(Group.objects.get(name=roles.OPS_LEAD))
    client.force_login(user)
    return client


def do(client, action, *, row=None, **values):
    args = [row.pk, action] if row else [action]
    name = "admin:betting_papertwin_do" if row else "admin:betting_papertwin_do_many"
    return client.post(
        reverse(name, args=args), {"reason": "to compare", "confirmed": "1", **values}, follow=True
    )


class TestPaperTwins:
    def test_are_begun_stopped_and_begun_again_with_a_reason(self, lead):
        strategy = a_strategy(bankroll=a_bankroll(kind="LIVE"))
        paper = a_bankroll("0.00")
        answer = do(lead, "new", strategy=strategy.pk, bankroll=paper.pk)
        twin = PaperTwin.objects.get()
        assert (twin.strategy, twin.bankroll, twin.is_enabled) == (strategy, paper, True)
        assert answer.status_code == 200
        for action, is_enabled in (("stop", False), ("begin", True)):
            do(lead, action, row=twin)
            twin.refresh_from_db()
            assert twin.is_enabled is is_enabled
        told = AuditEntry.objects.filter(action="twin.set").values_list("detail__reason", flat=True)
        assert list(told) == ["to compare"] * 3

    def test_offer_live_strategies_and_paper_money_alone(self, lead):
        on_paper = a_strategy()
        do(lead, "new", strategy=on_paper.pk, bankroll=on_paper.bankroll_id)
        assert not PaperTwin.objects.exists()
