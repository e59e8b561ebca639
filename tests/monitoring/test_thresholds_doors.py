"""Command, API and pages of the numbers that decide, and the page that lists them."""

import json
import re

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from config import preparing
from config.environment import BASE_DIR
from monitoring.domain import thresholds as domain
from monitoring.models import AuditEntry, Threshold
from monitoring.services import roles, thresholding
from tests.config.builders import a_person
from tests.monitoring.builders import NOON, a_threshold

KEY = "markets.quote-oldest"


def a_client(role=roles.OPS_LEAD):
    roles.ensure_roles()
    client = Client()
    client.force_login(a_person("lea", role))
    return client


@pytest.fixture
def row(db):
    thresholding.sync()
    return Threshold.objects.get(key=KEY)


class TestCommand:
    def run(self, capsys, *arguments):
        code = 0
        try:
            call_command("thresholds", *arguments, "--output", "json")
        except SystemExit as ended:
            code = int(ended.code or 0)
        return json.loads(capsys.readouterr().out), code

    def test_lists_each_with_its_bounds(self, db, capsys):
        found, code = self.run(capsys)
        shown = {one["key"]: one for one in found["thresholds"]}
        assert (shown.keys(), code) == (domain.DECLARED.keys(), 0)
        assert shown[KEY]["value"] == shown[KEY]["default"] == 600
        assert (shown[KEY]["unit"], shown[KEY]["lowest"]) == ("s", 1)
        (alone,) = self.run(capsys, "list", "settlements.overdue")[0]["thresholds"]
        assert alone["key"] == "settlements.overdue-after"

    def test_sets_and_resets_with_a_reason(self, db, capsys):
        found, code = self.run(capsys, "set", KEY, "60", "--reason", "they are slow")
        assert (found["value"], found["reason"], code) == (60, "they are slow", 0)
        found, code = self.run(capsys, "reset", KEY, "--reason", "they are well")
        assert (found["value"], found["changed_to"], code) == (600, None, 0)
        assert [entry.detail["after"] for entry in AuditEntry.objects.order_by("pk")] == [60, None]

    def test_refuses_what_could_decide_nothing(self, db, capsys):
        found, code = self.run(capsys, "set", KEY, "0", "--reason", "x")
        assert (found["code"], code) == ("ThresholdRefused", 1)
        assert "1 to 604800 s, not 0" in found["error"]
        assert self.run(capsys, "reset", "markets.odd", "--reason", "x")[1] == 1

    @pytest.mark.parametrize(
        "arguments",
        [("set", KEY, "60"), ("set", KEY, "--reason", "x"), ("reset", KEY), ("reset",)],
        ids=["no reason", "no number", "reset without a reason", "nothing named"],
    )
    def test_asks_for_what_is_missing(self, db, arguments):
        with pytest.raises(CommandError, match="KEY"):
            call_command("thresholds", *arguments)

    def test_prints_a_table_for_people(self, row, capsys, monkeypatch):
        monkeypatch.delenv("COLUMNS", raising=False)
        call_command("thresholds", "set", KEY, "60", "--reason", "they are slow")
        with a_threshold() as old:
            thresholding.sync()
            thresholding.change(key=old.key, value=60, actor="cli:x", reason="x", now=NOON)
        capsys.readouterr()
        call_command("thresholds")
        text = capsys.readouterr().out
        assert KEY in text and "they are slow" in text
        assert f"{old.key} (read by nothing)" in text


class TestApi:
    def patch(self, client, row, body):
        return client.patch(
            f"/api/v1/thresholds/{row.pk}", json.dumps(body), content_type="application/json"
        )

    def test_lists_them_by_key(self, row):
        found = a_client(roles.VIEWER).get("/api/v1/thresholds?limit=200").json()["results"]
        assert [one["key"] for one in found] == sorted(domain.DECLARED)
        shown = next(one for one in found if one["key"] == KEY)
        assert (shown["value"], shown["default"], shown["changed_to"]) == (600, 600, None)
        assert (shown["lowest"], shown["highest"], shown["unit"]) == (1, 604_800, "s")

    def test_shows_pages_rooms_and_few_fields(self, row):
        client = a_client(roles.VIEWER)
        page = client.get("/api/v1/thresholds?limit=2").json()
        second = client.get(page["next"]).json()["results"]
        first = [one["key"] for one in page["results"]]
        assert first + [one["key"] for one in second] == sorted(domain.DECLARED)[:4]
        query = "key__startswith=settlements.overdue&fields=key,value"
        found = client.get(f"/api/v1/thresholds?{query}")
        assert found.json()["results"] == [{"key": "settlements.overdue-after", "value": 2}]
        assert client.get("/api/v1/thresholds?odd=1").status_code == 400

    def test_changes_one_with_a_reason_and_puts_it_back(self, row):
        client = a_client()
        answer = self.patch(client, row, {"value": 60, "reason": "they are slow"})
        assert (answer.status_code, answer.json()["value"]) == (200, 60)
        assert answer.json() == client.get(f"/api/v1/thresholds/{row.pk}").json()
        url = f"/api/v1/thresholds/{row.pk}/reset"
        answer = client.post(url, {"reason": "they are well"}, content_type="application/json")
        assert (answer.status_code, answer.json()["changed_to"]) == (200, None)
        assert {entry.actor for entry in AuditEntry.objects.all()} == {"user:lea"}

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({"value": 60}, 400),
            ({"reason": "x"}, 400),
            ({"value": None, "reason": "x"}, 400),
            ({"value": 0, "reason": "x"}, 409),
            ({"value": 1e9, "reason": "x"}, 409),
        ],
        ids=["no reason", "no number", "null", "below", "above"],
    )
    def test_refuses_what_is_no_change(self, row, body, status):
        assert self.patch(a_client(), row, body).status_code == status
        row.refresh_from_db()
        assert row.value is None

    @pytest.mark.parametrize("role", [roles.VIEWER, roles.OPERATOR, roles.MODELING_LEAD])
    def test_is_closed_to_all_but_the_lead_of_operations(self, row, role):
        client = a_client(role)
        assert self.patch(client, row, {"value": 60, "reason": "x"}).status_code == 403
        url = f"/api/v1/thresholds/{row.pk}/reset"
        answer = client.post(url, {"reason": "x"}, content_type="application/json")
        assert answer.status_code == 403


