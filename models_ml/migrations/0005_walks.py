"""Walk-forwards and their steps."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('models_ml', '0004_drift_references'),
    ]

    operations = [
        migrations.CreateModel(
            name='WalkForward',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('RUNNING', 'Under way'), ('DONE', 'Done'), ('CANCELLED', 'Cancelled'), ('FAILED', 'Failed')], default='RUNNING', max_length=9)),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('step_weeks', models.PositiveSmallIntegerField()),
                ('seed', models.PositiveIntegerField(default=0)),
                ('parameters', models.JSONField(blank=True, default=dict)),
                ('code_version', models.CharField(max_length=64)),
                ('why', models.CharField(blank=True, default='', max_length=250)),
                ('actor', models.CharField(max_length=150)),
                ('began_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('evaluation', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='walks', to='models_ml.evaluation')),
                ('pipeline', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='walks', to='models_ml.pipeline')),
            ],
            options={
                'verbose_name': 'walk-forward',
                'verbose_name_plural': 'walk-forwards',
            },
        ),
        migrations.CreateModel(
            name='WalkFold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('begins', models.DateTimeField()),
                ('ends', models.DateTimeField()),
                ('state', models.CharField(choices=[('WAITING', 'Waiting'), ('DONE', 'Done'), ('REFUSED', 'Refused')], default='WAITING', max_length=7)),
                ('n_learned', models.PositiveIntegerField(default=0)),
                ('n', models.PositiveIntegerField(default=0)),
                ('rows', models.JSONField(blank=True, default=dict)),
                ('why', models.CharField(blank=True, default='', max_length=250)),
                ('run', models.UUIDField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('walk', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='folds', to='models_ml.walkforward')),
            ],
            options={
                'verbose_name': 'step of a walk-forward',
                'verbose_name_plural': 'steps of walk-forwards',
            },
        ),
        migrations.AddIndex(
            model_name='walkforward',
            index=models.Index(models.F('pipeline'), models.OrderBy(models.F('began_at'), descending=True), name='walk_latest'),
        ),
        migrations.AddConstraint(
            model_name='walkforward',
            constraint=models.CheckConstraint(condition=models.Q(('until__gt', models.F('since'))), name='walk_ends_after_it_begins'),
        ),
        migrations.AddConstraint(
            model_name='walkforward',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('state', 'RUNNING')), models.Q(models.Q(('state', 'RUNNING'), _negated=True), ('finished_at__isnull', False)), _connector='OR'), name='walk_is_finished_or_under_way'),
        ),
        migrations.AddConstraint(
            model_name='walkfold',
            constraint=models.UniqueConstraint(fields=('walk', 'number'), name='walk_fold_once'),
        ),
        migrations.AddConstraint(
            model_name='walkfold',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('state', 'WAITING')), models.Q(models.Q(('state', 'WAITING'), _negated=True), ('finished_at__isnull', False)), _connector='OR'), name='walk_fold_is_finished_or_waits'),
        ),
    ]
