"""The registry over REST: the person is the token's holder, and every no is a clear 4xx."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from models_ml.domain import proposals
from models_ml.models import HygienePolicy, ModelVersion, PromotionPolicy, Proposal
from monitoring.models import AuditEntry
from monitoring.services import roles, tokens
from tests.models_ml import registry
from tests.models_ml.registry import a_person

pytestmark = pytest.mark.django_db

MODELING, OPS = roles.MODELING_LEAD, roles.OPS_LEAD
OVERRIDE = {"reason": "better", "override": "a test's clock"}


@pytest.fixture(autouse=True)
def _roles():
    roles.ensure_roles()


@pytest.fixture
def candidate():
    PromotionPolicy.objects.create(expires_after_days=None)
    return registry.a_candidate(registry.a_pipeline(registry.REAL))


@pytest.fixture
def proposal(candidate):
    return registry.a_proposal(candidate, proposed_at=timezone.now())


class Caller:
    """Somebody who calls by a token of their own."""

    def __init__(self, name, *groups, scopes=("read", "run")):
        user = a_person(name, *groups)
        now = timezone.now()
        key, _ = tokens.make_token(
            name=f"{name}-{'-'.join(scopes)}",
            username=user.username,
            scopes=scopes,
            life=timedelta(days=1),
            actor="cli:test",
            now=now,
        )
        self.client = Client(headers={"Authorization": f"Token {key}"})

    def get(self, path):
        return self.client.get(f"/api/v1/{path}")

    def post(self, path, **body):
        return self.client.post(f"/api/v1/{path}", body, content_type="application/json")

    def patch(self, path, **body):
        return self.client.patch(f"/api/v1/{path}", body, content_type="application/json")


def approve(caller, proposal, role, **fields):
    body = {"role": role, "evidence_sha256": proposal.evidence_sha256, **fields}
    return caller.post(f"proposals/{proposal.pk}/approve", **body)


class TestProposals:
    def test_are_made_in_the_name_of_the_tokens_holder(self, candidate):
        dan = Caller("dan", MODELING)
        answer = dan.post("proposals", version=candidate.pk, reason="newer")
        assert answer.status_code == 201, answer.content
        assert answer.json()["proposed_by"] == "user:dan"
        assert AuditEntry.objects.get(action="models_ml.propose").actor == "api:dan-read-run"

    def test_go_from_proposal_to_rollback_by_three_people(self, candidate, proposal):
        alice, bob = Caller("alice", MODELING), Caller("bob", OPS)
        assert approve(alice, proposal, MODELING).status_code == 200
        standing = alice.get(f"proposals/{proposal.pk}/standing").json()
        assert (standing["shut"], standing["awaited"]) == ([], [OPS])
        assert approve(bob, proposal, OPS, comment="go").status_code == 200
        answer = bob.post(f"proposals/{proposal.pk}/promote", **OVERRIDE)
        assert (answer.status_code, answer.json()["state"]) == (200, "PROMOTED")
        key = candidate.pipeline_id
        served = alice.get(f"pipelines/{key}/served").json()
        assert (served["version"], served["how"]) == (candidate.pk, "PROMOTED")
        assert [row["number"] for row in alice.get("serving-periods").json()["results"]] == [1]
        said = alice.get(f"approvals?proposal={proposal.pk}").json()["results"]
        assert {row["user"] for row in said} == {"alice", "bob"}

    def test_are_rejected_signed_weighed_and_withdrawn(self, candidate):
        bob = Caller("bob", OPS)
        body = {"role": OPS, "comment": "no"}
        first = registry.a_proposal(
            candidate, failing={"too good": "5 sigma"}, proposed_at=timezone.now()
        )
        signed = bob.post(f"proposals/{first.pk}/sign", reason="the close was late")
        assert signed.json()["too_good_signed_by"] == "user:bob"
        body["evidence_sha256"] = first.evidence_sha256
        assert bob.post(f"proposals/{first.pk}/reject", **body).json()["state"] == "REJECTED"
        second = registry.a_proposal(candidate, proposed_at=timezone.now())
        weighed = bob.post(f"proposals/{second.pk}/weigh").json()
        assert weighed["evidence_sha256"] != second.evidence_sha256
        gone = bob.post(f"proposals/{second.pk}/withdraw", reason="old").json()
        assert (gone["state"], gone["outcome_note"]) == ("WITHDRAWN", "old")

    @pytest.mark.parametrize(
        ("name", "groups", "role", "why"),
        [
            pytest.param("dan", [MODELING], MODELING, "proposed it", id="the-proposer"),
            pytest.param("bob", [OPS], MODELING, "no modeling lead", id="in-anothers-role"),
            pytest.param("zoe", [MODELING], OPS, "no ops lead", id="a-lead-of-the-other-kind"),
            pytest.param(
                "root", [roles.ADMINISTRATOR], MODELING, "no modeling lead", id="an-administrator"
            ),
        ],
    )
    def test_refuse_the_wrong_approver(self, proposal, name, groups, role, why):
        answer = approve(Caller(name, *groups), proposal, role)
        assert (answer.status_code, answer.json()["title"]) == (409, "Refused")
        assert why in answer.json()["detail"]
        assert not proposal.approvals.exists()

    def test_refuse_a_second_word_of_the_same_person(self, proposal):
        both = Caller("ann", MODELING, OPS)
        assert approve(both, proposal, MODELING).status_code == 200
        answer = approve(both, proposal, OPS)
        assert (answer.status_code, "spoken already" in answer.json()["detail"]) == (409, True)

    def test_refuse_other_evidence_than_was_looked_at(self, proposal):
        answer = approve(Caller("bob", OPS), proposal, OPS, evidence_sha256="0" * 64)
        assert answer.status_code == 409
        assert "look at the proposal again" in answer.json()["detail"]

    @pytest.mark.parametrize("name", proposals.GATES)
    def test_refuse_to_promote_past_a_shut_gate(self, candidate, name):
        proposal = registry.a_proposal(
            candidate, failing={name: "so it is"}, proposed_at=timezone.now()
        )
        registry.approved(proposal, now=timezone.now())
        answer = Caller("mona", MODELING).post(f"proposals/{proposal.pk}/promote", **OVERRIDE)
        assert answer.status_code == 409
        assert f"{name}: so it is" in answer.json()["detail"]
        candidate.refresh_from_db()
        assert candidate.stage == "CANDIDATE"

    def test_refuse_to_promote_what_is_closed(self, proposal):
        Proposal.objects.update(state="WITHDRAWN", closed_at=timezone.now())
        answer = Caller("mona", MODELING).post(f"proposals/{proposal.pk}/promote", **OVERRIDE)
        assert (answer.status_code, "withdrawn" in answer.json()["detail"]) == (409, True)

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            pytest.param("approve", {"role": "king", "evidence_sha256": "0" * 64}, id="role"),
            pytest.param("approve", {"role": OPS, "evidence_sha256": "x"}, id="hash"),
            pytest.param("reject", {"role": OPS, "evidence_sha256": "0" * 64}, id="no-comment"),
            pytest.param("sign", {"reason": " "}, id="blank-reason"),
            pytest.param("withdraw", {"reason": "x" * 251}, id="long-reason"),
            pytest.param("promote", {}, id="no-reason"),
        ],
    )
    def test_answer_bad_input_400(self, proposal, path, body):
        bob = Caller("bob", OPS)
        assert bob.post(f"proposals/{proposal.pk}/{path}", **body).status_code == 400

    @pytest.mark.parametrize("path", ["approve", "reject", "sign", "weigh", "withdraw", "promote"])
    def test_are_closed_to_who_only_looks(self, proposal, path):
        for caller in (Caller("olga", roles.OPERATOR), Caller("bob", OPS, scopes=("read",))):
            assert caller.post(f"proposals/{proposal.pk}/{path}").status_code == 403
        assert Caller("bob", OPS).post(f"proposals/0/{path}").status_code in (400, 404)

    def test_of_unknown_and_simulated_versions_are_refused(self, candidate):
        dan = Caller("dan", MODELING)
        simulated = registry.a_candidate(registry.a_pipeline(registry.SIMULATED))
        for key in (0, 10**30):
            assert dan.post("proposals", version=key, reason="x").status_code == 400
        for key in (candidate.pk + 10**9, simulated.pk):
            assert dan.post("proposals", version=key, reason="x").status_code == 409


class TestPipelines:
    def test_are_rolled_back_with_a_reason(self, candidate):
        pipeline = candidate.pipeline
        first = registry.promoted(candidate)
        registry.promoted(registry.a_candidate(pipeline), now=registry.NOON + registry.HOUR)
        mona = Caller("mona", MODELING)
        assert mona.post(f"pipelines/{pipeline.pk}/rollback").status_code == 400
        answer = mona.post(f"pipelines/{pipeline.pk}/rollback", reason="worse")
        assert (answer.json()["version"], answer.json()["how"]) == (first.pk, "ROLLED_BACK")
        again = mona.post(f"pipelines/{pipeline.pk}/rollback", reason="worse")
        assert (again.status_code, "no previous" in again.json()["detail"]) == (409, True)
        operator = Caller("olga", roles.OPERATOR)
        assert operator.post(f"pipelines/{pipeline.pk}/rollback", reason="x").status_code == 403

    def test_tell_which_version_served_at_a_moment(self, candidate):
        registry.promoted(candidate)
        vera, path = Caller("vera", roles.VIEWER), f"pipelines/{candidate.pipeline_id}/served"
        served = vera.get(f"{path}?at=2026-11-17T12:00:00Z").json()
        assert (served["number"], served["until"]) == (1, None)
        assert vera.get(f"{path}?at=2026-11-17T11:59:59Z").status_code == 404
        assert vera.get(f"{path}?at=yesterday").status_code == 400
        assert vera.get(f"{path}?when=now").status_code == 400
        assert vera.get("pipelines/999999999999/served").status_code == 404


class TestPolicies:
    def test_are_changed_with_a_reason_that_is_audited(self, candidate):
        row, bob = PromotionPolicy.objects.get(), Caller("bob", OPS)
        path = f"promotion-policies/{row.pk}"
        assert bob.patch(path, minimum_test_rows=300).status_code == 400
        answer = bob.patch(path, minimum_test_rows=300, reason="small leagues")
        assert (answer.status_code, answer.json()["minimum_test_rows"]) == (200, 300)
        entry = AuditEntry.objects.get(action="models_ml.change_promotionpolicy")
        assert entry.detail == {
            "reason": "small leagues", "changed": {"minimum_test_rows": [200, 300]}
        }  # fmt: skip

    def test_are_given_to_a_pipeline_from_the_houses(self, candidate):
        PromotionPolicy.objects.update(minimum_test_rows=77)
        body = {"pipeline": candidate.pipeline_id, "weekdays": [0, 4], "reason": "its weeks"}
        made = Caller("bob", OPS).post("promotion-policies", **body)
        assert made.status_code == 201, made.content
        assert (made.json()["minimum_test_rows"], made.json()["weekdays"]) == (77, [0, 4])
        assert PromotionPolicy.objects.count() == 2

    @pytest.mark.parametrize(
        "values",
        [
            pytest.param({}, id="nothing"),
            pytest.param({"keep_days": 0}, id="no-days"),
            pytest.param({"predictions_days": 29}, id="too-short"),
            pytest.param({"keep_last": 10**12}, id="too-many"),
        ],
    )
    def test_refuse_what_cannot_be(self, values):
        bob = Caller("bob", OPS)
        answer = bob.post("hygiene-policies", pipeline=None, reason="x", **values)
        assert answer.status_code == 409
        assert not HygienePolicy.objects.exists()

    def test_are_changed_by_nobody_but_who_may(self, candidate):
        mona = Caller("mona", MODELING)
        body = {"pipeline": None, "reason": "x", "keep_days": 5}
        assert mona.post("hygiene-policies", **body).status_code == 403
        row = PromotionPolicy.objects.get()
        assert mona.patch(f"promotion-policies/{row.pk}", reason="x").status_code == 403
        assert mona.get("promotion-policies").status_code == 200
        assert ModelVersion.objects.exists()
