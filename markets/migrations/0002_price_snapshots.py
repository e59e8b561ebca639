from django.db import migrations

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


class Migration(migrations.Migration):
    dependencies = [("markets", "0001_initial")]

    operations = [
        migrations.RunSQL(CREATE, reverse_sql="DROP TABLE markets_pricesnapshot"),
    ]
