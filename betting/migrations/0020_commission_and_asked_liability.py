"""What was taken of a bet's winnings; lays asked for by what they can lose; no starting price.

``liability`` gets a new expression in place, which rewrites the table under its lock: seconds per
million bets.  Django knows no such change and would drop the column first.
"""

from decimal import Decimal

from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

_BEFORE = models.Case(
    models.When(side="BACK", then=F("stake")), default=F("stake") * (F("price") - Decimal(1))
)
_AS = """
alter table betting_bet alter column liability set expression as
    ({})
"""
_PLAIN = "case when side = 'BACK' then stake else stake * (price - 1) end"


def _liability(expression):
    return models.GeneratedField(
        db_persist=True,
        expression=expression,
        output_field=models.DecimalField(decimal_places=2, max_digits=14),
    )


class Migration(migrations.Migration):
    dependencies = [("betting", "0019_min_liquidity")]

    operations = [
        migrations.AddField(
            model_name="bet",
            name="commission",
            field=models.DecimalField(db_default=0, decimal_places=2, default=0, max_digits=12),
        ),
        migrations.AddField(
            model_name="bet",
            name="liability_asked",
            field=models.DecimalField(blank=True, decimal_places=2, max_digits=14, null=True),
        ),
        migrations.RunSQL(
            _AS.format(f"coalesce(liability_asked, {_PLAIN})"), _AS.format(_PLAIN)
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="bet",
                    name="liability",
                    field=_liability(Coalesce("liability_asked", _BEFORE)),
                )
            ]
        ),
        migrations.RemoveConstraint(model_name="bet", name="bet_price_above_one"),
        migrations.AddConstraint(
            model_name="bet",
            constraint=models.CheckConstraint(
                condition=Q(price__gt=1) | Q(price=0, venue="imported"),
                name="bet_price_above_one",
            ),
        ),
        migrations.RemoveConstraint(model_name="bet", name="bet_matched_has_its_price"),
        migrations.AddConstraint(
            model_name="bet",
            constraint=models.CheckConstraint(
                condition=Q(matched_stake=0, matched_price__isnull=True)
                | Q(matched_stake__gt=0, matched_price__isnull=False, matched_price__gt=1)
                | Q(matched_stake__gt=0, matched_price=0, venue="imported"),
                name="bet_matched_has_its_price",
            ),
        ),
        migrations.AddConstraint(
            model_name="bet",
            constraint=models.CheckConstraint(
                condition=Q(liability_asked__isnull=True) | Q(side="LAY", liability_asked__gt=0),
                name="bet_liability_asked_of_lays",
            ),
        ),
        migrations.AddConstraint(
            model_name="bet",
            constraint=models.CheckConstraint(
                condition=Q(commission=0) | Q(status="SETTLED", commission__gt=0),
                name="bet_commission_of_settled",
            ),
        ),
    ]
