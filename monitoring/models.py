import uuid

import pgtrigger
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q
from knox.models import AbstractAuthToken

APPEND_ONLY = [
    pgtrigger.Protect(name="no_update", operation=pgtrigger.Update),
    pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
    pgtrigger.Trigger(
        name="no_truncate",
        operation=pgtrigger.Truncate,
        when=pgtrigger.Before,
        level=pgtrigger.Statement,
        func="RAISE EXCEPTION 'append-only: % may not be truncated', TG_TABLE_NAME;",
    ),
]


class User(AbstractUser):  # type: ignore[django-manager-missing]  # knox swaps its model away
    """Somebody who works here, and the zone their times are shown in."""

    time_zone = models.CharField(max_length=64, default="UTC")


class ApiToken(AbstractAuthToken):
    """A program's key: stored hashed, named, limited to scopes, expiring."""

    name = models.CharField(max_length=80)
    scopes = models.JSONField(default=list, blank=True)  # ["read"], ["read", "run"]
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.token_key}…)"


class AuditEntry(models.Model):
    """One thing that somebody, or a task, did.  Written once; a trigger refuses the rest."""

    at = models.DateTimeField()
    actor = models.CharField(max_length=150)  # "user:alice", "task:settle_due", "cli:root"
    action = models.CharField(max_length=80)  # "betting.halt"
    subject = models.CharField(max_length=120)  # "betting.Bet:42"
    detail = models.JSONField(default=dict)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["subject", "at"], name="audit_subject_at"),
            models.Index(fields=["-at"], name="audit_latest"),
        ]
        triggers = APPEND_ONLY

    def __str__(self) -> str:
        return f"#{self.pk} {self.action} {self.subject}"


