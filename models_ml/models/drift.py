"""Whether a model still fits the world: reports, rules that change, decisions, evaluations."""

from django.db import models
from django.db.models import F, Q

from markets.models import Sport
from models_ml.models.pipelines import Pipeline
from models_ml.models.versions import ModelVersion
from monitoring.models import APPEND_ONLY


class DriftReference(models.Model):
    """What the world looked like when a version learned, and how good it then was.

    Kept beside the version, which is read every few seconds and needs none of it.
    """

    version = models.OneToOneField(
        ModelVersion, on_delete=models.CASCADE, related_name="drift_reference"
    )
    figures = models.JSONField()  # deciles of each feature and what lay between them
    since = models.DateTimeField()  # of the rows it is made from
    until = models.DateTimeField()
    n = models.PositiveIntegerField()
    market_kind = models.CharField(max_length=20, default="", db_default="")  # scored on it
    briers = models.JSONField(default=list)  # of each row of the test part
    gap_n = models.PositiveIntegerField(default=0)  # rows of it with a market
    gap_mean = models.FloatField(default=0.0)  # log loss of the version less the market's
    gap_sigma = models.FloatField(default=0.0)  # of one row

    def __str__(self) -> str:
        return f"Reference of {self.version}"


class DriftReport(models.Model):
    """What a version learned on against what it sees now, feature by feature."""

    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="drift_reports")
    version = models.ForeignKey(
        ModelVersion,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="drift_reports",
    )
    at = models.DateTimeField()
    reference_from = models.DateTimeField(null=True, blank=True)
    reference_to = models.DateTimeField(null=True, blank=True)
    current_from = models.DateTimeField(null=True, blank=True)
    current_to = models.DateTimeField(null=True, blank=True)
    n_reference = models.PositiveIntegerField(default=0)
    n_current = models.PositiveIntegerField(default=0)
    breaches = models.PositiveIntegerField(default=0)
    figures = models.JSONField(default=dict, blank=True)  # {"findings": [...], "cusum": [...], …}
    actor = models.CharField(max_length=150, default="", db_default="")

    class Meta:
        indexes = [models.Index("pipeline", F("at").desc(), name="drift_report_latest")]

    def __str__(self) -> str:
        return f"Drift of {self.pipeline} {self.at:%Y-%m-%d %H:%M}"


class DriftFeature(models.Model):
    """One feature of a drift report."""

    report = models.ForeignKey(DriftReport, on_delete=models.CASCADE, related_name="features")
    name = models.CharField(max_length=60)
    psi = models.FloatField(null=True, blank=True)  # null: too few rows to say
    null_quantile = models.FloatField(null=True, blank=True)
    threshold = models.FloatField(null=True, blank=True)
    share_missing = models.FloatField(default=0.0)
    is_breach = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["report", "name"], name="drift_feature_once")
        ]

    def __str__(self) -> str:
        return self.name


class RuleFlag(models.Model):
    """A change of a sport's rules, with the day it was announced and the days it holds."""

    sport = models.ForeignKey(Sport, on_delete=models.PROTECT, related_name="+")
    code = models.SlugField(max_length=60)  # "kickoff_2024"
    title = models.CharField(max_length=200)
    announced_at = models.DateTimeField()
    effective_from = models.DateTimeField()
    effective_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["sport", "code", "effective_from"], name="rule_flag_once"
            ),
            models.CheckConstraint(
                condition=Q(effective_until__isnull=True)
                | Q(effective_until__gt=F("effective_from")),
                name="rule_flag_ends_after_it_begins",
            ),
            models.CheckConstraint(
                condition=Q(announced_at__lte=F("effective_from")),
                name="rule_flag_is_announced_before_it_holds",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sport}: {self.title}"


class RetrainDecision(models.Model):
    """Whether a pipeline was to be trained anew, and every number that said so or did not."""

    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="decisions")
    at = models.DateTimeField()
    fired = models.BooleanField()
    reasons = models.JSONField(default=list)  # [{"rule", "value", "threshold", "n", "fired"}, …]
    report = models.ForeignKey(
        DriftReport, null=True, blank=True, on_delete=models.PROTECT, related_name="decisions"
    )
    version = models.ForeignKey(  # the one that was judged
        ModelVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="decisions"
    )
    run = models.UUIDField(null=True, blank=True)  # that trains because of it
    actor = models.CharField(max_length=150)

    class Meta:
        indexes = [models.Index("pipeline", F("at").desc(), name="retrain_decision_latest")]
        triggers = APPEND_ONLY

    def __str__(self) -> str:
        return f"{self.pipeline}: {'train anew' if self.fired else 'nothing to do'}"


class Evaluation(models.Model):
    """How good a version, or a pipeline trained step by step, was over a span of time."""

    class Kind(models.TextChoices):
        EVALUATE = "EVALUATE", "Evaluation"
        WALK_FORWARD = "WALK_FORWARD", "Walk-forward"
        RECENT = "RECENT", "Live predictions"
        RERUN = "RERUN", "Rerun"

    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="evaluations")
    version = models.ForeignKey(
        ModelVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="evaluations"
    )
    kind = models.CharField(max_length=12, choices=Kind.choices)
    since = models.DateTimeField()
    until = models.DateTimeField()
    at = models.DateTimeField()
    n = models.PositiveIntegerField()
    figures = models.JSONField(default=dict)
    actor = models.CharField(max_length=150)

    class Meta:
        indexes = [models.Index("pipeline", "kind", F("at").desc(), name="evaluation_latest")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.version or self.pipeline}"
