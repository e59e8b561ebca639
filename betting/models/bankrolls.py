from decimal import Decimal

from django.db import models
from django.db.models import Q

from models_ml.models import Replay


class Bankroll(models.Model):
    """Settled cash that stakes are drawn from.

    Locked by whoever places a bet, so two workers cannot stake the same money.
    ``balance`` is moved by ``bankrolls.apply_movements`` alone, and only settlements' ledger
    calls that.  A betting day ends at midnight in ``time_zone``; simulated days are as short as
    their league is fast.
    """

    class Kind(models.TextChoices):
        LIVE = "LIVE", "Live"
        PAPER = "PAPER", "Paper"
        REPLAY = "REPLAY", "Replay"

    name = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=6, choices=Kind.choices, default=Kind.PAPER)
    replay = models.OneToOneField(
        Replay, null=True, blank=True, on_delete=models.PROTECT, related_name="bankroll"
    )
    is_simulated = models.BooleanField(default=False)
    currency = models.CharField(max_length=3, default="EUR")
    time_zone = models.CharField(max_length=64, default="UTC")
    balance = models.DecimalField(max_digits=14, decimal_places=2, default=Decimal("0"))
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="REPLAY", replay__isnull=False)
                | (~Q(kind="REPLAY") & Q(replay__isnull=True)),
                name="bankroll_replay_kind_exactly_in_a_replay",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} (SIMULATED)" if self.is_simulated else self.name
