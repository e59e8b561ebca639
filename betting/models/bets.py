from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now

from betting.domain import orders
from betting.models import orders as order_rules
from betting.models.bankrolls import Bankroll
from betting.models.decisions import Decision
from betting.models.phases import NO_LIVE_BET_IN_A_DRY_RUN
from betting.models.strategies import Strategy
from betting.models.tracking import IMPORTED
from markets.models import Book, Selection


class BetQuerySet(models.QuerySet["Bet"]):
    def open(self) -> "BetQuerySet":
        """Bets that can still lose money."""
        return self.filter(status__in=Bet.OPEN)

    def at_risk(self) -> "BetQuerySet":
        """Open bets, but those of a file that told how they ended."""
        return self.open().filter(Q(tracked=None) | Q(tracked__told_outcome=""))

    def waiting(self) -> "BetQuerySet":
        """Bets whose order stands at a venue, which may match more of it; ours alone."""
        return self.open().filter(order_state__in=orders.WAITING).exclude(venue=Bet.OUTSIDE)


class Bet(models.Model):
    """A stake on a selection, from the intent to place it until it is settled.

    RESERVED -> ACCEPTED -> SETTLED; RESERVED -> REJECTED; RESERVED -> UNKNOWN (the venue did
    not answer) -> ACCEPTED or REJECTED once the venue was asked by ``client_ref``.
    ``profit`` is net of ``commission`` and signed and, with ``outcome``, stands exactly when
    SETTLED.  A bet that a file told may have the price 0: it was one at a starting price that was
    never formed.

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

    bankroll = models.ForeignKey(  # ``bet_bankroll_placed`` finds its bets
        Bankroll, on_delete=models.PROTECT, related_name="bets", db_index=False
    )
    strategy = models.ForeignKey(
        Strategy, null=True, blank=True, on_delete=models.PROTECT, related_name="bets"
    )
    decision = models.OneToOneField(
        Decision, null=True, blank=True, on_delete=models.PROTECT, related_name="bet"
    )
    selection = models.ForeignKey(Selection, on_delete=models.PROTECT, related_name="bets")
    book = models.ForeignKey(
        Book, on_delete=models.PROTECT, related_name="bets", db_index=False
    )  # few books have many bets each: no index narrows much
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
    #: Of a lay that was asked for by what it can lose: ``stake`` is that, rounded to the cent.
    liability_asked = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    liability = models.GeneratedField(
        expression=Coalesce(
            "liability_asked",
            models.Case(
                models.When(side="BACK", then=F("stake")),
                default=F("stake") * (F("price") - Decimal(1)),
            ),
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
    commission = models.DecimalField(max_digits=12, decimal_places=2, default=0, db_default=0)
    settled_at = models.DateTimeField(null=True, blank=True)

    objects = BetQuerySet.as_manager()

    class Meta:
        triggers = [NO_LIVE_BET_IN_A_DRY_RUN]
        constraints = [
            models.CheckConstraint(condition=Q(stake__gt=0), name="bet_stake_positive"),
            models.CheckConstraint(
                condition=Q(price__gt=1) | Q(price=0, venue=IMPORTED), name="bet_price_above_one"
            ),
            models.CheckConstraint(
                condition=Q(liability_asked__isnull=True) | Q(side="LAY", liability_asked__gt=0),
                name="bet_liability_asked_of_lays",
            ),
            models.CheckConstraint(
                condition=Q(commission=0) | Q(status="SETTLED", commission__gt=0),
                name="bet_commission_of_settled",
            ),
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
            models.Index(fields=["bankroll", "settled_at"], name="bet_bankroll_settled"),
            models.Index(fields=["bankroll", "placed_at"], name="bet_bankroll_placed"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.side} {self.stake} @ {self.price}"
