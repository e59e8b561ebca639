"""Whose close is believed, and how its margin is taken off: rows that an operator edits."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from markets.models.markets import Market
from markets.models.names import Competition


class ReferenceRule(models.Model):
    """Whose close is believed in a competition's markets of a kind.

    Without a competition: in all that are not simulated; without a kind: of every kind.  The rule
    that says most goes, the competition before the kind.  Where there is none, the books are
    asked by their ``reference_rank``, then the consensus.
    """

    competition = models.ForeignKey(
        Competition, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    kind = models.CharField(max_length=20, choices=Market.Kind.choices, blank=True, default="")
    chain = ArrayField(models.CharField(max_length=30))  # codes of books; last maybe "consensus"
    method = models.CharField(max_length=40, blank=True, default="")  # none: by the market's size
    changed_by = models.CharField(max_length=150)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["competition", "kind"],
                nulls_distinct=False,
                name="reference_rule_once",
            ),
            models.CheckConstraint(condition=Q(chain__len__gt=0), name="reference_rule_names_one"),
        ]

    def __str__(self) -> str:
        where = self.competition.code if self.competition is not None else "every competition"
        return f"{where}, {self.get_kind_display() if self.kind else 'every market'}"
