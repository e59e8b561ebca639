from datetime import timedelta

import pytest
from django.template.loader import render_to_string

from markets import queries
from markets.domain import levels
from markets.models import Fetch, FetchProblem, Source
from markets.monitors import sources as monitors
from markets.services import breaking
from monitoring import registry
from monitoring.domain.findings import Severity
from tests.markets.builders import NOW, a_source


@pytest.fixture
def source(db):
    return a_source(location="/data", cadence_seconds=3600, last_attempt_at=NOW)


def seen(source, ago):
    Source.objects.filter(pk=source.pk).update(last_success_at=NOW - ago)


class TestSourceStale:
    def test_is_silent_and_speaks_and_falls_silent_again(self, source):
        seen(source, timedelta(hours=2))
        assert list(monitors.source_stale(NOW)) == []
        seen(source, timedelta(hours=3, seconds=1))
        (finding,) = monitors.source_stale(NOW)
        assert (finding.severity, finding.subject) == (Severity.P2, f"markets.Source:{source.pk}")
        assert "last read at 2024-06-01 08:59 UTC" in finding.summary
        seen(source, timedelta(0))
        assert list(monitors.source_stale(NOW)) == []

    def test_speaks_of_a_source_that_was_tried_and_never_read(self, source):
        (finding,) = monitors.source_stale(NOW)
        assert "never read" in finding.summary

    @pytest.mark.parametrize(
        "fields",
        [
            {"is_enabled": False, "disabled_reason": "moved"},
            {"location": ""},
            {"last_success_at": None, "last_attempt_at": None},
        ],
    )
    def test_does_not_miss_what_nobody_reads(self, source, fields):
        seen(source, timedelta(days=9))
        Source.objects.update(**fields)
        assert list(monitors.source_stale(NOW)) == []

    @pytest.mark.parametrize("is_on, findings", [(True, 1), (False, 0)])
    def test_misses_the_simulator_only_where_it_is_switched_on(
        self, source, settings, is_on, findings
    ):
        settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"simulator_enabled": is_on})
        Source.objects.update(is_simulated=True)
        assert len(list(monitors.source_stale(NOW))) == findings


class TestFetchFailing:
    def test_is_silent_and_speaks_and_falls_silent_again(self, source):
        Fetch.objects.create(
            source=source, origin="x", state="FAILED", started_at=NOW, error="x answered 404"
        )
        for failures in range(int(levels.FAILING_AFTER.default)):
            Source.objects.update(failures_in_a_row=failures)
            assert list(monitors.fetch_failing(NOW)) == []
        breaking.note_failure(source=source, kind="HTTP_4XX", now=NOW)
        (finding,) = monitors.fetch_failing(NOW)
        assert finding.subject == f"markets.Source:{source.pk}"
        assert "3 looks in a row failed: x answered 404" in finding.summary
        breaking.note_success(source=source, now=NOW)
        assert list(monitors.fetch_failing(NOW)) == []


class TestSourcesDue:
    @pytest.mark.parametrize(
        "failures, minutes, is_due",
        [
            (0, 59, False),
            (0, 60, True),
            (1, 4, False),
            (1, 5, True),
            (2, 9, False),
            (2, 10, True),
            (9, 59, False),
            (9, 60, True),
        ],
    )
    def test_asks_at_the_cadence_and_sooner_after_the_first_failures(
        self, source, failures, minutes, is_due
    ):
        Source.objects.update(
            failures_in_a_row=failures, last_attempt_at=NOW - timedelta(minutes=minutes)
        )
        assert bool(queries.sources_due(now=NOW)) == is_due

    @pytest.mark.parametrize(
        "fields",
        [{"is_enabled": False, "disabled_reason": "x"}, {"location": ""}, {"is_simulated": True}],
    )
    def test_leaves_out_what_is_not_read(self, source, fields):
        Source.objects.update(last_attempt_at=None, **fields)
        assert queries.sources_due(now=NOW) == []


class TestPanel:
    def test_shows_every_source_and_what_ails_it(self, source):
        a_source(code="off", is_enabled=False, disabled_reason="moved", is_simulated=True)
        panel = registry.panels["markets.sources"]
        page = render_to_string(panel.template, panel.context(NOW))
        assert "Stale" in page
        assert "Switched off" in page and "moved" in page
        assert "Simulated" in page

    def test_says_what_to_do_where_there_is_none(self, db):
        panel = registry.panels["markets.sources"]
        assert "manage.py ingest" in render_to_string(panel.template, panel.context(NOW))


class TestGauges:
    def test_tell_age_failures_and_problems_by_source(self, source):
        seen(source, timedelta(0))
        fetch = Fetch.objects.create(
            source=source, origin="x", started_at=NOW + timedelta(days=9000)
        )
        FetchProblem.objects.create(fetch=fetch, file="a", field="b", message="c")
        ((labels, age),) = registry.gauges["closingline_source_age_seconds"].samples()
        assert labels == {"source": "feed"} and age > 0
        assert list(registry.gauges["closingline_source_failures"].samples()) == [(labels, 0.0)]
        assert list(registry.gauges["closingline_ingestion_problems"].samples()) == [(labels, 1.0)]
        ((_, stored),) = registry.gauges["closingline_prices_stored"].samples()
        assert stored >= 0


class TestDisableSource:
    def test_switches_the_source_of_the_incident_off(self, source):
        act = registry.responses["markets.disable-source"].act
        said = act(subject=f"markets.Source:{source.pk}", actor="user:x", reason="moved", now=NOW)
        assert said == "A feed is switched off"
        source.refresh_from_db()
        assert (source.is_enabled, source.disabled_reason) == (False, "moved")
