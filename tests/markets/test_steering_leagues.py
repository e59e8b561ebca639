"""Stopping one of the simulated leagues, and letting it play on."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from markets.models import Competition, Result, Source
from markets.queries.arrears import owed_by
from markets.queries.sources import source_health
from markets.services import simulating_sports, steering_leagues
from markets.services.steering_leagues import CannotSteer
from monitoring.models import AuditEntry
from monitoring.services import roles
from tests.config.builders import a_person
from tests.markets.test_simulating_sports import NOW, a_simulator, only, options, play, sports

pytestmark = pytest.mark.django_db
CODE = "SIM-CUP"
LATER = NOW + timedelta(minutes=4)


@pytest.fixture
def league(monkeypatch):
    only(CODE, monkeypatch)
    play(minutes=4, step=60)
    return Competition.objects.get(code=CODE)


def stop(now=LATER, code=CODE, reason="too loud"):
    return steering_leagues.stop(code=code, reason=reason, actor="user:a", now=now)


def resume(now=LATER, code=CODE, reason="quiet again"):
    return steering_leagues.resume(code=code, reason=reason, actor="user:a", now=now)


class TestStopping:
    def test_cancels_what_was_not_played_and_leaves_what_was(self, league):
        finished = set(sports().filter(status="FINISHED").values_list("pk", flat=True))
        told = stop()
        assert finished
        assert set(sports().filter(status="FINISHED").values_list("pk", flat=True)) == finished
        assert not sports().filter(status__in=["SCHEDULED", "LIVE", "POSTPONED"]).exists()
        assert Result.objects.filter(status="CANCELLED").count() == told["cancelled"] > 0
        entry = AuditEntry.objects.get(action="markets.stop_simulated_league")
        assert (entry.actor, entry.detail["league"]) == ("user:a", CODE)

    def test_keeps_it_from_moving(self, league):
        stop()
        before = options()
        simulating_sports._tick_sports(now=LATER + timedelta(hours=3))
        assert options() == before

    def test_is_not_held_against_the_source(self, league):
        stop()
        late = LATER + timedelta(hours=5)
        source = next(row for row in source_health(now=late) if row.code == "simulator")
        assert owed_by(source=source, now=late) == ""

    @pytest.mark.parametrize(("code", "reason"), [("SIM1", "x"), ("nope", "x"), (CODE, " ")])
    def test_is_refused_for_what_is_no_such_league(self, league, code, reason):
        with pytest.raises(CannotSteer):
            stop(code=code, reason=reason)

    def test_twice_is_refused(self, league):
        stop()
        with pytest.raises(CannotSteer, match="stopped already"):
            stop()


class TestPlayingOn:
    def test_lays_the_next_season(self, league):
        stop()
        resume()
        simulating_sports._tick_sports(now=LATER + timedelta(seconds=1))
        assert set(sports().values_list("season__label", flat=True)) == {"S00001", "S00002"}
        assert sports().filter(status="SCHEDULED").exists()

    def test_is_refused_where_it_plays(self, league):
        with pytest.raises(CannotSteer, match="plays already"):
            resume()


class TestDoors:
    @pytest.fixture
    def begun(self, monkeypatch):
        only(CODE, monkeypatch)
        simulating_sports._tick_sports(now=NOW)
        return Competition.objects.get(code=CODE)

    def client(self, role=roles.OPERATOR):
        roles.ensure_roles()
        client = Client()
        client.force_login(a_person("olga", role))
        return client

    def test_of_the_page_and_of_the_api_steer_it(self, begun):
        client = self.client()
        page = client.get(reverse("admin:markets_competition_change", args=[begun.pk]))
        assert "Stop the league" in page.content.decode()
        url = reverse("admin:markets_competition_do", args=[begun.pk, "stop-league"])
        client.post(url, {"confirmed": "yes", "reason": "too loud"})
        assert steering_leagues.state_of(code=CODE) == "STOPPED"
        answer = client.post(
            f"/api/v1/competitions/{begun.pk}/resume",
            {"reason": "quiet again"},
            content_type="application/json",
        )
        assert answer.json() == {"league": CODE, "state": "PLAYING", "cancelled": 0}

    def test_are_closed_to_a_viewer(self, begun):
        answer = self.client(roles.VIEWER).post(
            f"/api/v1/competitions/{begun.pk}/stop",
            {"reason": "x"},
            content_type="application/json",
        )
        assert answer.status_code == 403

    def test_of_the_command_steer_it(self, begun, capsys):
        call_command("simulate", "leagues", "--stop", CODE, "--reason", "x", "--output", "json")
        assert '"STOPPED"' in capsys.readouterr().out
        with pytest.raises(SystemExit):
            call_command("simulate", "leagues", "--stop", CODE, "--reason", "x")

    def test_do_not_offer_to_stop_the_soccer_league(self):
        a_simulator()
        competition = Competition.objects.get(code="SIM1")
        page = self.client().get(reverse("admin:markets_competition_change", args=[competition.pk]))
        assert "Stop the league" not in page.content.decode()
        assert Source.objects.get(code="simulator").is_enabled
