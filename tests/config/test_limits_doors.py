"""Limits by page, API and command: shown with what of them is used, set with a reason, audited."""

import json

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from betting.models import Limit
from monitoring.models import AuditEntry
from monitoring.services import roles
from tests.betting.builders import NOON, a_bankroll, a_bet, an_event
from tests.config.builders import a_person

pytestmark = pytest.mark.django_db
PAGE = "admin:betting_limit_changelist"


@pytest.fixture
def limit() -> Limit:
    return Limit.objects.create(dimension="OPEN", share=0.25)


@pytest.fixture
def lead(client: Client) -> Client:
    roles.ensure_roles()
    client.force_login(a_person("otto", roles.OPS_LEAD))
    return client


def a_viewer() -> Client:
    roles.ensure_roles()
    client = Client()
    client.force_login(a_person("vera", roles.VIEWER))
    return client


def send(client: Client, method: str, path: str, body: object):
    return getattr(client, method)(
        f"/api/v1/limits{path}", json.dumps(body), content_type="application/json"
    )


def do(name: str, row: Limit | None = None) -> str:
    if row is None:
        return reverse("admin:betting_limit_do_many", args=[name])
    return reverse("admin:betting_limit_do", args=[row.pk, name])


class TestApi:
    def test_changes_a_limit_and_audits_both_values(self, lead, limit):
        answer = send(lead, "patch", f"/{limit.pk}", {"share": 0.2, "reason": "a calm month"})
        assert (answer.status_code, answer.json()["share"]) == (200, 0.2)
        detail = AuditEntry.objects.get(action="limit.changed").detail
        assert (detail["before"]["share"], detail["after"]["share"]) == (0.25, 0.2)
        assert detail["reason"] == "a calm month"

    def test_sets_one_for_a_bankroll_and_the_same_post_again_changes_nothing(self, lead):
        body = {"bankroll": a_bankroll().pk, "dimension": "DAY", "amount": "50", "reason": "x"}
        assert send(lead, "post", "", body).status_code == 201
        assert send(lead, "post", "", body).status_code == 409
        assert str(Limit.objects.get().amount) == "50.00"

    @pytest.mark.parametrize(
        "body, status, told",
        [
            pytest.param({"share": 0.2}, 400, "reason", id="no-reason"),
            pytest.param({"share": 2, "reason": "x"}, 409, "share", id="share-above-1"),
            pytest.param({"share": "NaN", "reason": "x"}, 400, "share", id="nan"),
            pytest.param({"amount": "-1", "reason": "x"}, 409, "amount", id="negative"),
            pytest.param({"amount": "1e400", "reason": "x"}, 400, "amount", id="huge"),
            pytest.param({"number": "3", "reason": "x"}, 409, "number alone", id="a-count-too"),
            pytest.param({"share": None, "reason": "x"}, 409, "number alone", id="nothing-left"),
            pytest.param({"dimension": "DAY", "reason": "x"}, 400, "dimension", id="unknown-part"),
            pytest.param({"reason": "x"}, 409, "what is to change", id="nothing"),
            pytest.param([], 400, "", id="a-list"),
        ],
    )
    def test_refuses_what_does_not_fit_and_names_it(self, lead, limit, body, status, told):
        answer = send(lead, "patch", f"/{limit.pk}", body)
        assert (answer.status_code, told in answer.content.decode()) == (status, True)
        limit.refresh_from_db()
        assert (limit.share, limit.changed_by) == (0.25, "")

    @pytest.mark.parametrize(
        "changes, status",
        [
            pytest.param({"dimension": "MOON"}, 400, id="no-dimension"),
            pytest.param({"bankroll": 987654}, 409, id="no-such-bankroll"),
            pytest.param({"bankroll": 0}, 400, id="no-bankroll-at-all"),
            pytest.param({"amount": "x"}, 400, id="no-amount"),
        ],
    )
    def test_makes_none_that_is_none(self, lead, changes, status):
        body = {"dimension": "DAY", "amount": "50", "reason": "x", **changes}
        assert send(lead, "post", "", body).status_code == status
        assert not Limit.objects.exists()

    def test_tells_what_of_each_is_used(self, lead, limit):
        bankroll = a_bankroll("1000.00")
        a_bet(bankroll=bankroll, stake="50.00")
        (row,) = lead.get("/api/v1/limits/use").json()
        assert (row["limit"], row["used"], row["allowed"]) == (limit.pk, "50.00", "250.00")
        assert row["share"] == 0.2
        assert lead.get("/api/v1/limits?dimension=OPEN").json()["results"][0]["share"] == 0.25
        assert lead.get(f"/api/v1/limits/use?bankroll={bankroll.pk}").json() == [row]
        assert lead.get(f"/api/v1/limits/use?bankroll={bankroll.pk + 1}").json() == []
        for wrong in ("moon=1", "bankroll=x", "bankroll=0"):
            assert lead.get(f"/api/v1/limits/use?{wrong}").status_code == 400

    def test_is_changed_by_leads_alone(self, limit):
        client = a_viewer()
        assert client.get("/api/v1/limits/use").status_code == 200
        assert send(client, "patch", f"/{limit.pk}", {}).status_code == 403
        assert send(client, "post", "", {}).status_code == 403


