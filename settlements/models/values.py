"""What bets were worth besides their value at the close: why there is none, and hours before."""

from django.db import models
from django.db.models import Q

from betting.models import Bet


class ValueGap(models.Model):
    """Why a bet on an event that has started has no closing-line value."""

    class Reason(models.TextChoices):
        VOID = "VOID", "The event was called off"
        NO_CLOSE = "NO_CLOSE", "Nobody closed on the event"
        NOT_QUOTED = "NOT_QUOTED", "Nobody closed on this question"
        NOT_ASKED = "NOT_ASKED", "Nobody of the reference chain closed on it"
        TOO_OLD = "TOO_OLD", "The last prices were too old to be a close"
        NO_MARGIN = "NO_MARGIN", "The margin could not be taken off"
        NO_SPREAD = "NO_SPREAD", "The line moved, and the sport's spread is not known"

    bet = models.OneToOneField(Bet, on_delete=models.PROTECT, related_name="value_gap")
    reason = models.CharField(max_length=10, choices=Reason.choices)
    looked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.bet} {self.get_reason_display()}"


class ValueBefore(models.Model):
    """A bet held against the market as it was so many hours before the start.

    Hours are those of the competition's calendar: a simulated day may last minutes.  ``clv`` is
    null where nobody was known to quote the question then.  Prices were known at ``moment``.
    """

    bet = models.ForeignKey(Bet, on_delete=models.PROTECT, related_name="values_before")
    hours = models.PositiveSmallIntegerField()
    moment = models.DateTimeField()
    is_struck = models.BooleanField()  # the bet stood by then: later ones look back
    reference = models.CharField(max_length=30, blank=True, default="", db_default="")
    method = models.CharField(max_length=40, blank=True, default="", db_default="")
    line = models.DecimalField(max_digits=7, decimal_places=2, null=True, blank=True)  # if another
    price = models.DecimalField(max_digits=9, decimal_places=3, null=True, blank=True)
    probability = models.FloatField(null=True, blank=True)  # fair, of the bet's own line
    age_seconds = models.PositiveIntegerField(null=True, blank=True)
    clv = models.FloatField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "values before"
        constraints = [
            models.UniqueConstraint(fields=["bet", "hours"], name="value_before_once"),
            models.CheckConstraint(
                condition=Q(clv__isnull=True, probability__isnull=True, reference="")
                | Q(
                    clv__isnull=False, price__isnull=False, age_seconds__isnull=False,
                    probability__gt=0, probability__lt=1,
                )
                & ~Q(reference=""),
                name="value_before_whole_or_none",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"#{self.bet_id} {self.hours} h before"
