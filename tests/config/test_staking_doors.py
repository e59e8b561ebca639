"""How a strategy stakes, changed over the API, by its form and by command: refused or audited."""

import json

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from betting.models import Strategy
from monitoring.models import AuditEntry
from monitoring.services import roles
from tests.betting.builders import a_decision, a_strategy
from tests.config.builders import a_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def strategy() -> Strategy:
    return a_strategy()


@pytest.fixture
def lead(client: Client) -> Client:
    roles.ensure_roles()
    client.force_login(a_person("otto", roles.OPS_LEAD))
    return client


def patch(client: Client, strategy: Strategy, body: object):
    return client.patch(
        f"/api/v1/strategies/{strategy.pk}", json.dumps(body), content_type="application/json"
    )


class TestPatch:
    def test_changes_how_it_stakes_and_audits_both_values(self, lead, strategy):
        body = {"staking": "FLAT", "flat_stake": "12.50", "reason": "a trial month"}
        answer = patch(lead, strategy, body)
        assert (answer.status_code, answer.json()["staking"]) == (200, "FLAT")
        strategy.refresh_from_db()
        assert str(strategy.flat_stake) == "12.50"
        detail = AuditEntry.objects.get(action="strategy.changed").detail
        assert (detail["reason"], detail["before"]["staking"]) == (
            "a trial month", "FRACTIONAL_KELLY",
        )  # fmt: skip

    @pytest.mark.parametrize(
        "body, status, told",
        [
            ({"staking": "FLAT"}, 400, "reason"),
            ({"staking": "FLAT", "reason": "x"}, 409, "needs flat_stake"),
            ({"staking": "MARTINGALE", "reason": "x"}, 400, "staking"),
            ({"flat_stake": "-1", "reason": "x"}, 409, "flat_stake must be above 0"),
            ({"flat_stake": "NaN", "reason": "x"}, 400, "flat_stake"),
            ({"stake_share": 2, "reason": "x"}, 409, "stake_share"),
            ({"commission": "Infinity", "reason": "x"}, 400, "commission"),
            ({"kelly_fraction": None, "reason": "x"}, 400, "kelly_fraction"),
            ({"bankroll": 1, "reason": "x"}, 400, "bankroll"),
            ({"min_hours_to_start": 2, "reason": "x"}, 409, "at T-60m no more than 1 are left"),
            ({"parameters": {"days": 1}, "reason": "x"}, 409, "days: no such parameter"),
            ({"parameters": [1], "reason": "x"}, 400, "parameters"),
            ({"reason": "x"}, 409, "name what is to change"),
            ([], 400, ""),
        ],
        ids=[
            "no-reason", "no-amount", "no-method", "negative", "nan", "share-above-one", "infinite",
            "null", "unknown-limit", "window", "unknown-parameter", "no-parameters", "nothing",
            "list",
        ],
    )  # fmt: skip
    def test_refuses_what_does_not_fit_and_names_it(self, lead, strategy, body, status, told):
        answer = patch(lead, strategy, body)
        assert (answer.status_code, told in answer.content.decode()) == (status, True)
        strategy.refresh_from_db()
        assert (strategy.staking, strategy.flat_stake) == ("FRACTIONAL_KELLY", None)
        assert not AuditEntry.objects.filter(action="strategy.changed").exists()

    def test_is_not_for_viewers(self, client, strategy):
        roles.ensure_roles()
        client.force_login(a_person("vera", roles.VIEWER))
        assert patch(client, strategy, {"is_enabled": False, "reason": "x"}).status_code == 403


