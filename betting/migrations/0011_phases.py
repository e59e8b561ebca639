"""Phases and allocation of strategies.  What stands is in production and has all the money."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


# A version that knows no phases would stake whole where little or nothing may be staked: what is
# held back is switched off before it takes over.
AS_BEFORE = """
update betting_strategy set is_enabled = false where phase <> 'PRODUCTION' or allocation < 1;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('betting', '0010_paper_twins'),
        ('markets', '0005_reference_rules_and_switched_books'),
        ('models_ml', '0005_walks'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='DryBet',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('stake', models.DecimalField(decimal_places=2, max_digits=12)),
                ('outcome', models.CharField(blank=True, max_length=10, null=True)),
                ('profit', models.DecimalField(blank=True, decimal_places=2, max_digits=12, null=True)),
                ('settled_at', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='PhaseChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('former', models.CharField(choices=[('DRY_RUN', 'A: dry run'), ('MICRO', 'B: micro'), ('PRODUCTION', 'C: production')], max_length=10)),
                ('wanted', models.CharField(choices=[('DRY_RUN', 'A: dry run'), ('MICRO', 'B: micro'), ('PRODUCTION', 'C: production')], max_length=10)),
                ('state', models.CharField(choices=[('ASKED', 'Asked'), ('MADE', 'Made'), ('TURNED_DOWN', 'Turned down')], default='ASKED', max_length=11)),
                ('reason', models.CharField(max_length=250)),
                ('criteria', models.JSONField(default=list)),
                ('asked_by', models.CharField(max_length=150)),
                ('asked_at', models.DateTimeField()),
                ('decided_by', models.CharField(blank=True, default='', max_length=150)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('note', models.CharField(blank=True, default='', max_length=250)),
            ],
        ),
        migrations.AddField(
            model_name='strategy',
            name='allocation',
            field=models.FloatField(db_default=1.0, default=1.0),
        ),
        migrations.AddField(
            model_name='strategy',
            name='phase',
            field=models.CharField(choices=[('DRY_RUN', 'A: dry run'), ('MICRO', 'B: micro'), ('PRODUCTION', 'C: production')], db_default='PRODUCTION', default='PRODUCTION', max_length=10),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='bet',
            trigger=pgtrigger.compiler.Trigger(name='not_live_in_a_dry_run', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE in_phase text;', func="\n        IF NEW.strategy_id IS NOT NULL AND EXISTS (\n            SELECT FROM betting_bankroll WHERE id = NEW.bankroll_id AND kind = 'LIVE'\n        ) THEN\n            SELECT phase INTO in_phase FROM betting_strategy WHERE id = NEW.strategy_id FOR SHARE;\n            IF in_phase = 'DRY_RUN' THEN\n                RAISE EXCEPTION 'no live bet while strategy % is in a dry run', NEW.strategy_id;\n            END IF;\n        END IF;\n        RETURN NEW;\n    ", hash='73f2599a8c43060aa4da49cc4bec0a1f21172dfd', operation='INSERT OR UPDATE OF "strategy_id", "bankroll_id"', pgid='pgtrigger_not_live_in_a_dry_run_84241', table='betting_bet', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='strategy',
            constraint=models.CheckConstraint(condition=models.Q(('phase__in', ['DRY_RUN', 'MICRO', 'PRODUCTION'])), name='strategy_phase_is_known'),
        ),
        migrations.AddConstraint(
            model_name='strategy',
            constraint=models.CheckConstraint(condition=models.Q(('allocation__gt', 0), ('allocation__lte', 1)), name='strategy_allocation_is_a_share', violation_error_message='allocation must be above 0 and at most 1'),
        ),
        migrations.AddField(
            model_name='drybet',
            name='decision',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='dry_bet', to='betting.decision'),
        ),
        migrations.AddField(
            model_name='phasechange',
            name='asked_by_user',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='phasechange',
            name='decided_by_user',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='phasechange',
            name='strategy',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='phase_changes', to='betting.strategy'),
        ),
        migrations.AddIndex(
            model_name='drybet',
            index=models.Index(condition=models.Q(('settled_at__isnull', True)), fields=['id'], name='dry_bet_open'),
        ),
        migrations.AddConstraint(
            model_name='drybet',
            constraint=models.CheckConstraint(condition=models.Q(('stake__gt', 0)), name='dry_bet_stake_positive'),
        ),
        migrations.AddConstraint(
            model_name='drybet',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('outcome__isnull', True), ('profit__isnull', True), ('settled_at__isnull', True)), models.Q(('outcome__isnull', False), ('profit__isnull', False), ('settled_at__isnull', False)), _connector='OR'), name='dry_bet_ends_whole'),
        ),
        migrations.AddConstraint(
            model_name='phasechange',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'ASKED')), fields=('strategy',), name='phase_change_asked_once'),
        ),
        migrations.AddConstraint(
            model_name='phasechange',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('decided_at__isnull', True), ('state', 'ASKED')), models.Q(models.Q(('state', 'ASKED'), _negated=True), ('decided_at__isnull', False)), _connector='OR'), name='phase_change_closed_knows_when'),
        ),
        migrations.AddConstraint(
            model_name='phasechange',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='phase_change_has_a_reason'),
        ),
        migrations.AddConstraint(
            model_name='phasechange',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'MADE'), _negated=True), models.Q(('former', 'DRY_RUN'), models.Q(('former', 'MICRO'), ('wanted', 'PRODUCTION')), _connector='OR', _negated=True), models.Q(('asked_by_user__isnull', False), ('decided_by_user__isnull', False), models.Q(('decided_by_user', models.F('asked_by_user')), _negated=True)), _connector='OR'), name='phase_change_goes_on_by_two_people'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='phasechange',
            trigger=pgtrigger.compiler.Trigger(name='closed_stays', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN (OLD.state <> 'ASKED')", func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='eba2606a765acbe19dc73a30dad00c9ede69daa9', operation='UPDATE', pgid='pgtrigger_closed_stays_eebd5', table='betting_phasechange', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='phasechange',
            trigger=pgtrigger.compiler.Trigger(name='no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='4fa4db730c4638507a95ced8d5ab50d47cc3ff4f', operation='DELETE', pgid='pgtrigger_no_delete_bc2ad', table='betting_phasechange', when='BEFORE')),
        ),
        migrations.RunSQL(migrations.RunSQL.noop, reverse_sql=AS_BEFORE),
    ]
