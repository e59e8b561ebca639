import django.contrib.postgres.fields
import django.db.models.deletion
import monitoring.migrating
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('markets', '0001_initial'),
    ]

    operations = [
        monitoring.migrating.CreateModels(
            operations=[
                migrations.CreateModel(
                    name='Pipeline',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('code', models.SlugField(max_length=60, unique=True)),
                        ('sport', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='markets.sport')),
                        ('market_kind', models.CharField(choices=[('MATCH_ODDS', '1X2'), ('MONEYLINE', 'Moneyline'), ('SPREAD', 'Point spread'), ('ASIAN_HANDICAP', 'Asian handicap'), ('TOTAL', 'Over/under'), ('TEAM_TOTAL', 'Team over/under'), ('BOTH_SCORE', 'Both teams to score'), ('DRAW_NO_BET', 'Draw no bet'), ('DOUBLE_CHANCE', 'Double chance'), ('PLAYER_TOTAL', 'Player over/under'), ('PLAYER_LEADER', 'Leader in a statistic'), ('WIN', 'Win'), ('PLACE', 'Place'), ('EACH_WAY', 'Each way'), ('OUTRIGHT', 'Outright')], max_length=20)),
                        ('feature_set', models.CharField(max_length=30)),
                        ('is_simulated', models.BooleanField(default=False)),
                        ('parameters', models.JSONField(blank=True, default=dict)),
                    ],
                ),
                migrations.CreateModel(
                    name='Replay',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('competition', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='markets.competition')),
                        ('season', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='markets.season')),
                        ('seed', models.PositiveIntegerField(default=0)),
                        ('actor', models.CharField(max_length=150)),
                        ('started_at', models.DateTimeField()),
                        ('finished_at', models.DateTimeField(blank=True, null=True)),
                        ('figures', models.JSONField(blank=True, null=True)),
                    ],
                ),
                migrations.CreateModel(
                    name='FeatureRow',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('event', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='feature_rows', to='markets.event')),
                        ('feature_set', models.CharField(max_length=30)),
                        ('stage', models.CharField(max_length=10)),
                        ('replay', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='models_ml.replay')),
                        ('as_of', models.DateTimeField()),
                        ('values', django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(null=True), size=None)),
                        ('checksum', models.CharField(max_length=64)),
                        ('made_at', models.DateTimeField()),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('event', 'feature_set', 'stage', 'replay'), name='feature_row_once', nulls_distinct=False)],
                    },
                ),
                migrations.CreateModel(
                    name='ModelVersion',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('pipeline', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='models_ml.pipeline')),
                        ('number', models.PositiveIntegerField()),
                        ('stage', models.CharField(choices=[('CANDIDATE', 'Candidate'), ('PRODUCTION', 'Production'), ('PREVIOUS', 'Previous'), ('ARCHIVED', 'Archived'), ('REPLAY', 'Replay')], default='CANDIDATE', max_length=10)),
                        ('replay', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='models_ml.replay')),
                        ('artefact', models.CharField(max_length=200)),
                        ('artefact_sha256', models.CharField(max_length=64)),
                        ('features', models.JSONField()),
                        ('features_sha256', models.CharField(max_length=64)),
                        ('parameters', models.JSONField(default=dict)),
                        ('calibration', models.JSONField(default=dict)),
                        ('metrics', models.JSONField(default=dict)),
                        ('trained_from', models.DateTimeField()),
                        ('trained_until', models.DateTimeField()),
                        ('n_rows', models.PositiveIntegerField()),
                        ('seed', models.PositiveIntegerField(default=0)),
                        ('code_version', models.CharField(max_length=64)),
                        ('trained_at', models.DateTimeField()),
                        ('promoted_at', models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('pipeline', 'number'), name='version_number_once'), models.UniqueConstraint(condition=models.Q(('stage', 'PRODUCTION')), fields=('pipeline',), name='version_one_in_production'), models.UniqueConstraint(condition=models.Q(('stage', 'PREVIOUS')), fields=('pipeline',), name='version_one_previous'), models.CheckConstraint(condition=models.Q(models.Q(('replay__isnull', False), ('stage', 'REPLAY')), models.Q(models.Q(('stage', 'REPLAY'), _negated=True), ('replay__isnull', True)), _connector='OR'), name='version_replay_stage_exactly_in_a_replay')],
                    },
                ),
                migrations.CreateModel(
                    name='Prediction',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('feature_row', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='predictions', to='models_ml.featurerow')),
                        ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='predictions', to='models_ml.modelversion')),
                        ('event', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='predictions', to='markets.event')),
                        ('selection', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='predictions', to='markets.selection')),
                        ('probability', models.FloatField()),
                        ('market_probability', models.FloatField(blank=True, null=True)),
                        ('as_of', models.DateTimeField()),
                        ('made_at', models.DateTimeField()),
                    ],
                    options={
                        'indexes': [models.Index(fields=['-made_at'], name='prediction_latest')],
                        'constraints': [models.UniqueConstraint(fields=('feature_row', 'version', 'selection'), name='prediction_once'), models.CheckConstraint(condition=models.Q(('probability__gt', 0), ('probability__lt', 1)), name='prediction_probability_is_one')],
                    },
                ),
            ],
        ),
    ]
