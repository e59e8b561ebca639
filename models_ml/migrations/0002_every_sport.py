"""Rows per runner and player, other targets than the outcome, searches and rehearsals."""

import django.contrib.postgres.operations
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('markets', '0001_initial'),
        ('models_ml', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Search',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('pipeline', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='searches', to='models_ml.pipeline')),
                ('until', models.DateTimeField()),
                ('seed', models.PositiveIntegerField(default=0)),
                ('trials', models.PositiveIntegerField()),
                ('space', models.JSONField(default=dict)),
                ('state', models.CharField(choices=[('RUNNING', 'Under way'), ('DONE', 'Done'), ('CANCELLED', 'Cancelled'), ('FAILED', 'Failed')], default='RUNNING', max_length=9)),
                ('began_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('best', models.JSONField(blank=True, default=dict)),
                ('run', models.UUIDField(blank=True, null=True)),
                ('actor', models.CharField(max_length=150)),
            ],
            options={
                'verbose_name_plural': 'searches',
            },
        ),
        migrations.CreateModel(
            name='Rehearsal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('pipeline', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rehearsals', to='models_ml.pipeline')),
                ('name', models.CharField(max_length=120)),
                ('actor', models.CharField(max_length=150)),
                ('made_at', models.DateTimeField()),
                ('removed_at', models.DateTimeField(blank=True, null=True)),
                ('rows', models.PositiveIntegerField(default=0)),
                ('predictions', models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.AddField(
            model_name='pipeline',
            name='target',
            field=models.CharField(choices=[('OUTCOME', 'Who wins'), ('MARGIN', 'By how much the home side wins'), ('TOTAL', 'Points of both sides'), ('GOALS', 'Goals of each side'), ('FIGURE', "A player's figure"), ('WINNER', 'Which runner wins')], db_default='OUTCOME', default='OUTCOME', max_length=8),
        ),
        migrations.AddField(
            model_name='pipeline',
            name='statistic',
            field=models.CharField(blank=True, db_default='', default='', max_length=40),
        ),
        migrations.AddField(
            model_name='pipeline',
            name='is_enabled',
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.AddConstraint(
            model_name='pipeline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('target', 'FIGURE'), models.Q(('statistic', ''), _negated=True)), models.Q(models.Q(('target', 'FIGURE'), _negated=True), ('statistic', '')), _connector='OR'), name='pipeline_statistic_exactly_for_figures'),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='kind',
            field=models.CharField(choices=[('boosted3', 'Boosted trees, three-way'), ('boosted2', 'Boosted trees, two-way'), ('margin', 'Distribution of the margin'), ('total', 'Distribution of the total'), ('goals', "Distribution of both sides' goals"), ('figure', 'Distribution of a figure'), ('runners', 'Conditional softmax over runners')], db_default='boosted3', default='boosted3', max_length=12),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='search',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='models_ml.search'),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='parent',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='children', to='models_ml.modelversion'),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='reason',
            field=models.CharField(blank=True, db_default='', default='', max_length=250),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='artefact_bytes',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='artefact_removed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='estimator_format',
            field=models.SmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='plots',
            field=models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=dict),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='code_versions',
            field=models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=dict),
        ),
        migrations.AddField(
            model_name='featurerow',
            name='participant',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='markets.participant'),
        ),
        migrations.AddField(
            model_name='featurerow',
            name='statistic',
            field=models.CharField(blank=True, db_default='', default='', max_length=40),
        ),
        migrations.AddField(
            model_name='featurerow',
            name='rehearsal',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='feature_rows', to='models_ml.rehearsal'),
        ),
        migrations.AddField(
            model_name='featurerow',
            name='due_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='featurerow',
            name='is_late',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='featurerow',
            name='sources',
            field=models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=dict),
        ),
        migrations.RemoveConstraint(
            model_name='featurerow',
            name='feature_row_once',
        ),
        migrations.AddConstraint(
            model_name='featurerow',
            constraint=models.UniqueConstraint(fields=('event', 'feature_set', 'stage', 'replay', 'rehearsal', 'participant', 'statistic'), name='feature_row_once', nulls_distinct=False),
        ),
        migrations.AddIndex(
            model_name='featurerow',
            index=models.Index(models.F('feature_set'), models.OrderBy(models.F('as_of'), descending=True), condition=models.Q(('rehearsal__isnull', True), ('replay__isnull', True)), name='feature_row_live'),
        ),
        migrations.AddField(
            model_name='prediction',
            name='refund_probability',
            field=models.FloatField(db_default=0.0, default=0.0),
        ),
        django.contrib.postgres.operations.AddConstraintNotValid(
            model_name='prediction',
            constraint=models.CheckConstraint(condition=models.Q(('refund_probability__gte', 0), ('refund_probability__lt', 1)), name='prediction_refund_is_a_share'),
        ),
    ]
