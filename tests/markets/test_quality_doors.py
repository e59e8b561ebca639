"""The ways to the findings about the data: page, API and command line."""

import json

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from markets.models import QualityFinding
from monitoring.models import TaskRun
from monitoring.services import roles
from tests.config.builders import a_person
from tests.markets.quality import HOUR, NOW, an_event, look, quote

pytestmark = pytest.mark.django_db
CONFIRMED = {"confirmed": "yes", "reason": "a slip of the publisher"}


@pytest.fixture
def finding():
    quote(an_event(), HOME="2.1", DRAW="3.4", AWAY="8.0")
    look("overround")
    return QualityFinding.objects.get()


def a_client(role: str) -> Client:
    roles.ensure_roles()
    client = Client()
    client.force_login(a_person("olga", role))
    return client


class TestThePage:
    def page(self, *key):
        return reverse("admin:markets_qualityfinding_change", args=key)

    def test_lists_what_is_open_with_its_rule(self, finding):
        url = reverse("admin:markets_qualityfinding_changelist")
        client = a_client(roles.VIEWER)
        text = client.get(url).content.decode()
        assert "Margin out of range" in text
        assert "margin -10.47 %" in text
        assert client.get(url, {"kind": "stale-price"}).context["cl"].result_count == 0
        assert client.get(url, {"show": "over"}).context["cl"].result_count == 0

    def test_says_what_to_do_and_leads_to_event_market_and_book(self, finding):
        text = a_client(roles.VIEWER).get(self.page(finding.pk)).content.decode()
        assert "Switch the book off while it lasts" in text
        for model, key in (("event", finding.event_id), ("market", finding.market_id),
                           ("book", finding.book_id)):  # fmt: skip
            assert reverse(f"admin:markets_{model}_change", args=[key]) in text

    def test_lets_an_operator_dismiss_it_and_take_that_back(self, finding):
        client = a_client(roles.OPERATOR)
        url = reverse("admin:markets_qualityfinding_do", args=[finding.pk, "dismiss"])
        assert "counts for no alert" in client.get(url).content.decode()
        client.post(url, {**CONFIRMED, "days": "3"})
        finding.refresh_from_db()
        assert (finding.dismissed_until - finding.dismissed_at).days == 3
        assert "a slip of the publisher" in client.get(self.page(finding.pk)).content.decode()
        client.post(
            reverse("admin:markets_qualityfinding_do", args=[finding.pk, "take_back"]), CONFIRMED
        )
        finding.refresh_from_db()
        assert finding.dismissed_at is None

    @pytest.mark.parametrize("days", ["0", "-1", "x", "99999"])
    def test_takes_no_other_number_of_days(self, finding, days):
        url = reverse("admin:markets_qualityfinding_do", args=[finding.pk, "dismiss"])
        a_client(roles.OPERATOR).post(url, {**CONFIRMED, "days": days})
        finding.refresh_from_db()
        assert finding.dismissed_at is None

    def test_is_refused_to_a_viewer(self, finding):
        url = reverse("admin:markets_qualityfinding_do", args=[finding.pk, "dismiss"])
        assert a_client(roles.VIEWER).post(url, CONFIRMED).status_code == 403

    def test_of_the_dashboard_counts_it(self, finding):
        text = a_client(roles.VIEWER).get(reverse("dashboard-panels")).content.decode()
        assert "Data quality" in text
        assert "?kind=overround" in text


