from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.utils import ProgrammingError

from models_ml.models import Approval, PromotionPolicy
from models_ml.services import approving
from models_ml.services.approving import ApprovalRefused
from monitoring.models import AuditEntry
from monitoring.services import roles
from tests.models_ml import registry
from tests.models_ml.registry import DAY, NOON, a_person

pytestmark = pytest.mark.django_db

MODELING, OPS = roles.MODELING_LEAD, roles.OPS_LEAD


@pytest.fixture
def proposal():
    return registry.a_proposal(registry.a_candidate(registry.a_pipeline()))


def approve(proposal, person, role, **fields):
    fields = {"evidence_sha256": proposal.evidence_sha256, "now": NOON, **fields}
    return approving.approve(
        proposal_id=proposal.pk, role=role, user_id=person.pk, actor=f"user:{person}", **fields
    )


def reject(proposal, person, role, **fields):
    fields = {"evidence_sha256": proposal.evidence_sha256, "comment": "too few rows", **fields}
    return approving.reject(
        proposal_id=proposal.pk, role=role, user_id=person.pk, actor="user:x", now=NOON, **fields
    )


def sign(proposal, person, **fields):
    fields = {"reason": "a new source of line-ups", "now": NOON, **fields}
    return approving.sign_too_good(
        proposal_id=proposal.pk, user_id=person.pk, actor=f"user:{person}", **fields
    )


class TestApprove:
    def test_keeps_who_said_it_of_what_and_audits_it(self, proposal):
        alice = a_person("alice", MODELING)
        approve(proposal, alice, MODELING, comment=" looks right ")
        word = proposal.approvals.get()
        assert (word.user, word.role, word.verdict) == (alice, MODELING, "APPROVE")
        assert (word.comment, word.evidence_sha256) == ("looks right", proposal.evidence_sha256)
        entry = AuditEntry.objects.get(action="models_ml.approve")
        assert entry.subject == f"models_ml.Proposal:{proposal.pk}"
        assert (entry.actor, entry.detail["role"]) == ("user:alice", MODELING)

    @pytest.mark.parametrize(
        ("name", "groups", "role", "why"),
        [
            ("alice", [MODELING], OPS, "alice is no ops lead"),
            ("bob", [OPS], MODELING, "bob is no modeling lead"),
            ("eve", [roles.OPERATOR], OPS, "eve is no ops lead"),
            ("eve", [roles.VIEWER], MODELING, "eve is no modeling lead"),
            ("eve", [], OPS, "eve is no ops lead"),
            ("root", [roles.ADMINISTRATOR], MODELING, "root is no modeling lead"),
            ("dan", [MODELING], MODELING, "dan proposed it"),
            ("dan", [MODELING, OPS], OPS, "dan proposed it"),
            ("alice", [MODELING], "owner", "nobody approves as 'owner'"),
        ],
    )
    def test_refuses_the_wrong_person(self, proposal, name, groups, role, why):
        with pytest.raises(ApprovalRefused, match=why):
            approve(proposal, a_person(name, *groups), role)
        assert not Approval.objects.exists()

    def test_refuses_a_superuser_who_leads_nothing(self, proposal):
        with pytest.raises(ApprovalRefused, match="root is no ops lead"):
            approve(proposal, a_person("root", is_superuser=True), OPS)

    def test_refuses_somebody_who_may_not_sign_in_any_more(self, proposal):
        with pytest.raises(ApprovalRefused, match="may not sign in any more"):
            approve(proposal, a_person("alice", MODELING, is_active=False), MODELING)

    def test_refuses_nobody(self, proposal):
        with pytest.raises(ApprovalRefused, match="nobody signs in"):
            approving.approve(
                proposal_id=proposal.pk,
                role=OPS,
                user_id=0,
                evidence_sha256=proposal.evidence_sha256,
                actor="user:x",
                now=NOON,
            )

    def test_refuses_the_same_person_twice(self, proposal):
        cleo = a_person("cleo", MODELING, OPS)
        approve(proposal, cleo, MODELING)
        for role in (OPS, MODELING):
            with pytest.raises(ApprovalRefused, match="has spoken already"):
                approve(proposal, cleo, role)

    def test_refuses_a_second_person_in_the_same_role(self, proposal):
        approve(proposal, a_person("bob", OPS), OPS)
        with pytest.raises(ApprovalRefused, match="bob has spoken already as ops lead"):
            approve(proposal, a_person("ben", OPS), OPS)

    def test_refuses_other_evidence_than_was_looked_at(self, proposal):
        with pytest.raises(ApprovalRefused, match="look at the proposal again"):
            approve(proposal, a_person("bob", OPS), OPS, evidence_sha256="0" * 64)

    def test_refuses_evidence_that_somebody_changed_in_the_table(self, proposal):
        proposal.evidence["gates"]["brier"]["state"] = "FAILED"
        proposal.save(update_fields=["evidence"])
        with pytest.raises(ApprovalRefused, match="without being weighed anew"):
            approve(proposal, a_person("bob", OPS), OPS)

    def test_refuses_a_proposal_that_is_not_there(self, proposal):
        with pytest.raises(ApprovalRefused, match="no proposal 0"):
            approving.approve(
                proposal_id=0, role=OPS, user_id=1, evidence_sha256="", actor="x", now=NOON
            )

    def test_refuses_one_that_waited_too_long(self, proposal):
        bob = a_person("bob", OPS)
        with pytest.raises(ApprovalRefused, match="expired on 2026-12-01"):
            approve(proposal, bob, OPS, now=NOON + 14 * DAY)
        PromotionPolicy.objects.create(proposal_expires_days=15)
        assert approve(proposal, bob, OPS, now=NOON + 14 * DAY)

    def test_refuses_more_words_than_are_kept(self, proposal):
        with pytest.raises(ApprovalRefused, match="250 are kept"):
            approve(proposal, a_person("bob", OPS), OPS, comment="x" * 251)

    def test_cannot_be_taken_back_or_changed(self, proposal):
        word = approve(proposal, a_person("bob", OPS), OPS)
        for change in (word.delete, lambda: Approval.objects.update(role=MODELING)):
            with pytest.raises(ProgrammingError, match="Cannot"), transaction.atomic():
                change()

    def test_is_held_to_one_a_person_and_role_by_the_table_itself(self, proposal):
        word = approve(proposal, a_person("bob", OPS), OPS)
        word.pk, word.role = None, MODELING
        with pytest.raises(IntegrityError, match="approval_person_once"), transaction.atomic():
            word.save(force_insert=True)


