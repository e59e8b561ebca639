"""The files that facts and features are kept in beside the database, and what fills them."""

from django.db import models
from django.db.models import Q

from markets.models import Competition, Season, Sport


class StoreFile(models.Model):
    """One Parquet file of the store as it was written; what is read must have its hash."""

    class Kind(models.TextChoices):
        FIXTURES = "FIXTURES", "Fixtures"
        RESULTS = "RESULTS", "Results"
        RUNNERS = "RUNNERS", "How runners came in"
        ENTRIES = "ENTRIES", "Entries of races"
        FIGURES = "FIGURES", "Figures of players"
        QUOTES = "QUOTES", "Prices"
        NOTICES = "NOTICES", "Notices"
        FEATURES = "FEATURES", "Features"

    class State(models.TextChoices):
        GOOD = "GOOD", "Good"
        DAMAGED = "DAMAGED", "Damaged"
        STALE = "STALE", "To be made anew"

    part = models.CharField(max_length=200, unique=True)  # "soccer-real/quotes/E0/2023-24/000"
    kind = models.CharField(max_length=8, choices=Kind.choices)
    sport = models.ForeignKey(Sport, on_delete=models.PROTECT, related_name="+")
    is_simulated = models.BooleanField(default=False)
    feature_set = models.CharField(max_length=30, blank=True, default="")
    competition = models.ForeignKey(
        Competition, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    season = models.ForeignKey(
        Season, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    schema_version = models.PositiveSmallIntegerField()
    rows = models.BigIntegerField()
    bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    min_known_at = models.DateTimeField(null=True, blank=True)
    max_known_at = models.DateTimeField(null=True, blank=True)
    written_at = models.DateTimeField()
    verified_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=7, choices=State.choices, default=State.GOOD)
    note = models.CharField(max_length=250, blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(Q(kind="FEATURES") & ~Q(feature_set=""))
                | (~Q(kind="FEATURES") & Q(feature_set="")),
                name="store_file_set_exactly_for_features",
            )
        ]
        indexes = [
            models.Index(fields=["sport", "is_simulated", "kind"], name="store_file_of_kind"),
            models.Index(fields=["part"], name="store_file_bad", condition=~Q(state="GOOD")),
        ]

    def __str__(self) -> str:
        return self.part


class EtlRun(models.Model):
    """One filling of a sport's store: what was new, what was made anew, how long that took.

    ``watermark``: everything fetched before it is in the store.  ``differences``: rows that came
    out otherwise than they were stored, though nothing known before them had changed.
    """

    sport = models.ForeignKey(Sport, on_delete=models.PROTECT, related_name="+")
    is_simulated = models.BooleanField(default=False)
    began_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    watermark = models.DateTimeField()
    new_results = models.PositiveIntegerField(default=0)
    new_quotes = models.PositiveIntegerField(default=0)
    rows_computed = models.PositiveIntegerField(default=0)
    rows_kept = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(default=0.0)
    figures = models.JSONField(default=dict, blank=True)
    is_rebuild = models.BooleanField(default=False)
    differences = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = "ETL run"
        indexes = [
            models.Index(
                "sport", "is_simulated", models.F("began_at").desc(), name="etl_run_latest"
            )
        ]

    def __str__(self) -> str:
        origin = " (SIMULATED)" if self.is_simulated else ""
        return f"{self.sport}{origin} {self.began_at:%Y-%m-%d %H:%M}"
