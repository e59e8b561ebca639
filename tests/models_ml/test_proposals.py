from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_ml.domain import proposals
from models_ml.domain.proposals import Asked, Person, State, Word

NOW = datetime(2026, 11, 17, 12, tzinfo=UTC)
MODELING, OPS = proposals.ROLES
SHA, OTHER_SHA = "a" * 64, "b" * 64


def a_person(name, *groups, is_active=True):
    return Person(name, is_active, frozenset(groups))


ALICE = a_person("alice", MODELING)
BOB = a_person("bob", OPS)
BOTH = a_person("cleo", MODELING, OPS)
ROOT = a_person("root", "administrator")


def asked(*words, **fields):
    fields = {
        "state": "OPEN",
        "proposed_by": "user:dan",
        "evidence": SHA,
        "expires_at": NOW + timedelta(days=1),
        **fields,
    }
    return Asked(words=words, **fields)


def said(person, role, *, verdict="APPROVE", evidence=SHA):
    return Word(role, person, verdict, evidence)


class TestAgainstSpeaking:
    def why_not(self, proposal, person, role, *, seen=SHA, now=NOW):
        return proposals.against_speaking(proposal, person=person, role=role, seen=seen, now=now)

    @pytest.mark.parametrize(("person", "role"), [(ALICE, MODELING), (BOB, OPS), (BOTH, OPS)])
    def test_lets_a_lead_speak_in_the_own_role(self, person, role):
        assert self.why_not(asked(), person, role) is None

    @pytest.mark.parametrize(
        ("person", "role", "why"),
        [
            (ALICE, OPS, "alice is no ops lead"),
            (BOB, MODELING, "bob is no modeling lead"),
            (ROOT, OPS, "root is no ops lead"),  # an administrator may much, but not this
            (a_person("eve", "operator"), OPS, "eve is no ops lead"),
            (a_person("eve"), MODELING, "eve is no modeling lead"),
            (BOTH, "administrator", "nobody approves as 'administrator'"),
            (BOTH, "", "nobody approves as ''"),
            (a_person("alice", MODELING, is_active=False), MODELING, "may not sign in any more"),
            (a_person("dan", MODELING), MODELING, "dan proposed it"),
            (a_person("dan", MODELING, OPS), OPS, "dan proposed it"),
        ],
    )
    def test_refuses_the_wrong_person(self, person, role, why):
        assert why in self.why_not(asked(), person, role)

    def test_refuses_the_same_person_twice(self):
        first = asked(said(BOTH, MODELING))
        assert self.why_not(first, BOTH, OPS) == "cleo has spoken already, as modeling lead"
        assert self.why_not(first, BOTH, MODELING) == "cleo has spoken already, as modeling lead"

    def test_refuses_a_second_word_in_the_same_role(self):
        first = asked(said(BOTH, OPS))
        assert self.why_not(first, BOB, OPS) == "cleo has spoken already as ops lead"

    def test_refuses_evidence_that_has_changed_meanwhile(self):
        assert "look at the proposal again" in self.why_not(
            asked(), ALICE, MODELING, seen=OTHER_SHA
        )

    def test_lets_people_speak_again_of_other_evidence(self):
        again = asked(said(ALICE, MODELING, evidence=OTHER_SHA))
        assert self.why_not(again, ALICE, MODELING) is None

    @pytest.mark.parametrize("state", ["PROMOTED", "REJECTED", "WITHDRAWN", "EXPIRED"])
    def test_refuses_what_is_closed(self, state):
        assert self.why_not(asked(state=state), ALICE, MODELING) == f"it is {state.lower()}"

    def test_refuses_what_has_waited_too_long(self):
        late = asked(expires_at=NOW)
        assert "expired on 2026-11-17 12:00 UTC" in self.why_not(late, ALICE, MODELING)
        assert self.why_not(late, ALICE, MODELING, now=NOW - timedelta(seconds=1)) is None


class TestAgainstSigning:
    @pytest.mark.parametrize("person", [ALICE, BOB, BOTH])
    def test_lets_either_lead_sign(self, person):
        assert proposals.against_signing(asked(), person=person, now=NOW) is None

    @pytest.mark.parametrize(
        ("person", "why"),
        [
            (a_person("dan", OPS), "dan proposed it"),
            (ROOT, "neither modeling lead nor ops lead"),
            (a_person("bob", OPS, is_active=False), "may not sign in any more"),
        ],
    )
    def test_refuses_everybody_else(self, person, why):
        assert why in proposals.against_signing(asked(), person=person, now=NOW)

    def test_refuses_what_is_closed(self):
        closed = asked(state="REJECTED")
        assert proposals.against_signing(closed, person=BOB, now=NOW) == "it is rejected"


class TestMissing:
    @pytest.mark.parametrize(
        ("words", "roles"),
        [
            ([], (MODELING, OPS)),
            ([said(ALICE, MODELING)], (OPS,)),
            ([said(BOB, OPS)], (MODELING,)),
            ([said(ALICE, MODELING), said(BOB, OPS)], ()),
            ([said(BOB, OPS), said(ALICE, MODELING)], ()),
            ([said(ALICE, MODELING), said(BOB, OPS, verdict="REJECT")], (OPS,)),
            ([said(ALICE, MODELING), said(BOB, OPS, evidence=OTHER_SHA)], (OPS,)),
            ([said(BOTH, MODELING), said(BOTH, OPS)], (OPS,)),
            ([said(ALICE, MODELING), said(replace(BOB, is_active=False), OPS)], (OPS,)),
            ([said(ALICE, MODELING), said(a_person("dan", OPS), OPS)], (OPS,)),
            ([said(ALICE, MODELING), said(ROOT, "administrator")], (OPS,)),
        ],
    )
    def test_names_the_roles_that_have_not_approved(self, words, roles):
        assert proposals.missing(asked(*words)) == roles

    @settings(deadline=None)
    @given(
        st.lists(
            st.builds(
                Word,
                st.sampled_from([MODELING, OPS, "administrator"]),
                st.sampled_from([ALICE, BOB, BOTH, ROOT, a_person("dan", MODELING, OPS)]),
                st.sampled_from(["APPROVE", "REJECT"]),
                st.sampled_from([SHA, OTHER_SHA]),
            ),
            max_size=6,
        )
    )
    def test_is_nobody_only_where_two_people_approved_who_did_not_propose(self, words):
        if not proposals.missing(asked(*words)):
            good = [w for w in words if (w.verdict, w.evidence) == ("APPROVE", SHA)]
            people = {w.person.name for w in good if w.role in proposals.ROLES} - {"dan"}
            assert len(people) >= 2
            assert {w.role for w in good} >= set(proposals.ROLES)


class TestAfter:
    @pytest.mark.parametrize("then", ["PROMOTED", "REJECTED", "WITHDRAWN", "EXPIRED"])
    def test_closes_an_open_proposal(self, then):
        assert proposals.after("OPEN", then) == then

    @pytest.mark.parametrize(
        ("state", "then"),
        [(a, b) for a in State for b in State if a is not State.OPEN or b is State.OPEN],
    )
    def test_leads_nowhere_else(self, state, then):
        with pytest.raises(ValueError, match="cannot become"):
            proposals.after(state, then)
