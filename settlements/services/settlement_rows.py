"""Settlements as rows: why each bet of a chunk was settled as it was."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from settlements.services import statements
from settlements.services.judging import Due, Judged


def insert(rows: Sequence[tuple[Due, Judged]], *, at: datetime) -> dict[int, int]:
    """Write the settlements of a chunk in one statement and return their ids by bet."""
    columns: list[list[Any]] = [
        [bet.bet_id for bet, _ in rows],
        [(bet.revision or 0) + 1 for bet, _ in rows],
        [bet.result_id for bet, _ in rows],
        [one.outcome for _, one in rows],
        [one.profit for _, one in rows],
        [one.commission for _, one in rows],
        [one.rule_set_id for _, one in rows],
        [json.dumps(one.working) if one.working else "{}" for _, one in rows],
        [at] * len(rows),
    ]
    with connection.cursor() as cursor:
        cursor.execute(statements.INSERT_SETTLEMENTS, columns)
        return dict(cursor.fetchall())
