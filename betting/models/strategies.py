from decimal import Decimal

from django.db import models
from django.db.models import F, Func, Q, TextField, Value
from django.db.models.lookups import Exact

from betting.models.bankrolls import Bankroll
from betting.models.phases import Phase
from markets.models import Book
from models_ml.models import Pipeline


class Strategy(models.Model):
    """What to bet on and how much: the row is the operator's, ``code`` names the program.

    Shares and probabilities lie in [0, 1]; prices are decimal; edge is what a unit staked is
    expected to bring: probability x price - 1 where nothing is refunded.
    """

    class Staking(models.TextChoices):
        FRACTIONAL_KELLY = "FRACTIONAL_KELLY", "A fraction of Kelly, each bet by itself"
        SIMULTANEOUS_KELLY = "SIMULTANEOUS_KELLY", "A fraction of Kelly, those that start together"
        FLAT = "FLAT", "The same amount each"
        PERCENT = "PERCENT", "The same share of the bankroll each"

    Phase = Phase

    name = models.CharField(max_length=60, unique=True)
    code = models.CharField(max_length=40)  # a registered strategy: "value"
    bankroll = models.ForeignKey(Bankroll, on_delete=models.PROTECT, related_name="strategies")
    pipeline = models.ForeignKey(  # whose predictions it bets on; arbitrage bets on none
        Pipeline, null=True, blank=True, on_delete=models.PROTECT, related_name="strategies"
    )
    is_enabled = models.BooleanField(default=True)
    decide_at_stage = models.CharField(max_length=10, default="T-60m")
    parameters = models.JSONField(  # what the program alone is told; see docs/strategies.md
        default=dict, blank=True, db_default=Value({}, models.JSONField())
    )
    min_hours_to_start = models.FloatField(null=True, blank=True)  # by the league's own clock
    max_hours_to_start = models.FloatField(null=True, blank=True)
    min_edge = models.FloatField(default=0.02)
    max_edge = models.FloatField(default=0.25)  # above it the price or the model is wrong
    min_probability = models.FloatField(default=0.0)
    min_price = models.DecimalField(max_digits=9, decimal_places=3, default=Decimal("1.30"))
    max_price = models.DecimalField(max_digits=9, decimal_places=3, default=Decimal("5.00"))
    max_overround = models.FloatField(default=0.15)
    min_liquidity = models.DecimalField(  # on offer at the best price, asked of exchanges alone
        max_digits=12, decimal_places=2, null=True, blank=True
    )
    max_price_age_seconds = models.PositiveIntegerField(default=600)
    staking = models.CharField(
        max_length=20,
        choices=Staking.choices,
        default=Staking.FRACTIONAL_KELLY,
        db_default=Staking.FRACTIONAL_KELLY,
    )
    kelly_fraction = models.FloatField(default=0.25)
    flat_stake = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    stake_share = models.FloatField(null=True, blank=True)  # of the bankroll, by PERCENT
    commission = models.FloatField(default=0.0, db_default=0.0)  # of winnings, at exchanges
    is_drawdown_scaled = models.BooleanField(default=False, db_default=False)
    is_correlation_discounted = models.BooleanField(default=False, db_default=False)
    phase = models.CharField(  # changed by ``phasing`` alone
        max_length=10, choices=Phase.choices, default=Phase.PRODUCTION, db_default=Phase.PRODUCTION
    )
    allocation = models.FloatField(default=1.0, db_default=1.0)  # the bankroll's share that is its
    max_stake_share = models.FloatField(default=0.02)  # of the bankroll, one bet
    max_event_share = models.FloatField(default=0.03)  # open on one event
    max_day_share = models.FloatField(default=0.15)  # staked in one betting day
    max_open_share = models.FloatField(default=0.25)  # open at one time
    max_day_bets = models.PositiveSmallIntegerField(null=True, blank=True)  # in one betting day
    min_stake = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal("1.00"))
    stake_step = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal("0.01"))
    max_hedge_loss_share = models.FloatField(default=0.02, db_default=0.02)  # of an arbitrage
    books = models.ManyToManyField(Book, blank=True, related_name="+")  # none: every enabled one

    class Meta:
        verbose_name_plural = "strategies"
        constraints = [
            models.CheckConstraint(
                condition=Q(kelly_fraction__gt=0, kelly_fraction__lte=1),
                name="strategy_kelly_fraction_is_a_share",
            ),
            models.CheckConstraint(
                condition=Q(max_stake_share__gt=0, max_stake_share__lte=1)
                & Q(max_event_share__gt=0, max_event_share__lte=1)
                & Q(max_day_share__gt=0, max_day_share__lte=1)
                & Q(max_open_share__gt=0, max_open_share__lte=1),
                name="strategy_caps_are_shares",
            ),
            models.CheckConstraint(
                condition=Q(min_price__gt=1, max_price__gte=F("min_price")),
                name="strategy_price_range",
            ),
            models.CheckConstraint(
                condition=Q(min_edge__lte=F("max_edge")), name="strategy_edge_range"
            ),
            models.CheckConstraint(
                condition=Q(min_stake__gt=0, stake_step__gt=0), name="strategy_stakes_positive"
            ),
            models.CheckConstraint(
                condition=~Q(staking="FLAT") | Q(flat_stake__isnull=False),
                name="strategy_flat_has_an_amount",
                violation_error_message="staking FLAT needs flat_stake, an amount",
            ),
            models.CheckConstraint(
                condition=Q(flat_stake__isnull=True) | Q(flat_stake__gt=0),
                name="strategy_flat_stake_positive",
                violation_error_message="flat_stake must be above 0",
            ),
            models.CheckConstraint(
                condition=~Q(staking="PERCENT") | Q(stake_share__isnull=False),
                name="strategy_percent_has_a_share",
                violation_error_message="staking PERCENT needs stake_share, a share of 1",
            ),
            models.CheckConstraint(
                condition=Q(stake_share__isnull=True) | Q(stake_share__gt=0, stake_share__lte=1),
                name="strategy_stake_share_is_a_share",
                violation_error_message="stake_share must be above 0 and at most 1",
            ),
            models.CheckConstraint(
                condition=Q(commission__gte=0, commission__lt=1),
                name="strategy_commission_is_a_share",
                violation_error_message="commission must be at least 0 and below 1",
            ),
            models.CheckConstraint(
                condition=Q(
                    staking__in=["FRACTIONAL_KELLY", "SIMULTANEOUS_KELLY", "FLAT", "PERCENT"]
                ),
                name="strategy_staking_is_known",
            ),
            models.CheckConstraint(
                condition=Q(phase__in=["DRY_RUN", "MICRO", "PRODUCTION"]),
                name="strategy_phase_is_known",
            ),
            models.CheckConstraint(
                condition=Q(allocation__gt=0, allocation__lte=1),
                name="strategy_allocation_is_a_share",
                violation_error_message="allocation must be above 0 and at most 1",
            ),
            models.CheckConstraint(
                condition=(Q(min_hours_to_start__isnull=True) | Q(min_hours_to_start__gte=0))
                & (Q(max_hours_to_start__isnull=True) | Q(max_hours_to_start__gt=0)),
                name="strategy_window_is_before_the_start",
                violation_error_message="hours to the start are not below 0, the most above it",
            ),
            models.CheckConstraint(
                condition=Q(min_hours_to_start__isnull=True)
                | Q(max_hours_to_start__isnull=True)
                | Q(min_hours_to_start__lte=F("max_hours_to_start")),
                name="strategy_window_range",
                violation_error_message="min_hours_to_start must not exceed max_hours_to_start",
            ),
            models.CheckConstraint(
                condition=Q(min_liquidity__isnull=True) | Q(min_liquidity__gt=0),
                name="strategy_liquidity_positive",
                violation_error_message="min_liquidity must be above 0",
            ),
            models.CheckConstraint(
                condition=Q(max_day_bets__isnull=True) | Q(max_day_bets__gte=1),
                name="strategy_day_has_a_bet",
                violation_error_message="max_day_bets must be at least 1",
            ),
            models.CheckConstraint(
                condition=Exact(
                    Func(F("parameters"), function="jsonb_typeof", output_field=TextField()),
                    Value("object"),
                ),
                name="strategy_parameters_have_names",
                violation_error_message="parameters must be names with their values",
            ),
            models.CheckConstraint(
                condition=Q(code="arbitrage", pipeline__isnull=True)
                | (~Q(code="arbitrage") & Q(pipeline__isnull=False)),
                name="strategy_pipeline_exactly_without_arbitrage",
                violation_error_message="a strategy bets on a pipeline's predictions; arbitrage"
                " has none",
            ),
            models.CheckConstraint(
                condition=Q(max_hedge_loss_share__gte=0, max_hedge_loss_share__lte=1),
                name="strategy_hedge_loss_is_a_share",
                violation_error_message="max_hedge_loss_share must be from 0 to 1",
            ),
        ]

    def __str__(self) -> str:
        return self.name
