"""What is due of events to come: looks not taken, rows not foretold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Exists, F, OuterRef, QuerySet

from markets.models import Event, Sport
from models_ml.domain import feature_sets, stages
from models_ml.models import FeatureRow, Ladder, ModelVersion, Pipeline, Prediction, StageLook

#: What became of looks, the worst first.
WORST = ("MISSED", "LATE", "DUE", "SKIPPED", "CANCELLED", "DONE")
#: Events that a feature set in service is about, by sport and origin; races have no sides.
SERVED = """
served AS (
    SELECT p.sport_id, p.is_simulated, p.feature_set, min(v.promoted_at) AS promoted_at
    FROM models_ml_pipeline p
    JOIN models_ml_modelversion v ON v.pipeline_id = p.id AND v.stage = 'PRODUCTION'
    WHERE p.is_enabled GROUP BY 1, 2, 3
), steps AS (
    SELECT l.sport_id, l.is_simulated, l.grace_seconds, l.horizon_hours,
           s.value ->> 'name' AS stage,
           60 * (s.value ->> 'minutes')::float8 AS opens,
           60 * coalesce(lead((s.value ->> 'minutes')::float8)
                         OVER (PARTITION BY l.id ORDER BY s.ordinality), 0) AS closes
    FROM models_ml_ladder l, jsonb_array_elements(l.stages) WITH ORDINALITY s
    WHERE l.is_enabled
)
"""
_COMING = """
    JOIN markets_competition c
        ON c.sport_id = served.sport_id AND c.is_simulated = served.is_simulated
    JOIN markets_event e ON e.competition_id = c.id AND e.status = 'SCHEDULED'
        AND e.starts_at > %(now)s AND CASE WHEN served.feature_set = ANY(%(of_races)s)
            THEN e.race_number IS NOT NULL ELSE e.home_id IS NOT NULL END
"""
_HORIZON = "make_interval(secs => 3600.0 * {}.horizon_hours / c.time_scale)"
#: Three questions that are answered from indexes; mostly all three with no.
_STANDING = f"""
WITH {SERVED}
SELECT
    EXISTS (
        SELECT FROM models_ml_stagelook l WHERE l.state = 'DUE' AND l.due_at <= %(now)s
    ),
    EXISTS (
        SELECT FROM models_ml_stagelook l JOIN markets_event e ON e.id = l.event_id
        WHERE l.state = 'DUE' AND (e.starts_at <> l.starts_at OR e.status <> 'SCHEDULED')
    ) OR EXISTS (
        SELECT FROM markets_event e JOIN models_ml_stagelook l ON l.event_id = e.id
        WHERE e.starts_at > %(now)s AND e.status = 'SCHEDULED'
            AND l.state IN ('MISSED', 'SKIPPED', 'CANCELLED')
            AND (e.starts_at <> l.starts_at OR l.state = 'CANCELLED')
    ),
    EXISTS (
        SELECT FROM served
        JOIN models_ml_ladder d
            ON d.sport_id = served.sport_id AND d.is_simulated = served.is_simulated
        {_COMING}
        WHERE d.is_enabled AND e.starts_at <= %(now)s + {_HORIZON.format("d")} AND NOT EXISTS (
            SELECT FROM models_ml_stagelook l
            WHERE l.event_id = e.id AND l.feature_set = served.feature_set
        )
    ),
    EXISTS (
        SELECT FROM served WHERE NOT EXISTS (
            SELECT FROM models_ml_ladder d
            WHERE d.sport_id = served.sport_id AND d.is_simulated = served.is_simulated
        )
    )
"""
#: A simulated league is laid minutes before its first match: its looks that are over by then are
#: taken at once, so that whoever decides at them has something to decide from the first minute.
PLAN = f"""
WITH {SERVED}
INSERT INTO models_ml_stagelook
    (event_id, feature_set, stage, due_at, closes_at, planned_at, starts_at, state, rows, why)
SELECT w.event_id, w.feature_set, w.stage, w.due_at,
       CASE WHEN w.is_over AND w.is_simulated THEN w.starts_at ELSE w.closes_at END,
       %(now)s, w.starts_at,
       CASE WHEN w.is_over AND NOT w.is_simulated THEN 'SKIPPED' ELSE 'DUE' END, 0,
       CASE WHEN w.is_over THEN 'known too late' ELSE '' END
