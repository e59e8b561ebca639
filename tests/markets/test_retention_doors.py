"""Changing how long history is kept: page and API, by one service."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from markets.models import RetentionPolicy
from markets.services import retiring
from monitoring.models import AuditEntry
from monitoring.services import roles
from tests.config.builders import a_person

pytestmark = pytest.mark.django_db
CHANGE = {"keep_days": 30, "reason": "the disk is small"}


@pytest.fixture
def policy():
    retiring.ensure_policies()
    return RetentionPolicy.objects.get(table="archive")


def a_client(role=roles.OPS_LEAD):
    roles.ensure_roles()
    client = Client()
    client.force_login(a_person("lea", role))
    return client


def patch(client, policy, body, match='"730-1-1"'):
    return client.patch(
        f"/api/v1/retention-policies/{policy.pk}",
        json.dumps(body),
        content_type="application/json",
        headers={"If-Match": match} if match else {},
    )


class TestApi:
    def test_changes_what_was_read_and_tells_what_it_is_now(self, policy):
        client = a_client()
        url = f"/api/v1/retention-policies/{policy.pk}"
        assert client.get(url)["ETag"] == '"730-1-1"'
        answer = patch(client, policy, CHANGE)
        assert (answer.status_code, answer["ETag"]) == (200, '"30-1-1"')
        entry = AuditEntry.objects.get(action="markets.set_retention")
        assert (entry.actor, entry.detail["reason"]) == ("user:lea", CHANGE["reason"])
        assert (entry.detail["before"], entry.detail["after"]) == (
            {"keep_days": 730},
            {"keep_days": 30},
        )

    def test_keeps_for_ever_and_switches_off(self, policy):
        body = {"keep_days": None, "is_enabled": False, "reason": "evidence"}
        assert patch(a_client(), policy, body).json()["keep_days"] is None
        policy.refresh_from_db()
        assert (policy.keep_days, policy.is_enabled, policy.exports_parquet) == (None, False, True)

    @pytest.mark.parametrize(
        ("body", "match", "status"),
        [
            (CHANGE, "", 428),
            (CHANGE, '"90-1-1"', 412),
            ({"keep_days": 30}, '"730-1-1"', 400),
            ({"keep_days": 0, "reason": "x"}, '"730-1-1"', 400),
            ({"reason": "x"}, '"730-1-1"', 409),
        ],
    )
    def test_refuses_what_is_stale_or_no_change(self, policy, body, match, status):
        assert patch(a_client(), policy, body, match).status_code == status
        policy.refresh_from_db()
        assert policy.keep_days == 730

    def test_is_closed_to_an_operator(self, policy):
        assert patch(a_client(roles.OPERATOR), policy, CHANGE).status_code == 403


class TestPage:
    def test_shows_what_stands_and_changes_it_with_a_reason(self, policy):
        client = a_client()
        url = reverse("admin:markets_retentionpolicy_do", args=[policy.pk, "change"])
        assert 'value="730"' in client.get(url).content.decode()
        form = {"keep_days": "", "is_enabled": "on", "confirmed": "yes", "reason": "evidence"}
        client.post(url, form)
        policy.refresh_from_db()
        assert retiring.stamp_of(policy) == "ever-0-1"
        assert AuditEntry.objects.get(action="markets.set_retention").actor == "user:lea"
