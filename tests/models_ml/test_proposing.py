from datetime import timedelta

import pytest

from models_ml.domain import evidence, proposals
from models_ml.models import ModelVersion, PromotionPolicy, Proposal
from models_ml.services import approving, promoting, proposing
from models_ml.services.proposing import ProposalRefused
from monitoring.models import AuditEntry
from monitoring.services import roles
from tests.models_ml import builders, registry
from tests.models_ml.registry import DAY, NOON, a_person
from tests.models_ml.worlds import a_world

pytestmark = pytest.mark.django_db

WORLD = a_world(seasons=3)


def propose(version, **fields):
    fields = {"actor": "task:test", "reason": "newer", "now": NOON, **fields}
    return proposing.propose(version_id=version.pk, **fields)


def states(proposal):
    return {name: gate["state"] for name, gate in proposal.gates.items()}


@pytest.fixture
def candidate():
    return registry.a_candidate(registry.a_pipeline(registry.REAL))


class TestTheEvidence:
    @pytest.fixture
    def league(self):
        return builders.a_league(WORLD)

    def trained(self, league, **fields):
        pipeline = builders.a_pipeline(now=league.ends_at)
        PromotionPolicy.objects.update_or_create(
            pipeline=pipeline, defaults={"minimum_test_rows": 50, "minimum_challenger_bets": 20}
        )
        return builders.a_version(pipeline, **{"until": league.ends_at, **fields})

    def test_answers_every_gate_on_what_the_candidate_never_learned(self, league):
        version = self.trained(league)
        proposal = propose(version, now=league.ends_at)
        proposal.refresh_from_db()
        assert set(proposal.gates) == set(proposals.GATES)
        assert proposal.gates == proposal.evidence["gates"]
        figures = proposal.gates["enough"]["figures"]
        assert figures["n"] == version.metrics["parts"]["test"]["n"]
        assert states(proposal)["challenger"] == "NOT_ENOUGH"  # nothing serves yet
        assert "0 common events" in proposal.gates["challenger"]["why"]
        card = proposal.evidence["cards"]["model"]
        assert card["log_loss"] == pytest.approx(version.metrics["model"]["log_loss"], abs=1e-9)

    def test_is_named_by_a_hash_that_the_table_keeps_true(self, league):
        proposal = propose(self.trained(league), now=league.ends_at)
        proposal.refresh_from_db()
        assert evidence.digest(proposal.evidence) == proposal.evidence_sha256

    def test_shows_a_past_week_of_both_and_holds_them_against_each_other(self, league):
        middle = league.events[330].starts_at
        champion = self.trained(league, until=middle)
        registry.promoted(champion, now=middle)
        candidate = self.trained(league, seed=1)
        proposal = propose(candidate, now=league.ends_at)
        challenger = proposal.gates["challenger"]["figures"]
        fair = [e for e in league.events if e.starts_at >= middle]
        test = candidate.metrics["parts"]["test"]
        assert 20 <= challenger["n"] <= min(len(fair), test["n"])
        assert (challenger["tried"], proposal.evidence["champion"]["id"]) == (1, champion.pk)
        week = proposal.evidence["week"]
        assert week
        for row in week:
            assert sum(row["candidate"]) == pytest.approx(1, abs=1e-5)
            assert sum(row["serving"]) == pytest.approx(1, abs=1e-5)
        assert proposal.gates["smoke"]["figures"]["mean_gap"] is not None

    def test_of_a_damaged_version_leaves_every_other_gate_shut(self, league):
        version = self.trained(league)
        registry.damage(version)
        proposal = propose(version, now=league.ends_at)
        assert states(proposal) == {"fresh": "PASSED", "sound": "FAILED"}
        assert len(proposals.blocking(proposal.gates, is_signed=True)) == 7

    def test_of_too_small_a_test_part_says_so(self, league):
        version = self.trained(league)
        PromotionPolicy.objects.update(minimum_test_rows=1000)
        assert states(propose(version, now=league.ends_at))["enough"] == "FAILED"


