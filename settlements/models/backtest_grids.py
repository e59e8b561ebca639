"""Grids of backtests: every choice of some numbers of a plan, over one history."""

from django.db import models
from django.db.models import Q

from betting.models import Strategy


class BacktestGrid(models.Model):
    """A plan tried with every choice of some of its numbers; the best is judged as one of many.

    What it was begun with is kept, so that it can be gone on with and comes out the same.
    """

    class State(models.TextChoices):
        RUNNING = "RUNNING", "Under way"
        DONE = "DONE", "Done"
        FAILED = "FAILED", "Failed"
        CANCELLED = "CANCELLED", "Cancelled"

    name = models.CharField(max_length=80, blank=True, default="")
    strategy = models.ForeignKey(
        Strategy, null=True, blank=True, on_delete=models.SET_NULL, related_name="backtest_grids"
    )
    source = models.CharField(max_length=100)
    spec = models.JSONField()  # as of a backtest
    axes = models.JSONField()  # {"min_edge": [0.01, 0.02]}
    walk = models.JSONField(default=dict, blank=True)  # {"days", "look_back", "measure"}
    seed = models.PositiveIntegerField(default=0)
    as_of = models.DateTimeField()  # nothing known later is seen
    code_version = models.CharField(max_length=64)
    state = models.CharField(max_length=9, choices=State.choices, default=State.RUNNING)
    why = models.CharField(max_length=500, blank=True, default="")
    figures = models.JSONField(default=dict, blank=True)
    actor = models.CharField(max_length=150)
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="RUNNING", finished_at__isnull=True)
                | (~Q(state="RUNNING") & Q(finished_at__isnull=False)),
                name="backtest_grid_is_finished_or_under_way",
            )
        ]
        indexes = [models.Index(models.F("asked_at").desc(), name="backtest_grid_latest")]

    def __str__(self) -> str:
        return f"Grid #{self.pk}" + (f" {self.name}" if self.name else "")


class BacktestCell(models.Model):
    """One choice of a grid, and what it came to; ``days`` are betting days with their profit."""

    class State(models.TextChoices):
        WAITING = "WAITING", "Waiting"
        DONE = "DONE", "Done"

    grid = models.ForeignKey(BacktestGrid, on_delete=models.CASCADE, related_name="cells")
    number = models.PositiveIntegerField()
    part = models.PositiveIntegerField()  # cells of one part are reckoned by one run
    changes = models.JSONField()
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    figures = models.JSONField(default=dict, blank=True)
    days = models.BinaryField(null=True, blank=True)
    run = models.UUIDField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["grid", "number"], name="backtest_cell_once"),
            models.CheckConstraint(
                condition=~Q(state="DONE") | Q(days__isnull=False),
                name="backtest_cell_done_has_its_days",
            ),
        ]

    def __str__(self) -> str:
        return f"Cell {self.number} of grid {self.grid_id}"
