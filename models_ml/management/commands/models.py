from argparse import SUPPRESS, ArgumentParser
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from models_ml import queries
from models_ml.domain import proposals
from models_ml.management.moments import moment
from models_ml.management.people import signed_in
from models_ml.models import ModelVersion, Proposal
from models_ml.services import approving, hygiene, pipelines, promoting, proposing, training
from monitoring.commands import ProductCommand

APPROVE, PROPOSE = "models_ml.add_approval", "models_ml.add_proposal"
CHANGE = "models_ml.change_proposal"
# What each action takes beside --reason: names of positions, then of options.
ACTIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "list": ("versions, newest first", ()),
    "proposals": ("open proposals with their gates, and what they wait for", ()),
    "propose": ("ask that a candidate may serve", ("pipeline", "number")),
    "approve": ("approve a proposal, as who your token says you are", ("proposal",)),
    "reject": ("reject a proposal", ("proposal",)),
    "sign": ("sign why figures too good to be true are true", ("proposal",)),
    "weigh": ("weigh a proposal's evidence anew; approvals are void then", ("proposal",)),
    "withdraw": ("close a proposal undecided", ("proposal",)),
    "promote": ("put a version into production", ("pipeline", "number")),
    "rollback": ("put the previous version back", ("pipeline",)),
    "served": ("which version served a pipeline", ("pipeline",)),
    "hygiene": ("put away what the policies let go", ()),
}
WITH_REASON = ("propose", "sign", "withdraw", "promote", "rollback")


