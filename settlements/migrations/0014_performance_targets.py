from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('settlements', '0013_gaps_and_values_before'),
    ]

    operations = [
        migrations.CreateModel(
            name='PerformanceTarget',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.SlugField(max_length=40)),
                ('figure', models.CharField(choices=[('YIELD', 'Yield'), ('WIN_RATE', 'Win rate'), ('CLV', 'Closing-line value'), ('GROWTH', 'Return on bankroll'), ('SHARPE', 'Sharpe ratio'), ('SORTINO', 'Sortino ratio'), ('MAX_DRAWDOWN', 'Worst drawdown'), ('DRAWDOWN', 'Drawdown now'), ('BETS', 'Bets')], max_length=12)),
                ('window_days', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('green_low', models.FloatField(blank=True, null=True)),
                ('green_high', models.FloatField(blank=True, null=True)),
                ('amber_low', models.FloatField(blank=True, null=True)),
                ('amber_high', models.FloatField(blank=True, null=True)),
                ('red_low', models.FloatField(blank=True, null=True)),
                ('red_high', models.FloatField(blank=True, null=True)),
                ('min_n', models.PositiveIntegerField(default=0)),
                ('needs_interval', models.BooleanField(default=True)),
                ('tells', models.BooleanField(default=True)),
                ('is_enabled', models.BooleanField(default=True)),
                ('reason', models.CharField(max_length=500)),
                ('changed_by', models.CharField(max_length=150)),
                ('changed_at', models.DateTimeField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('source', 'figure', 'window_days'), name='target_once', nulls_distinct=False), models.CheckConstraint(condition=models.Q(('window_days__isnull', True), models.Q(('window_days__gte', 1), ('window_days__lte', 3660)), _connector='OR'), name='target_window_has_days', violation_error_message='a window has 1 to 3660 days, or all of them'), models.CheckConstraint(condition=models.Q(('red_low__isnull', True), ('amber_low__isnull', True), ('red_low__lte', models.F('amber_low')), _connector='OR'), name='target_red_low_at_most_amber_low', violation_error_message='red_low must not exceed amber_low'), models.CheckConstraint(condition=models.Q(('red_low__isnull', True), ('green_low__isnull', True), ('red_low__lte', models.F('green_low')), _connector='OR'), name='target_red_low_at_most_green_low', violation_error_message='red_low must not exceed green_low'), models.CheckConstraint(condition=models.Q(('amber_low__isnull', True), ('green_low__isnull', True), ('amber_low__lte', models.F('green_low')), _connector='OR'), name='target_amber_low_at_most_green_low', violation_error_message='amber_low must not exceed green_low'), models.CheckConstraint(condition=models.Q(('green_low__isnull', True), ('green_high__isnull', True), ('green_low__lte', models.F('green_high')), _connector='OR'), name='target_green_low_at_most_green_high', violation_error_message='green_low must not exceed green_high'), models.CheckConstraint(condition=models.Q(('green_high__isnull', True), ('amber_high__isnull', True), ('green_high__lte', models.F('amber_high')), _connector='OR'), name='target_green_high_at_most_amber_high', violation_error_message='green_high must not exceed amber_high'), models.CheckConstraint(condition=models.Q(('green_high__isnull', True), ('red_high__isnull', True), ('green_high__lte', models.F('red_high')), _connector='OR'), name='target_green_high_at_most_red_high', violation_error_message='green_high must not exceed red_high'), models.CheckConstraint(condition=models.Q(('amber_high__isnull', True), ('red_high__isnull', True), ('amber_high__lte', models.F('red_high')), _connector='OR'), name='target_amber_high_at_most_red_high', violation_error_message='amber_high must not exceed red_high')],
            },
        ),
    ]
