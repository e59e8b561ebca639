"""What performance is held against: each figure's bounds, by who asks for it.

A part of ``settlements.models``, which everybody imports these from.
"""

from django.db import models
from django.db.models import F, Q


class PerformanceTarget(models.Model):
    """Bounds of one figure over one window: where it is well, where it is worth a look, where bad.

    A value from ``green_low`` to ``green_high`` is on target.  Below ``amber_low`` or above
    ``amber_high`` it is worth a look, below ``red_low`` or above ``red_high`` it is bad; between
    those and the green ones it is neither.  With ``needs_interval`` a bound counts as passed only
    when the figure's 95 % interval lies beyond it.  The audit keeps what it said before.
    """

    class Figure(models.TextChoices):
        YIELD = "YIELD", "Yield"
        WIN_RATE = "WIN_RATE", "Win rate"
        CLV = "CLV", "Closing-line value"
        GROWTH = "GROWTH", "Return on bankroll"
        SHARPE = "SHARPE", "Sharpe ratio"
        SORTINO = "SORTINO", "Sortino ratio"
        MAX_DRAWDOWN = "MAX_DRAWDOWN", "Worst drawdown"
        DRAWDOWN = "DRAWDOWN", "Drawdown now"
        BETS = "BETS", "Bets"

    source = models.SlugField(max_length=40)  # who asks for it: "soccer", "points", "exchange"
    figure = models.CharField(max_length=12, choices=Figure.choices)
    window_days = models.PositiveSmallIntegerField(null=True, blank=True)  # null: all of them
    green_low = models.FloatField(null=True, blank=True)
    green_high = models.FloatField(null=True, blank=True)
    amber_low = models.FloatField(null=True, blank=True)
    amber_high = models.FloatField(null=True, blank=True)
    red_low = models.FloatField(null=True, blank=True)
    red_high = models.FloatField(null=True, blank=True)
    min_n = models.PositiveIntegerField(default=0)  # fewer tell nothing
    needs_interval = models.BooleanField(default=True)
    tells = models.BooleanField(default=True)  # opens an incident where a bound is passed
    is_enabled = models.BooleanField(default=True)
    reason = models.CharField(max_length=500)
    changed_by = models.CharField(max_length=150)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "figure", "window_days"],
                name="target_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(window_days__isnull=True)
                | Q(window_days__gte=1, window_days__lte=3660),
                name="target_window_has_days",
                violation_error_message="a window has 1 to 3660 days, or all of them",
            ),
            *(
                models.CheckConstraint(
                    condition=Q(**{f"{low}__isnull": True})
                    | Q(**{f"{high}__isnull": True})
                    | Q(**{f"{low}__lte": F(high)}),
                    name=f"target_{low}_at_most_{high}",
                    violation_error_message=f"{low} must not exceed {high}",
                )
                for low, high in (
                    ("red_low", "amber_low"), ("red_low", "green_low"), ("amber_low", "green_low"),
                    ("green_low", "green_high"), ("green_high", "amber_high"),
                    ("green_high", "red_high"), ("amber_high", "red_high"),
                )
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        days = f"{self.window_days} days" if self.window_days else "all time"
        return f"{self.source}: {self.get_figure_display()}, {days}"
