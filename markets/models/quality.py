"""What is wrong with the data that was stored."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from markets.models.events import Event
from markets.models.markets import Market
from markets.models.names import Season
from markets.models.prices import Book
from markets.models.sources import Source


class QualityFinding(models.Model):
    """A flaw in the data: open as long as a look still sees it.

    Who knows why it is there may dismiss it, until a day or for as long as it stands: it stays
    open, and nobody is told of it.
    """

    kind = models.CharField(max_length=40)  # "stale-price"
    source = models.ForeignKey(
        Source, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    season = models.ForeignKey(
        Season, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    event = models.ForeignKey(
        Event, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    market = models.ForeignKey(
        Market, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    book = models.ForeignKey(
        Book, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    subject = models.CharField(max_length=120)  # "markets.Event:42"
    detail = models.CharField(max_length=500)
    value = models.FloatField(null=True, blank=True)
    n = models.PositiveIntegerField(default=1)
    found_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    dismissed_at = models.DateTimeField(null=True, blank=True)
    dismissed_until = models.DateTimeField(null=True, blank=True)  # null: while it stands
    dismissed_by = models.CharField(max_length=150, blank=True, default="", db_default="")
    dismissed_reason = models.CharField(max_length=250, blank=True, default="", db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"],
                name="finding_open_once",
                condition=Q(resolved_at__isnull=True),
            ),
            models.CheckConstraint(
                condition=(Q(dismissed_at__isnull=True) & Q(dismissed_until__isnull=True))
                | (Q(dismissed_at__isnull=False) & ~Q(dismissed_reason="")),
                name="finding_dismissed_with_a_reason",
            ),
        ]
        indexes = [models.Index(fields=["kind", "-found_at"], name="finding_by_kind")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}"

    def is_dismissed(self, *, now: datetime) -> bool:
        """Say whether nobody is to be told of it now."""
        return self.dismissed_at is not None and (
            self.dismissed_until is None or self.dismissed_until > now
        )
