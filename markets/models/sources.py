"""Where data comes from, what each look brought, and what had to be turned away."""

from django.db import models
from django.db.models import F, Q

# Columns that joined a table later keep their default in the database too: processes that still
# run the release before go on writing rows without them.


class Source(models.Model):
    """A place that is read at a cadence.

    ``creates_names``: its names are participants; ``creates_players``: those of players and
    runners alone.  ``credentials`` names the set of secrets to ask with, and never holds one.
    """

    class Breaker(models.TextChoices):
        CLOSED = "CLOSED", "Closed: it is asked"
        OPEN = "OPEN", "Open: it is left alone"
        HALF_OPEN = "HALF_OPEN", "Half open: one look tries it"

    code = models.SlugField(max_length=30, unique=True)  # "football_data"
    namespace = models.SlugField(max_length=30, blank=True, default="", db_default="")
    name = models.CharField(max_length=60)
    is_enabled = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=250, blank=True)
    location = models.CharField(max_length=500, blank=True)  # URL or folder read on schedule
    #: The zone of times that a payload gives without one.
    time_zone = models.CharField(max_length=64, default="UTC", db_default="UTC")
    options = models.JSONField(
        blank=True, default=dict, db_default=models.Value({}, models.JSONField())
    )
    credentials = models.CharField(max_length=60, blank=True, default="", db_default="")
    cadence_seconds = models.PositiveIntegerField(default=86_400)
    timeout_seconds = models.PositiveSmallIntegerField(default=30)
    max_bytes = models.PositiveBigIntegerField(default=100_000_000)
    max_expanded_bytes = models.PositiveBigIntegerField(
        default=2_000_000_000, db_default=2_000_000_000
    )
    max_ratio = models.PositiveIntegerField(default=200, db_default=200)  # expanded / compressed
    creates_names = models.BooleanField(default=False)
    creates_players = models.BooleanField(default=False, db_default=False)
    creates_books = models.BooleanField(default=True, db_default=True)
    is_simulated = models.BooleanField(default=False)
    last_success_at = models.DateTimeField(null=True, blank=True)
    last_attempt_at = models.DateTimeField(null=True, blank=True)
    failures_in_a_row = models.PositiveIntegerField(default=0)
    #: It is not asked before this moment: it said so, or its quota runs low.
    not_before = models.DateTimeField(null=True, blank=True)
    quota_limit = models.PositiveIntegerField(null=True, blank=True)
    quota_used = models.PositiveIntegerField(null=True, blank=True)
    quota_remaining = models.PositiveIntegerField(null=True, blank=True)
    quota_read_at = models.DateTimeField(null=True, blank=True)
    quota_resets_at = models.DateTimeField(null=True, blank=True)
    breaker_state = models.CharField(
        max_length=10, choices=Breaker.choices, default=Breaker.CLOSED, db_default=Breaker.CLOSED
    )
    breaker_opened_at = models.DateTimeField(null=True, blank=True)
    breaker_retry_at = models.DateTimeField(null=True, blank=True)
    breaker_opens_after = models.PositiveSmallIntegerField(default=5, db_default=5)
    breaker_pause_seconds = models.PositiveIntegerField(default=300, db_default=300)
    breaker_reopenings = models.PositiveSmallIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(is_enabled=True) | ~Q(disabled_reason=""),
                name="source_disabled_with_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(breaker_state="CLOSED", breaker_retry_at__isnull=True)
                | (~Q(breaker_state="CLOSED") & Q(breaker_retry_at__isnull=False)),
                name="source_breaker_open_knows_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} (SIMULATED)" if self.is_simulated else self.name

    @property
    def ids_of(self) -> str:
        """Return whose ids its refs are: several sources may tell of one publisher's."""
        return self.namespace or self.code


class RawPayload(models.Model):
    """A payload as it came, kept compressed under the archive by its SHA-256."""

    class Media(models.TextChoices):
        TEXT = "TEXT", "Text"
        JSON = "JSON", "JSON"
        XLSX = "XLSX", "Spreadsheet"
        PARQUET = "PARQUET", "Parquet"
        BINARY = "BINARY", "Binary"

    sha256 = models.CharField(max_length=64, unique=True)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="payloads")
    origin = models.CharField(max_length=500)  # file or URL it was first read from
    media = models.CharField(
        max_length=8, choices=Media.choices, default=Media.TEXT, db_default=Media.TEXT
    )
    size = models.PositiveBigIntegerField()
    stored_bytes = models.PositiveBigIntegerField(default=0, db_default=0)
    fetched_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)  # its file was taken off the archive

    def __str__(self) -> str:
        return f"{self.sha256[:12]} {self.origin}"


