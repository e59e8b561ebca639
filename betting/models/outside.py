"""Orders that stand on our account at a venue and that we did not send."""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from markets.models import Selection


class OutsideOrderQuerySet(models.QuerySet["OutsideOrder"]):
    def loose(self) -> "OutsideOrderQuerySet":
        """Orders that stand, and that no bet of ours counts."""
        return self.filter(bet=None, ended_at=None)


class OutsideOrder(models.Model):
    """An order that somebody placed at a venue by hand or with another program.

    Once its selection and its bankroll are known it has a bet of its own, which counts and is
    settled like any other.  Until then ``at_risk`` counts against every live bankroll.
    """

    class Side(models.TextChoices):
        BACK = "BACK", "Back"
        LAY = "LAY", "Lay"

    venue = models.CharField(max_length=20)
    venue_ref = models.CharField(max_length=60)
    told_ref = models.CharField(max_length=60, blank=True)  # the other program's own, if any
    market_ref = models.CharField(max_length=80)
    runner_ref = models.CharField(max_length=40)
    side = models.CharField(max_length=4, choices=Side.choices)
    price = models.DecimalField(max_digits=9, decimal_places=3)  # asked for
    stake = models.DecimalField(max_digits=12, decimal_places=2)  # asked for
    matched_price = models.DecimalField(max_digits=9, decimal_places=3, null=True, blank=True)
    matched_stake = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal("0"))
    waits = models.BooleanField(default=False)
    at_risk = models.DecimalField(max_digits=14, decimal_places=2)  # 0 once it can lose no more
    placed_at = models.DateTimeField()
    seen_at = models.DateTimeField()  # first
    told_at = models.DateTimeField()  # last
    ended_at = models.DateTimeField(null=True, blank=True)  # no more among those that stand
    selection = models.ForeignKey(
        Selection, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    bet = models.OneToOneField(
        "betting.Bet", null=True, blank=True, on_delete=models.PROTECT, related_name="outside"
    )
    why_no_bet = models.CharField(max_length=200, blank=True)

    objects = OutsideOrderQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["venue", "venue_ref"], name="outside_order_once"),
            models.CheckConstraint(
                condition=Q(price__gt=1, stake__gt=0, at_risk__gte=0), name="outside_order_amounts"
            ),
            models.CheckConstraint(
                condition=Q(matched_stake__gte=0, matched_stake__lte=F("stake")),
                name="outside_matched_within_stake",
            ),
            models.CheckConstraint(
                condition=Q(bet__isnull=True) | Q(selection__isnull=False),
                name="outside_bet_has_its_selection",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.venue} {self.venue_ref}: {self.side} {self.stake} @ {self.price}"
