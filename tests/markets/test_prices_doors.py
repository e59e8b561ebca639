"""The doors to prices: pages, API, commands, the check and the task."""

import json
import re
from datetime import datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from drf_spectacular.generators import SchemaGenerator

from markets.models import ClosingPrice, Competition, Event, Notice, RetentionPolicy, Source
from markets.monitors import prices as monitor
from markets.services import closing, recording, sources
from monitoring import registry
from monitoring.services import roles
from tests.config.test_api import a_user
from tests.markets.builders import (
    NOW,
    START,
    a_batch,
    a_source,
    match_odds,
    without_months,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _an_archive(settings, tmp_path):
    settings.ARCHIVE_DIR = tmp_path


@pytest.fixture
def viewer(client):
    client.force_login(a_user("vera", roles.VIEWER))
    return client


@pytest.fixture
def closed():
    prices = match_odds("2.4", "3.4", "3.1", hours_before=24)
    prices += match_odds("2.0", "3.4", "3.9", hours_before=0.5)
    recording.record(batch=a_batch(prices=prices), source=a_source(), now=NOW)
    closing.record_closes(as_of=NOW, now=NOW)


def command(*words):
    from io import StringIO

    out = StringIO()
    call_command(*words, "--output", "json", stdout=out)
    return json.loads(out.getvalue())


class TestMovementApi:
    def test_answers_the_report(self, viewer, closed):
        answer = viewer.get("/api/v1/movement?sport=soccer").json()
        assert answer["events"] == 1
        (row,) = answer["open_to_close"]
        assert (row["kind"], row["n"]) == ("MATCH_ODDS", 3)
        assert [window["farthest"] for window in answer["timing"][0]["windows"]] == [
            1, 4, 12, 24, 48, 72,
        ]  # fmt: skip
        assert answer["timing"][0]["advice"] is None

    @pytest.mark.parametrize(
        "asked", ["events=0", "events=2001", "kind=COIN_TOSS", "since=noon", "sports=soccer"]
    )
    def test_refuses_what_it_does_not_understand(self, viewer, asked):
        assert viewer.get(f"/api/v1/movement?{asked}").status_code == 400

    def test_is_closed_to_strangers(self, client):
        assert client.get("/api/v1/movement").status_code == 401


class TestFairClosesApi:
    def test_names_the_book_and_the_method(self, viewer, closed):
        event = Event.objects.get().pk
        rows = viewer.get(f"/api/v1/fair-closes?event={event}").json()
        assert {(row["book"], row["method"], row["exactness"]) for row in rows} == {
            ("pinnacle", "shin", "PROVISIONAL")
        }
        assert sum(row["fair_probability"] for row in rows) == pytest.approx(1)

    def test_takes_the_margin_off_as_it_is_asked(self, viewer, closed):
        event = Event.objects.get().pk
        rows = viewer.get(f"/api/v1/fair-closes?event={event}&method=power").json()
        assert {row["method"] for row in rows} == {"power"}

    @pytest.mark.parametrize("is_simulated", [True, False], ids=["simulated", "real"])
    def test_says_whether_the_event_is_simulated(self, viewer, closed, is_simulated):
        Competition.objects.update(is_simulated=is_simulated)
        address = f"/api/v1/fair-closes?event={Event.objects.get().pk}&method=power"
        viewer.get(address)
        with CaptureQueriesContext(connection) as asked:
            rows = viewer.get(address).json()
        assert [row["is_simulated"] for row in rows] == [is_simulated] * 3
        assert sum('"markets_event"."id" =' in query["sql"] for query in asked) == 1
        assert viewer.get(f"{address}&is_simulated={is_simulated}").json() == rows
        assert viewer.get(f"{address}&is_simulated={not is_simulated}").json() == []

    def test_has_no_row_of_an_event_that_is_not_there(self, viewer):
        assert viewer.get("/api/v1/fair-closes?event=77").json() == []


class TestNoticesApi:
    @pytest.fixture
    def noticed(self, closed):
        real, simulated = Source.objects.get(), a_source(code="sim", is_simulated=True)
        for source in (real, simulated):
            Notice.objects.create(
                source=source,
                kind="NEWS",
                ref="1",
                version=1,
                title="Out",
                known_at=NOW,
                digest="d",
            )

    def test_says_which_are_simulated_and_filters_by_it(self, viewer, noticed):
        rows = viewer.get("/api/v1/notices").json()["results"]
        assert {(row["source"], row["is_simulated"]) for row in rows} == {
            ("feed", False), ("sim", True),
        }  # fmt: skip
        for word, code in (("true", "sim"), ("false", "feed")):
            found = viewer.get(f"/api/v1/notices?source__is_simulated={word}").json()["results"]
            assert [row["source"] for row in found] == [code]


class TestSchema:
    def test_of_fair_closes_and_notices_tells_what_is_simulated(self, viewer):
        schema = SchemaGenerator(api_version="v1").get_schema(public=True)
        for route, name in (("fair-closes", "is_simulated"), ("notices", "source__is_simulated")):
            asked = schema["paths"][f"/api/v1/{route}"]["get"]
            assert name in {one["name"] for one in asked["parameters"]}
            answer = asked["responses"]["200"]["content"]["application/json"]["schema"]
            assert "is_simulated" in properties(schema, answer)


def properties(schema, found):
    """Return the fields of the rows that an answer holds."""
    while "properties" not in found or "results" in found["properties"]:
        found = found.get("properties", {}).get("results", found)
        found = found.get("items", found)
        if "$ref" in found:
            found = schema["components"]["schemas"][found["$ref"].rpartition("/")[2]]
    return found["properties"]


class TestPages:
    def test_movement_has_its_chart_and_tables(self, viewer, closed):
        page = viewer.get(reverse("admin:markets_movement") + "?sport=soccer&kind=MATCH_ODDS")
        assert page.status_code == 200
        text = page.content.decode()
        for part in ("What a price was worth at the close", "Steam moves", "12–24 h"):
            assert part in text
        assert "Soccer: 1X2 by hours before the start" in text
        drawn = json.loads(re.search(r'<script id="movement"[^>]*>(.*?)</script>', text)[1])
        assert drawn["names"] == ["48–72 h", "24–48 h", "12–24 h", "4–12 h", "1–4 h", "0–1 h"]

    def test_movement_opens_where_nothing_is_recorded(self, viewer):
        page = viewer.get(reverse("admin:markets_movement"))
        assert "No event with recorded closes fits" in page.content.decode()

    def test_movement_is_closed_to_whoever_may_not_see_closes(self, client):
        user = a_user("nobody", roles.VIEWER)
        user.groups.clear()
        client.force_login(user)
        assert client.get(reverse("admin:markets_movement")).status_code == 403

    def test_a_close_shows_what_every_method_makes_of_it(self, viewer, closed):
        row = ClosingPrice.objects.first()
        page = viewer.get(reverse("admin:markets_closingprice_change", args=[row.pk]))
        text = page.content.decode()
        assert page.status_code == 200
        for method in ("shin", "odds_ratio", "differential_margin", "Near the close"):
            assert method in text


class TestCommands:
    def test_movement_prints_the_report(self, closed):
        report = command("movement", "--kind", "MATCH_ODDS")
        assert (report["events"], report["reference"]) == (1, {"pinnacle": 1})

    def test_movement_reads_to_people_too(self, closed, capsys):
        call_command("movement")
        assert "soccer MATCH_ODDS: worth at the close" in capsys.readouterr().out

    def test_cuts_nothing_off_where_the_table_goes_into_a_pipe(self, capsys, monkeypatch):
        monkeypatch.delenv("COLUMNS", raising=False)
        sources.ensure_default_sources(now=NOW)
        call_command("sources")
        assert "betfair_stream" in capsys.readouterr().out

    def test_retention_lists_and_sets(self):
        assert {row["table"] for row in command("retention", "list")["policies"]} >= {
            "markets_pricesnapshot",
            "archive",
        }
        command("retention", "set", "archive", "--days", "30", "--reason", "disk")
        assert RetentionPolicy.objects.get(table="archive").keep_days == 30
        command("retention", "set", "archive", "--for-ever", "--reason", "law")
        assert RetentionPolicy.objects.get(table="archive").keep_days is None

    def test_retention_says_what_it_would_retire_and_brings_it_back(self, tmp_path, request):
        without_months()
        request.getfixturevalue("closed")
        Event.objects.update(status="FINISHED")
        at = START - timedelta(days=900)
        with connection.cursor() as cursor:
            cursor.execute("update markets_pricesnapshot set fetched_at = %s", [at])
        month = "markets_pricesnapshot_2023_08"
        dry = command("retention", "run", "--dry-run")
        assert dry["retired"]["markets_pricesnapshot"] == [month]
        command("retention", "run")
        file = tmp_path / "retired" / f"{month}.parquet"
        assert command("retention", "bring-back", str(file))["added"] == 5


class TestPartitionMissing:
    def test_names_what_does_not_stand(self):
        now = datetime(2077, 12, 15, tzinfo=START.tzinfo)
        (found,) = monitor.partition_missing(now)
        assert "markets_pricesnapshot_2077_12" in found.summary
        assert "markets_laddersnapshot_2078_01" in found.summary

    def test_is_quiet_once_its_response_made_them(self):
        now = datetime(2077, 12, 15, tzinfo=START.tzinfo)
        said = monitor.make_partitions(subject="", actor="ada", reason="", now=now)
        assert "markets_pricesnapshot_2078_01" in said
        assert list(monitor.partition_missing(now)) == []

    def test_stands_in_the_registry_with_its_response(self):
        assert monitor.PARTITION_MISSING in registry.checks
        kinds = registry.responses["markets.make-partitions"].kinds
        assert monitor.PARTITION_MISSING in kinds


class TestRetireTask:
    def test_may_be_asked_for_by_whoever_may_change_policies(self):
        job = registry.jobs["markets.tasks.retire_prices"]
        assert job.permission == "markets.change_retentionpolicy"
