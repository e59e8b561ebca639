"""Programs' keys: made and revoked from their page, seen once, kept nowhere."""

import json
import re
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from monitoring.models import ApiToken, AuditEntry, User
from monitoring.services import roles
from tests.config.builders import a_person

pytestmark = pytest.mark.django_db
MAKE = "admin:monitoring_apitoken_do_many"


@pytest.fixture
def administrator() -> Client:
    roles.ensure_roles()
    client = Client()
    client.force_login(a_person("ada", roles.ADMINISTRATOR))
    return client


@pytest.fixture
def olga() -> User:
    roles.ensure_roles()
    return a_person("olga", roles.VIEWER)


def make(client: Client, person: User, **changed: object):
    answers = {
        "confirmed": "yes", "name": "nightly report", "user": person.pk, "scope": "read",
        "days": 30, "reason": "The report reads bets", **changed,
    }  # fmt: skip
    return client.post(reverse(MAKE, args=["make"]), answers)


def key_in(answer) -> str:
    found = re.search(r'<pre class="cl-pre">([0-9a-f]{64})</pre>', answer.content.decode())
    assert found is not None
    return found[1]


def ask(key: str):
    return Client().get("/api/v1/sports", headers={"Authorization": f"Token {key}"})


class TestMake:
    def test_is_offered_above_the_list_and_asks_first(self, administrator, olga) -> None:
        page = administrator.get(reverse("admin:monitoring_apitoken_changelist"))
        assert reverse(MAKE, args=["make"]) in page.content.decode()
        form = administrator.get(reverse(MAKE, args=["make"])).content.decode()
        assert all(f'name="{field}"' in form for field in ("name", "user", "scope", "days"))
        assert "olga" in form
        assert not ApiToken.objects.exists()

    def test_shows_a_key_that_works_for_its_person_and_its_days(self, administrator, olga) -> None:
        assert ask(key_in(make(administrator, olga))).status_code == 200
        token = ApiToken.objects.get()
        assert (token.name, token.user, token.scopes) == ("nightly report", olga, ["read"])
        left = token.expiry - timezone.now()
        assert timedelta(days=29, hours=23) < left <= timedelta(days=30)

    def test_shows_the_key_once_and_keeps_it_nowhere(self, administrator, olga) -> None:
        answer = make(administrator, olga)
        key = key_in(answer)
        assert "no-store" in answer["Cache-Control"]
        assert key not in str(answer.cookies)
        kept = [ApiToken.objects.values(), AuditEntry.objects.values()]
        assert key not in json.dumps([list(rows) for rows in kept], default=str)
        assert key not in str([session.get_decoded() for session in Session.objects.all()])
        token = ApiToken.objects.get()
        for page, args in (("changelist", []), ("change", [token.pk])):
            url = reverse(f"admin:monitoring_apitoken_{page}", args=args)
            assert key not in administrator.get(url).content.decode()

    def test_stands_in_the_audit(self, administrator, olga) -> None:
        make(administrator, olga, scope="read run")
        entry = AuditEntry.objects.get(action="monitoring.make_token")
        assert (entry.actor, entry.detail) == (
            "user:ada",
            {
                "name": "nightly report", "user": "olga", "scopes": ["read", "run"],
                "reason": "The report reads bets",
            },
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("name", ""), ("name", "x" * 81), ("name", "a\x00b"), ("user", ""), ("user", 10**9),
            ("scope", "write"), ("scope", ""), ("days", 0), ("days", 366), ("days", "ten"),
            ("days", ""), ("reason", " "),
        ],
    )  # fmt: skip
    def test_names_the_field_that_does_not_fit(self, administrator, olga, field, value) -> None:
        answer = make(administrator, olga, **{field: value})
        assert list(answer.context["form"].errors) == [field]
        assert not ApiToken.objects.exists()

    def test_offers_no_person_who_is_locked_out(self, administrator, olga) -> None:
        User.objects.filter(pk=olga.pk).update(is_active=False)
        assert list(make(administrator, olga).context["form"].errors) == ["user"]

    @pytest.mark.parametrize("role", [roles.VIEWER, roles.OPERATOR, roles.OPS_LEAD])
    def test_is_the_administrator_s_alone(self, role) -> None:
        roles.ensure_roles()
        person, client = a_person("otto", role), Client()
        client.force_login(person)
        assert make(client, person).status_code == 403
        assert not ApiToken.objects.exists()


class TestUsedLast:
    def test_shows_when_a_key_was_used(self, administrator, olga) -> None:
        key = key_in(make(administrator, olga))
        url = reverse("admin:monitoring_apitoken_change", args=[ApiToken.objects.get().pk])
        assert ApiToken.objects.get().last_used_at is None
        ask(key)
        used = ApiToken.objects.get().last_used_at
        assert f"{used:%Y-%m-%d %H:%M:%S} UTC" in administrator.get(url).content.decode()


class TestRevoke:
    def test_has_the_key_refused_at_once(self, administrator, olga) -> None:
        key = key_in(make(administrator, olga))
        url = reverse("admin:monitoring_apitoken_do", args=[ApiToken.objects.get().pk, "revoke"])
        answer = administrator.post(url, {"confirmed": "yes", "reason": "It leaked"}, follow=True)
        assert "Revoked 1." in answer.content.decode()
        assert ask(key).status_code == 401
        entry = AuditEntry.objects.get(action="monitoring.revoke_token")
        assert (entry.actor, entry.detail["name"], entry.detail["reason"]) == (
            "user:ada", "nightly report", "It leaked",
        )  # fmt: skip

    def test_takes_several_ticked_keys(self, administrator, olga) -> None:
        for name in ("one", "two", "three"):
            make(administrator, olga, name=name)
        ticked = list(ApiToken.objects.filter(name__in=["one", "two"]).values_list("pk", flat=True))
        administrator.post(
            reverse(MAKE, args=["revoke"]),
            {"confirmed": "yes", "reason": "Old", "_selected_action": ticked},
        )
        assert [token.name for token in ApiToken.objects.all()] == ["three"]
