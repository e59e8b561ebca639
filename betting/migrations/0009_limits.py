import django.db.models.deletion
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("betting", "0008_outside_orders"),
    ]

    operations = [
        migrations.CreateModel(
            name="Limit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "dimension",
                    models.CharField(
                        choices=[
                            ("STAKE", "Stake of a bet"),
                            ("LIABILITY", "Liability of a bet"),
                            ("PRICE", "Greatest price"),
                            ("EVENT", "Open on one event"),
                            ("MARKET", "Open on one market"),
                            ("SELECTION", "Open on one selection"),
                            ("PARTICIPANT", "Open on one side"),
                            ("COMPETITION", "Open in one competition"),
                            ("SPORT", "Open in one sport"),
                            ("BOOK", "Open at one book"),
                            ("STRATEGY", "Open of one strategy"),
                            ("DAY", "Staked in a betting day"),
                            ("WEEK", "Staked in a betting week"),
                            ("OPEN", "Open in all"),
                            ("OPEN_BETS", "Bets open at once"),
                            ("DAY_BETS", "Bets in a betting day"),
                            ("STRATEGY_BETS", "Bets of one strategy in a day"),
                            ("FLOOR", "Kept whatever is lost"),
                            ("DAILY_LOSS", "Lost in a betting day"),
                            ("WEEKLY_LOSS", "Lost in a betting week"),
                            ("DRAWDOWN", "Below its best"),
                            ("LOSING_STREAK", "Bets lost in a row"),
                            ("VENUE_FAILURES", "Failures at venues in five minutes"),
                        ],
                        max_length=16,
                    ),
                ),
                ("share", models.FloatField(blank=True, null=True)),
                (
                    "amount",
                    models.DecimalField(blank=True, decimal_places=2, max_digits=14, null=True),
                ),
                (
                    "number",
                    models.DecimalField(blank=True, decimal_places=3, max_digits=9, null=True),
                ),
                ("is_enabled", models.BooleanField(db_default=True, default=True)),
                ("reason", models.CharField(blank=True, db_default="", default="", max_length=500)),
                (
                    "changed_by",
                    models.CharField(blank=True, db_default="", default="", max_length=150),
                ),
                ("changed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "bankroll",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="limits",
                        to="betting.bankroll",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("bankroll", "dimension"), name="limit_once", nulls_distinct=False
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("share__isnull", True),
                            models.Q(("share__gt", 0), ("share__lte", 1)),
                            _connector="OR",
                        ),
                        name="limit_share_is_a_share",
                        violation_error_message="share must be above 0 and at most 1",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("amount__isnull", True),
                            models.Q(
                                ("amount__gte", 0), ("amount__lte", Decimal("999999999999.99"))
                            ),
                            _connector="OR",
                        ),
                        name="limit_amount_is_money",
                        violation_error_message="amount must be 0 or more",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("number__isnull", True),
                            models.Q(("number__gt", 0), ("number__lte", Decimal("999999.999"))),
                            _connector="OR",
                        ),
                        name="limit_number_is_positive",
                        violation_error_message="number must be above 0",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                (
                                    "dimension__in",
                                    [
                                        "PRICE",
                                        "OPEN_BETS",
                                        "DAY_BETS",
                                        "STRATEGY_BETS",
                                        "LOSING_STREAK",
                                        "VENUE_FAILURES",
                                    ],
                                ),
                                ("number__isnull", False),
                                ("amount__isnull", True),
                                ("share__isnull", True),
                            ),
                            models.Q(
                                models.Q(
                                    (
                                        "dimension__in",
                                        [
                                            "PRICE",
                                            "OPEN_BETS",
                                            "DAY_BETS",
                                            "STRATEGY_BETS",
                                            "LOSING_STREAK",
                                            "VENUE_FAILURES",
                                        ],
                                    ),
                                    _negated=True,
                                ),
                                ("number__isnull", True),
                                models.Q(
                                    ("share__isnull", False),
                                    ("amount__isnull", False),
                                    _connector="OR",
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="limit_says_how_much",
                        violation_error_message="counts and prices need a number alone, money a share of the balance, an amount, or both",
                    ),
                ],
            },
        ),
    ]
