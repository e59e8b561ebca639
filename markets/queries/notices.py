"""What was told around events, as it was known at a moment."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from django.db import connection

from markets.models import Notice

LOOKS_BACK = timedelta(days=7)
COLUMNS = (
    "event_id", "notice_id", "kind", "participant_id", "person", "status", "title", "data",
    "url", "published_at", "known_at", "version", "source",
)  # fmt: skip

# A notice of the event itself, or of one of its sides not long before it starts.
_NOTICES = """
WITH wanted AS (
    SELECT e.id, e.home_id, e.away_id, e.starts_at
    FROM markets_event e WHERE e.id = ANY(%(event_ids)s)
), told AS (
    SELECT w.id AS about_id, n.*
    FROM wanted w JOIN markets_notice n ON n.event_id = w.id
    WHERE n.known_at <= %(as_of)s AND n.kind = ANY(%(kinds)s)
    UNION
    SELECT w.id AS about_id, n.*
    FROM wanted w JOIN markets_notice n ON n.participant_id IN (w.home_id, w.away_id)
    WHERE n.event_id IS NULL AND n.known_at <= %(as_of)s AND n.known_at > w.starts_at - %(back)s
        AND n.known_at <= w.starts_at AND n.kind = ANY(%(kinds)s)
)
SELECT DISTINCT ON (t.about_id, t.source_id, t.kind, t.ref)
    t.about_id, t.id, t.kind, t.participant_id, t.person, t.status, t.title, t.data, t.url,
    t.published_at, t.known_at, t.version, s.code
FROM told t JOIN markets_source s ON s.id = t.source_id
ORDER BY t.about_id, t.source_id, t.kind, t.ref, t.version DESC
"""


def notices(
    *, event_ids: Sequence[int], as_of: datetime, kinds: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return what was known around events: one row per event and notice, its latest version.

    A notice of a side (an injury, a piece of news) counts for its events of the next seven days.
    Columns: ``COLUMNS``; times are aware (UTC), ``data`` a dictionary; in order of ``known_at``.
    """
    parameters: dict[str, Any] = {
        "event_ids": list(event_ids),
        "as_of": as_of,
        "kinds": list(kinds if kinds is not None else Notice.Kind.values),
        "back": LOOKS_BACK,
    }
    with connection.cursor() as cursor:
        cursor.execute(_NOTICES, parameters)
        rows = cursor.fetchall()
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame["data"] = [json.loads(text) if isinstance(text, str) else text for text in frame["data"]]
    for column in ("published_at", "known_at"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    order = ["known_at", "event_id", "notice_id"]
    return frame.sort_values(order, kind="stable").reset_index(drop=True)
