import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('betting', '0020_commission_and_asked_liability'),
        ('settlements', '0004_transfers_by_account_and_time'),
    ]

    operations = [
        migrations.CreateModel(
            name='ReconciliationItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('MISSING_HERE', 'Missing here'), ('MISSING_THERE', 'Missing there'), ('PROFIT', 'Profit'), ('COMMISSION', 'Commission'), ('STAKE', 'Stake matched'), ('PRICE', 'Price'), ('OUTCOME', 'Outcome'), ('STATE', 'State'), ('BALANCE', 'Balance'), ('DUPLICATE', 'Duplicate'), ('MISSING_FIELD', 'Missing field'), ('IMPOSSIBLE_PRICE', 'Impossible price'), ('PROFIT_FORMULA', 'Profit formula'), ('LEDGER', 'Ledger')], max_length=16)),
                ('venue', models.CharField(blank=True, max_length=20)),
                ('key', models.CharField(max_length=120)),
                ('ours', models.CharField(blank=True, max_length=120)),
                ('theirs', models.CharField(blank=True, max_length=120)),
                ('difference', models.DecimalField(blank=True, decimal_places=2, max_digits=14, null=True)),
                ('at', models.DateTimeField()),
                ('found_at', models.DateTimeField()),
                ('seen_at', models.DateTimeField()),
                ('state', models.CharField(choices=[('OPEN', 'Open'), ('ACCEPTED', 'Theirs accepted'), ('DISMISSED', 'Dismissed'), ('RESOLVED', 'Equal by now')], default='OPEN', max_length=9)),
                ('resolved_at', models.DateTimeField(blank=True, null=True)),
                ('resolved_by', models.CharField(blank=True, max_length=80)),
                ('reason', models.CharField(blank=True, max_length=250)),
            ],
        ),
        migrations.CreateModel(
            name='ReconciliationRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('venue', models.CharField(blank=True, max_length=20)),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('made_by', models.CharField(max_length=80)),
                ('made_at', models.DateTimeField()),
                ('bets', models.PositiveIntegerField(default=0)),
                ('orders', models.PositiveIntegerField(default=0)),
                ('found', models.PositiveIntegerField(default=0)),
                ('opened', models.PositiveIntegerField(default=0)),
                ('resolved', models.PositiveIntegerField(default=0)),
                ('left_out', models.PositiveIntegerField(default=0)),
                ('profit_here', models.DecimalField(decimal_places=2, default=0, max_digits=14)),
                ('profit_there', models.DecimalField(decimal_places=2, default=0, max_digits=14)),
                ('commission_here', models.DecimalField(decimal_places=2, default=0, max_digits=14)),
                ('commission_there', models.DecimalField(decimal_places=2, default=0, max_digits=14)),
                ('failed', models.CharField(blank=True, max_length=250)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='ledgertransfer',
            name='transfer_settlement_is_named',
        ),
        migrations.AlterField(
            model_name='ledgertransfer',
            name='kind',
            field=models.CharField(choices=[('DEPOSIT', 'Deposit'), ('WITHDRAWAL', 'Withdrawal'), ('SETTLEMENT', 'Settlement'), ('REVERSAL', 'Reversal'), ('COMMISSION', 'Commission'), ('CORRECTION', 'Correction')], max_length=10),
        ),
        AddConstraintNotValid(
            model_name='ledgertransfer',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ['SETTLEMENT', 'REVERSAL', 'COMMISSION']), ('settlement__isnull', False)), models.Q(('kind__in', ['DEPOSIT', 'WITHDRAWAL', 'CORRECTION']), ('settlement__isnull', True)), _connector='OR'), name='transfer_settlement_is_named'),
        ),
        migrations.AddField(
            model_name='reconciliationitem',
            name='bankroll',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='betting.bankroll'),
        ),
        migrations.AddField(
            model_name='reconciliationitem',
            name='bet',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='betting.bet'),
        ),
        migrations.AddField(
            model_name='reconciliationitem',
            name='transfer',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='corrects', to='settlements.ledgertransfer'),
        ),
        migrations.AddField(
            model_name='reconciliationrun',
            name='bankroll',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='betting.bankroll'),
        ),
        migrations.AddField(
            model_name='reconciliationitem',
            name='run',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='items', to='settlements.reconciliationrun'),
        ),
        migrations.AddIndex(
            model_name='reconciliationrun',
            index=models.Index(fields=['bankroll', '-made_at'], name='reconciled_latest'),
        ),
        migrations.AddConstraint(
            model_name='reconciliationrun',
            constraint=models.CheckConstraint(condition=models.Q(('since__lt', models.F('until'))), name='reconciled_a_period'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='reconciliationrun',
            trigger=pgtrigger.compiler.Trigger(name='no_update', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='498e0c1741bce76dc665a6004c2e361dbf704fce', operation='UPDATE', pgid='pgtrigger_no_update_e3fa4', table='settlements_reconciliationrun', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='reconciliationrun',
            trigger=pgtrigger.compiler.Trigger(name='no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='9844a7359402d1b3476cc540677396b0fbe0dd62', operation='DELETE', pgid='pgtrigger_no_delete_74076', table='settlements_reconciliationrun', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='reconciliationrun',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'append-only: % may not be truncated', TG_TABLE_NAME;", hash='cbb5e3f1a6a9079c240aadf7773024e8da8d5e8b', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_e5b0f', table='settlements_reconciliationrun', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='reconciliationitem',
            index=models.Index(fields=['bankroll', 'at'], name='reconciliation_item_by_time'),
        ),
        migrations.AddIndex(
            model_name='reconciliationitem',
            index=models.Index(fields=['bankroll', 'key'], name='reconciliation_item_by_key'),
        ),
        migrations.AddConstraint(
            model_name='reconciliationitem',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'OPEN')), fields=('bankroll', 'kind', 'key'), name='reconciliation_item_open_once'),
        ),
        migrations.AddConstraint(
            model_name='reconciliationitem',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('resolved_at__isnull', True), ('state', 'OPEN')), models.Q(models.Q(('state', 'OPEN'), _negated=True), ('resolved_at__isnull', False)), _connector='OR'), name='reconciliation_item_open_or_over'),
        ),
        migrations.AddConstraint(
            model_name='reconciliationitem',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['ACCEPTED', 'DISMISSED']), _negated=True), models.Q(('reason', ''), _negated=True), _connector='OR'), name='reconciliation_item_by_a_person_says_why'),
        ),
        migrations.AddConstraint(
            model_name='reconciliationitem',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'ACCEPTED'), ('transfer__isnull', False)), models.Q(models.Q(('state', 'ACCEPTED'), _negated=True), ('transfer__isnull', True)), _connector='OR'), name='reconciliation_item_accepted_moves_money'),
        ),
    ]
