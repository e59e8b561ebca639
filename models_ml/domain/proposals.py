"""Who may say what about a proposal, and when it has been said often enough.  Pure.

Two people approve a version: one leads the modeling, one the operations, neither proposed it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

GATES = ("sound", "enough", "brier", "slope", "smoke", "too good", "challenger", "fresh")
SIGNED_AWAY = "too good"  # the gate that a person's signed reason opens
ROLES = ("modeling lead", "ops lead")  # groups; being an administrator is no such role


class State(StrEnum):
    """Where a proposal stands."""

    OPEN = "OPEN"
    PROMOTED = "PROMOTED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"


class Verdict(StrEnum):
    """What a person says of a proposal."""

    APPROVE = "APPROVE"
    REJECT = "REJECT"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signs in: their name, whether they still may, and the groups they are in."""

    name: str
    is_active: bool
    groups: frozenset[str]

    @property
    def actor(self) -> str:
        """Return how the audit names this person."""
        return f"user:{self.name}"


@dataclass(frozen=True, slots=True)
class Word:
    """What one person said in one role, of exactly this evidence."""

    role: str
    person: Person
    verdict: str
    evidence: str  # its SHA-256


@dataclass(frozen=True, slots=True)
class Asked:
    """A proposal as it stands: who made it, what its evidence is, until when it waits."""

    state: str
    proposed_by: str
    evidence: str  # its SHA-256
    expires_at: datetime
    words: tuple[Word, ...] = ()


def after(state: str, then: str) -> State:
    """Return the state that follows; a proposal that is closed stays so.

    >>> after("OPEN", "PROMOTED").value
    'PROMOTED'
    >>> after("REJECTED", "PROMOTED")
    Traceback (most recent call last):
    ValueError: a rejected proposal cannot become promoted

    Raises:
        ValueError: the proposal cannot go there.
    """
    before, now = State(state), State(then)
    if before is not State.OPEN or now is State.OPEN:
        raise ValueError(f"a {before.lower()} proposal cannot become {now.lower()}")
    return now


def against_speaking(
    asked: Asked, *, person: Person, role: str, seen: str, now: datetime
) -> str | None:
    """Return why this person may not approve or reject in this role, or None.

    ``seen`` is the SHA-256 of the evidence that the person looked at.
    """
    if role not in ROLES:
        return f"nobody approves as {role!r}: {' and '.join(ROLES)} do"
    if not person.is_active:
        return f"{person.name} may not sign in any more"
    if role not in person.groups:
        return f"{person.name} is no {role}"
    if person.actor == asked.proposed_by:
        return f"{person.name} proposed it: somebody else has to decide"
    if reason := against_acting(asked, now=now):
        return reason
    if seen != asked.evidence:
        return "the evidence is not what was looked at: look at the proposal again"
    for word in asked.words:
        if word.evidence != asked.evidence:
            continue
        if word.person.name == person.name:
            return f"{person.name} has spoken already, as {word.role}"
        if word.role == role:
            return f"{word.person.name} has spoken already as {role}"
    return None


def against_signing(asked: Asked, *, person: Person, now: datetime) -> str | None:
    """Return why this person may not sign that figures are not too good to be true, or None."""
    if not person.is_active:
        return f"{person.name} may not sign in any more"
    if not person.groups.intersection(ROLES):
        return f"{person.name} is neither {' nor '.join(ROLES)}"
    if person.actor == asked.proposed_by:
        return f"{person.name} proposed it: somebody else has to sign"
    return against_acting(asked, now=now)


def against_acting(asked: Asked, *, now: datetime) -> str | None:
    """Return why nothing more is done with this proposal, or None."""
    if asked.state != State.OPEN:
        return f"it is {State(asked.state).lower()}"
    if asked.expires_at <= now:
        return f"it expired on {asked.expires_at:%Y-%m-%d %H:%M} UTC: propose it again"
    return None


def missing(asked: Asked) -> tuple[str, ...]:
    """Return the roles whose approval of this very evidence is wanting.

    What somebody said who may not sign in any more, or of other evidence, counts no longer;
    nor do two words of the same person, or one of the proposer.
    """
    approved: dict[str, str] = {}
    for word in asked.words:
        counts = (
            word.evidence == asked.evidence
            and word.verdict == Verdict.APPROVE
            and word.role in ROLES
            and word.person.is_active
            and word.person.actor != asked.proposed_by
            and word.person.name not in approved.values()
        )
        if counts:
            approved.setdefault(word.role, word.person.name)
    return tuple(role for role in ROLES if role not in approved)


def blocking(gates: Mapping[str, Mapping[str, Any]], *, is_signed: bool) -> list[str]:
    """Return what stands against promotion, gate by gate; empty: nothing does.

    A gate that nobody asked is shut.  One without enough to judge by (NOT_ENOUGH) is shown to
    the approvers and blocks nothing.

    >>> shut = {"brier": {"state": "FAILED", "why": "worse than Elo"}}
    >>> blocking(shut, is_signed=False)[:3]
    ['sound: not asked', 'enough: not asked', 'brier: worse than Elo']
    """
    found = []
    for name in GATES:
        gate = gates.get(name)
        if gate is None:
            found.append(f"{name}: not asked")
        elif gate.get("state") == "FAILED":
            if name != SIGNED_AWAY:
                found.append(f"{name}: {gate.get('why', '')}")
            elif not is_signed:
                found.append(f"{name}: {gate.get('why', '')}; somebody has to sign a reason")
        elif gate.get("state") not in ("PASSED", "NOT_ENOUGH"):
            found.append(f"{name}: no answer")
    return found
