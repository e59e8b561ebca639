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
_EVENT_COLUMNS = "e.id, e.starts_at, e.competition_id, c.sport_id, c.is_simulated"
_EVENTS = "markets_event e JOIN markets_competition c ON c.id = e.competition_id"
_EVENT = f"SELECT {_EVENT_COLUMNS} FROM {_EVENTS} WHERE e.id = %s"
_LOOKS = """
FROM models_ml_featurerow
WHERE event_id = %(event)s AND feature_set = %(feature_set)s AND statistic = %(statistic)s
  AND replay_id IS NULL AND rehearsal_id IS NULL
"""
_NEWEST = f"""
SELECT participant_id, stage, as_of, "values", sources::text {_LOOKS}
  AND as_of = (SELECT max(as_of) {_LOOKS})
"""
_LOOKED_AT = f"""
SELECT {_EVENT_COLUMNS}, look.* FROM {_EVENTS} LEFT JOIN LATERAL ({_NEWEST}) look ON true
WHERE e.id = %(event)s ORDER BY look.participant_id
"""
# A row that is written anew lies elsewhere and is of another transaction.
_SERVING = """
    (SELECT array_agg(ARRAY[v.stage, v.id::text, v.xmin::text || v.ctid::text])
     FROM models_ml_modelversion v
     WHERE v.pipeline_id = p.id AND v.stage IN ('PRODUCTION', 'PREVIOUS')),
    (SELECT s.version_id FROM models_ml_servingperiod s
     WHERE s.pipeline_id = p.id AND s.until IS NULL ORDER BY s.id LIMIT 1),
    (SELECT ARRAY[o.expires_after_days] FROM models_ml_promotionpolicy o
     WHERE o.pipeline_id = p.id OR o.pipeline_id IS NULL
     ORDER BY o.pipeline_id NULLS LAST LIMIT 1)
"""
_TO_SERVE = f"SELECT {_SERVING} FROM models_ml_pipeline p WHERE p.id = %s"
_PIPELINE = f"""
SELECT {_SERVING}, {", ".join(f"p.{name}" for name in _COLUMNS)}
FROM models_ml_pipeline p WHERE p.id = %s
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


def pipeline(*, pk: int) -> tuple[Pipeline, ToServe] | None:
    """Return a pipeline, and what may serve it as it stands now."""
    rows = _rows(_PIPELINE, [pk])
    if not rows:
        return None
    *standing, values = *rows[0][:3], rows[0][3:]
    found = Pipeline.from_db(connection.alias, _COLUMNS, values)
    found.parameters = json.loads(found.parameters)
    return found, _to_serve(*standing)


def to_serve(*, pipeline_id: int) -> ToServe:
    """Return what may serve a pipeline, as it stands now."""
    rows = _rows(_TO_SERVE, [pipeline_id])
    return _to_serve(*rows[0]) if rows else _to_serve(None, None, None)


def event(*, pk: int) -> AskedEvent | None:
    rows = _rows(_EVENT, [pk])
    return AskedEvent(*rows[0]) if rows else None


def looked_at(
    *, event_id: int, feature_set: str, statistic: str
) -> tuple[AskedEvent | None, list[Look]]:
    """Return an event, and the rows of the newest live look at it, none where there was no look."""
    asked = {"event": event_id, "feature_set": feature_set, "statistic": statistic}
    rows = _rows(_LOOKED_AT, asked)
    width = len(AskedEvent._fields)
    found = AskedEvent(*rows[0][:width]) if rows else None
    return found, [_look(*row[width:]) for row in rows if row[width + 1] is not None]


def _look(participant: int | None, stage: str, as_of: datetime, values: Any, sources: str) -> Look:
    return Look(participant, stage, as_of, values, json.loads(sources))


def _to_serve(
    versions: list[list[str]] | None, recorded: int | None, policy: list[int | None] | None
) -> ToServe:
    days = PromotionPolicy().expires_after_days if policy is None else policy[0]
    return ToServe(
        versions={stage: (int(pk), mark) for stage, pk, mark in versions or []},
        recorded=recorded,
        lasts=None if days is None else timedelta(days=days),
    )


def _rows(statement: str, asked: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)
        return cursor.fetchall()
