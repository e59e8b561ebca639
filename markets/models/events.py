"""Events of every sport, what others call them, and how they were moved."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from markets.models.names import Competition, Participant, Season
from monitoring.models import APPEND_ONLY


class Event(models.Model):
    """A sporting event: a match, a race.  The only thing in this system called an event.

    A match has two sides; a race has none, but a day and a number; an outright neither.
    ``leg`` counts the meetings of one pairing at one home in one season: a moved match keeps
    its leg, so it stays the same event.
    """

    class Status(models.TextChoices):
        SCHEDULED = "SCHEDULED", "Scheduled"
        LIVE = "LIVE", "Live"
        FINISHED = "FINISHED", "Finished"
        POSTPONED = "POSTPONED", "Postponed"
        ABANDONED = "ABANDONED", "Abandoned"
        CANCELLED = "CANCELLED", "Cancelled"

    class Certainty(models.TextChoices):
        EXACT = "EXACT", "Exact"
        ZONE = "ZONE", "Its time zone is assumed"
        DATE = "DATE", "Only its day is known"

    competition = models.ForeignKey(Competition, on_delete=models.PROTECT, related_name="events")
    season = models.ForeignKey(Season, on_delete=models.PROTECT, related_name="events")
    home = models.ForeignKey(
        Participant, null=True, blank=True, on_delete=models.PROTECT, related_name="home_events"
    )
    away = models.ForeignKey(
        Participant, null=True, blank=True, on_delete=models.PROTECT, related_name="away_events"
    )
    leg = models.PositiveSmallIntegerField(default=1)
    round = models.CharField(max_length=20, blank=True, default="", db_default="")  # "22", "R1"
    meeting_date = models.DateField(null=True, blank=True)  # the race day, by the track's clocks
    race_number = models.PositiveSmallIntegerField(null=True, blank=True)
    name = models.CharField(max_length=250)
    starts_at = models.DateTimeField()  # planned; noon of the day where only that is known
    start_certainty = models.CharField(
        max_length=8,
        choices=Certainty.choices,
        default=Certainty.EXACT,
        db_default=Certainty.EXACT,
    )
    #: Since when the planned start is known so, where its telling says; an older one moves nothing.
    start_known_at = models.DateTimeField(null=True, blank=True, editable=False)
    started_at = models.DateTimeField(null=True, blank=True)  # actual, where a source tells
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.SCHEDULED)
    is_neutral = models.BooleanField(default=False, db_default=False)  # nobody plays at home
    data = models.JSONField(
        blank=True, default=dict, db_default=models.Value({}, models.JSONField())
    )
    #: The start that its closing prices were recorded for; null: they are due once it starts.
    close_recorded_for = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["season", "home", "away", "leg"], name="event_once"),
            models.UniqueConstraint(
                fields=["competition", "meeting_date", "race_number"],
                name="race_once",
                condition=Q(race_number__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["season", "name"],
                name="outright_once",
                condition=Q(home__isnull=True, race_number__isnull=True),
            ),
            models.CheckConstraint(
                condition=~Q(home=models.F("away")), name="event_has_two_different_sides"
            ),
            models.CheckConstraint(
                condition=Q(home__isnull=True, away__isnull=True)
                | Q(home__isnull=False, away__isnull=False),
                name="event_has_both_sides_or_none",
            ),
            models.CheckConstraint(
                condition=Q(race_number__isnull=True)
                | Q(meeting_date__isnull=False, home__isnull=True),
                name="race_has_a_day",
            ),
        ]
        indexes = [
            models.Index(fields=["starts_at"], name="event_starts_at"),
            models.Index(fields=["competition", "starts_at"], name="event_competition_starts_at"),
            models.Index(
                Coalesce("started_at", "starts_at"),
                name="event_close_due",
                condition=Q(close_recorded_for__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class EventAlias(models.Model):
    """A publisher's own id of an event; sources that tell of the same ids share a namespace."""

    namespace = models.SlugField(max_length=30)  # "betfair"
    ref = models.CharField(max_length=80)
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="refs")

    class Meta:
        verbose_name_plural = "event aliases"
        constraints = [models.UniqueConstraint(fields=["namespace", "ref"], name="event_ref_once")]

    def __str__(self) -> str:
        return f"{self.namespace} {self.ref}"


class EventChange(models.Model):
    """What a source moved of an event, and since when that is known.  ``source`` null: a person."""

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="changes")
    source = models.ForeignKey(
        "markets.Source", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    field = models.CharField(max_length=20)  # starts_at, started_at, status
    before = models.CharField(max_length=60, blank=True)
    after = models.CharField(max_length=60, blank=True)
    known_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(before=F("after")), name="event_change_changes_something"
            )
        ]
        indexes = [models.Index(fields=["event", "known_at"], name="event_change_known_at")]
        triggers = APPEND_ONLY

    def __str__(self) -> str:
        return f"{self.field} {self.before} → {self.after}"
