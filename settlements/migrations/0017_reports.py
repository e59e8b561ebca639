import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('settlements', '0016_backtest_grids'),
    ]

    operations = [
        migrations.CreateModel(
            name='Report',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('DAILY', 'Daily'), ('WEEKLY', 'Weekly performance'), ('MONTHLY', 'Monthly'), ('CLV', 'Closing-line value'), ('PAPER', 'Paper trading'), ('TOP', 'Best and worst bets'), ('TIMING', 'Timing')], max_length=8)),
                ('period', models.CharField(max_length=10)),
                ('group', models.CharField(max_length=80)),
                ('revision', models.PositiveSmallIntegerField()),
                ('first', models.DateField()),
                ('last', models.DateField()),
                ('as_of', models.DateTimeField()),
                ('content', models.JSONField()),
                ('html', models.TextField()),
                ('digest', models.CharField(max_length=64)),
                ('made_by', models.CharField(max_length=150)),
                ('made_at', models.DateTimeField()),
            ],
            options={
                'indexes': [models.Index(fields=['-made_at'], name='report_latest')],
                'constraints': [models.UniqueConstraint(fields=('kind', 'period', 'group', 'revision'), name='report_revision_once'), models.CheckConstraint(condition=models.Q(('revision__gt', 0), ('first__lte', models.F('last'))), name='report_is_of_a_period')],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='report',
            trigger=pgtrigger.compiler.Trigger(name='no_update', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='47e29149c6dc5675cd2e0139cb0314676b4d4381', operation='UPDATE', pgid='pgtrigger_no_update_eb997', table='settlements_report', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='report',
            trigger=pgtrigger.compiler.Trigger(name='no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='6f7a695a4a68d6145222a9eb7bfce8e6283a14a7', operation='DELETE', pgid='pgtrigger_no_delete_39fa0', table='settlements_report', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='report',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'append-only: % may not be truncated', TG_TABLE_NAME;", hash='bdff19ca28f3da7fde2dc33b0ca8630e075eb04f', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_3ace3', table='settlements_report', when='BEFORE')),
        ),
    ]
