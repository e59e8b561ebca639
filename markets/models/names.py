"""Who and what is meant by a name: sports, competitions, participants, and what waits for one."""

from django.db import models
from django.db.models import Q


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
    """A team, a player, a runner, or two of them who are counted together.

    ``qualifier`` tells namesakes apart: horses bear the same name in two countries.
    """

    class Kind(models.TextChoices):
        TEAM = "TEAM", "Team"
        PLAYER = "PLAYER", "Player"
        RUNNER = "RUNNER", "Runner"
        PAIR = "PAIR", "Pair"

    sport = models.ForeignKey(Sport, on_delete=models.PROTECT, related_name="participants")
    name = models.CharField(max_length=120)
    qualifier = models.CharField(max_length=40, blank=True, default="", db_default="")  # "NZ"
    kind = models.CharField(
        max_length=8, choices=Kind.choices, default=Kind.TEAM, db_default=Kind.TEAM
    )
    country = models.CharField(max_length=3, blank=True, default="", db_default="")
    data = models.JSONField(
        blank=True, default=dict, db_default=models.Value({}, models.JSONField())
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sport", "name", "qualifier"], name="participant_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.qualifier})" if self.qualifier else self.name


class ParticipantAlias(models.Model):
    """What one source calls a participant, everywhere or in one competition alone."""

    source = models.ForeignKey("markets.Source", on_delete=models.PROTECT, related_name="aliases")
    sport = models.ForeignKey(Sport, on_delete=models.PROTECT)
    competition = models.ForeignKey(
        Competition, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    alias = models.CharField(max_length=120)
    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="aliases")
    made_by = models.CharField(max_length=150, blank=True, default="", db_default="")
    made_at = models.DateTimeField(null=True, blank=True)
    score = models.FloatField(null=True, blank=True)  # how alike the names were, 0 to 100

    class Meta:
        verbose_name_plural = "participant aliases"
        constraints = [
            models.UniqueConstraint(
                fields=["source", "sport", "competition", "alias"],
                name="alias_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.alias} → {self.participant}"


class CompetitionAlias(models.Model):
    """What one source calls a competition."""

    source = models.ForeignKey("markets.Source", on_delete=models.PROTECT, related_name="+")
    sport = models.ForeignKey(Sport, null=True, blank=True, on_delete=models.PROTECT)
    alias = models.CharField(max_length=120)
    competition = models.ForeignKey(Competition, on_delete=models.PROTECT, related_name="aliases")
    made_by = models.CharField(max_length=150, blank=True)
    made_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "competition aliases"
        constraints = [
            models.UniqueConstraint(fields=["source", "alias"], name="competition_alias_once")
        ]

    def __str__(self) -> str:
        return f"{self.alias} → {self.competition}"


class UnknownName(models.Model):
    """A name that a source used and nobody has mapped yet; rows wait for it.

    ``suggestions``: the participants whose names are most alike, [{"id", "name", "score"}], best
    first; ``margin``: by how much the first is ahead of the second.
    """

    class Kind(models.TextChoices):
        PARTICIPANT = "PARTICIPANT", "Participant"
        COMPETITION = "COMPETITION", "Competition"
        BOOK = "BOOK", "Book"

    class State(models.TextChoices):
        OPEN = "OPEN", "Open"
        MAPPED = "MAPPED", "Mapped"
        CREATED = "CREATED", "Created"
        IGNORED = "IGNORED", "Ignored"

    source = models.ForeignKey("markets.Source", on_delete=models.PROTECT, related_name="unknown")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    sport = models.ForeignKey(Sport, null=True, blank=True, on_delete=models.PROTECT)
    competition = models.ForeignKey(
        Competition, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    name = models.CharField(max_length=120)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    rows = models.PositiveIntegerField(default=0)  # how many wait for it
    suggestions = models.JSONField(default=list, blank=True)
    margin = models.FloatField(null=True, blank=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.CharField(max_length=150, blank=True)
    reason = models.CharField(max_length=250, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "kind", "sport", "competition", "name"],
                name="unknown_name_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(state="OPEN", resolved_at__isnull=True, resolved_by="")
                | (~Q(state="OPEN") & Q(resolved_at__isnull=False) & ~Q(resolved_by="")),
                name="unknown_name_resolved_by_somebody",
            ),
        ]
        indexes = [
            models.Index(fields=["-rows"], name="unknown_name_open", condition=Q(state="OPEN"))
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.source})"


class ParkedRow(models.Model):
    """A record that waits for a name or an event; its payload is in the archive, to be read again.

    ``record`` is its number in the payload; ``options`` and ``fetched_at`` are those of the look.
    """

    class Reason(models.TextChoices):
        UNKNOWN_NAME = "UNKNOWN_NAME", "Unknown name"
        AMBIGUOUS_NAME = "AMBIGUOUS_NAME", "Name of several"
        AMBIGUOUS_EVENT = "AMBIGUOUS_EVENT", "Several events fit"
        NO_EVENT = "NO_EVENT", "No event fits"
        SIDES_SWAPPED = "SIDES_SWAPPED", "Sides swapped"

    class State(models.TextChoices):
        WAITING = "WAITING", "Waiting"
        LOADED = "LOADED", "Loaded"
        IGNORED = "IGNORED", "Ignored"

    source = models.ForeignKey("markets.Source", on_delete=models.PROTECT, related_name="parked")
    payload = models.ForeignKey("markets.RawPayload", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=500)  # of the file or address
    options = models.JSONField(default=dict, blank=True)
    fetched_at = models.DateTimeField()
    record = models.PositiveIntegerField()
    reason = models.CharField(max_length=16, choices=Reason.choices)
    detail = models.CharField(max_length=250, blank=True)
    excerpt = models.CharField(max_length=500, blank=True)
    names = models.ManyToManyField(UnknownName, related_name="parked", blank=True)
    parked_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["payload", "name", "record"], name="parked_row_once"),
            models.CheckConstraint(
                condition=Q(state="WAITING", settled_at__isnull=True)
                | (~Q(state="WAITING") & Q(settled_at__isnull=False)),
                name="parked_row_settled_knows_when",
            ),
        ]
        indexes = [
            models.Index(fields=["source"], name="parked_row_waiting", condition=Q(state="WAITING"))
        ]

    def __str__(self) -> str:
        return f"{self.name}:{self.record} {self.get_reason_display()}"