class TaskRun(models.Model):
    """One asked-for execution of a task: the queue of record; the broker's message is a hint.

    QUEUED -> RUNNING -> SUCCEEDED, FAILED (the task said no), ERRORED (it broke) or CANCELLED.
    RUNNING -> LOST when its worker is gone -> QUEUED again while attempts are left.
    """

    class State(models.TextChoices):
        QUEUED = "QUEUED", "Queued"
        RUNNING = "RUNNING", "Running"
        SUCCEEDED = "SUCCEEDED", "Succeeded"
        FAILED = "FAILED", "Failed"
        ERRORED = "ERRORED", "Errored"
        LOST = "LOST", "Lost"
        CANCELLED = "CANCELLED", "Cancelled"

    class Trigger(models.TextChoices):
        BEAT = "BEAT", "Schedule"
        USER = "USER", "Operator"
        API = "API", "API"
        CLI = "CLI", "Command line"
        TASK = "TASK", "Another task"

    LIVE = (State.QUEUED, State.RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    task = models.CharField(max_length=120)
    queue = models.CharField(max_length=20)
    trigger = models.CharField(max_length=8, choices=Trigger.choices)
    actor = models.CharField(max_length=150)  # as in the audit; stays when the user goes
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL)
    arguments = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=4)
    progress_done = models.PositiveIntegerField(default=0)
    progress_total = models.PositiveIntegerField(null=True, blank=True)
    progress_message = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    not_before = models.DateTimeField(null=True, blank=True)  # back-off of a retry
    published_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    result = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True)
    traceback = models.TextField(blank=True)
    worker = models.CharField(max_length=120, blank=True)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children"
    )
    run_key = models.CharField(max_length=160, null=True, blank=True, unique=True)  # job@slot
    singleton_key = models.CharField(max_length=160, null=True, blank=True)
    is_dry_run = models.BooleanField(default=False)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["singleton_key"],
                condition=Q(state__in=["QUEUED", "RUNNING"]),
                name="run_one_live_per_singleton_key",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["QUEUED", "RUNNING"], finished_at__isnull=True)
                | (~Q(state__in=["QUEUED", "RUNNING"]) & Q(finished_at__isnull=False)),
                name="run_finished_exactly_when_over",
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"],
                name="run_live",
                condition=Q(state__in=["QUEUED", "RUNNING"]),
            ),
            models.Index(fields=["-created_at"], name="run_latest"),
            models.Index(fields=["task", "-created_at"], name="run_task_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.task} {str(self.pk)[:8]}"


class Incident(models.Model):
    """Something is wrong until ``resolved_at`` is set.  One open per kind and subject."""

    class State(models.TextChoices):
        OPEN = "OPEN", "Open"
        ACKNOWLEDGED = "ACKNOWLEDGED", "Acknowledged"
        RESOLVED = "RESOLVED", "Resolved"

    kind = models.CharField(max_length=80)  # also the runbook's file name
    subject = models.CharField(max_length=120, blank=True)
    severity = models.CharField(max_length=2)
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    summary = models.TextField()
    opened_at = models.DateTimeField()
    latest_at = models.DateTimeField()
    occurrences = models.PositiveIntegerField(default=1)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.CharField(max_length=150, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.CharField(max_length=150, blank=True)
    run = models.ForeignKey(TaskRun, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"],
                condition=Q(resolved_at__isnull=True),
                name="incident_one_open_per_kind_and_subject",
            ),
            models.CheckConstraint(
                condition=Q(state="RESOLVED", resolved_at__isnull=False)
                | (~Q(state="RESOLVED") & Q(resolved_at__isnull=True)),
                name="incident_resolved_exactly_when_stamped",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.severity} {self.kind} {self.subject}".rstrip()


class IncidentEntry(models.Model):
    """One line of an incident's timeline.  Append-only."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="entries")
    at = models.DateTimeField()
    actor = models.CharField(max_length=150)
    # OPENED, SEEN_AGAIN, ACKNOWLEDGED, RESOLVED, NOTE, ACTED
    what = models.CharField(max_length=20)
    text = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "incident entries"
        triggers = APPEND_ONLY

    def __str__(self) -> str:
        return f"#{self.pk} {self.what}"


class CheckState(models.Model):
    """When a registered check ran last, and what it said."""

    kind = models.CharField(max_length=80, unique=True)
    ran_at = models.DateTimeField()
    seconds = models.FloatField()
    findings = models.PositiveIntegerField()
    error = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.kind


class Heartbeat(models.Model):
    """Who was alive when: beat, each worker, the sweeper.  One row per name."""

    name = models.CharField(max_length=120, unique=True)  # "beat", "worker:main@host"
    at = models.DateTimeField()
    detail = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.name


class BeatLease(models.Model):
    """The one beat that may publish; ``token`` grows with each new holder."""

    name = models.CharField(max_length=40, unique=True)
    holder = models.CharField(max_length=120)
    token = models.PositiveBigIntegerField()
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}: {self.holder}"


class ScheduledJob(models.Model):
    """What the code says of a job of the schedule; the timetable itself is beat's own row.

    ``default`` is the timetable that the last sync declared.  While beat's row still holds it,
    a sync may move the row to a new default; once they differ an operator has retimed the job
    and the sync leaves it alone.
    """

    name = models.CharField(max_length=200, unique=True)  # that of beat's PeriodicTask
    default = models.CharField(max_length=200)  # "every 5s", "40 3 * * * UTC"
    grace_seconds = models.PositiveIntegerField()
    added_at = models.DateTimeField()
    latest_at = models.DateTimeField(null=True, blank=True)  # when beat last came to it
    latest_slot = models.CharField(max_length=160, blank=True)  # the run key of that time
    latest_run = models.ForeignKey(
        TaskRun, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    def __str__(self) -> str:
        return self.name


class Threshold(models.Model):
    """A number that decides something, declared in the code: what it is instead of its default.

    Without a value the default holds, also one that a new version of the code changed.  The rest
    says who changed it last, or put it back, and why.
    """

    key = models.CharField(max_length=80, unique=True)  # "markets.quote-oldest"
    value = models.FloatField(null=True, blank=True)
    reason = models.CharField(max_length=250, blank=True, default="")
    changed_by = models.CharField(max_length=150, blank=True, default="")
    changed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(value__isnull=True)
                | Q(value__gt=float("-inf"), value__lt=float("inf")),
                name="threshold_is_finite",
            ),
            models.CheckConstraint(
                condition=Q(changed_at__isnull=True, value__isnull=True, reason="", changed_by="")
                | (Q(changed_at__isnull=False) & ~Q(reason="") & ~Q(changed_by="")),
                name="threshold_change_says_who_and_why",
            ),
        ]

    def __str__(self) -> str:
        return self.key
