import django.db.models.deletion
from django.db import migrations, models

CREATE = """
CREATE TABLE markets_pricesnapshot (
    selection_id bigint NOT NULL,
    book_id bigint NOT NULL,
    seen_at timestamptz NOT NULL,
    price numeric(9, 3) NOT NULL CONSTRAINT snapshot_price_above_one CHECK (price > 1),
    fetched_at timestamptz NOT NULL,
    PRIMARY KEY (selection_id, book_id, seen_at)
) PARTITION BY RANGE (seen_at);
CREATE INDEX snapshot_seen_at ON markets_pricesnapshot USING brin (seen_at);
"""


def reference(to):
    """A reference that the partitions do not enforce row by row."""
    return models.ForeignKey(
        db_constraint=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name="+",
        to=to,
    )


class Migration(migrations.Migration):
    dependencies = [("markets", "0001_initial")]

    operations = [
        # Django can't make a partitioned table, but knows it afterwards as one of its own.
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(CREATE, reverse_sql="DROP TABLE markets_pricesnapshot")
            ],
            state_operations=[
                migrations.CreateModel(
                    name="PriceSnapshot",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "selection_id",
                                "book_id",
                                "seen_at",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("selection", reference("markets.selection")),
                        ("book", reference("markets.book")),
                        ("seen_at", models.DateTimeField()),
                        ("price", models.DecimalField(decimal_places=3, max_digits=9)),
                        ("fetched_at", models.DateTimeField()),
                    ],
                    options={"db_table": "markets_pricesnapshot"},
                )
            ],
        ),
    ]
