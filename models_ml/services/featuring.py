"""Building feature rows: what was known of an event at a moment, stored once per stage."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from models_ml import queries
from models_ml.domain import feature_sets, features, stages
from models_ml.domain.features import FeatureSet
from models_ml.models import FeatureRow, Replay
from monitoring.errors import Refused

BATCH = 1000


class NoFeatures(Refused):
    """Features cannot be made for these events at this moment."""


def build(
    *,
    event_ids: Iterable[int],
    feature_set: str,
    stage: str,
    as_of: datetime | Mapping[int, datetime],
    now: datetime,
    replay: Replay | None = None,
) -> list[FeatureRow]:
    """Return each event's feature row of this stage, in the events' order, built where missing.

    A row that exists is returned as it was stored, whatever ``as_of`` says now.  A mapping
    gives each event a moment of its own: one pass over the history serves them all.

    Raises:
        UnknownFeatureSet: there is no such set.
        NoFeatures: no such stage, ``as_of`` lies in the future, an event has started by then,
            or has no two sides.
    """
    chosen = feature_sets.named(feature_set)
    wanted = list(dict.fromkeys(event_ids))
    moments = dict(as_of) if isinstance(as_of, Mapping) else dict.fromkeys(wanted, as_of)
    if stage not in stages.STAGES:
        raise NoFeatures(f"no stage {stage!r}; there are: {', '.join(stages.STAGES)}")
    rows = _stored(wanted, feature_set, stage, replay)
    missing = [event_id for event_id in wanted if event_id not in rows]
    if missing:
        values = values_at(event_ids=missing, feature_set=chosen, as_of=moments, now=now)
        _store([(i, stage) for i in missing], values, chosen, moments, now, replay)
        rows = _stored(wanted, feature_set, stage, replay)
    return [rows[event_id] for event_id in wanted]


def values_at(
    *,
    event_ids: Sequence[int],
    feature_set: FeatureSet,
    as_of: Mapping[int, datetime],
    now: datetime,
) -> dict[int, list[float]]:
    """Return the features of each event as of its moment, unstored; NaN where not known.

    Raises:
        NoFeatures: ``as_of`` lies in the future, or an event has started by then or has no
            two sides.
    """
    latest = max((as_of[event_id] for event_id in event_ids), default=now)
    if latest > now:
        raise NoFeatures(f"as_of {latest:%Y-%m-%d %H:%M} lies in the future")
    events = queries.planned(event_ids=event_ids)
    for event_id in event_ids:
        if event_id not in events:
            raise NoFeatures(f"event {event_id} is unknown or has no two sides")
        if events[event_id].starts_at <= as_of[event_id]:
            raise NoFeatures(f"event {event_id} has started by {as_of[event_id]:%Y-%m-%d %H:%M}")
    market = queries.market_at(event_ids=event_ids, as_of=as_of)
    fixtures = [
        events[i].fixture(as_of=as_of[i], market=market.get(i, queries.NO_MARKET))
        for i in event_ids
    ]
    history = queries.result_versions(
        competition_ids={event.competition_id for event in events.values()}, until=latest
    )
    rows = features.unfold(feature_set=feature_set, history=history, fixtures=fixtures)
    return dict(zip(event_ids, rows, strict=True))


def build_due(*, now: datetime) -> int:
    """Build the rows of every open stage that has none, for pipelines in production.

    A stage that was missed is built late, and its ``as_of`` says so.  Returns how many rows.
    """
    made = 0
    for pipeline in queries.served_pipelines():
        due = queries.due_stages(pipeline=pipeline, now=now)
        if not due:
            continue
        chosen = feature_sets.named(pipeline.feature_set)
        event_ids = list(dict.fromkeys(event_id for event_id, _ in due))
        moments = dict.fromkeys(event_ids, now)
        values = values_at(event_ids=event_ids, feature_set=chosen, as_of=moments, now=now)
        made += _store(due, values, chosen, moments, now, None)
    return made


def _stored(
    event_ids: Sequence[int], feature_set: str, stage: str, replay: Replay | None
) -> dict[int, FeatureRow]:
    rows = FeatureRow.objects.filter(
        event_id__in=event_ids, feature_set=feature_set, stage=stage, replay=replay
    )
    return {row.event_id: row for row in rows}


def _store(
    wanted: Sequence[tuple[int, str]],
    values: dict[int, list[float]],
    feature_set: FeatureSet,
    as_of: Mapping[int, datetime],
    now: datetime,
    replay: Replay | None,
) -> int:
    rows = []
    for event_id, stage in wanted:
        numbers = [None if value != value else value for value in values[event_id]]
        rows.append(
            FeatureRow(
                event_id=event_id,
                feature_set=feature_set.name,
                stage=stage,
                replay=replay,
                as_of=as_of[event_id],
                values=numbers,
                checksum=features.checksum(
                    feature_set=feature_set.name, as_of=as_of[event_id], values=numbers
                ),
                made_at=now,
            )
        )
    FeatureRow.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)
    return len(rows)
