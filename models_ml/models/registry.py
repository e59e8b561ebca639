"""Who may serve: what a promotion must show, who approved it, and which version served when."""

import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from models_ml.models.pipelines import Pipeline
from models_ml.models.versions import ModelVersion
from monitoring.models import APPEND_ONLY


def from_tuesday_to_thursday() -> list[int]:
    """Return the default change window's days, Monday being 0."""
    return [1, 2, 3]


class PromotionPolicy(models.Model):
    """What a version must show before it serves.  Without a pipeline: the house's default."""

    pipeline = models.ForeignKey(
        Pipeline, null=True, blank=True, on_delete=models.PROTECT, related_name="policies"
    )
    weekdays = models.JSONField(default=from_tuesday_to_thursday)  # Monday is 0
    until_time = models.TimeField(default=datetime.time(18, 0))
    time_zone = models.CharField(max_length=64, default="UTC")
    slope_tolerance = models.FloatField(default=0.05)
    minimum_test_rows = models.PositiveIntegerField(default=200)
    minimum_challenger_bets = models.PositiveIntegerField(default=100)
    too_good_sigma = models.FloatField(default=3.0)
    wants_significance = models.BooleanField(default=True)
    expires_after_days = models.PositiveIntegerField(null=True, blank=True, default=62)
    proposal_expires_days = models.PositiveIntegerField(default=14)

    class Meta:
        verbose_name_plural = "promotion policies"
        constraints = [
            models.UniqueConstraint(
                fields=["pipeline"], name="promotion_policy_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=Q(slope_tolerance__gt=0, too_good_sigma__gt=0),
                name="promotion_policy_asks_something",
            ),
        ]

    def __str__(self) -> str:
        return f"Promotion of {self.pipeline}" if self.pipeline else "Promotion, by default"


class Proposal(models.Model):
    """Somebody asks that a version may serve; the evidence is what two others approve.

    ``evidence_sha256`` is of the evidence's canonical JSON: other evidence voids approvals.
    """

    class State(models.TextChoices):
        OPEN = "OPEN", "Open"
        PROMOTED = "PROMOTED", "Promoted"
        REJECTED = "REJECTED", "Rejected"
        WITHDRAWN = "WITHDRAWN", "Withdrawn"
        EXPIRED = "EXPIRED", "Expired"

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="proposals")
    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)
    evidence = models.JSONField(default=dict)
    evidence_sha256 = models.CharField(max_length=64)
    gates = models.JSONField(default=dict)  # {"brier": {"state": "PASSED", "why": "…"}, …}
    proposed_by = models.CharField(max_length=150)
    proposed_at = models.DateTimeField()
    reason = models.CharField(max_length=250)
    too_good_signed_by = models.CharField(max_length=150, blank=True, default="")
    too_good_signed_at = models.DateTimeField(null=True, blank=True)
    too_good_reason = models.CharField(max_length=250, blank=True, default="")
    window_override_by = models.CharField(max_length=150, blank=True, default="")
    window_override_reason = models.CharField(max_length=250, blank=True, default="")
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=150, blank=True, default="")
    outcome_note = models.CharField(max_length=250, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version"], condition=Q(state="OPEN"), name="proposal_open_once"
            ),
            models.CheckConstraint(
                condition=Q(state="OPEN", closed_at__isnull=True)
                | (~Q(state="OPEN") & Q(closed_at__isnull=False)),
                name="proposal_closed_knows_when",
            ),
            models.CheckConstraint(
                condition=Q(too_good_signed_by="") | ~Q(too_good_signed_by=F("proposed_by")),
                name="proposal_too_good_is_signed_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"Proposal #{self.pk} {self.version}"


class Approval(models.Model):
    """One person's word on a proposal, in one role, on exactly this evidence."""

    class Role(models.TextChoices):
        MODELING_LEAD = "modeling lead", "Modeling lead"
        OPS_LEAD = "ops lead", "Ops lead"

    class Verdict(models.TextChoices):
        APPROVE = "APPROVE", "Approved"
        REJECT = "REJECT", "Rejected"

    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="approvals")
    role = models.CharField(max_length=13, choices=Role.choices)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    verdict = models.CharField(max_length=7, choices=Verdict.choices)
    comment = models.CharField(max_length=250, blank=True)
    evidence_sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["proposal", "role", "evidence_sha256"], name="approval_role_once"
            ),
            models.UniqueConstraint(
                fields=["proposal", "user", "evidence_sha256"], name="approval_person_once"
            ),
        ]
        triggers = APPEND_ONLY

    def __str__(self) -> str:
        return f"{self.get_verdict_display()} by the {self.role}"


class ServingPeriod(models.Model):
    """A version served a pipeline from ``since`` until ``until``; open: it serves now."""

    class How(models.TextChoices):
        PROMOTED = "PROMOTED", "Promoted"
        ROLLED_BACK = "ROLLED_BACK", "Rolled back to"
        FALLBACK = "FALLBACK", "Stepped in for a damaged one"
        RESTORED = "RESTORED", "Back after repair"

    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="periods")
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="periods")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)
    how = models.CharField(max_length=11, choices=How.choices)
    proposal = models.ForeignKey(
        Proposal, null=True, blank=True, on_delete=models.PROTECT, related_name="periods"
    )
    actor = models.CharField(max_length=150)
    reason = models.CharField(max_length=250, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pipeline", "since"], name="serving_period_once"),
            models.UniqueConstraint(
                fields=["pipeline"], condition=Q(until__isnull=True), name="serving_period_one_open"
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gt=F("since")),
                name="serving_period_ends_after_it_begins",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version} since {self.since:%Y-%m-%d %H:%M}"
