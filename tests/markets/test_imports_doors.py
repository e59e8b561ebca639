"""The ways to mappings and notices: pages, API and command line."""

import json
from datetime import UTC, datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from markets.models import ImportMapping, ImportMappingRevision, Notice
from markets.services import importing
from monitoring.models import AuditEntry, TaskRun
from monitoring.services import roles
from tests.markets.builders import a_source
from tests.markets.doors import a_client, run
from tests.markets.test_importing import SPEC, a_mapping, change

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SAMPLE = "day,home,away,h\n2026-11-21 15:00,Alders,Birches,2.1\nsoon,A,B,0\n"
LIST = "/api/v1/import-mappings"


def a_notice(**changes):
    told = {
        "source": a_source(code="feeds"), "kind": "NEWS", "ref": "1", "version": 1,
        "title": "<script>alert(1)</script>", "body": "<b>bold</b>", "known_at": NOW,
        "url": "https://news.example/1", "digest": "d",
    }  # fmt: skip
    return Notice.objects.create(**{**told, **changes})


class TestThePage:
    def page(self, name, *key):
        return reverse(f"admin:markets_importmapping_{name}", args=key)

    def form(self, row, **changes):
        told = {
            "title": row.title, "file_pattern": row.file_pattern, "spec": json.dumps(row.spec),
            "is_enabled": "on", "reason": "clearer", "at_revision": row.revision,
        }  # fmt: skip
        return {**told, **changes}

    def test_lists_what_each_mapping_reads(self):
        a_mapping()
        text = a_client(roles.VIEWER).get(self.page("changelist")).content.decode()
        assert "soccer: 1 columns of prices" in text

    def test_keeps_a_change_as_a_revision_by_whoever_made_it(self):
        row = a_mapping()
        client = a_client(roles.OPS_LEAD)
        answer = client.post(self.page("change", row.pk), self.form(row, title="Clear"))
        assert answer.status_code == 302
        row.refresh_from_db()
        assert (row.title, row.revision, row.changed_by) == ("Clear", 2, "user:olga")
        assert AuditEntry.objects.filter(action="markets.change_mapping").count() == 1

    def test_begins_a_new_one_with_an_example_that_would_be_taken(self):
        page = a_client(roles.OPS_LEAD).get(self.page("add"))
        offered = page.context["adminform"].form["spec"].initial
        assert importing.checked(dict(offered))["sides"] == {"home": "Home", "away": "Away"}

    def test_adds_a_mapping(self):
        told = {
            "name": "hove", "title": "Hove", "file_pattern": "h*.csv", "spec": json.dumps(SPEC),
            "is_enabled": "on", "reason": "new",
        }  # fmt: skip
        answer = a_client(roles.OPS_LEAD).post(self.page("add"), told)
        assert answer.status_code == 302
        assert ImportMapping.objects.get().revision == 1

    @pytest.mark.parametrize("spec", ["{", "[]", '{"sport": "soccer"}'])
    def test_tells_what_is_wrong_and_keeps_what_stands(self, spec):
        row = a_mapping()
        answer = a_client(roles.OPS_LEAD).post(
            self.page("change", row.pk), self.form(row, spec=spec)
        )
        assert answer.status_code == 200
        assert ImportMapping.objects.get().revision == 1

    def test_refuses_a_change_to_what_somebody_else_has_changed(self):
        row = a_mapping()
        stale = self.form(row, title="Mine")
        change(row, title="Theirs")
        answer = a_client(roles.OPS_LEAD).post(self.page("change", row.pk), stale, follow=True)
        assert "Refused" in answer.content.decode()
        assert ImportMapping.objects.get().title == "Theirs"

    def test_lets_a_viewer_look_and_try_but_not_change(self):
        row = a_mapping()
        client = a_client(roles.VIEWER)
        assert client.get(self.page("change", row.pk)).status_code == 200
        assert client.get(self.page("preview", row.pk)).status_code == 200
        client.post(self.page("change", row.pk), self.form(row, title="Mine"))
        assert ImportMapping.objects.get().title == "Hove League"

    def test_previews_pasted_lines_and_an_upload_without_writing(self):
        row = a_mapping()
        client = a_client(roles.VIEWER)
        spec = {"spec": json.dumps(SPEC)}
        upload = SimpleUploadedFile("hove.csv", SAMPLE.encode())
        for sample in ({"sample": SAMPLE}, {"file": upload}):
            text = client.post(self.page("preview", row.pk), {**spec, **sample}).content.decode()
            assert "Alders v Birches" in text
            assert "hove MATCH_ODDS HOME 2.100" in text
            assert "What was expected" in text
        assert ImportMapping.objects.get().revision == 1

    @pytest.mark.parametrize(
        "told", [{}, {"spec": "{", "sample": "x"}, {"spec": "{}", "sample": "x"}]
    )
    def test_previews_nothing_where_the_mapping_or_the_sample_is_none(self, told):
        row = a_mapping()
        answer = a_client(roles.VIEWER).post(self.page("preview", row.pk), told)
        assert answer.status_code == 200
        assert "What it would bring" not in answer.content.decode()

    def test_restores_a_revision(self):
        row = a_mapping()
        change(row, spec={**SPEC, "delimiter": ";"})
        address = reverse("admin:markets_importmapping_do", args=[row.pk, "restore"])
        told = {"confirmed": "yes", "reason": "right before", "revision": 1}
        a_client(roles.OPS_LEAD).post(address, told)
        row.refresh_from_db()
        assert (row.revision, row.spec) == (3, ImportMappingRevision.objects.get(revision=1).spec)

    def test_reads_a_file_as_a_run(self):
        row = a_mapping()
        address = reverse("admin:markets_importmapping_do", args=[row.pk, "read"])
        told = {"confirmed": "yes", "reason": "new file", "location": "/data/hove_1.csv",
                "dry_run": "on"}  # fmt: skip
        a_client(roles.OPS_LEAD).post(address, told)
        run = TaskRun.objects.get()
        assert run.arguments["source"] == "csv"
        assert run.arguments["path"] == "/data/hove_1.csv"
        assert run.is_dry_run

    def test_adds_the_shipped_ones(self):
        address = reverse("admin:markets_importmapping_do_many", args=["shipped"])
        told = {"confirmed": "yes", "reason": "we need them"}
        a_client(roles.OPS_LEAD).post(address, told)
        assert ImportMapping.objects.filter(name="nba_games").exists()

    def test_shows_a_revision_as_it_was(self):
        a_mapping()
        row = ImportMappingRevision.objects.get()
        address = reverse("admin:markets_importmappingrevision_change", args=[row.pk])
        assert "MATCH_ODDS" in a_client(roles.VIEWER).get(address).content.decode()


