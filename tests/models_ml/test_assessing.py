"""Whether to train anew: every rule asked, the decision kept either way, a candidate proposed."""

from datetime import timedelta

import numpy as np
import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from models_ml import tasks
from models_ml.domain import triggers
from models_ml.models import DriftReport, ModelVersion, Proposal, RetrainDecision
from models_ml.services import assessing, drifting, retraining, training
from monitoring.models import AuditEntry, TaskRun
from monitoring.services import running
from tests.models_ml import builders, watched
from tests.models_ml.watched import NOW
from tests.models_ml.worlds import a_world

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def assess(version, **fields):
    fields = {"pipeline": version.pipeline, "now": NOW, "actor": "test", **fields}
    return assessing.assess(**fields)


def rules(decision, *, fired=True):
    return [one["rule"] for one in decision.reasons if one["fired"] == fired]


@pytest.fixture
def version():
    found = watched.a_version()
    watched.a_reference(found)
    return found


@pytest.fixture
def drifted(version):
    watched.live(version, watched.world(np.random.default_rng(0), 256, shift=0.8, shifted=8))
    return version


class TestReasons:
    @pytest.mark.parametrize("count, fires", [(0, False), (49, False), (50, True), (5000, True)])
    def test_of_new_events_fire_from_fifty_on(self, count, fires):
        reason = triggers.new_events(count)
        assert (reason.fired, reason.value, reason.threshold) == (fires, count, 50)

    @pytest.mark.parametrize("days, fires", [(0, False), (29.99, False), (30, True), (400, True)])
    def test_of_age_fire_after_a_month(self, days, fires):
        reason = triggers.age(trained_until=NOW - timedelta(days=days), now=NOW)
        assert (reason.fired, reason.value) == (fires, pytest.approx(days, abs=1e-3))

    def test_in_short_are_cut_to_what_a_row_holds(self):
        many = [triggers.asked("x" * 200), triggers.asked("y" * 200)]
        assert len(triggers.in_short(many)) == 250
        assert triggers.in_short([triggers.new_events(1)]) == ""


class TestAssess:
    def test_keeps_a_decision_with_its_numbers_where_nothing_fires(self, version):
        watched.live(version, watched.world(np.random.default_rng(3), 256))
        decision = assess(version)
        assert (decision.fired, decision.run, rules(decision)) == (False, None, [])
        assert rules(decision, fired=False) == [
            "psi", "brier", "calibration", "cusum", "flags", "new events", "age",
        ]  # fmt: skip
        psi = decision.reasons[0]
        assert (psi["state"], psi["n"], psi["threshold"]) == ("QUIET", 256, 5.0)
        assert decision.report.version == decision.version == version
        assert not TaskRun.objects.exists()
        assert AuditEntry.objects.get(action="models_ml.assess").detail["fired"] == []

    def test_asks_for_a_training_where_a_rule_fires(self, drifted):
        decision = assess(drifted)
        assert decision.fired and rules(decision) == ["psi"]
        run = TaskRun.objects.get()
        assert (run.pk, run.queue, run.state) == (decision.run, "train", "QUEUED")
        assert run.arguments["pipeline"] == "soccer-1x2"
        assert run.arguments["why"].startswith("psi: 8 of 55 features stand out")

    def test_twice_in_a_day_trains_once_and_the_next_day_again(self, drifted):
        first, second = assess(drifted), assess(drifted, now=NOW + timedelta(hours=3))
        assert first.run == second.run
        assert (RetrainDecision.objects.count(), TaskRun.objects.count()) == (2, 1)
        assert assess(drifted, now=NOW + DAY).run != first.run

    def test_promotes_nothing(self, drifted):
        before = ModelVersion.objects.get(stage="PRODUCTION")
        assess(drifted)
        assert ModelVersion.objects.get(stage="PRODUCTION") == before

    def test_reads_a_report_of_two_days_and_makes_a_new_one_later(self, version):
        kept = drifting.report(pipeline=version.pipeline, now=NOW, actor="test")
        assert assess(version, now=NOW + DAY).report == kept
        assert assess(version, now=NOW + 3 * DAY).report != kept
        assert DriftReport.objects.count() == 2

    def test_on_no_rows_says_not_enough(self, version):
        decision = assess(version)
        states = {one["rule"]: one["state"] for one in decision.reasons}
        assert {states[name] for name in ("psi", "brier", "calibration")} == {"NOT_ENOUGH"}
        assert not decision.fired

    def test_fires_by_age_alone(self):
        version = watched.a_version(trained_until=NOW - timedelta(days=31))
        decision = assess(version)
        assert rules(decision) == ["age"] and decision.run is not None

    def test_refuses_where_nothing_serves(self):
        pipeline = watched.registry.a_pipeline()
        with pytest.raises(drifting.NothingServes):
            assessing.assess(pipeline=pipeline, now=NOW, actor="test")
        assert not RetrainDecision.objects.exists()

    def test_refuses_a_clock_that_went_backwards(self, version):
        assess(version)
        DriftReport.objects.update(at=NOW - DAY)
        with pytest.raises(drifting.ClockBackwards):
            assess(version, now=NOW - timedelta(hours=1))

    def test_is_kept_for_ever(self, version):
        decision = assess(version)
        with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
            RetrainDecision.objects.filter(pk=decision.pk).update(fired=True)
        with pytest.raises(DatabaseError, match="Cannot delete"), transaction.atomic():
            decision.delete()


