from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('betting', '0021_settling_writes_less'),
        ('settlements', '0007_fewer_indexes'),
    ]

    operations = [
        migrations.AddField(
            model_name='betvalue',
            name='basis',
            field=models.CharField(choices=[('QUOTED', "The bet's own line"), ('MOVED', 'Another line')], db_default='QUOTED', default='QUOTED', max_length=6),
        ),
        migrations.AddField(
            model_name='betvalue',
            name='closing_line',
            field=models.DecimalField(blank=True, decimal_places=2, max_digits=7, null=True),
        ),
        migrations.AddField(
            model_name='betvalue',
            name='commission',
            field=models.FloatField(db_default=0.0, default=0.0),
        ),
        migrations.AddField(
            model_name='betvalue',
            name='distribution',
            field=models.CharField(blank=True, choices=[('EMPIRICAL', "The sport's history"), ('NORMAL', 'A normal curve')], db_default='', default='', max_length=9),
        ),
        migrations.AddField(
            model_name='betvalue',
            name='expected_profit',
            field=models.DecimalField(blank=True, decimal_places=2, max_digits=14, null=True),
        ),
        migrations.AddField(
            model_name='betvalue',
            name='history',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='betvalue',
            name='line_probability',
            field=models.FloatField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='betvalue',
            name='price',
            field=models.DecimalField(blank=True, decimal_places=3, max_digits=9, null=True),
        ),
        migrations.AddField(
            model_name='betvalue',
            name='refund',
            field=models.FloatField(db_default=0.0, default=0.0),
        ),
        migrations.AddField(
            model_name='betvalue',
            name='stake',
            field=models.DecimalField(blank=True, decimal_places=2, max_digits=12, null=True),
        ),
        migrations.AddConstraint(
            model_name='betvalue',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('basis', 'QUOTED'), ('closing_line__isnull', True)), models.Q(('basis', 'MOVED'), ('closing_line__isnull', False), ('line_probability__isnull', False), models.Q(('distribution', ''), _negated=True)), _connector='OR'), name='value_of_a_moved_line_says_how'),
        ),
        migrations.AddConstraint(
            model_name='betvalue',
            constraint=models.CheckConstraint(condition=models.Q(('commission__gte', 0), ('commission__lt', 1), ('refund__gte', 0), ('refund__lt', 1)), name='value_shares_are_shares'),
        ),
    ]
