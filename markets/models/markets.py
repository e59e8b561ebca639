"""Questions on an event and the answers to them."""

from django.db import models
from django.db.models import Q

from markets.models.events import Event
from markets.models.names import Participant


def _exactly(has: Q, where: Q) -> Q:
    """Return a condition that holds where both hold or neither does."""
    return (has & where) | (~has & ~where)


class Market(models.Model):
    """One question on an event.

    ``line`` is the home side's handicap, or the total.  ``participant`` is whose total it asks
    for, ``statistic`` which figure of a player ("points"); "" and null where it is the score.
    """

    class Kind(models.TextChoices):
        MATCH_ODDS = "MATCH_ODDS", "1X2"
        MONEYLINE = "MONEYLINE", "Moneyline"
        SPREAD = "SPREAD", "Point spread"
        ASIAN_HANDICAP = "ASIAN_HANDICAP", "Asian handicap"
        TOTAL = "TOTAL", "Over/under"
        TEAM_TOTAL = "TEAM_TOTAL", "Team over/under"
        BOTH_SCORE = "BOTH_SCORE", "Both teams to score"
        DRAW_NO_BET = "DRAW_NO_BET", "Draw no bet"
        DOUBLE_CHANCE = "DOUBLE_CHANCE", "Double chance"
        PLAYER_TOTAL = "PLAYER_TOTAL", "Player over/under"
        PLAYER_LEADER = "PLAYER_LEADER", "Leader in a statistic"
        WIN = "WIN", "Win"
        PLACE = "PLACE", "Place"
        EACH_WAY = "EACH_WAY", "Each way"
        OUTRIGHT = "OUTRIGHT", "Outright"

    class Period(models.TextChoices):
        FULL = "FULL", "Whole event"  # soccer: 90 minutes; American sports: with overtime
        REG = "REG", "Without overtime"
        H1 = "H1", "First half"
        H2 = "H2", "Second half"  # American sports: with overtime
        Q1 = "Q1", "First quarter"
        Q2 = "Q2", "Second quarter"
        Q3 = "Q3", "Third quarter"
        Q4 = "Q4", "Fourth quarter"
        SET1 = "SET1", "First set"
        SET2 = "SET2", "Second set"
        SET3 = "SET3", "Third set"
        SET4 = "SET4", "Fourth set"
        SET5 = "SET5", "Fifth set"

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="markets")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    period = models.CharField(max_length=10, choices=Period.choices, default=Period.FULL)
    participant = models.ForeignKey(
        Participant, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    statistic = models.CharField(max_length=40, blank=True, default="", db_default="")
    line = models.DecimalField(max_digits=7, decimal_places=2, null=True, blank=True)
    places = models.PositiveSmallIntegerField(null=True, blank=True)
    place_fraction = models.CharField(max_length=5, blank=True, default="", db_default="")  # "1/4"

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["event", "kind", "period", "participant", "statistic", "line"],
                name="market_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=_exactly(
                    Q(line__isnull=False),
                    Q(kind__in=["ASIAN_HANDICAP", "SPREAD", "TOTAL", "TEAM_TOTAL", "PLAYER_TOTAL"]),
                ),
                name="market_line_exactly_where_it_has_one",
            ),
            models.CheckConstraint(
                condition=_exactly(
                    Q(participant__isnull=False), Q(kind__in=["TEAM_TOTAL", "PLAYER_TOTAL"])
                ),
                name="market_participant_exactly_where_it_has_one",
            ),
            models.CheckConstraint(
                condition=_exactly(~Q(statistic=""), Q(kind__in=["PLAYER_TOTAL", "PLAYER_LEADER"])),
                name="market_statistic_exactly_where_it_has_one",
            ),
            models.CheckConstraint(
                condition=Q(places__isnull=True, place_fraction="")
                | Q(kind="PLACE", place_fraction="")
                | Q(kind="EACH_WAY"),
                name="market_places_only_where_placed",
            ),
        ]

    def __str__(self) -> str:
        parts = [
            self.participant.name if self.participant is not None else "",
            self.statistic.replace("_", " "),
            "" if self.period == self.Period.FULL else self.period,
            self._line(),
        ]
        return " ".join([self.get_kind_display(), *(part for part in parts if part)])

    def _line(self) -> str:
        if self.line is None:
            return ""
        is_handicap = self.kind in (self.Kind.ASIAN_HANDICAP, self.Kind.SPREAD)
        return f"{self.line:{'+' if is_handicap else ''}.2f}"


class Selection(models.Model):
    """One answer to a market.  ``line`` is its own: the away side's is the home side's, negated.

    A RUNNER is a participant: a horse, a player, a team that may win the league.
    """

    class Role(models.TextChoices):
        HOME = "HOME", "Home"
        DRAW = "DRAW", "Draw"
        AWAY = "AWAY", "Away"
        OVER = "OVER", "Over"
        UNDER = "UNDER", "Under"
        YES = "YES", "Yes"
        NO = "NO", "No"
        HOME_DRAW = "HOME_DRAW", "Home or draw"
        HOME_AWAY = "HOME_AWAY", "Home or away"
        DRAW_AWAY = "DRAW_AWAY", "Draw or away"
        RUNNER = "RUNNER", "Runner"

    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="selections")
    role = models.CharField(max_length=10, choices=Role.choices)
    participant = models.ForeignKey(
        Participant, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    name = models.CharField(max_length=120)
    line = models.DecimalField(max_digits=7, decimal_places=2, null=True, blank=True)
    number = models.PositiveSmallIntegerField(null=True, blank=True)  # on the cloth or the trap
    removed_at = models.DateTimeField(null=True, blank=True)  # from when on it does not run
    reduction = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)  # %

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["market", "role", "participant"],
                name="selection_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=_exactly(Q(participant__isnull=False), Q(role="RUNNER")),
                name="selection_runner_is_a_participant",
            ),
        ]

    def __str__(self) -> str:
        has_handicap = self.line is not None and self.role in (self.Role.HOME, self.Role.AWAY)
        return f"{self.name} {self.line:+.2f}" if has_handicap else self.name


class MarketAlias(models.Model):
    """A publisher's own id of a market."""

    namespace = models.SlugField(max_length=30)
    ref = models.CharField(max_length=80)  # "1.206064380"
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="refs")

    class Meta:
        verbose_name_plural = "market aliases"
        constraints = [models.UniqueConstraint(fields=["namespace", "ref"], name="market_ref_once")]

    def __str__(self) -> str:
        return f"{self.namespace} {self.ref}"


class SelectionAlias(models.Model):
    """A publisher's own id of a selection, which it may use in several of its markets."""

    namespace = models.SlugField(max_length=30)
    market_ref = models.CharField(max_length=80)
    ref = models.CharField(max_length=40)
    selection = models.ForeignKey(Selection, on_delete=models.PROTECT, related_name="refs")

    class Meta:
        verbose_name_plural = "selection aliases"
        constraints = [
            models.UniqueConstraint(
                fields=["namespace", "market_ref", "ref"], name="selection_ref_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.namespace} {self.market_ref}/{self.ref}"
