"""What programs may be told, at the doors: the API's schema, the command's list, the page."""

import json

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from betting.domain.strategies import REGISTRY
from betting.models import Strategy
from monitoring.models import AuditEntry
from monitoring.services import roles
from tests.betting.builders import a_strategy
from tests.config.builders import a_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer() -> Client:
    roles.ensure_roles()
    client = Client()
    client.force_login(a_person("vera", roles.VIEWER))
    return client


class TestProgramsOverTheApi:
    URL = "/api/v1/strategies/programs"

    def test_are_told_with_what_each_may_be_told(self, viewer):
        told = {one["code"]: one for one in viewer.get(self.URL).json()}
        assert sorted(told) == sorted(REGISTRY)
        for code, program in REGISTRY.items():
            names = list(program.parameters.model_fields)
            assert [one["name"] for one in told[code]["parameters"]] == names
            assert list(told[code]["schema"]["properties"]) == names
            assert told[code]["schema"]["additionalProperties"] is False

    def test_are_not_for_everybody(self, client, viewer):
        assert client.get(self.URL).status_code == 401
        assert viewer.get(f"{self.URL}?nonsense=1").status_code == 400


class TestProgramsByCommand:
    def test_are_told_for_people_and_programs(self, capsys, monkeypatch):
        monkeypatch.setenv("COLUMNS", "240")
        call_command("strategies", "programs")
        shown = capsys.readouterr().out
        call_command("strategies", "programs", "--output", "json")
        told = json.loads(capsys.readouterr().out.splitlines()[-1])["programs"]
        assert [one["code"] for one in told] == list(REGISTRY)
        for program in REGISTRY.values():
            assert program.title in shown
            assert all(name in shown for name in program.parameters.model_fields)


@pytest.fixture
def lead() -> Client:
    roles.ensure_roles()
    client = Client()
    client.force_login(a_person("otto", roles.OPS_LEAD))
    return client


@pytest.fixture
def tired() -> Strategy:
    strategy = a_strategy()
    Strategy.objects.filter(pk=strategy.pk).update(code="fatigue", parameters={"max_rest_days": 3})
    strategy.refresh_from_db()
    return strategy


class TestParameters:
    def patch(self, client: Client, strategy: Strategy, told: object):
        return client.patch(
            f"/api/v1/strategies/{strategy.pk}",
            json.dumps({"parameters": told, "reason": "shorter weeks"}),
            content_type="application/json",
        )

    def test_are_given_whole_over_the_api_and_audited(self, lead, tired):
        answer = self.patch(lead, tired, {"max_rest_days": 4, "side": "AWAY"})
        assert (answer.status_code, answer.json()["parameters"]) == (
            200, {"max_rest_days": 4, "side": "AWAY"},
        )  # fmt: skip
        detail = AuditEntry.objects.get(action="strategy.changed").detail
        assert detail["reason"] == "shorter weeks"
        assert detail["before"] == {"parameters": "{'max_rest_days': 3}"}
        assert detail["after"] == {"parameters": "{'max_rest_days': 4, 'side': 'AWAY'}"}

    @pytest.mark.parametrize(
        "told, named",
        [
            ({"max_rest_days": 31}, "max_rest_days: expected a number from 0 to 30, not 31"),
            ({"side": "DRAW"}, "side: expected ANY or HOME or AWAY, not 'DRAW'"),
            ({"backs_under": "yes"}, "backs_under: expected true or false"),
            ({"resting": 1}, "resting: no such parameter; there are max_rest_days"),
        ],
        ids=["out-of-range", "no-choice", "no-truth", "unknown"],
    )
    def test_that_do_not_fit_are_refused_by_name(self, lead, tired, told, named):
        answer = self.patch(lead, tired, told)
        assert (answer.status_code, named in answer.json()["detail"]) == (409, True)
        tired.refresh_from_db()
        assert tired.parameters == {"max_rest_days": 3}

    def test_are_changed_one_by_one_by_command(self, capsys, tired):
        words = ("parameters.side=HOME", "parameters.backs_under=true", "parameters.max_rest_days=")
        call_command("strategies", "set", tired.name, *words, "--reason", "calmer")
        tired.refresh_from_db()
        assert tired.parameters == {"side": "HOME", "backs_under": True}

    def test_stand_on_the_page_with_what_they_may_be(self, lead, tired):
        text = lead.get(reverse("admin:betting_strategy_change", args=[tired.pk])).content.decode()
        for shown in ("is told", "max_rest_days", "a number from 0 to 30", "unless told"):
            assert shown in text


class TestPresets:
    def test_are_told_and_applied_over_the_api(self, lead, viewer):
        strategy = a_strategy()
        told = {one["name"]: one for one in viewer.get("/api/v1/strategies/presets").json()}
        assert told["soccer"]["limits"]["min_probability"] == 0.48
        path = f"/api/v1/strategies/{strategy.pk}/preset"
        post = {"content_type": "application/json"}
        body = {"preset": "soccer", "reason": "as others do"}
        assert viewer.post(path, body, **post).status_code == 403
        assert lead.post(path, {**body, "preset": "roulette"}, **post).status_code == 400
        assert lead.post(path, {**body, "preset": "spread"}, **post).status_code == 409
        answer = lead.post(path, body, **post)
        assert (answer.status_code, answer.json()["min_probability"]) == (200, 0.48)

    def test_are_applied_on_the_page_and_by_command(self, lead, capsys, monkeypatch):
        strategy = a_strategy()
        do = reverse("admin:betting_strategy_do", args=[strategy.pk, "preset"])
        shown = lead.get(do).content.decode()
        assert "likely sides at middling prices" in shown
        assert "Spreads and" not in shown
        body = {"confirmed": "yes", "reason": "as others do", "preset": "soccer"}
        assert lead.post(do, body).status_code == 302
        strategy.refresh_from_db()
        assert (strategy.min_probability, strategy.max_day_bets) == (0.48, 15)
        other = a_strategy()
        call_command("strategies", "apply", other.name, "soccer", "--reason", "as others do")
        other.refresh_from_db()
        assert other.max_day_bets == 15
        monkeypatch.setenv("COLUMNS", "240")
        capsys.readouterr()
        call_command("strategies", "presets")
        assert "parameters.spread_min_edge_home=0.1" in capsys.readouterr().out
