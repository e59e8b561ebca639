"""What operators and programs see of the sources and may do with them."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from markets import queries
from markets.domain import levels
from markets.models import Event, EventAlias, Fetch, Source
from markets.monitors import sources as monitors
from markets.services import sources
from monitoring import registry
from monitoring.models import AuditEntry
from monitoring.services import metrics, roles
from tests.config.builders import a_person
from tests.markets.builders import NOW, START, a_batch, a_result, a_source, an_event, record

pytestmark = pytest.mark.django_db


@pytest.fixture
def source():
    return a_source(location="http://feed.example", cadence_seconds=60, last_attempt_at=NOW)


def looks(source, *, state="NEW_DATA", ms=(), kind="", at=NOW, **fields):
    Fetch.objects.bulk_create(
        [
            Fetch(
                source=source, origin="x", state=state, started_at=at, latency_ms=wait,
                error_kind=kind, error="x" if kind else "", **fields,
            )
            for wait in ms
        ]
    )  # fmt: skip


def of(code="feed", now=NOW):
    return next(health for health in queries.source_health(now=now) if health.code == code)


class TestSourceHealth:
    def test_tells_how_a_days_looks_ended(self, source):
        looks(source, ms=range(100, 1000, 100), rows_read=3, rows_parked=1, rows_rejected=2)
        looks(source, state="FAILED", kind="TIMEOUT", ms=[30_000])
        looks(source, state="FAILED", kind="HTTP_5XX", ms=[1, 1], at=NOW - timedelta(days=2))
        fares = of().looks
        assert (fares.total, fares.succeeded, fares.success_share) == (10, 9, 0.9)
        assert (fares.p50_ms, fares.errors) == (550, {"TIMEOUT": 1})
        assert fares.p95_ms > 900
        assert (fares.rows_read, fares.rows_parked, fares.rows_rejected) == (27, 9, 18)

    def test_asks_three_times_however_many_there_are(self, source, django_assert_num_queries):
        for number in range(5):
            looks(a_source(code=f"feed{number}"), ms=[1, 2])
        with django_assert_num_queries(4):
            assert len(queries.source_health(now=NOW)) == 6

    def test_tells_the_prices_that_the_gate_turned_away(self, source):
        looks(source, ms=[1, 1], counts={"refused": {"at or below 1": 2, "in the future": 1}})
        looks(source, ms=[1], counts={"files": 1})
        looks(source, ms=[1], counts={"refused": {"in the future": 7}}, at=NOW - timedelta(days=2))
        assert of().looks.refused == {"at or below 1": 4, "in the future": 2}
        assert queries.refused_prices() == [
            ("feed", "at or below 1", 4), ("feed", "in the future", 9),
        ]  # fmt: skip

    def test_tells_how_far_the_quota_goes(self, source):
        Source.objects.update(
            quota_limit=500, quota_used=100, quota_remaining=400, quota_read_at=NOW
        )
        assert of().is_quota_low is False
        assert of().quota_forecast == 6.1  # 100 on the first day, and 29.5 are left


class TestChecks:
    def test_of_the_breaker_is_silent_and_speaks_and_falls_silent_again(self, source):
        assert list(monitors.breaker_open(NOW)) == []
        looks(source, state="FAILED", kind="HTTP_5XX", ms=[1])
        Source.objects.update(
            breaker_state="OPEN", breaker_opened_at=NOW, failures_in_a_row=5,
            breaker_retry_at=NOW + timedelta(minutes=5),
        )  # fmt: skip
        (finding,) = monitors.breaker_open(NOW)
        assert finding.summary == (
            "A feed: left alone after 5 failures, tried again at 2024-06-01 12:05 UTC: x"
        )
        act = registry.responses["markets.reset-breaker"].act
        said = act(subject=finding.subject, actor="user:olga", reason="repaired", now=NOW)
        assert "asked again" in said
        assert list(monitors.breaker_open(NOW)) == []

    def test_of_the_quota_speaks_while_it_is_low(self, source):
        fields = {"quota_limit": 500, "quota_read_at": NOW}
        Source.objects.update(quota_used=400, quota_remaining=100, **fields)
        assert list(monitors.quota_low(NOW)) == []
        Source.objects.update(quota_used=460, quota_remaining=40)
        (finding,) = monitors.quota_low(NOW)
        assert finding.severity == "P3"
        assert finding.summary.startswith("A feed: 40 of 500 requests left; at this pace ")
        assert list(monitors.quota_low(NOW + timedelta(days=30))) == []
        Source.objects.update(quota_remaining=0)
        assert [found.severity for found in monitors.quota_low(NOW)] == ["P2"]

    def test_of_service_levels_speaks_of_slow_answers_and_of_failures(self, source):
        looks(source, state="FAILED", kind="TIMEOUT", ms=[100])
        looks(source, ms=[100] * 50)
        assert list(monitors.source_slow(NOW)) == []
        looks(source, state="FAILED", kind="TIMEOUT", ms=[16_000])
        looks(source, ms=[16_000] * 7)
        (finding,) = monitors.source_slow(NOW)
        assert finding.summary == (
            "A feed: 57 of 59 looks succeeded in a day; one look in twenty waits 16.0 s or longer"
        )
        assert finding.severity == "P3"

    @pytest.mark.parametrize(
        "good_before, failed, good_since, severities",
        [
            (3, 2, 0, ["P1"]),
            (30, 2, 4, ["P1"]),
            (30, 2, 5, ["P3"]),
            (98, 2, 0, ["P3"]),
            (198, 2, 0, []),
            (2, 2, 0, []),
            (19, 1, 0, []),
        ],
    )
    def test_of_service_levels_calls_somebody_while_more_than_one_in_twenty_fails(
        self, source, good_before, failed, good_since, severities
    ):
        looks(source, ms=[1] * good_before)
        looks(source, state="FAILED", kind="TIMEOUT", ms=[1] * failed)
        looks(source, ms=[1] * good_since)
        assert [found.severity for found in monitors.source_slow(NOW)] == severities
        Source.objects.update(is_simulated=True)
        assert "P1" not in [found.severity for found in monitors.source_slow(NOW)]

    def test_of_service_levels_judges_no_few_looks(self, source):
        looks(source, ms=[60_000] * (int(levels.LOOKS.default) - 1))
        assert list(monitors.source_slow(NOW)) == []


class TestStatusCommand:
    def test_shows_how_the_sources_are(self, source, capsys):
        looks(source, ms=[100, 300], at=timezone.now() - timedelta(minutes=1))
        looks(source, state="FAILED", kind="TIMEOUT", ms=[900], at=timezone.now())
        a_source(code="never", name="Nobody asked it")
        a_source(code="off", location="/x", is_enabled=False, disabled_reason="moved")
        with pytest.raises(SystemExit):  # no worker gives a sign here
            call_command("status", "--output", "json")
        rows = {row["source"]: row for row in json.loads(capsys.readouterr().out)["sources"]}
        assert sorted(rows) == ["feed", "off"]
        assert (rows["feed"]["errors"], rows["feed"]["p50_ms"]) == ("TIMEOUT × 1", 300)
        assert (rows["feed"]["state"], rows["off"]["state"]) == ("stale", "off: moved")
        with pytest.raises(SystemExit):
            call_command("status")
        assert "feed" in capsys.readouterr().out

    @pytest.mark.parametrize(
        "fields, state",
        [
            ({"last_success_at": NOW}, "well"),
            ({"last_success_at": NOW, "failures_in_a_row": 1}, "failing"),
            ({"last_attempt_at": None}, "never read"),
            (
                {"breaker_state": "OPEN", "breaker_opened_at": NOW, "breaker_retry_at": NOW},
                "left alone",
            ),
        ],
    )
    def test_says_it_in_a_word_or_two(self, source, fields, state):
        Source.objects.update(**fields)
        assert of().state == state


class TestPricesOwed:
    @pytest.fixture
    def soon(self, source):
        """Let a source that brought prices look in vain, with a match to begin in two hours."""
        coming = an_event("two", home="Cedars", away="Elms", starts_at=NOW + timedelta(hours=2))
        record(a_batch(events=[an_event(), coming], results=[a_result()]), source)
        Source.objects.update(last_success_at=NOW)
        looks(source, ms=[1], at=NOW - timedelta(days=3), counts={"prices": {"new": 5}})
        looks(source, state="NOTHING_NEW", ms=[1] * 5, at=NOW)
        looks(source, state="EMPTY", ms=[1] * 5, at=NOW)
        Event.objects.filter(starts_at=START).update(status="FINISHED")

    def said(self):
        return [finding.summary for finding in monitors.source_stale(NOW)]

    def test_are_missed(self, soon):
        (text,) = self.said()
        assert "brings nothing: no prices of 1 events, the first begins 2024-06-01 14:00" in text

    def test_are_missed_where_its_own_ids_say_that_it_tells_of_the_league(self, soon, source):
        event = Event.objects.get(home__name="Cedars")
        EventAlias.objects.create(namespace="feed", ref="7", event=event)
        assert len(self.said()) == 1

    def test_are_not_missed_of_a_source_that_brings_none(self, soon):
        Fetch.objects.filter(state="NEW_DATA").update(counts={"prices": {"new": 0}})
        assert self.said() == []


class TestMetrics:
    def test_tell_latency_errors_breaker_and_quota(self, source):
        looks(source, ms=[50, 200, 200, 400_000])
        looks(source, state="FAILED", kind="HTTP_5XX", ms=[700])
        looks(source, ms=[None], counts={"refused": {"at or below 1": 3}})
        Source.objects.update(quota_remaining=12)
        page = metrics.render().decode()
        name = "closingline_ingestion_latency_seconds"
        assert f"# TYPE {name} histogram" in page
        for bound, count in (("0.1", 1), ("0.25", 3), ("1.0", 4), ("300.0", 4), ("+Inf", 5)):
            assert f'{name}_bucket{{le="{bound}",source="feed"}} {count}.0' in page
        assert f'{name}_count{{source="feed"}} 5.0' in page
        assert f'{name}_sum{{source="feed"}} 401.15' in page
        errors = 'closingline_ingestion_errors_total{kind="HTTP_5XX",source="feed"} 1.0'
        assert errors in page
        assert 'closingline_breaker_state{source="feed"} 0.0' in page
        assert 'closingline_quota_remaining{source="feed"} 12.0' in page
        refused = 'closingline_prices_refused_total{reason="at or below 1",source="feed"} 3.0'
        assert refused in page


class TestApi:
    @pytest.fixture
    def client(self):
        roles.ensure_roles()
        client = Client()
        client.force_login(a_person("olga", roles.OPERATOR))
        return client

    def post(self, client, pk, what, reason="repaired"):
        return client.post(
            f"/api/v1/sources/{pk}/{what}", {"reason": reason}, content_type="application/json"
        )

    def test_tells_how_sources_fare(self, client, source):
        looks(source, ms=[100, 300], at=timezone.now() - timedelta(minutes=1))
        (row,) = client.get("/api/v1/sources/health").json()
        assert (row["code"], row["p50_ms"], row["breaker_state"]) == ("feed", 200, "CLOSED")
        assert client.get("/api/v1/sources/health?needs_a_look=false").json() == []
        assert client.get("/api/v1/sources/health?colour=1").status_code == 400

    def test_switches_and_resets(self, client, source):
        assert self.post(client, source.pk, "disable").json()["is_enabled"] is False
        assert self.post(client, source.pk, "disable").status_code == 409
        assert self.post(client, source.pk, "enable").json()["is_enabled"] is True
        assert self.post(client, source.pk, "reset-breaker").status_code == 409
        Source.objects.update(
            breaker_state="OPEN", breaker_opened_at=NOW, breaker_retry_at=timezone.now()
        )
        assert self.post(client, source.pk, "reset-breaker").json()["breaker_state"] == "CLOSED"
        assert self.post(client, source.pk, "reset-breaker", reason="").status_code == 400
        actors = AuditEntry.objects.values_list("action", "actor")
        assert list(actors.order_by("pk")) == [
            ("markets.disable_source", "user:olga"),
            ("markets.enable_source", "user:olga"),
            ("markets.reset_breaker", "user:olga"),
        ]

    def test_lets_a_viewer_look_and_not_switch(self, source):
        roles.ensure_roles()
        client = Client()
        client.force_login(a_person("vera", roles.VIEWER))
        assert client.get("/api/v1/sources/health").status_code == 200
        assert self.post(client, source.pk, "disable").status_code == 403


class TestAdmin:
    @pytest.fixture
    def lead(self):
        roles.ensure_roles()
        client = Client()
        client.force_login(a_person("lea", roles.OPS_LEAD))
        return client

    def test_of_a_source_tells_how_it_fares(self, lead, source):
        looks(source, ms=[1500], rows_read=4, rows_loaded=3, rows_parked=1, at=timezone.now())
        looks(source, state="FAILED", kind="TIMEOUT", ms=[9000], at=timezone.now())
        Source.objects.update(quota_remaining=12, quota_limit=500, quota_used=488,
                              quota_read_at=timezone.now())  # fmt: skip
        page = lead.get(reverse("admin:markets_source_change", args=[source.pk])).content.decode()
        for said in ("Time-out", "50.0%", "12 of 500", "3 loaded, 1 parked"):
            assert said in page

    def test_judges_options_zone_and_credentials_before_they_are_saved(self, lead):
        sources.ensure_default_sources(now=NOW)
        source = Source.objects.get(code="odds_api")
        url = reverse("admin:markets_source_change", args=[source.pk])
        shown = lead.get(url).context["adminform"].form.initial
        form = {name: value for name, value in shown.items() if value is not None} | {
            "options": '{"sports": "nba"}',
            "time_zone": "Mars/Base",
            "credentials": "hunter2",
        }
        errors = lead.post(url, form).context["adminform"].form.errors
        assert set(errors) == {"options", "time_zone", "credentials"}
        assert "a list of keys" in str(errors["options"])
        right = {"options": '{"sports": ["basketball_nba"]}', "time_zone": "UTC",
                 "credentials": "odds_api"}  # fmt: skip
        assert lead.post(url, {**form, **right}).status_code == 302
        source.refresh_from_db()
        assert source.options == {"sports": ["basketball_nba"]}

    def test_asks_again_a_source_that_is_left_alone(self, lead, source):
        url = reverse("admin:markets_source_do", args=[source.pk, "reset"])
        Source.objects.update(
            breaker_state="OPEN", breaker_opened_at=NOW, breaker_retry_at=timezone.now()
        )
        lead.post(url, {"confirmed": "yes", "reason": "repaired"})
        source.refresh_from_db()
        assert source.breaker_state == "CLOSED"


class TestTheList:
    def test_tells_how_each_source_fares(self, source):
        now = timezone.now()
        looks(source, ms=[100, 900], at=now, rows_read=1200, rows_unchanged=1197, rows_parked=3)
        looks(source, state="FAILED", kind="TIMEOUT", ms=[900, 900], at=now)
        Source.objects.update(
            quota_limit=500, quota_used=450, quota_remaining=50, quota_read_at=now
        )
        roles.ensure_roles()
        client = Client()
        client.force_login(a_person("vera", roles.VIEWER))
        text = client.get(reverse("admin:markets_source_changelist")).content.decode()
        for shown in ("50.0% of 4", "900 ms", "2,400 · 6 · 0", ">50<"):
            assert shown in text, shown
