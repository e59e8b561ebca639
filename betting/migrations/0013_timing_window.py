"""How long before the start a strategy may bet.  What stands may at any time, as before."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('betting', '0012_strategy_parameters'),
    ]

    operations = [
        migrations.AddField(
            model_name='strategy',
            name='max_hours_to_start',
            field=models.FloatField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='strategy',
            name='min_hours_to_start',
            field=models.FloatField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name='strategy',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('min_hours_to_start__isnull', True), ('min_hours_to_start__gte', 0), _connector='OR'), models.Q(('max_hours_to_start__isnull', True), ('max_hours_to_start__gt', 0), _connector='OR')), name='strategy_window_is_before_the_start', violation_error_message='hours to the start are not below 0, the most above it'),
        ),
        migrations.AddConstraint(
            model_name='strategy',
            constraint=models.CheckConstraint(condition=models.Q(('min_hours_to_start__isnull', True), ('max_hours_to_start__isnull', True), ('min_hours_to_start__lte', models.F('max_hours_to_start')), _connector='OR'), name='strategy_window_range', violation_error_message='min_hours_to_start must not exceed max_hours_to_start'),
        ),
    ]
