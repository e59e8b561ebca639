"""Sports, competitions, events, markets, selections."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce


class Sport(models.Model):
    code = models.SlugField(max_length=30, unique=True)  # "soccer"
    name = models.CharField(max_length=60)

    def __str__(self) -> str:
        return self.name


class Competition(models.Model):
    """A league or cup, or a simulated one whose calendar runs ``time_scale`` times too fast."""

    sport = models.ForeignKey(Sport, on_delete=models.PROTECT, related_name="competitions")
    code = models.SlugField(max_length=30, unique=True)  # "E0", "SIM1"
    name = models.CharField(max_length=120)
    country = models.CharField(max_length=60, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    is_simulated = models.BooleanField(default=False)
    time_scale = models.FloatField(default=1.0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(time_scale=1.0) | Q(is_simulated=True, time_scale__gt=0),
                name="competition_only_simulated_calendars_run_fast",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} (SIMULATED)" if self.is_simulated else self.name


class Season(models.Model):
    competition = models.ForeignKey(Competition, on_delete=models.PROTECT, related_name="seasons")
    label = models.CharField(max_length=20)  # "2023-24"; sorts in time order

    class Meta:
        constraints = [models.UniqueConstraint(fields=["competition", "label"], name="season_once")]

    def __str__(self) -> str:
        return f"{self.competition} {self.label}"


class Participant(models.Model):
    sport = models.ForeignKey(Sport, on_delete=models.PROTECT, related_name="participants")
    name = models.CharField(max_length=120)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sport", "name"], name="participant_once")]

    def __str__(self) -> str:
        return self.name


class ParticipantAlias(models.Model):
    """What one source calls a participant."""

    source = models.ForeignKey("markets.Source", on_delete=models.PROTECT, related_name="aliases")
    sport = models.ForeignKey(Sport, on_delete=models.PROTECT)
    alias = models.CharField(max_length=120)
    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="aliases")

    class Meta:
        verbose_name_plural = "participant aliases"
        constraints = [
            models.UniqueConstraint(fields=["source", "sport", "alias"], name="alias_once")
        ]

    def __str__(self) -> str:
        return f"{self.alias} → {self.participant}"


class Event(models.Model):
    """A sporting event: a match, a race.  The only thing in this system called an event.

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

    competition = models.ForeignKey(Competition, on_delete=models.PROTECT, related_name="events")
    season = models.ForeignKey(Season, on_delete=models.PROTECT, related_name="events")
    home = models.ForeignKey(
        Participant, null=True, blank=True, on_delete=models.PROTECT, related_name="home_events"
    )
    away = models.ForeignKey(
        Participant, null=True, blank=True, on_delete=models.PROTECT, related_name="away_events"
    )
    leg = models.PositiveSmallIntegerField(default=1)
    name = models.CharField(max_length=250)
    starts_at = models.DateTimeField()  # planned
    started_at = models.DateTimeField(null=True, blank=True)  # actual, where a source tells
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.SCHEDULED)
    #: The start that its closing prices were recorded for; null: they are due once it starts.
    close_recorded_for = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["season", "home", "away", "leg"], name="event_once"),
            models.CheckConstraint(
                condition=~Q(home=models.F("away")), name="event_has_two_different_sides"
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


class Market(models.Model):
    """One question on an event.  ``line`` is the home side's handicap, or the total."""

    class Kind(models.TextChoices):
        MATCH_ODDS = "MATCH_ODDS", "1X2"
        ASIAN_HANDICAP = "ASIAN_HANDICAP", "Asian handicap"
        TOTAL = "TOTAL", "Over/under"

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="markets")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    period = models.CharField(max_length=10, default="FULL")
    line = models.DecimalField(max_digits=6, decimal_places=2, null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["event", "kind", "period", "line"],
                name="market_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(kind="MATCH_ODDS", line__isnull=True)
                | (~Q(kind="MATCH_ODDS") & Q(line__isnull=False)),
                name="market_line_exactly_where_it_has_one",
            ),
        ]

    def __str__(self) -> str:
        if self.line is None:
            return self.get_kind_display()
        sign = "" if self.kind == self.Kind.TOTAL else "+"
        return f"{self.get_kind_display()} {self.line:{sign}.2f}"


class Selection(models.Model):
    """One answer to a market.  ``line`` is its own: the away side's is the home side's, negated."""

    class Role(models.TextChoices):
        HOME = "HOME", "Home"
        DRAW = "DRAW", "Draw"
        AWAY = "AWAY", "Away"
        OVER = "OVER", "Over"
        UNDER = "UNDER", "Under"

    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="selections")
    role = models.CharField(max_length=8, choices=Role.choices)
    name = models.CharField(max_length=120)
    line = models.DecimalField(max_digits=6, decimal_places=2, null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["market", "role"], name="selection_once")]

    def __str__(self) -> str:
        has_handicap = self.line is not None and self.role in (self.Role.HOME, self.Role.AWAY)
        return f"{self.name} {self.line:+.2f}" if has_handicap else self.name
