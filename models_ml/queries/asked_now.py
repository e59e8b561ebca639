"""What a single prediction reads: each by one statement that needs no building.

A statement made by the query set costs more than its answer where one match is asked about.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection

from models_ml.models import Pipeline, PromotionPolicy

_COLUMNS = [field.attname for field in Pipeline._meta.concrete_fields]
_PIPELINE = f"SELECT {', '.join(_COLUMNS)} FROM models_ml_pipeline WHERE id = %s"
_EVENT = """
SELECT e.id, e.starts_at, e.competition_id, c.sport_id, c.is_simulated
FROM markets_event e JOIN markets_competition c ON c.id = e.competition_id
WHERE e.id = %s
"""
_LOOKS = """
FROM models_ml_featurerow
WHERE event_id = %(event)s AND feature_set = %(feature_set)s AND statistic = %(statistic)s
  AND replay_id IS NULL AND rehearsal_id IS NULL
"""
_NEWEST = f"""
SELECT participant_id, stage, as_of, "values", sources::text {_LOOKS}
  AND as_of = (SELECT max(as_of) {_LOOKS})
ORDER BY participant_id
"""
# A row that is written anew lies elsewhere and is of another transaction.
_TO_SERVE = """
SELECT v.stage, v.id, v.xmin::text || v.ctid::text,
    (SELECT p.version_id FROM models_ml_servingperiod p
     WHERE p.pipeline_id = v.pipeline_id AND p.until IS NULL ORDER BY p.id LIMIT 1),
    (SELECT ARRAY[o.expires_after_days] FROM models_ml_promotionpolicy o
     WHERE o.pipeline_id = v.pipeline_id OR o.pipeline_id IS NULL
     ORDER BY o.pipeline_id NULLS LAST LIMIT 1)
FROM models_ml_modelversion v
WHERE v.pipeline_id = %s AND v.stage IN ('PRODUCTION', 'PREVIOUS')
"""


class AskedEvent(NamedTuple):
    """An event, and which pipelines may speak of it."""

    pk: int
    starts_at: datetime
    competition_id: int
    sport_id: int
    is_simulated: bool


class Look(NamedTuple):
    """A row that a look at an event left, of all of it or of one runner or player."""

    participant_id: int | None
    stage: str
    as_of: datetime
    values: list[float | None]
    sources: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToServe:
    """A pipeline's production and previous: (id, mark of the row as it stands) by stage."""

    versions: dict[str, tuple[int, str]]
    recorded: int | None  # whose period is open
    lasts: timedelta | None  # how long after what it learned a version serves; None is for ever


def pipeline(*, pk: int) -> Pipeline | None:
    rows = _rows(_PIPELINE, [pk])
    if not rows:
        return None
    found = Pipeline.from_db(connection.alias, _COLUMNS, rows[0])
    found.parameters = json.loads(rows[0][_COLUMNS.index("parameters")])
    return found


def event(*, pk: int) -> AskedEvent | None:
    rows = _rows(_EVENT, [pk])
    return AskedEvent(*rows[0]) if rows else None


def newest_look(*, event_id: int, feature_set: str, statistic: str) -> list[Look]:
    """Return the rows of the newest live look at an event, none where there was no look."""
    asked = {"event": event_id, "feature_set": feature_set, "statistic": statistic}
    return [
        Look(participant, stage, as_of, values, json.loads(sources))
        for participant, stage, as_of, values, sources in _rows(_NEWEST, asked)
    ]


def to_serve(*, pipeline_id: int) -> ToServe:
    """Return what may serve a pipeline, as it stands now."""
    rows = _rows(_TO_SERVE, [pipeline_id])
    recorded, policy = rows[0][3:] if rows else (None, None)
    days = PromotionPolicy().expires_after_days if policy is None else policy[0]
    return ToServe(
        versions={stage: (pk, mark) for stage, pk, mark, *_ in rows},
        recorded=recorded,
        lasts=None if days is None else timedelta(days=days),
    )


def _rows(statement: str, asked: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)
        return cursor.fetchall()
