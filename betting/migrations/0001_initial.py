import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
import monitoring.migrating
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('markets', '0001_initial'),
        ('models_ml', '0001_initial'),
    ]

    operations = [
        monitoring.migrating.CreateModels(
            operations=[
                migrations.CreateModel(
                    name='Bankroll',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('name', models.CharField(max_length=60, unique=True)),
                        ('kind', models.CharField(choices=[('LIVE', 'Live'), ('PAPER', 'Paper'), ('REPLAY', 'Replay')], default='PAPER', max_length=6)),
                        ('replay', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='bankroll', to='models_ml.replay')),
                        ('is_simulated', models.BooleanField(default=False)),
                        ('currency', models.CharField(default='EUR', max_length=3)),
                        ('time_zone', models.CharField(default='UTC', max_length=64)),
                        ('balance', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=14)),
                        ('created_at', models.DateTimeField()),
                    ],
                    options={
                        'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('kind', 'REPLAY'), ('replay__isnull', False)), models.Q(models.Q(('kind', 'REPLAY'), _negated=True), ('replay__isnull', True)), _connector='OR'), name='bankroll_replay_kind_exactly_in_a_replay')],
                    },
                ),
                migrations.CreateModel(
                    name='PaperOrder',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('client_ref', models.CharField(max_length=32, unique=True)),
                        ('state', models.CharField(max_length=10)),
                        ('reason', models.CharField(blank=True, max_length=250)),
                        ('price', models.DecimalField(decimal_places=3, max_digits=9)),
                        ('stake', models.DecimalField(decimal_places=2, max_digits=12)),
                        ('received_at', models.DateTimeField()),
                    ],
                ),
                migrations.CreateModel(
                    name='TradingHalt',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('scope', models.CharField(choices=[('ALL', 'Everything'), ('STRATEGY', 'Strategy'), ('BOOK', 'Book'), ('SPORT', 'Sport')], default='ALL', max_length=10)),
                        ('scope_id', models.PositiveBigIntegerField(blank=True, null=True)),
                        ('reason', models.TextField()),
                        ('set_by', models.CharField(max_length=150)),
                        ('set_at', models.DateTimeField()),
                        ('lifted_by', models.CharField(blank=True, max_length=150)),
                        ('lifted_at', models.DateTimeField(blank=True, null=True)),
                        ('lift_reason', models.TextField(blank=True)),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(condition=models.Q(('lifted_at__isnull', True)), fields=('scope', 'scope_id'), name='halt_once_per_scope', nulls_distinct=False), models.CheckConstraint(condition=models.Q(models.Q(('scope', 'ALL'), ('scope_id__isnull', True)), models.Q(models.Q(('scope', 'ALL'), _negated=True), ('scope_id__isnull', False)), _connector='OR'), name='halt_names_what_it_stops'), models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='halt_has_a_reason')],
                    },
                ),
                migrations.CreateModel(
                    name='Strategy',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('name', models.CharField(max_length=60, unique=True)),
                        ('code', models.CharField(max_length=40)),
                        ('bankroll', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='strategies', to='betting.bankroll')),
                        ('pipeline', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='strategies', to='models_ml.pipeline')),
                        ('is_enabled', models.BooleanField(default=True)),
                        ('decide_at_stage', models.CharField(default='T-60m', max_length=10)),
                        ('min_edge', models.FloatField(default=0.02)),
                        ('max_edge', models.FloatField(default=0.25)),
                        ('min_probability', models.FloatField(default=0.0)),
                        ('min_price', models.DecimalField(decimal_places=3, default=Decimal('1.30'), max_digits=9)),
                        ('max_price', models.DecimalField(decimal_places=3, default=Decimal('5.00'), max_digits=9)),
                        ('max_overround', models.FloatField(default=0.15)),
                        ('max_price_age_seconds', models.PositiveIntegerField(default=600)),
                        ('kelly_fraction', models.FloatField(default=0.25)),
                        ('max_stake_share', models.FloatField(default=0.02)),
                        ('max_event_share', models.FloatField(default=0.03)),
                        ('max_day_share', models.FloatField(default=0.15)),
                        ('max_open_share', models.FloatField(default=0.25)),
                        ('min_stake', models.DecimalField(decimal_places=2, default=Decimal('1.00'), max_digits=12)),
                        ('stake_step', models.DecimalField(decimal_places=2, default=Decimal('0.01'), max_digits=12)),
                        ('books', models.ManyToManyField(blank=True, related_name='+', to='markets.book')),
                    ],
                    options={
                        'verbose_name_plural': 'strategies',
                        'constraints': [models.CheckConstraint(condition=models.Q(('kelly_fraction__gt', 0), ('kelly_fraction__lte', 1)), name='strategy_kelly_fraction_is_a_share'), models.CheckConstraint(condition=models.Q(('max_stake_share__gt', 0), ('max_stake_share__lte', 1), ('max_event_share__gt', 0), ('max_event_share__lte', 1), ('max_day_share__gt', 0), ('max_day_share__lte', 1), ('max_open_share__gt', 0), ('max_open_share__lte', 1)), name='strategy_caps_are_shares'), models.CheckConstraint(condition=models.Q(('max_price__gte', models.F('min_price')), ('min_price__gt', 1)), name='strategy_price_range'), models.CheckConstraint(condition=models.Q(('min_edge__lte', models.F('max_edge'))), name='strategy_edge_range'), models.CheckConstraint(condition=models.Q(('min_stake__gt', 0), ('stake_step__gt', 0)), name='strategy_stakes_positive')],
                    },
                ),
                migrations.CreateModel(
                    name='Decision',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('strategy', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='betting.strategy')),
                        ('prediction', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='models_ml.prediction')),
                        ('selection', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='markets.selection')),
                        ('book', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='markets.book')),
                        ('verdict', models.CharField(choices=[('BET', 'Bet'), ('PASS', 'Pass')], max_length=4)),
                        ('reason', models.CharField(max_length=40)),
                        ('probability', models.FloatField()),
                        ('price', models.DecimalField(blank=True, decimal_places=3, max_digits=9, null=True)),
                        ('edge', models.FloatField(blank=True, null=True)),
                        ('stake', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=12)),
                        ('chain', models.JSONField(default=dict)),
                        ('decided_at', models.DateTimeField()),
                        ('refusal', models.CharField(blank=True, max_length=40)),
                    ],
                    options={
                        'indexes': [models.Index(fields=['-decided_at'], name='decision_latest')],
                        'constraints': [models.UniqueConstraint(fields=('strategy', 'prediction'), name='decision_once'), models.CheckConstraint(condition=models.Q(models.Q(('book__isnull', False), ('price__gt', 1), ('stake__gt', 0), ('verdict', 'BET')), models.Q(('stake', 0), ('verdict', 'PASS')), _connector='OR'), name='decision_stakes_exactly_when_it_bets')],
                    },
                ),
                migrations.CreateModel(
                    name='Bet',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('bankroll', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='bets', to='betting.bankroll')),
                        ('strategy', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='bets', to='betting.strategy')),
                        ('decision', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='bet', to='betting.decision')),
                        ('selection', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='bets', to='markets.selection')),
                        ('book', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='bets', to='markets.book')),
                        ('venue', models.CharField(default='paper', max_length=20)),
                        ('client_ref', models.CharField(max_length=32, unique=True)),
                        ('venue_ref', models.CharField(blank=True, max_length=60)),
                        ('side', models.CharField(choices=[('BACK', 'Back'), ('LAY', 'Lay')], default='BACK', max_length=4)),
                        ('price', models.DecimalField(decimal_places=3, max_digits=9)),
                        ('stake', models.DecimalField(decimal_places=2, max_digits=12)),
                        ('liability', models.GeneratedField(db_persist=True, expression=models.Case(models.When(side='BACK', then=models.F('stake')), default=django.db.models.expressions.CombinedExpression(models.F('stake'), '*', django.db.models.expressions.CombinedExpression(models.F('price'), '-', models.Value(Decimal('1'))))), output_field=models.DecimalField(decimal_places=2, max_digits=14))),
                        ('probability', models.FloatField(blank=True, null=True)),
                        ('status', models.CharField(choices=[('RESERVED', 'Reserved'), ('UNKNOWN', 'Unknown'), ('ACCEPTED', 'Accepted'), ('REJECTED', 'Rejected'), ('CANCELLED', 'Cancelled'), ('SETTLED', 'Settled')], default='RESERVED', max_length=10)),
                        ('status_reason', models.CharField(blank=True, max_length=250)),
                        ('placed_at', models.DateTimeField()),
                        ('reserved_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                        ('answered_at', models.DateTimeField(blank=True, null=True)),
                        ('outcome', models.CharField(blank=True, choices=[('WON', 'Won'), ('HALF_WON', 'Half won'), ('PUSH', 'Push'), ('HALF_LOST', 'Half lost'), ('LOST', 'Lost'), ('VOID', 'Void')], max_length=10, null=True)),
                        ('profit', models.DecimalField(blank=True, decimal_places=2, max_digits=12, null=True)),
                        ('settled_at', models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        'indexes': [models.Index(condition=models.Q(('status__in', ['RESERVED', 'UNKNOWN', 'ACCEPTED'])), fields=['bankroll', 'selection'], name='bet_open'), models.Index(fields=['selection'], name='bet_selection'), models.Index(fields=['bankroll', 'settled_at'], name='bet_bankroll_settled'), models.Index(fields=['bankroll', 'placed_at'], name='bet_bankroll_placed')],
                        'constraints': [models.CheckConstraint(condition=models.Q(('stake__gt', 0)), name='bet_stake_positive'), models.CheckConstraint(condition=models.Q(('price__gt', 1)), name='bet_price_above_one'), models.CheckConstraint(condition=models.Q(models.Q(('outcome__isnull', False), ('profit__isnull', False), ('settled_at__isnull', False), ('status', 'SETTLED')), models.Q(models.Q(('status', 'SETTLED'), _negated=True), ('outcome__isnull', True), ('profit__isnull', True), ('settled_at__isnull', True)), _connector='OR'), name='bet_profit_exactly_when_settled')],
                    },
                ),
            ],
        ),
    ]
