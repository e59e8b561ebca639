"""Keys of settlements and transfers are checked once for a statement, not once for a row.

What they name can never go away: results, rule sets, settlements and transfers are append-only,
and accounts are from here on never deleted.  Reversed, the keys come back and are checked.
"""


import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('markets', '0005_reference_rules_and_switched_books'),
        ('settlements', '0011_validate_transfers_of_people'),
    ]

    operations = [
        migrations.AlterField(
            model_name='ledgertransfer',
            name='credit',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='credits', to='settlements.ledgeraccount'),
        ),
        migrations.AlterField(
            model_name='ledgertransfer',
            name='debit',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='debits', to='settlements.ledgeraccount'),
        ),
        migrations.AlterField(
            model_name='ledgertransfer',
            name='reverses',
            field=models.OneToOneField(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reversed_by', to='settlements.ledgertransfer'),
        ),
        migrations.AlterField(
            model_name='ledgertransfer',
            name='settlement',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='transfers', to='settlements.settlement'),
        ),
        migrations.AlterField(
            model_name='settlement',
            name='result',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='settlements', to='markets.result'),
        ),
        migrations.AlterField(
            model_name='settlement',
            name='rule_set',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='settlements', to='settlements.ruleset'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='ledgeraccount',
            trigger=pgtrigger.compiler.Trigger(name='no_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='95bb02726112df73f5894330a0389a0ce73bdaf1', operation='DELETE', pgid='pgtrigger_no_delete_6ea22', table='settlements_ledgeraccount', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='ledgeraccount',
            trigger=pgtrigger.compiler.Trigger(name='keeps_its_id', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% keeps its id', TG_TABLE_NAME;", hash='4fbbfefe04b894624651bc8b0e26216c93e4e852', operation='UPDATE OF "id"', pgid='pgtrigger_keeps_its_id_26626', table='settlements_ledgeraccount', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='ledgeraccount',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION '% may not be truncated', TG_TABLE_NAME;", hash='eec61c984535d13c70789c9089d42909ddf057dd', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_4a4d2', table='settlements_ledgeraccount', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='ledgertransfer',
            trigger=pgtrigger.compiler.Trigger(name='names_what_is_there', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE missing record;', func="\n            EXECUTE '(SELECT ''debit_id'', named.id FROM (SELECT DISTINCT debit_id AS id FROM written) named WHERE named.id IS NOT NULL AND NOT EXISTS (SELECT FROM settlements_ledgeraccount t WHERE t.id = named.id) LIMIT 1) UNION ALL (SELECT ''credit_id'', named.id FROM (SELECT DISTINCT credit_id AS id FROM written) named WHERE named.id IS NOT NULL AND NOT EXISTS (SELECT FROM settlements_ledgeraccount t WHERE t.id = named.id) LIMIT 1) UNION ALL (SELECT ''settlement_id'', named.id FROM (SELECT DISTINCT settlement_id AS id FROM written) named WHERE named.id IS NOT NULL AND NOT EXISTS (SELECT FROM settlements_settlement t WHERE t.id = named.id) LIMIT 1) UNION ALL (SELECT ''reverses_id'', named.id FROM (SELECT DISTINCT reverses_id AS id FROM written) named WHERE named.id IS NOT NULL AND NOT EXISTS (SELECT FROM settlements_ledgertransfer t WHERE t.id = named.id) LIMIT 1) LIMIT 1' INTO missing;\n            IF missing IS NOT NULL THEN\n                RAISE EXCEPTION '% names what is not there: %', TG_TABLE_NAME, missing\n                    USING ERRCODE = 'foreign_key_violation';\n            END IF;\n            RETURN NULL;\n        ", hash='195a8d2761339ba30e8a126b019244be43d5cd3e', level='STATEMENT', operation='INSERT', pgid='pgtrigger_names_what_is_there_5b519', referencing='REFERENCING NEW TABLE AS written ', table='settlements_ledgertransfer', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='settlement',
            trigger=pgtrigger.compiler.Trigger(name='names_what_is_there', sql=pgtrigger.compiler.UpsertTriggerSql(declare='DECLARE missing record;', func="\n            EXECUTE '(SELECT ''result_id'', named.id FROM (SELECT DISTINCT result_id AS id FROM written) named WHERE named.id IS NOT NULL AND NOT EXISTS (SELECT FROM markets_result t WHERE t.id = named.id) LIMIT 1) UNION ALL (SELECT ''rule_set_id'', named.id FROM (SELECT DISTINCT rule_set_id AS id FROM written) named WHERE named.id IS NOT NULL AND NOT EXISTS (SELECT FROM settlements_ruleset t WHERE t.id = named.id) LIMIT 1) LIMIT 1' INTO missing;\n            IF missing IS NOT NULL THEN\n                RAISE EXCEPTION '% names what is not there: %', TG_TABLE_NAME, missing\n                    USING ERRCODE = 'foreign_key_violation';\n            END IF;\n            RETURN NULL;\n        ", hash='d94032b28a8cfe3b2cccd370ddd1a68dbe01e68f', level='STATEMENT', operation='INSERT', pgid='pgtrigger_names_what_is_there_80992', referencing='REFERENCING NEW TABLE AS written ', table='settlements_settlement', when='AFTER')),
        ),
    ]
