"""How settled bets did by betting day, and which days are to be summed anew.

A part of ``settlements.models``, which everybody imports these from.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from betting.models import Bankroll, Strategy


def _money() -> models.DecimalField:
    return models.DecimalField(max_digits=18, decimal_places=2)


def _sum() -> models.DecimalField:
    return models.DecimalField(max_digits=40, decimal_places=9)


class PerformanceDay(models.Model):
    """The sums over the bets that settled on one betting day, by one cut of them.

    A row tells of a bankroll's bets, or of one of its strategies' alone, that share ``key`` in
    the ``cut``: all of them, those at one book, those on one team.  Each bet is in exactly one
    row of every cut, so the rows of a cut add up over days and keys.

    Bets on one event are not independent.  They make a cluster, and what an interval needs of the
    clusters (sums of squares and products) is kept beside the plain sums; those add up over days
    as well, an event that settles on two days being two clusters.  Void bets are counted in
    ``void`` alone.  Written by ``services.daily`` alone, a day of a bankroll at a time.
    """

    class Cut(models.TextChoices):
        ALL = "ALL", "All"
        STRATEGY = "STRATEGY", "Strategy"
        SPORT = "SPORT", "Sport"
        COMPETITION = "COMPETITION", "Competition"
        MARKET = "MARKET", "Market"
        BOOK = "BOOK", "Book"
        SIDE = "SIDE", "Side"
        VERSION = "VERSION", "Model version"
        EDGE = "EDGE", "Edge when struck"
        HOURS = "HOURS", "Hours to the start"
        HOUR = "HOUR", "Hour of the day"
        SITUATION = "SITUATION", "Situation"
        ODDS = "ODDS", "Favourite or outsider"
        TEAM = "TEAM", "Team"

    bankroll = models.ForeignKey(Bankroll, on_delete=models.PROTECT, related_name="+")
    day = models.DateField()  # in the bankroll's zone
    strategy = models.ForeignKey(  # null: all of the bankroll's bets
        Strategy, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    cut = models.CharField(max_length=12, choices=Cut.choices)
    key = models.CharField(max_length=60, blank=True)  # "" where a bet has none

    bets = models.PositiveIntegerField()
    events = models.PositiveIntegerField()  # clusters
    void = models.PositiveIntegerField()
    won = models.PositiveIntegerField()  # brought anything
    lost = models.PositiveIntegerField()  # cost anything
    turnover = _money()  # stakes; of lays what they could lose
    profit = _money()
    commission = _money()

    valued = models.PositiveIntegerField()  # held against a close
    valued_events = models.PositiveIntegerField()
    beat = models.PositiveIntegerField()  # margin-free CLV above 0
    valued_turnover = _money()
    valued_profit = _money()
    clv = _sum()  # of the valued bets, margin-free
    clv_raw = _sum()
    clv_by_stake = _sum()  # CLV x turnover
    expected = _sum()  # profit that the close expected of the valued bets
    modelled = models.PositiveIntegerField()  # had a probability of ours
    modelled_turnover = _money()
    modelled_profit = _money()
    model_expected = _sum()  # profit that our probabilities expected of them

    # Over clusters: squares and products of their sums.
    profit_2 = _sum()
    profit_turnover = _sum()
    turnover_2 = _sum()
    clv_2 = _sum()
    clv_valued = _sum()
    valued_2 = _sum()
    excess_2 = _sum()  # excess: profit less what the close expected, of the valued bets
    excess_turnover = _sum()
    valued_turnover_2 = _sum()

    #: Of all bets of a bankroll: each new height of the day's profit, and the lowest after it.
    path = ArrayField(_money(), null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["bankroll", "cut", "strategy", "day", "key"],
                name="performance_day_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(path__isnull=True) | Q(cut="ALL", strategy__isnull=True),
                name="performance_day_path_of_all",
            ),
        ]
        indexes = [models.Index(fields=["bankroll", "day"], name="performance_day_of")]

    def __str__(self) -> str:
        return f"{self.bankroll} {self.day} {self.get_cut_display()} {self.key}".rstrip()


class PerformanceDue(models.Model):
    """A betting day of a bankroll whose sums are to be made anew.

    Written in the transaction that settles, charges or values a bet of it; taken away by the one
    that sums.  A worker killed between the two leaves it for the next.
    """

    bankroll = models.ForeignKey(Bankroll, on_delete=models.PROTECT, related_name="+")
    day = models.DateField()

    class Meta:
        indexes = [models.Index(fields=["bankroll", "day"], name="performance_due_of")]

    def __str__(self) -> str:
        return f"{self.bankroll} {self.day}"