class TestForm:
    def answers(self, lead: Client, url: str, **changed: object) -> dict[str, object]:
        shown = lead.get(url).context["adminform"].form
        given = {name: shown[name].value() for name in shown.fields}
        kept = {
            name: value
            for name, value in given.items()
            if value not in (None, []) and value is not False
        }
        return {**kept, **changed}

    def test_changes_how_it_stakes_with_a_reason_that_is_audited(self, lead, strategy):
        url = reverse("admin:betting_strategy_change", args=[strategy.pk])
        given = {"staking": "PERCENT", "stake_share": "0.01", "reason": "a trial month"}
        assert lead.post(url, self.answers(lead, url, **given)).status_code == 302
        strategy.refresh_from_db()
        assert (strategy.staking, strategy.stake_share) == ("PERCENT", 0.01)
        changed = AuditEntry.objects.get(action="admin.change").detail["changed"]
        assert changed["staking"] == ["FRACTIONAL_KELLY", "PERCENT"]
        assert changed["reason"][1] == "a trial month"

    @pytest.mark.parametrize(
        "given, told",
        [
            ({"staking": "FLAT", "reason": "x"}, "staking FLAT needs flat_stake"),
            ({"staking": "PERCENT", "stake_share": "7", "reason": "x"}, "stake_share must be"),
            ({"commission": "0.02"}, "This field is required"),
            ({"parameters": '{"days": 1}', "reason": "x"}, "days: no such parameter"),
            ({"parameters": "[1]", "reason": "x"}, "expected names with their values"),
            ({"min_hours_to_start": "2", "reason": "x"}, "at T-60m no more than 1 are left"),
        ],
        ids=["no-amount", "share-above-one", "no-reason", "no-parameter", "no-names", "window"],
    )
    def test_says_what_does_not_fit(self, lead, strategy, given, told):
        url = reverse("admin:betting_strategy_change", args=[strategy.pk])
        answer = lead.post(url, self.answers(lead, url, **given))
        assert (answer.status_code, told in answer.content.decode()) == (200, True)
        strategy.refresh_from_db()
        assert (strategy.staking, strategy.commission) == ("FRACTIONAL_KELLY", 0.0)


class TestDecisionPage:
    def test_lays_out_the_stake_and_prices_that_may_not_be_taken(self, lead, strategy):
        decision = a_decision(strategy=strategy)
        decision.chain = {
            "staking": "SIMULTANEOUS_KELLY",
            "prices": {"alpha": "2.10", "beta": "2.20 PRICE_STALE"},
            "cuts": [["KELLY", "83.33"], ["SIMULTANEOUS_KELLY", "75.10"]],
        }
        decision.save()
        page = lead.get(reverse("admin:betting_decision_change", args=[decision.pk]))
        text = page.content.decode()
        assert page.status_code == 200
        prices = text[text.index("Prices by book") :]
        assert prices.index("2.20") < prices.index("Price stale") < prices.index("2.10")
        assert "Simultaneous kelly" in text


class TestCommand:
    def run(self, capsys, *words: str) -> tuple[dict, int]:
        code = 0
        try:
            call_command("strategies", *words, "--output", "json")
        except SystemExit as end:
            code = int(end.code or 0)
        return json.loads(capsys.readouterr().out.splitlines()[-1]), code

    def test_lists_how_each_stakes(self, capsys, strategy, monkeypatch):
        monkeypatch.setenv("COLUMNS", "240")
        report, code = self.run(capsys)
        assert (code, report["strategies"][0]["staking"]) == (0, "FRACTIONAL_KELLY")
        call_command("strategies")
        assert "FRACTIONAL_KELLY" in capsys.readouterr().out

    def test_sets_with_a_reason(self, capsys, strategy):
        words = ("set", strategy.name, "staking=FLAT", "flat_stake=5", "is_drawdown_scaled=true")
        report, code = self.run(capsys, *words, "--reason", "calmer")
        assert (code, report["staking"], report["is_drawdown_scaled"]) == (0, "FLAT", True)
        assert AuditEntry.objects.get(action="strategy.changed").detail["reason"] == "calmer"

    @pytest.mark.parametrize(
        "words, told",
        [
            (("staking=FLAT",), "needs flat_stake"),
            (("commission=nan",), "commission must be a finite number"),
            (("flat_stake=1e99",), "flat_stake"),
            (("nonsense=1",), "no limit 'nonsense'"),
            (("parameters.days=1",), "days: no such parameter"),
        ],
        ids=["no-amount", "nan", "too-large", "unknown", "no-parameter"],
    )
    def test_refuses_what_does_not_fit(self, capsys, strategy, words, told):
        report, code = self.run(capsys, "set", strategy.name, *words, "--reason", "x")
        assert (code, told in json.dumps(report)) == (1, True)
