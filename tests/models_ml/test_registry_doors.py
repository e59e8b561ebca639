"""The ways to a promotion: pages and API."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from models_ml.domain import proposals
from models_ml.models import PromotionPolicy, Proposal
from monitoring.services import roles
from tests.models_ml import matchdays, registry

pytestmark = pytest.mark.django_db

MODELING, OPS = roles.MODELING_LEAD, roles.OPS_LEAD


@pytest.fixture
def candidate():
    return registry.a_candidate(registry.a_pipeline(registry.REAL))


@pytest.fixture
def proposal(candidate):
    PromotionPolicy.objects.create(expires_after_days=None)
    return registry.a_proposal(candidate, proposed_at=timezone.now())


def signed_in(name, *groups):
    roles.ensure_roles()
    client = Client()
    client.force_login(registry.a_person(name, *groups, is_staff=True))
    return client


def do(name, key, model="proposal"):
    return reverse(f"admin:models_ml_{model}_do", args=[key, name])


class TestThePage:
    def post(self, client, name, proposal, **fields):
        values = {"confirmed": "yes", "reason": "it looks right", **fields}
        text = client.post(do(name, proposal.pk), values, follow=True).content.decode()
        proposal.refresh_from_db()
        return text

    def page(self, client, proposal):
        url = reverse("admin:models_ml_proposal_change", args=[proposal.pk])
        return client.get(url).content.decode()

    def test_shows_every_gate_and_who_said_what(self, proposal):
        registry.approved(proposal, now=proposal.proposed_at)
        text = self.page(signed_in("vera", roles.VIEWER), proposal)
        for told in ("too good", "challenger", "as it should be", "alice", "bob"):
            assert told in text
        assert "/do/" not in text

    def test_lays_its_evidence_out_and_folds_it_away_as_it_is_signed(self, candidate):
        (event,) = matchdays.matches(registry.NOON)
        proposal = registry.a_proposal(candidate)
        one = {"n": 300, "log_loss": 0.9712}
        week = {
            "event": event.pk, "candidate": [0.5, 0.3, None], "serving": None, "outcome": "DRAW",
        }  # fmt: skip
        proposal.evidence |= {"cards": {"model": one, "elo_logistic": one}, "week": [week]}
        proposal.save()
        text = self.page(signed_in("vera", roles.VIEWER), proposal)
        assert [name for name in proposals.GATES if f"<td>{name}</td>" in text] == [
            *proposals.GATES
        ]
        seen = re.sub(r"<details.*?</details>", "", text, flags=re.DOTALL)
        for told in (
            "elo logistic", "0.9712", "Home 0.500, Draw 0.300, Away –", "nothing serves",
            reverse("admin:markets_event_change", args=[event.pk]), ">Draw<",
        ):  # fmt: skip
            assert told in seen
        assert "&quot;log_loss&quot;" in text
        assert "&quot;log_loss&quot;" not in seen

    def test_carries_the_evidence_that_is_looked_at(self, proposal):
        alice = signed_in("alice", MODELING)
        form = alice.get(do("approve", proposal.pk)).content.decode()
        field = re.search(r'<input type="hidden" name="seen" value="(\w+)"', form)
        assert field and field[1] == proposal.evidence_sha256
        self.post(alice, "approve", proposal, role=MODELING, seen=field[1])
        assert proposal.approvals.get().user.username == "alice"

    def test_refuses_an_approval_of_evidence_that_has_changed(self, proposal):
        alice = signed_in("alice", MODELING)
        text = self.post(alice, "approve", proposal, role=MODELING, seen="0" * 64)
        assert "look at the proposal again" in text
        assert not proposal.approvals.exists()

    def test_lets_the_other_lead_reject(self, proposal):
        bob = signed_in("bob", OPS)
        self.post(bob, "reject", proposal, role=OPS, seen=proposal.evidence_sha256)
        assert (proposal.state, proposal.outcome_note) == ("REJECTED", "it looks right")
        assert "/do/approve/" not in self.page(bob, proposal)

    def test_is_where_a_version_approved_by_two_is_promoted(self, candidate, proposal):
        registry.approved(proposal, now=proposal.proposed_at)
        mona = signed_in("mona", MODELING)
        text = self.post(mona, "promote", proposal, override="a test's clock")
        assert "serves from now on" in text
        candidate.refresh_from_db()
        assert (candidate.stage, proposal.state) == ("PRODUCTION", "PROMOTED")

    def test_says_why_a_version_may_not_serve_yet(self, candidate, proposal):
        alice = signed_in("alice", MODELING)
        assert "awaits the approval" in self.post(alice, "promote", proposal)
        candidate.refresh_from_db()
        assert candidate.stage == "CANDIDATE"

    def test_offers_the_signature_only_where_it_is_wanted(self, candidate):
        proposal = registry.a_proposal(candidate, failing={"too good": "5 sigma"})
        bob = signed_in("bob", OPS)
        assert "/do/sign/" in self.page(bob, proposal)
        Proposal.objects.update(too_good_signed_by="user:ben")
        assert "/do/sign/" not in self.page(bob, proposal)

    @pytest.mark.parametrize("name", ["approve", "reject", "sign", "weigh", "withdraw", "promote"])
    def test_is_closed_to_an_operator(self, proposal, name):
        client = signed_in("olga", roles.OPERATOR)
        assert client.post(do(name, proposal.pk), {"confirmed": "yes"}).status_code == 403

    def test_of_a_candidate_proposes_it(self, candidate):
        client = signed_in("dan", MODELING)
        url = do("propose", candidate.pk, "modelversion")
        answer = client.post(url, {"confirmed": "yes", "reason": "newer"})
        made = Proposal.objects.get()
        assert made.proposed_by == "user:dan"
        assert answer["Location"].endswith(f"/proposal/{made.pk}/change/")

    def test_withdraws_and_weighs_anew(self, proposal):
        client = signed_in("dan", MODELING)
        before = proposal.evidence_sha256
        self.post(client, "weigh", proposal)
        assert proposal.evidence_sha256 != before
        self.post(client, "withdraw", proposal)
        assert proposal.state == "WITHDRAWN"
