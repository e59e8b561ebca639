from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from betting import order_rules
from betting.cost_models import CostModel as CostModel
from betting.domain import orders
from betting.models_compliance import BookRule as BookRule
from betting.models_compliance import CoolDown as CoolDown
from betting.models_compliance import GamingLimits as GamingLimits
from betting.models_tracking import BetImport as BetImport
from betting.models_tracking import BetMapping as BetMapping
from betting.models_tracking import TrackedBet as TrackedBet
from betting.outside_models import OutsideOrder as OutsideOrder
from betting.phase_models import NO_LIVE_BET_IN_A_DRY_RUN
from betting.phase_models import DryBet as DryBet
from betting.phase_models import Phase as Phase
from betting.phase_models import PhaseChange as PhaseChange
from betting.risk_models import Limit as Limit
from betting.twin_models import PaperTwin as PaperTwin
from markets.models import Book, Selection
from models_ml.models import Pipeline, Prediction, Replay

__all__ = [
    "Bankroll", "Bet", "BetQuerySet", "Decision", "DryBet", "Limit", "PaperOrder", "PhaseChange",
    "Strategy", "TradingHalt",
]  # fmt: skip


class Bankroll(models.Model):
    """Settled cash that stakes are drawn from.

    Locked by whoever places a bet, so two workers cannot stake the same money.
    ``balance`` is moved by ``bankrolls.apply_movements`` alone, and only settlements' ledger
    calls that.  A betting day ends at midnight in ``time_zone``; simulated days are as short as
    their league is fast.
    """

    class Kind(models.TextChoices):
        LIVE = "LIVE", "Live"
        PAPER = "PAPER", "Paper"
        REPLAY = "REPLAY", "Replay"

    name = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=6, choices=Kind.choices, default=Kind.PAPER)
    replay = models.OneToOneField(
        Replay, null=True, blank=True, on_delete=models.PROTECT, related_name="bankroll"
    )
    is_simulated = models.BooleanField(default=False)
    currency = models.CharField(max_length=3, default="EUR")
    time_zone = models.CharField(max_length=64, default="UTC")
    balance = models.DecimalField(max_digits=14, decimal_places=2, default=Decimal("0"))
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="REPLAY", replay__isnull=False)
                | (~Q(kind="REPLAY") & Q(replay__isnull=True)),
                name="bankroll_replay_kind_exactly_in_a_replay",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} (SIMULATED)" if self.is_simulated else self.name


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
    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="strategies")
    is_enabled = models.BooleanField(default=True)
    decide_at_stage = models.CharField(max_length=10, default="T-60m")
    min_edge = models.FloatField(default=0.02)
    max_edge = models.FloatField(default=0.25)  # above it the price or the model is wrong
    min_probability = models.FloatField(default=0.0)
    min_price = models.DecimalField(max_digits=9, decimal_places=3, default=Decimal("1.30"))
    max_price = models.DecimalField(max_digits=9, decimal_places=3, default=Decimal("5.00"))
    max_overround = models.FloatField(default=0.15)
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
    min_stake = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal("1.00"))
    stake_step = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal("0.01"))
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
        ]

    def __str__(self) -> str:
        return self.name


class Decision(models.Model):
    """What a strategy made of a prediction: a bet, or the first reason why not.

    ``chain`` keeps each number on the way: price per book, edge, Kelly share, every cut.
    """

    class Verdict(models.TextChoices):
        BET = "BET", "Bet"
        PASS = "PASS", "Pass"

    strategy = models.ForeignKey(Strategy, on_delete=models.PROTECT, related_name="decisions")
    prediction = models.ForeignKey(Prediction, on_delete=models.PROTECT, related_name="decisions")
    selection = models.ForeignKey(Selection, on_delete=models.PROTECT, related_name="+")
    book = models.ForeignKey(Book, null=True, blank=True, on_delete=models.PROTECT)
    verdict = models.CharField(max_length=4, choices=Verdict.choices)
    reason = models.CharField(max_length=40)  # "EDGE_TOO_SMALL"; "" never
    probability = models.FloatField()
    price = models.DecimalField(max_digits=9, decimal_places=3, null=True, blank=True)
    edge = models.FloatField(null=True, blank=True)
    stake = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal("0"))
    chain = models.JSONField(default=dict)
    decided_at = models.DateTimeField()
    refusal = models.CharField(max_length=40, blank=True)  # why placing refused it last

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["strategy", "prediction"], name="decision_once"),
            models.CheckConstraint(
                condition=Q(verdict="BET", stake__gt=0, price__gt=1, book__isnull=False)
                | Q(verdict="PASS", stake=0),
                name="decision_stakes_exactly_when_it_bets",
            ),
        ]
        indexes = [models.Index(fields=["-decided_at"], name="decision_latest")]

    def __str__(self) -> str:
        return f"#{self.pk} {self.verdict} {self.reason}"


