"""Markup that a feed wrote is text on every page that shows it, and in every file that leaves."""

import json
from importlib import import_module

import pytest
from django.contrib import admin
from django.urls import reverse

from markets.models import (
    Event,
    Fetch,
    FetchProblem,
    ImportMapping,
    Notice,
    ParkedRow,
    Participant,
    UnknownName,
)
from markets.services import ingesting, sources
from tests.corpus.test_bad_input import SPEC, a_game
from tests.markets.builders import NOW, csv_file

EVIL = "<script>alert(1)</script>"
OTHER = "'><img src=x onerror=alert(2)>"
RAW = ("<script>alert", "<img src=x")
import_module("config.urls")  # finds the pages
PAGES = sorted(
    (model for model in admin.site._registry if model._meta.app_label == "markets"),
    key=lambda model: model.__name__,
)


@pytest.fixture
def told(db, settings, tmp_path):
    """Names, ids, notices and problems with markup, through the real load."""
    settings.ARCHIVE_DIR = tmp_path / "archive"
    sources.ensure_default_sources(now=NOW)
    ImportMapping.objects.create(
        name="hove", title=EVIL, file_pattern=f"{EVIL}*", spec=SPEC, changed_by=EVIL,
        changed_at=NOW,
    )  # fmt: skip
    feed = {"id": EVIL, "title": f"&lt;script&gt;{EVIL}", "body": OTHER, "person": OTHER}
    rows = csv_file(
        {"HomeTeam": EVIL, "AwayTeam": OTHER}, {"HomeTeam": "Cedars", "PSH": EVIL, "Time": EVIL}
    )
    files = {
        "football_data": ("E0_2324.csv", rows),
        "odds_api": ("odds.json", a_game(home_team=EVIL, id=OTHER)),
        "feeds": ("<b>news.json", json.dumps([feed]).encode()),
    }
    for source, (name, body) in files.items():
        path = tmp_path / name
        path.write_bytes(body)
        ingesting.ingest(source_code=source, path=str(path), actor="cli:t", now=NOW)
    assert Participant.objects.filter(name__in=(EVIL, OTHER)).count() == 2
    assert (Event.objects.count(), Fetch.objects.count()) == (2, 3)
    assert UnknownName.objects.filter(name=EVIL).exists()
    assert ParkedRow.objects.exists() and Notice.objects.exists()
    assert FetchProblem.objects.filter(message__contains=EVIL).exists()


def shown(client, address):
    answer = client.get(address)
    assert answer.status_code == 200, address
    text = answer.content.decode()
    assert not [raw for raw in RAW if raw in text], address
    return text


class TestEveryPage:
    def test_shows_markup_as_text(self, told, admin_client):
        """All lists and all details of what the markets keep."""
        pages = []
        for model in PAGES:
            base = f"admin:markets_{model._meta.model_name}"
            pages.append(shown(admin_client, reverse(f"{base}_changelist")))
            for key in model._default_manager.values_list("pk", flat=True)[:4]:
                pages.append(shown(admin_client, reverse(f"{base}_change", args=[key])))
        assert sum("&lt;script&gt;alert(1)" in page for page in pages) >= 8

    def test_finds_it_as_text(self, told, admin_client):
        for model in PAGES:
            if admin.site._registry[model].search_fields:
                address = reverse(f"admin:markets_{model._meta.model_name}_changelist")
                shown(admin_client, f"{address}?q=%3Cscript%3Ealert(1)%3C/script%3E")

    def test_that_completes_names_is_json_that_no_browser_reads_as_a_page(self, told, admin_client):
        answer = admin_client.get(
            reverse("admin:autocomplete"),
            {
                "app_label": "markets", "model_name": "participantalias",
                "field_name": "participant", "term": "script",
            },
        )  # fmt: skip
        assert [row["text"] for row in answer.json()["results"]] == [EVIL]
        assert answer["Content-Type"] == "application/json"
        assert answer["X-Content-Type-Options"] == "nosniff"


class TestTheApi:
    def test_answers_json_and_never_a_page(self, told, admin_client):
        for name in ("unknown-names", "participants", "notices", "events"):
            answer = admin_client.get(f"/api/v1/{name}", headers={"Accept": "text/html,*/*"})
            assert (answer.status_code, name) == (200, name)
            assert answer["Content-Type"].startswith("application/json")
            assert answer["X-Content-Type-Options"] == "nosniff"
