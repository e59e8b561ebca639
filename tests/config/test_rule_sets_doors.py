"""Rule sets by page and API: every version shown beside the one before, made and put to use."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from betting.models import BetImport, BetMapping
from monitoring.services import roles
from settlements.models import RuleSet, RuleUse
from settlements.services import rule_sets
from tests.config.builders import a_person
from tests.settlements.builders import NOON, a_book

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _shipped():
    roles.ensure_roles()
    rule_sets.ensure_shipped(now=NOON, actor="test")


@pytest.fixture
def lead(client: Client) -> Client:
    client.force_login(a_person("otto", roles.OPS_LEAD))
    return client


def send(client: Client, path: str, body: object):
    return client.post(f"/api/v1/{path}", json.dumps(body), content_type="application/json")


class TestApi:
    def test_makes_a_version_and_tells_what_differs(self, lead):
        body = {"code": "exchange", "terms": {"tie": "LOST"}, "reason": "x"}
        answer = send(lead, "rule-sets", body)
        assert (answer.status_code, answer.json()["version"]) == (201, 2)
        found = lead.get(f"/api/v1/rule-sets/{answer.json()['id']}/differences").json()
        assert {one["term"]: one["after"] for one in found} == {
            "tie": "LOST", "non_runner": "NONE", "commission.base": "NONE",
            "commission.is_of_bet": False,
        }  # fmt: skip
        assert send(lead, "rule-sets", body).status_code == 409

    @pytest.mark.parametrize(
        ("changes", "status", "told"),
        [
            pytest.param({"terms": {"tie": "X"}}, 409, "tie", id="no value"),
            pytest.param({"terms": 3}, 400, "terms", id="no terms"),
            pytest.param({"reason": ""}, 400, "reason", id="no reason"),
            pytest.param({"code": "a b"}, 400, "code", id="no name"),
            pytest.param({"since": "2026-01-01"}, 400, "since", id="no zone"),
        ],
    )
    def test_makes_none_that_cannot_be_read(self, lead, changes, status, told):
        answer = send(lead, "rule-sets", {"code": "new", "terms": {}, "reason": "x", **changes})
        assert (answer.status_code, told in answer.content.decode()) == (status, True)
        assert not RuleSet.objects.filter(code="new").exists()

    def test_puts_one_to_use_and_takes_it_back(self, lead):
        a_book()
        body = {"code": "exchange", "book": "bet365", "reason": "x"}
        made = send(lead, "rule-uses", body)
        assert (made.status_code, made.json()["book"]) == (201, "bet365")
        assert send(lead, "rule-uses", {**body, "book": "moon"}).status_code == 409
        assert send(lead, f"rule-uses/{made.json()['id']}/drop", {}).status_code == 400
        dropped = send(lead, f"rule-uses/{made.json()['id']}/drop", {"reason": "x"})
        assert (dropped.status_code, RuleUse.objects.count()) == (200, 0)

    def test_compares_what_an_import_brought_with_other_rules(self, lead):
        mapping = BetMapping.objects.create(name="x", spec={}, changed_by="t", changed_at=NOON)
        read = BetImport.objects.create(
            mapping=mapping, spec={"rules": "tips_at_sp"}, file="x.csv", sha256="0",
            imported_by="t", imported_at=NOON, rows=0, made=0, unchanged=0, refused=0,
        )  # fmt: skip
        path = f"/api/v1/rule-sets/compare?imported={read.pk}"
        found = lead.get(f"{path}&other=exchange").json()
        assert (found["under"], found["other"], found["bets"]) == ("tips_at_sp", "exchange", 0)
        assert found["causes"] == {}
        assert lead.get(f"{path}&other=moon").status_code == 409
        assert lead.get(path).status_code == 400
        assert lead.get(f"{path}&other=exchange&moon=1").status_code == 400

    def test_is_for_leads_alone(self):
        client = Client()
        client.force_login(a_person("vera", roles.VIEWER))
        assert client.get("/api/v1/rule-sets?code=exchange").json()["results"][0]["version"] == 1
        for path in ("rule-sets", "rule-uses"):
            assert send(client, path, {}).status_code == 403


class TestPages:
    def test_show_every_term_and_what_differs_from_the_version_before(self, lead):
        row = rule_sets.make_version(
            code="exchange", terms={"tie": "LOST"}, reason="x", actor="t", now=NOON
        )
        page = lead.get(reverse("admin:settlements_ruleset_change", args=[row.pk]))
        text = page.content.decode()
        assert "What differs from the version before" in text
        assert "MARKET_NET" in text and "least_reduction" in text
        listed = lead.get(reverse("admin:settlements_ruleset_changelist")).content.decode()
        assert "without_price AS_ZERO" in listed

    def test_make_the_next_version(self, lead):
        row = rule_sets.latest("exchange")
        url = reverse("admin:settlements_ruleset_do", args=[row.pk, "next"])
        assert "REDUCTION_FACTOR" in lead.get(url).content.decode()
        asked = {
            "terms": '{"tie": "LOST"}',
            "since": "2026-05-01 00:00",
            "reason": "theirs",
            "confirmed": "yes",
        }
        assert lead.post(url, asked).status_code == 302
        made = rule_sets.latest("exchange")
        assert (made.version, made.terms, made.since.month) == (2, {"tie": "LOST"}, 5)
        refused = lead.post(url, {**asked, "terms": '{"tie": "X"}'}, follow=True)
        assert "terms: tie" in refused.content.decode()
        assert rule_sets.latest("exchange") == made

    def test_put_one_to_use_and_take_it_back(self, lead):
        a_book()
        url = reverse("admin:settlements_ruleuse_do_many", args=["use"])
        asked = {"code": "exchange", "book": "bet365", "reason": "theirs", "confirmed": "yes"}
        assert lead.post(url, asked).status_code == 302
        use = RuleUse.objects.get()
        assert (
            "bet365" in lead.get(reverse("admin:settlements_ruleuse_changelist")).content.decode()
        )
        url = reverse("admin:settlements_ruleuse_do", args=[use.pk, "drop"])
        assert lead.post(url, {"reason": "not theirs", "confirmed": "yes"}).status_code == 302
        assert not RuleUse.objects.exists()
