"""What books pay by where they differ: rows, a version of them never edited.

A part of ``settlements.models``, which everybody imports these from.
"""

from django.db import models
from django.db.models import Q

from markets.models import Book, Market, Sport
from monitoring.models import APPEND_ONLY


class RuleSet(models.Model):
    """One version of the terms of a book, as ``domain.terms.Terms`` reads them.

    Never updated: other terms are a new version.  A bet is paid by the version in force when it
    was struck: the latest whose ``since`` is not after it, else the first there is.
    """

    code = models.SlugField(max_length=40)
    version = models.PositiveSmallIntegerField()
    terms = models.JSONField(default=dict)
    since = models.DateTimeField()
    reason = models.CharField(max_length=500)
    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["code", "version"], name="rule_set_version_once"),
            models.CheckConstraint(
                condition=~Q(code="") & Q(version__gt=0), name="rule_set_has_code_and_version"
            ),
        ]
        triggers = APPEND_ONLY

    def __str__(self) -> str:
        return f"{self.code} v{self.version}"


class RuleUse(models.Model):
    """Whose bets a rule set pays: of a book, a sport, a kind of market, or of several at once.

    Null and "" mean every one.  The most specific row counts: the book goes before the sport,
    the sport before the kind.  It counts for bets that are settled for the first time from then
    on; what was settled once keeps its rules, also when its result is corrected.
    """

    book = models.ForeignKey(
        Book, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    sport = models.ForeignKey(
        Sport, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    market_kind = models.CharField(
        max_length=20, choices=Market.Kind.choices, blank=True, default=""
    )
    code = models.SlugField(max_length=40)  # of a rule set, in the version that a bet needs
    reason = models.CharField(max_length=500)
    changed_by = models.CharField(max_length=150)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["book", "sport", "market_kind"],
                name="rule_use_once",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        parts = (self.book, self.sport, self.get_market_kind_display() or None)
        about = ", ".join(str(part) for part in parts if part) or "every bet"
        return f"{self.code}: {about}"
