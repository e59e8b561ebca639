"""Walk-forwards: a pipeline trained again and again, each time tried on the weeks that follow."""

from django.db import models
from django.db.models import F, Q

from models_ml.models.drift import Evaluation
from models_ml.models.pipelines import Pipeline


class WalkForward(models.Model):
    """Trainings of a pipeline at moments that follow one another; none of them is registered.

    What it was begun with is kept, so that it can be gone on with and comes out the same.
    """

    class State(models.TextChoices):
        RUNNING = "RUNNING", "Under way"
        DONE = "DONE", "Done"
        CANCELLED = "CANCELLED", "Cancelled"
        FAILED = "FAILED", "Failed"

    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="walks")
    state = models.CharField(max_length=9, choices=State.choices, default=State.RUNNING)
    since = models.DateTimeField()
    until = models.DateTimeField()  # nothing known later is seen
    step_weeks = models.PositiveSmallIntegerField()
    seed = models.PositiveIntegerField(default=0)
    parameters = models.JSONField(default=dict, blank=True)  # the pipeline's when it began
    code_version = models.CharField(max_length=64)
    evaluation = models.ForeignKey(
        Evaluation, null=True, blank=True, on_delete=models.PROTECT, related_name="walks"
    )
    why = models.CharField(max_length=250, blank=True, default="")  # why there are no figures
    actor = models.CharField(max_length=150)
    began_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "walk-forward"
        verbose_name_plural = "walk-forwards"
        constraints = [
            models.CheckConstraint(
                condition=Q(until__gt=F("since")), name="walk_ends_after_it_begins"
            ),
            models.CheckConstraint(
                condition=Q(state="RUNNING", finished_at__isnull=True)
                | (~Q(state="RUNNING") & Q(finished_at__isnull=False)),
                name="walk_is_finished_or_under_way",
            ),
        ]
        indexes = [models.Index("pipeline", F("began_at").desc(), name="walk_latest")]

    def __str__(self) -> str:
        return f"Walk-forward #{self.pk} of {self.pipeline}"


class WalkFold(models.Model):
    """One training of a walk-forward, and what it said of the weeks that followed."""

    class State(models.TextChoices):
        WAITING = "WAITING", "Waiting"
        DONE = "DONE", "Done"
        REFUSED = "REFUSED", "Refused"

    walk = models.ForeignKey(WalkForward, on_delete=models.CASCADE, related_name="folds")
    number = models.PositiveIntegerField()
    begins = models.DateTimeField()
    ends = models.DateTimeField()
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    n_learned = models.PositiveIntegerField(default=0)  # rows that were known before
    n = models.PositiveIntegerField(default=0)
    rows = models.JSONField(default=dict, blank=True)  # who said what, and what came
    why = models.CharField(max_length=250, blank=True, default="")  # it was refused
    run = models.UUIDField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "step of a walk-forward"
        verbose_name_plural = "steps of walk-forwards"
        constraints = [
            models.UniqueConstraint(fields=["walk", "number"], name="walk_fold_once"),
            models.CheckConstraint(
                condition=Q(state="WAITING", finished_at__isnull=True)
                | (~Q(state="WAITING") & Q(finished_at__isnull=False)),
                name="walk_fold_is_finished_or_waits",
            ),
        ]

    def __str__(self) -> str:
        return f"Step {self.number} of walk-forward #{self.walk_id}"
