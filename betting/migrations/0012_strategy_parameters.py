"""What a strategy's program alone is told.  What stands is told nothing: it bets as before."""

import django.db.models.lookups
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('betting', '0011_phases'),
    ]

    operations = [
        migrations.AddField(
            model_name='strategy',
            name='parameters',
            field=models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=dict),
        ),
        migrations.AddConstraint(
            model_name='strategy',
            constraint=models.CheckConstraint(condition=django.db.models.lookups.Exact(models.Func(models.F('parameters'), function='jsonb_typeof', output_field=models.TextField()), models.Value('object')), name='strategy_parameters_have_names', violation_error_message='parameters must be names with their values'),
        ),
    ]
