"""Adding a strategy by its form: programs and stages that exist, money and model of one world."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from betting.models import Bankroll, Strategy
from models_ml.domain import stages
from models_ml.models import Ladder, Pipeline
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

    @pytest.mark.parametrize(("kind", "phase"), [("LIVE", "DRY_RUN"), ("PAPER", "PRODUCTION")])
    def test_begins_on_live_money_without_a_stake(self, house, lead, kind, phase) -> None:
        Bankroll.objects.filter(pk=house.bankroll.pk).update(kind=kind, is_simulated=False)
        Pipeline.objects.filter(pk=house.pipeline.pk).update(is_simulated=False)
        assert lead.post(reverse(ADD), answers(lead, house)).status_code == 302
        assert Strategy.objects.get(name="Second").phase == phase

    @pytest.mark.parametrize(
        ("field", "value"),
        [("code", "martingale"), ("decide_at_stage", "T-7m"), ("min_edge", "NaN"), ("name", "")],
    )
    def test_names_the_field_that_does_not_fit(self, house, lead, field, value) -> None:
        answer = lead.post(reverse(ADD), answers(lead, house, **{field: value}))
        assert list(answer.context["adminform"].form.errors) == [field]
        assert Strategy.objects.count() == 1

    def test_offers_the_stages_of_ladders_alone(self, house, lead) -> None:
        form = lead.get(reverse(ADD)).context["adminform"].form
        offered = [value for value, _ in form.fields["decide_at_stage"].choices]
        assert offered == ["T-24h", "T-100m", "T-60m"]

    def test_names_the_sports_where_ladders_differ(self, house, lead) -> None:
        Ladder.objects.create(sport=house.pipeline.sport, stages=stages.rows_of(["T-24h", "T-2m"]))
        form = lead.get(reverse(ADD)).context["adminform"].form
        offered = dict(form.fields["decide_at_stage"].choices)
        assert list(offered) == ["T-24h", "T-100m", "T-60m", "T-2m"]
        assert offered["T-24h"] == "T-24h"
        assert offered["T-2m"] == f"T-2m: {house.pipeline.sport}"

    def test_refuses_a_stage_of_another_ladder_and_says_which_there_are(self, house, lead) -> None:
        Ladder.objects.create(sport=house.pipeline.sport, stages=stages.rows_of(["T-24h", "T-2m"]))
        answer = lead.post(reverse(ADD), answers(lead, house, decide_at_stage="T-2m"))
        errors = answer.context["adminform"].form.errors
        assert list(errors) == ["decide_at_stage"]
        assert "only at T-24h, T-100m, T-60m" in errors["decide_at_stage"][0]
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

    def test_offers_the_stages_of_its_own_ladder(self, house, lead) -> None:
        Ladder.objects.create(sport=house.pipeline.sport, stages=stages.rows_of(["T-24h", "T-2m"]))
        url = reverse("admin:betting_strategy_change", args=[house.strategy.pk])
        form = lead.get(url).context["adminform"].form
        offered = [value for value, _ in form.fields["decide_at_stage"].choices]
        assert offered == ["T-24h", "T-100m", "T-60m"]

    def test_keeps_and_tells_of_a_stage_that_its_ladder_lost(self, house, lead) -> None:
        sport = house.pipeline.sport
        Ladder.objects.create(
            sport=sport, is_simulated=True, stages=stages.rows_of(["T-24h", "T-30m"])
        )
        url = reverse("admin:betting_strategy_change", args=[house.strategy.pk])
        page = lead.get(url)
        assert "T-60m is not on its ladder any more" in page.content.decode()
        form = page.context["adminform"].form
        given = {name: form[name].value() for name in form.fields}
        given = {name: value for name, value in given.items() if value not in (None, [])}
        given["reason"] = "it is to decide earlier"
        assert lead.post(url, {**given, "name": "Renamed"}).status_code == 302
        kept = Strategy.objects.get(pk=house.strategy.pk)
        assert (kept.name, kept.decide_at_stage) == ("Renamed", "T-60m")
        assert lead.post(url, {**given, "decide_at_stage": "T-30m"}).status_code == 302
        kept.refresh_from_db()
        assert kept.decide_at_stage == "T-30m"
