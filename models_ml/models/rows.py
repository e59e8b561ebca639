"""What was known of an event as numbers, and the probabilities said on it."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from markets.models import Event, Participant, Selection
from models_ml.models.ladders import Rehearsal
from models_ml.models.pipelines import Replay
from models_ml.models.versions import ModelVersion


class FeatureRow(models.Model):
    """What was known of an event at ``as_of``, as numbers in the feature set's order.

    A match has one row per stage, a race one per runner, a player one per statistic asked for.
    ``sources`` says what it was made from: how many facts of each kind, and the code's hashes.
    """

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="feature_rows")
    participant = models.ForeignKey(
        Participant, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    statistic = models.CharField(max_length=40, blank=True, default="", db_default="")
    feature_set = models.CharField(max_length=30)
    stage = models.CharField(max_length=10)  # "T-24h" … "T-60m"
    replay = models.ForeignKey(Replay, null=True, blank=True, on_delete=models.PROTECT)
    rehearsal = models.ForeignKey(
        Rehearsal, null=True, blank=True, on_delete=models.PROTECT, related_name="feature_rows"
    )
    as_of = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True)
    is_late = models.BooleanField(default=False, db_default=False)
    values = ArrayField(models.FloatField(null=True))  # null: not known
    checksum = models.CharField(max_length=64)
    sources = models.JSONField(
        default=dict, blank=True, db_default=models.Value({}, models.JSONField())
    )
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "event",
                    "feature_set",
                    "stage",
                    "replay",
                    "rehearsal",
                    "participant",
                    "statistic",
                ],
                name="feature_row_once",
                nulls_distinct=False,
            )
        ]
        indexes = [
            models.Index(
                "feature_set",
                models.F("as_of").desc(),
                name="feature_row_live",
                condition=Q(replay__isnull=True, rehearsal__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.feature_set} {self.stage}"


class Prediction(models.Model):
    """A version's probability for a selection, beside the margin-free market's at that time.

    ``probability`` is that of winning where the stake is not refunded, ``refund_probability``
    the share of the stake that is expected back: 0 but for lines that can be met exactly.
    """

    feature_row = models.ForeignKey(
        FeatureRow, on_delete=models.PROTECT, related_name="predictions"
    )
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="predictions")
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="predictions")
    selection = models.ForeignKey(Selection, on_delete=models.PROTECT, related_name="predictions")
    probability = models.FloatField()
    refund_probability = models.FloatField(default=0.0, db_default=0.0)
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
            models.CheckConstraint(
                condition=Q(refund_probability__gte=0, refund_probability__lt=1),
                name="prediction_refund_is_a_share",
            ),
        ]
        indexes = [models.Index(fields=["-made_at"], name="prediction_latest")]

    def __str__(self) -> str:
        return f"#{self.pk} p={self.probability:.3f}"


class ServiceFigure(models.Model):
    """What one process that foretells has counted: its cache, and how long answers took."""

    process = models.CharField(max_length=80, unique=True)  # "host:pid"
    at = models.DateTimeField()
    hits = models.BigIntegerField(default=0)
    misses = models.BigIntegerField(default=0)
    calls = models.BigIntegerField(default=0)
    buckets = models.JSONField(default=dict, blank=True)  # {"0.01": 812, "+Inf": 815}
    seconds = models.FloatField(default=0.0)  # of all calls together

    def __str__(self) -> str:
        return self.process
