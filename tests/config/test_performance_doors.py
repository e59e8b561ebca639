"""The page of performance, its targets, and the same over HTTP."""

import json

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from monitoring.services import roles
from settlements.models import PerformanceDay, PerformanceTarget
from settlements.services import targets
from tests.config.builders import a_house, a_person

pytestmark = pytest.mark.django_db
NOW = timezone.now()
PAGE = "/admin/settlements/performanceday/figures/"


@pytest.fixture
def house():
    targets.ensure_shipped(now=NOW, actor="test")
    return a_house(now=NOW, n=12, simulated=False)


def client_of(role: str) -> Client:
    roles.ensure_roles()
    client = Client()
    client.force_login(a_person("somebody", role))
    return client


@pytest.fixture
def lead() -> Client:
    return client_of(roles.OPS_LEAD)


def send(client: Client, method: str, path: str, **body: object) -> tuple[int, dict]:
    sent = getattr(client, method)(
        f"/api/v1/{path}", json.dumps(body), content_type="application/json"
    )
    return sent.status_code, sent.json()


def ask(client: Client, path: str) -> tuple[int, object]:
    answer = client.get(f"/api/v1/{path}")
    return answer.status_code, answer.json()


class TestPage:
    def test_shows_windows_targets_pictures_and_a_cut(self, house):
        text = client_of(roles.VIEWER).get(PAGE, {"window": "all", "by": "BOOK"}).content.decode()
        assert "+5.00" in text  # 2 won, 2 lost, 2 pushed: 2 x 27.50 - 2 x 25.00
        assert "below -5 %" in text and "from 40, up to 60" in text
        assert text.count("<svg role=") == 4
        assert "By book" in text and "Against what was expected" in text

    @pytest.mark.parametrize("by", PerformanceDay.Cut.values)
    def test_reads_few_statements_by_any_cut(self, house, by, django_assert_max_num_queries):
        client = client_of(roles.VIEWER)
        with django_assert_max_num_queries(60):
            assert client.get(PAGE, {"by": by}).status_code == 200

    def test_says_what_to_do_in_an_empty_house_and_nothing_to_strangers(self):
        assert "No bankroll yet" in client_of(roles.VIEWER).get(PAGE).content.decode()
        assert Client().get(PAGE).status_code == 302


class TestTargets:
    def test_are_changed_by_a_lead_with_a_reason(self, house, lead):
        row = PerformanceTarget.objects.get(source="points", figure="YIELD")
        url = reverse("admin:settlements_performancetarget_do", args=[row.pk, "change"])
        asked = {
            "green_low": "0.03", "red_low": "-0.02", "min_n": "200", "needs_interval": "on",
            "is_enabled": "on", "reason": "ours", "confirmed": "yes",
        }  # fmt: skip
        assert lead.post(url, asked).status_code == 302
        row.refresh_from_db()
        assert (row.green_low, row.red_low, row.min_n, row.tells) == (0.03, -0.02, 200, False)
        crossed = lead.post(url, {**asked, "red_low": "0.5"}, follow=True).content.decode()
        assert "red_low must not exceed green_low" in crossed
        page = lead.get(reverse("admin:settlements_performancetarget_changelist")).content.decode()
        assert "from 3 %" in page and "below -2 %" in page

    def test_are_added_by_a_lead(self, house, lead):
        url = reverse("admin:settlements_performancetarget_do_many", args=["add"])
        asked = {
            "source": "own", "figure": "SORTINO", "window_days": "90", "green_low": "1",
            "min_n": "0", "is_enabled": "on", "reason": "ours", "confirmed": "yes",
        }  # fmt: skip
        assert lead.post(url, asked).status_code == 302
        assert str(PerformanceTarget.objects.get(source="own")) == "own: Sortino ratio, 90 days"


class TestApi:
    def test_tells_a_window_with_a_cut(self, house, lead):
        status, told = ask(lead, "performance/window?window=all&by=SITUATION")
        assert (status, told["figures"]["bets"]) == (200, 6)
        assert sum(line["figures"]["bets"] for line in told["by"]) == 6
        assert ask(lead, "performance/window?window=7x")[0] == 409
        assert ask(lead, "performance/window?by=MOON")[0] == 400

    def test_tells_where_each_target_stands(self, house, lead):
        status, told = ask(lead, "performance/standings")
        assert (status, len(told)) == (200, len(targets.SHIPPED))
        assert {row["band"] for row in told} >= {"FEW", "BETWEEN"}

    def test_changes_and_adds_targets(self, house, lead):
        row = PerformanceTarget.objects.get(source="points", figure="YIELD")
        path = f"performance-targets/{row.pk}"
        status, told = send(lead, "patch", path, red_low=-0.02, reason="ours")
        assert (status, told["red_low"], told["green_low"]) == (200, -0.02, 0.05)
        assert send(lead, "patch", path, red_low=0.5, reason="ours")[0] == 409
        assert send(lead, "patch", path, red_low=-0.01)[0] == 400
        new = {"source": "own", "figure": "SORTINO", "green_low": 1.0, "reason": "ours"}
        assert send(lead, "post", "performance-targets", **new)[0] == 201
        assert send(lead, "post", "performance-targets", **new)[0] == 409
