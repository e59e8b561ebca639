"""The REST API as its callers meet it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema_rs
import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular import validation

from betting.models import TradingHalt
from monitoring import registry
from monitoring.models import ApiToken, AuditEntry, Incident, TaskRun, User
from monitoring.rest import access
from monitoring.services import incidents, roles, tokens

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
#: What a description of version 3.1 may hold, as its publishers wrote it.
OPENAPI = json.loads(
    Path(validation.__file__).with_name("openapi_3_1_schema.json").read_text(encoding="utf-8")
)
ROUTES = [
    "sports", "competitions", "seasons", "participants", "events", "markets", "selections",
    "books", "latest-prices", "closing-prices", "results", "result-disputes", "runner-results",
    "statistic-results", "sources", "fetches", "pipelines",
    "model-versions", "feature-rows", "predictions", "replays", "bankrolls", "strategies",
    "decisions", "bets", "halts", "phase-changes", "arbitrages",
    "arbitrage-legs", "settling-terms", "settlements", "ledger-accounts",
    "ledger-transfers", "bet-values", "value-gaps", "values-before", "runs", "incidents",
    "incident-entries", "audit-entries", "heartbeats",
]  # fmt: skip


def a_user(name: str, role: str | None = None) -> User:
    user = User.objects.create_user(name, password="x", is_staff=True)
    if role:
        roles.ensure_roles()
        from django.contrib.auth.models import Group

        user.groups.add(Group.objects.get(name=role))
    return user


def a_key(user: User, *scopes: str, days: int = 1) -> dict[str, str]:
    key, _ = tokens.make_token(
        name="robot",
        username=user.username,
        scopes=scopes or ("read",),
        life=timedelta(days=days),
        actor="cli:test",
        now=NOW,
    )
    return {"HTTP_AUTHORIZATION": f"Token {key}"}


def views(patterns=None, prefix=""):
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        if isinstance(pattern, URLResolver):
            yield from views(pattern.url_patterns, prefix + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield prefix + str(pattern.pattern), pattern.callback


@pytest.mark.django_db
class TestReading:
    @pytest.mark.parametrize("route", ROUTES)
    def test_a_viewer_lists_every_resource_in_few_queries(
        self, client, route, django_assert_max_num_queries
    ):
        client.force_login(a_user("vera", roles.VIEWER))
        with django_assert_max_num_queries(8):
            answer = client.get(f"/api/v1/{route}")
        assert answer.status_code == 200, answer.content
        assert set(answer.json()) == {"next", "results"}

    def test_nobody_reads_without_signing_in(self, client):
        for route in ROUTES:
            assert client.get(f"/api/v1/{route}").status_code == 401, route

    def test_a_user_without_the_permission_is_told_so_as_a_problem(self, client):
        client.force_login(a_user("nina"))
        answer = client.get("/api/v1/bets")
        assert answer.status_code == 403
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == 403

    def test_fields_leaves_the_others_out(self, client):
        Incident.objects.create(
            kind="k.x", severity="P3", summary="s", opened_at=NOW, latest_at=NOW
        )
        client.force_login(a_user("vera", roles.VIEWER))
        row = client.get("/api/v1/incidents?fields=id,kind").json()["results"][0]
        assert set(row) == {"id", "kind"}

    def test_an_unknown_field_is_named(self, client):
        Incident.objects.create(
            kind="k.x", severity="P3", summary="s", opened_at=NOW, latest_at=NOW
        )
        client.force_login(a_user("vera", roles.VIEWER))
        answer = client.get("/api/v1/incidents?fields=id,colour")
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == "fields"
        assert "colour" in answer.json()["errors"][0]["message"]

    def test_pages_follow_the_cursor_without_gaps(self, client):
        for number in range(5):
            AuditEntry.objects.create(at=NOW, actor="a", action="b", subject=f"x:{number}")
        client.force_login(a_user("vera", roles.VIEWER))
        seen, url = [], "/api/v1/audit-entries?limit=2"
        while url:
            page = client.get(url).json()
            seen += [row["subject"] for row in page["results"]]
            url = page["next"]
        assert seen == [f"x:{number}" for number in (4, 3, 2, 1, 0)]

    @pytest.mark.parametrize(
        "query", ["opened_at__gte=yesterday", "opened_at__gte=%00", "state=NONSENSE"]
    )
    def test_a_bad_filter_is_answered_400(self, client, query):
        client.force_login(a_user("vera", roles.VIEWER))
        assert client.get(f"/api/v1/incidents?{query}").status_code == 400

    @pytest.mark.parametrize("pk", ["0", "999999999999999999", "abc", "%00"])
    def test_what_is_not_there_is_answered_404(self, client, pk):
        client.force_login(a_user("vera", roles.VIEWER))
        assert client.get(f"/api/v1/bets/{pk}").status_code == 404


@pytest.mark.django_db
class TestTokens:
    def test_are_kept_hashed_and_say_when_they_were_used(self, client):
        header = a_key(a_user("vera", roles.VIEWER))
        key = header["HTTP_AUTHORIZATION"].removeprefix("Token ")
        assert client.get("/api/v1/bets", **header).status_code == 200
        row = ApiToken.objects.get()
        assert key not in (row.digest, row.token_key)
        assert row.last_used_at is not None

    def test_that_only_read_cannot_act(self, client):
        header = a_key(a_user("olga", roles.OPERATOR), "read")
        body = json.dumps({"reason": "test"})
        answer = client.post("/api/v1/halts", body, content_type="application/json", **header)
        assert answer.status_code == 403
        assert not TradingHalt.objects.exists()

    def test_end_when_they_expire(self, client):
        header = a_key(a_user("vera", roles.VIEWER))
        ApiToken.objects.update(expiry=datetime(2020, 1, 1, tzinfo=UTC))
        assert client.get("/api/v1/bets", **header).status_code == 401

    def test_say_whose_they_are_and_what_may_be_done_by_one_statement(
        self, client, django_assert_num_queries
    ):
        header = a_key(a_user("olga", roles.OPERATOR))
        client.get("/api/v1/bets", **header)  # that it was used is noted
        with django_assert_num_queries(2):  # and one for the halts
            assert client.get("/api/v1/halts", **header).json()["results"] == []

    @pytest.mark.parametrize(
        "group, directly, status",
        [("", False, 403), ("", True, 200), (roles.VIEWER, False, 200)],
        ids=["nothing", "of-ones-own", "by-a-role"],
    )
    def test_allow_what_their_user_may(self, client, group, directly, status):
        user = a_user("vera", group)
        if directly:
            user.user_permissions.add(Permission.objects.get(codename="view_bet"))
        assert client.get("/api/v1/bets", **a_key(user)).status_code == status

    def test_of_somebody_switched_off_open_nothing(self, client):
        header = a_key(a_user("vera", roles.VIEWER))
        User.objects.update(is_active=False)
        assert client.get("/api/v1/bets", **header).status_code == 401

    def test_are_refused_for_nobody_and_for_ever(self):
        with pytest.raises(tokens.TokenRefused):
            a_key(User(username="ghost"))
        with pytest.raises(tokens.TokenRefused):
            a_key(a_user("vera"), days=10_000)


@pytest.mark.django_db
class TestActing:
    def post(self, client, path: str, body: object = None, **headers):
        return client.post(
            f"/api/v1/{path}", json.dumps(body or {}), content_type="application/json", **headers
        )

    def test_an_operator_pauses_and_an_ops_lead_resumes(self, client):
        operator = a_key(a_user("olga", roles.OPERATOR), "read", "run")
        answer = self.post(client, "halts", {"reason": "odd prices"}, **operator)
        assert answer.status_code == 201, answer.content
        assert TradingHalt.objects.get().set_by == "api:robot"
        lead = a_key(a_user("lena", roles.OPS_LEAD), "read", "run")
        path = f"halts/{answer.json()['id']}/lift"
        assert self.post(client, path, {"reason": "fine"}, **operator).status_code == 403
        assert self.post(client, path, {"reason": "fine"}, **lead).status_code == 200
        again = self.post(client, path, {"reason": "fine"}, **lead)
        assert (again.status_code, again.json()["code"]) == (409, "HaltRefused")

    def test_an_incident_is_acknowledged_and_resolved(self, client):
        incident = incidents.open_incident(
            kind="monitoring.task-failed", severity="P2", summary="it broke", at=NOW
        )
        header = a_key(a_user("olga", roles.OPERATOR), "read", "run")
        for act, state in (("acknowledge", "ACKNOWLEDGED"), ("resolve", "RESOLVED")):
            answer = self.post(client, f"incidents/{incident.pk}/{act}", {"note": "mine"}, **header)
            assert (answer.status_code, answer.json()["state"]) == (200, state)

    def test_a_job_is_asked_for_and_followed(self, client):
        header = a_key(a_user("lena", roles.OPS_LEAD), "read", "run")
        answer = self.post(client, "jobs/monitoring.tasks.run_checks/runs", **header)
        assert answer.status_code == 202, answer.content
        run = client.get(answer["Location"], **header).json()
        assert (run["state"], run["trigger"], run["actor"]) == ("QUEUED", "API", "api:robot")
        assert (
            self.post(client, f"runs/{run['id']}/cancel", **header).json()["state"] == "CANCELLED"
        )

    def test_the_same_key_twice_is_one_run_and_for_something_else_is_refused(self, client):
        header = a_key(a_user("lena", roles.OPS_LEAD), "read", "run")
        header["HTTP_IDEMPOTENCY_KEY"] = "monday"
        path = "jobs/monitoring.tasks.run_checks/runs"
        first, second = (self.post(client, path, **header) for _ in range(2))
        assert first.json()["id"] == second.json()["id"]
        assert TaskRun.objects.count() == 1
        other = self.post(client, "jobs/monitoring.tasks.purge_runs/runs", **header)
        assert other.status_code == 422

    def test_a_job_needs_its_own_permission(self, client):
        task = "monitoring.tasks.run_checks"
        user = a_user("nora")
        user.user_permissions.add(
            Permission.objects.get(codename="add_taskrun", content_type__app_label="monitoring")
        )
        needed = registry.jobs[task].permission
        answer = self.post(client, f"jobs/{task}/runs", **a_key(user, "run"))
        assert answer.status_code == (202 if needed == "monitoring.add_taskrun" else 403)
        assert self.post(client, "jobs/no.such.task/runs", **a_key(user, "run")).status_code == 404

    @pytest.mark.parametrize(
        "body",
        [
            b'{"reason": "\\u0000"}',
            b'{"reason": "\\ud800"}',
            b'{"reason": "a", "reason": "b"}',
            b'{"reason": NaN}',
            b'{"reason": ',
            b"\xff\xfe{}",
            b"[" * 100_000,
            b'{"scope_id": 99999999999999999999999999999999, "reason": "x"}',
            b'{"reason": "x", "scope": "BOOK", "scope_id": "\xd9\xa1"}',
            b"[]",
            b'{"reason": ""}',
            b"<html></html>",
        ],
    )
    def test_a_bad_body_is_answered_400_with_where(self, client, body):
        header = a_key(a_user("olga", roles.OPERATOR), "read", "run")
        answer = client.post("/api/v1/halts", body, content_type="application/json", **header)
        if b"\xd9\xa1" in body:  # another script's digit one: no such book, or not a number
            assert answer.status_code in (400, 409)
        else:
            assert answer.status_code == 400, answer.content
            assert answer["Content-Type"] == "application/problem+json"
        assert not TradingHalt.objects.exists()


class TestEveryView:
    def test_under_the_api_declares_its_permission(self):
        undeclared = []
        for route, callback in views():
            if not route.startswith("api/v1/"):
                continue
            view = callback.cls
            actions = getattr(callback, "actions", None) or {"get": None}
            for action in actions.values():
                probe = view()
                probe.action = action
                if access.permission_of(probe) is None:
                    undeclared.append(f"{route} {action}")
        assert not undeclared

    @pytest.mark.django_db
    def test_is_in_the_schema_which_is_valid(self, tmp_path):
        path = tmp_path / "schema.json"
        call_command(
            "spectacular", "--fail-on-warn", "--format", "openapi-json", "--file", str(path)
        )
        schema = json.loads(path.read_text())
        jsonschema_rs.validate(OPENAPI, schema)
        assert schema["openapi"].startswith("3.1")
        missing = [route for route in ROUTES if f"/api/v1/{route}" not in schema["paths"]]
        assert not missing


@pytest.mark.django_db
class TestMachines:
    def test_see_that_it_lives_and_is_ready(self, client):
        assert client.get("/health/live").json() == {"status": "alive"}
        ready = client.get("/health/ready")
        assert ready.status_code == 200, ready.content
        assert ready.json()["parts"]["database"]["status"] == "OK"

    def test_read_the_metrics_from_this_machine_only(self, client):
        assert b"# HELP" in client.get("/metrics").content
        assert client.get("/metrics", REMOTE_ADDR="203.0.113.9").status_code == 403

    def test_read_the_documentation_page_without_the_internet(self, client):
        client.force_login(a_user("vera", roles.VIEWER))
        page = client.get("/api/docs").content.decode()
        assert "//cdn" not in page and "jsdelivr" not in page
