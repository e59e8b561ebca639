from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.template.loader import render_to_string

from markets.models import Event
from models_ml import queries
from models_ml.models import ServiceFigure
from models_ml.monitors import ladders
from models_ml.monitors import registry as serving
from models_ml.services import laddering
from monitoring import registry
from tests import kept
from tests.models_ml import builders
from tests.models_ml.worlds import a_world

pytestmark = pytest.mark.django_db

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"


@pytest.fixture
def served(settings):
    return kept.world("one match to come", a_served_match, folder=Path(settings.ARTEFACT_DIR))


def a_served_match():
    """Return a league with one event to come, and the version that serves it."""
    world = a_world(seasons=3)
    n = len(world.matches)
    league = builders.a_league(world, without_results=[n - 2, n - 1])
    Event.objects.filter(pk=league.events[-2].pk).update(status="CANCELLED")
    until = league.events[-1].starts_at - timedelta(days=2)
    pipeline = builders.a_pipeline(now=until)
    return league.events[-1], builders.a_serving_version(pipeline, until=until)


class TestArtefactsAreWhatWasWritten:
    def findings(self, version):
        return list(serving.artefacts_are_what_was_written(version.trained_at))

    def test_finds_nothing_wrong_with_sound_files(self, served):
        assert self.findings(served[1]) == []

    def test_finds_a_damaged_file_until_it_is_restored(self, served, settings):
        path = Path(settings.ARTEFACT_DIR) / served[1].artefact
        sound = path.read_bytes()
        path.write_bytes(sound[:-1])
        (finding,) = self.findings(served[1])
        assert finding.severity == "P1"
        assert finding.subject == f"models_ml.ModelVersion:{served[1].pk}"
        path.write_bytes(sound)
        assert self.findings(served[1]) == []

    def test_finds_a_missing_file_of_the_version_that_would_step_in(self, served, settings):
        builders.a_serving_version(served[1].pipeline, until=served[1].trained_until)
        (Path(settings.ARTEFACT_DIR) / served[1].artefact).unlink()
        (finding,) = self.findings(served[1])
        assert finding.severity == "P2"


class TestEveryEventGetsItsLooks:
    def findings(self, now):
        return list(ladders.every_event_gets_its_looks(now))

    def test_finds_an_event_overlooked_until_it_is_looked_at(self, served):
        event, version = served
        opened = event.starts_at - timedelta(minutes=60)
        assert self.findings(opened + timedelta(seconds=30)) == []
        late = opened + timedelta(minutes=5)
        (finding,) = self.findings(late)
        assert str(event.pk) in finding.summary
        assert finding.severity == "P1"
        assert finding.subject == f"models_ml.Pipeline:{version.pipeline_id}"
        laddering.tick(now=late)
        assert self.findings(late) == []

    def test_remembers_an_event_that_started_unseen_for_a_while(self, served):
        event, _ = served
        assert len(self.findings(event.starts_at + timedelta(minutes=10))) == 1
        assert self.findings(event.starts_at + queries.LOOK_BACK) == []

    def test_passes_over_events_put_off(self, served):
        event, _ = served
        Event.objects.filter(pk=event.pk).update(status="POSTPONED")
        assert self.findings(event.starts_at - timedelta(minutes=5)) == []

    def test_passes_over_stages_that_opened_before_the_version_served(self, served):
        event, version = served
        version.promoted_at = event.starts_at - timedelta(minutes=30)
        version.save(update_fields=["promoted_at"])
        assert self.findings(event.starts_at - timedelta(minutes=5)) == []

    def test_gives_a_fast_calendar_the_same_grace(self, served):
        event, _ = served
        competition = event.competition
        competition.is_simulated, competition.time_scale = True, 360.0
        competition.save()
        type(served[1].pipeline).objects.exclude(pk=served[1].pipeline_id).delete()
        served[1].pipeline.is_simulated = True
        served[1].pipeline.save(update_fields=["is_simulated"])
        assert self.findings(event.starts_at - timedelta(seconds=1)) == []
        assert len(self.findings(event.starts_at + timedelta(minutes=2))) == 1


class TestPanel:
    def html(self, now):
        panel = registry.panels["models_ml.models"]
        return render_to_string(panel.template, panel.context(now))

    def test_shows_what_serves_beside_the_market(self, served):
        html = self.html(served[1].trained_at)
        assert "soccer-1x2" in html and ">v1<" in html
        assert f"{served[1].metrics['model']['log_loss']:.4f}" in html
        assert f"{served[1].metrics['market']['log_loss']:.4f}" in html

    def test_shows_what_serves_before_what_nobody_serves(self, served):
        figures = queries.serving_figures(now=served[1].trained_at)
        served_by = [one.version is not None for one in figures]
        assert served_by == [True] + [False] * (len(figures) - 1)
        assert len(figures) > 1

    def test_tells_how_much_was_answered_from_what_was_kept(self, served):
        now = served[1].trained_at
        ServiceFigure.objects.create(
            process="a:1", at=now, hits=30, misses=10, calls=40, buckets={"0.001": 40}, seconds=1.0
        )
        html = self.html(now)
        assert "40 answers" in html and "75 % of what may be kept" in html

    def test_says_what_to_do_where_nothing_serves(self, served):
        assert "then promote it" in self.html(served[1].trained_at)

    def test_says_what_to_do_where_there_is_no_pipeline(self):
        assert "manage.py train" in self.html(datetime(2026, 1, 1, tzinfo=UTC))


class TestGauges:
    def test_give_log_loss_of_model_and_market(self, served):
        samples = {labels["of"]: value for labels, value in serving.log_losses()}
        assert samples["model"] == served[1].metrics["model"]["log_loss"]
        assert samples["market"] == served[1].metrics["market"]["log_loss"]

    def test_give_the_age_of_what_was_learned(self, served):
        ((labels, value),) = serving.trained_until()
        assert (labels["pipeline"], value) == (
            "soccer-1x2",
            served[1].trained_until.timestamp(),
        )


@pytest.mark.parametrize("kind", [k for k in registry.checks if k.startswith("models_ml.")])
def test_each_check_has_a_runbook(kind):
    text = (RUNBOOKS / f"{kind}.md").read_text()
    assert all(f"**{part}.**" in text for part in ("Symptom", "Look", "Act", "Confirm"))
