"""Pages, orderings, strict parameters and bodies, keys used twice."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command

from markets.models import Sport
from markets.services import simulating
from monitoring.models import ApiToken, AuditEntry, TaskRun
from monitoring.services import roles
from tests.config.test_api import NOW, a_key, a_user

pytestmark = pytest.mark.django_db
CHECKS = "jobs/monitoring.tasks.run_checks/runs"


@pytest.fixture
def viewer(client):
    client.force_login(a_user("vera", roles.VIEWER))
    return client


def entries(*moments):
    AuditEntry.objects.bulk_create(
        AuditEntry(at=at, actor="a", action="b", subject=f"x:{number}")
        for number, at in enumerate(moments)
    )


def subjects(client, url):
    """Follow every page; return the subjects and how many pages there were."""
    seen, pages = [], 0
    while url:
        page = client.get(url).json()
        seen += [row["subject"] for row in page["results"]]
        url, pages = page["next"], pages + 1
    return seen, pages


def post(client, path, body=None, **headers):
    return client.post(
        f"/api/v1/{path}", json.dumps(body or {}), content_type="application/json", **headers
    )


class TestPages:
    def test_go_on_within_rows_that_share_their_moment(self, viewer):
        entries(*[NOW] * 7)
        seen, pages = subjects(viewer, "/api/v1/audit-entries?ordering=-at&limit=2")
        assert seen == [f"x:{number}" for number in (6, 5, 4, 3, 2, 1, 0)]
        assert pages == 4

    def test_follow_the_ordering_both_ways(self, viewer):
        entries(*[NOW + timedelta(minutes=minute) for minute in (3, 1, 2)])
        for ordering, expected in (("at", "120"), ("-at", "021")):
            seen, _ = subjects(viewer, f"/api/v1/audit-entries?ordering={ordering}&limit=1")
            assert "".join(subject[-1] for subject in seen) == expected

    def test_neither_repeat_nor_skip_while_rows_are_added(self, viewer):
        entries(NOW, NOW, NOW)
        first = viewer.get("/api/v1/audit-entries?limit=2").json()
        entries(NOW, NOW)
        second = viewer.get(first["next"]).json()
        assert [row["subject"] for row in first["results"] + second["results"]] == [
            "x:2",
            "x:1",
            "x:0",
        ]

    def test_order_by_text_and_by_uuid_too(self, viewer):
        Sport.objects.bulk_create(Sport(code=code, name=code) for code in "bca")
        for number in range(3):
            TaskRun.objects.create(
                task="t", queue="ops", trigger="USER", actor="a", created_at=NOW,
                singleton_key=str(number),
            )  # fmt: skip
        url, ids = "/api/v1/runs?limit=1", []
        while url:
            page = viewer.get(url).json()
            ids += [row["id"] for row in page["results"]]
            url = page["next"]
        assert len(set(ids)) == 3

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=١", "limit"),
            ("limit=1e2", "limit"),
            ("ordering=actor", "ordering"),
            ("ordering=detail__x", "ordering"),
            ("cursor=abc", "cursor"),
            ("colour=red", "colour"),
            ("at__gte=2026-03-02T12:00:00", "at__gte"),
            ("at__gte=2026-03-02", "at__gte"),
            ("at__gte=9999-12-31T23:59:59-23:59", "at__gte"),
            ("actor__startswith=a", "actor__startswith"),
            ("fields=id,password", "fields"),
        ],
    )
    def test_say_which_parameter_is_wrong(self, viewer, query, field):
        answer = viewer.get(f"/api/v1/audit-entries?{query}")
        assert answer.status_code == 400
        assert answer["Content-Type"] == "application/problem+json"
        assert field in [error["field"] for error in answer.json()["errors"]]

    def test_refuse_a_cursor_that_was_altered_or_made_for_another_ordering(self, viewer):
        entries(NOW, NOW)
        following = viewer.get("/api/v1/audit-entries?limit=1").json()["next"]
        assert viewer.get(following).status_code == 200
        assert viewer.get(following[:-3] + "abc").status_code == 400
        assert viewer.get(following + "&ordering=id").status_code == 400

    def test_cost_one_query_however_many_rows(self, viewer, django_assert_max_num_queries):
        simulating.create_history(seasons=0, seed=1, now=NOW, actor="cli:test")
        simulating.tick(now=NOW)
        viewer.get("/api/v1/sports")
        with django_assert_max_num_queries(6):  # session, user, permissions of two kinds, page
            page = viewer.get("/api/v1/selections?limit=1000").json()
        assert len(page["results"]) > 100
        assert set(page["results"][0]) >= {"kind", "event", "market", "line"}

    def test_read_no_more_columns_than_were_asked_for(self, viewer):
        entries(NOW)
        viewer.get("/api/v1/sports")
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as queries:
            row = viewer.get("/api/v1/audit-entries?fields=actor").json()["results"][0]
        assert row == {"actor": "a"}
        asked = [query["sql"] for query in queries if "monitoring_auditentry" in query["sql"]]
        assert len(asked) == 1
        assert "detail" not in asked[0]


class TestValues:
    def test_are_exact_and_in_utc(self, viewer):
        simulating.create_history(seasons=0, seed=1, now=NOW, actor="cli:test")
        simulating.tick(now=NOW)
        price = viewer.get("/api/v1/latest-prices?limit=1").json()["results"][0]
        assert price["price"] == f"{float(price['price']):.3f}"
        assert price["seen_at"].endswith("Z")
        assert price["book"].startswith("sim-")

    def test_say_wherever_something_is_simulated(self, viewer):
        simulating.create_history(seasons=0, seed=1, now=NOW, actor="cli:test")
        simulating.tick(now=NOW)
        for route in (
            "competitions", "seasons", "events", "markets", "selections", "books",
            "latest-prices", "sources",
        ):  # fmt: skip
            rows = viewer.get(f"/api/v1/{route}").json()["results"]
            assert rows, route
            assert all(row["is_simulated"] is True for row in rows), route

    def test_of_a_list_are_those_of_the_single_row(self, viewer):
        simulating.create_history(seasons=0, seed=1, now=NOW, actor="cli:test")
        simulating.tick(now=NOW)
        for route in ("competitions", "events", "selections", "latest-prices", "sources"):
            row = viewer.get(f"/api/v1/{route}?limit=1").json()["results"][0]
            assert viewer.get(f"/api/v1/{route}/{row['id']}").json() == row

    def test_of_a_selections_price_history_come_in_time_order(self, viewer):
        simulating.create_history(seasons=0, seed=1, now=NOW, actor="cli:test")
        for seconds in (0, 10, 20):
            simulating.tick(now=NOW + timedelta(seconds=seconds))
        selection = viewer.get("/api/v1/latest-prices?limit=1").json()["results"][0]["selection"]
        history = viewer.get(f"/api/v1/selections/{selection}/prices").json()
        assert len({row["book"] for row in history}) == 5
        assert [row["seen_at"] for row in history] == sorted(row["seen_at"] for row in history)
        one = viewer.get(f"/api/v1/selections/{selection}/prices?book=sim-sharp&limit=2").json()
        assert {row["book"] for row in one} == {"sim-sharp"}
        assert len(one) <= 2


class TestSchema:
    def test_tells_of_each_resource_its_own_fields(self, tmp_path):
        path = tmp_path / "schema.json"
        call_command("spectacular", "--format", "openapi-json", "--file", str(path))
        schema = json.loads(path.read_text())

        def row_of(route):
            answers = schema["paths"][f"/api/v1/{route}"]["get"]["responses"]
            page = answers["200"]["content"]["application/json"]["schema"]["$ref"]
            page = schema["components"]["schemas"][page.rpartition("/")[2]]
            return page["properties"]["results"]["items"]["$ref"].rpartition("/")[2]

        assert row_of("bets") == "Bet"
        assert row_of("events") == "Event"
        assert row_of("audit-entries") == "AuditEntry"
        assert schema["components"]["schemas"]["Selection"]["properties"]["event"]["type"] == (
            "integer"
        )

    def test_announces_errors_as_problems(self, tmp_path):
        path = tmp_path / "schema.json"
        call_command("spectacular", "--format", "openapi-json", "--file", str(path))
        answers = json.loads(path.read_text())["paths"]["/api/v1/bets"]["get"]["responses"]
        for code in ("400", "401", "403", "404"):
            assert list(answers[code]["content"]) == ["application/problem+json"]


class TestProblems:
    @pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/bets/abc", "/api/v2/bets"])
    def test_answer_paths_that_nothing_serves(self, viewer, path):
        answer = viewer.get(path)
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
        assert answer.json()["code"] == "not_found"

    def test_answer_methods_that_nothing_serves(self, viewer):
        answer = viewer.put("/api/v1/bets", "{}", content_type="application/json")
        assert (answer.status_code, answer["Content-Type"]) == (405, "application/problem+json")
        assert "GET" in answer["Allow"]

    def test_answer_bodies_that_are_too_large_or_of_another_kind(self, client, settings):
        header = a_key(a_user("olga", roles.OPERATOR), "read", "run")
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
        large = post(client, "halts", {"reason": "x" * 2_000}, **header)
        assert (large.status_code, large.json()["code"]) == (413, "too_large")
        answer = client.post("/api/v1/halts", "<a/>", content_type="text/xml", **header)
        assert (answer.status_code, answer["Content-Type"]) == (415, "application/problem+json")

    @pytest.mark.parametrize("number", ["1e400", "-1e999", "9" * 31, "0." + "1" * 60])
    def test_answer_numbers_that_no_one_means(self, client, number):
        header = a_key(a_user("olga", roles.OPERATOR), "read", "run")
        body = f'{{"reason": "x", "scope_id": {number}}}'
        answer = client.post("/api/v1/halts", body, content_type="application/json", **header)
        assert answer.status_code == 400

    @pytest.mark.parametrize("key", ["", "a b", "\xff\xfe", "x" * 5_000, "é" * 64])
    def test_answer_a_key_that_is_none(self, client, key):
        answer = client.get("/api/v1/bets", headers={"Authorization": f"Token {key}"})
        assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")


class TestTokens:
    def test_write_down_their_use_at_most_once_a_minute(self, client):
        header = a_key(a_user("vera", roles.VIEWER))
        client.get("/api/v1/sports", **header)
        just_now = datetime.now(UTC) - timedelta(seconds=30)
        ApiToken.objects.update(last_used_at=just_now)
        client.get("/api/v1/sports", **header)
        assert ApiToken.objects.get().last_used_at == just_now
        long_ago = just_now - timedelta(minutes=2)
        ApiToken.objects.update(last_used_at=long_ago)
        client.get("/api/v1/sports", **header)
        assert ApiToken.objects.get().last_used_at > just_now

    def test_are_made_by_a_command_that_shows_the_key_once(self, client, capsys):
        a_user("vera", roles.VIEWER)
        call_command("api_token", "nightly", user="vera", days=5, output="json")
        made = json.loads(capsys.readouterr().out)
        assert made["scopes"] == ["read"]
        header = {"HTTP_AUTHORIZATION": f"Token {made['token']}"}
        assert client.get("/api/v1/sports", **header).status_code == 200
        assert made["token"] not in json.dumps(list(AuditEntry.objects.values()), default=str)


class TestAskingForAJob:
    @pytest.fixture
    def lead(self):
        return a_key(a_user("lena", roles.OPS_LEAD), "read", "run")

    @pytest.mark.parametrize(
        ("task", "arguments", "field"),
        [
            ("markets.tasks.ingest", {}, "arguments.source"),
            ("markets.tasks.ingest", {"source": 5}, "arguments.source"),
            ("markets.tasks.ingest", {"source": "x", "dry_run": "yes"}, "arguments.dry_run"),
            ("markets.tasks.ingest", {"source": "x", "colour": 1}, "arguments.colour"),
            ("settlements.tasks.settle_due", {"limit": "ten"}, "arguments.limit"),
            ("settlements.tasks.settle_due", {"limit": True}, "arguments.limit"),
            ("settlements.tasks.settle_due", {"limit": 2**70}, "arguments.limit"),
        ],
    )
    def test_names_the_argument_that_does_not_fit(self, client, task, arguments, field):
        client.force_login(a_superuser())
        answer = post(client, f"jobs/{task}/runs", {"arguments": arguments})
        assert answer.status_code == 400, answer.content
        assert field in [error["field"] for error in answer.json()["errors"]]
        assert not TaskRun.objects.exists()

    def test_refuses_fields_that_there_are_not(self, client, lead):
        answer = post(client, CHECKS, {"args": {}}, **lead)
        assert answer.json()["errors"][0]["field"] == "args"

    def test_refuses_a_second_live_run_of_a_singleton(self, client, lead):
        assert post(client, CHECKS, **lead).status_code == 202
        again = post(client, CHECKS, **lead)
        assert (again.status_code, again.json()["code"]) == (409, "AlreadyRunning")

    def test_keeps_one_callers_keys_apart_from_anothers(self, client, lead):
        other = a_key(a_user("lars", roles.OPS_LEAD), "read", "run")
        first = post(client, CHECKS, **lead, HTTP_IDEMPOTENCY_KEY="k")
        post(client, f"runs/{first.json()['id']}/cancel", **lead)
        second = post(client, CHECKS, **other, HTTP_IDEMPOTENCY_KEY="k")
        assert second.status_code == 202
        assert second.json()["id"] != first.json()["id"]

    def test_retries_once_for_one_key(self, client, lead):
        run = post(client, CHECKS, **lead).json()
        post(client, f"runs/{run['id']}/cancel", **lead)
        path = f"runs/{run['id']}/retry"
        first, second = (post(client, path, **lead, HTTP_IDEMPOTENCY_KEY="r") for _ in range(2))
        assert first.status_code == second.status_code == 202
        assert first.json()["id"] == second.json()["id"]
        assert first.json()["parent"] == run["id"]
        used = post(client, CHECKS, **lead, HTTP_IDEMPOTENCY_KEY="r")
        assert used.status_code == 422

    @pytest.mark.parametrize("key", ["", "x" * 201, "a b", "\x7f"])
    def test_refuses_a_key_that_is_none(self, client, lead, key):
        answer = post(client, CHECKS, **lead, HTTP_IDEMPOTENCY_KEY=key)
        assert answer.status_code == 400

    def test_lists_what_may_be_asked_for(self, client):
        client.force_login(a_user("vera", roles.VIEWER))
        jobs = {job["task"]: job for job in client.get("/api/v1/jobs").json()}
        assert "source" in jobs["markets.tasks.ingest"]["arguments"]
        assert jobs["markets.tasks.ingest"]["permission"] == "markets.change_source"


def a_superuser():
    user = a_user("root")
    user.is_superuser = True
    user.save()
    return user


class TestMetrics:
    def test_are_for_the_holder_of_the_token_where_one_is_set(self, client, settings):
        from pydantic import SecretStr

        settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(
            update={"metrics_token": SecretStr("s3cret")}
        )
        assert client.get("/metrics").status_code == 403
        for given, status in (("Bearer wrong", 403), ("Bearer s3cret", 200)):
            answer = client.get("/metrics", headers={"Authorization": given})
            assert answer.status_code == status

    def test_are_not_given_to_whoever_asks_through_a_proxy_on_this_machine(self, client):
        answer = client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"})
        assert answer.status_code == 403