class Command(ProductCommand):
    help = "List model versions, propose, approve and promote one, roll back, tell what served."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        for name, (told, positions) in ACTIONS.items():
            action = actions.add_parser(name, help=told)
            for position in positions:
                action.add_argument(position, type=str if position == "pipeline" else int)
            if name in WITH_REASON:
                action.add_argument("--reason", required=True)
            if name in ("approve", "reject"):
                action.add_argument("--role", required=True, choices=proposals.ROLES)
                action.add_argument("--evidence", required=True, help="SHA-256 you looked at")
                action.add_argument("--comment", default="", required=name == "reject")
            if name in ("list", "proposals"):
                action.add_argument("--pipeline", default="")
            action.add_argument("--output", choices=["table", "json"], default=SUPPRESS)
            if name == "promote":
                action.add_argument("--override", default="", help="why outside the window")
            if name == "hygiene":
                action.add_argument("--dry-run", action="store_true", help="only tell")
            if name == "served":
                action.add_argument("--at", type=moment, default=None)

    def report(self, **options: Any) -> dict[str, Any]:
        return getattr(self, f"_{options.pop('action')}")(now=timezone.now(), **options)

    def _list(self, *, pipeline: str, **_: Any) -> dict[str, Any]:
        chosen = pipelines.chosen(name=pipeline)[0] if pipeline else None
        rows = queries.versions(pipeline=chosen)
        return {"versions": [training.summary(version=version) for version in rows]}

    def _proposals(self, *, pipeline: str, **_: Any) -> dict[str, Any]:
        rows = Proposal.objects.filter(state=Proposal.State.OPEN).select_related(
            "version__pipeline"
        )
        if pipeline:
            rows = rows.filter(version__pipeline=pipelines.chosen(name=pipeline)[0])
        return {"proposals": [_summary(row) for row in rows.order_by("pk")]}

    def _propose(
        self, *, pipeline: str, number: int, reason: str, now: datetime, **_: Any
    ) -> dict[str, Any]:
        version = self._version(pipeline, number)
        user, actor = signed_in(permission=PROPOSE)
        return _summary(
            proposing.propose(
                version_id=version.pk, actor=actor, reason=reason, now=now, user_id=user.pk
            )
        )

    def _approve(self, **said: Any) -> dict[str, Any]:
        return self._speak(approving.approve, **said)

    def _reject(self, **said: Any) -> dict[str, Any]:
        return self._speak(approving.reject, **said)

    def _speak(
        self, say: Any, *, proposal: int, role: str, evidence: str, comment: str, **said: Any
    ) -> dict[str, Any]:
        user, actor = signed_in(permission=APPROVE)
        say(
            proposal_id=proposal,
            role=role,
            user_id=user.pk,
            evidence_sha256=evidence,
            actor=actor,
            now=said["now"],
            comment=comment,
        )
        return self._as_it_stands(proposal)

    def _sign(self, *, proposal: int, reason: str, now: datetime, **_: Any) -> dict[str, Any]:
        user, actor = signed_in(permission=CHANGE)
        approving.sign_too_good(
            proposal_id=proposal, user_id=user.pk, reason=reason, actor=actor, now=now
        )
        return self._as_it_stands(proposal)

    def _weigh(self, *, proposal: int, now: datetime, **_: Any) -> dict[str, Any]:
        return _summary(proposing.weigh_again(proposal_id=proposal, actor=self.actor, now=now))

    def _withdraw(self, *, proposal: int, reason: str, now: datetime, **_: Any) -> dict[str, Any]:
        return _summary(
            proposing.withdraw(proposal_id=proposal, actor=self.actor, reason=reason, now=now)
        )

    def _promote(
        self, *, pipeline: str, number: int, reason: str, override: str, now: datetime, **_: Any
    ) -> dict[str, Any]:
        version = promoting.promote(
            version_id=self._version(pipeline, number).pk,
            actor=self.actor,
            reason=reason,
            now=now,
            override=override,
        )
        return {"serving": training.summary(version=version)}

    def _rollback(self, *, pipeline: str, reason: str, now: datetime, **_: Any) -> dict[str, Any]:
        row = pipelines.chosen(name=pipeline)[0]
        version = promoting.rollback(pipeline_id=row.pk, actor=self.actor, reason=reason, now=now)
        return {"serving": training.summary(version=version)}

    def _served(
        self, *, pipeline: str, at: datetime | None, now: datetime, **_: Any
    ) -> dict[str, Any]:
        row, asked = pipelines.chosen(name=pipeline)[0], at or now
        period = queries.served_at(pipeline=row, at=asked)
        found: dict[str, Any] = {"pipeline": row.code, "at": asked.isoformat(), "number": None}
        if period is not None:
            found.update(
                number=period.version.number,
                since=period.since.isoformat(),
                until=period.until.isoformat() if period.until else None,
                how=period.how,
                actor=period.actor,
                reason=period.reason,
                proposal=period.proposal_id,
            )
        return found

    def _hygiene(self, *, dry_run: bool, now: datetime, **_: Any) -> dict[str, Any]:
        swept = hygiene.sweep(now=now, actor=self.actor, is_dry_run=dry_run)
        return swept.told()

    def _version(self, pipeline: str, number: int) -> ModelVersion:
        row = pipelines.chosen(name=pipeline)[0]
        found = row.versions.filter(number=number).first()
        if found is None:
            raise promoting.PromotionRefused(f"{pipeline} has no version {number}")
        return found

    def _as_it_stands(self, number: int) -> dict[str, Any]:
        rows = Proposal.objects.select_related("version__pipeline")
        return _summary(rows.get(pk=number))


def _summary(row: Proposal) -> dict[str, Any]:
    """Return a proposal as people ask for it: its gates, and what stands against promotion."""
    signed = bool(row.too_good_signed_by)
    return {
        "proposal": row.pk,
        "version": str(row.version),
        "state": row.state,
        "proposed_by": row.proposed_by,
        "proposed_at": row.proposed_at.isoformat(),
        "evidence_sha256": row.evidence_sha256,
        "gates": {name: gate["state"] for name, gate in row.gates.items()},
        "shut": proposals.blocking(row.gates, is_signed=signed),
        "awaits": list(proposals.missing(approving.asked(proposal=row))),
    }
