"""What paper bets cost, set over the API, on its page and by command."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from betting.models import CostModel
from betting.services import costing
from monitoring.services import roles
from tests.betting.builders import NOON, a_book
from tests.config.builders import a_person

pytestmark = pytest.mark.django_db
BODY = {"depth": "50.00", "is_enabled": True, "reason": "like the real one"}


@pytest.fixture
def lead(client: Client) -> Client:
    roles.ensure_roles()
    client.force_login(a_person("otto", roles.OPS_LEAD))
    return client


@pytest.fixture
def row() -> CostModel:
    return costing.set_costs(
        book_id=a_book().pk, depth="100", reason="first", actor="cli:test", now=NOON
    )


def send(client: Client, method: str, path: str, body: object):
    call = getattr(client, method)
    return call(f"/api/v1/costs{path}", json.dumps(body), content_type="application/json")


class TestApi:
    def test_sets_changes_and_tells_what_to_expect(self, lead):
        made = send(lead, "post", "", {**BODY, "book": a_book().pk})
        assert (made.status_code, made.json()["depth"]) == (201, "50.00")
        path = f"/{made.json()['id']}"
        changed = send(lead, "patch", path, {"rejection": 0.5, "reason": "strict"})
        assert (changed.status_code, changed.json()["rejection"]) == (200, 0.5)
        assert lead.get("/api/v1/costs").json()["results"][0]["book_code"] == "alpha"
        expected = lead.get(f"/api/v1/costs{path}/estimates").json()
        assert [each["filled_at_once"] for each in expected] == [0.5, 0.0, 0.0, 0.0]

    @pytest.mark.parametrize(
        "body, status, told",
        [
            ({"depth": "1"}, 400, "reason"),
            ({"depth": "1e400", "reason": "x"}, 400, "depth"),
            ({"rejection": -1, "reason": "x"}, 409, "rejection must be"),
            ({"fee": 1, "reason": "x"}, 400, "fee"),
            ({"reason": "x"}, 409, "name what"),
        ],
        ids=["no-reason", "endless", "negative", "unknown", "nothing"],
    )
    def test_refuses_what_does_not_fit_and_names_it(self, lead, row, body, status, told):
        answer = send(lead, "patch", f"/{row.pk}", body)
        assert (answer.status_code, told in answer.content.decode()) == (status, True)

    def test_is_not_for_viewers(self, client, row):
        roles.ensure_roles()
        client.force_login(a_person("vera", roles.VIEWER))
        assert send(client, "patch", f"/{row.pk}", BODY).status_code == 403


class TestPage:
    def test_shows_the_numbers_and_what_to_expect(self, lead, row):
        page = lead.get(reverse("admin:betting_costmodel_change", args=[row.pk]))
        assert "What to expect" in page.content.decode()

    def test_changes_them_by_a_form_that_shows_what_stands(self, lead, row):
        url = reverse("admin:betting_costmodel_do", args=[row.pk, "change"])
        shown = lead.get(url)
        assert 'value="100.00"' in shown.content.decode()
        form = shown.context["form"]
        given = {name: form[name].value() for name in costing.NUMBERS if name != "is_enabled"}
        answer = lead.post(
            url, {**given, "queue": "25", "is_enabled": "on", "reason": "busy", "confirmed": "1"}
        )
        assert answer.status_code == 302
        row.refresh_from_db()
        assert (row.is_enabled, row.queue, row.depth) == (True, 25, 100)


class TestCommand:
    def test_sets_and_lists(self, capsys):
        book = a_book()
        call_command("costs", "set", book.code, "depth=50", "--reason", "x", "--output", "json")
        assert json.loads(capsys.readouterr().out)["depth"] == "50.00"
        call_command("costs", "--output", "json")
        (listed,) = json.loads(capsys.readouterr().out)["costs"]
        assert (listed["book"], len(listed["estimates"])) == ("alpha", 4)

    def test_needs_a_reason(self):
        with pytest.raises(CommandError, match="--reason"):
            call_command("costs", "set", a_book().code, "depth=50")
