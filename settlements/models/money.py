from django.db import models
from django.db.models import F, Q, Value

from betting.models import Bankroll, Bet
from markets.models import Book, Market, Result
from monitoring.models import APPEND_ONLY
from settlements.models import references
from settlements.models.rule_sets import RuleSet


class Settlement(models.Model):
    """Why a bet was settled as it was.  Never updated: a corrected result adds a revision.

    ``result`` is null where the outcome was told by the file that the bet came from.  ``profit``
    is net of ``commission``; what a market's net winnings cost is taken after its bets settled,
    and stands in its transfers and in ``Bet.commission`` alone.  ``rule_set`` is null under the
    usual rules where no row says them.  ``working`` is there where there is something to tell.
    """

    bet = models.ForeignKey(  # ``settlement_revision_once`` finds those of a bet
        Bet, on_delete=models.PROTECT, related_name="settlements", db_index=False
    )
    revision = models.PositiveSmallIntegerField()
    result = models.ForeignKey(  # ``settlement_once_per_result`` finds those of a result
        Result,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="settlements",
        db_index=False,
        db_constraint=False,
    )
    rule_set = models.ForeignKey(
        RuleSet,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="settlements",
        db_index=False,
        db_constraint=False,
    )
    outcome = models.CharField(max_length=10, choices=Bet.Outcome.choices)
    profit = models.DecimalField(max_digits=12, decimal_places=2)
    commission = models.DecimalField(max_digits=12, decimal_places=2, default=0, db_default=0)
    working = models.JSONField(blank=True, default=dict, db_default=Value({}, models.JSONField()))
    settled_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bet", "revision"], name="settlement_revision_once"),
            models.UniqueConstraint(
                fields=["bet"], condition=Q(result__isnull=True), name="settlement_told_once"
            ),
            models.UniqueConstraint(fields=["result", "bet"], name="settlement_once_per_result"),
        ]
        indexes = [models.Index(fields=["-settled_at"], name="settlement_latest")]
        triggers = [
            *APPEND_ONLY,
            references.there({"result_id": "markets_result", "rule_set_id": "settlements_ruleset"}),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.outcome} {self.profit}"


class LedgerAccount(models.Model):
    """A place where money is.  ``balance`` is credits minus debits, kept with each transfer."""

    class Kind(models.TextChoices):
        CASH = "CASH", "Bankroll cash"
        PROFIT_AND_LOSS = "PROFIT_AND_LOSS", "Profit and loss"
        CAPITAL = "CAPITAL", "Deposits and withdrawals"
        COMMISSION = "COMMISSION", "Commission"
        BOOK = "BOOK", "At a book"
        BONUS = "BONUS", "Bonus not yet released"

    #: What every bankroll has; the others are opened book by book.
    OF_EVERY_BANKROLL = (Kind.CASH, Kind.PROFIT_AND_LOSS, Kind.CAPITAL, Kind.COMMISSION)
    #: Their balances together are the bankroll's.
    MONEY = (Kind.CASH, Kind.BOOK)

    bankroll = models.ForeignKey(Bankroll, on_delete=models.PROTECT, related_name="accounts")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    book = models.ForeignKey(
        Book, null=True, blank=True, on_delete=models.PROTECT, related_name="accounts"
    )
    currency = models.CharField(max_length=3)
    balance = models.DecimalField(max_digits=14, decimal_places=2, default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["bankroll", "kind"], condition=Q(book__isnull=True), name="account_once"
            ),
            models.UniqueConstraint(
                fields=["bankroll", "kind", "book"],
                condition=Q(book__isnull=False),
                name="account_once_at_a_book",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["BOOK", "BONUS"], book__isnull=False)
                | (~Q(kind__in=["BOOK", "BONUS"]) & Q(book__isnull=True)),
                name="account_at_a_book_names_it",
            ),
            models.CheckConstraint(
                condition=~Q(kind="BONUS") | Q(balance__gte=0), name="account_bonus_not_below_zero"
            ),
        ]
        triggers = references.NEVER_DELETED

    def __str__(self) -> str:
        return f"{self.bankroll} {self.title}"

    @property
    def title(self) -> str:
        """Return what it is called within its bankroll."""
        return self.titled(self.kind, str(self.book) if self.book_id else "")

    @classmethod
    def titled(cls, kind: str, book: str) -> str:
        """Return what an account of a kind is called, at a book where it is at one."""
        at_books = {cls.Kind.BOOK: f"Money at {book}", cls.Kind.BONUS: f"Bonus of {book}"}
        return at_books.get(cls.Kind(kind)) or str(cls.Kind(kind).label)


