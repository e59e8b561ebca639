import django.contrib.auth.models
import django.contrib.auth.validators
import django.db.models.deletion
import django.utils.timezone
import monitoring.migrating
import pgtrigger.compiler
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        monitoring.migrating.CreateModels(
            operations=[
                migrations.CreateModel(
                    name='AuditEntry',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('at', models.DateTimeField()),
                        ('actor', models.CharField(max_length=150)),
                        ('action', models.CharField(max_length=80)),
                        ('subject', models.CharField(max_length=120)),
                        ('detail', models.JSONField(default=dict)),
                    ],
                    options={
                        'verbose_name_plural': 'audit entries',
                        'indexes': [models.Index(fields=['subject', 'at'], name='audit_subject_at'), models.Index(fields=['-at'], name='audit_latest')],
                        'triggers': [pgtrigger.compiler.Trigger(name='no_update', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='826f2b18f0a521782a4d721b68c645222df8298d', operation='UPDATE', pgid='pgtrigger_no_update_7b7bb', table='monitoring_auditentry', when='BEFORE')), pgtrigger.compiler.Trigger(name='no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='cf1886e3cc92204eb7f18f20777ece0a1a4660c1', operation='DELETE', pgid='pgtrigger_no_delete_80bfb', table='monitoring_auditentry', when='BEFORE')), pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'append-only: % may not be truncated', TG_TABLE_NAME;", hash='745b327137b3df1debe5616d16828a7ddb791064', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_d9afd', table='monitoring_auditentry', when='BEFORE'))],
                    },
                ),
                migrations.CreateModel(
                    name='BeatLease',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('name', models.CharField(max_length=40, unique=True)),
                        ('holder', models.CharField(max_length=120)),
                        ('token', models.PositiveBigIntegerField()),
                        ('expires_at', models.DateTimeField()),
                    ],
                ),
                migrations.CreateModel(
                    name='CheckState',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('kind', models.CharField(max_length=80, unique=True)),
                        ('ran_at', models.DateTimeField()),
                        ('seconds', models.FloatField()),
                        ('findings', models.PositiveIntegerField()),
                        ('error', models.TextField(blank=True)),
                    ],
                ),
                migrations.CreateModel(
                    name='Heartbeat',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('name', models.CharField(max_length=120, unique=True)),
                        ('at', models.DateTimeField()),
                        ('detail', models.JSONField(default=dict)),
                    ],
                ),
                migrations.CreateModel(
                    name='User',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('password', models.CharField(max_length=128, verbose_name='password')),
                        ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                        ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                        ('username', models.CharField(error_messages={'unique': 'A user with that username already exists.'}, help_text='Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.', max_length=150, unique=True, validators=[django.contrib.auth.validators.UnicodeUsernameValidator()], verbose_name='username')),
                        ('first_name', models.CharField(blank=True, max_length=150, verbose_name='first name')),
                        ('last_name', models.CharField(blank=True, max_length=150, verbose_name='last name')),
                        ('email', models.EmailField(blank=True, max_length=254, verbose_name='email address')),
                        ('is_staff', models.BooleanField(default=False, help_text='Designates whether the user can log into this admin site.', verbose_name='staff status')),
                        ('is_active', models.BooleanField(default=True, help_text='Designates whether this user should be treated as active. Unselect this instead of deleting accounts.', verbose_name='active')),
                        ('date_joined', models.DateTimeField(default=django.utils.timezone.now, verbose_name='date joined')),
                        ('time_zone', models.CharField(default='UTC', max_length=64)),
                        ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                        ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
                    ],
                    options={
                        'verbose_name': 'user',
                        'verbose_name_plural': 'users',
                        'abstract': False,
                    },
                    managers=[
                        ('objects', django.contrib.auth.models.UserManager()),
                    ],
                ),
                migrations.CreateModel(
                    name='ApiToken',
                    fields=[
                        ('digest', models.CharField(max_length=128, primary_key=True, serialize=False)),
                        ('token_key', models.CharField(db_index=True, max_length=25)),
                        ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='auth_token_set', to=settings.AUTH_USER_MODEL)),
                        ('created', models.DateTimeField(auto_now_add=True)),
                        ('expiry', models.DateTimeField(blank=True, null=True)),
                        ('name', models.CharField(max_length=80)),
                        ('scopes', models.JSONField(blank=True, default=list)),
                        ('last_used_at', models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        'abstract': False,
                    },
                ),
                migrations.CreateModel(
                    name='TaskRun',
                    fields=[
                        ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                        ('task', models.CharField(max_length=120)),
                        ('queue', models.CharField(max_length=20)),
                        ('trigger', models.CharField(choices=[('BEAT', 'Schedule'), ('USER', 'Operator'), ('API', 'API'), ('CLI', 'Command line'), ('TASK', 'Another task')], max_length=8)),
                        ('actor', models.CharField(max_length=150)),
                        ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
                        ('arguments', models.JSONField(default=dict)),
                        ('state', models.CharField(choices=[('QUEUED', 'Queued'), ('RUNNING', 'Running'), ('SUCCEEDED', 'Succeeded'), ('FAILED', 'Failed'), ('ERRORED', 'Errored'), ('LOST', 'Lost'), ('CANCELLED', 'Cancelled')], default='QUEUED', max_length=10)),
                        ('attempt', models.PositiveSmallIntegerField(default=0)),
                        ('max_attempts', models.PositiveSmallIntegerField(default=4)),
                        ('progress_done', models.PositiveIntegerField(default=0)),
                        ('progress_total', models.PositiveIntegerField(blank=True, null=True)),
                        ('progress_message', models.CharField(blank=True, max_length=200)),
                        ('created_at', models.DateTimeField()),
                        ('not_before', models.DateTimeField(blank=True, null=True)),
                        ('published_at', models.DateTimeField(blank=True, null=True)),
                        ('started_at', models.DateTimeField(blank=True, null=True)),
                        ('finished_at', models.DateTimeField(blank=True, null=True)),
                        ('result', models.JSONField(blank=True, null=True)),
                        ('error', models.TextField(blank=True)),
                        ('traceback', models.TextField(blank=True)),
                        ('worker', models.CharField(blank=True, max_length=120)),
                        ('parent', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='children', to='monitoring.taskrun')),
                        ('run_key', models.CharField(blank=True, max_length=160, null=True, unique=True)),
                        ('singleton_key', models.CharField(blank=True, max_length=160, null=True)),
                        ('is_dry_run', models.BooleanField(default=False)),
                        ('cancel_requested_at', models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        'indexes': [models.Index(condition=models.Q(('state__in', ['QUEUED', 'RUNNING'])), fields=['created_at'], name='run_live'), models.Index(fields=['-created_at'], name='run_latest'), models.Index(fields=['task', '-created_at'], name='run_task_latest')],
                        'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ['QUEUED', 'RUNNING'])), fields=('singleton_key',), name='run_one_live_per_singleton_key'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('state__in', ['QUEUED', 'RUNNING'])), models.Q(models.Q(('state__in', ['QUEUED', 'RUNNING']), _negated=True), ('finished_at__isnull', False)), _connector='OR'), name='run_finished_exactly_when_over')],
                    },
                ),
                migrations.CreateModel(
                    name='Incident',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('kind', models.CharField(max_length=80)),
                        ('subject', models.CharField(blank=True, max_length=120)),
                        ('severity', models.CharField(max_length=2)),
                        ('state', models.CharField(choices=[('OPEN', 'Open'), ('ACKNOWLEDGED', 'Acknowledged'), ('RESOLVED', 'Resolved')], default='OPEN', max_length=12)),
                        ('summary', models.TextField()),
                        ('opened_at', models.DateTimeField()),
                        ('latest_at', models.DateTimeField()),
                        ('occurrences', models.PositiveIntegerField(default=1)),
                        ('acknowledged_at', models.DateTimeField(blank=True, null=True)),
                        ('acknowledged_by', models.CharField(blank=True, max_length=150)),
                        ('resolved_at', models.DateTimeField(blank=True, null=True)),
                        ('resolved_by', models.CharField(blank=True, max_length=150)),
                        ('run', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to='monitoring.taskrun')),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(condition=models.Q(('resolved_at__isnull', True)), fields=('kind', 'subject'), name='incident_one_open_per_kind_and_subject'), models.CheckConstraint(condition=models.Q(models.Q(('resolved_at__isnull', False), ('state', 'RESOLVED')), models.Q(models.Q(('state', 'RESOLVED'), _negated=True), ('resolved_at__isnull', True)), _connector='OR'), name='incident_resolved_exactly_when_stamped')],
                    },
                ),
                migrations.CreateModel(
                    name='ScheduledJob',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('name', models.CharField(max_length=200, unique=True)),
                        ('default', models.CharField(max_length=200)),
                        ('grace_seconds', models.PositiveIntegerField()),
                        ('added_at', models.DateTimeField()),
                        ('latest_at', models.DateTimeField(blank=True, null=True)),
                        ('latest_slot', models.CharField(blank=True, max_length=160)),
                        ('latest_run', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='monitoring.taskrun')),
                    ],
                ),
                migrations.CreateModel(
                    name='IncidentEntry',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('incident', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='monitoring.incident')),
                        ('at', models.DateTimeField()),
                        ('actor', models.CharField(max_length=150)),
                        ('what', models.CharField(max_length=20)),
                        ('text', models.TextField(blank=True)),
                    ],
                    options={
                        'verbose_name_plural': 'incident entries',
                        'triggers': [pgtrigger.compiler.Trigger(name='no_update', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='5a5ccfebf15611f5dbbae45b933ee462b4d1e6d3', operation='UPDATE', pgid='pgtrigger_no_update_bd837', table='monitoring_incidententry', when='BEFORE')), pgtrigger.compiler.Trigger(name='no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='76c6da7460bf3fa3e96224042cebeb05e49d8901', operation='DELETE', pgid='pgtrigger_no_delete_1fa90', table='monitoring_incidententry', when='BEFORE')), pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'append-only: % may not be truncated', TG_TABLE_NAME;", hash='544b732cb9d4a3dff2c4dad4df1542c962ffad10', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_37a05', table='monitoring_incidententry', when='BEFORE'))],
                    },
                ),
            ],
        ),
    ]