class TradingHalt(models.Model):
    """While one stands, nothing in its scope is staked, or only what lowers an exposure.

    It ends when somebody lifts it or when its time is over, which is recorded as a lift too.
    What people set and what each automatic rule sets stand beside each other on one scope.
    """

    class Scope(models.TextChoices):
        ALL = "ALL", "Everything"
        SPORT = "SPORT", "Sport"
        COMPETITION = "COMPETITION", "Competition"
        BOOK = "BOOK", "Book"
        STRATEGY = "STRATEGY", "Strategy"
        MODEL = "MODEL", "Model"  # a pipeline, whichever version serves
        BANKROLL = "BANKROLL", "Bankroll"

    scope = models.CharField(max_length=12, choices=Scope.choices, default=Scope.ALL)
    scope_id = models.PositiveBigIntegerField(null=True, blank=True)  # null for ALL
    rule = models.CharField(max_length=30, blank=True, default="", db_default="")  # "": a person
    is_reduce_only = models.BooleanField(default=False, db_default=False)
    reason = models.TextField()
    set_by = models.CharField(max_length=150)
    set_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)  # null: until it is lifted
    lifted_by = models.CharField(max_length=150, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lift_reason = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["scope", "scope_id", "rule"],
                condition=Q(lifted_at__isnull=True),
                nulls_distinct=False,
                name="halt_once_per_scope_and_rule",
            ),
            models.CheckConstraint(
                condition=Q(scope="ALL", scope_id__isnull=True)
                | (~Q(scope="ALL") & Q(scope_id__isnull=False)),
                name="halt_names_what_it_stops",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="halt_has_a_reason"),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("set_at")),
                name="halt_ends_after_it_began",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.get_scope_display()}: {self.reason}"


class BetQuerySet(models.QuerySet["Bet"]):
    def open(self) -> "BetQuerySet":
        """Bets that can still lose money."""
        return self.filter(status__in=Bet.OPEN)

    def waiting(self) -> "BetQuerySet":
        """Bets whose order stands at a venue, which may match more of it; ours alone."""
        return self.open().filter(order_state__in=orders.WAITING).exclude(venue=Bet.OUTSIDE)


