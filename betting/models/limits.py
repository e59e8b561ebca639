from decimal import Decimal

from django.db import models
from django.db.models import Q

from betting.domain.limits import COUNTED

MOST = Decimal("999999999999.99")  # PostgreSQL's NaN is above every number
MOST_NUMBER = Decimal("999999.999")
_COUNTED = [str(each) for each in COUNTED]


class Limit(models.Model):
    """How much a bankroll may have at stake on something, or lose, before nothing more is staked.

    A bankroll's own row stands in place of the one for all; a row that is switched off counts
    for nothing.  Amounts are in the bankroll's currency.  Replays heed their own rows alone.
    """

    class Dimension(models.TextChoices):
        STAKE = "STAKE", "Stake of a bet"
        LIABILITY = "LIABILITY", "Liability of a bet"
        PRICE = "PRICE", "Greatest price"
        EVENT = "EVENT", "Open on one event"
        MARKET = "MARKET", "Open on one market"
        SELECTION = "SELECTION", "Open on one selection"
        PARTICIPANT = "PARTICIPANT", "Open on one side"
        CONFERENCE = "CONFERENCE", "Open on one conference"
        DIVISION = "DIVISION", "Open on one division"
        GROUP = "GROUP", "Open on one group of ours"
        COMPETITION = "COMPETITION", "Open in one competition"
        SPORT = "SPORT", "Open in one sport"
        BOOK = "BOOK", "Open at one book"
        STRATEGY = "STRATEGY", "Open of one strategy"
        DAY = "DAY", "Staked in a betting day"
        WEEK = "WEEK", "Staked in a betting week"
        OPEN = "OPEN", "Open in all"
        OPEN_BETS = "OPEN_BETS", "Bets open at once"
        DAY_BETS = "DAY_BETS", "Bets in a betting day"
        STRATEGY_BETS = "STRATEGY_BETS", "Bets of one strategy in a day"
        FLOOR = "FLOOR", "Kept whatever is lost"
        DAILY_LOSS = "DAILY_LOSS", "Lost in a betting day"
        WEEKLY_LOSS = "WEEKLY_LOSS", "Lost in a betting week"
        DRAWDOWN = "DRAWDOWN", "Below its best"
        LOSING_STREAK = "LOSING_STREAK", "Bets lost in a row"
        VENUE_FAILURES = "VENUE_FAILURES", "Failures at venues in five minutes"

    bankroll = models.ForeignKey(
        "betting.Bankroll",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="limits",
    )
    dimension = models.CharField(max_length=16, choices=Dimension.choices)
    share = models.FloatField(null=True, blank=True)  # of the balance
    amount = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    number = models.DecimalField(max_digits=9, decimal_places=3, null=True, blank=True)
    is_enabled = models.BooleanField(default=True, db_default=True)
    reason = models.CharField(max_length=500, blank=True, default="", db_default="")
    changed_by = models.CharField(max_length=150, blank=True, default="", db_default="")
    changed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["bankroll", "dimension"], nulls_distinct=False, name="limit_once"
            ),
            models.CheckConstraint(
                condition=Q(share__isnull=True) | Q(share__gt=0, share__lte=1),
                name="limit_share_is_a_share",
                violation_error_message="share must be above 0 and at most 1",
            ),
            models.CheckConstraint(
                condition=Q(amount__isnull=True) | Q(amount__gte=0, amount__lte=MOST),
                name="limit_amount_is_money",
                violation_error_message="amount must be 0 or more",
            ),
            models.CheckConstraint(
                condition=Q(number__isnull=True) | Q(number__gt=0, number__lte=MOST_NUMBER),
                name="limit_number_is_positive",
                violation_error_message="number must be above 0",
            ),
            models.CheckConstraint(
                condition=(
                    Q(dimension__in=_COUNTED, number__isnull=False)
                    & Q(share__isnull=True, amount__isnull=True)
                )
                | (
                    ~Q(dimension__in=_COUNTED)
                    & Q(number__isnull=True)
                    & (Q(share__isnull=False) | Q(amount__isnull=False))
                ),
                name="limit_says_how_much",
                violation_error_message="counts and prices need a number alone, money a share of"
                " the balance, an amount, or both",
            ),
        ]

    def __str__(self) -> str:
        whose = "every bankroll" if self.bankroll_id is None else f"bankroll #{self.bankroll_id}"
        return f"{self.get_dimension_display()}, {whose}"
