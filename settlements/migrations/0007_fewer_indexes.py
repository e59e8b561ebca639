"""Each index of a settlement or transfer is paid for by every bet: none stands beside another.

Settlements of a bet are found by its revisions, those of a result by the constraint that allows a
bet one of it, whose columns change places for it.  Nobody asks for those of a rule set, nor for
transfers by the beginning of their reference.
"""

import django.db.models.deletion
from django.db import migrations, models

_LIKE = "settlements_ledgertransfer_reference_86a7e1fb_like"
NO_LIKE = f"drop index if exists {_LIKE}"
LIKE = (
    f"create index if not exists {_LIKE}"
    " on settlements_ledgertransfer (reference varchar_pattern_ops)"
)


def _without_index(field, to, name, *, may_be_null):
    """Drop a key's index alone: Django would drop and check the key too, and others' indexes."""
    return migrations.SeparateDatabaseAndState(
        database_operations=[
            migrations.RunSQL(
                f"drop index if exists {name}",
                f"create index if not exists {name} on settlements_settlement ({field}_id)",
            )
        ],
        state_operations=[
            migrations.AlterField(
                model_name="settlement",
                name=field,
                field=models.ForeignKey(
                    blank=may_be_null,
                    db_index=False,
                    null=may_be_null,
                    on_delete=django.db.models.deletion.PROTECT,
                    related_name="settlements",
                    to=to,
                ),
            )
        ],
    )


class Migration(migrations.Migration):
    dependencies = [
        ("betting", "0021_settling_writes_less"),
        ("settlements", "0006_validate_transfer_kinds"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="settlement", name="settlement_once_per_result"),
        migrations.AddConstraint(
            model_name="settlement",
            constraint=models.UniqueConstraint(
                fields=("result", "bet"), name="settlement_once_per_result"
            ),
        ),
        _without_index(
            "bet", "betting.bet", "settlements_settlement_bet_id_560346b2", may_be_null=False
        ),
        _without_index(
            "result", "markets.result", "settlements_settlement_result_id_bf0e5162",
            may_be_null=True,
        ),
        _without_index(
            "rule_set", "settlements.ruleset", "settlements_settlement_rule_set_id_0e38709e",
            may_be_null=True,
        ),
        migrations.RunSQL(NO_LIKE, LIKE),
    ]
