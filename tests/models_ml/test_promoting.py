from datetime import time, timedelta

import pytest

from markets.models import Competition, Season, Sport
from models_ml.domain import evidence, proposals
from models_ml.models import ModelVersion, PromotionPolicy, Proposal, Replay, ServingPeriod
from models_ml.services import approving, promoting
from models_ml.services.promoting import PromotionRefused
from monitoring.models import AuditEntry
from monitoring.services import roles
from tests.models_ml import registry
from tests.models_ml.registry import DAY, HOUR, NOON, a_person

pytestmark = pytest.mark.django_db

FRIDAY = NOON + 3 * DAY


@pytest.fixture
def simulated():
    return registry.a_pipeline(registry.SIMULATED)


@pytest.fixture
def candidate():
    return registry.a_candidate(registry.a_pipeline(registry.REAL))


def promote(version, **fields):
    fields = {"actor": "user:alice", "reason": "better", "now": NOON, **fields}
    return promoting.promote(version_id=version.pk, **fields)


def stages():
    return dict(ModelVersion.objects.values_list("number", "stage"))


class TestPromote:
    def test_moves_each_version_one_place_on(self, simulated):
        for hours in range(3):
            promote(registry.a_candidate(simulated), now=NOON + hours * HOUR)
        assert stages() == {1: "ARCHIVED", 2: "PREVIOUS", 3: "PRODUCTION"}

    def test_twice_is_once(self, simulated):
        version = registry.a_candidate(simulated)
        first = promote(version)
        again = promote(version, now=NOON + HOUR)
        assert again.promoted_at == first.promoted_at
        assert ServingPeriod.objects.count() == 1

    def test_takes_back_an_archived_version_of_a_simulated_league(self, simulated):
        versions = [registry.a_candidate(simulated) for _ in range(3)]
        for hours, version in enumerate([*versions, versions[0]]):
            promote(version, now=NOON + hours * HOUR)
        assert stages() == {1: "PRODUCTION", 2: "ARCHIVED", 3: "PREVIOUS"}

    def test_leaves_its_reason_in_the_audit(self, simulated):
        version = promote(registry.a_candidate(simulated))
        entry = AuditEntry.objects.get(action="models_ml.promote")
        assert entry.subject == f"models_ml.ModelVersion:{version.pk}"
        assert (entry.actor, entry.detail["reason"]) == ("user:alice", "better")

    def test_refuses_a_damaged_artefact(self, simulated):
        version = registry.a_candidate(simulated)
        registry.damage(version)
        with pytest.raises(PromotionRefused, match="damaged"):
            promote(version)
        assert stages() == {1: "CANDIDATE"}

    def test_refuses_a_replays_version(self, simulated):
        sport = Sport.objects.get(code="soccer")
        league = Competition.objects.create(sport=sport, code="T", name="T")
        season = Season.objects.create(competition=league, label="2026")
        replay = Replay.objects.create(
            competition=league, season=season, actor="test", started_at=NOON
        )
        version = registry.a_candidate(simulated, stage="REPLAY", replay=replay)
        with pytest.raises(PromotionRefused, match="replay"):
            promote(version)

    def test_refuses_the_previous_version(self, simulated):
        version = promote(registry.a_candidate(simulated))
        promote(registry.a_candidate(simulated), now=NOON + HOUR)
        with pytest.raises(PromotionRefused, match="roll back instead"):
            promote(version)

    @pytest.mark.parametrize("reason", ["", "  "])
    def test_refuses_to_act_without_a_reason(self, simulated, reason):
        with pytest.raises(PromotionRefused, match="reason"):
            promote(registry.a_candidate(simulated), reason=reason)

    def test_refuses_an_unknown_version(self):
        with pytest.raises(PromotionRefused, match="no version"):
            promoting.promote(version_id=0, actor="test", reason="x", now=NOON)


