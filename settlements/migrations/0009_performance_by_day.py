import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


#: Days that settled before there were sums: the first look after the migration makes them.
NOTE_ALL = """
insert into settlements_performancedue (bankroll_id, day)
select distinct k.id, (b.settled_at at time zone k.time_zone)::date
from betting_bet b join betting_bankroll k on k.id = b.bankroll_id
where b.status = 'SETTLED' and k.kind <> 'REPLAY'
"""


class Migration(migrations.Migration):

    dependencies = [
        ('betting', '0021_settling_writes_less'),
        ('settlements', '0008_values_of_moved_lines'),
    ]

    operations = [
        migrations.CreateModel(
            name='PerformanceDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('cut', models.CharField(choices=[('ALL', 'All'), ('STRATEGY', 'Strategy'), ('SPORT', 'Sport'), ('COMPETITION', 'Competition'), ('MARKET', 'Market'), ('BOOK', 'Book'), ('SIDE', 'Side'), ('VERSION', 'Model version'), ('EDGE', 'Edge when struck'), ('HOURS', 'Hours to the start'), ('HOUR', 'Hour of the day'), ('SITUATION', 'Situation'), ('ODDS', 'Favourite or outsider'), ('TEAM', 'Team')], max_length=12)),
                ('key', models.CharField(blank=True, max_length=60)),
                ('bets', models.PositiveIntegerField()),
                ('events', models.PositiveIntegerField()),
                ('void', models.PositiveIntegerField()),
                ('won', models.PositiveIntegerField()),
                ('lost', models.PositiveIntegerField()),
                ('turnover', models.DecimalField(decimal_places=2, max_digits=18)),
                ('profit', models.DecimalField(decimal_places=2, max_digits=18)),
                ('commission', models.DecimalField(decimal_places=2, max_digits=18)),
                ('valued', models.PositiveIntegerField()),
                ('valued_events', models.PositiveIntegerField()),
                ('beat', models.PositiveIntegerField()),
                ('valued_turnover', models.DecimalField(decimal_places=2, max_digits=18)),
                ('valued_profit', models.DecimalField(decimal_places=2, max_digits=18)),
                ('clv', models.DecimalField(decimal_places=9, max_digits=40)),
                ('clv_raw', models.DecimalField(decimal_places=9, max_digits=40)),
                ('clv_by_stake', models.DecimalField(decimal_places=9, max_digits=40)),
                ('expected', models.DecimalField(decimal_places=9, max_digits=40)),
                ('modelled', models.PositiveIntegerField()),
                ('modelled_turnover', models.DecimalField(decimal_places=2, max_digits=18)),
                ('modelled_profit', models.DecimalField(decimal_places=2, max_digits=18)),
                ('model_expected', models.DecimalField(decimal_places=9, max_digits=40)),
                ('profit_2', models.DecimalField(decimal_places=9, max_digits=40)),
                ('profit_turnover', models.DecimalField(decimal_places=9, max_digits=40)),
                ('turnover_2', models.DecimalField(decimal_places=9, max_digits=40)),
                ('clv_2', models.DecimalField(decimal_places=9, max_digits=40)),
                ('clv_valued', models.DecimalField(decimal_places=9, max_digits=40)),
                ('valued_2', models.DecimalField(decimal_places=9, max_digits=40)),
                ('excess_2', models.DecimalField(decimal_places=9, max_digits=40)),
                ('excess_turnover', models.DecimalField(decimal_places=9, max_digits=40)),
                ('valued_turnover_2', models.DecimalField(decimal_places=9, max_digits=40)),
                ('path', django.contrib.postgres.fields.ArrayField(base_field=models.DecimalField(decimal_places=2, max_digits=18), blank=True, null=True, size=None)),
                ('bankroll', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='betting.bankroll')),
                ('strategy', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='betting.strategy')),
            ],
            options={
                'indexes': [models.Index(fields=['bankroll', 'day'], name='performance_day_of')],
                'constraints': [models.UniqueConstraint(fields=('bankroll', 'cut', 'strategy', 'day', 'key'), name='performance_day_once', nulls_distinct=False), models.CheckConstraint(condition=models.Q(('path__isnull', True), models.Q(('cut', 'ALL'), ('strategy__isnull', True)), _connector='OR'), name='performance_day_path_of_all')],
            },
        ),
        migrations.CreateModel(
            name='PerformanceDue',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('bankroll', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='betting.bankroll')),
            ],
            options={
                'indexes': [models.Index(fields=['bankroll', 'day'], name='performance_due_of')],
            },
        ),
        migrations.RunSQL(NOTE_ALL, migrations.RunSQL.noop),
    ]
