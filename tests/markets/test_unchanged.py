"""Addresses that tell by what they can be asked for changes alone."""

from datetime import date, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from markets.models import AskedAddress, Event, Fetch, PayloadLook, Source
from markets.services import ingesting, sources, unchanged
from monitoring.models import AuditEntry
from monitoring.services import roles
from tests.config.builders import a_person
from tests.markets.builders import NOW, csv_file
from tests.markets.test_http import a_server

pytestmark = pytest.mark.django_db
CODE, TAG, DAY = "football_data", '"v1"', "Fri, 01 Mar 2024 10:00:00 GMT"


@pytest.fixture(autouse=True)
def archive(settings, tmp_path):
    settings.ARCHIVE_DIR = tmp_path / "archive"


class Site:
    """Answers like a web server that compares entity tags."""

    def __init__(self, body, headers):
        self.body, self.headers, self.conditions = body, headers, []

    def __call__(self, handler):
        names = ("If-None-Match", "If-Modified-Since")
        asked = {name: handler.headers[name] for name in names if handler.headers[name]}
        self.conditions.append(asked)
        is_known = bool(asked) and self.headers.get("ETag", TAG) == asked.get(names[0], TAG)
        handler.send_response(304 if is_known else 200)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        body = b"" if is_known else self.body
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


def looks(site, *rounds, path="/2324/E0.csv"):
    """Ask the site once per round and return the states of the looks."""
    with a_server(site) as (url, _):
        for number, fields in enumerate(rounds):
            ingesting.ingest(
                source_code=CODE,
                url=f"{url}{path}",
                actor="cli:test",
                **{"now": NOW + timedelta(hours=number), **fields},
            )
    return list(Fetch.objects.order_by("pk").values_list("state", flat=True))


def site(body=None, **headers):
    return Site(csv_file({}) if body is None else body, headers or {"ETag": TAG})


class TestAnAddress:
    def test_is_asked_for_changes_once_it_was_recorded(self):
        answering = site(**{"ETag": TAG, "Last-Modified": DAY})
        assert looks(answering, {}, {}, {}) == ["NEW_DATA", "EMPTY", "EMPTY"]
        told = {"If-None-Match": TAG, "If-Modified-Since": DAY}
        assert answering.conditions == [{}, told, told]

    def test_that_has_not_changed_is_a_success_and_costs_no_reading(self):
        looks(site(), {}, {})
        row, source = AskedAddress.objects.get(), Source.objects.get(code=CODE)
        assert (row.times_unchanged, row.read_at < row.unchanged_at) == (1, True)
        assert PayloadLook.objects.count() == 1  # nothing was archived or parsed again
        assert (source.failures_in_a_row, source.last_success_at > NOW) == (0, True)

    def test_that_has_changed_is_read(self):
        answering = site()
        with a_server(answering) as (url, _):
            ask = {"source_code": CODE, "url": f"{url}/2324/E0.csv", "actor": "x", "now": NOW}
            ingesting.ingest(**ask)
            answering.body = csv_file({}, {"HomeTeam": "Cedars"})
            answering.headers = {"ETag": '"v2"'}
            ingesting.ingest(**ask)
        assert Event.objects.count() == 2
        assert AskedAddress.objects.get().etag == '"v2"'

    def test_that_tells_nothing_of_itself_is_read_each_time(self):
        answering = site(Server="old")
        assert looks(answering, {}, {}) == ["NEW_DATA", "NOTHING_NEW"]
        assert answering.conditions == [{}, {}]
        assert not AskedAddress.objects.exists()

    @pytest.mark.parametrize("told", ["x" * 301, '"é"'.encode().decode("latin-1")])
    def test_that_tells_what_cannot_be_sent_back_is_read_each_time(self, told):
        answering = site(ETag=told)
        looks(answering, {}, {})
        assert answering.conditions == [{}, {}]

    def test_whose_answer_could_not_be_read_is_asked_for_it_again(self):
        answering = site(b"<html>moved</html>")
        assert looks(answering, {}, {}) == ["FAILED", "FAILED"]
        assert answering.conditions == [{}, {}]

    @pytest.mark.parametrize("partly", [{"since": date(2020, 1, 1)}, {"dry_run": True}])
    def test_that_was_read_in_part_is_asked_for_everything(self, partly):
        answering = site()
        looks(answering, partly, {}, partly)
        assert answering.conditions == [{}, {}, {}]
        assert AskedAddress.objects.count() == 1

    def test_is_asked_for_everything_where_its_source_is_read_otherwise(self):
        answering = site()
        with a_server(answering) as (url, _):
            ask = {"source_code": CODE, "url": f"{url}/2324/E0.csv", "actor": "x", "now": NOW}
            ingesting.ingest(**ask)
            Source.objects.filter(code=CODE).update(time_zone="UTC")
            ingesting.ingest(**ask)
        assert answering.conditions == [{}, {}]

    def test_of_a_source_of_prices_of_now_is_asked_for_everything(self):
        sources.ensure_default_sources(now=NOW)
        Source.objects.filter(code=CODE).update(cadence_seconds=60)
        answering = site()
        looks(answering, {}, {})
        assert answering.conditions == [{}, {}]

    def test_is_forgotten_once_nobody_asks_it_any_more(self):
        looks(site(), {})
        later = NOW + timedelta(days=91)
        looks(site(), {"now": later}, path="/2425/E0.csv")
        assert "/2425/" in AskedAddress.objects.get().address

    def test_shows_no_secret(self):
        looks(site(), {}, path="/2324/E0.csv?apiKey=k3y")
        row = AskedAddress.objects.get()
        assert "k3y" not in row.address + row.digest


class TestForgetting:
    def test_asks_for_everything_again_and_is_audited(self):
        looks(site(), {})
        unchanged.forget(source_code=CODE, reason="repaired", actor="cli:ada", now=NOW)
        assert not AskedAddress.objects.exists()
        entry = AuditEntry.objects.get(action="markets.forget_addresses")
        assert (entry.actor, entry.detail["addresses"]) == ("cli:ada", 1)

    @pytest.mark.parametrize(("code", "reason"), [(CODE, " "), (CODE, "x"), ("nobody", "x")])
    def test_is_refused_without_reason_source_or_addresses(self, code, reason):
        sources.ensure_default_sources(now=NOW)
        with pytest.raises(unchanged.NothingToForget):
            unchanged.forget(source_code=code, reason=reason, actor="cli:ada", now=NOW)

    def test_is_an_action_of_the_source_in_admin_and_api(self):
        looks(site(), {})
        roles.ensure_roles()
        client = Client()
        client.force_login(a_person("leo", roles.OPS_LEAD))
        pk = Source.objects.get(code=CODE).pk
        url = reverse("admin:markets_source_do", args=[pk, "reread"])
        client.post(url, {"confirmed": "1", "reason": "repaired"})
        assert not AskedAddress.objects.exists()
        answer = client.post(
            f"/api/v1/sources/{pk}/reread",
            {"reason": "again"},
            content_type="application/json",
            headers={"Idempotency-Key": "one"},
        )
        assert (answer.status_code, "as it is" in answer.json()["detail"]) == (409, True)
