"""Searches for better parameters, and experiments on what a pipeline reads."""

from django.db import models
from django.db.models import F, Q

from models_ml.models.pipelines import Pipeline


class Search(models.Model):
    """A search for a pipeline's parameters; what it finds is a candidate, never the pipeline's."""

    class State(models.TextChoices):
        RUNNING = "RUNNING", "Under way"
        DONE = "DONE", "Done"
        CANCELLED = "CANCELLED", "Cancelled"
        FAILED = "FAILED", "Failed"

    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="searches")
    until = models.DateTimeField()  # nothing known later is seen
    seed = models.PositiveIntegerField(default=0)
    trials = models.PositiveIntegerField()
    space = models.JSONField(default=dict)
    state = models.CharField(max_length=9, choices=State.choices, default=State.RUNNING)
    began_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    best = models.JSONField(default=dict, blank=True)  # {"number", "value", "parameters"}
    run = models.UUIDField(null=True, blank=True)  # of the task
    actor = models.CharField(max_length=150)

    class Meta:
        verbose_name_plural = "searches"

    def __str__(self) -> str:
        return f"Search #{self.pk} {self.pipeline}"


class SearchTrial(models.Model):
    """One choice of parameters, trained and held against weeks it had not seen."""

    class State(models.TextChoices):
        WAITING = "WAITING", "Waiting"
        RUNNING = "RUNNING", "Under way"
        DONE = "DONE", "Done"
        PRUNED = "PRUNED", "Given up early"
        FAILED = "FAILED", "Failed"
        CANCELLED = "CANCELLED", "Cancelled"

    search = models.ForeignKey(Search, on_delete=models.CASCADE, related_name="rows")
    number = models.PositiveIntegerField()
    parameters = models.JSONField(default=dict)
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    value = models.FloatField(null=True, blank=True)  # log loss: lower is better
    intermediate = models.JSONField(default=list, blank=True)  # log loss after rounds
    run = models.UUIDField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["search", "number"], name="search_trial_once")
        ]

    def __str__(self) -> str:
        return f"Trial {self.number} of search {self.search_id}"


class Experiment(models.Model):
    """A change held against what stands, on the same folds; another person reviews it."""

    class Kind(models.TextChoices):
        FEATURES = "FEATURES", "Features"
        PARAMETERS = "PARAMETERS", "Parameters"
        STRATEGY = "STRATEGY", "Strategy"

    class State(models.TextChoices):
        PROPOSED = "PROPOSED", "Proposed"
        RUNNING = "RUNNING", "Under way"
        SCORED = "SCORED", "Scored"
        ACCEPTED = "ACCEPTED", "Accepted"
        REJECTED = "REJECTED", "Rejected"
        SWITCHED_OFF = "SWITCHED_OFF", "Switched off"

    name = models.CharField(max_length=120)
    hypothesis = models.TextField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    pipeline = models.ForeignKey(
        Pipeline, null=True, blank=True, on_delete=models.PROTECT, related_name="experiments"
    )
    incumbent = models.JSONField(default=dict)
    candidate = models.JSONField(default=dict)
    minimum_n = models.PositiveIntegerField(default=100)
    state = models.CharField(max_length=12, choices=State.choices, default=State.PROPOSED)
    figures = models.JSONField(default=dict, blank=True)
    proposed_by = models.CharField(max_length=150)
    proposed_at = models.DateTimeField()
    began_at = models.DateTimeField(null=True, blank=True)
    scored_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.CharField(max_length=150, blank=True, default="")
    reviewed_at = models.DateTimeField(null=True, blank=True)
    review = models.CharField(max_length=250, blank=True, default="")
    switched_off_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(reviewed_by=F("proposed_by")),
                name="experiment_is_reviewed_by_another",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["ACCEPTED", "REJECTED", "SWITCHED_OFF"])
                | ~Q(reviewed_by=""),
                name="experiment_is_decided_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.name
