import django.db.models.deletion
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('betting', '0021_settling_writes_less'),
        ('markets', '0005_reference_rules_and_switched_books'),
        ('settlements', '0009_performance_by_day'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='ledgeraccount',
            name='account_once',
        ),
        migrations.RemoveConstraint(
            model_name='ledgertransfer',
            name='transfer_settlement_is_named',
        ),
        migrations.AddField(
            model_name='ledgeraccount',
            name='book',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='accounts', to='markets.book'),
        ),
        migrations.AlterField(
            model_name='ledgeraccount',
            name='kind',
            field=models.CharField(choices=[('CASH', 'Bankroll cash'), ('PROFIT_AND_LOSS', 'Profit and loss'), ('CAPITAL', 'Deposits and withdrawals'), ('COMMISSION', 'Commission'), ('BOOK', 'At a book'), ('BONUS', 'Bonus not yet released')], max_length=20),
        ),
        migrations.AlterField(
            model_name='ledgertransfer',
            name='kind',
            field=models.CharField(choices=[('DEPOSIT', 'Deposit'), ('WITHDRAWAL', 'Withdrawal'), ('SETTLEMENT', 'Settlement'), ('REVERSAL', 'Reversal'), ('COMMISSION', 'Commission'), ('CORRECTION', 'Correction'), ('TRANSFER', 'Transfer'), ('BONUS', 'Bonus given'), ('RELEASE', 'Bonus released'), ('FORFEIT', 'Bonus forfeited')], max_length=10),
        ),
        migrations.AddConstraint(
            model_name='ledgeraccount',
            constraint=models.UniqueConstraint(condition=models.Q(('book__isnull', True)), fields=('bankroll', 'kind'), name='account_once'),
        ),
        migrations.AddConstraint(
            model_name='ledgeraccount',
            constraint=models.UniqueConstraint(condition=models.Q(('book__isnull', False)), fields=('bankroll', 'kind', 'book'), name='account_once_at_a_book'),
        ),
        migrations.AddConstraint(
            model_name='ledgeraccount',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('book__isnull', False), ('kind__in', ['BOOK', 'BONUS'])), models.Q(models.Q(('kind__in', ['BOOK', 'BONUS']), _negated=True), ('book__isnull', True)), _connector='OR'), name='account_at_a_book_names_it'),
        ),
        migrations.AddConstraint(
            model_name='ledgeraccount',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'BONUS'), _negated=True), ('balance__gte', 0), _connector='OR'), name='account_bonus_not_below_zero'),
        ),
        AddConstraintNotValid(
            model_name='ledgertransfer',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ['SETTLEMENT', 'REVERSAL', 'COMMISSION']), ('settlement__isnull', False)), models.Q(('kind__in', ['DEPOSIT', 'WITHDRAWAL', 'CORRECTION', 'TRANSFER', 'BONUS', 'RELEASE', 'FORFEIT']), ('settlement__isnull', True)), _connector='OR'), name='transfer_settlement_is_named'),
        ),
    ]
