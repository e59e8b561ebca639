"""Bankrolls with what of their money is at risk, as the risk engine counts it."""

from decimal import Decimal
from typing import Any

from django.db.models import (
    Case,
    Count,
    DecimalField,
    F,
    IntegerField,
    Model,
    OuterRef,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from betting.models import Bankroll, Bet, OutsideOrder

_MONEY = DecimalField(max_digits=14, decimal_places=2)
_NOTHING = Value(Decimal("0.00"), output_field=_MONEY)


def exposed(rows: QuerySet[Bankroll]) -> QuerySet[Bankroll]:
    """Add ``n_open``, ``in_bets``, ``outside``, ``at_risk`` and ``available`` to bankrolls.

    ``outside``: what orders of the account can lose that we did not send and that have no bet.
    Nobody knows whose they are, so they count in full against every live bankroll.
    """
    open_bets = Bet.objects.at_risk().filter(bankroll=OuterRef("pk"))
    loose = OutsideOrder.objects.loose()
    return rows.annotate(
        n_open=Coalesce(_total(open_bets, Count("pk"), IntegerField()), 0),
        in_bets=Coalesce(_total(open_bets, Sum("liability"), _MONEY), _NOTHING),
        outside=Case(
            When(
                kind=Bankroll.Kind.LIVE,
                then=Coalesce(_total(loose, Sum("at_risk"), _MONEY), _NOTHING),
            ),
            default=_NOTHING,
        ),
        at_risk=F("in_bets") + F("outside"),
        available=F("balance") - F("at_risk"),
    )


def _total(rows: QuerySet[Any, Model], total: Any, output: Any) -> Subquery:
    """Return one figure over rows, as a subquery: a join would read every bet that ever was."""
    grouped = rows.order_by().annotate(all=Value(1)).values("all").annotate(total=total)
    return Subquery(grouped.values("total"), output_field=output)
