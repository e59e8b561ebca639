from django.db import models
from django.db.models import Q

from markets.models.catalogue import Event
from markets.models.sources import Source
from monitoring.models import APPEND_ONLY


class Result(models.Model):
    """What happened on the field, as one source told it.  A correction is a new version.

    A fact about the event, not about any bet: who wins a bet by it is for settlements to say.
    """

    class Status(models.TextChoices):
        FINAL = "FINAL", "Final"
        ABANDONED = "ABANDONED", "Abandoned"
        POSTPONED = "POSTPONED", "Postponed"
        CANCELLED = "CANCELLED", "Cancelled"

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="results")
    version = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=10, choices=Status.choices)
    home_score = models.PositiveSmallIntegerField(null=True, blank=True)
    away_score = models.PositiveSmallIntegerField(null=True, blank=True)
    home_score_half = models.PositiveSmallIntegerField(null=True, blank=True)
    away_score_half = models.PositiveSmallIntegerField(null=True, blank=True)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+")
    known_at = models.DateTimeField()  # from when on the world could know it
    recorded_at = models.DateTimeField()  # when this row was written

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "version"], name="result_version_once"),
            models.CheckConstraint(
                condition=~Q(status="FINAL")
                | Q(home_score__isnull=False, away_score__isnull=False),
                name="result_final_has_a_score",
            ),
        ]
        indexes = [
            models.Index(fields=["known_at"], name="result_known_at"),
            models.Index(fields=["event"], name="result_corrected", condition=Q(version__gt=1)),
        ]
        triggers = APPEND_ONLY

    def __str__(self) -> str:
        score = f"{self.home_score}–{self.away_score}" if self.home_score is not None else ""
        return f"{self.get_status_display()} {score} v{self.version}".replace("  ", " ")