class TestAssessEach:
    def test_tells_of_each(self, drifted):
        told = assessing.told(found=assessing.assess_each(now=NOW, actor="test"))
        assert [one["pipeline"] for one in told["decisions"]] == ["soccer-1x2"]
        assert told["decisions"][0]["run"] and told["refused"] == {}

    def test_of_one_that_is_not_served_is_refused(self, version):
        with pytest.raises(drifting.NothingServes):
            assessing.assess_each(now=NOW, actor="test", pipeline="cricket")


class TestRetrain:
    @pytest.fixture
    def served(self):
        league = builders.a_league(a_world(seasons=4))
        pipeline = builders.a_pipeline(now=league.ends_at)
        until = league.events[396].starts_at - DAY
        return league, builders.a_serving_version(pipeline, until=until)

    def test_after_fifty_events_makes_a_candidate_and_proposes_it(self, served):
        league, version = served
        decision = assess(version, now=league.ends_at)
        assert {"new events", "age"} <= set(rules(decision))
        assert decision.reasons[5]["value"] == 132
        run = TaskRun.objects.get(pk=decision.run)
        why = run.arguments["why"]
        made = retraining.retrain(
            pipeline=version.pipeline, why=why, actor="test", now=league.ends_at
        )
        candidate = made.version
        assert (candidate.stage, candidate.parent, candidate.reason) == ("CANDIDATE", version, why)
        proposal = Proposal.objects.get(pk=made.proposal)
        assert (proposal.version, proposal.state) == (candidate, "OPEN")
        assert ModelVersion.objects.get(stage="PRODUCTION") == version
        assert candidate.drift_reference.n == 528

    def test_by_a_run_that_is_done_again_finds_its_candidate(self, served):
        _, version = served
        asked = {"pipeline": version.pipeline.code, "why": "asked for"}
        with running.recorded_here(
            task=retraining.TASK, arguments=asked, trigger="CLI", actor="t", now=timezone.now()
        ) as handle:
            first = tasks.train_again.body(handle, **asked)
            again = tasks.train_again.body(handle, **asked)
        assert first["id"] == again["id"] and "proposed already" in again["note"]
        assert ModelVersion.objects.count() == 2

    def test_of_a_simulated_pipeline_proposes_nothing(self):
        league = builders.a_league(a_world(seasons=4), code="S1", is_simulated=True)
        pipeline = builders.a_pipeline("soccer-1x2-simulated", now=league.ends_at)
        made = retraining.retrain(
            pipeline=pipeline, why="asked for", actor="test", now=league.ends_at
        )
        assert made.proposal is None and "simulated" in made.note
        assert retraining.summary(made=made)["parent"] is None

    def test_without_history_is_refused(self):
        pipeline = builders.a_pipeline(now=NOW)
        with pytest.raises(training.NotEnoughHistory):
            retraining.retrain(pipeline=pipeline, why="asked for", actor="test", now=NOW)

    def test_of_the_month_keeps_its_decision(self, served):
        league, _ = served
        trained = assessing.train_month(now=league.ends_at, actor="test")
        assert [one.reason for one in trained.versions] == ["the month's training"]
        decision = RetrainDecision.objects.get()
        assert rules(decision) == ["asked for"] and decision.run is None
        assert Proposal.objects.filter(version=trained.versions[0], state="OPEN").exists()
