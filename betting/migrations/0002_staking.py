"""How a strategy stakes: its method, commission and scales.  What stands stakes as before."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('betting', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='strategy',
            name='commission',
            field=models.FloatField(db_default=0.0, default=0.0),
        ),
        migrations.AddField(
            model_name='strategy',
            name='flat_stake',
            field=models.DecimalField(blank=True, decimal_places=2, max_digits=12, null=True),
        ),
        migrations.AddField(
            model_name='strategy',
            name='is_correlation_discounted',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='strategy',
            name='is_drawdown_scaled',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='strategy',
            name='stake_share',
            field=models.FloatField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='strategy',
            name='staking',
            field=models.CharField(choices=[('FRACTIONAL_KELLY', 'A fraction of Kelly, each bet by itself'), ('SIMULTANEOUS_KELLY', 'A fraction of Kelly, those that start together'), ('FLAT', 'The same amount each'), ('PERCENT', 'The same share of the bankroll each')], db_default='FRACTIONAL_KELLY', default='FRACTIONAL_KELLY', max_length=20),
        ),
        migrations.AddConstraint(
            model_name='strategy',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('staking', 'FLAT'), _negated=True), ('flat_stake__isnull', False), _connector='OR'), name='strategy_flat_has_an_amount', violation_error_message='staking FLAT needs flat_stake, an amount'),
        ),
        migrations.AddConstraint(
            model_name='strategy',
            constraint=models.CheckConstraint(condition=models.Q(('flat_stake__isnull', True), ('flat_stake__gt', 0), _connector='OR'), name='strategy_flat_stake_positive', violation_error_message='flat_stake must be above 0'),
        ),
        migrations.AddConstraint(
            model_name='strategy',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('staking', 'PERCENT'), _negated=True), ('stake_share__isnull', False), _connector='OR'), name='strategy_percent_has_a_share', violation_error_message='staking PERCENT needs stake_share, a share of 1'),
        ),
        migrations.AddConstraint(
            model_name='strategy',
            constraint=models.CheckConstraint(condition=models.Q(('stake_share__isnull', True), models.Q(('stake_share__gt', 0), ('stake_share__lte', 1)), _connector='OR'), name='strategy_stake_share_is_a_share', violation_error_message='stake_share must be above 0 and at most 1'),
        ),
        migrations.AddConstraint(
            model_name='strategy',
            constraint=models.CheckConstraint(condition=models.Q(('commission__gte', 0), ('commission__lt', 1)), name='strategy_commission_is_a_share', violation_error_message='commission must be at least 0 and below 1'),
        ),
        migrations.AddConstraint(
            model_name='strategy',
            constraint=models.CheckConstraint(condition=models.Q(('staking__in', ['FRACTIONAL_KELLY', 'SIMULTANEOUS_KELLY', 'FLAT', 'PERCENT'])), name='strategy_staking_is_known'),
        ),
    ]