class TestPromoteOfARealPipeline:
    def proposed(self, candidate, **fields):
        return registry.approved(registry.a_proposal(candidate, **fields))

    def test_serves_once_two_people_approved(self, candidate):
        proposal = self.proposed(candidate)
        promote(candidate)
        proposal.refresh_from_db()
        assert (proposal.state, proposal.closed_by) == ("PROMOTED", "user:alice")
        assert ServingPeriod.objects.get().proposal == proposal
        entry = AuditEntry.objects.get(action="models_ml.promote")
        assert (entry.detail["proposal"], entry.detail["override"]) == (proposal.pk, "")
        assert stages() == {1: "PRODUCTION"}

    def test_refuses_what_nobody_proposed(self, candidate):
        with pytest.raises(PromotionRefused, match="propose it first"):
            promote(candidate)

    @pytest.mark.parametrize("name", proposals.GATES)
    def test_refuses_each_gate_that_is_shut(self, candidate, name):
        self.proposed(candidate, failing={name: "the figures say no"})
        with pytest.raises(PromotionRefused, match=f"{name}: the figures say no"):
            promote(candidate)
        assert stages() == {1: "CANDIDATE"}
        assert Proposal.objects.get().state == "OPEN"

    @pytest.mark.parametrize("name", proposals.GATES)
    def test_refuses_each_gate_that_nobody_asked(self, candidate, name):
        proposal = registry.a_proposal(candidate)
        del proposal.evidence["gates"][name]
        proposal.gates = proposal.evidence["gates"]
        proposal.evidence_sha256 = evidence.digest(proposal.evidence)
        proposal.save()
        registry.approved(proposal)
        with pytest.raises(PromotionRefused, match=f"{name}: not asked"):
            promote(candidate)

    def test_passes_over_a_gate_with_too_little_to_judge_by(self, candidate):
        self.proposed(candidate, states={"challenger": "NOT_ENOUGH"})
        assert promote(candidate).stage == "PRODUCTION"

    def test_lets_pass_what_was_too_good_once_somebody_signed(self, candidate):
        proposal = self.proposed(candidate, failing={"too good": "5 sigma under the close"})
        with pytest.raises(PromotionRefused, match="somebody has to sign"):
            promote(candidate)
        approving.sign_too_good(
            proposal_id=proposal.pk,
            user_id=a_person("bob", roles.OPS_LEAD).pk,
            reason="line-ups",
            actor="user:bob",
            now=NOON,
        )
        assert promote(candidate).stage == "PRODUCTION"

    @pytest.mark.parametrize(
        ("roles_that_spoke", "awaited"),
        [
            ([], "modeling lead and the ops lead"),
            ([roles.MODELING_LEAD], "ops lead"),
            ([roles.OPS_LEAD], "modeling lead"),
        ],
    )
    def test_refuses_fewer_than_two_approvals(self, candidate, roles_that_spoke, awaited):
        proposal = registry.a_proposal(candidate)
        for role in roles_that_spoke:
            approving.approve(
                proposal_id=proposal.pk,
                role=role,
                user_id=a_person("cleo", role).pk,
                evidence_sha256=proposal.evidence_sha256,
                actor="user:cleo",
                now=NOON,
            )
        with pytest.raises(PromotionRefused, match=f"approval of the {awaited}$"):
            promote(candidate)

    def test_counts_no_approval_of_somebody_who_may_not_sign_in_any_more(self, candidate):
        self.proposed(candidate)
        bob = a_person("bob", roles.OPS_LEAD)
        bob.is_active = False
        bob.save()
        with pytest.raises(PromotionRefused, match="approval of the ops lead"):
            promote(candidate)

    def test_refuses_evidence_that_changed_after_it_was_approved(self, candidate):
        proposal = self.proposed(candidate, failing={"brier": "worse"})
        proposal.evidence["gates"]["brier"]["state"] = "PASSED"
        proposal.gates = proposal.evidence["gates"]
        proposal.save()
        with pytest.raises(PromotionRefused, match="without being weighed anew"):
            promote(candidate)
        proposal.evidence_sha256 = evidence.digest(proposal.evidence)
        proposal.save()
        with pytest.raises(PromotionRefused, match="awaits the approval"):
            promote(candidate)

    def test_refuses_gates_that_are_not_those_of_the_evidence(self, candidate):
        proposal = self.proposed(candidate, failing={"brier": "worse"})
        Proposal.objects.filter(pk=proposal.pk).update(gates=registry.gates())
        with pytest.raises(PromotionRefused, match="not those of its evidence"):
            promote(candidate)

    def test_refuses_a_proposal_that_waited_too_long(self, candidate):
        self.proposed(candidate)
        with pytest.raises(PromotionRefused, match="expired"):
            promote(candidate, now=NOON + 14 * DAY)

    def test_refuses_what_was_held_against_another_than_serves_now(self, candidate):
        proposal = registry.approved(registry.a_proposal(candidate))
        other = registry.promoted(registry.a_candidate(candidate.pipeline))
        with pytest.raises(PromotionRefused, match=f"held against nothing, but {other} serves"):
            promote(candidate, now=NOON + HOUR)
        proposal.refresh_from_db()
        assert (proposal.state, stages()[other.number]) == ("OPEN", "PRODUCTION")

    def test_refuses_a_file_damaged_since_it_was_proposed(self, candidate):
        self.proposed(candidate)
        registry.damage(candidate)
        with pytest.raises(PromotionRefused, match="damaged"):
            promote(candidate)
        assert Proposal.objects.get().state == "OPEN"

    def test_refuses_a_version_that_expired_since_it_was_proposed(self, candidate):
        self.proposed(candidate)
        PromotionPolicy.objects.create(expires_after_days=2)
        with pytest.raises(PromotionRefused, match="learned too long ago"):
            promote(candidate)

    def test_refuses_a_second_promotion_by_the_same_proposal(self, candidate):
        self.proposed(candidate)
        promote(candidate)
        registry.promoted(registry.a_candidate(candidate.pipeline), now=NOON + HOUR)
        registry.promoted(registry.a_candidate(candidate.pipeline), now=NOON + 2 * HOUR)
        assert stages() == {1: "ARCHIVED", 2: "PREVIOUS", 3: "PRODUCTION"}
        with pytest.raises(PromotionRefused, match="propose it first"):
            promote(candidate, now=NOON + 3 * HOUR)