class TestPropose:
    def test_keeps_the_person_who_asked_and_audits_it(self, candidate):
        alice = a_person("alice", roles.MODELING_LEAD)
        proposal = propose(candidate, actor="api:nightly", user_id=alice.pk)
        assert (proposal.proposed_by, proposal.state) == ("user:alice", "OPEN")
        entry = AuditEntry.objects.get(action="models_ml.propose")
        assert (entry.actor, entry.detail["reason"]) == ("api:nightly", "newer")

    def test_by_a_program_of_hers_bars_her_from_approving(self, candidate):
        alice = a_person("alice", roles.MODELING_LEAD)
        proposal = propose(candidate, actor="api:nightly", user_id=alice.pk)
        with pytest.raises(approving.ApprovalRefused, match="alice proposed it"):
            approving.approve(
                proposal_id=proposal.pk,
                role=roles.MODELING_LEAD,
                user_id=alice.pk,
                evidence_sha256=proposal.evidence_sha256,
                actor="user:alice",
                now=NOON,
            )

    def test_of_a_version_without_a_test_part_leaves_it_unproven(self, candidate):
        proposal = propose(candidate)
        assert states(proposal) == {"fresh": "PASSED", "sound": "PASSED", "enough": "FAILED"}

    def test_promotes_nothing(self, candidate):
        propose(candidate)
        candidate.refresh_from_db()
        assert candidate.stage == "CANDIDATE"

    def test_refuses_twice(self, candidate):
        propose(candidate)
        with pytest.raises(ProposalRefused, match="proposed already"):
            propose(candidate)

    @pytest.mark.parametrize("stage", ["PRODUCTION", "PREVIOUS", "ARCHIVED"])
    def test_refuses_what_is_no_candidate(self, candidate, stage):
        ModelVersion.objects.update(stage=stage)
        with pytest.raises(ProposalRefused, match="no candidate"):
            propose(candidate)

    def test_refuses_a_simulated_pipeline(self):
        version = registry.a_candidate(registry.a_pipeline(registry.SIMULATED))
        with pytest.raises(ProposalRefused, match="promote"):
            propose(version)

    @pytest.mark.parametrize("reason", ["", " "])
    def test_refuses_without_a_reason(self, candidate, reason):
        with pytest.raises(ProposalRefused, match="reason"):
            propose(candidate, reason=reason)

    def test_refuses_an_unknown_version(self):
        with pytest.raises(ProposalRefused, match="no version 0"):
            proposing.propose(version_id=0, actor="x", reason="x", now=NOON)


class TestWeighAgain:
    def test_voids_what_was_said_of_the_old_evidence(self, candidate):
        proposal = registry.approved(registry.a_proposal(candidate))
        again = proposing.weigh_again(proposal_id=proposal.pk, actor="user:dan", now=NOON)
        assert again.evidence_sha256 != proposal.evidence_sha256
        assert proposals.missing(approving.asked(proposal=again)) == proposals.ROLES
        registry.approved(again)
        assert again.approvals.count() == 4
        with pytest.raises(promoting.PromotionRefused, match="enough"):
            promoting.promote(version_id=candidate.pk, actor="x", reason="x", now=NOON)

    def test_takes_back_a_signature(self, candidate):
        proposal = registry.a_proposal(
            candidate, too_good_signed_by="user:bob", too_good_reason="x"
        )
        again = proposing.weigh_again(proposal_id=proposal.pk, actor="user:dan", now=NOON)
        assert (again.too_good_signed_by, again.too_good_reason) == ("", "")

    def test_refuses_what_is_closed(self, candidate):
        proposal = registry.a_proposal(candidate)
        proposing.withdraw(proposal_id=proposal.pk, actor="user:dan", reason="old", now=NOON)
        with pytest.raises(ProposalRefused, match="it is withdrawn"):
            proposing.weigh_again(proposal_id=proposal.pk, actor="user:dan", now=NOON)


class TestWithdraw:
    def test_closes_it_and_lets_the_version_be_proposed_again(self, candidate):
        proposal = registry.a_proposal(candidate)
        closed = proposing.withdraw(
            proposal_id=proposal.pk, actor="user:dan", reason="a better one", now=NOON
        )
        assert (closed.state, closed.outcome_note) == ("WITHDRAWN", "a better one")
        assert propose(candidate).pk != proposal.pk

    def test_refuses_without_a_reason_and_what_is_not_there(self, candidate):
        proposal = registry.a_proposal(candidate)
        for number, reason, why in ((proposal.pk, " ", "reason"), (0, "old", "no proposal 0")):
            with pytest.raises(ProposalRefused, match=why):
                proposing.withdraw(proposal_id=number, actor="x", reason=reason, now=NOON)


class TestExpire:
    def expire(self, now):
        return proposing.expire(actor="task:test", now=now)

    def test_closes_what_waited_two_weeks_and_nothing_else(self, candidate):
        old = registry.a_proposal(candidate)
        young = registry.a_proposal(
            registry.a_candidate(candidate.pipeline), proposed_at=NOON + DAY
        )
        assert self.expire(NOON + 14 * DAY - timedelta(seconds=1)) == 0
        assert self.expire(NOON + 14 * DAY) == 1
        assert self.expire(NOON + 14 * DAY) == 0
        found = dict(Proposal.objects.values_list("pk", "state"))
        assert found == {old.pk: "EXPIRED", young.pk: "OPEN"}
