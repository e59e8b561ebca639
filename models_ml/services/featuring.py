"""Building feature rows: what was known of an event at a moment, stored once per stage."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from models_ml.domain import feature_sets, features, stages
from models_ml.domain.features import FeatureSet
from models_ml.models import FeatureRow, Rehearsal, Replay
from models_ml.services import asking
from models_ml.services.asking import Made, NoFeatures

__all__ = ["NoFeatures", "Stamp", "build", "keep"]

BATCH = 1000


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a stored row says of when it was made: its stage, since when that was due."""

    stage: str
    due_at: datetime | None = None
    is_late: bool = False


def build(
    *,
    event_ids: Iterable[int],
    feature_set: str,
    stage: str,
    as_of: datetime | Mapping[int, datetime],
    now: datetime,
    replay: Replay | None = None,
    rehearsal: Rehearsal | None = None,
) -> list[FeatureRow]:
    """Return each event's feature rows of this stage, in the events' order, built where missing.

    A match has one row, a race one per runner entered, a player one per statistic.  Rows that
    exist are returned as they were stored, whatever ``as_of`` says now.  A mapping gives each
    event a moment of its own: one pass over the history serves them all.

    A replay leaves out events that could not be asked about then: as they were planned at that
    moment, they had started.

    Raises:
        UnknownFeatureSet: there is no such set.
        NoFeatures: no such stage, ``as_of`` lies in the future, an event has started by then,
            is not of the set's grain, or has nobody to ask about.
    """
    chosen = feature_sets.named(feature_set)
    wanted = list(dict.fromkeys(event_ids))
    moments = dict(as_of) if isinstance(as_of, Mapping) else dict.fromkeys(wanted, as_of)
    if stage not in stages.STAGES:
        raise NoFeatures(f"no stage {stage!r}; there are: {', '.join(stages.STAGES)}")
    rows = _stored(wanted, feature_set, stage, replay, rehearsal)
    missing = [event_id for event_id in wanted if event_id not in rows]
    if missing:
        for made in _made(missing, chosen, moments, now, is_replay=replay is not None):
            keep(
                made=made,
                feature_set=chosen,
                stamps=dict.fromkeys(made.events(), Stamp(stage)),
                now=now,
                replay=replay,
                rehearsal=rehearsal,
            )
        rows = _stored(wanted, feature_set, stage, replay, rehearsal)
    return [row for event_id in wanted for row in rows.get(event_id, ())]


def _made(
    event_ids: Sequence[int],
    feature_set: FeatureSet,
    as_of: Mapping[int, datetime],
    now: datetime,
    *,
    is_replay: bool,
) -> list[Made]:
    asked: dict[str, Any] = {
        "event_ids": event_ids,
        "feature_set": feature_set,
        "as_of": as_of,
        "now": now,
        "statistics": asking.statistics_of(feature_set=feature_set),
    }
    if not is_replay:
        return [asking.made(**asked)]
    parts, _ = asking.made_apart(**asked)
    return parts


def keep(
    *,
    made: Made,
    feature_set: FeatureSet,
    stamps: Mapping[int, Stamp],
    now: datetime,
    replay: Replay | None = None,
    rehearsal: Rehearsal | None = None,
) -> int:
    """Store rows, those of a race all or none; return how many.  One that exists stays."""
    rows = []
    parts = zip(made.subjects, made.as_of, made.values.tolist(), made.sources, strict=True)
    for subject, as_of, values, sources in parts:
        numbers = [None if value != value else value for value in values]
        stamp = stamps[subject.event_id]
        rows.append(
            FeatureRow(
                event_id=subject.event_id,
                participant_id=subject.participant_id,
                statistic=subject.statistic,
                feature_set=feature_set.name,
                stage=stamp.stage,
                replay=replay,
                rehearsal=rehearsal,
                as_of=as_of,
                due_at=stamp.due_at,
                is_late=stamp.is_late,
                values=numbers,
                checksum=features.checksum(
                    feature_set=feature_set.name, as_of=as_of, values=numbers
                ),
                sources=sources,
                made_at=now,
            )
        )
    with transaction.atomic():
        FeatureRow.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)
    return len(rows)


def _stored(
    event_ids: Sequence[int],
    feature_set: str,
    stage: str,
    replay: Replay | None,
    rehearsal: Rehearsal | None,
) -> dict[int, list[FeatureRow]]:
    rows = FeatureRow.objects.filter(
        event_id__in=event_ids,
        feature_set=feature_set,
        stage=stage,
        replay=replay,
        rehearsal=rehearsal,
    )
    found: dict[int, list[FeatureRow]] = {}
    for row in rows.order_by("statistic", "participant_id", "pk"):
        found.setdefault(row.event_id, []).append(row)
    return found