class TestThePageOfNotices:
    def test_shows_what_others_wrote_as_text(self):
        row = a_notice()
        client = a_client(roles.VIEWER)
        listed = client.get(reverse("admin:markets_notice_changelist")).content.decode()
        shown = client.get(reverse("admin:markets_notice_change", args=[row.pk])).content.decode()
        for text in (listed, shown):
            assert "<script>alert(1)" not in text
            assert "&lt;script&gt;alert(1)" in text
        assert "&lt;b&gt;bold" in shown
        assert 'href="https://news.example/1"' in shown


class TestTheApi:
    def send(self, client, method, path, body, **headers):
        return getattr(client, method)(
            path, json.dumps(body), content_type="application/json", headers=headers
        )

    def test_tells_the_revision_with_the_mapping(self):
        row = a_mapping()
        client = a_client(roles.VIEWER)
        answer = client.get(f"{LIST}/{row.pk}")
        assert (answer.status_code, answer["ETag"]) == (200, '"1"')
        assert answer.json()["spec"]["sport"] == "soccer"
        assert client.get(LIST).json()["results"][0]["name"] == "hove"

    def test_changes_what_is_at_the_revision_that_was_read(self):
        row = a_mapping()
        client = a_client(roles.OPS_LEAD)
        body = {"title": "Clear", "reason": "clearer"}
        answer = self.send(client, "patch", f"{LIST}/{row.pk}", body, **{"If-Match": '"1"'})
        assert (answer.status_code, answer["ETag"]) == (200, '"2"')
        again = self.send(client, "patch", f"{LIST}/{row.pk}", body, **{"If-Match": '"1"'})
        assert (again.status_code, again.json()["code"]) == (412, "precondition_failed")

    @pytest.mark.parametrize("header, code", [({}, 428), ({"If-Match": "abc"}, 412)])
    def test_changes_nothing_without_a_revision(self, header, code):
        row = a_mapping()
        client = a_client(roles.OPS_LEAD)
        body = {"title": "Clear", "reason": "clearer"}
        assert self.send(client, "patch", f"{LIST}/{row.pk}", body, **header).status_code == code
        assert ImportMapping.objects.get().title == "Hove League"

    def test_restores_a_revision(self):
        row = a_mapping()
        change(row, spec={**SPEC, "delimiter": ";"})
        body = {"revision": 1, "reason": "right before"}
        answer = self.send(
            a_client(roles.OPS_LEAD), "post", f"{LIST}/{row.pk}/restore", body, **{"If-Match": "2"}
        )
        assert (answer.status_code, answer.json()["revision"]) == (200, 3)

    def test_writes_a_new_one_and_refuses_one_that_cannot_be_used(self):
        client = a_client(roles.OPS_LEAD)
        body = {"name": "hove", "title": "H", "file_pattern": "h*", "spec": SPEC, "reason": "new"}
        assert self.send(client, "post", LIST, body).status_code == 201
        refused = self.send(client, "post", LIST, {**body, "name": "b", "spec": {"sport": "x"}})
        assert (refused.status_code, refused.json()["code"]) == (409, "MappingRefused")

    def test_previews_a_sample_for_whoever_may_look(self):
        answer = self.send(
            a_client(roles.VIEWER), "post", f"{LIST}/preview", {"spec": SPEC, "sample": SAMPLE}
        )
        assert answer.status_code == 200
        assert answer.json()["counts"]["rejected"] == 1
        assert not ImportMapping.objects.exists()

    def test_lets_nobody_else_change_anything(self):
        row = a_mapping()
        client = a_client(roles.OPERATOR)
        body = {"title": "Clear", "reason": "clearer"}
        answer = self.send(client, "patch", f"{LIST}/{row.pk}", body, **{"If-Match": '"1"'})
        assert answer.status_code == 403

    def test_has_no_way_to_delete_one(self):
        row = a_mapping()
        answer = a_client(roles.ADMINISTRATOR).delete(f"{LIST}/{row.pk}")
        assert answer.status_code in (403, 405)
        assert ImportMapping.objects.exists()

    def test_lists_notices(self):
        a_notice()
        answer = a_client(roles.VIEWER).get("/api/v1/notices?kind=NEWS")
        assert answer.json()["results"][0]["title"] == "<script>alert(1)</script>"


