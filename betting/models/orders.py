"""What the database holds of a bet's order, whoever writes it; the steps are a trigger's."""

from django.db.models import CheckConstraint, F, Q

_OVER = Q(order_state__in=["FILLED", "CANCELLED", "LAPSED", "REJECTED"])
_STANDS = (
    Q(order_state__in=["ACCEPTED", "PARTIAL", "FILLED"])
    | Q(order_state__in=["CANCELLED", "LAPSED"], matched_stake__gt=0)
)  # fmt: skip

CONSTRAINTS = [
    CheckConstraint(
        condition=Q(matched_stake__gte=0, matched_stake__lte=F("requested_stake")),
        name="bet_matched_within_requested",
    ),
    CheckConstraint(
        condition=Q(matched_stake=0, matched_price__isnull=True)
        | Q(matched_stake__gt=0, matched_price__isnull=False, matched_price__gt=1)
        | Q(matched_stake__gt=0, matched_price=0, venue="imported"),
        name="bet_matched_has_its_price",
    ),
    CheckConstraint(
        condition=(_OVER & Q(matched_stake__gt=0, stake=F("matched_stake")))
        | ((~_OVER | Q(matched_stake=0)) & Q(stake=F("requested_stake"))),
        name="bet_stake_is_what_stands",
    ),
    CheckConstraint(
        condition=Q(order_state__in=["CREATED", "SUBMITTED", "UNKNOWN", "ACCEPTED", "REJECTED"])
        & Q(matched_stake=0)
        | Q(order_state="PARTIAL", matched_stake__gt=0, matched_stake__lt=F("requested_stake"))
        | Q(order_state="FILLED", matched_stake=F("requested_stake"))
        | Q(order_state__in=["CANCELLED", "LAPSED"], matched_stake__lt=F("requested_stake")),
        name="bet_order_is_as_full_as_it_says",
    ),
    CheckConstraint(
        condition=Q(status="RESERVED", order_state__in=["CREATED", "SUBMITTED"])
        | Q(status="UNKNOWN", order_state="UNKNOWN")
        | Q(status="REJECTED", order_state="REJECTED")
        | (Q(status="CANCELLED") & _OVER)
        | (Q(status="ACCEPTED") & _STANDS)
        | (Q(status="SETTLED") & _STANDS & _OVER),
        name="bet_status_is_that_of_its_order",
    ),
]