FROM (
    SELECT e.id AS event_id, served.feature_set, t.stage, e.starts_at,
           e.starts_at - make_interval(secs => t.opens / c.time_scale) AS due_at,
           e.starts_at - make_interval(secs => t.closes / c.time_scale) AS closes_at,
           e.starts_at - make_interval(secs => t.closes / c.time_scale) <= %(now)s AS is_over,
           served.is_simulated
    FROM served
    JOIN steps t ON t.sport_id = served.sport_id AND t.is_simulated = served.is_simulated
    {_COMING}
    WHERE e.starts_at <= %(now)s + {_HORIZON.format("t")}
) w
ON CONFLICT DO NOTHING
"""
#: A stage that was looked at stays so; after the final one nothing is looked at again.
MOVE = f"""
WITH {SERVED}, moved AS (
    SELECT l.id, e.starts_at, e.status, t.stage IS NOT NULL AS is_known,
           e.starts_at - make_interval(secs => t.opens / c.time_scale) AS due_at,
           e.starts_at - make_interval(secs => t.closes / c.time_scale) AS closes_at,
           EXISTS (
               SELECT FROM models_ml_stagelook f JOIN steps last ON last.stage = f.stage
                   AND last.sport_id = c.sport_id AND last.is_simulated = c.is_simulated
                   AND last.closes = 0
               WHERE f.event_id = l.event_id AND f.feature_set = l.feature_set
                   AND f.state IN ('DONE', 'LATE')
           ) AS is_frozen
    FROM models_ml_stagelook l
    JOIN markets_event e ON e.id = l.event_id
    JOIN markets_competition c ON c.id = e.competition_id
    LEFT JOIN steps t ON t.stage = l.stage AND t.sport_id = c.sport_id
        AND t.is_simulated = c.is_simulated
    WHERE l.state = 'DUE' AND (e.starts_at <> l.starts_at OR e.status <> 'SCHEDULED')
       OR l.state IN ('MISSED', 'SKIPPED', 'CANCELLED')
          AND e.starts_at > %(now)s AND e.status = 'SCHEDULED'
          AND (e.starts_at <> l.starts_at OR l.state = 'CANCELLED')
), judged AS (
    SELECT m.*, CASE
        WHEN m.status IN ('POSTPONED', 'CANCELLED', 'ABANDONED') THEN 'CANCELLED'
        WHEN m.status <> 'SCHEDULED' THEN 'MISSED'
        WHEN m.is_frozen OR NOT m.is_known OR m.closes_at <= %(now)s THEN 'SKIPPED'
        ELSE 'DUE' END AS becomes
    FROM moved m
)
UPDATE models_ml_stagelook l SET
    state = CASE WHEN l.state = 'MISSED' AND j.becomes = 'SKIPPED' THEN 'MISSED' ELSE j.becomes END,
    why = CASE j.becomes
        WHEN 'CANCELLED' THEN lower(j.status)
        WHEN 'MISSED' THEN 'it started before the look'
        WHEN 'SKIPPED' THEN CASE WHEN l.state = 'MISSED' THEN l.why
            WHEN j.is_frozen THEN 'the final look was taken' ELSE 'known too late' END
        ELSE '' END,
    due_at = coalesce(j.due_at, l.due_at),
    closes_at = coalesce(j.closes_at, l.closes_at),
    starts_at = j.starts_at,
    planned_at = %(now)s
FROM judged j
WHERE l.id = j.id AND l.state NOT IN ('DONE', 'LATE')
"""
#: What became of looks, as arrays; one that stays due has been in vain, and only that is noted.
_TAKEN = """
UPDATE models_ml_stagelook l SET
    state = t.state, rows = t.rows, why = t.why,
    done_at = CASE t.state WHEN 'DUE' THEN l.done_at ELSE %(now)s END,
    as_of = CASE t.state WHEN 'DUE' THEN l.as_of ELSE %(now)s END
FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(rows)s::int[], %(whys)s::text[])
    AS t(id, state, rows, why)
WHERE l.id = t.id
"""
_WAITING = """
SELECT DISTINCT p.id
FROM models_ml_pipeline p
JOIN models_ml_modelversion v ON v.pipeline_id = p.id AND v.stage = 'PRODUCTION'
JOIN markets_competition c ON c.sport_id = p.sport_id AND c.is_simulated = p.is_simulated
JOIN markets_event e ON e.competition_id = c.id AND e.status = 'SCHEDULED' AND e.starts_at > %(now)s
JOIN models_ml_featurerow r ON r.event_id = e.id AND r.feature_set = p.feature_set
    AND r.replay_id IS NULL AND r.rehearsal_id IS NULL AND r.statistic = p.statistic
WHERE p.is_enabled
AND NOT EXISTS (
    SELECT FROM models_ml_prediction d WHERE d.feature_row_id = r.id AND d.version_id = v.id
)
AND NOT EXISTS (
    SELECT FROM models_ml_featurerow n
    WHERE n.event_id = r.event_id AND n.feature_set = r.feature_set AND n.as_of > r.as_of
        AND n.replay_id IS NULL AND n.rehearsal_id IS NULL
)
ORDER BY p.id
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether there is anything to do."""

    is_open: bool  # a look that is due
    is_moved: bool  # an event that stands otherwise than when its looks were planned
    is_unplanned: bool  # an event without looks
    lacks_ladder: bool  # a sport in service without a ladder


def asked(now: datetime) -> dict[str, Any]:
    """Return what the statements above are asked with."""
    of_races = [one.name for one in feature_sets.FEATURE_SETS.values() if one.grain == "RUNNER"]
    return {"now": now, "of_races": of_races}


def standing(*, now: datetime) -> Standing:
    """Return whether the ladders have anything to do, in one query that is cheap when not."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, asked(now))
        return Standing(*cursor.fetchone())


