"""Past intervals foretold again, and what is kept for how long."""

from django.db import models
from django.db.models import F, Q

from models_ml.models.pipelines import Pipeline
from models_ml.models.versions import ModelVersion


class Rerun(models.Model):
    """A past interval foretold again by chosen versions, from what was known at the time."""

    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="reruns")
    since = models.DateTimeField()
    until = models.DateTimeField()
    stage = models.CharField(max_length=10)
    versions = models.ManyToManyField(ModelVersion, related_name="reruns")
    actor = models.CharField(max_length=150)
    began_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    figures = models.JSONField(default=dict, blank=True)
    differences = models.JSONField(default=dict, blank=True)
    file = models.CharField(max_length=200, blank=True, default="")  # every row, under the store

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(until__gt=F("since")), name="rerun_ends_after_it_begins"
            )
        ]

    def __str__(self) -> str:
        return f"Rerun #{self.pk} {self.pipeline}"


class HygienePolicy(models.Model):
    """What is kept of a pipeline's versions, predictions and rehearsals, and for how long.

    Without a pipeline: the house's default.  What serves, served, or is referred to stays.
    """

    pipeline = models.ForeignKey(
        Pipeline, null=True, blank=True, on_delete=models.PROTECT, related_name="hygiene"
    )
    keep_days = models.PositiveIntegerField(default=180)
    keep_last = models.PositiveIntegerField(default=20)
    keep_best = models.PositiveIntegerField(default=10)
    predictions_days = models.PositiveIntegerField(default=365)
    rehearsals_days = models.PositiveIntegerField(default=14)
    is_enabled = models.BooleanField(default=True)

    class Meta:
        verbose_name_plural = "hygiene policies"
        constraints = [
            models.UniqueConstraint(
                fields=["pipeline"], name="hygiene_policy_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"Hygiene of {self.pipeline}" if self.pipeline else "Hygiene, by default"
