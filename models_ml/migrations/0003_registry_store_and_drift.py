"""Ladders, promotions by two, the store, drift, evaluations, reruns and hygiene."""

import datetime
import django.contrib.postgres.operations
import django.db.models.deletion
import models_ml.models.registry
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('markets', '0001_initial'),
        ('models_ml', '0002_every_sport'),
        ('monitoring', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Ladder',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sport', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='markets.sport')),
                ('is_simulated', models.BooleanField(default=False)),
                ('stages', models.JSONField()),
                ('grace_seconds', models.PositiveIntegerField(default=60)),
                ('horizon_hours', models.PositiveIntegerField(default=48)),
                ('is_enabled', models.BooleanField(default=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('sport', 'is_simulated'), name='ladder_once')],
            },
        ),
        migrations.CreateModel(
            name='StageLook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='stage_looks', to='markets.event')),
                ('feature_set', models.CharField(max_length=30)),
                ('stage', models.CharField(max_length=10)),
                ('due_at', models.DateTimeField()),
                ('closes_at', models.DateTimeField()),
                ('planned_at', models.DateTimeField()),
                ('starts_at', models.DateTimeField()),
                ('state', models.CharField(choices=[('DUE', 'Due'), ('DONE', 'Done'), ('LATE', 'Done late'), ('MISSED', 'Missed'), ('SKIPPED', 'Skipped: known too late'), ('CANCELLED', 'Cancelled with its event')], default='DUE', max_length=9)),
                ('done_at', models.DateTimeField(blank=True, null=True)),
                ('as_of', models.DateTimeField(blank=True, null=True)),
                ('rows', models.PositiveIntegerField(default=0)),
                ('why', models.CharField(blank=True, default='', max_length=120)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'DUE')), fields=['due_at'], name='stage_look_due')],
                'constraints': [models.UniqueConstraint(fields=('event', 'feature_set', 'stage'), name='stage_look_once'), models.CheckConstraint(condition=models.Q(models.Q(('as_of__isnull', False), ('done_at__isnull', False), ('state__in', ['DONE', 'LATE'])), models.Q(models.Q(('state__in', ['DONE', 'LATE']), _negated=True), ('as_of__isnull', True), ('done_at__isnull', True)), _connector='OR'), name='stage_look_done_knows_when')],
            },
        ),
        migrations.CreateModel(
            name='ServiceFigure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('process', models.CharField(max_length=80, unique=True)),
                ('at', models.DateTimeField()),
                ('hits', models.BigIntegerField(default=0)),
                ('misses', models.BigIntegerField(default=0)),
                ('calls', models.BigIntegerField(default=0)),
                ('buckets', models.JSONField(blank=True, default=dict)),
                ('seconds', models.FloatField(default=0.0)),
            ],
        ),
        migrations.CreateModel(
            name='PromotionPolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('pipeline', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='policies', to='models_ml.pipeline')),
                ('weekdays', models.JSONField(default=models_ml.models.registry.from_tuesday_to_thursday)),
                ('until_time', models.TimeField(default=datetime.time(18, 0))),
                ('time_zone', models.CharField(default='UTC', max_length=64)),
                ('slope_tolerance', models.FloatField(default=0.05)),
                ('minimum_test_rows', models.PositiveIntegerField(default=200)),
                ('minimum_challenger_bets', models.PositiveIntegerField(default=100)),
                ('too_good_sigma', models.FloatField(default=3.0)),
                ('wants_significance', models.BooleanField(default=True)),
                ('expires_after_days', models.PositiveIntegerField(blank=True, default=62, null=True)),
                ('proposal_expires_days', models.PositiveIntegerField(default=14)),
            ],
            options={
                'verbose_name_plural': 'promotion policies',
                'constraints': [models.UniqueConstraint(fields=('pipeline',), name='promotion_policy_once', nulls_distinct=False), models.CheckConstraint(condition=models.Q(('slope_tolerance__gt', 0), ('too_good_sigma__gt', 0)), name='promotion_policy_asks_something')],
            },
        ),
        migrations.CreateModel(
            name='Proposal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='proposals', to='models_ml.modelversion')),
                ('state', models.CharField(choices=[('OPEN', 'Open'), ('PROMOTED', 'Promoted'), ('REJECTED', 'Rejected'), ('WITHDRAWN', 'Withdrawn'), ('EXPIRED', 'Expired')], default='OPEN', max_length=9)),
                ('evidence', models.JSONField(default=dict)),
                ('evidence_sha256', models.CharField(max_length=64)),
                ('gates', models.JSONField(default=dict)),
                ('proposed_by', models.CharField(max_length=150)),
                ('proposed_at', models.DateTimeField()),
                ('reason', models.CharField(max_length=250)),
                ('too_good_signed_by', models.CharField(blank=True, default='', max_length=150)),
                ('too_good_signed_at', models.DateTimeField(blank=True, null=True)),
                ('too_good_reason', models.CharField(blank=True, default='', max_length=250)),
                ('window_override_by', models.CharField(blank=True, default='', max_length=150)),
                ('window_override_reason', models.CharField(blank=True, default='', max_length=250)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('closed_by', models.CharField(blank=True, default='', max_length=150)),
                ('outcome_note', models.CharField(blank=True, default='', max_length=250)),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'OPEN')), fields=('version',), name='proposal_open_once'), models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', True), ('state', 'OPEN')), models.Q(models.Q(('state', 'OPEN'), _negated=True), ('closed_at__isnull', False)), _connector='OR'), name='proposal_closed_knows_when'), models.CheckConstraint(condition=models.Q(('too_good_signed_by', ''), models.Q(('too_good_signed_by', models.F('proposed_by')), _negated=True), _connector='OR'), name='proposal_too_good_is_signed_by_another')],
            },
        ),
        migrations.CreateModel(
            name='Approval',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('proposal', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='approvals', to='models_ml.proposal')),
                ('role', models.CharField(choices=[('modeling lead', 'Modeling lead'), ('ops lead', 'Ops lead')], max_length=13)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('at', models.DateTimeField()),
                ('verdict', models.CharField(choices=[('APPROVE', 'Approved'), ('REJECT', 'Rejected')], max_length=7)),
                ('comment', models.CharField(blank=True, max_length=250)),
                ('evidence_sha256', models.CharField(max_length=64)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('proposal', 'role', 'evidence_sha256'), name='approval_role_once'), models.UniqueConstraint(fields=('proposal', 'user', 'evidence_sha256'), name='approval_person_once')],
            },
        ),
        migrations.CreateModel(
            name='ServingPeriod',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('pipeline', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='periods', to='models_ml.pipeline')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='periods', to='models_ml.modelversion')),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField(blank=True, null=True)),
                ('how', models.CharField(choices=[('PROMOTED', 'Promoted'), ('ROLLED_BACK', 'Rolled back to'), ('FALLBACK', 'Stepped in for a damaged one'), ('RESTORED', 'Back after repair')], max_length=11)),
                ('proposal', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='periods', to='models_ml.proposal')),
                ('actor', models.CharField(max_length=150)),
                ('reason', models.CharField(blank=True, max_length=250)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('pipeline', 'since'), name='serving_period_once'), models.UniqueConstraint(condition=models.Q(('until__isnull', True)), fields=('pipeline',), name='serving_period_one_open'), models.CheckConstraint(condition=models.Q(('until__isnull', True), ('until__gt', models.F('since')), _connector='OR'), name='serving_period_ends_after_it_begins')],
            },
        ),
        migrations.CreateModel(
            name='VersionClv',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='clv', to='models_ml.modelversion')),
                ('as_of', models.DateTimeField()),
                ('n', models.PositiveIntegerField()),
                ('mean', models.FloatField()),
                ('low', models.FloatField()),
                ('high', models.FloatField()),
            ],
            options={
                'verbose_name': 'closing-line value of a version',
                'verbose_name_plural': 'closing-line values of versions',
                'constraints': [models.UniqueConstraint(fields=('version', 'as_of'), name='version_clv_once'), models.CheckConstraint(condition=models.Q(('high__gte', models.F('mean')), ('low__lte', models.F('mean'))), name='version_clv_lies_in_its_interval')],
            },
        ),
        migrations.CreateModel(
            name='StoreFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('part', models.CharField(max_length=200, unique=True)),
                ('kind', models.CharField(choices=[('FIXTURES', 'Fixtures'), ('RESULTS', 'Results'), ('RUNNERS', 'How runners came in'), ('ENTRIES', 'Entries of races'), ('FIGURES', 'Figures of players'), ('QUOTES', 'Prices'), ('NOTICES', 'Notices'), ('FEATURES', 'Features')], max_length=8)),
                ('sport', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='markets.sport')),
                ('is_simulated', models.BooleanField(default=False)),
                ('feature_set', models.CharField(blank=True, default='', max_length=30)),
                ('competition', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='markets.competition')),
                ('season', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='markets.season')),
                ('schema_version', models.PositiveSmallIntegerField()),
                ('rows', models.BigIntegerField()),
                ('bytes', models.BigIntegerField()),
                ('sha256', models.CharField(max_length=64)),
                ('min_known_at', models.DateTimeField(blank=True, null=True)),
                ('max_known_at', models.DateTimeField(blank=True, null=True)),
                ('written_at', models.DateTimeField()),
                ('verified_at', models.DateTimeField(blank=True, null=True)),
                ('state', models.CharField(choices=[('GOOD', 'Good'), ('DAMAGED', 'Damaged'), ('STALE', 'To be made anew')], default='GOOD', max_length=7)),
                ('note', models.CharField(blank=True, default='', max_length=250)),
            ],
            options={
                'indexes': [models.Index(fields=['sport', 'is_simulated', 'kind'], name='store_file_of_kind'), models.Index(condition=models.Q(('state', 'GOOD'), _negated=True), fields=['part'], name='store_file_bad')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('kind', 'FEATURES'), models.Q(('feature_set', ''), _negated=True)), models.Q(models.Q(('kind', 'FEATURES'), _negated=True), ('feature_set', '')), _connector='OR'), name='store_file_set_exactly_for_features')],
            },
        ),
        migrations.CreateModel(
            name='EtlRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sport', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='markets.sport')),
                ('is_simulated', models.BooleanField(default=False)),
                ('began_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('watermark', models.DateTimeField()),
                ('new_results', models.PositiveIntegerField(default=0)),
                ('new_quotes', models.PositiveIntegerField(default=0)),
                ('rows_computed', models.PositiveIntegerField(default=0)),
                ('rows_kept', models.PositiveIntegerField(default=0)),
                ('seconds', models.FloatField(default=0.0)),
                ('figures', models.JSONField(blank=True, default=dict)),
                ('is_rebuild', models.BooleanField(default=False)),
                ('differences', models.PositiveIntegerField(default=0)),
            ],
            options={
                'verbose_name': 'ETL run',
                'indexes': [models.Index(models.F('sport'), models.F('is_simulated'), models.OrderBy(models.F('began_at'), descending=True), name='etl_run_latest')],
            },
        ),
        migrations.CreateModel(
            name='RuleFlag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sport', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='markets.sport')),
                ('code', models.SlugField(max_length=60)),
                ('title', models.CharField(max_length=200)),
                ('announced_at', models.DateTimeField()),
                ('effective_from', models.DateTimeField()),
                ('effective_until', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('sport', 'code', 'effective_from'), name='rule_flag_once'), models.CheckConstraint(condition=models.Q(('effective_until__isnull', True), ('effective_until__gt', models.F('effective_from')), _connector='OR'), name='rule_flag_ends_after_it_begins'), models.CheckConstraint(condition=models.Q(('announced_at__lte', models.F('effective_from'))), name='rule_flag_is_announced_before_it_holds')],
            },
        ),
        migrations.CreateModel(
            name='DriftReport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('pipeline', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='drift_reports', to='models_ml.pipeline')),
                ('version', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='drift_reports', to='models_ml.modelversion')),
                ('at', models.DateTimeField()),
                ('reference_from', models.DateTimeField(blank=True, null=True)),
                ('reference_to', models.DateTimeField(blank=True, null=True)),
                ('current_from', models.DateTimeField(blank=True, null=True)),
                ('current_to', models.DateTimeField(blank=True, null=True)),
                ('n_reference', models.PositiveIntegerField(default=0)),
                ('n_current', models.PositiveIntegerField(default=0)),
                ('breaches', models.PositiveIntegerField(default=0)),
                ('figures', models.JSONField(blank=True, default=dict)),
                ('csv', models.CharField(blank=True, default='', max_length=200)),
            ],
            options={
                'indexes': [models.Index(models.F('pipeline'), models.OrderBy(models.F('at'), descending=True), name='drift_report_latest')],
            },
        ),
        migrations.CreateModel(
            name='DriftFeature',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('report', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='features', to='models_ml.driftreport')),
                ('name', models.CharField(max_length=60)),
                ('psi', models.FloatField(blank=True, null=True)),
                ('null_quantile', models.FloatField(blank=True, null=True)),
                ('threshold', models.FloatField(blank=True, null=True)),
                ('share_missing', models.FloatField(default=0.0)),
                ('is_breach', models.BooleanField(default=False)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('report', 'name'), name='drift_feature_once')],
            },
        ),
        migrations.CreateModel(
            name='RetrainDecision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('pipeline', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='models_ml.pipeline')),
                ('at', models.DateTimeField()),
                ('fired', models.BooleanField()),
                ('reasons', models.JSONField(default=list)),
                ('report', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='models_ml.driftreport')),
                ('version', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='models_ml.modelversion')),
                ('actor', models.CharField(max_length=150)),
            ],
            options={
                'indexes': [models.Index(models.F('pipeline'), models.OrderBy(models.F('at'), descending=True), name='retrain_decision_latest')],
            },
        ),
        migrations.CreateModel(
            name='Evaluation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('pipeline', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='evaluations', to='models_ml.pipeline')),
                ('version', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='evaluations', to='models_ml.modelversion')),
                ('kind', models.CharField(choices=[('EVALUATE', 'Evaluation'), ('WALK_FORWARD', 'Walk-forward'), ('RECENT', 'Live predictions'), ('RERUN', 'Rerun')], max_length=12)),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('at', models.DateTimeField()),
                ('n', models.PositiveIntegerField()),
                ('figures', models.JSONField(default=dict)),
                ('actor', models.CharField(max_length=150)),
            ],
            options={
                'indexes': [models.Index(models.F('pipeline'), models.F('kind'), models.OrderBy(models.F('at'), descending=True), name='evaluation_latest')],
            },
        ),
        migrations.CreateModel(
            name='SearchTrial',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('search', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='models_ml.search')),
                ('number', models.PositiveIntegerField()),
                ('parameters', models.JSONField(default=dict)),
                ('state', models.CharField(choices=[('WAITING', 'Waiting'), ('RUNNING', 'Under way'), ('DONE', 'Done'), ('PRUNED', 'Given up early'), ('FAILED', 'Failed'), ('CANCELLED', 'Cancelled')], default='WAITING', max_length=9)),
                ('value', models.FloatField(blank=True, null=True)),
                ('intermediate', models.JSONField(blank=True, default=list)),
                ('run', models.UUIDField(blank=True, null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('search', 'number'), name='search_trial_once')],
            },
        ),
        migrations.CreateModel(
            name='Experiment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120)),
                ('hypothesis', models.TextField()),
                ('kind', models.CharField(choices=[('FEATURES', 'Features'), ('PARAMETERS', 'Parameters'), ('STRATEGY', 'Strategy')], max_length=10)),
                ('pipeline', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='experiments', to='models_ml.pipeline')),
                ('incumbent', models.JSONField(default=dict)),
                ('candidate', models.JSONField(default=dict)),
                ('minimum_n', models.PositiveIntegerField(default=100)),
                ('state', models.CharField(choices=[('PROPOSED', 'Proposed'), ('RUNNING', 'Under way'), ('SCORED', 'Scored'), ('ACCEPTED', 'Accepted'), ('REJECTED', 'Rejected'), ('SWITCHED_OFF', 'Switched off')], default='PROPOSED', max_length=12)),
                ('figures', models.JSONField(blank=True, default=dict)),
                ('proposed_by', models.CharField(max_length=150)),
                ('proposed_at', models.DateTimeField()),
                ('began_at', models.DateTimeField(blank=True, null=True)),
                ('scored_at', models.DateTimeField(blank=True, null=True)),
                ('reviewed_by', models.CharField(blank=True, default='', max_length=150)),
                ('reviewed_at', models.DateTimeField(blank=True, null=True)),
                ('review', models.CharField(blank=True, default='', max_length=250)),
                ('switched_off_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('reviewed_by', models.F('proposed_by')), _negated=True), name='experiment_is_reviewed_by_another'), models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['ACCEPTED', 'REJECTED', 'SWITCHED_OFF']), _negated=True), models.Q(('reviewed_by', ''), _negated=True), _connector='OR'), name='experiment_is_decided_by_somebody')],
            },
        ),
        migrations.CreateModel(
            name='Rerun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('pipeline', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='reruns', to='models_ml.pipeline')),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('stage', models.CharField(max_length=10)),
                ('actor', models.CharField(max_length=150)),
                ('began_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('figures', models.JSONField(blank=True, default=dict)),
                ('differences', models.JSONField(blank=True, default=dict)),
                ('file', models.CharField(blank=True, default='', max_length=200)),
                ('versions', models.ManyToManyField(related_name='reruns', to='models_ml.modelversion')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('until__gt', models.F('since'))), name='rerun_ends_after_it_begins')],
            },
        ),
        migrations.CreateModel(
            name='HygienePolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('pipeline', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='hygiene', to='models_ml.pipeline')),
                ('keep_days', models.PositiveIntegerField(default=180)),
                ('keep_last', models.PositiveIntegerField(default=20)),
                ('keep_best', models.PositiveIntegerField(default=10)),
                ('predictions_days', models.PositiveIntegerField(default=365)),
                ('rehearsals_days', models.PositiveIntegerField(default=14)),
                ('is_enabled', models.BooleanField(default=True)),
            ],
            options={
                'verbose_name_plural': 'hygiene policies',
                'constraints': [models.UniqueConstraint(fields=('pipeline',), name='hygiene_policy_once', nulls_distinct=False)],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='approval',
            trigger=pgtrigger.compiler.Trigger(name='no_update', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='c3c3fc6459b7cd5d50dd4d38772d930146944bad', operation='UPDATE', pgid='pgtrigger_no_update_47214', table='models_ml_approval', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='approval',
            trigger=pgtrigger.compiler.Trigger(name='no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='16b7c8a92772465169c4172dba52ea6795fb935e', operation='DELETE', pgid='pgtrigger_no_delete_97054', table='models_ml_approval', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='approval',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'append-only: % may not be truncated', TG_TABLE_NAME;", hash='20b8a985483dcdbc96167d0e5ea04c4918843c31', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_d8eee', table='models_ml_approval', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='retraindecision',
            trigger=pgtrigger.compiler.Trigger(name='no_update', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='861f7dbf76fdc5e17ef4d0c9e3c783c259c8fda1', operation='UPDATE', pgid='pgtrigger_no_update_3f41a', table='models_ml_retraindecision', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='retraindecision',
            trigger=pgtrigger.compiler.Trigger(name='no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='9ebcd7978151989354e5dfce045c05af4afc9ca3', operation='DELETE', pgid='pgtrigger_no_delete_897cd', table='models_ml_retraindecision', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='retraindecision',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'append-only: % may not be truncated', TG_TABLE_NAME;", hash='bcbd99fb5acac8b5f986fced114bd4e58422faf2', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_9e391', table='models_ml_retraindecision', when='BEFORE')),
        ),
        django.contrib.postgres.operations.ValidateConstraint(
            model_name='prediction',
            name='prediction_refund_is_a_share',
        ),
    ]
