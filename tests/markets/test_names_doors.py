"""The ways to an unknown name: page, API and command line; and who is told of those that wait."""

import json
from datetime import timedelta

import pytest
from django.urls import reverse

from markets import tasks
from markets.models import ParkedRow, Participant, ParticipantAlias, UnknownName
from markets.monitors import names as monitors
from monitoring import registry
from monitoring.models import TaskRun
from monitoring.services import roles
from tests.markets.doors import a_client, run
from tests.markets.test_parking import NOW, file, ingest, named, strict  # noqa: F401

pytestmark = pytest.mark.django_db
CONFIRMED = {"confirmed": "yes", "reason": "the club's own page"}


@pytest.fixture
def waiting(strict, file):  # noqa: F811
    ingest(file)
    return named("Birchs")


class TestThePages:
    def test_list_what_is_to_decide_with_what_it_may_mean(self, waiting):
        answer = a_client(roles.VIEWER).get(reverse("admin:markets_unknownname_changelist"))
        text = answer.content.decode()
        assert "Birchs" in text
        assert "Birches (" in text
        assert "3 records wait" in text

    def test_show_the_records_with_a_name_as_they_came(self, waiting):
        url = reverse("admin:markets_unknownname_change", args=[waiting.pk])
        client = a_client(roles.VIEWER)
        assert "Records with it" in client.get(url).content.decode()
        row = ParkedRow.objects.get(names=waiting)
        url = reverse("admin:markets_parkedrow_change", args=[row.pk])
        text = client.get(url).content.decode()
        assert all(part in text for part in ("13/08/2023", "Birchs", "Names that it waits for"))

    def test_let_an_operator_map_to_a_suggestion(self, waiting):
        client, birches = a_client(), Participant.objects.get(name="Birches")
        url = reverse("admin:markets_unknownname_do", args=[waiting.pk, "map"])
        assert "% alike" in client.get(url).content.decode()
        client.post(url, {**CONFIRMED, "suggestion": str(birches.pk)})
        waiting.refresh_from_db()
        assert (waiting.state, waiting.resolved_by) == ("MAPPED", "user:olga")
        assert ParticipantAlias.objects.get(alias="Birchs").participant == birches

    @pytest.mark.parametrize(("name", "state"), [("create", "CREATED"), ("ignore", "IGNORED")])
    def test_let_an_operator_create_or_ignore(self, waiting, name, state):
        url = reverse("admin:markets_unknownname_do", args=[waiting.pk, name])
        a_client().post(url, CONFIRMED)
        waiting.refresh_from_db()
        assert waiting.state == state

    def test_refuse_a_viewer(self, waiting):
        url = reverse("admin:markets_unknownname_do", args=[waiting.pk, "ignore"])
        assert a_client(roles.VIEWER).post(url, CONFIRMED).status_code == 403


class TestTheApi:
    def post(self, client, row, what, **body):
        return client.post(
            f"/api/v1/unknown-names/{row.pk}/{what}",
            json.dumps({"reason": "the club's own page", **body}),
            content_type="application/json",
        )

    def test_lists_names_and_what_waits_for_them(self, waiting):
        client = a_client(roles.VIEWER)
        rows = client.get("/api/v1/unknown-names?state=OPEN").json()["results"]
        assert "Birchs" in {row["name"] for row in rows}
        found = client.get(f"/api/v1/parked-rows?names={waiting.pk}").json()["results"]
        assert [row["reason"] for row in found] == ["UNKNOWN_NAME"]

    def test_maps_creates_and_ignores(self, waiting):
        client, birches = a_client(), Participant.objects.get(name="Birches")
        assert self.post(client, waiting, "map", participant=birches.pk).json()["state"] == "MAPPED"
        made = self.post(client, named("Cedar Town"), "create", name="Cedars").json()
        assert made["state"] == "CREATED"
        assert self.post(client, named("Alders"), "ignore").json()["state"] == "IGNORED"

    def test_says_why_not(self, waiting):
        answer = self.post(a_client(), waiting, "map")
        assert (answer.status_code, answer.json()["status"]) == (409, 409)

    def test_refuses_a_viewer(self, waiting):
        assert self.post(a_client(roles.VIEWER), waiting, "ignore").status_code == 403


class TestTheCommand:
    def test_lists_and_maps_and_loads(self, waiting, capsys):
        code, report = run(capsys, "names", "list")
        assert (code, len(report["names"])) == (0, 4)
        for name in ("Alders", "Birches", "Birchs"):
            means = Participant.objects.get(name="Birches" if name == "Birchs" else name)
            code, report = run(
                capsys, "names", "map", str(named(name).pk), "--participant", str(means.pk),
                "--reason", "the club's own page",
            )  # fmt: skip
            assert (code, report["state"]) == (0, "MAPPED")
        code, report = run(capsys, "names", "load")
        assert (code, report["loaded"], report["waiting"]) == (2, 1, 2)
        assert TaskRun.objects.filter(trigger="CLI").count() >= 1

    def test_says_why_not(self, waiting, capsys):
        code, report = run(capsys, "names", "ignore", str(waiting.pk))
        assert (code, report["code"]) == (1, "NameRefused")


class TestTheTask:
    def test_loads_what_waits(self, waiting):
        from monitoring.services import running

        with running.recorded_here(
            task="markets.tasks.load_parked", arguments={}, trigger="CLI", actor="cli:test", now=NOW
        ) as run:
            assert tasks.load_parked.body(run)["waiting"] == 3


class TestTheCheck:
    def test_tells_of_records_that_wait_for_an_hour(self, waiting):
        assert list(monitors.names_unknown(NOW)) == []
        since = ParkedRow.objects.order_by("parked_at").first().parked_at
        (found,) = monitors.names_unknown(since + timedelta(hours=2))
        assert "3 records wait, 4 names are unknown" in found.summary
        assert monitors.KIND in registry.checks

    def test_is_silent_once_nothing_waits(self, waiting):
        ParkedRow.objects.update(state="LOADED", settled_at=NOW)
        assert list(monitors.names_unknown(NOW + timedelta(days=9))) == []

    def test_counts_by_source(self, waiting):
        assert list(monitors.unknown_names()) == [({"source": "football_data"}, 4.0)]
        assert list(monitors.parked_rows()) == [({"source": "football_data"}, 3.0)]
        assert UnknownName.objects.count() == 4
