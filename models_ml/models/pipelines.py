"""Which questions are answered, and the seasons lived again."""

from django.db import models
from django.db.models import Q

from markets.models import Competition, Market, Season, Sport


class Pipeline(models.Model):
    """One question that models answer: a sport, what is foretold of it, a feature set.

    ``target`` is what the estimator foretells, ``market_kind`` which selections get its
    probabilities: the goals of a match answer its handicaps and its totals.
    """

    class Target(models.TextChoices):
        OUTCOME = "OUTCOME", "Who wins"
        MARGIN = "MARGIN", "By how much the home side wins"
        TOTAL = "TOTAL", "Points of both sides"
        GOALS = "GOALS", "Goals of each side"
        FIGURE = "FIGURE", "A player's figure"
        WINNER = "WINNER", "Which runner wins"

    code = models.SlugField(max_length=60, unique=True)  # "soccer-1x2"
    sport = models.ForeignKey(Sport, on_delete=models.PROTECT, related_name="+")
    market_kind = models.CharField(max_length=20, choices=Market.Kind.choices)
    target = models.CharField(
        max_length=8, choices=Target.choices, default=Target.OUTCOME, db_default=Target.OUTCOME
    )
    statistic = models.CharField(max_length=40, blank=True, default="", db_default="")  # "points"
    feature_set = models.CharField(max_length=30)  # "soccer_v1"
    is_simulated = models.BooleanField(default=False)  # learns from and serves simulated leagues
    is_enabled = models.BooleanField(default=True, db_default=True)
    parameters = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(Q(target="FIGURE") & ~Q(statistic=""))
                | (~Q(target="FIGURE") & Q(statistic="")),
                name="pipeline_statistic_exactly_for_figures",
            )
        ]

    def __str__(self) -> str:
        return f"{self.code} (SIMULATED)" if self.is_simulated else self.code


class Replay(models.Model):
    """A season lived again, day by day, through the live services; left out of live figures."""

    competition = models.ForeignKey(Competition, on_delete=models.PROTECT, related_name="+")
    season = models.ForeignKey(Season, on_delete=models.PROTECT, related_name="+")
    seed = models.PositiveIntegerField(default=0)
    actor = models.CharField(max_length=150)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    figures = models.JSONField(null=True, blank=True)

    def __str__(self) -> str:
        return f"Replay #{self.pk} {self.season}"
