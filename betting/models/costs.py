"""What it costs to bet on paper at a book, as an operator set it: the rows of ``domain.costs``."""

from decimal import Decimal

from django.db import models
from django.db.models import Q

from markets.models import Book


class CostModel(models.Model):
    """A book's depth, speed and refusals for paper bets and replays; off until it is switched on.

    Without one a paper bet is taken whole and at once at the price shown.  Amounts are in the
    bankroll's currency, shares lie in [0, 1].
    """

    book = models.OneToOneField(Book, on_delete=models.PROTECT, related_name="cost_model")
    is_enabled = models.BooleanField(default=False)
    seed = models.PositiveIntegerField(default=1)
    latency_ms = models.PositiveIntegerField(default=0)  # mean
    delay_ms = models.PositiveIntegerField(default=0)  # of every bet
    rejection = models.FloatField(default=0.0)
    slippage = models.FloatField(default=0.0)  # of price - 1, in the mean
    spread = models.FloatField(default=0.0)  # its standard deviation
    depth = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal("10000.00"))
    queue = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal("0.00"))
    flow_per_minute = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal("0.00"))
    patience_seconds = models.PositiveIntegerField(default=0)  # 0: what is left over lapses
    commission = models.FloatField(default=0.0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(rejection__gte=0, rejection__lte=1),
                name="cost_rejection_is_a_share",
                violation_error_message="rejection must be from 0 to 1",
            ),
            models.CheckConstraint(
                condition=Q(slippage__gt=-1, slippage__lt=1, spread__gte=0, spread__lt=1),
                name="cost_slippage_is_a_share",
                violation_error_message="slippage and spread must be below 1, spread not below 0",
            ),
            models.CheckConstraint(
                condition=Q(depth__gte=0, queue__gte=0, flow_per_minute__gte=0),
                name="cost_money_not_negative",
                violation_error_message="depth, queue and flow_per_minute must not be negative",
            ),
            models.CheckConstraint(
                condition=Q(commission__gte=0, commission__lt=1),
                name="cost_commission_is_a_share",
                violation_error_message="commission must be at least 0 and below 1",
            ),
            models.CheckConstraint(
                condition=Q(latency_ms__lte=60_000, delay_ms__lte=60_000)
                & Q(patience_seconds__lte=604_800),
                name="cost_times_are_short",
                violation_error_message="latency_ms and delay_ms are at most a minute each,"
                " patience_seconds a week",
            ),
        ]

    def __str__(self) -> str:
        return f"costs at {self.book}"


class PaperOrder(models.Model):
    """What the paper venue remembers of an order: its side of the story, asked by reference."""

    client_ref = models.CharField(max_length=32, unique=True)
    state = models.CharField(max_length=10)  # ACCEPTED, REJECTED, CANCELLED
    reason = models.CharField(max_length=250, blank=True)
    fill = models.JSONField(null=True, blank=True)  # by a cost model; null: whole and at once
    price = models.DecimalField(max_digits=9, decimal_places=3)
    stake = models.DecimalField(max_digits=12, decimal_places=2)
    received_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.client_ref} {self.state}"
