"""Bets that no venue of ours was sent: what a person recorded, and what a file told.

A part of ``betting.models``, which everybody imports these from.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q, Value

#: In ``Bet.venue``: recorded by a person, told by a file.  There is nobody to ask about them.
MANUAL, IMPORTED = "manual", "imported"
UNSENT = (MANUAL, IMPORTED)


class BetMapping(models.Model):
    """What the columns of a file of bets mean; the audit keeps what it said before."""

    name = models.SlugField(max_length=50, unique=True)
    title = models.CharField(max_length=120)
    is_enabled = models.BooleanField(default=True)
    spec = models.JSONField()
    changed_by = models.CharField(max_length=150)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.title


class BetImport(models.Model):
    """One reading of a file of bets, with the mapping as it was then.

    Every row ended as one of three: a new bet, one that was known, or refused.
    """

    mapping = models.ForeignKey(BetMapping, on_delete=models.PROTECT, related_name="imports")
    spec = models.JSONField()
    file = models.CharField(max_length=250)
    sha256 = models.CharField(max_length=64)
    imported_by = models.CharField(max_length=150)
    imported_at = models.DateTimeField()
    rows = models.PositiveIntegerField()
    made = models.PositiveIntegerField()
    unchanged = models.PositiveIntegerField()
    refused = models.PositiveIntegerField()
    errors = models.JSONField(default=list)  # the first of them

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(rows=F("made") + F("unchanged") + F("refused")),
                name="bet_import_rows_add_up",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.file}"


class TrackedBet(models.Model):
    """What is known of a bet that was placed elsewhere, beside the bet itself.

    ``reference`` is what it is known by outside; the same reference twice is the same bet.
    What a file published of it (``told_…``) are facts of the file's: no settlement of ours.
    """

    class Outcome(models.TextChoices):
        WON = "WON", "Won"
        HALF_WON = "HALF_WON", "Half won"
        PUSH = "PUSH", "Push"
        HALF_LOST = "HALF_LOST", "Half lost"
        LOST = "LOST", "Lost"
        VOID = "VOID", "Void"

    bet = models.OneToOneField("betting.Bet", on_delete=models.PROTECT, related_name="tracked")
    reference = models.CharField(max_length=120, unique=True)
    note = models.CharField(max_length=500, blank=True)
    recorded_by = models.CharField(max_length=150)
    recorded_at = models.DateTimeField()
    imported = models.ForeignKey(
        BetImport, null=True, blank=True, on_delete=models.PROTECT, related_name="bets"
    )
    row = models.PositiveIntegerField(null=True, blank=True)  # of its file, the first one 1
    told_stake = models.DecimalField(max_digits=20, decimal_places=10, null=True, blank=True)
    #: A lay whose told stake is what it can lose; ``Bet.stake`` is the backer's, in whole cents.
    is_stake_liability = models.BooleanField(default=False, db_default=False)
    told_outcome = models.CharField(
        max_length=10, choices=Outcome.choices, blank=True, default="", db_default=""
    )
    told_commission = models.DecimalField(  # a share of the winnings
        max_digits=9, decimal_places=8, null=True, blank=True
    )
    told_profit = models.DecimalField(max_digits=20, decimal_places=10, null=True, blank=True)
    #: Which limits it broke, in words, where it was written down beyond them.
    beyond = ArrayField(
        models.CharField(max_length=250), blank=True, default=list, db_default=Value([])
    )
    kept = models.JSONField(blank=True, default=dict, db_default=Value({}, models.JSONField()))

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(reference=""), name="tracked_has_a_reference"),
            models.CheckConstraint(
                condition=Q(imported__isnull=True, row__isnull=True)
                | Q(imported__isnull=False, row__isnull=False),
                name="tracked_row_exactly_of_a_file",
            ),
            models.CheckConstraint(
                condition=Q(told_commission__isnull=True)
                | Q(told_commission__gte=0, told_commission__lt=1),
                name="tracked_commission_is_a_share",
            ),
        ]

    def __str__(self) -> str:
        return self.reference
