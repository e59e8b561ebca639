from decimal import Decimal

from django.db import models
from django.db.models import Q

from betting.models.strategies import Strategy
from markets.models import Book, Selection
from models_ml.models import Prediction


class Decision(models.Model):
    """What a strategy made of a prediction: a bet, or the first reason why not.

    ``chain`` keeps each number on the way: price per book, edge, Kelly share, every cut.
    """

    class Verdict(models.TextChoices):
        BET = "BET", "Bet"
        PASS = "PASS", "Pass"

    strategy = models.ForeignKey(Strategy, on_delete=models.PROTECT, related_name="decisions")
    prediction = models.ForeignKey(Prediction, on_delete=models.PROTECT, related_name="decisions")
    selection = models.ForeignKey(Selection, on_delete=models.PROTECT, related_name="+")
    book = models.ForeignKey(Book, null=True, blank=True, on_delete=models.PROTECT)
    verdict = models.CharField(max_length=4, choices=Verdict.choices)
    reason = models.CharField(max_length=40)  # "EDGE_TOO_SMALL"; "" never
    probability = models.FloatField()
    price = models.DecimalField(max_digits=9, decimal_places=3, null=True, blank=True)
    edge = models.FloatField(null=True, blank=True)
    stake = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal("0"))
    chain = models.JSONField(default=dict)
    decided_at = models.DateTimeField()
    refusal = models.CharField(max_length=40, blank=True)  # why placing refused it last

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["strategy", "prediction"], name="decision_once"),
            models.CheckConstraint(
                condition=Q(verdict="BET", stake__gt=0, price__gt=1, book__isnull=False)
                | Q(verdict="PASS", stake=0),
                name="decision_stakes_exactly_when_it_bets",
            ),
        ]
        indexes = [models.Index(fields=["-decided_at"], name="decision_latest")]

    def __str__(self) -> str:
        return f"#{self.pk} {self.verdict} {self.reason}"
