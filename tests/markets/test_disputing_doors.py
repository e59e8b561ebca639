"""The ways to a decision on a disputed result: page, API and command line."""

import json

import pytest
from django.urls import reverse

from markets.models import Participant, Result, ResultDispute, RunnerResult, StatisticResult
from monitoring.models import TaskRun
from monitoring.services import roles
from tests.markets.disputes import FIRST, NOW, SECOND, a_source, tell
from tests.markets.doors import a_client, run
from tests.settlements.builders import an_event

pytestmark = pytest.mark.django_db
CONFIRMED = {"confirmed": "yes", "reason": "the league's report"}


@pytest.fixture
def dispute():
    event = an_event()
    tell(event, FIRST, (2, 1))
    tell(event, SECOND, (1, 2))
    return ResultDispute.objects.get()


class TestThePage:
    def page(self, *key):
        return reverse("admin:markets_resultdispute_change", args=key)

    def test_lists_what_is_to_decide(self, dispute):
        text = a_client(roles.VIEWER).get(reverse("admin:markets_resultdispute_changelist"))
        assert "the sides are exchanged" in text.content.decode()

    def test_shows_what_stands_and_what_is_told(self, dispute):
        text = a_client(roles.VIEWER).get(self.page(dispute.pk)).content.decode()
        assert "Final 2–1 v1" in text
        assert "score 1–2, not 2–1" in text
        assert "Keep what stands" not in text  # a viewer decides nothing

    @pytest.mark.parametrize(("name", "state"), [("keep", "UPHELD"), ("take", "REPLACED")])
    def test_lets_an_operator_decide(self, dispute, name, state):
        client = a_client(roles.OPERATOR)
        url = reverse("admin:markets_resultdispute_do", args=[dispute.pk, name])
        asked = client.get(url).content.decode()
        assert "bets" in asked.lower()
        client.post(url, CONFIRMED)
        dispute.refresh_from_db()
        assert (dispute.state, dispute.resolved_by) == (state, "user:olga")

    def test_is_refused_to_a_viewer(self, dispute):
        url = reverse("admin:markets_resultdispute_do", args=[dispute.pk, "take"])
        assert a_client(roles.VIEWER).post(url, CONFIRMED).status_code == 403

    def test_of_the_event_and_of_the_result_shows_it_too(self, dispute):
        client = a_client(roles.VIEWER)
        for page, key in (("event", dispute.event_id), ("result", dispute.standing_id)):
            url = reverse(f"admin:markets_{page}_change", args=[key])
            text = client.get(url).content.decode()
            assert "the sides are exchanged" in text
            assert ("Result disputed" in text) == (page == "event")

    def test_of_a_result_shows_its_periods_runners_and_players(self, dispute):
        sport = dispute.event.competition.sport
        runner = Participant.objects.create(sport=sport, name="Kestrel", kind="RUNNER")
        player = Participant.objects.create(sport=sport, name="Ann Ash", kind="PLAYER")
        row = Result.objects.create(
            event=dispute.event,
            version=2,
            status="FINAL",
            home_score=2,
            away_score=1,
            periods={"H1": [1, 0]},
            has_runners=True,
            has_statistics=True,
            source=a_source(FIRST),
            known_at=NOW,
            recorded_at=NOW,
        )
        RunnerResult.objects.create(result=row, participant=runner, position=1, is_winner=True)
        StatisticResult.objects.create(result=row, participant=player, statistic="points", value=20)
        url = reverse("admin:markets_result_change", args=[row.pk])
        client = a_client(roles.VIEWER)
        text = client.get(url).content.decode()
        assert all(name in text for name in ("H1", "Kestrel", "Ann Ash", "points"))
        for name in ("runnerresult", "statisticresult"):
            found = client.get(reverse(f"admin:markets_{name}_changelist"))
            assert found.status_code == 200
        listed = client.get(reverse("admin:markets_result_changelist"))
        assert '<td class="field-outcome' in listed.content.decode()
        assert [row.winners for row in listed.context["cl"].result_list] == ["Kestrel", None]


class TestTheApi:
    def post(self, client, dispute, body):
        return client.post(
            f"/api/v1/result-disputes/{dispute.pk}/resolve",
            json.dumps(body),
            content_type="application/json",
        )

    def test_lists_open_ones(self, dispute):
        rows = a_client(roles.VIEWER).get("/api/v1/result-disputes?state=OPEN").json()["results"]
        assert [row["id"] for row in rows] == [dispute.pk]
        assert rows[0]["told"]["differs"] == ["score 1–2, not 2–1: the sides are exchanged"]
        assert rows[0]["source_code"] == SECOND

    def test_takes_a_decision_once(self, dispute):
        client = a_client(roles.OPERATOR)
        body = {"keep": "TOLD", "reason": "report"}
        first = self.post(client, dispute, body)
        assert (first.status_code, first.json()["state"]) == (200, "REPLACED")
        again = self.post(client, dispute, body)
        assert (again.status_code, again.json()["code"]) == (409, "DisputeIsOver")

    @pytest.mark.parametrize(
        "body",
        [{}, {"keep": "TOLD"}, {"keep": "BOTH", "reason": "x"}, {"keep": "TOLD", "reason": ""}],
    )
    def test_refuses_half_a_decision(self, dispute, body):
        assert self.post(a_client(roles.OPERATOR), dispute, body).status_code == 400
        dispute.refresh_from_db()
        assert dispute.state == "OPEN"

    def test_refuses_who_may_only_look(self, dispute):
        body = {"keep": "TOLD", "reason": "report"}
        assert self.post(a_client(roles.VIEWER), dispute, body).status_code == 403

    @pytest.mark.parametrize("name", ["runner-results", "statistic-results"])
    def test_offers_the_parts_of_a_result(self, dispute, name):
        assert a_client(roles.VIEWER).get(f"/api/v1/{name}").json()["results"] == []


class TestTheCommand:
    def test_lists_what_is_to_decide(self, dispute, capsys):
        code, found = run(capsys, "results", "disputes")
        assert (code, found["disputes"][0]["id"]) == (0, dispute.pk)
        assert found["disputes"][0]["stands"] == "Final 2–1 v1"

    def test_decides_and_leaves_a_run(self, dispute, capsys):
        code, found = run(
            capsys,
            "results",
            "resolve",
            str(dispute.pk),
            "--keep",
            "standing",
            "--reason",
            "report",
        )
        assert (code, found["state"]) == (0, "UPHELD")
        assert TaskRun.objects.get(task="markets.resolve_dispute").state == "SUCCEEDED"
        assert run(capsys, "results", "disputes")[1] == {"disputes": []}
        assert len(run(capsys, "results", "disputes", "--all")[1]["disputes"]) == 1

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["resolve"], "there is no dispute"),
            (["resolve", "999", "--keep", "told"], "there is no dispute 999"),
        ],
    )
    def test_says_what_is_missing(self, dispute, capsys, words, message):
        code, found = run(capsys, "results", *words)
        assert code == 1
        assert message in found["error"]

    def test_asks_for_the_result_to_keep_and_for_a_reason(self, dispute, capsys):
        assert "--keep" in run(capsys, "results", "resolve", str(dispute.pk))[1]["error"]
        code, found = run(capsys, "results", "resolve", str(dispute.pk), "--keep", "told")
        assert (code, found["code"]) == (1, "NoReason")
