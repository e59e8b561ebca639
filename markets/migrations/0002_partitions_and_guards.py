"""What Django can't make by itself: partitioned histories, and references kept per statement."""

import django.db.models.deletion
from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

PRICES = """
CREATE TABLE markets_pricesnapshot (
    selection_id bigint NOT NULL,
    book_id bigint NOT NULL,
    seen_at timestamptz NOT NULL,
    price numeric(9, 3) NOT NULL CONSTRAINT snapshot_price_above_one CHECK (price > 1),
    fetched_at timestamptz NOT NULL,
    mark smallint NOT NULL DEFAULT 0,
    PRIMARY KEY (selection_id, book_id, seen_at)
) PARTITION BY RANGE (seen_at);
CREATE INDEX snapshot_seen_at ON markets_pricesnapshot USING brin (seen_at);
"""
LADDERS = """
CREATE TABLE markets_laddersnapshot (
    selection_id bigint NOT NULL,
    book_id bigint NOT NULL,
    seen_at timestamptz NOT NULL,
    back_prices numeric(9, 3)[] NOT NULL,
    back_sizes numeric(14, 2)[] NOT NULL,
    lay_prices numeric(9, 3)[] NOT NULL,
    lay_sizes numeric(14, 2)[] NOT NULL,
    last_traded numeric(9, 3),
    matched numeric(16, 2),
    fetched_at timestamptz NOT NULL,
    PRIMARY KEY (selection_id, book_id, seen_at),
    CONSTRAINT ladder_sizes_beside_prices CHECK (
        cardinality(back_prices) = cardinality(back_sizes)
        AND cardinality(lay_prices) = cardinality(lay_sizes)
    )
) PARTITION BY RANGE (seen_at);
CREATE INDEX ladder_seen_at ON markets_laddersnapshot USING brin (seen_at);
"""

# A foreign key asks once per row, at the end of the transaction: a second of every 150,000 prices.
# Asked once per statement the same question costs a tenth.  It needs no lock on what is referred
# to, because nobody deletes or renumbers a selection or a book (their own triggers).  The join is
# forced to go by key: a plan that was made when the tables were empty would last for hours.
GUARDS = """
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
REFERRING, REFERRED = ("latestprice", "closingprice"), ("selection", "book")
DROP_GUARDS = """
DROP FUNCTION markets_refer_to_what_stands() CASCADE;
DROP FUNCTION markets_stay_referred_to() CASCADE;
"""


def reference(to):
    """A reference that the partitions do not enforce row by row."""
    return models.ForeignKey(
        db_constraint=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name="+",
        to=to,
    )


def price(**options):
    return models.DecimalField(decimal_places=3, max_digits=9, **options)


def size(digits=14, **options):
    return models.DecimalField(decimal_places=2, max_digits=digits, **options)


def partitioned(name, sql, *fields):
    """Make the table by hand, and let Django know it afterwards as one of its own."""
    key = models.CompositePrimaryKey(
        "selection_id", "book_id", "seen_at",
        blank=True, editable=False, primary_key=True, serialize=False,
    )  # fmt: skip
    table = f"markets_{name.lower()}"
    return migrations.SeparateDatabaseAndState(
        database_operations=[migrations.RunSQL(sql, reverse_sql=f"DROP TABLE {table}")],
        state_operations=[
            migrations.CreateModel(
                name=name,
                fields=[
                    ("pk", key),
                    ("selection", reference("markets.selection")),
                    ("book", reference("markets.book")),
                    ("seen_at", models.DateTimeField()),
                    *fields,
                    ("fetched_at", models.DateTimeField()),
                ],
                options={"db_table": table},
            )
        ],
    )


class Migration(migrations.Migration):
    dependencies = [("markets", "0001_initial")]

    operations = [
        partitioned(
            "PriceSnapshot",
            PRICES,
            ("price", price()),
            (
                "mark",
                models.SmallIntegerField(
                    choices=[(0, "Nothing said"), (1, "The opener"), (2, "The close")],
                    db_default=0,
                    default=0,
                ),
            ),
        ),
        partitioned(
            "LadderSnapshot",
            LADDERS,
            ("back_prices", ArrayField(base_field=price(), size=None)),
            ("back_sizes", ArrayField(base_field=size(), size=None)),
            ("lay_prices", ArrayField(base_field=price(), size=None)),
            ("lay_sizes", ArrayField(base_field=size(), size=None)),
            ("last_traded", price(null=True)),
            ("matched", size(16, null=True)),
        ),
        migrations.RunSQL(
            GUARDS
            + "".join(ON_PRICES.format(table=f"markets_{name}") for name in REFERRING)
            + "".join(ON_REFERRED.format(table=f"markets_{name}") for name in REFERRED),
            reverse_sql=DROP_GUARDS,
        ),
        # Every look at a price updates its row.  With room on the page, and no index of each
        # moment, the new version stays where the old one was and no index is written: a quarter
        # of the time, a fifth of the WAL.
        migrations.RunSQL(
            "ALTER TABLE markets_latestprice SET (fillfactor = 50)",
            reverse_sql="ALTER TABLE markets_latestprice RESET (fillfactor)",
        ),
    ]
