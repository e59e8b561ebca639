import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

# A foreign key asks once per row, at the end of the transaction: a second of every 150,000 prices.
# Asked once per statement the same question costs a tenth.  It needs no lock on what is referred
# to, because nobody deletes or renumbers a selection or a book (their own triggers).  The join is
# forced to go by key: a plan that was made when the tables were empty would last for hours.
CREATE = """
CREATE FUNCTION markets_refer_to_what_stands() RETURNS trigger LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS
$$
BEGIN
    IF EXISTS (
        SELECT FROM incoming i
        WHERE NOT EXISTS (SELECT FROM markets_selection s WHERE s.id = i.selection_id)
           OR NOT EXISTS (SELECT FROM markets_book b WHERE b.id = i.book_id)
    ) THEN
        RAISE foreign_key_violation USING MESSAGE =
            TG_TABLE_NAME || ' refers to a selection or a book that does not exist';
    END IF;
    RETURN NULL;
END
$$;
CREATE FUNCTION markets_stay_referred_to() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
    RAISE foreign_key_violation USING MESSAGE =
        TG_TABLE_NAME || ': ' || TG_OP || ' is refused, prices may refer to it';
END
$$;
"""
ON_PRICES = """
CREATE TRIGGER {table}_refers AFTER INSERT ON {table}
    REFERENCING NEW TABLE AS incoming FOR EACH STATEMENT
    EXECUTE FUNCTION markets_refer_to_what_stands();
CREATE TRIGGER {table}_stays AFTER UPDATE OF selection_id, book_id ON {table} FOR EACH ROW
    WHEN (new.selection_id <> old.selection_id OR new.book_id <> old.book_id)
    EXECUTE FUNCTION markets_stay_referred_to();
"""
ON_REFERRED = """
CREATE TRIGGER {table}_stays BEFORE DELETE ON {table} FOR EACH ROW
    EXECUTE FUNCTION markets_stay_referred_to();
CREATE TRIGGER {table}_keeps_its_number AFTER UPDATE OF id ON {table} FOR EACH ROW
    WHEN (new.id <> old.id) EXECUTE FUNCTION markets_stay_referred_to();
"""
PRICES, REFERRED = ("markets_latestprice", "markets_closingprice"), ("selection", "book")
DROP = """
DROP FUNCTION markets_refer_to_what_stands() CASCADE;
DROP FUNCTION markets_stay_referred_to() CASCADE;
"""


def reference(to, related_name):
    return models.ForeignKey(
        db_index=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name=related_name,
        to=to,
        db_constraint=False,
    )


class Migration(migrations.Migration):
    dependencies = [("markets", "0009_findings_notices_mappings")]

    operations = [
        *(
            migrations.AlterField(model, field, reference(f"markets.{field}", name))
            for model, field, name in (
                ("latestprice", "selection", "latest_prices"),
                ("latestprice", "book", "+"),
                ("closingprice", "selection", "closing_prices"),
                ("closingprice", "book", "+"),
            )
        ),
        migrations.RunSQL(
            CREATE
            + "".join(ON_PRICES.format(table=table) for table in PRICES)
            + "".join(ON_REFERRED.format(table=f"markets_{name}") for name in REFERRED),
            reverse_sql=DROP,
        ),
        # Every look at a price updates its row.  Without an index of each moment, and with room on
        # the page, the new version stays where the old one was and no index is written: a quarter
        # of the time, a fifth of the WAL.
        migrations.RemoveIndex("latestprice", "latest_price_confirmed_at"),
        migrations.AddIndex(
            "latestprice",
            django.contrib.postgres.indexes.BrinIndex(
                fields=["confirmed_at"], name="latest_price_confirmed", autosummarize=True
            ),
        ),
        migrations.RunSQL(
            "ALTER TABLE markets_latestprice SET (fillfactor = 50)",
            reverse_sql="ALTER TABLE markets_latestprice RESET (fillfactor)",
        ),
    ]
