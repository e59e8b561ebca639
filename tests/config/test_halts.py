"""Halts and the emergency stop as people and programs meet them: pages, banner, API, commands."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from betting.models import Bet, Strategy, TradingHalt
from betting.services import halting
from config import dashboard, site
from monitoring import registry
from monitoring.models import AuditEntry, Incident, TaskRun
from monitoring.services import incidents, roles, tokens
from tests.betting.builders import a_bet, a_strategy
from tests.config.builders import a_person

pytestmark = pytest.mark.django_db
CONFIRMED = {"confirmed": "yes", "reason": "asked for"}
PAGE = "admin:betting_tradinghalt_changelist"


def a_client(role: str) -> Client:
    roles.ensure_roles()
    client = Client()
    client.force_login(a_person("olga", role))
    return client


def do(name: str, *key: object) -> str:
    view = "admin:betting_tradinghalt_do" + ("" if key else "_many")
    return reverse(view, args=[*key, name])


def post(client: Client, path: str, body: object, *, role: str = roles.OPERATOR):
    roles.ensure_roles()
    person = a_person(f"robot-of-{role}".replace(" ", "-"), role)
    key, _ = tokens.make_token(
        name="robot",
        username=person.username,
        scopes=["read", "run"],
        life=timedelta(days=1),
        actor="cli:test",
        now=timezone.now(),
    )
    return client.post(
        f"/api/v1/{path}",
        json.dumps(body),
        content_type="application/json",
        headers={"authorization": f"Token {key}"},
    )


def run(capsys, *words: str) -> tuple[dict, int]:
    """Run a command with JSON output; return its one object and its exit code."""
    code = 0
    try:
        call_command(*words, "--output", "json")
    except SystemExit as end:
        code = end.code
    return json.loads(capsys.readouterr().out), code


class TestPage:
    def test_pauses_a_strategy_for_a_time_and_lets_exposure_be_lowered(self) -> None:
        strategy = a_strategy()
        before = timezone.now()
        answer = a_client(roles.OPERATOR).post(
            do("pause"),
            {
                **CONFIRMED,
                "scope": f"STRATEGY:{strategy.pk}",
                "minutes": "90",
                "is_reduce_only": "on",
            },
        )
        assert answer.status_code == 302
        halt = TradingHalt.objects.get()
        assert (halt.scope_id, halt.is_reduce_only) == (strategy.pk, True)
        assert halt.expires_at >= before + timedelta(minutes=90)

    @pytest.mark.parametrize("minutes", ["0", "-5", "1.5", "x", "99999999"])
    def test_refuses_a_time_that_is_none(self, minutes) -> None:
        answer = a_client(roles.OPERATOR).post(
            do("pause"), {**CONFIRMED, "scope": "ALL:", "minutes": minutes}
        )
        assert answer.status_code == 200
        assert not TradingHalt.objects.exists()

    def test_offers_every_scope(self) -> None:
        a_strategy()
        text = a_client(roles.OPERATOR).get(do("pause")).content.decode()
        assert [scope for scope in ("ALL:", "STRATEGY:", "MODEL:", "BANKROLL:") if scope in text]
        assert text.count("<option") >= 4

    def test_lists_what_is_stopped_now_by_whom_till_when_and_with_which_effect(self) -> None:
        strategy, now = a_strategy(), timezone.now()
        asked = {"actor": "user:alice", "now": now, "scope": "STRATEGY", "scope_id": strategy.pk}
        halting.halt(**asked, reason="Odd", is_reduce_only=True, expires_at=now + timedelta(days=2))
        halting.halt(reason="Long gone", actor="user:bob", now=now - timedelta(days=9),
                     expires_at=now - timedelta(days=8))  # fmt: skip
        text = a_client(roles.VIEWER).get(reverse(PAGE)).content.decode()
        for shown in (f"Strategy {strategy.name}", "user:alice", "Odd", "Only bets that lower",
                      f"{now + timedelta(days=2):%Y-%m-%d}"):  # fmt: skip
            assert shown in text
        assert "Long gone" not in text
        over = a_client_again().get(f"{reverse(PAGE)}?show=over").content.decode()
        assert "Long gone" in over and "Odd" not in over.split("cl-banner")[0]

    def test_costs_as_many_statements_however_many_stand(self, django_assert_max_num_queries):
        now, client = timezone.now(), a_client(roles.VIEWER)
        for strategy in [a_strategy() for _ in range(15)]:
            halting.halt(reason="x", actor="t", now=now, scope="STRATEGY", scope_id=strategy.pk)
        with django_assert_max_num_queries(12):
            assert client.get(reverse(PAGE)).status_code == 200


def a_client_again() -> Client:
    client = Client()
    client.force_login(a_person("vera", roles.VIEWER))
    return client


class TestBanner:
    def test_says_till_when_and_with_which_effect(self) -> None:
        strategy, now = a_strategy(), timezone.now()
        until = now + timedelta(days=3)
        halting.halt(reason="Odd", actor="user:alice", now=now, scope="STRATEGY",
                     scope_id=strategy.pk, expires_at=until, is_reduce_only=True)  # fmt: skip
        shown = site.banner(now=now)["halts"][0]
        assert shown["scope"] == f"strategy {strategy.name}"
        assert f"{until:%Y-%m-%d %H:%M}" in shown["until"]
        assert shown["effect"] == "only bets that lower exposure"

    def test_shows_none_whose_time_is_over(self) -> None:
        now = timezone.now()
        halting.halt(reason="Odd", actor="t", now=now, expires_at=now + timedelta(minutes=1))
        assert site.banner(now=now + timedelta(minutes=1))["halts"] == []

    def test_shows_the_emergency_stop_first(self) -> None:
        now = timezone.now()
        for strategy in [a_strategy() for _ in range(4)]:
            halting.halt(reason="x", actor="t", now=now, scope="STRATEGY", scope_id=strategy.pk)
        a_client(roles.OPERATOR).post(do("emergency-stop"), CONFIRMED)
        banner = site.banner(now=timezone.now())
        assert banner["halts"][0]["title"] == "EMERGENCY STOP"
        assert (len(banner["halts"]), banner["n_more_halts"]) == (3, 2)

    def test_stands_on_the_dashboard_too(self) -> None:
        halting.halt(reason="Odd", actor="user:alice", now=timezone.now(), scope="STRATEGY",
                     scope_id=a_strategy().pk, is_reduce_only=True)  # fmt: skip
        text = a_client(roles.VIEWER).get("/admin/").content.decode()
        assert "Only lowering" in text
        assert Strategy.objects.get().name in text


class TestEmergencyStopPage:
    def test_asks_first_and_does_nothing_by_get_or_without_a_reason(self) -> None:
        client = a_client(roles.OPERATOR)
        text = client.get(do("emergency-stop"), CONFIRMED).content.decode()
        assert "an incident of the highest severity opens" in text
        client.post(do("emergency-stop"), {"confirmed": "yes", "reason": "  "})
        assert not TradingHalt.objects.exists()

    def test_stops_everything_and_says_what_became_of_orders(self) -> None:
        bet = a_bet(status="UNKNOWN")
        answer = a_client(roles.OPERATOR).post(do("emergency-stop"), CONFIRMED, follow=True)
        text = answer.content.decode()
        assert "1 open at venues: 1 taken back" in text
        assert "EMERGENCY STOP" in text
        bet.refresh_from_db()
        assert bet.status == "CANCELLED"
        assert Incident.objects.get().severity == "P0"
        assert AuditEntry.objects.get(action="betting.emergency_stop").actor == "user:olga"

    def test_is_not_for_viewers(self) -> None:
        client = a_client(roles.VIEWER)
        assert client.post(do("emergency-stop"), CONFIRMED).status_code == 403
        assert "emergency-stop" not in client.get(reverse(PAGE)).content.decode()
        assert not TradingHalt.objects.exists()

    def test_is_one_button_on_the_dashboard(self, rf) -> None:
        roles.ensure_roles()
        request = rf.get("/")
        request.user = a_person("olga", roles.OPERATOR)
        buttons = {b["title"]: b["url"] for b in dashboard.quick_actions(request)}
        assert buttons["Emergency stop…"] == do("emergency-stop")

    def test_is_lifted_by_a_lead(self) -> None:
        a_client(roles.OPERATOR).post(do("emergency-stop"), CONFIRMED)
        lead = Client()
        lead.force_login(a_person("lena", roles.OPS_LEAD))
        assert lead.post(do("lift", TradingHalt.objects.get().pk), CONFIRMED).status_code == 302
        assert TradingHalt.objects.get().lifted_by == "user:lena"

    def test_is_offered_on_the_incidents_that_call_for_it(self) -> None:
        incident = incidents.open_incident(
            kind="betting.stuck-reservation", severity="P1", summary="stuck", at=timezone.now()
        )
        url = reverse("admin:monitoring_incident_do", args=[incident.pk, "betting-emergency-stop"])
        assert a_client(roles.OPERATOR).post(url, CONFIRMED).status_code == 302
        assert TradingHalt.objects.get().rule == "emergency-stop"


class TestApi:
    def test_pauses_until_a_time(self, client) -> None:
        strategy, until = a_strategy(), timezone.now() + timedelta(hours=1)
        answer = post(
            client,
            "halts",
            {
                "reason": "odd",
                "scope": "MODEL",
                "scope_id": strategy.pipeline_id,
                "expires_at": until.isoformat(),
                "is_reduce_only": True,
            },
        )
        assert answer.status_code == 201, answer.content
        row = answer.json()
        assert (row["scope"], row["is_reduce_only"], row["rule"]) == ("MODEL", True, "")
        assert TradingHalt.objects.get().expires_at == until

    @pytest.mark.parametrize(
        "changes, status",
        [
            pytest.param({"expires_at": "2020-01-01T00:00:00Z"}, 409, id="past"),
            pytest.param({"expires_at": "soon"}, 400, id="no-time"),
            pytest.param({"expires_at": "2999-01-01T00:00:00Z"}, 409, id="in-centuries"),
            pytest.param({"scope": "BANKROLL", "scope_id": 9_999_999}, 409, id="no-such-row"),
            pytest.param({"scope": "MOON", "scope_id": 1}, 400, id="no-such-scope"),
            pytest.param({"is_reduce_only": "perhaps"}, 400, id="no-truth"),
        ],
    )
    def test_refuses_a_pause_that_is_none(self, client, changes, status) -> None:
        answer = post(client, "halts", {"reason": "odd", **changes})
        assert answer.status_code == status, answer.content
        assert not TradingHalt.objects.exists()

    def test_stops_everything(self, client) -> None:
        a_bet(status="RESERVED")
        answer = post(client, "halts/emergency-stop", {"reason": "now"})
        assert answer.status_code == 200, answer.content
        found = answer.json()
        assert (found["asked"], found["cancelled"], found["failed"]) == (1, 1, {})
        assert TradingHalt.objects.get(pk=found["halt"]).set_by == "api:robot"
        assert Incident.objects.get(pk=found["incident"]).severity == "P0"

    @pytest.mark.parametrize(
        "role, body, status",
        [
            pytest.param(roles.VIEWER, {"reason": "now"}, 403, id="a-viewer"),
            pytest.param(roles.OPERATOR, {}, 400, id="no-reason"),
            pytest.param(roles.OPERATOR, {"reason": " "}, 400, id="a-blank-reason"),
        ],
    )
    def test_stops_nothing_for(self, client, role, body, status) -> None:
        assert post(client, "halts/emergency-stop", body, role=role).status_code == status
        assert not TradingHalt.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestCommands:
    def test_pause_for_a_time(self, capsys) -> None:
        bankroll = a_strategy().bankroll
        report, code = run(capsys, "pause", "--reason", "x", "--scope", "BANKROLL",
                           "--id", str(bankroll.pk), "--minutes", "5", "--reduce-only")  # fmt: skip
        assert (code, report["reduce_only"]) == (0, True)
        assert report["expires_at"] > report["set_at"]

    @pytest.mark.parametrize("minutes", ["0", "-1", "999999999"])
    def test_pause_refuses_a_time_that_is_none(self, capsys, minutes) -> None:
        report, code = run(capsys, "pause", "--reason", "x", "--minutes", minutes)
        assert (report["code"], code) == ("HaltRefused", 1)
        assert not TradingHalt.objects.exists()

    def test_emergency_stop_stops_and_resume_lifts(self, capsys) -> None:
        a_bet(status="RESERVED")
        report, code = run(capsys, "emergency_stop", "--reason", "now")
        assert (report["cancelled"], code) == (1, 0)
        assert TaskRun.objects.get().result["halt"] == report["halt"]
        report, code = run(capsys, "resume", "--reason", "fine")
        assert (len(report["lifted"]), report["still"], code) == (1, [], 0)

    def test_emergency_stop_warns_of_an_order_without_an_answer(self, capsys) -> None:
        a_bet(status="UNKNOWN", venue="elsewhere")
        report, code = run(capsys, "emergency_stop", "--reason", "now")
        assert (report["open"], list(report["failed"]), code) == (1, ["elsewhere"], 2)
        assert Bet.objects.get().status == "UNKNOWN"

    def test_resume_lifts_what_a_rule_set_beside_what_a_person_did(self, capsys) -> None:
        for rule in ("", "daily-loss"):
            halting.halt(reason="x", actor="t", now=timezone.now(), rule=rule)
        report, code = run(capsys, "resume", "--reason", "fine")
        assert (len(report["lifted"]), code) == (2, 0)


def test_the_checks_of_halts_are_watched() -> None:
    assert {"betting.emergency-stop", "settlements.loss-limit"} <= registry.checks.keys()
