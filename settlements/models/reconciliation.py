"""Our books held against a venue's, and against themselves: each run, and each difference."""

from django.db import models
from django.db.models import F, Q

from betting.models import Bankroll, Bet
from monitoring.models import APPEND_ONLY
from settlements.models.money import LedgerTransfer


class ReconciliationRun(models.Model):
    """One comparison of a bankroll's books over [``since``, ``until``).  Written once.

    ``venue`` is empty where no venue keeps an account for the bankroll; ``failed`` says why a
    venue could not be compared.  Profits are before commission, of what both sides tell.
    """

    bankroll = models.ForeignKey(Bankroll, on_delete=models.PROTECT, related_name="+")
    venue = models.CharField(max_length=20, blank=True)
    since = models.DateTimeField()
    until = models.DateTimeField()
    made_by = models.CharField(max_length=80)
    made_at = models.DateTimeField()
    bets = models.PositiveIntegerField(default=0)  # of ours that were looked at
    orders = models.PositiveIntegerField(default=0)  # of the venue's
    found = models.PositiveIntegerField(default=0)  # differences
    opened = models.PositiveIntegerField(default=0)  # of them not known before
    resolved = models.PositiveIntegerField(default=0)  # that were open and are gone
    left_out = models.PositiveIntegerField(default=0)  # beyond what one run writes down
    profit_here = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    profit_there = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    commission_here = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    commission_there = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    failed = models.CharField(max_length=250, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(since__lt=F("until")), name="reconciled_a_period")
        ]
        indexes = [models.Index(fields=["bankroll", "-made_at"], name="reconciled_latest")]
        triggers = APPEND_ONLY

    def __str__(self) -> str:
        return f"#{self.pk} {self.bankroll} {self.since:%Y-%m-%d} to {self.until:%Y-%m-%d}"


class ReconciliationItem(models.Model):
    """A difference: what we say, what is said against it, and what became of it.

    Open until a person accepts the other side's value (money moves by a transfer of its own) or
    dismisses it, each with a reason, or until a later run finds both sides equal.
    """

    class Kind(models.TextChoices):
        MISSING_HERE = "MISSING_HERE", "Missing here"
        MISSING_THERE = "MISSING_THERE", "Missing there"
        PROFIT = "PROFIT", "Profit"
        COMMISSION = "COMMISSION", "Commission"
        STAKE = "STAKE", "Stake matched"
        PRICE = "PRICE", "Price"
        OUTCOME = "OUTCOME", "Outcome"
        STATE = "STATE", "State"
        BALANCE = "BALANCE", "Balance"
        DUPLICATE = "DUPLICATE", "Duplicate"
        MISSING_FIELD = "MISSING_FIELD", "Missing field"
        IMPOSSIBLE_PRICE = "IMPOSSIBLE_PRICE", "Impossible price"
        PROFIT_FORMULA = "PROFIT_FORMULA", "Profit formula"
        LEDGER = "LEDGER", "Ledger"

    class State(models.TextChoices):
        OPEN = "OPEN", "Open"
        ACCEPTED = "ACCEPTED", "Theirs accepted"
        DISMISSED = "DISMISSED", "Dismissed"
        RESOLVED = "RESOLVED", "Equal by now"

    #: Differences of money with a venue: its value can be accepted.
    MONEY = (Kind.MISSING_HERE, Kind.MISSING_THERE, Kind.PROFIT, Kind.COMMISSION)

    bankroll = models.ForeignKey(Bankroll, on_delete=models.PROTECT, related_name="+")
    run = models.ForeignKey(ReconciliationRun, on_delete=models.PROTECT, related_name="items")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    venue = models.CharField(max_length=20, blank=True)  # "" of our books against themselves
    key = models.CharField(max_length=120)  # what it is about: "bet:42", "order:717", "market:1.2"
    bet = models.ForeignKey(Bet, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    ours = models.CharField(max_length=120, blank=True)
    theirs = models.CharField(max_length=120, blank=True)
    difference = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    at = models.DateTimeField()  # when what it is about happened
    found_at = models.DateTimeField()
    seen_at = models.DateTimeField()  # last
    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.CharField(max_length=80, blank=True)
    reason = models.CharField(max_length=250, blank=True)
    transfer = models.OneToOneField(
        LedgerTransfer, null=True, blank=True, on_delete=models.PROTECT, related_name="corrects"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["bankroll", "kind", "key"],
                condition=Q(state="OPEN"),
                name="reconciliation_item_open_once",
            ),
            models.CheckConstraint(
                condition=Q(state="OPEN", resolved_at__isnull=True)
                | (~Q(state="OPEN") & Q(resolved_at__isnull=False)),
                name="reconciliation_item_open_or_over",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["ACCEPTED", "DISMISSED"]) | ~Q(reason=""),
                name="reconciliation_item_by_a_person_says_why",
            ),
            models.CheckConstraint(
                condition=Q(state="ACCEPTED", transfer__isnull=False)
                | (~Q(state="ACCEPTED") & Q(transfer__isnull=True)),
                name="reconciliation_item_accepted_moves_money",
            ),
        ]
        indexes = [
            models.Index(fields=["bankroll", "at"], name="reconciliation_item_by_time"),
            models.Index(fields=["bankroll", "key"], name="reconciliation_item_by_key"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.get_kind_display()} {self.key}"
