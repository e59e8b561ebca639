"""Backtests: what was asked of history, and every bet that came of it."""

from django.db import models
from django.db.models import Q

from betting.models import Strategy


class Backtest(models.Model):
    """A strategy tried on history in memory; no bet, no money and no decision of it is real.

    ``spec`` holds everything that it was asked for, so the same one can be asked for again and
    gives the same ``digest`` while history and code stay.  ``bets`` is a Parquet file.
    """

    class State(models.TextChoices):
        WAITING = "WAITING", "Waiting"
        RUNNING = "RUNNING", "Under way"
        DONE = "DONE", "Done"
        FAILED = "FAILED", "Failed"
        CANCELLED = "CANCELLED", "Cancelled"

    LIVE = (State.WAITING, State.RUNNING)

    name = models.CharField(max_length=80, blank=True, default="")
    strategy = models.ForeignKey(  # whose numbers it began with
        Strategy, null=True, blank=True, on_delete=models.SET_NULL, related_name="backtests"
    )
    source = models.CharField(max_length=100)  # whose probabilities: "predictions:soccer-1x2"
    spec = models.JSONField()
    seed = models.PositiveIntegerField(default=0)  # of everything that is drawn
    as_of = models.DateTimeField()  # nothing known later is seen
    code_version = models.CharField(max_length=64)
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    why = models.CharField(max_length=500, blank=True, default="")  # it failed
    events = models.PositiveIntegerField(default=0)
    n_bets = models.PositiveIntegerField(default=0)
    figures = models.JSONField(default=dict, blank=True)
    account = models.JSONField(default=dict, blank=True)  # the funnel, and the nearest misses
    curve = models.JSONField(default=list, blank=True)  # money and CLV on the way
    bets = models.BinaryField(null=True, blank=True)
    digest = models.CharField(max_length=64, blank=True, default="")
    seconds = models.FloatField(null=True, blank=True)
    run = models.UUIDField(null=True, blank=True)
    actor = models.CharField(max_length=150)
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["WAITING", "RUNNING"], finished_at__isnull=True)
                | (~Q(state__in=["WAITING", "RUNNING"]) & Q(finished_at__isnull=False)),
                name="backtest_is_finished_or_under_way",
            ),
            models.CheckConstraint(
                condition=~Q(state="DONE") | (Q(bets__isnull=False) & ~Q(digest="")),
                name="backtest_done_has_its_bets",
            ),
        ]
        indexes = [models.Index(models.F("asked_at").desc(), name="backtest_latest")]

    def __str__(self) -> str:
        return f"Backtest #{self.pk}" + (f" {self.name}" if self.name else "")
