"""Which strategies bet on paper beside their live bets."""

from django.db import models


class PaperTwin(models.Model):
    """Each live ticket of a strategy is also sent on paper, in a bankroll that holds no money."""

    strategy = models.OneToOneField(
        "betting.Strategy", on_delete=models.PROTECT, related_name="paper_twin"
    )
    bankroll = models.ForeignKey("betting.Bankroll", on_delete=models.PROTECT, related_name="+")
    is_enabled = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"{self.strategy} on paper in {self.bankroll}"
