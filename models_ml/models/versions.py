"""Trained estimators, and what they turned out to be worth."""

from django.db import models
from django.db.models import Q

from models_ml.models.pipelines import Pipeline, Replay


class ModelVersion(models.Model):
    """One trained estimator: where its artefact lies, what it learned from, how good it was.

    CANDIDATE -> PRODUCTION -> PREVIOUS -> ARCHIVED.  A REPLAY version belongs to its replay alone.
    The row outlives its artefact: ``artefact_removed_at`` says since when the file is gone.
    """

    class Stage(models.TextChoices):
        CANDIDATE = "CANDIDATE", "Candidate"
        PRODUCTION = "PRODUCTION", "Production"
        PREVIOUS = "PREVIOUS", "Previous"
        ARCHIVED = "ARCHIVED", "Archived"
        REPLAY = "REPLAY", "Replay"

    class Kind(models.TextChoices):
        BOOSTED3 = "boosted3", "Boosted trees, three-way"
        BOOSTED2 = "boosted2", "Boosted trees, two-way"
        MARGIN = "margin", "Distribution of the margin"
        TOTAL = "total", "Distribution of the total"
        GOALS = "goals", "Distribution of both sides' goals"
        FIGURE = "figure", "Distribution of a figure"
        RUNNERS = "runners", "Conditional softmax over runners"

    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    stage = models.CharField(max_length=10, choices=Stage.choices, default=Stage.CANDIDATE)
    kind = models.CharField(
        max_length=12, choices=Kind.choices, default=Kind.BOOSTED3, db_default=Kind.BOOSTED3
    )
    replay = models.ForeignKey(
        Replay, null=True, blank=True, on_delete=models.PROTECT, related_name="versions"
    )
    search = models.ForeignKey(
        "models_ml.Search",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="versions",
    )
    parent = models.ForeignKey(  # the one that this one is meant to replace
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    reason = models.CharField(max_length=250, blank=True, default="", db_default="")
    run = models.UUIDField(null=True, blank=True)  # that trained it
    artefact = models.CharField(max_length=200)  # file name under ARTEFACT_DIR
    artefact_sha256 = models.CharField(max_length=64)
    artefact_bytes = models.BigIntegerField(default=0, db_default=0)
    artefact_removed_at = models.DateTimeField(null=True, blank=True)
    estimator_format = models.SmallIntegerField(default=0, db_default=0)  # 0: a bare booster
    features = models.JSONField()  # names, in the artefact's order
    features_sha256 = models.CharField(max_length=64)
    parameters = models.JSONField(default=dict)
    calibration = models.JSONField(default=dict)  # {"method": "temperature", "temperature": 1.03}
    metrics = models.JSONField(default=dict)  # {"model": {...}, "market": {...}, "n": ...}
    plots = models.JSONField(  # figures to draw: reliability points, contributions
        default=dict, blank=True, db_default=models.Value({}, models.JSONField())
    )
    trained_from = models.DateTimeField()
    trained_until = models.DateTimeField()  # nothing known later was seen
    n_rows = models.PositiveIntegerField()
    seed = models.PositiveIntegerField(default=0)
    code_version = models.CharField(max_length=64)
    code_versions = models.JSONField(  # module -> SHA-256 of its source
        default=dict, blank=True, db_default=models.Value({}, models.JSONField())
    )
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


class VersionClv(models.Model):
    """What the bets of a version were worth against the close; told by who values bets."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="clv")
    as_of = models.DateTimeField()
    n = models.PositiveIntegerField()
    mean = models.FloatField()
    low = models.FloatField()
    high = models.FloatField()

    class Meta:
        verbose_name = "closing-line value of a version"
        verbose_name_plural = "closing-line values of versions"
        constraints = [
            models.UniqueConstraint(fields=["version", "as_of"], name="version_clv_once"),
            models.CheckConstraint(
                condition=Q(low__lte=models.F("mean"), high__gte=models.F("mean")),
                name="version_clv_lies_in_its_interval",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version}: {self.mean:+z.4f} on {self.n} bets"