class TestPage:
    def test_shows_what_is_used_beside_each_limit(self, lead, limit):
        bankroll = a_bankroll("1000.00", name="Main <b>")
        a_bet(bankroll=bankroll, stake="50.00")
        text = lead.get(reverse(PAGE)).content.decode()
        for shown in ("25 % of the balance", "20 %", "50.00 EUR of 250.00 EUR", "Main &lt;b&gt;"):
            assert shown in text
        text = lead.get(reverse("admin:betting_limit_change", args=[limit.pk])).content.decode()
        assert "Used now" in text and "Main &lt;b&gt;" in text

    def test_costs_as_many_statements_however_many_stand(
        self, lead, limit, django_assert_max_num_queries
    ):
        for _ in range(5):
            bankroll = a_bankroll()
            a_bet(bankroll=bankroll, event=an_event())
            for dimension in ("EVENT", "BOOK", "DAY"):
                Limit.objects.create(bankroll=bankroll, dimension=dimension, share=0.1)
        with django_assert_max_num_queries(20):
            assert lead.get(reverse(PAGE)).status_code == 200

    def test_sets_changes_and_switches_with_a_reason(self, lead, limit):
        bankroll = a_bankroll()
        why = {"confirmed": "yes", "reason": "a trial"}
        given = {"whose": str(bankroll.pk), "dimension": "OPEN_BETS", "number": "4", **why}
        assert lead.post(do("set"), given).status_code == 302
        assert Limit.objects.get(bankroll=bankroll).number == 4
        assert lead.post(do("change", limit), {"amount": "80", **why}).status_code == 302
        limit.refresh_from_db()
        assert (limit.share, str(limit.amount)) == (None, "80.00")
        assert "number" not in lead.get(do("change", limit)).context["form"].fields
        assert lead.post(do("disable", limit), why).status_code == 302
        limit.refresh_from_db()
        assert not limit.is_enabled
        assert AuditEntry.objects.filter(actor="user:otto", action="limit.changed").count() == 2

    @pytest.mark.parametrize(
        "given",
        [
            pytest.param({"share": "0.3"}, id="no-reason"),
            pytest.param({"share": "x", "reason": "y"}, id="no-number"),
            pytest.param({"share": "7", "reason": "y"}, id="above-one"),
            pytest.param({"reason": "y"}, id="nothing-left"),
        ],
    )
    def test_changes_nothing_that_does_not_fit(self, lead, limit, given):
        lead.post(do("change", limit), {"confirmed": "yes", **given})
        limit.refresh_from_db()
        assert limit.share == 0.25

    def test_offers_viewers_nothing(self, limit):
        client = a_viewer()
        assert "Set…" not in client.get(reverse(PAGE)).content.decode()
        assert client.post(do("disable", limit), {"confirmed": "yes"}).status_code == 403


@pytest.mark.django_db(transaction=True)
class TestCommand:
    def run(self, capsys, *arguments: str) -> tuple[dict, int]:
        code = 0
        try:
            call_command("limits", *arguments, "--output", "json")
        except SystemExit as end:
            code = int(end.code or 0)
        return json.loads(capsys.readouterr().out), code

    def test_lists_and_sets(self, capsys):
        a_bet(bankroll=a_bankroll("1000.00", name="Main"), stake="50.00", placed_at=NOON)
        row, code = self.run(
            capsys, "set", "OPEN", "share=0.1", "--bankroll", "Main", "--reason", "calm"
        )
        assert (code, row["share"], row["bankroll"]) == (0, 0.1, "Main")
        listed, _ = self.run(capsys, "list", "OPEN")
        assert [(r["used"], r["allowed"]) for r in listed["limits"]] == [("50.00", "100.00")]
        call_command("limits")
        assert "Main" in capsys.readouterr().out

    def test_refuses_what_does_not_fit(self, capsys):
        row, code = self.run(capsys, "set", "OPEN", "share=2", "--reason", "x")
        assert (row["code"], code) == ("LimitRefused", 1)
