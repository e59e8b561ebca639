"""Arbitrage: what was seen and taken, which books settle alike, strategies without a pipeline."""

from decimal import Decimal

import django.db.models.deletion
from django.db import migrations, models


# A version that knows no arbitrage gets its strategies switched off, under some pipeline.
SWITCH_OFF = """
set constraints all immediate;
update betting_strategy s set is_enabled = false, pipeline_id = coalesce(
    (select min(p.id) from models_ml_pipeline p join betting_bankroll b on b.id = s.bankroll_id
     where p.is_simulated = b.is_simulated),
    (select min(p.id) from models_ml_pipeline p))
where code = 'arbitrage';
"""
WITHOUT_PIPELINE = """
set constraints all immediate;
update betting_strategy set pipeline_id = null where code = 'arbitrage';
"""


class Migration(migrations.Migration):

    dependencies = [
        ('betting', '0017_order_replacements'),
        ('markets', '0005_reference_rules_and_switched_books'),
        ('models_ml', '0006_scored_on'),
    ]

    operations = [
        migrations.CreateModel(
            name='Arbitrage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('PASSED', 'Passed over'), ('PLACING', 'Placing'), ('HEDGED', 'Complete'), ('CLOSED_OUT', 'Closed out'), ('UNHEDGED', 'Unhedged'), ('FAILED', 'Nothing taken'), ('HANDLED', 'Handled'), ('SETTLED', 'Settled alone')], max_length=10)),
                ('reason', models.CharField(blank=True, default='', max_length=40)),
                ('found_at', models.DateTimeField()),
                ('seen_at', models.DateTimeField()),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('guaranteed', models.FloatField()),
                ('total', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=12)),
                ('worst', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=12)),
                ('best', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=12)),
                ('max_loss', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=12)),
                ('chain', models.JSONField(default=dict)),
                ('note', models.CharField(blank=True, default='', max_length=250)),
            ],
        ),
        migrations.CreateModel(
            name='ArbitrageLeg',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rank', models.PositiveSmallIntegerField()),
                ('role', models.CharField(choices=[('LEG', 'Leg'), ('HEDGE', 'Hedge')], max_length=5)),
                ('price', models.DecimalField(decimal_places=3, max_digits=9)),
                ('commission', models.DecimalField(decimal_places=6, default=Decimal('0'), max_digits=7)),
                ('stake', models.DecimalField(decimal_places=2, max_digits=12)),
            ],
        ),
        migrations.CreateModel(
            name='SettlingTerms',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('MATCH_ODDS', '1X2'), ('MONEYLINE', 'Moneyline'), ('SPREAD', 'Point spread'), ('ASIAN_HANDICAP', 'Asian handicap'), ('TOTAL', 'Over/under'), ('TEAM_TOTAL', 'Team over/under'), ('BOTH_SCORE', 'Both teams to score'), ('DRAW_NO_BET', 'Draw no bet'), ('DOUBLE_CHANCE', 'Double chance'), ('PLAYER_TOTAL', 'Player over/under'), ('PLAYER_LEADER', 'Leader in a statistic'), ('WIN', 'Win'), ('PLACE', 'Place'), ('EACH_WAY', 'Each way'), ('OUTRIGHT', 'Outright')], max_length=20)),
                ('terms', models.CharField(max_length=120)),
                ('reason', models.CharField(max_length=250)),
                ('changed_by', models.CharField(max_length=150)),
                ('changed_at', models.DateTimeField()),
            ],
            options={
                'verbose_name_plural': 'settling terms',
            },
        ),
        migrations.AddField(
            model_name='strategy',
            name='max_hedge_loss_share',
            field=models.FloatField(db_default=0.02, default=0.02),
        ),
        migrations.AlterField(
            model_name='strategy',
            name='pipeline',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='strategies', to='models_ml.pipeline'),
        ),
        migrations.RunSQL(WITHOUT_PIPELINE, SWITCH_OFF),
        migrations.AddConstraint(
            model_name='strategy',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('code', 'arbitrage'), ('pipeline__isnull', True)), models.Q(models.Q(('code', 'arbitrage'), _negated=True), ('pipeline__isnull', False)), _connector='OR'), name='strategy_pipeline_exactly_without_arbitrage', violation_error_message="a strategy bets on a pipeline's predictions; arbitrage has none"),
        ),
        migrations.AddConstraint(
            model_name='strategy',
            constraint=models.CheckConstraint(condition=models.Q(('max_hedge_loss_share__gte', 0), ('max_hedge_loss_share__lte', 1)), name='strategy_hedge_loss_is_a_share', violation_error_message='max_hedge_loss_share must be from 0 to 1'),
        ),
        migrations.AddField(
            model_name='arbitrage',
            name='market',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='markets.market'),
        ),
        migrations.AddField(
            model_name='arbitrage',
            name='strategy',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='arbitrages', to='betting.strategy'),
        ),
        migrations.AddField(
            model_name='arbitrageleg',
            name='arbitrage',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='legs', to='betting.arbitrage'),
        ),
        migrations.AddField(
            model_name='arbitrageleg',
            name='bet',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='arbitrage_leg', to='betting.bet'),
        ),
        migrations.AddField(
            model_name='arbitrageleg',
            name='book',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='markets.book'),
        ),
        migrations.AddField(
            model_name='arbitrageleg',
            name='selection',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='markets.selection'),
        ),
        migrations.AddField(
            model_name='settlingterms',
            name='book',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='markets.book'),
        ),
        migrations.AddField(
            model_name='settlingterms',
            name='sport',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='markets.sport'),
        ),
        migrations.AddIndex(
            model_name='arbitrage',
            index=models.Index(fields=['-seen_at'], name='arbitrage_latest'),
        ),
        migrations.AddIndex(
            model_name='arbitrage',
            index=models.Index(condition=models.Q(('state__in', ('PLACING', 'UNHEDGED'))), fields=['id'], name='arbitrage_live'),
        ),
        migrations.AddConstraint(
            model_name='arbitrage',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('PLACING', 'UNHEDGED', 'HEDGED', 'CLOSED_OUT', 'HANDLED', 'SETTLED'))), fields=('strategy', 'market'), name='arbitrage_taken_once'),
        ),
        migrations.AddConstraint(
            model_name='arbitrage',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'PASSED')), fields=('strategy', 'market'), name='arbitrage_passed_once'),
        ),
        migrations.AddConstraint(
            model_name='arbitrage',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['PLACING', 'UNHEDGED', 'HEDGED', 'CLOSED_OUT', 'HANDLED', 'SETTLED', 'PASSED', 'FAILED'])), name='arbitrage_state_is_known'),
        ),
        migrations.AddConstraint(
            model_name='arbitrage',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ('PLACING', 'UNHEDGED')), ('closed_at__isnull', True)), models.Q(models.Q(('state__in', ('PLACING', 'UNHEDGED')), _negated=True), ('closed_at__isnull', False)), _connector='OR'), name='arbitrage_open_while_legs_may_stand_alone'),
        ),
        migrations.AddConstraint(
            model_name='arbitrage',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['PASSED', 'UNHEDGED', 'FAILED']), _negated=True), models.Q(('reason', ''), _negated=True), _connector='OR'), name='arbitrage_says_why'),
        ),
        migrations.AddConstraint(
            model_name='arbitrage',
            constraint=models.CheckConstraint(condition=models.Q(('max_loss__gte', 0), ('total__gte', 0), models.Q(('state', 'PASSED'), ('total__gt', 0), _connector='OR'), ('worst__lte', models.F('best'))), name='arbitrage_money_is_sound'),
        ),
        migrations.AddConstraint(
            model_name='arbitrage',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'HANDLED'), _negated=True), models.Q(('note', ''), _negated=True), _connector='OR'), name='arbitrage_handled_with_a_note'),
        ),
        migrations.AddConstraint(
            model_name='arbitrageleg',
            constraint=models.UniqueConstraint(fields=('arbitrage', 'rank'), name='arbitrage_leg_rank_once'),
        ),
        migrations.AddConstraint(
            model_name='arbitrageleg',
            constraint=models.UniqueConstraint(condition=models.Q(('role', 'LEG')), fields=('arbitrage', 'selection'), name='arbitrage_leg_selection_once'),
        ),
        migrations.AddConstraint(
            model_name='arbitrageleg',
            constraint=models.CheckConstraint(condition=models.Q(('commission__gte', 0), ('commission__lt', 1), ('price__gt', 1), ('stake__gt', 0)), name='arbitrage_leg_is_sound'),
        ),
        migrations.AddConstraint(
            model_name='settlingterms',
            constraint=models.UniqueConstraint(fields=('sport', 'kind', 'book'), name='settling_terms_once'),
        ),
        migrations.AddConstraint(
            model_name='settlingterms',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('terms', ''), _negated=True), models.Q(('reason', ''), _negated=True)), name='settling_terms_say_which_and_why'),
        ),
    ]
