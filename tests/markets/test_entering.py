"""A result that a person enters: it stands, decides disputes, and moves money again."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from markets.domain.entries import Entry
from markets.models import (
    Event,
    Market,
    Participant,
    Result,
    ResultDispute,
    RunnerResult,
    Selection,
    Source,
)
from markets.queries import results as queries
from markets.services import entering
from markets.services.entering import StandsAlready, WrongResult
from monitoring.models import AuditEntry, Incident, TaskRun
from monitoring.services import roles
from tests.config.builders import a_person
from tests.markets.disputes import FIRST, NOW, SECOND, THIRD, disputes, tell, versions
from tests.settlements.builders import an_event

pytestmark = pytest.mark.django_db


@pytest.fixture
def event():
    return an_event(starts_at=NOW - timedelta(hours=4))


def final(home, away, **fields):
    return Entry("FINAL", (home, away), **fields)


def enter(event, entry, *, reason="the referee's report", now=NOW):
    return entering.enter(event_id=event.pk, entry=entry, actor="user:a", reason=reason, now=now)


class TestAnEntry:
    def test_is_the_first_version_where_no_source_tells_one(self, event):
        row = enter(event, final(2, 1, half=(1, 0)))
        assert (row.version, row.known_at, row.home_score_half) == (1, NOW, 1)
        event.refresh_from_db()
        assert event.status == "FINISHED"

    def test_is_the_next_version_and_is_audited(self, event):
        tell(event, FIRST, (2, 1))
        enter(event, final(1, 1))
        assert versions(event) == [(2, 1, FIRST), (1, 1, "by_hand")]
        entry = AuditEntry.objects.get(action="markets.enter_result")
        assert (entry.actor, entry.detail["reason"]) == ("user:a", "the referee's report")
        assert (entry.detail["before"], entry.detail["after"]) == ("Final 2–1 v1", "Final 1–1 v2")

    def test_wins_a_dispute_in_which_both_are_wrong(self, event):
        tell(event, FIRST, (2, 1))
        tell(event, SECOND, (1, 2))
        enter(event, final(1, 1))
        dispute = ResultDispute.objects.get()
        assert (dispute.state, dispute.resolved_by) == ("UPHELD", "user:a")
        assert str(dispute.standing) == "Final 1–1 v2"
        assert not queries.open_disputes().exists()
        assert not Incident.objects.exclude(state="RESOLVED").exists()

    def test_agrees_with_the_source_that_was_right(self, event):
        tell(event, FIRST, (2, 1))
        tell(event, SECOND, (1, 2))
        enter(event, final(1, 2))
        assert disputes(event) == ["REPLACED"]

    @pytest.mark.parametrize(("source", "score"), [(FIRST, (2, 1)), (SECOND, (1, 2))])
    def test_is_not_disputed_by_who_only_repeats_himself(self, event, source, score):
        tell(event, FIRST, (2, 1))
        tell(event, SECOND, (1, 2))
        enter(event, final(1, 1))
        tell(event, source, score, now=NOW + timedelta(hours=1))
        assert disputes(event) == ["UPHELD"]
        assert len(versions(event)) == 2

    @pytest.mark.parametrize(("source", "score"), [(FIRST, (3, 1)), (THIRD, (2, 1))])
    def test_is_disputed_by_who_tells_something_new(self, event, source, score):
        tell(event, FIRST, (2, 1))
        enter(event, final(1, 1))
        tell(event, source, score, now=NOW + timedelta(hours=1))
        assert disputes(event) == ["OPEN"]

    def test_is_followed_by_another_one(self, event):
        enter(event, final(1, 1))
        enter(event, final(1, 2))
        assert versions(event)[-1] == (1, 2, "by_hand")

    def test_takes_a_result_back(self, event):
        tell(event, FIRST, (2, 1))
        enter(event, Entry("WITHDRAWN"))
        event.refresh_from_db()
        assert event.status == "SCHEDULED"

    def test_of_a_race_names_who_came_in(self):
        race = a_race(4, 5, 2, 7)
        enter(race, Entry("FINAL", order="4=5, 2"))
        told = RunnerResult.objects.values_list("number", "position", "is_winner")
        assert set(told) == {(4, 1, True), (5, 1, True), (2, 3, False), (7, None, False)}

    def test_comes_of_a_source_that_is_never_read(self, event):
        enter(event, final(1, 1))
        source = Source.objects.get(code="by_hand")
        assert (source.is_enabled, source.location) == (False, "")


def a_race(*numbers):
    event = an_event(starts_at=NOW - timedelta(hours=4))
    sport = event.competition.sport
    Event.objects.filter(pk=event.pk).update(
        home=None, away=None, race_number=1, meeting_date=NOW.date()
    )
    event.refresh_from_db()
    market = Market.objects.create(event=event, kind="WIN", period="FULL")
    for number in numbers:
        name = f"Runner {number}"
        runner = Participant.objects.create(sport=sport, name=name, kind="RUNNER")
        Selection.objects.create(
            market=market, role="RUNNER", participant=runner, number=number, name=name
        )
    return event


class TestRefused:
    @pytest.mark.parametrize(
        "entry",
        [
            Entry("INTERRUPTED"),
            Entry("FINAL"),
            final(2, None),
            final(2, 1, half=(1, None)),
            final(2, 1, half=(3, 0)),
            final(1_000, 0),
            final(2, 1, winner="AWAY"),
            final(2, 1, winner="DRAW"),
            final(2, 1, order="1"),
            Entry("ABANDONED", (1, 0)),
            Entry("CANCELLED", winner="HOME"),
            Entry("WALKOVER"),
            Entry("RETIRED", winner="DRAW"),
            Entry("WITHDRAWN"),
        ],
        ids=str,
    )
    def test_is_what_no_match_can_end_with(self, event, entry):
        with pytest.raises(WrongResult):
            enter(event, entry)
        assert not Result.objects.exists()

    @pytest.mark.parametrize("order", ["", "4, 4", "9", "4;5", "4=", "x"])
    def test_is_what_no_race_can_end_with(self, order):
        with pytest.raises(WrongResult):
            enter(a_race(4, 5), Entry("FINAL", order=order))

    def test_is_an_end_before_the_start(self, event):
        Event.objects.filter(pk=event.pk).update(starts_at=NOW + timedelta(hours=1))
        with pytest.raises(WrongResult, match="has not begun"):
            enter(event, final(1, 0))
        assert enter(event, Entry("CANCELLED")).status == "CANCELLED"

    def test_is_what_stands_already(self, event):
        tell(event, FIRST, (2, 1))
        with pytest.raises(StandsAlready):
            enter(event, final(2, 1))

    def test_is_an_entry_without_a_reason(self, event):
        with pytest.raises(WrongResult, match="why"):
            enter(event, final(2, 1), reason=" ")


class TestDoors:
    def client(self, role):
        roles.ensure_roles()
        client = Client()
        client.force_login(a_person("lea", role))
        return client

    def post(self, client, event, body):
        return client.post(
            f"/api/v1/events/{event.pk}/enter-result",
            json.dumps(body),
            content_type="application/json",
        )

    def test_of_the_page_enters_it(self, event):
        url = reverse("admin:markets_event_do", args=[event.pk, "enter-result"])
        client = self.client(roles.OPS_LEAD)
        assert "settled again" in client.get(url).content.decode()
        form = {"status": "FINAL", "home": "2", "away": "1", "confirmed": "yes", "reason": "seen"}
        client.post(url, form)
        assert versions(event) == [(2, 1, "by_hand")]

    def test_of_the_api_enters_it(self, event):
        body = {"status": "FINAL", "home_score": 2, "away_score": 1, "reason": "seen"}
        client = self.client(roles.OPS_LEAD)
        answer = self.post(client, event, body)
        assert (answer.status_code, answer.json()["version"]) == (200, 1)
        assert self.post(client, event, body).json()["code"] == "StandsAlready"
        assert self.post(client, event, {**body, "home_score": -1}).status_code == 400

    def test_are_closed_to_an_operator(self, event):
        body = {"status": "FINAL", "home_score": 2, "away_score": 1, "reason": "seen"}
        assert self.post(self.client(roles.OPERATOR), event, body).status_code == 403

    def test_of_the_command_enters_it_as_a_run(self, event, capsys):
        words = ("--score", "2-1", "--half", "1-0", "--reason", "seen", "--output", "json")
        call_command("results", "enter", str(event.pk), *words)
        assert json.loads(capsys.readouterr().out)["stands"] == "Final 2–1 v1"
        assert TaskRun.objects.get().task == "markets.enter_result"

    @pytest.mark.parametrize(
        ("event_id", "score"), [("999999", "2-1"), ("{}", "two-one"), ("{}", "2")]
    )
    def test_of_the_command_says_what_is_wrong(self, event, capsys, event_id, score):
        with pytest.raises(SystemExit):
            call_command(
                "results", "enter", event_id.format(event.pk), "--score", score, "--reason", "x"
            )
        assert not Result.objects.exists()
