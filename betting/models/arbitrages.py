"""Rows about arbitrage: what was seen, the bets that belong together, which books settle alike.

Part of ``betting.models``, which is where others import them from.
"""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from betting.models.bets import Bet
from betting.models.strategies import Strategy
from markets.models import Book, Market, Selection, Sport

#: Bets of it may stand alone at this moment.
LIVE = ("PLACING", "UNHEDGED")
TAKEN = (*LIVE, "HEDGED", "CLOSED_OUT", "HANDLED", "SETTLED")


class Arbitrage(models.Model):
    """Prices of several books at which every outcome of a market pays more than all stakes.

    PASSED: seen and left alone, ``reason`` says why; one row for a strategy and market, the
    latest sight of it.  Else its bets were reserved together.  Money is in the bankroll's
    currency; ``worst`` and ``best`` are what the outcomes bring, as planned and, once its bets
    are answered, as they stand.  ``max_loss`` is what closing a lone leg may cost.
    """

    class State(models.TextChoices):
        PASSED = "PASSED", "Passed over"
        PLACING = "PLACING", "Placing"  # reserved, being sent leg by leg
        HEDGED = "HEDGED", "Complete"
        CLOSED_OUT = "CLOSED_OUT", "Closed out"  # completed at other prices, maybe at a loss
        UNHEDGED = "UNHEDGED", "Unhedged"  # something stands alone
        FAILED = "FAILED", "Nothing taken"
        HANDLED = "HANDLED", "Handled"  # a person says that it is hedged elsewhere
        SETTLED = "SETTLED", "Settled alone"  # it stood alone until its bets were settled

    strategy = models.ForeignKey(Strategy, on_delete=models.PROTECT, related_name="arbitrages")
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices)
    reason = models.CharField(max_length=40, blank=True, default="")  # why it is in this state
    found_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)  # null while bets may stand alone
    guaranteed = models.FloatField()  # of each unit staked, at the prices seen
    total = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal("0"))
    worst = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal("0"))
    best = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal("0"))
    max_loss = models.DecimalField(max_digits=12, decimal_places=2, default=Decimal("0"))
    chain = models.JSONField(default=dict)
    note = models.CharField(max_length=250, blank=True, default="")  # of who handled it

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["strategy", "market"],
                condition=Q(state__in=TAKEN),
                name="arbitrage_taken_once",
            ),
            models.UniqueConstraint(
                fields=["strategy", "market"],
                condition=Q(state="PASSED"),
                name="arbitrage_passed_once",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[*TAKEN, "PASSED", "FAILED"]), name="arbitrage_state_is_known"
            ),
            models.CheckConstraint(
                condition=(Q(state__in=LIVE) & Q(closed_at__isnull=True))
                | (~Q(state__in=LIVE) & Q(closed_at__isnull=False)),
                name="arbitrage_open_while_legs_may_stand_alone",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["PASSED", "UNHEDGED", "FAILED"]) | ~Q(reason=""),
                name="arbitrage_says_why",
            ),
            models.CheckConstraint(
                condition=Q(total__gte=0, max_loss__gte=0)
                & (Q(state="PASSED") | Q(total__gt=0))
                & Q(worst__lte=F("best")),
                name="arbitrage_money_is_sound",
            ),
            models.CheckConstraint(
                condition=~Q(state="HANDLED") | ~Q(note=""), name="arbitrage_handled_with_a_note"
            ),
        ]
        indexes = [
            models.Index(fields=["-seen_at"], name="arbitrage_latest"),
            models.Index(fields=["id"], condition=Q(state__in=LIVE), name="arbitrage_live"),
        ]

    def __str__(self) -> str:
        return f"Arbitrage #{self.pk}"


class ArbitrageLeg(models.Model):
    """One bet of an arbitrage, in the order of sending; a HEDGE covers what a leg fell short of."""

    class Role(models.TextChoices):
        LEG = "LEG", "Leg"
        HEDGE = "HEDGE", "Hedge"

    arbitrage = models.ForeignKey(Arbitrage, on_delete=models.PROTECT, related_name="legs")
    rank = models.PositiveSmallIntegerField()
    role = models.CharField(max_length=5, choices=Role.choices)
    selection = models.ForeignKey(Selection, on_delete=models.PROTECT, related_name="+")
    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="+")
    price = models.DecimalField(max_digits=9, decimal_places=3)
    commission = models.DecimalField(max_digits=7, decimal_places=6, default=Decimal("0"))
    stake = models.DecimalField(max_digits=12, decimal_places=2)  # as planned
    bet = models.OneToOneField(Bet, on_delete=models.PROTECT, related_name="arbitrage_leg")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["arbitrage", "rank"], name="arbitrage_leg_rank_once"),
            models.UniqueConstraint(
                fields=["arbitrage", "selection"],
                condition=Q(role="LEG"),
                name="arbitrage_leg_selection_once",
            ),
            models.CheckConstraint(
                condition=Q(stake__gt=0, price__gt=1, commission__gte=0, commission__lt=1),
                name="arbitrage_leg_is_sound",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()} {self.rank} of arbitrage #{self.arbitrage_id}"


class SettlingTerms(models.Model):
    """By which terms a book settles a kind of market of a sport: the same words, the same terms.

    Legs of an arbitrage stand at books of the same terms alone.
    """

    sport = models.ForeignKey(Sport, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20, choices=Market.Kind.choices)
    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="+")
    terms = models.CharField(max_length=120)  # "" is no row
    reason = models.CharField(max_length=250)
    changed_by = models.CharField(max_length=150)
    changed_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "settling terms"
        constraints = [
            models.UniqueConstraint(fields=["sport", "kind", "book"], name="settling_terms_once"),
            models.CheckConstraint(
                condition=~Q(terms="") & ~Q(reason=""), name="settling_terms_say_which_and_why"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.book}, {self.sport} {self.get_kind_display()}: {self.terms}"
