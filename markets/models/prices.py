"""Books and their prices: every change, the latest, the first and the last before the start."""

from django.db import models
from django.db.models import F, Q

from markets.models.catalogue import Selection


class Book(models.Model):
    """Somebody who quotes prices; an AGGREGATE (best or mean of others) takes no bets."""

    class Kind(models.TextChoices):
        BOOKMAKER = "BOOKMAKER", "Bookmaker"
        EXCHANGE = "EXCHANGE", "Exchange"
        AGGREGATE = "AGGREGATE", "Aggregate"

    code = models.SlugField(max_length=30, unique=True)  # "pinnacle"
    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.BOOKMAKER)
    is_enabled = models.BooleanField(default=True)
    is_simulated = models.BooleanField(default=False)
    reference_rank = models.PositiveSmallIntegerField(null=True, blank=True)  # 1: asked first

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["reference_rank", "is_simulated"], name="book_one_per_reference_rank"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} (SIMULATED)" if self.is_simulated else self.name


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

    class Meta:
        db_table = "markets_pricesnapshot"

    def __str__(self) -> str:
        return f"{self.price} at {self.seen_at:%Y-%m-%d %H:%M}"


class LatestPrice(models.Model):
    """What a book shows now; ``seen_at`` since when, ``confirmed_at`` when last looked at.

    The unique constraint is the index by selection; nobody looks a book's prices up alone.
    """

    selection = models.ForeignKey(
        Selection, on_delete=models.PROTECT, related_name="latest_prices", db_index=False
    )
    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="+", db_index=False)
    price = models.DecimalField(max_digits=9, decimal_places=3)
    previous_price = models.DecimalField(max_digits=9, decimal_places=3, null=True, blank=True)
    seen_at = models.DateTimeField()
    confirmed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["selection", "book"], name="latest_price_once"),
            models.CheckConstraint(condition=Q(price__gt=1), name="latest_price_above_one"),
            models.CheckConstraint(
                condition=Q(confirmed_at__gte=F("seen_at")), name="latest_confirmed_after_seen"
            ),
        ]
        indexes = [models.Index(fields=["confirmed_at"], name="latest_price_confirmed_at")]

    def __str__(self) -> str:
        return f"{self.price}"


class ClosingPrice(models.Model):
    """A book's first price and its last before the actual start, with the margin taken off.

    ``confirmed_at`` says how old the close was; ``fair_probability`` is null where the market
    was incomplete or its margin could not be removed, and ``method`` then says why.
    """

    selection = models.ForeignKey(
        Selection, on_delete=models.PROTECT, related_name="closing_prices", db_index=False
    )
    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="+", db_index=False)
    opening_price = models.DecimalField(max_digits=9, decimal_places=3)
    opened_at = models.DateTimeField()
    price = models.DecimalField(max_digits=9, decimal_places=3)
    seen_at = models.DateTimeField()
    confirmed_at = models.DateTimeField()
    starts_at = models.DateTimeField()  # the start this close belongs to
    overround = models.FloatField(null=True, blank=True)
    fair_probability = models.FloatField(null=True, blank=True)
    method = models.CharField(max_length=40)

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

    def __str__(self) -> str:
        return f"{self.opening_price} → {self.price}"
