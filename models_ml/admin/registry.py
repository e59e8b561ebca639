"""Who may serve, who asked and who approved, and which version served when."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from models_ml.admin import evidence
from models_ml.admin.shown import Shown
from models_ml.admin.versions import PromoteForm
from models_ml.domain import proposals
from models_ml.models import (
    Approval,
    Proposal,
    ServiceFigure,
    ServingPeriod,
    VersionClv,
)
from models_ml.services import approving, promoting, proposing
from monitoring.desk import chips, columns, sections
from monitoring.desk.actions import Action, Asked, Done, ReasonForm
from monitoring.desk.filters import StartingFilter


class WordForm(ReasonForm):
    """In which role somebody speaks, and of which evidence."""

    role = forms.ChoiceField(
        choices=[(role, role.capitalize()) for role in proposals.ROLES],
        widget=UnfoldAdminSelectWidget(),
    )
    seen = forms.CharField(max_length=64, widget=forms.HiddenInput())
    field_order = ("role", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if len(self.rows) == 1:
            self.fields["seen"].initial = self.rows[0].evidence_sha256  # type: ignore[attr-defined]


def _said(asked: Asked) -> dict[str, Any]:
    return {
        "proposal_id": asked.row.pk,
        "role": asked.values["role"],
        "user_id": asked.user.pk,
        "evidence_sha256": asked.values["seen"],
        "actor": asked.actor,
        "now": asked.now,
        "comment": asked.reason,
    }


def approve(asked: Asked) -> Done:
    approving.approve(**_said(asked))
    return Done(f"Approved as {asked.values['role']}.")


def reject(asked: Asked) -> Done:
    approving.reject(**_said(asked))
    return Done(f"{asked.row} is rejected.")


def sign(asked: Asked) -> Done:
    approving.sign_too_good(
        proposal_id=asked.row.pk,
        user_id=asked.user.pk,
        reason=asked.reason,
        actor=asked.actor,
        now=asked.now,
    )
    return Done("Signed: its figures are not too good to be true.")


def weigh_again(asked: Asked) -> Done:
    proposing.weigh_again(proposal_id=asked.row.pk, actor=asked.actor, now=asked.now)
    return Done("Weighed anew: who approved the old evidence has to look again.")


def withdraw(asked: Asked) -> Done:
    proposing.withdraw(
        proposal_id=asked.row.pk, actor=asked.actor, reason=asked.reason, now=asked.now
    )
    return Done(f"{asked.row} is withdrawn.")


def promote(asked: Asked) -> Done:
    version = promoting.promote(
        version_id=asked.row.version_id,
        actor=asked.actor,
        reason=asked.reason,
        now=asked.now,
        override=asked.values["override"],
    )
    return Done(f"{version} serves from now on.")


def _is_open(row: Proposal) -> bool:
    return row.state == Proposal.State.OPEN


def _is_too_good(row: Proposal) -> bool:
    gate = row.gates.get(proposals.SIGNED_AWAY, {})
    return _is_open(row) and gate.get("state") == "FAILED" and not row.too_good_signed_by


def _action(
    name: str, title: str, consequence: str, act: Callable[[Asked], Done], icon: str, **fields: Any
) -> Action:
    defaults = {"permission": "models_ml.change_proposal", "valid": _is_open}
    invalid = "{row} is closed."
    return Action(
        name=name,
        title=title,
        consequence=consequence,
        act=act,
        icon=icon,
        **{"invalid": invalid, **defaults, **fields},
    )


DECISIONS = (
    _action(
        "approve",
        "Approve",
        "You say, in one role, that this version may serve on this evidence. It serves once both"
        " leads have said so and somebody promotes it. What you say cannot be taken back.",
        approve,
        "thumb_up",
        permission="models_ml.add_approval",
        form=WordForm,
    ),
    _action(
        "reject",
        "Reject",
        "The proposal is closed and this version does not serve.",
        reject,
        "thumb_down",
        permission="models_ml.add_approval",
        form=WordForm,
        is_dangerous=True,
    ),
    _action(
        "sign",
        "Sign: not too good",
        "You vouch that figures which beat the close by far are true, and why.",
        sign,
        "draw",
        valid=_is_too_good,
        invalid="{row} has nothing to sign.",
        is_dangerous=True,
    ),
    _action(
        "weigh",
        "Weigh anew",
        "The evidence is made anew from what is known now. Approvals of the old count no more.",
        weigh_again,
        "balance",
    ),
    _action("withdraw", "Withdraw", "The proposal is closed undecided.", withdraw, "undo"),
    _action(
        "promote",
        "Promote",
        "The version serves every prediction of its pipeline from now on, and strategies bet on"
        " what it says. The version that serves now stays ready for a rollback.",
        promote,
        "rocket_launch",
        form=PromoteForm,
        is_dangerous=True,
    ),
)


class ProposalsToSee(StartingFilter):
    title = "show"
    options = {"open": ("Open", lambda now: Q(state="OPEN"))}


def _place(name: str) -> int:
    """Return where a gate stands: as they are asked, those nobody knows last."""
    return proposals.GATES.index(name) if name in proposals.GATES else len(proposals.GATES)


def _told(facts: sections.Facts) -> list[tuple[str, object]]:
    """Return those facts that there are: most of a proposal is told by its end alone."""
    return [(label, value) for label, value in facts.items if value not in (None, "")]


@admin.register(Proposal)
class ProposalAdmin(Shown):
    list_display = ("number", "version", "state_chip", "proposed_by", "proposed", "reason")
    list_filter = (ProposalsToSee, ("version__pipeline", RelatedDropdownFilter))
    list_select_related = ("version__pipeline",)
    search_fields = ("version__pipeline__code", "proposed_by", "reason")
    ordering = ("-pk",)
    detail_related = ("version__pipeline",)
    empty_text = "Nobody asks that a version may serve."
    desk_actions = DECISIONS

    number = columns.number("Proposal")
    proposed = columns.moment("proposed_at", "Proposed")

    @display(description="State", ordering="state")
    def state_chip(self, row: Proposal) -> str:
        """Show its state; an open one waits for people and is no incident."""
        text = row.get_state_display()
        if _is_open(row):
            return chips.chip(text, "wait", "hourglass_top")
        return chips.state(row.state, text)

    def badges(self, row: Proposal) -> list[Any]:
        return [self.state_chip(row)]

    def parts(self, request: HttpRequest, row: Proposal) -> list[sections.Section]:
        words = [
            (said.get_verdict_display(), said.role, str(said.user), said.at, said.comment)
            for said in row.approvals.select_related("user").order_by("at")
        ]
        headers = ("Verdict", "Role", "Person", "When", "Comment")
        gates = [
            (name, chips.state(row.gates[name]["state"]), row.gates[name]["why"])
            for name in sorted(row.gates, key=_place)
        ]
        empty = "Nobody has said anything yet."
        return [
            sections.Table("Gates", ("Gate", "State", "Why"), gates, empty="No gate was asked."),
            sections.Table("Approvals", headers, words, empty=empty),
            sections.Facts("Facts", _told(self.all_facts(row))),
            *evidence.of(row),
        ]


@admin.register(Approval)
class ApprovalAdmin(Shown):
    list_display = ("proposal", "role", "user", "verdict_chip", "when", "comment")
    list_filter = (("verdict", ChoicesDropdownFilter), ("role", ChoicesDropdownFilter))
    list_select_related = ("proposal__version__pipeline", "user")
    search_fields = ("user__username", "comment")
    ordering = ("-pk",)
    detail_related = ("proposal__version__pipeline", "user")
    empty_text = "Nobody has approved or rejected anything yet."

    verdict_chip = columns.state("verdict", "Verdict")
    when = columns.moment("at", "When")


@admin.register(ServingPeriod)
class ServingPeriodAdmin(Shown):
    list_display = ("pipeline", "version", "how_chip", "since_", "until_", "actor", "reason")
    list_filter = (("pipeline", RelatedDropdownFilter), ("how", ChoicesDropdownFilter))
    list_select_related = ("pipeline", "version__pipeline")
    search_fields = ("pipeline__code", "actor", "reason")
    ordering = ("-since", "-pk")
    detail_related = ("pipeline", "version__pipeline", "proposal__version__pipeline")
    empty_text = "No version has served yet."

    how_chip = columns.state("how", "How")
    since_ = columns.moment("since", "Since")
    until_ = columns.moment("until", "Until")


@admin.register(VersionClv)
class VersionClvAdmin(Shown):
    list_display = ("version", "n", "value", "interval", "known")
    list_filter = (("version__pipeline", RelatedDropdownFilter),)
    list_select_related = ("version__pipeline",)
    search_fields = ("version__pipeline__code",)
    ordering = ("-as_of", "-pk")
    detail_related = ("version__pipeline",)
    empty_text = "No bet of a version has a close to be held against yet."

    known = columns.moment("as_of", "As of")

    @display(description="Mean", ordering="mean")
    def value(self, row: VersionClv) -> str:
        return chips.percent(row.mean, signed=True, places=2)

    @display(description="95 % interval")
    def interval(self, row: VersionClv) -> str:
        return f"{row.low:+.2%} to {row.high:+.2%}"


@admin.register(ServiceFigure)
class ServiceFigureAdmin(Shown):
    list_display = ("process", "calls", "hits", "misses", "kept", "told")
    search_fields = ("process",)
    ordering = ("-at",)
    figures = (("buckets", "Answers within so many seconds"),)
    empty_text = "No process has foretold anything yet."

    told = columns.moment("at", "Told")

    @display(description="From what was kept")
    def kept(self, row: ServiceFigure) -> str:
        asked = row.hits + row.misses
        return chips.percent(row.hits / asked if asked else None)
