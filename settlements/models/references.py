"""Keys that are checked once for a statement instead of once for a row.

PostgreSQL checks a foreign key row by row, which costs more than writing the row.  Where rows that
are named can never go away (append-only tables, accounts), all that is left to check is that they
are there when they are named: one join for all rows of a statement.
"""

from collections.abc import Mapping

import pgtrigger

NEVER_DELETED = [
    pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
    pgtrigger.Trigger(
        name="keeps_its_id",
        operation=pgtrigger.UpdateOf("id"),
        when=pgtrigger.Before,
        func="RAISE EXCEPTION '% keeps its id', TG_TABLE_NAME;",
    ),
    pgtrigger.Trigger(
        name="no_truncate",
        operation=pgtrigger.Truncate,
        when=pgtrigger.Before,
        level=pgtrigger.Statement,
        func="RAISE EXCEPTION '% may not be truncated', TG_TABLE_NAME;",
    ),
]


def there(keys: Mapping[str, str]) -> pgtrigger.Trigger:
    """Return the trigger that refuses rows whose keys name what is not there.

    ``keys`` maps columns to tables.  Planned anew each time: what is right for one row is wrong
    for ten thousand.
    """
    missing = " UNION ALL ".join(
        f"(SELECT ''{column}'', named.id FROM (SELECT DISTINCT {column} AS id FROM written) named"
        f" WHERE named.id IS NOT NULL"
        f" AND NOT EXISTS (SELECT FROM {table} t WHERE t.id = named.id) LIMIT 1)"
        for column, table in keys.items()
    )
    return pgtrigger.Trigger(
        name="names_what_is_there",
        operation=pgtrigger.Insert,
        when=pgtrigger.After,
        level=pgtrigger.Statement,
        referencing=pgtrigger.Referencing(new="written"),
        declare=[("missing", "record")],
        func=f"""
            EXECUTE '{missing} LIMIT 1' INTO missing;
            IF missing IS NOT NULL THEN
                RAISE EXCEPTION '% names what is not there: %', TG_TABLE_NAME, missing
                    USING ERRCODE = 'foreign_key_violation';
            END IF;
            RETURN NULL;
        """,
    )