class TestTheChangeWindow:
    def test_refuses_outside_and_says_when_it_opens(self, candidate):
        registry.approved(registry.a_proposal(candidate))
        with pytest.raises(PromotionRefused, match="it opens Tue 2026-11-24 00:00 UTC"):
            promote(candidate, now=FRIDAY)
        assert stages() == {1: "CANDIDATE"}

    def test_is_overridden_by_a_reason_that_is_kept(self, candidate):
        proposal = registry.approved(registry.a_proposal(candidate))
        promote(candidate, now=FRIDAY, override=" the old one is damaged ")
        proposal.refresh_from_db()
        assert proposal.window_override_by == "user:alice"
        assert proposal.window_override_reason == "the old one is damaged"
        entry = AuditEntry.objects.get(action="models_ml.promote")
        assert entry.detail["override"] == "the old one is damaged"

    @pytest.mark.parametrize("override", ["", "   "])
    def test_is_not_overridden_by_nothing(self, candidate, override):
        registry.approved(registry.a_proposal(candidate))
        with pytest.raises(PromotionRefused, match="override needs a reason"):
            promote(candidate, now=FRIDAY, override=override)

    def test_overrides_nothing_but_the_window(self, candidate):
        registry.approved(registry.a_proposal(candidate, failing={"brier": "worse"}))
        with pytest.raises(PromotionRefused, match="brier: worse"):
            promote(candidate, now=FRIDAY, override="hurry")

    def test_keeps_no_override_that_was_not_needed(self, candidate):
        proposal = registry.approved(registry.a_proposal(candidate))
        promote(candidate, override="just in case")
        proposal.refresh_from_db()
        assert proposal.window_override_by == ""

    def test_is_the_pipelines_own_where_it_has_one(self, candidate):
        registry.approved(registry.a_proposal(candidate))
        PromotionPolicy.objects.create(
            pipeline=candidate.pipeline, weekdays=[4], until_time=time(18), time_zone="UTC"
        )
        assert promote(candidate, now=FRIDAY).stage == "PRODUCTION"


class TestRollback:
    def rollback(self, pipeline, now):
        return promoting.rollback(
            pipeline_id=pipeline.pk, actor="user:alice", reason="worse", now=now
        )

    def test_puts_the_previous_version_back_and_archives_the_bad_one(self, candidate):
        pipeline = candidate.pipeline
        registry.promoted(candidate)
        registry.promoted(registry.a_candidate(pipeline), now=NOON + HOUR)
        assert self.rollback(pipeline, FRIDAY).number == 1  # no window, and nobody is asked
        assert stages() == {1: "PRODUCTION", 2: "ARCHIVED"}
        assert ServingPeriod.objects.get(until__isnull=True).how == "ROLLED_BACK"

    def test_refuses_without_a_previous_version(self, candidate):
        registry.promoted(candidate)
        with pytest.raises(PromotionRefused, match="no previous"):
            self.rollback(candidate.pipeline, NOON + HOUR)

    def test_refuses_a_damaged_previous_version_and_changes_nothing(self, candidate):
        registry.promoted(candidate)
        registry.promoted(registry.a_candidate(candidate.pipeline), now=NOON + HOUR)
        registry.damage(candidate)
        with pytest.raises(PromotionRefused, match="damaged"):
            self.rollback(candidate.pipeline, NOON + timedelta(hours=2))
        assert stages() == {1: "PREVIOUS", 2: "PRODUCTION"}
