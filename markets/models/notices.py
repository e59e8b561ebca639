"""News, line-ups, injuries, referees: what is told around an event."""

from django.db import models

from markets.models.events import Event
from markets.models.names import Participant
from markets.models.sources import Source


class Notice(models.Model):
    """Something told around an event, plain text as it came; told differently, a new version."""

    class Kind(models.TextChoices):
        NEWS = "NEWS", "News"
        LINEUP = "LINEUP", "Line-up"
        INJURY = "INJURY", "Injury"
        REFEREE = "REFEREE", "Referee"
        ROSTER = "ROSTER", "Roster"
        WEATHER = "WEATHER", "Weather"
        PUBLIC_SHARE = "PUBLIC_SHARE", "Share of bets and money"

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="notices")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    ref = models.CharField(max_length=120)  # the source's own id
    version = models.PositiveSmallIntegerField()
    event = models.ForeignKey(
        Event, null=True, blank=True, on_delete=models.PROTECT, related_name="notices"
    )
    participant = models.ForeignKey(
        Participant, null=True, blank=True, on_delete=models.PROTECT, related_name="notices"
    )
    person = models.CharField(max_length=120, blank=True)
    status = models.CharField(max_length=40, blank=True)  # "Out"
    title = models.CharField(max_length=300)
    body = models.TextField(blank=True)
    url = models.CharField(max_length=500, blank=True)
    data = models.JSONField(default=dict, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    known_at = models.DateTimeField()
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "kind", "ref", "version"], name="notice_version_once"
            )
        ]
        indexes = [
            models.Index(fields=["event", "kind", "known_at"], name="notice_of_event"),
            models.Index(fields=["participant", "kind", "known_at"], name="notice_of_participant"),
        ]

    def __str__(self) -> str:
        return self.title
