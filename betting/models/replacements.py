"""Orders that were taken back and placed anew at another price.

A part of ``betting.models``, which everybody imports these from.
"""

import pgtrigger
from django.db import models
from django.db.models import F, Q


class Replacement(models.Model):
    """What was left of an order stands at another price, as an order and a bet of its own.

    The former order is over before the other one is written: the database asks for it, and no
    order that is over stands again.  So never do both of them stand.
    """

    former = models.OneToOneField(
        "betting.Bet", on_delete=models.PROTECT, related_name="replaced_by"
    )
    bet = models.OneToOneField("betting.Bet", on_delete=models.PROTECT, related_name="replaces")
    reason = models.CharField(max_length=250)
    asked_by = models.CharField(max_length=150)
    asked_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(former=F("bet")), name="replacement_is_another"),
            models.CheckConstraint(condition=~Q(reason=""), name="replacement_has_a_reason"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="former_is_over",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                func="""
                    IF EXISTS (
                        SELECT FROM betting_bet WHERE id = NEW.former_id AND order_state
                        NOT IN ('FILLED', 'CANCELLED', 'LAPSED', 'REJECTED') FOR SHARE
                    ) THEN
                        RAISE EXCEPTION 'order % still stands: it is not replaced', NEW.former_id;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.former_id} → #{self.bet_id}"