class TestReject:
    def test_closes_the_proposal_with_the_reason(self, proposal):
        reject(proposal, a_person("bob", OPS), OPS)
        proposal.refresh_from_db()
        assert (proposal.state, proposal.outcome_note) == ("REJECTED", "too few rows")
        assert (proposal.closed_at, proposal.closed_by) == (NOON, "user:x")
        assert proposal.approvals.get().verdict == "REJECT"

    def test_may_follow_the_others_approval(self, proposal):
        approve(proposal, a_person("alice", MODELING), MODELING)
        assert reject(proposal, a_person("bob", OPS), OPS).state == "REJECTED"

    @pytest.mark.parametrize("comment", ["", "  "])
    def test_wants_to_know_why(self, proposal, comment):
        with pytest.raises(ApprovalRefused, match="say why"):
            reject(proposal, a_person("bob", OPS), OPS, comment=comment)

    def test_is_refused_to_the_wrong_person_and_leaves_it_open(self, proposal):
        with pytest.raises(ApprovalRefused, match="eve is no ops lead"):
            reject(proposal, a_person("eve", roles.OPERATOR), OPS)
        proposal.refresh_from_db()
        assert proposal.state == "OPEN"

    def test_twice_is_refused(self, proposal):
        reject(proposal, a_person("bob", OPS), OPS)
        with pytest.raises(ApprovalRefused, match="it is rejected"):
            reject(proposal, a_person("alice", MODELING), MODELING)


class TestSignTooGood:
    @pytest.fixture
    def proposal(self):
        candidate = registry.a_candidate(registry.a_pipeline())
        return registry.a_proposal(candidate, failing={"too good": "5 sigma under the close"})

    def test_keeps_who_signed_and_why(self, proposal):
        sign(proposal, a_person("bob", OPS))
        proposal.refresh_from_db()
        assert (proposal.too_good_signed_by, proposal.too_good_signed_at) == ("user:bob", NOON)
        assert proposal.too_good_reason == "a new source of line-ups"
        assert AuditEntry.objects.filter(action="models_ml.sign_too_good").count() == 1

    @pytest.mark.parametrize(
        ("name", "groups", "why"),
        [("dan", [OPS], "dan proposed it"), ("eve", [roles.OPERATOR], "neither modeling lead")],
    )
    def test_refuses_the_wrong_person(self, proposal, name, groups, why):
        with pytest.raises(ApprovalRefused, match=why):
            sign(proposal, a_person(name, *groups))

    def test_refuses_to_sign_without_a_reason(self, proposal):
        with pytest.raises(ApprovalRefused, match="reason"):
            sign(proposal, a_person("bob", OPS), reason=" ")

    def test_refuses_a_second_signature(self, proposal):
        sign(proposal, a_person("bob", OPS))
        with pytest.raises(ApprovalRefused, match="user:bob has signed already"):
            sign(proposal, a_person("ben", OPS))

    def test_refuses_where_nothing_is_too_good(self):
        proposal = registry.a_proposal(registry.a_candidate(registry.a_pipeline()))
        with pytest.raises(ApprovalRefused, match="nothing to sign"):
            sign(proposal, a_person("bob", OPS))

    def test_refuses_once_it_waited_too_long(self, proposal):
        with pytest.raises(ApprovalRefused, match="expired"):
            sign(proposal, a_person("bob", OPS), now=NOON + 15 * DAY - timedelta(seconds=1))
