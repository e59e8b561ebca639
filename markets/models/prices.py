"""Books and their prices: every change, the latest, the first and the last before the start."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q

from markets.models.markets import Selection


class Book(models.Model):
    """Somebody who quotes prices.  Only some take bets.

    An AGGREGATE is the best or the mean of others, a STARTING price is what an exchange made of
    all bets at the start, RATED prices are what somebody believes to be fair.
    """

    class Kind(models.TextChoices):
        BOOKMAKER = "BOOKMAKER", "Bookmaker"
        EXCHANGE = "EXCHANGE", "Exchange"
        AGGREGATE = "AGGREGATE", "Aggregate"
        STARTING = "STARTING", "Starting price"
        RATED = "RATED", "Rated prices"

    #: Kinds that a bet can be placed with.
    TAKES_BETS = (Kind.BOOKMAKER, Kind.EXCHANGE)
    #: Kinds whose prices say what the market believes.
    IS_MARKET = (*TAKES_BETS, Kind.STARTING)

    code = models.SlugField(max_length=30, unique=True)  # "pinnacle"
    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.BOOKMAKER)
    is_enabled = models.BooleanField(default=True)
    is_simulated = models.BooleanField(default=False)
    reference_rank = models.PositiveSmallIntegerField(null=True, blank=True)  # 1: asked first
    disabled_reason = models.CharField(max_length=250, blank=True, default="", db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["reference_rank", "is_simulated"], name="book_one_per_reference_rank"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} (SIMULATED)" if self.is_simulated else self.name


class Mark(models.IntegerChoices):
    """What a source itself says of a price."""

    NONE = 0, "Nothing said"
    OPENER = 1, "The opener"
    CLOSE = 2, "The close"


class PriceSnapshot(models.Model):
    """One book's price for one selection from ``seen_at`` on.  Never updated; only changes.

    The table is partitioned by month of ``seen_at`` (migration 0002), so it has no foreign
    keys enforced row by row and is written by COPY alone.
    """

    pk = models.CompositePrimaryKey("selection_id", "book_id", "seen_at")
    selection = models.ForeignKey(
        Selection, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    book = models.ForeignKey(
        Book, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    seen_at = models.DateTimeField()  # when the book showed it
    price = models.DecimalField(max_digits=9, decimal_places=3)
    fetched_at = models.DateTimeField()  # when we learned of it
    mark = models.SmallIntegerField(choices=Mark.choices, default=Mark.NONE, db_default=Mark.NONE)

    class Meta:
        db_table = "markets_pricesnapshot"

    def __str__(self) -> str:
        return f"{self.price} at {self.seen_at:%Y-%m-%d %H:%M}"


class LatestPrice(models.Model):
    """What a book shows now; ``seen_at`` since when, ``confirmed_at`` when last looked at.

    The unique constraint is the index by selection; nobody looks a book's prices up alone.
    That selection and book exist is checked once per statement (migration 0002): a foreign key
    asks once per row.
    """

    selection = models.ForeignKey(
        Selection,
        on_delete=models.PROTECT,
        related_name="latest_prices",
        db_index=False,
        db_constraint=False,
    )
    book = models.ForeignKey(
        Book, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    price = models.DecimalField(max_digits=9, decimal_places=3)
    previous_price = models.DecimalField(max_digits=9, decimal_places=3, null=True, blank=True)
    seen_at = models.DateTimeField()
    confirmed_at = models.DateTimeField()
    mark = models.SmallIntegerField(  # of the last look
        choices=Mark.choices, default=Mark.NONE, db_default=Mark.NONE
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["selection", "book"], name="latest_price_once"),
            models.CheckConstraint(condition=Q(price__gt=1), name="latest_price_above_one"),
            models.CheckConstraint(
                condition=Q(confirmed_at__gte=F("seen_at")), name="latest_confirmed_after_seen"
            ),
        ]
        # Ranges alone: an index of each row would have every look rewrite all indexes (HOT).
        indexes = [
            BrinIndex(fields=["confirmed_at"], name="latest_price_confirmed", autosummarize=True)
        ]

    def __str__(self) -> str:
        return f"{self.price}"


class ClosingPrice(models.Model):
    """A book's first price and its last before the actual start, with the margin taken off.

    ``confirmed_at`` says how old the close was; ``fair_probability`` is null where the market
    was incomplete or its margin could not be removed, and ``method`` then says why.
    """

    class Opening(models.TextChoices):
        TRUE_OPENER = "TRUE_OPENER", "The book's opener"
        FIRST_SEEN = "FIRST_SEEN", "The first that was seen"

    class Exactness(models.TextChoices):
        EXACT = "EXACT", "The close"
        PROVISIONAL = "PROVISIONAL", "Near the close"
        NONE = "NONE", "Too old to be the close"

    selection = models.ForeignKey(
        Selection,
        on_delete=models.PROTECT,
        related_name="closing_prices",
        db_index=False,
        db_constraint=False,
    )
    book = models.ForeignKey(
        Book, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    opening_price = models.DecimalField(max_digits=9, decimal_places=3)
    opened_at = models.DateTimeField()
    price = models.DecimalField(max_digits=9, decimal_places=3)
    seen_at = models.DateTimeField()
    confirmed_at = models.DateTimeField()
    starts_at = models.DateTimeField()  # the start this close belongs to
    overround = models.FloatField(null=True, blank=True)
    fair_probability = models.FloatField(null=True, blank=True)
    method = models.CharField(max_length=40)
    opening_exactness = models.CharField(
        max_length=12,
        choices=Opening.choices,
        default=Opening.FIRST_SEEN,
        db_default=Opening.FIRST_SEEN,
    )
    exactness = models.CharField(
        max_length=12,
        choices=Exactness.choices,
        default=Exactness.PROVISIONAL,
        db_default=Exactness.PROVISIONAL,
    )
    recorded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["selection", "book"], name="closing_price_once"),
            models.CheckConstraint(
                condition=Q(price__gt=1, opening_price__gt=1), name="closing_price_above_one"
            ),
            models.CheckConstraint(
                condition=Q(seen_at__lt=F("starts_at")), name="closing_price_before_the_start"
            ),
            models.CheckConstraint(
                condition=Q(fair_probability__isnull=True)
                | Q(fair_probability__gt=0, fair_probability__lt=1),
                name="closing_fair_probability_is_one",
            ),
        ]
        indexes = [
            models.Index(
                fields=["selection"], name="closing_price_inexact", condition=~Q(exactness="EXACT")
            )
        ]

    def __str__(self) -> str:
        return f"{self.opening_price} → {self.price}"


class LadderSnapshot(models.Model):
    """The best offers of an exchange on both sides of one selection, best first.

    Partitioned by month of ``seen_at`` like the prices, and like them written by COPY alone.
    """

    pk = models.CompositePrimaryKey("selection_id", "book_id", "seen_at")
    selection = models.ForeignKey(
        Selection, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    book = models.ForeignKey(
        Book, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    seen_at = models.DateTimeField()
    back_prices = ArrayField(models.DecimalField(max_digits=9, decimal_places=3))
    back_sizes = ArrayField(models.DecimalField(max_digits=14, decimal_places=2))
    lay_prices = ArrayField(models.DecimalField(max_digits=9, decimal_places=3))
    lay_sizes = ArrayField(models.DecimalField(max_digits=14, decimal_places=2))
    last_traded = models.DecimalField(max_digits=9, decimal_places=3, null=True)
    matched = models.DecimalField(max_digits=16, decimal_places=2, null=True)
    fetched_at = models.DateTimeField()

    class Meta:
        db_table = "markets_laddersnapshot"

    def __str__(self) -> str:
        return f"ladder at {self.seen_at:%Y-%m-%d %H:%M:%S}"


class RetentionPolicy(models.Model):
    """How long rows of a table, or files of the archive, are kept; no number: for ever."""

    table = models.CharField(max_length=60, unique=True)  # "markets_pricesnapshot", "archive"
    keep_days = models.PositiveIntegerField(null=True, blank=True)
    exports_parquet = models.BooleanField(default=True)  # before they are dropped
    is_enabled = models.BooleanField(default=True)
    last_run_at = models.DateTimeField(null=True, blank=True)
    last_retired = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "retention policies"

    def __str__(self) -> str:
        return f"{self.table}: {'for ever' if self.keep_days is None else f'{self.keep_days} days'}"
