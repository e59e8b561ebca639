"""Adding a strategy by its form: programs and stages that exist, money and model of one world."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from betting.models import Bankroll, Strategy
from models_ml.models import Pipeline
from monitoring.models import AuditEntry
from monitoring.services import roles
from tests.config.builders import a_house, a_person

pytestmark = pytest.mark.django_db
ADD = "admin:betting_strategy_add"


@pytest.fixture
def house():
    return a_house(now=timezone.now(), n=4)


@pytest.fixture
def lead() -> Client:
    roles.ensure_roles()
    client = Client()
    client.force_login(a_person("otto", roles.OPS_LEAD))
    return client


def answers(client: Client, house, **changed: object) -> dict[str, object]:
    """Return the form as it is shown, filled in."""
    shown = client.get(reverse(ADD)).context["adminform"].form
    given = {name: shown[name].value() for name in shown.fields}
    given = {name: value for name, value in given.items() if value not in (None, [])}
    needed = {
        "name": "Second", "code": "value", "bankroll": house.bankroll.pk,
        "pipeline": house.pipeline.pk,
    }  # fmt: skip
    return {**given, **needed, **changed}


class TestAdd:
    def test_makes_the_row_and_an_audit_entry(self, house, lead) -> None:
        answer = lead.post(reverse(ADD), answers(lead, house))
        assert answer.status_code == 302
        made = Strategy.objects.get(name="Second")
        assert (made.code, made.decide_at_stage, made.bankroll) == (
            "value", "T-60m", house.bankroll,
        )  # fmt: skip
        entry = AuditEntry.objects.get(action="admin.add")
        assert (entry.actor, entry.subject) == ("user:otto", f"betting.Strategy:{made.pk}")

    @pytest.mark.parametrize(
        ("field", "value"),
        [("code", "martingale"), ("decide_at_stage", "T-7m"), ("min_edge", "NaN"), ("name", "")],
    )
    def test_names_the_field_that_does_not_fit(self, house, lead, field, value) -> None:
        answer = lead.post(reverse(ADD), answers(lead, house, **{field: value}))
        assert list(answer.context["adminform"].form.errors) == [field]
        assert Strategy.objects.count() == 1

    def test_refuses_real_money_on_a_simulated_model(self, house, lead) -> None:
        real = Bankroll.objects.create(name="Real", created_at=timezone.now())
        answer = lead.post(reverse(ADD), answers(lead, house, bankroll=real.pk))
        assert "one of them is simulated" in answer.content.decode()
        assert not Pipeline.objects.get(pk=house.pipeline.pk).strategies.filter(name="Second")

    def test_leaves_program_and_money_alone_afterwards(self, house, lead) -> None:
        url = reverse("admin:betting_strategy_change", args=[house.strategy.pk])
        shown = lead.get(url).context["adminform"].form
        assert not {"code", "bankroll", "pipeline"} & set(shown.fields)