class TestPages:
    def do(self, row, name):
        return reverse("admin:monitoring_threshold_do", args=[row.pk, name])

    def test_list_each_with_its_default_bounds_and_what_it_decides(self, row):
        thresholding.change(key=KEY, value=60, actor="user:max", reason="slow feed", now=NOON)
        text = a_client().get(reverse("admin:monitoring_threshold_changelist")).content.decode()
        assert all(key in text for key in domain.DECLARED)
        for shown in ("60 s", "600 s", "1 to 604800", "user:max: slow feed"):
            assert shown in text
        for declared in domain.DECLARED.values():  # whole, on as many lines as it takes
            assert f'<span class="cl-whole">{escape(declared.text)}</span>' in text
        assert ">1 hour<" in text

    def test_narrow_to_a_room_to_what_is_changed_and_to_what_nothing_reads(self, row):
        client, url = a_client(), reverse("admin:monitoring_threshold_changelist")
        with a_threshold() as old:
            thresholding.sync()
            thresholding.change(key=old.key, value=60, actor="user:max", reason="x", now=NOON)

        def keys(**asked):
            return [one.key for one in client.get(url, asked).context["cl"].result_list]

        mine = [key for key in domain.DECLARED if key.startswith("settlements.")]
        assert keys(room="settlements") == sorted(mine)
        assert keys(show="changed") == keys(show="unused") == [old.key]
        assert old.key not in keys()
        assert "Read by nothing" in client.get(url, {"show": "unused"}).content.decode()

    def test_change_with_a_reason_and_put_back(self, row):
        client = a_client()
        assert 'value="600"' in client.get(self.do(row, "change")).content.decode()
        form = {"value": "60", "reason": "they are slow", "confirmed": "yes"}
        client.post(self.do(row, "change"), form)
        row.refresh_from_db()
        assert (row.value, row.changed_by) == (60, "user:lea")
        page = client.get(reverse("admin:monitoring_threshold_change", args=[row.pk]))
        assert "they are slow" in page.content.decode()
        client.post(self.do(row, "back"), {"reason": "they are well", "confirmed": "yes"})
        row.refresh_from_db()
        assert row.value is None

    @pytest.mark.parametrize("value", ["0", "nan", "many", ""])
    def test_say_what_a_number_may_be(self, row, value):
        form = {"value": value, "reason": "x", "confirmed": "yes"}
        answer = a_client().post(self.do(row, "change"), form)
        assert answer.context["form"].errors.keys() == {"value"}
        row.refresh_from_db()
        assert row.value is None

    def test_add_and_delete_nothing_and_open_to_the_lead_alone(self, row):
        client = a_client()
        assert client.get(reverse("admin:monitoring_threshold_add")).status_code == 403
        url = reverse("admin:monitoring_threshold_delete", args=[row.pk])
        assert client.post(url, {"post": "yes"}).status_code == 403
        roles.ensure_roles()
        client.force_login(a_person("olga", roles.OPERATOR))
        assert client.get(self.do(row, "change")).status_code == 403


@pytest.mark.django_db(transaction=True)
class TestPrepare:
    def test_makes_the_rows_and_names_what_nothing_reads(self, settings, tmp_path):
        settings.CLOSINGLINE_HOME, settings.STATIC_ROOT = tmp_path, tmp_path / "static"
        with a_threshold() as old:
            thresholding.sync()
            thresholding.change(key=old.key, value=60, actor="cli:x", reason="x", now=NOON)
        said: list[str] = []
        preparing.prepare(now=NOON, say=said.append)
        assert f"threshold {old.key} was changed once; nothing reads it any more" in said
        assert Threshold.objects.count() == len(domain.DECLARED) + 1


class TestThePage:
    """docs/thresholds.md lists every number with its default, its bounds and what it decides."""

    def test_lists_what_is_declared_and_nothing_else(self):
        text = (BASE_DIR / "docs" / "thresholds.md").read_text(encoding="utf-8")
        shown = [line for line in text.splitlines() if re.match(r"\| [a-z_]+\.", line)]
        assert shown == [line_of(domain.DECLARED[key]) for key in sorted(domain.DECLARED)]

    @pytest.mark.parametrize("page", ["README.md", "docs/operating.md"])
    def test_is_found_from_the_others(self, page):
        assert "thresholds.md" in (BASE_DIR / page).read_text(encoding="utf-8")


def line_of(declared: domain.Threshold) -> str:
    """Return a number's line of the page."""
    bounds = f"{domain.written(declared.lowest)} to {domain.written(declared.highest)}"
    cells = (declared.key, declared.in_words(declared.default), bounds, declared.text)
    return f"| {' | '.join(cells)} |"