class TestTheApi:
    def post(self, client, finding, what, body):
        return client.post(
            f"/api/v1/quality-findings/{finding.pk}/{what}",
            json.dumps(body),
            content_type="application/json",
        )

    @pytest.mark.parametrize(
        ("query", "n"),
        [
            ("kind=overround", 1),
            ("kind=stale-price", 0),
            ("resolved_at__isnull=true", 1),
            ("resolved_at__isnull=false", 0),
            ("dismissed_at__isnull=true", 1),
            ("found_at__gte=2026-03-15T00:00:00Z", 0),
        ],
    )
    def test_lists_by_rule_and_state(self, finding, query, n):
        answer = a_client(roles.VIEWER).get(f"/api/v1/quality-findings?{query}").json()
        assert len(answer["results"]) == n

    def test_tells_what_it_is_about(self, finding):
        (row,) = a_client(roles.VIEWER).get("/api/v1/quality-findings").json()["results"]
        assert (row["competition"], row["event_name"], row["book_code"]) == (
            "X1", "Alders v Birches", "bet365",
        )  # fmt: skip

    def test_dismisses_and_takes_back(self, finding):
        client = a_client(roles.OPERATOR)
        until = "2099-01-01T00:00:00Z"
        answer = self.post(client, finding, "dismiss", {"reason": "known", "until": until})
        assert (answer.status_code, answer.json()["dismissed_by"]) == (200, "user:olga")
        assert self.post(client, finding, "dismiss", {"reason": "known"}).status_code == 409
        answer = self.post(client, finding, "take-back", {"reason": "not so"})
        assert (answer.status_code, answer.json()["dismissed_at"]) == (200, None)

    @pytest.mark.parametrize(
        "body",
        [{}, {"reason": ""}, {"reason": "x" * 251}, {"reason": "x", "until": "2099-01-01"},
         {"reason": "x", "until": "soon"}, {"reason": "a\x00b"}],
    )  # fmt: skip
    def test_takes_no_dismissal_that_says_too_little(self, finding, body):
        assert self.post(a_client(roles.OPERATOR), finding, "dismiss", body).status_code == 400

    def test_refuses_a_viewer(self, finding):
        answer = self.post(a_client(roles.VIEWER), finding, "dismiss", {"reason": "known"})
        assert answer.status_code == 403


class TestTheCommand:
    @pytest.fixture(autouse=True)
    def an_event_twice(self, db):
        """Two rows of one match, some hours from now by the command's own clock."""
        late = timezone.now() - NOW
        for leg in (1, 2):
            an_event(starts_in=late - leg * HOUR, leg=leg, status="LIVE")

    def run(self, capsys, *words):
        code = 0
        try:
            call_command("quality", *words, "--output", "json")
        except SystemExit as ended:
            code = ended.code
        return code, json.loads(capsys.readouterr().out)

    def test_looks_and_lists(self, capsys):
        code, report = self.run(capsys, "--rule", "duplicated-event")
        assert (code, report["new"], report["failed"]) == (2, 1, {})
        (row,) = report["findings"]
        assert (row["rule"], row["severity"], row["looks"]) == ("duplicated-event", "P2", 1)
        assert TaskRun.objects.get().task == "markets.tasks.look_for_flaws"

    def test_keeps_to_a_competition_and_season(self, capsys):
        ask = ("--rule", "duplicated-event", "--competition", "X1", "--season")
        an_event("C", "D", label="2024-25")
        assert self.run(capsys, *ask, "2024-25")[0] == 0
        assert self.run(capsys, *ask, "2025-26")[0] == 2

    def test_dismisses_and_takes_back(self, capsys):
        self.run(capsys, "--rule", "duplicated-event")
        number = str(QualityFinding.objects.get().pk)
        until = ("--until", "2099-01-01")
        code, row = self.run(capsys, "dismiss", number, "--reason", "known", *until)
        assert (code, row["dismissed"]) == (0, "known")
        assert self.run(capsys, "--rule", "duplicated-event")[0] == 0
        assert len(self.run(capsys, "--rule", "duplicated-event", "--all")[1]["findings"]) == 1
        code, row = self.run(capsys, "take-back", number, "--reason", "not so")
        assert (code, row["dismissed"]) == (0, "")

    @pytest.mark.parametrize(
        "words",
        [
            ("--rule", "full-moon"),
            ("--competition", "NONE"),
            ("--season", "2025-26"),
            ("--competition", "X1", "--season", "1888"),
            ("dismiss",),
            ("dismiss", "999999", "--reason", "x"),
            ("take-back", "999999", "--reason", "x"),
        ],
    )
    def test_says_what_it_cannot_do(self, capsys, words):
        code, report = self.run(capsys, *words)
        assert code == 1
        assert report["error"]

    @pytest.mark.parametrize("words", [("--until", "2099-13-01", "--reason", "x"), ()])
    def test_dismisses_nothing_without_reason_or_by_a_wrong_day(self, capsys, words):
        self.run(capsys, "--rule", "duplicated-event")
        number = str(QualityFinding.objects.get().pk)
        assert self.run(capsys, "dismiss", number, *words)[0] == 1
        assert QualityFinding.objects.get().dismissed_at is None

    def test_shows_people_a_table(self, capsys):
        with pytest.raises(SystemExit):
            call_command("quality", "--rule", "duplicated-event")
        assert "same sides" in capsys.readouterr().out
