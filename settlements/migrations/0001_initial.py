import django.db.models.deletion
import monitoring.migrating
import pgtrigger.compiler
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('betting', '0001_initial'),
        ('markets', '0001_initial'),
    ]

    operations = [
        monitoring.migrating.CreateModels(
            operations=[
                migrations.CreateModel(
                    name='BetValue',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('bet', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='value', to='betting.bet')),
                        ('reference', models.CharField(max_length=30)),
                        ('method', models.CharField(max_length=40)),
                        ('closing_price', models.DecimalField(decimal_places=3, max_digits=9)),
                        ('closing_probability', models.FloatField()),
                        ('close_age_seconds', models.PositiveIntegerField()),
                        ('clv_raw', models.FloatField()),
                        ('clv', models.FloatField()),
                        ('valued_at', models.DateTimeField()),
                    ],
                    options={
                        'constraints': [models.CheckConstraint(condition=models.Q(('closing_probability__gt', 0), ('closing_probability__lt', 1)), name='value_closing_probability_is_one')],
                    },
                ),
                migrations.CreateModel(
                    name='LedgerAccount',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('bankroll', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='accounts', to='betting.bankroll')),
                        ('kind', models.CharField(choices=[('CASH', 'Bankroll cash'), ('PROFIT_AND_LOSS', 'Profit and loss'), ('CAPITAL', 'Deposits and withdrawals')], max_length=20)),
                        ('currency', models.CharField(max_length=3)),
                        ('balance', models.DecimalField(decimal_places=2, default=0, max_digits=14)),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('bankroll', 'kind'), name='account_once')],
                    },
                ),
                migrations.CreateModel(
                    name='Settlement',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('bet', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='settlements', to='betting.bet')),
                        ('revision', models.PositiveSmallIntegerField()),
                        ('result', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='settlements', to='markets.result')),
                        ('outcome', models.CharField(choices=[('WON', 'Won'), ('HALF_WON', 'Half won'), ('PUSH', 'Push'), ('HALF_LOST', 'Half lost'), ('LOST', 'Lost'), ('VOID', 'Void')], max_length=10)),
                        ('profit', models.DecimalField(decimal_places=2, max_digits=12)),
                        ('settled_at', models.DateTimeField()),
                    ],
                    options={
                        'indexes': [models.Index(fields=['-settled_at'], name='settlement_latest')],
                        'constraints': [models.UniqueConstraint(fields=('bet', 'revision'), name='settlement_revision_once'), models.UniqueConstraint(fields=('bet', 'result'), name='settlement_once_per_result')],
                        'triggers': [pgtrigger.compiler.Trigger(name='no_update', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='e15fdb2ea173912f9bbc093a5c3bfa42cabd7931', operation='UPDATE', pgid='pgtrigger_no_update_43d42', table='settlements_settlement', when='BEFORE')), pgtrigger.compiler.Trigger(name='no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='9aa8da5bfcfb5df0ed0b4741dbe94aec1115b59e', operation='DELETE', pgid='pgtrigger_no_delete_ea98b', table='settlements_settlement', when='BEFORE')), pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'append-only: % may not be truncated', TG_TABLE_NAME;", hash='d7f6a0251901e1825f7468d44806a418c185bba4', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_2822d', table='settlements_settlement', when='BEFORE'))],
                    },
                ),
                migrations.CreateModel(
                    name='LedgerTransfer',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('kind', models.CharField(choices=[('DEPOSIT', 'Deposit'), ('WITHDRAWAL', 'Withdrawal'), ('SETTLEMENT', 'Settlement'), ('REVERSAL', 'Reversal')], max_length=10)),
                        ('debit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='debits', to='settlements.ledgeraccount')),
                        ('credit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='credits', to='settlements.ledgeraccount')),
                        ('amount', models.DecimalField(decimal_places=2, max_digits=14)),
                        ('settlement', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='transfers', to='settlements.settlement')),
                        ('reverses', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reversed_by', to='settlements.ledgertransfer')),
                        ('reference', models.CharField(max_length=60, unique=True)),
                        ('at', models.DateTimeField()),
                    ],
                    options={
                        'constraints': [models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='transfer_amount_positive'), models.CheckConstraint(condition=models.Q(('debit', models.F('credit')), _negated=True), name='transfer_between_two_accounts'), models.CheckConstraint(condition=models.Q(models.Q(('kind', 'REVERSAL'), ('reverses__isnull', False)), models.Q(models.Q(('kind', 'REVERSAL'), _negated=True), ('reverses__isnull', True)), _connector='OR'), name='transfer_reversal_names_its_original'), models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ['SETTLEMENT', 'REVERSAL']), ('settlement__isnull', False)), models.Q(('kind__in', ['DEPOSIT', 'WITHDRAWAL']), ('settlement__isnull', True)), _connector='OR'), name='transfer_settlement_is_named')],
                        'triggers': [pgtrigger.compiler.Trigger(name='no_update', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='660035b9be565bfb5e27e95e0df52d2103ea5652', operation='UPDATE', pgid='pgtrigger_no_update_09aa2', table='settlements_ledgertransfer', when='BEFORE')), pgtrigger.compiler.Trigger(name='no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='2d2b0c775f53ae21e4dde711f1ad3e9f6d420bb4', operation='DELETE', pgid='pgtrigger_no_delete_a7873', table='settlements_ledgertransfer', when='BEFORE')), pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'append-only: % may not be truncated', TG_TABLE_NAME;", hash='2ff52410281d31dc06ec4d6e7df98f65de6fd7b8', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_2476a', table='settlements_ledgertransfer', when='BEFORE'))],
                    },
                ),
            ],
        ),
    ]
