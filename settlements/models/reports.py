"""Reports as they were told.

A part of ``settlements.models``, which everybody imports these from.
"""

from django.db import models
from django.db.models import Q

from monitoring.models import APPEND_ONLY


class Report(models.Model):
    """What was told of a period, once: another telling of it, after corrections, is a revision.

    ``content`` has the tables and pictures, ``html`` is the page made of them, ``digest`` is over
    the content without its time; a report that would tell the same again is not written again.
    """

    class Kind(models.TextChoices):
        DAILY = "DAILY", "Daily"
        WEEKLY = "WEEKLY", "Weekly performance"
        MONTHLY = "MONTHLY", "Monthly"
        CLV = "CLV", "Closing-line value"
        PAPER = "PAPER", "Paper trading"
        TOP = "TOP", "Best and worst bets"
        TIMING = "TIMING", "Timing"

    kind = models.CharField(max_length=8, choices=Kind.choices)
    period = models.CharField(max_length=10)  # "2026-11-21", "2026-W47", "2026-11"
    group = models.CharField(max_length=80)  # whose money: "Paper, EUR (SIMULATED)"
    revision = models.PositiveSmallIntegerField()
    first = models.DateField()
    last = models.DateField()
    as_of = models.DateTimeField()
    content = models.JSONField()
    html = models.TextField()
    digest = models.CharField(max_length=64)
    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "period", "group", "revision"], name="report_revision_once"
            ),
            models.CheckConstraint(
                condition=Q(revision__gt=0) & Q(first__lte=models.F("last")),
                name="report_is_of_a_period",
            ),
        ]
        indexes = [models.Index(fields=["-made_at"], name="report_latest")]
        triggers = APPEND_ONLY

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.period}, {self.group}, v{self.revision}"