class AskedAddress(models.Model):
    """An address that answered whole, and by what its publisher tells whether it has changed.

    ``digest`` is of the whole address, secrets included, and of how the source is read: whoever
    changes its options asks for everything once more.
    """

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="addresses")
    digest = models.CharField(max_length=64)
    address = models.CharField(max_length=500)  # as people may see it
    etag = models.CharField(max_length=300, blank=True)
    last_modified = models.CharField(max_length=60, blank=True)
    read_at = models.DateTimeField()  # when it was read whole
    unchanged_at = models.DateTimeField(null=True, blank=True)  # when it last had nothing new
    times_unchanged = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        verbose_name_plural = "asked addresses"
        constraints = [
            models.UniqueConstraint(fields=["source", "digest"], name="asked_address_once"),
            models.CheckConstraint(
                condition=~Q(etag="", last_modified=""), name="asked_address_can_be_compared"
            ),
        ]

    def __str__(self) -> str:
        return self.address


class Fetch(models.Model):
    """One look at a source, and how it ended: new data, nothing new, or could not look.

    Every record that was read ended as one of four: loaded, unchanged, parked or rejected.
    """

    class State(models.TextChoices):
        RUNNING = "RUNNING", "Running"
        NEW_DATA = "NEW_DATA", "New data"
        NOTHING_NEW = "NOTHING_NEW", "Looked, nothing new"
        EMPTY = "EMPTY", "Looked, found none"
        FAILED = "FAILED", "Could not look"

    class ErrorKind(models.TextChoices):
        TIMEOUT = "TIMEOUT", "Time-out"
        CONNECTION = "CONNECTION", "No connection"
        RATE_LIMITED = "RATE_LIMITED", "Asked too often"
        HTTP_4XX = "HTTP_4XX", "Request refused"
        HTTP_5XX = "HTTP_5XX", "Server at fault"
        TOO_LARGE = "TOO_LARGE", "Too large"
        BOMB = "BOMB", "Expands too far"
        NOT_ALLOWED = "NOT_ALLOWED", "Address not allowed"
        BAD_PAYLOAD = "BAD_PAYLOAD", "Not the expected content"
        ERROR_BODY = "ERROR_BODY", "An error instead of data"
        REFUSED_AUTH = "REFUSED_AUTH", "Credentials refused"
        CANCELLED = "CANCELLED", "Cancelled"
        FAULT = "FAULT", "Fault of ours"

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="fetches")
    origin = models.CharField(max_length=500)
    state = models.CharField(max_length=12, choices=State.choices, default=State.RUNNING)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    counts = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    error_kind = models.CharField(
        max_length=14, choices=ErrorKind.choices, blank=True, default="", db_default=""
    )
    latency_ms = models.PositiveIntegerField(null=True, blank=True)  # until the payload was here
    bytes = models.PositiveBigIntegerField(default=0, db_default=0)
    rows_read = models.PositiveIntegerField(default=0, db_default=0)
    rows_loaded = models.PositiveIntegerField(default=0, db_default=0)
    rows_unchanged = models.PositiveIntegerField(default=0, db_default=0)
    rows_parked = models.PositiveIntegerField(default=0, db_default=0)
    rows_rejected = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        verbose_name_plural = "fetches"
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    rows_read=F("rows_loaded")
                    + F("rows_unchanged")
                    + F("rows_parked")
                    + F("rows_rejected")
                ),
                name="fetch_rows_add_up",
            )
        ]
        indexes = [
            models.Index(fields=["source", "-started_at"], name="fetch_latest"),
            models.Index(fields=["source", "state", "-finished_at"], name="fetch_by_state"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.source} {self.get_state_display()}"


class FetchProblem(models.Model):
    """A row or field that a fetch could not use, with what was expected."""

    fetch = models.ForeignKey(Fetch, on_delete=models.CASCADE, related_name="problems")
    file = models.CharField(max_length=500)
    row = models.PositiveIntegerField(null=True, blank=True)
    field = models.CharField(max_length=60, blank=True)
    message = models.CharField(max_length=500)
    is_rejection = models.BooleanField(default=False, db_default=False)  # the whole record

    def __str__(self) -> str:
        return f"{self.file}:{self.row} {self.field} {self.message}"


class PayloadLook(models.Model):
    """A payload as one fetch saw it: what a replay reads again, in this order.

    The prices that came of it carry its ``fetched_at``, so each leads back to its payload.
    """

    fetch = models.ForeignKey(Fetch, on_delete=models.CASCADE, related_name="looks")
    payload = models.ForeignKey(RawPayload, on_delete=models.PROTECT, related_name="looks")
    name = models.CharField(max_length=500)  # under which the connector parsed it
    ordinal = models.PositiveIntegerField()
    fetched_at = models.DateTimeField()
    options = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["fetch", "ordinal"], name="look_once")]
        indexes = [models.Index(fields=["fetched_at"], name="look_fetched_at")]

    def __str__(self) -> str:
        return f"{self.name} at {self.fetched_at:%Y-%m-%d %H:%M}"
