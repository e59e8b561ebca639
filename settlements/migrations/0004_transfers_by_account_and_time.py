import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """The new indexes are there before the old ones go: statements and checks never wait."""

    atomic = False

    dependencies = [("settlements", "0003_settled_by_rule_sets")]

    operations = [
        AddIndexConcurrently(
            model_name="ledgertransfer",
            index=models.Index(fields=["debit", "at", "id"], name="transfer_debit_by_time"),
        ),
        AddIndexConcurrently(
            model_name="ledgertransfer",
            index=models.Index(fields=["credit", "at", "id"], name="transfer_credit_by_time"),
        ),
        migrations.AlterField(
            model_name="ledgertransfer",
            name="debit",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="debits",
                to="settlements.ledgeraccount",
            ),
        ),
        migrations.AlterField(
            model_name="ledgertransfer",
            name="credit",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="credits",
                to="settlements.ledgeraccount",
            ),
        ),
    ]
