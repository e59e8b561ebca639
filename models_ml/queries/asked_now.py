"""What a single prediction reads, by one statement whose plan is kept.

Where one match is asked about, each way to the database costs more than what is found there.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, groupby, pairwise
from operator import itemgetter
from typing import Any, NamedTuple

from django.db import connection

from models_ml.models import Pipeline, PromotionPolicy
from models_ml.queries import selections
from models_ml.queries.selections import Answer
from monitoring import prepared

_COLUMNS = [field.attname for field in Pipeline._meta.concrete_fields]
_LOOKS = """
FROM models_ml_featurerow r
WHERE r.event_id = e.id AND r.feature_set = p.feature_set AND r.statistic = p.statistic
  AND r.replay_id IS NULL AND r.rehearsal_id IS NULL
"""
_NEWEST = f"""
SELECT r.participant_id, r.stage, r.as_of, r."values", r.sources::text {_LOOKS}
  AND r.as_of = (SELECT max(r.as_of) {_LOOKS})
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
_ASKED = f"""
SELECT {", ".join(f"p.{name}" for name in _COLUMNS)}, {_SERVING},
    e.id, e.starts_at, e.competition_id, c.sport_id, c.is_simulated,
    {selections.AS_JSON}, look.*
FROM models_ml_pipeline p
LEFT JOIN markets_event e ON e.id = %(event)s
LEFT JOIN markets_competition c ON c.id = e.competition_id
LEFT JOIN LATERAL ({_NEWEST}) look ON %(looks)s::boolean
"""
_BY_PIPELINE = f"{_ASKED} WHERE p.id = %(pipeline)s ORDER BY look.participant_id"
_BY_EVENT = f"""
{_ASKED} WHERE p.is_enabled AND p.sport_id = c.sport_id AND p.is_simulated = c.is_simulated
  AND EXISTS (SELECT FROM models_ml_modelversion v
              WHERE v.pipeline_id = p.id AND v.stage = 'PRODUCTION')
ORDER BY p.id, look.participant_id
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


_ENDS = list(accumulate([0, len(_COLUMNS), 3, len(AskedEvent._fields), 1]))
_PARTS = [slice(*ends) for ends in pairwise(_ENDS)]  # pipeline, what serves, event, answers
_WIDTH = _ENDS[-1]  # the look's columns follow


@dataclass(frozen=True, slots=True)
class ToServe:
    """A pipeline's production and previous: (id, mark of the row as it stands) by stage."""

    versions: dict[str, tuple[int, str]]
    recorded: int | None  # whose period is open
    lasts: timedelta | None  # how long after what it learned a version serves; None is for ever


class AskedNow(NamedTuple):
    """A pipeline as it stands, and an event as that one is asked about it.

    ``looks``: the rows of the newest live look, none where there was no look; ``answers``: those
    of the event's markets of the pipeline's kind.
    """

    pipeline: Pipeline
    standing: ToServe
    event: AskedEvent | None
    looks: list[Look]
    answers: list[Answer]


def of_pipeline(*, pipeline_id: int, event_id: int, with_looks: bool = True) -> AskedNow | None:
    """Return a pipeline and what it is asked about an event; None: there is no such pipeline."""
    asked = {"pipeline": pipeline_id, "event": event_id, "looks": with_looks}
    rows = prepared.rows(_BY_PIPELINE, asked)
    return _asked(rows) if rows else None


def of_event(*, event_id: int) -> list[AskedNow]:
    """Return every pipeline in service that speaks of events like this one, in their order."""
    rows = prepared.rows(_BY_EVENT, {"event": event_id, "looks": True})
    return [_asked(list(mine)) for _, mine in groupby(rows, key=itemgetter(0))]


def to_serve(*, pipeline_id: int) -> ToServe:
    """Return what may serve a pipeline, as it stands now."""
    rows = prepared.rows(_TO_SERVE, [pipeline_id])
    return _to_serve(*rows[0]) if rows else _to_serve(None, None, None)


def _asked(rows: list[tuple[Any, ...]]) -> AskedNow:
    """Read the rows of one pipeline: they differ in the look's columns alone."""
    values, serving, event, (answers,) = (rows[0][part] for part in _PARTS)
    pipeline = Pipeline.from_db(connection.alias, _COLUMNS, values)
    pipeline.parameters = json.loads(pipeline.parameters)
    return AskedNow(
        pipeline,
        _to_serve(*serving),
        AskedEvent(*event) if event[0] is not None else None,
        [_look(*row[_WIDTH:]) for row in rows if row[_WIDTH + 1] is not None],
        selections.of_json(answers, market_kind=pipeline.market_kind),
    )


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
