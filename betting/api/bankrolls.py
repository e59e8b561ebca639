"""Bankrolls as the API shows them: their money, and what of it is at risk."""

from typing import Any

from rest_framework import serializers

from betting import models
from betting.queries import money
from monitoring.rest.resources import resource

_FIELDS = (
    "id", "name", "kind", "currency", "time_zone", "balance", "is_simulated", "replay",
    "created_at",
)  # fmt: skip
_FIGURES: dict[str, Any] = {
    "n_open": serializers.IntegerField(read_only=True, help_text="Open bets."),
    "in_bets": serializers.DecimalField(
        max_digits=14, decimal_places=2, read_only=True, help_text="What open bets can lose."
    ),
    "outside": serializers.DecimalField(
        max_digits=14,
        decimal_places=2,
        read_only=True,
        help_text="What orders of the account can lose that were placed outside and have no bet:"
        " they count in full against every live bankroll.",
    ),
    "at_risk": serializers.DecimalField(max_digits=14, decimal_places=2, read_only=True),
    "available": serializers.DecimalField(
        max_digits=14, decimal_places=2, read_only=True, help_text="Balance less what is at risk."
    ),
}


BANKROLLS = resource(
    models.Bankroll,
    fields=_FIELDS,
    filters={"kind": ["exact"], "is_simulated": ["exact"]},
    rows=money.exposed(models.Bankroll.objects.all()),
    figures=_FIGURES,
)
