"""How much an exchange must offer before a strategy bets there.  What stands asks for nothing."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('betting', '0018_arbitrage'),
    ]

    operations = [
        migrations.AddField(
            model_name='strategy',
            name='min_liquidity',
            field=models.DecimalField(blank=True, decimal_places=2, max_digits=12, null=True),
        ),
        migrations.AddConstraint(
            model_name='strategy',
            constraint=models.CheckConstraint(condition=models.Q(('min_liquidity__isnull', True), ('min_liquidity__gt', 0), _connector='OR'), name='strategy_liquidity_positive', violation_error_message='min_liquidity must be above 0'),
        ),
    ]
