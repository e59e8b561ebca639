from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    """Reads the transfers without keeping anybody from writing them."""

    dependencies = [("settlements", "0010_money_at_books")]

    operations = [
        ValidateConstraint(model_name="ledgertransfer", name="transfer_settlement_is_named")
    ]
