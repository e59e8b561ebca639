"""When events are looked at: the stages of each sport, and what became of each look."""

from django.db import models
from django.db.models import Q

from markets.models import Event, Sport
from models_ml.models.pipelines import Pipeline


class Ladder(models.Model):
    """The moments before the start at which a sport's events are looked at, the last one final."""

    sport = models.ForeignKey(Sport, on_delete=models.PROTECT, related_name="+")
    is_simulated = models.BooleanField(default=False)
    stages = models.JSONField()  # [{"name": "T-24h", "minutes": 1440}, …], descending
    grace_seconds = models.PositiveIntegerField(default=60)
    horizon_hours = models.PositiveIntegerField(default=48)  # how far ahead looks are planned
    is_enabled = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sport", "is_simulated"], name="ladder_once")
        ]

    def __str__(self) -> str:
        return f"{self.sport} (SIMULATED)" if self.is_simulated else str(self.sport)


class StageLook(models.Model):
    """One stage of one event: when it is due, when it closes, and what became of it."""

    class State(models.TextChoices):
        DUE = "DUE", "Due"
        DONE = "DONE", "Done"
        LATE = "LATE", "Done late"
        MISSED = "MISSED", "Missed"
        SKIPPED = "SKIPPED", "Skipped: known too late"
        CANCELLED = "CANCELLED", "Cancelled with its event"

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="stage_looks")
    feature_set = models.CharField(max_length=30)
    stage = models.CharField(max_length=10)
    due_at = models.DateTimeField()
    closes_at = models.DateTimeField()  # the next stage, or the start
    planned_at = models.DateTimeField()
    starts_at = models.DateTimeField()  # of the event, as this look was planned from
    state = models.CharField(max_length=9, choices=State.choices, default=State.DUE)
    done_at = models.DateTimeField(null=True, blank=True)
    as_of = models.DateTimeField(null=True, blank=True)
    rows = models.PositiveIntegerField(default=0)
    why = models.CharField(max_length=120, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["event", "feature_set", "stage"], name="stage_look_once"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["DONE", "LATE"], done_at__isnull=False, as_of__isnull=False)
                | (~Q(state__in=["DONE", "LATE"]) & Q(done_at__isnull=True, as_of__isnull=True)),
                name="stage_look_done_knows_when",
            ),
        ]
        indexes = [models.Index(fields=["due_at"], name="stage_look_due", condition=Q(state="DUE"))]

    def __str__(self) -> str:
        return f"{self.feature_set} {self.stage} of event {self.event_id}"


class Rehearsal(models.Model):
    """Rows and predictions made to practise a matchday; removed again, they feed nobody."""

    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="rehearsals")
    name = models.CharField(max_length=120)
    actor = models.CharField(max_length=150)
    made_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, blank=True)
    rows = models.PositiveIntegerField(default=0)
    predictions = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"Rehearsal #{self.pk} {self.name}"
