"""What monitoring tells of the registry: proposals that wait, and the panel of who serves."""

import pytest
from django.template.loader import render_to_string
from django.utils import timezone

from models_ml import tasks
from models_ml.models import DriftReport, HygienePolicy, ModelVersion, Proposal
from models_ml.monitors import registry as monitors
from models_ml.services import proposing
from monitoring import registry as monitoring
from monitoring.models import AuditEntry
from monitoring.services import running
from tests.models_ml import registry
from tests.models_ml.registry import DAY, HOUR, NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def candidate():
    return registry.a_candidate(registry.a_pipeline(registry.REAL))


class TestProposalsAreDecidedInTime:
    def findings(self, now):
        return list(monitors.proposals_are_decided_in_time(now))

    def test_waits_three_days_before_it_says_anything(self, candidate):
        proposal = registry.a_proposal(candidate)
        assert self.findings(NOON + 3 * DAY - HOUR) == []
        (finding,) = self.findings(NOON + 3 * DAY)
        assert finding.subject == f"models_ml.Proposal:{proposal.pk}"
        assert "the modeling lead and the ops lead has to decide" in finding.summary
        assert "expires on 2026-12-01" in finding.summary

    def test_names_the_gate_that_is_shut(self, candidate):
        registry.a_proposal(candidate, failing={"brier": "worse than Elo"})
        (finding,) = self.findings(NOON + 3 * DAY)
        assert "brier: worse than Elo" in finding.summary

    def test_names_who_is_to_promote_what_two_approved(self, candidate):
        registry.approved(registry.a_proposal(candidate))
        (finding,) = self.findings(NOON + 3 * DAY)
        assert "nobody promoted it" in finding.summary

    def test_is_silent_of_what_is_closed_or_expired(self, candidate):
        proposal = registry.a_proposal(candidate)
        assert self.findings(NOON + 14 * DAY) == []
        proposing.withdraw(proposal_id=proposal.pk, actor="x", reason="old", now=NOON)
        assert self.findings(NOON + 4 * DAY) == []


class TestThePanel:
    def panel(self, now):
        panel = monitoring.panels["models_ml.models"]
        return " ".join(render_to_string(panel.template, panel.context(now)).split())

    def test_shows_age_drift_and_what_the_waiting_proposal_wants(self, candidate):
        registry.promoted(candidate)
        report = DriftReport.objects.create(
            pipeline=candidate.pipeline, version=candidate, at=NOON, breaches=6
        )
        DriftReport.objects.create(
            pipeline=candidate.pipeline, version=candidate, at=NOON - DAY, breaches=1
        )
        proposal = registry.a_proposal(
            registry.a_candidate(candidate.pipeline), failing={"slope": "1.2"}
        )
        text = self.panel(NOON + DAY)
        assert "3 days old" in text  # since it learned last
        assert f"/driftreport/{report.pk}/change/" in text
        assert "cl-warn" in text and "Drift: 6" in text and "Drift: 1" not in text
        assert f"/proposal/{proposal.pk}/change/" in text
        assert "v2 is proposed" in text and "slope: 1.2" in text

    def test_asks_for_a_proposal_where_nothing_serves(self, candidate):
        assert "Train one, then propose it. 1 candidate." in self.panel(NOON)


class TestTheTasks:
    def run(self, task, **arguments):
        asked = {"task": task.name, "trigger": "USER", "actor": "user:ada"}
        with running.recorded_here(**asked, now=timezone.now()) as handle:
            return task.body(handle, **arguments)

    def test_close_what_nobody_decided(self, candidate):
        now = timezone.now()
        registry.a_proposal(candidate, proposed_at=now - 15 * DAY)
        assert self.run(tasks.expire_proposals) == {"expired": 1}
        assert Proposal.objects.get().state == "EXPIRED"

    def test_put_away_what_is_old_or_only_tell(self, candidate):
        HygienePolicy.objects.create(keep_last=1, keep_best=0)
        registry.a_candidate(candidate.pipeline)
        ModelVersion.objects.update(trained_at=timezone.now() - 181 * DAY)
        told = self.run(tasks.put_away, is_dry_run=True)
        assert told["versions"] == [str(candidate)]
        assert self.run(tasks.put_away) == {**told, "dry_run": False}
        candidate.refresh_from_db()
        assert candidate.artefact_removed_at
        assert AuditEntry.objects.get(action="models_ml.remove_artefact")