class LedgerTransfer(models.Model):
    """A positive amount moved from one account to another, so the ledger balances by construction.

    Written once.  A correction is a transfer that names the one it reverses.
    """

    class Kind(models.TextChoices):
        DEPOSIT = "DEPOSIT", "Deposit"
        WITHDRAWAL = "WITHDRAWAL", "Withdrawal"
        SETTLEMENT = "SETTLEMENT", "Settlement"
        REVERSAL = "REVERSAL", "Reversal"
        COMMISSION = "COMMISSION", "Commission"
        CORRECTION = "CORRECTION", "Correction"  # to agree with a venue
        TRANSFER = "TRANSFER", "Transfer"  # between cash and books
        BONUS = "BONUS", "Bonus given"
        RELEASE = "RELEASE", "Bonus released"
        FORFEIT = "FORFEIT", "Bonus forfeited"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    #: The indexes by account and time serve these two as well.
    debit = models.ForeignKey(
        LedgerAccount,
        on_delete=models.PROTECT,
        related_name="debits",
        db_index=False,
        db_constraint=False,
    )
    credit = models.ForeignKey(
        LedgerAccount,
        on_delete=models.PROTECT,
        related_name="credits",
        db_index=False,
        db_constraint=False,
    )
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    settlement = models.ForeignKey(
        Settlement,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="transfers",
        db_constraint=False,
    )
    reverses = models.OneToOneField(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="reversed_by",
        db_constraint=False,
    )
    reference = models.CharField(max_length=60, unique=True)  # "settle:42:1": a movement, once
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="transfer_amount_positive"),
            models.CheckConstraint(
                condition=~Q(debit=F("credit")), name="transfer_between_two_accounts"
            ),
            models.CheckConstraint(
                condition=Q(kind="REVERSAL", reverses__isnull=False)
                | (~Q(kind="REVERSAL") & Q(reverses__isnull=True)),
                name="transfer_reversal_names_its_original",
            ),
            models.CheckConstraint(
                condition=Q(
                    kind__in=["SETTLEMENT", "REVERSAL", "COMMISSION"], settlement__isnull=False
                )
                | Q(
                    kind__in=[
                        "DEPOSIT",
                        "WITHDRAWAL",
                        "CORRECTION",
                        "TRANSFER",
                        "BONUS",
                        "RELEASE",
                        "FORFEIT",
                    ],
                    settlement__isnull=True,
                ),
                name="transfer_settlement_is_named",
            ),
        ]
        indexes = [
            models.Index(fields=["debit", "at", "id"], name="transfer_debit_by_time"),
            models.Index(fields=["credit", "at", "id"], name="transfer_credit_by_time"),
        ]
        triggers = [
            *APPEND_ONLY,
            references.there(
                {
                    "debit_id": "settlements_ledgeraccount",
                    "credit_id": "settlements_ledgeraccount",
                    "settlement_id": "settlements_settlement",
                    "reverses_id": "settlements_ledgertransfer",
                }
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.reference} {self.amount}"


class CommissionDue(models.Model):
    """A market of an account whose net winnings changed: its commission is to be reckoned anew.

    Written in the transaction that settles a bet, taken away by the one that charges; a worker
    killed between the two leaves it for the next.
    """

    bankroll = models.ForeignKey(Bankroll, on_delete=models.PROTECT, related_name="+")
    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="+")
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"{self.bankroll} {self.book} {self.market}"


class BetValue(models.Model):
    """A bet held against the closing line: raw, and with the margin taken off.

    Values are shares of the backer's stake: 0.02 means the bet was struck 2 % above the close.
    ``closing_probability`` is that of the bet's own line, its stake not being returned.  Where
    the close stood on another line (MOVED), ``closing_price`` and ``line_probability`` are of
    that line, and the ``distribution`` with its ``history`` says how the own line was priced.
    ``refund`` is the share of the stake expected to come back.  ``price`` and ``stake`` are those
    that were valued; null where it was before they were kept.
    """

    class Basis(models.TextChoices):
        QUOTED = "QUOTED", "The bet's own line"
        MOVED = "MOVED", "Another line"

    class Distribution(models.TextChoices):
        EMPIRICAL = "EMPIRICAL", "The sport's history"
        NORMAL = "NORMAL", "A normal curve"

    bet = models.OneToOneField(Bet, on_delete=models.PROTECT, related_name="value")
    reference = models.CharField(max_length=30)  # the book, or "consensus"
    method = models.CharField(max_length=40)  # how the margin was removed
    closing_price = models.DecimalField(max_digits=9, decimal_places=3)
    closing_probability = models.FloatField()
    close_age_seconds = models.PositiveIntegerField()
    clv_raw = models.FloatField()
    clv = models.FloatField()
    valued_at = models.DateTimeField()
    basis = models.CharField(
        max_length=6, choices=Basis.choices, default=Basis.QUOTED, db_default=Basis.QUOTED
    )
    closing_line = models.DecimalField(max_digits=7, decimal_places=2, null=True, blank=True)
    line_probability = models.FloatField(null=True, blank=True)
    distribution = models.CharField(
        max_length=9, choices=Distribution.choices, blank=True, default="", db_default=""
    )
    history = models.PositiveIntegerField(null=True, blank=True)  # results it was drawn from
    refund = models.FloatField(default=0.0, db_default=0.0)
    commission = models.FloatField(default=0.0, db_default=0.0)  # the rate that was taken off
    price = models.DecimalField(max_digits=9, decimal_places=3, null=True, blank=True)
    stake = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    expected_profit = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(closing_probability__gt=0, closing_probability__lt=1),
                name="value_closing_probability_is_one",
            ),
            models.CheckConstraint(
                condition=Q(basis="QUOTED", closing_line__isnull=True)
                | (
                    Q(basis="MOVED", closing_line__isnull=False, line_probability__isnull=False)
                    & ~Q(distribution="")
                ),
                name="value_of_a_moved_line_says_how",
            ),
            models.CheckConstraint(
                condition=Q(refund__gte=0, refund__lt=1, commission__gte=0, commission__lt=1),
                name="value_shares_are_shares",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} CLV {self.clv:+.3f}"
