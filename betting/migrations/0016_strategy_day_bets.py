"""How many bets a strategy may make in a day.  What stands may make as many, as before."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('betting', '0015_participant_groups'),
    ]

    operations = [
        migrations.AddField(
            model_name='strategy',
            name='max_day_bets',
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name='strategy',
            constraint=models.CheckConstraint(condition=models.Q(('max_day_bets__isnull', True), ('max_day_bets__gte', 1), _connector='OR'), name='strategy_day_has_a_bet', violation_error_message='max_day_bets must be at least 1'),
        ),
    ]
