from django.db import models
from django.db.models import F, Q


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
