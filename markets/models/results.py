"""What happened on the field, as it was told, corrected and disputed."""

from django.db import models
from django.db.models import Q

from markets.models.events import Event
from markets.models.names import Participant
from markets.models.sources import Source
from monitoring.models import APPEND_ONLY


class Result(models.Model):
    """What happened on the field, as one source told it.  A correction is a new version.

    A fact about the event, not about any bet: who wins a bet by it is for settlements to say.
    Scores are the final ones: sets in tennis.  ``winner`` says who won where the scores cannot.
    ``digest`` is of everything told, runners and statistics too.
    """

    class Status(models.TextChoices):
        FINAL = "FINAL", "Final"
        ABANDONED = "ABANDONED", "Abandoned"
        POSTPONED = "POSTPONED", "Postponed"
        CANCELLED = "CANCELLED", "Cancelled"
        RETIRED = "RETIRED", "Retired"
        WALKOVER = "WALKOVER", "Walkover"
        INTERRUPTED = "INTERRUPTED", "Interrupted"
        WITHDRAWN = "WITHDRAWN", "No result: an earlier version taken back"

    class Winner(models.TextChoices):
        HOME = "HOME", "Home"
        AWAY = "AWAY", "Away"
        DRAW = "DRAW", "Draw"

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="results")
    version = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=12, choices=Status.choices)
    home_score = models.PositiveSmallIntegerField(null=True, blank=True)
    away_score = models.PositiveSmallIntegerField(null=True, blank=True)
    home_score_half = models.PositiveSmallIntegerField(null=True, blank=True)
    away_score_half = models.PositiveSmallIntegerField(null=True, blank=True)
    winner = models.CharField(
        max_length=4, choices=Winner.choices, blank=True, default="", db_default=""
    )
    periods = models.JSONField(  # {"Q1": [26, 29], "OT": [0, 0]}
        blank=True, default=dict, db_default=models.Value({}, models.JSONField())
    )
    had_overtime = models.BooleanField(null=True, blank=True)
    has_runners = models.BooleanField(default=False, db_default=False)
    has_statistics = models.BooleanField(default=False, db_default=False)
    digest = models.CharField(max_length=64, blank=True, default="", db_default="")
    #: It only adds to the version before: nothing that a bet was settled by is told otherwise.
    only_adds = models.BooleanField(default=False, db_default=False)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+")
    known_at = models.DateTimeField()  # from when on the world could know it
    recorded_at = models.DateTimeField()  # when this row was written

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "version"], name="result_version_once"),
            models.CheckConstraint(
                condition=~Q(status="FINAL")
                | Q(home_score__isnull=False, away_score__isnull=False)
                | Q(has_runners=True)
                | ~Q(winner=""),
                name="result_final_has_a_score",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["RETIRED", "WALKOVER"]) | ~Q(winner=""),
                name="result_given_up_has_a_winner",
            ),
        ]
        indexes = [
            models.Index(fields=["known_at"], name="result_known_at"),
            models.Index(fields=["event"], name="result_corrected", condition=Q(version__gt=1)),
        ]
        triggers = APPEND_ONLY

    def __str__(self) -> str:
        score = f"{self.home_score}–{self.away_score}" if self.home_score is not None else ""
        return f"{self.get_status_display()} {score} v{self.version}".replace("  ", " ")


class RunnerResult(models.Model):
    """How one runner came in; a part of its result's version."""

    result = models.ForeignKey(Result, on_delete=models.PROTECT, related_name="runners")
    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveSmallIntegerField(null=True, blank=True)
    position = models.PositiveSmallIntegerField(null=True, blank=True)
    is_winner = models.BooleanField(null=True, blank=True)
    is_placed = models.BooleanField(null=True, blank=True)
    is_removed = models.BooleanField(default=False)
    reduction = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)  # %

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["result", "participant"], name="runner_result_once")
        ]
        triggers = APPEND_ONLY

    def __str__(self) -> str:
        return f"{self.participant} {self.position or '–'}"


class StatisticResult(models.Model):
    """One figure of one player; ``took_part`` is false where he did not play."""

    result = models.ForeignKey(Result, on_delete=models.PROTECT, related_name="statistics")
    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="+")
    statistic = models.CharField(max_length=40)  # "points"
    value = models.DecimalField(max_digits=8, decimal_places=2, null=True, blank=True)
    took_part = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["result", "participant", "statistic"], name="statistic_result_once"
            )
        ]
        triggers = APPEND_ONLY

    def __str__(self) -> str:
        return f"{self.participant} {self.statistic} {self.value}"


class ResultDispute(models.Model):
    """A source that contradicts the result that stands; until it is resolved nobody is paid."""

    class State(models.TextChoices):
        OPEN = "OPEN", "Open"
        UPHELD = "UPHELD", "The standing result was kept"
        REPLACED = "REPLACED", "The other result was taken"
        WITHDRAWN = "WITHDRAWN", "The source came round"

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="disputes")
    standing = models.ForeignKey(Result, on_delete=models.PROTECT, related_name="+")
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+")  # it disagrees
    told = models.JSONField(default=dict)
    told_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.CharField(max_length=150, blank=True)
    reason = models.CharField(max_length=250, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["event", "source"], name="dispute_open_once", condition=Q(state="OPEN")
            ),
            models.CheckConstraint(
                condition=Q(state="OPEN", resolved_at__isnull=True, resolved_by="")
                | (~Q(state="OPEN") & Q(resolved_at__isnull=False) & ~Q(resolved_by="")),
                name="dispute_resolved_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["event"], name="dispute_open", condition=Q(state="OPEN"))]

    def __str__(self) -> str:
        return f"{self.source} on {self.event}"
