from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from markets.models import Competition, Event, Market, Season, Selection, Sport


class Pipeline(models.Model):
    """One question that models answer: a sport, a kind of market, a feature set."""

    code = models.SlugField(max_length=60, unique=True)  # "soccer-1x2"
    sport = models.ForeignKey(Sport, on_delete=models.PROTECT, related_name="+")
    market_kind = models.CharField(max_length=20, choices=Market.Kind.choices)
    feature_set = models.CharField(max_length=30)  # "soccer_v1"
    is_simulated = models.BooleanField(default=False)  # learns from and serves simulated leagues
    parameters = models.JSONField(default=dict, blank=True)

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


class ModelVersion(models.Model):
    """One trained estimator: where its artefact lies, what it learned from, how good it was.

    CANDIDATE -> PRODUCTION -> PREVIOUS -> ARCHIVED.  A REPLAY version belongs to its replay alone.
    """

    class Stage(models.TextChoices):
        CANDIDATE = "CANDIDATE", "Candidate"
        PRODUCTION = "PRODUCTION", "Production"
        PREVIOUS = "PREVIOUS", "Previous"
        ARCHIVED = "ARCHIVED", "Archived"
        REPLAY = "REPLAY", "Replay"

    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    stage = models.CharField(max_length=10, choices=Stage.choices, default=Stage.CANDIDATE)
    replay = models.ForeignKey(
        Replay, null=True, blank=True, on_delete=models.PROTECT, related_name="versions"
    )
    artefact = models.CharField(max_length=200)  # file name under ARTEFACT_DIR
    artefact_sha256 = models.CharField(max_length=64)
    features = models.JSONField()  # names, in the artefact's order
    features_sha256 = models.CharField(max_length=64)
    parameters = models.JSONField(default=dict)
    calibration = models.JSONField(default=dict)  # {"method": "temperature", "temperature": 1.03}
    metrics = models.JSONField(default=dict)  # {"model": {...}, "market": {...}, "n": ...}
    trained_from = models.DateTimeField()
    trained_until = models.DateTimeField()  # nothing known later was seen
    n_rows = models.PositiveIntegerField()
    seed = models.PositiveIntegerField(default=0)
    code_version = models.CharField(max_length=64)
    trained_at = models.DateTimeField()
    promoted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["pipeline", "number"], name="version_number_once"),
            models.UniqueConstraint(
                fields=["pipeline"],
                condition=Q(stage="PRODUCTION"),
                name="version_one_in_production",
            ),
            models.UniqueConstraint(
                fields=["pipeline"], condition=Q(stage="PREVIOUS"), name="version_one_previous"
            ),
            models.CheckConstraint(
                condition=Q(stage="REPLAY", replay__isnull=False)
                | (~Q(stage="REPLAY") & Q(replay__isnull=True)),
                name="version_replay_stage_exactly_in_a_replay",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pipeline} v{self.number}"


class FeatureRow(models.Model):
    """What was known of an event at ``as_of``, as numbers in the feature set's order."""

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="feature_rows")
    feature_set = models.CharField(max_length=30)
    stage = models.CharField(max_length=10)  # "T-24h" … "T-60m"
    replay = models.ForeignKey(Replay, null=True, blank=True, on_delete=models.PROTECT)
    as_of = models.DateTimeField()
    values = ArrayField(models.FloatField(null=True))  # null: not known
    checksum = models.CharField(max_length=64)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["event", "feature_set", "stage", "replay"],
                name="feature_row_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.feature_set} {self.stage}"


class Prediction(models.Model):
    """A version's probability for a selection, beside the margin-free market's at that time."""

    feature_row = models.ForeignKey(
        FeatureRow, on_delete=models.PROTECT, related_name="predictions"
    )
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="predictions")
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="predictions")
    selection = models.ForeignKey(Selection, on_delete=models.PROTECT, related_name="predictions")
    probability = models.FloatField()
    market_probability = models.FloatField(null=True, blank=True)
    as_of = models.DateTimeField()
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["feature_row", "version", "selection"], name="prediction_once"
            ),
            models.CheckConstraint(
                condition=Q(probability__gt=0, probability__lt=1),
                name="prediction_probability_is_one",
            ),
        ]
        indexes = [models.Index(fields=["-made_at"], name="prediction_latest")]

    def __str__(self) -> str:
        return f"#{self.pk} p={self.probability:.3f}"