class TestTheCommand:
    @pytest.fixture
    def spec(self, tmp_path):
        file = tmp_path / "spec.json"
        file.write_text(json.dumps(SPEC))
        return str(file)

    def test_lists_the_shipped_ones(self, capsys):
        code, report = run(capsys, "mappings")
        assert code == 0
        assert {row["name"] for row in report["mappings"]} == {"kash_model", "nba_games"}
        assert "basketball: 2 columns of prices, results" in report["mappings"][1]["reads"]

    def test_writes_changes_and_restores(self, capsys, spec):
        words = ("--pattern", "hove_*.csv", "--reason", "new", "--spec", spec)
        code, report = run(capsys, "mappings", "create", "hove", *words)
        assert (code, report["revision"], report["spec"]["sport"]) == (0, 1, "soccer")
        code, report = run(
            capsys, "mappings", "change", "hove", "--title", "H", "--reason", "short"
        )
        assert (code, report["revision"], report["title"]) == (0, 2, "H")
        code, report = run(capsys, "mappings", "disable", "hove", "--reason", "not now")
        assert (code, report["is_enabled"]) == (0, False)
        code, report = run(
            capsys, "mappings", "restore", "hove", "--revision", "1", "--reason", "r"
        )
        assert (code, report["revision"]) == (0, 3)  # the spec never changed
        code, report = run(capsys, "mappings", "show", "hove")
        assert (code, report["changed_by"][:4]) == (0, "cli:")

    def test_previews_a_file_with_a_mapping_that_is_not_written_yet(self, capsys, spec, tmp_path):
        file = tmp_path / "hove_1.csv"
        file.write_text(SAMPLE)
        code, report = run(capsys, "mappings", "preview", "--spec", spec, "--path", str(file))
        assert (code, report["counts"]["events"]) == (2, 1)
        file.write_text("another,file\n")
        code, report = run(capsys, "mappings", "preview", "--spec", spec, "--path", str(file))
        assert (code, report["counts"]["rows"]) == (1, 0)

    @pytest.mark.parametrize(
        "words",
        [
            ("show", "nobody"),
            ("create", "hove"),
            ("create", "hove", "--spec", "/nowhere.json", "--pattern", "x"),
            ("preview", "nba_games", "--path", "/nowhere.csv"),
            ("restore", "nba_games", "--revision", "7", "--reason", "r"),
            ("disable", "nba_games"),
        ],
    )
    def test_says_why_it_cannot(self, capsys, words):
        code, report = run(capsys, "mappings", *words)
        assert (code, report["code"]) == (1, "MappingRefused")


def test_presets_are_mappings_that_can_be_used():
    for preset in importing.PRESETS:
        assert importing.checked(preset.spec) == importing.checked(importing.checked(preset.spec))
