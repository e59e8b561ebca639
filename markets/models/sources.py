"""Where data comes from, what each look brought, and what had to be turned away."""

from django.db import models
from django.db.models import Q


class Source(models.Model):
    """A place that is read at a cadence.  ``creates_names``: its names are participants."""

    code = models.SlugField(max_length=30, unique=True)  # "football_data"
    name = models.CharField(max_length=60)
    is_enabled = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=250, blank=True)
    location = models.CharField(max_length=500, blank=True)  # URL or folder read on schedule
    cadence_seconds = models.PositiveIntegerField(default=86_400)
    timeout_seconds = models.PositiveSmallIntegerField(default=30)
    max_bytes = models.PositiveBigIntegerField(default=100_000_000)
    creates_names = models.BooleanField(default=False)
    is_simulated = models.BooleanField(default=False)
    last_success_at = models.DateTimeField(null=True, blank=True)
    last_attempt_at = models.DateTimeField(null=True, blank=True)
    failures_in_a_row = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(is_enabled=True) | ~Q(disabled_reason=""),
                name="source_disabled_with_a_reason",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} (SIMULATED)" if self.is_simulated else self.name


class RawPayload(models.Model):
    """A payload as it came, kept compressed under the archive by its SHA-256."""

    sha256 = models.CharField(max_length=64, unique=True)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="payloads")
    origin = models.CharField(max_length=500)  # file or URL it was first read from
    size = models.PositiveBigIntegerField()
    fetched_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.sha256[:12]} {self.origin}"


class Fetch(models.Model):
    """One look at a source, and how it ended: new data, nothing new, or could not look."""

    class State(models.TextChoices):
        RUNNING = "RUNNING", "Running"
        NEW_DATA = "NEW_DATA", "New data"
        NOTHING_NEW = "NOTHING_NEW", "Looked, nothing new"
        FAILED = "FAILED", "Could not look"

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="fetches")
    origin = models.CharField(max_length=500)
    state = models.CharField(max_length=12, choices=State.choices, default=State.RUNNING)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    counts = models.JSONField(default=dict)
    error = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "fetches"
        indexes = [models.Index(fields=["source", "-started_at"], name="fetch_latest")]

    def __str__(self) -> str:
        return f"#{self.pk} {self.source} {self.get_state_display()}"


class FetchProblem(models.Model):
    """A row or field that a fetch could not use, with what was expected."""

    fetch = models.ForeignKey(Fetch, on_delete=models.CASCADE, related_name="problems")
    file = models.CharField(max_length=500)
    row = models.PositiveIntegerField(null=True, blank=True)
    field = models.CharField(max_length=60, blank=True)
    message = models.CharField(max_length=500)

    def __str__(self) -> str:
        return f"{self.file}:{self.row} {self.field} {self.message}"