def open_looks(*, now: datetime) -> QuerySet[StageLook]:
    """Return the looks to be taken now: open, not closed yet, of events as they were planned."""
    return StageLook.objects.filter(
        state=StageLook.State.DUE,
        due_at__lte=now,
        closes_at__gt=now,
        event__status=Event.Status.SCHEDULED,
        event__starts_at__gt=now,
        event__starts_at=F("starts_at"),
    )


def mark_taken(*, looks: Sequence[StageLook], now: datetime) -> None:
    """Write what became of looks that were taken now, or in vain, in one statement."""
    told: dict[str, Any] = {
        "now": now,
        "ids": [look.pk for look in looks],
        "states": [look.state for look in looks],
        "rows": [look.rows for look in looks],
        "whys": [look.why for look in looks],
    }
    with connection.cursor() as cursor:
        cursor.execute(_TAKEN, told)


def ladder_of(*, sport: Sport, is_simulated: bool) -> Ladder:
    """Return a sport's ladder: its row, or an unsaved one of the default stages."""
    row = Ladder.objects.filter(sport=sport, is_simulated=is_simulated).first()
    names = stages.default_names(sport=sport.code, is_simulated=is_simulated)
    return row or Ladder(sport=sport, is_simulated=is_simulated, stages=stages.rows_of(names))


def stage_names(*, sport: Sport, is_simulated: bool) -> list[str]:
    """Return the stages at which a sport's events are looked at, the final one last."""
    ladder = ladder_of(sport=sport, is_simulated=is_simulated)
    return [step.name for step in stages.steps(ladder.stages)]


def ladders_in_use() -> list[Ladder]:
    """Return the ladder of each sport that a pipeline asks about, in two queries."""
    rows = Ladder.objects.select_related("sport")
    found = {(row.sport_id, row.is_simulated): row for row in rows}
    for pipeline in Pipeline.objects.select_related("sport").order_by("pk"):
        sport, is_simulated = pipeline.sport, pipeline.is_simulated
        if (sport.pk, is_simulated) not in found:
            names = stages.default_names(sport=sport.code, is_simulated=is_simulated)
            steps = stages.rows_of(names)
            row = Ladder(sport=sport, is_simulated=is_simulated, stages=steps)
            found[sport.pk, is_simulated] = row
    return sorted(found.values(), key=lambda row: (row.is_simulated, row.sport.name))


def final_stage(*, sport: Sport, is_simulated: bool) -> str:
    """Return the stage after which a sport's events are not looked at again."""
    return stage_names(sport=sport, is_simulated=is_simulated)[-1]


def waiting_pipelines(*, now: datetime) -> QuerySet[Pipeline]:
    """Return pipelines in service that have a live row which nobody has foretold."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, {"now": now})
        ids = [row[0] for row in cursor.fetchall()]
    rows = Pipeline.objects.filter(pk__in=ids) if ids else Pipeline.objects.none()
    return rows.select_related("sport").order_by("pk")


def rows_to_predict(
    *, pipeline: Pipeline, version: ModelVersion, now: datetime
) -> QuerySet[FeatureRow]:
    """Return the newest live rows of events not started that this version has not foretold."""
    newer = FeatureRow.objects.filter(
        event_id=OuterRef("event_id"),
        feature_set=OuterRef("feature_set"),
        replay__isnull=True,
        rehearsal__isnull=True,
        as_of__gt=OuterRef("as_of"),
    )
    foretold = Prediction.objects.filter(feature_row=OuterRef("pk"), version=version)
    return (
        FeatureRow.objects.filter(
            feature_set=pipeline.feature_set,
            statistic=pipeline.statistic,
            replay__isnull=True,
            rehearsal__isnull=True,
            event__competition__sport_id=pipeline.sport_id,
            event__competition__is_simulated=pipeline.is_simulated,
            event__status=Event.Status.SCHEDULED,
            event__starts_at__gt=now,
        )
        .filter(~Exists(foretold), ~Exists(newer))
        .order_by("as_of", "event_id", "participant_id", "pk")
    )


@dataclass(frozen=True, slots=True)
class Look:
    """A stage of an event as it is shown: taken, missed, or still to come."""

    stage: str
    state: str
    told: str

    @property
    def is_taken(self) -> bool:
        return self.state in ("DONE", "LATE")

    @property
    def is_missed(self) -> bool:
        return self.state == "MISSED"


def looks_of(*, event_ids: Sequence[int]) -> dict[int, list[Look]]:
    """Return each event's looks, the earliest first; where several sets look, the worst word."""
    rows = StageLook.objects.filter(event_id__in=event_ids).order_by("due_at", "pk")
    found: dict[int, dict[str, Look]] = {}
    for row in rows:
        told = f"{row.get_state_display().lower()}{f' ({row.why})' if row.why else ''}"
        look = Look(row.stage, row.state, told)
        mine = found.setdefault(row.event_id, {})
        before = mine.get(row.stage)
        if before is None or WORST.index(look.state) < WORST.index(before.state):
            mine[row.stage] = look
    return {event: list(by_stage.values()) for event, by_stage in found.items()}