class Bet(models.Model):
    """A stake on a selection, from the intent to place it until it is settled.

    RESERVED -> ACCEPTED -> SETTLED; RESERVED -> REJECTED; RESERVED -> UNKNOWN (the venue did
    not answer) -> ACCEPTED or REJECTED once the venue was asked by ``client_ref``.
    ``profit`` is net and signed and, with ``outcome``, stands exactly when SETTLED.

    ``order_state`` tells of the order at the venue; its steps are those of ``domain.orders``,
    and a trigger refuses all others.  ``requested_*`` is what was sent, ``matched_*`` what of it
    was taken; ``stake`` and ``price`` are what stands: the matched part, and while the order
    waits also the rest.  A writer that names no order gets the one that its status tells.
    """

    class Status(models.TextChoices):
        RESERVED = "RESERVED", "Reserved"  # our intent is on disk; the venue may not know it
        UNKNOWN = "UNKNOWN", "Unknown"
        ACCEPTED = "ACCEPTED", "Accepted"
        REJECTED = "REJECTED", "Rejected"
        CANCELLED = "CANCELLED", "Cancelled"
        SETTLED = "SETTLED", "Settled"

    class Side(models.TextChoices):
        BACK = "BACK", "Back"
        LAY = "LAY", "Lay"

    class Outcome(models.TextChoices):
        WON = "WON", "Won"
        HALF_WON = "HALF_WON", "Half won"
        PUSH = "PUSH", "Push"
        HALF_LOST = "HALF_LOST", "Half lost"
        LOST = "LOST", "Lost"
        VOID = "VOID", "Void"

    class OrderState(models.TextChoices):
        CREATED = "CREATED", "Created"
        SUBMITTED = "SUBMITTED", "Submitted"
        UNKNOWN = "UNKNOWN", "Unknown"
        ACCEPTED = "ACCEPTED", "Waiting"
        PARTIAL = "PARTIAL", "Partly filled"
        FILLED = "FILLED", "Filled"
        CANCELLED = "CANCELLED", "Cancelled"
        LAPSED = "LAPSED", "Lapsed"
        REJECTED = "REJECTED", "Rejected"

    OPEN = (Status.RESERVED, Status.UNKNOWN, Status.ACCEPTED)
    OUTSIDE = "outside"  # the venue of bets that we did not send

    bankroll = models.ForeignKey(Bankroll, on_delete=models.PROTECT, related_name="bets")
    strategy = models.ForeignKey(
        Strategy, null=True, blank=True, on_delete=models.PROTECT, related_name="bets"
    )
    decision = models.OneToOneField(
        Decision, null=True, blank=True, on_delete=models.PROTECT, related_name="bet"
    )
    selection = models.ForeignKey(Selection, on_delete=models.PROTECT, related_name="bets")
    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="bets")
    venue = models.CharField(max_length=20, default="paper")
    client_ref = models.CharField(max_length=32, unique=True)  # ours; the venue echoes it back
    venue_ref = models.CharField(max_length=60, blank=True)
    side = models.CharField(max_length=4, choices=Side.choices, default=Side.BACK)
    price = models.DecimalField(max_digits=9, decimal_places=3)  # asked for, then matched
    stake = models.DecimalField(max_digits=12, decimal_places=2)
    order_state = models.CharField(max_length=10, choices=OrderState.choices, db_default="")
    requested_price = models.DecimalField(max_digits=9, decimal_places=3, db_default=Decimal("0"))
    requested_stake = models.DecimalField(max_digits=12, decimal_places=2, db_default=Decimal("0"))
    matched_price = models.DecimalField(max_digits=9, decimal_places=3, null=True, blank=True)
    matched_stake = models.DecimalField(max_digits=12, decimal_places=2, db_default=Decimal("0"))
    latency_ms = models.PositiveIntegerField(null=True, blank=True)  # of the venue's answer
    liability = models.GeneratedField(
        expression=models.Case(
            models.When(side="BACK", then=F("stake")),
            default=F("stake") * (F("price") - Decimal(1)),
        ),
        output_field=models.DecimalField(max_digits=14, decimal_places=2),
        db_persist=True,
    )
    probability = models.FloatField(null=True, blank=True)  # ours when it was struck
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RESERVED)
    status_reason = models.CharField(max_length=250, blank=True)
    placed_at = models.DateTimeField()  # logical: in a replay, the replay's own time
    reserved_at = models.DateTimeField(db_default=Now())  # wall clock: how long it waits
    answered_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, null=True, blank=True)
    profit = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    objects = BetQuerySet.as_manager()

    class Meta:
        triggers = [NO_LIVE_BET_IN_A_DRY_RUN]
        constraints = [
            models.CheckConstraint(condition=Q(stake__gt=0), name="bet_stake_positive"),
            models.CheckConstraint(condition=Q(price__gt=1), name="bet_price_above_one"),
            models.CheckConstraint(
                condition=Q(
                    status="SETTLED",
                    profit__isnull=False,
                    outcome__isnull=False,
                    settled_at__isnull=False,
                )
                | (
                    ~Q(status="SETTLED")
                    & Q(profit__isnull=True, outcome__isnull=True, settled_at__isnull=True)
                ),
                name="bet_profit_exactly_when_settled",
            ),
            *order_rules.CONSTRAINTS,
        ]
        indexes = [
            models.Index(
                fields=["bankroll", "selection"],
                name="bet_open",
                condition=Q(status__in=["RESERVED", "UNKNOWN", "ACCEPTED"]),
            ),
            models.Index(fields=["selection"], name="bet_selection"),
            models.Index(fields=["bankroll", "settled_at"], name="bet_bankroll_settled"),
            models.Index(fields=["bankroll", "placed_at"], name="bet_bankroll_placed"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.side} {self.stake} @ {self.price}"


class PaperOrder(models.Model):
    """What the paper venue remembers of an order: its side of the story, asked by reference."""

    client_ref = models.CharField(max_length=32, unique=True)
    state = models.CharField(max_length=10)  # ACCEPTED, REJECTED, CANCELLED
    reason = models.CharField(max_length=250, blank=True)
    fill = models.JSONField(null=True, blank=True)  # by a cost model; null: whole and at once
    price = models.DecimalField(max_digits=9, decimal_places=3)
    stake = models.DecimalField(max_digits=12, decimal_places=2)
    received_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.client_ref} {self.state}"
