"""Limits, rules of books and cool-downs as people and programs set them."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from betting.models import BookRule, CoolDown, GamingLimits
from monitoring.services import roles
from tests.betting.builders import a_bankroll, a_book
from tests.config.builders import a_person

pytestmark = pytest.mark.django_db
CONFIRMED = {"confirmed": "yes", "reason": "as agreed"}


@pytest.fixture
def lead(client: Client) -> Client:
    roles.ensure_roles()
    client.force_login(a_person("otto", roles.OPS_LEAD))
    return client


def send(client: Client, path: str, **body: object):
    return client.post(f"/api/v1/{path}", json.dumps(body), content_type="application/json")


class TestApi:
    def test_sets_limits_and_rules_and_begins_a_rest(self, lead):
        bankroll, book = a_bankroll(), a_book()
        limits = send(lead, "gaming-limits", bankroll=bankroll.pk, max_day_loss="50.00", reason="x")
        assert (limits.status_code, limits.json()["max_day_loss"]) == (200, "50.00")
        rules = send(
            lead, "book-rules", book=book.pk, jurisdictions=["GB"], push_rule="void", reason="x"
        )
        assert (rules.status_code, rules.json()["jurisdictions"]) == (200, ["GB"])
        until = timezone.now() + timedelta(hours=3)
        made = send(lead, "cool-downs", ends_at=until.isoformat(), reason="tired")
        assert (made.status_code, made.json()["bankroll"]) == (201, None)
        longer = {"ends_at": (until + timedelta(hours=1)).isoformat(), "reason": "more"}
        at = f"cool-downs/{made.json()['id']}/lengthen"
        assert send(lead, at, **longer).status_code == 200
        shorter = send(lead, at, ends_at=until.isoformat(), reason="better")
        assert (shorter.status_code, shorter.json()["code"]) == (409, "ComplianceRefused")
        for method in ("delete", "patch", "put"):
            answer = getattr(lead, method)(f"/api/v1/cool-downs/{made.json()['id']}")
            assert answer.status_code == 405

    @pytest.mark.parametrize(
        "path, body, status",
        [
            ("gaming-limits", {"bankroll": 10**12}, 409),
            ("gaming-limits", {"max_day_loss": "-1"}, 409),
            ("gaming-limits", {"max_day_loss": "NaN"}, 400),
            ("gaming-limits", {"session_minutes": 0}, 400),
            ("gaming-limits", {"max_week_loss": "1"}, 400),
            ("book-rules", {"is_banned": True}, 409),
            ("book-rules", {"jurisdictions": ["britain"]}, 400),
            ("book-rules", {"jurisdictions": ["gb"]}, 409),
            ("cool-downs", {"ends_at": "2020-01-01T00:00:00Z"}, 409),
            ("cool-downs", {"ends_at": "soon"}, 400),
            ("cool-downs", {}, 400),
        ],
        ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else str(value),
    )
    def test_refuses_what_makes_no_sense(self, lead, path, body, status):
        usual = {
            "gaming-limits": {"bankroll": a_bankroll().pk}, "book-rules": {"book": a_book().pk},
            "cool-downs": {},
        }[path]  # fmt: skip
        assert send(lead, path, **{**usual, **body, "reason": "x"}).status_code == status
        assert not GamingLimits.objects.exists() and not CoolDown.objects.exists()

    def test_lets_operators_rest_and_leads_alone_set_limits(self, client):
        roles.ensure_roles()
        client.force_login(a_person("olga", roles.OPERATOR))
        until = (timezone.now() + timedelta(hours=3)).isoformat()
        assert send(client, "cool-downs", ends_at=until, reason="x").status_code == 201
        asked = {"bankroll": a_bankroll().pk, "reason": "x"}
        assert send(client, "gaming-limits", **asked).status_code == 403


class TestPages:
    def do(self, page: str, name: str, *key: int) -> str:
        return reverse(f"admin:betting_{page}_do" + ("" if key else "_many"), args=[*key, name])

    def test_begin_a_rest_and_offer_nothing_to_end_it(self, lead):
        asked = {**CONFIRMED, "bankroll": a_bankroll(name="Mine").pk, "hours": "5"}
        answer = lead.post(self.do("cooldown", "begin"), asked)
        row = CoolDown.objects.get()
        assert row.bankroll.name == "Mine"
        page = lead.get(answer["Location"]).content.decode()
        assert "In force" in page and "Make it longer" in page and "Lift" not in page
        before = row.ends_at
        lead.post(self.do("cooldown", "lengthen", row.pk), {**CONFIRMED, "hours": "2"})
        row.refresh_from_db()
        assert row.ends_at == before + timedelta(hours=2)
        assert lead.post(self.do("cooldown", "begin"), {**asked, "hours": "0"}).status_code == 200
        assert "Mine" in lead.get(reverse("admin:betting_cooldown_changelist")).content.decode()

    def test_set_limits_and_begin_with_what_stands(self, lead):
        bankroll = a_bankroll(name="Mine")
        asked = {
            **CONFIRMED,
            "bankroll": bankroll.pk,
            "max_day_loss": "50",
            "session_minutes": "60",
        }
        lead.post(self.do("gaminglimits", "set"), asked)
        row = GamingLimits.objects.get()
        assert (row.max_day_loss, row.max_day_stake) == (Decimal(50), None)
        form = lead.get(self.do("gaminglimits", "set", row.pk)).content.decode()
        assert 'value="50.00"' in form
        lead.post(self.do("gaminglimits", "set", row.pk), {**asked, "max_day_loss": ""})
        row.refresh_from_db()
        assert row.max_day_loss is None

    def test_ban_a_book(self, lead):
        asked = {**CONFIRMED, "book": a_book().pk, "jurisdictions": "GB, IE", "is_banned": "on"}
        refused = lead.post(self.do("bookrule", "set"), asked, follow=True).content.decode()
        assert "say why the book is banned" in refused
        lead.post(self.do("bookrule", "set"), {**asked, "banned_reason": "a court's order"})
        row = BookRule.objects.get()
        assert (row.jurisdictions, row.is_banned) == (["GB", "IE"], True)
        listed = lead.get(reverse("admin:betting_bookrule_changelist")).content.decode()
        assert "Banned" in listed


class TestCommand:
    def run(self, capsys, *words: str) -> tuple[dict, int]:
        code = 0
        try:
            call_command("compliance", *words, "--output", "json")
        except SystemExit as end:
            code = end.code
        return json.loads(capsys.readouterr().out), code

    def test_sets_and_lists(self, capsys):
        a_bankroll(name="Mine"), a_book()
        why = ("--reason", "as agreed")
        told, _ = self.run(capsys, "limits", "Mine", "max_day_loss=50", "jurisdiction=GB", *why)
        assert (told["max_day_loss"], told["jurisdiction"]) == ("50", "GB")
        self.run(capsys, "book", "alpha", "jurisdictions=GB,IE", *why)
        rest, _ = self.run(capsys, "cool-down", "Mine", "--hours", "2", *why)
        longer, _ = self.run(capsys, "lengthen", str(rest["cool_down"]), "--hours", "1", *why)
        assert longer["ends_at"] > rest["ends_at"]
        told, code = self.run(capsys, "list")
        assert (len(told["cool_downs"]), told["books"][0]["jurisdictions"], code) == (
            1, ["GB", "IE"], 0,
        )  # fmt: skip

    @pytest.mark.parametrize(
        "words",
        [
            ("cool-down", "Yours", "--hours", "1", "--reason", "x"),
            ("cool-down", "--hours", "0", "--reason", "x"),
            ("cool-down", "--hours", "5"),
            ("lengthen", "9", "--hours", "1", "--reason", "x"),
            ("limits", "Mine", "max_day_loss=lots", "--reason", "x"),
            ("limits", "Mine", "max_day_loss", "--reason", "x"),
            ("limits", "Mine", "actor=root", "--reason", "x"),
            ("book", "nowhere", "is_banned=yes", "--reason", "x"),
        ],
        ids=["bankroll", "hours", "why", "number", "text", "no-value", "actor", "book"],
    )
    def test_says_what_it_refuses(self, capsys, words):
        a_bankroll(name="Mine")
        told, code = self.run(capsys, *words)
        assert (told["code"], code) == ("ComplianceRefused", 1)
        assert not CoolDown.objects.exists()
