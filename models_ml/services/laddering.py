"""Taking looks: each stage of each event once, in its time, and what became of it.

A look is a row that two workers may want at once: it is locked, its features are stored and it
is marked as done in one transaction.  A worker that dies leaves it due, and the next one takes it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Model, QuerySet

from models_ml import queries
from models_ml.domain import feature_sets
from models_ml.domain.features import FeatureSet
from models_ml.models import FeatureRow, Ladder, Prediction, StageLook
from models_ml.queries import ladders as sql
from models_ml.services import asking, featuring, ladders
from models_ml.services.featuring import Stamp
from monitoring.errors import Refused
from monitoring.services import audit

CHUNK = 500  # looks in a transaction
State = StageLook.State


class LookRefused(Refused):
    """This look cannot be taken again."""


@dataclass(slots=True)
class Ticked:
    """What one pass over the ladders did."""

    planned: int = 0
    moved: int = 0
    built: int = 0
    late: int = 0
    missed: int = 0
    rows: int = 0
    refused: dict[int, str] = field(default_factory=dict)  # event -> why its look waits


def tick(*, now: datetime) -> Ticked:
    """Plan looks, move those whose event moved, close what was missed, take what is open."""
    done, standing = Ticked(), queries.standing(now=now)
    if standing.lacks_ladder:
        ladders.ensure_default_ladders()
        standing = queries.standing(now=now)
    if standing.is_moved:
        done.moved = ladders.run(sql.MOVE, now=now)
    if standing.is_unplanned:
        done.planned = ladders.run(sql.PLAN, now=now)
    if standing.is_open or done.moved or done.planned:
        done.missed = _close(now)
        _take_all(now, done)
    return done


def plan(*, now: datetime) -> int:
    """Plan looks of events that come near; return how many were planned that were not before."""
    ladders.ensure_default_ladders()
    return ladders.run(sql.PLAN, now=now)


def again(
    *, event_id: int, feature_set: str, stage: str, actor: str, reason: str, now: datetime
) -> StageLook:
    """Forget what a look at an event to come brought and make it due; the next tick takes it.

    Raises:
        LookRefused: there is no such look, its event has started, or something refers to its
            predictions.
    """
    with transaction.atomic():
        look = (
            StageLook.objects.select_for_update(of=("self",))
            .select_related("event")
            .filter(event_id=event_id, feature_set=feature_set, stage=stage)
            .first()
        )
        if look is None:
            raise LookRefused(f"no look {stage} of {feature_set} is known of event {event_id}")
        if look.event.starts_at <= now or look.event.status != look.event.Status.SCHEDULED:
            raise LookRefused(f"{look.event} is not to come")
        rows = FeatureRow.objects.filter(
            event_id=event_id, feature_set=feature_set, stage=stage,
            replay__isnull=True, rehearsal__isnull=True,
        )  # fmt: skip
        forget(rows)
        look.state, look.why, look.rows = State.DUE, "asked for again", 0
        look.done_at = look.as_of = None
        look.due_at = min(look.due_at, now)
        look.closes_at = look.event.starts_at
        look.planned_at = now
        look.save()
        audit.record(
            actor=actor, action="models_ml.look_again", subject=look, at=now, reason=reason
        )
    return look


def forget(rows: QuerySet[FeatureRow]) -> tuple[int, int]:
    """Delete rows with their predictions; return how many of each, in the caller's transaction.

    Raises:
        LookRefused: something refers to a prediction of theirs.
    """
    mine = Prediction.objects.filter(feature_row__in=rows.values("pk"))
    if holder := _holder(mine):
        raise LookRefused(f"{holder} refers to a prediction made from it")
    predictions = mine._raw_delete(mine.db)
    return rows._raw_delete(rows.db), predictions


def _holder(predictions: QuerySet[Prediction]) -> str:
    """Return what refers to one of these predictions, "" where nothing does."""
    for relation in Prediction._meta.related_objects:
        other: type[Model] = relation.related_model
        found = other._default_manager.filter(
            **{f"{relation.field.name}__in": predictions.values("pk")}
        )
        if first := found.first():
            return f"{other._meta.verbose_name} #{first.pk}"
    return ""


def _close(now: datetime) -> int:
    """Mark looks as missed that closed before anybody took them."""
    with transaction.atomic():
        late = StageLook.objects.filter(state=State.DUE, closes_at__lte=now)
        mine = late.select_for_update(skip_locked=True).values_list("pk", flat=True)
        return StageLook.objects.filter(pk__in=list(mine), state=State.DUE).update(
            state=State.MISSED
        )


def _take_all(now: datetime, done: Ticked) -> None:
    tried: list[int] = []
    graces = {
        (row.sport_id, row.is_simulated): timedelta(seconds=row.grace_seconds)
        for row in Ladder.objects.all()
    }
    while True:
        with transaction.atomic():
            looks = list(
                queries.open_looks(now=now)
                .exclude(pk__in=tried)
                .select_for_update(of=("self",), skip_locked=True)
                .select_related("event__competition")
                .order_by("feature_set", "event_id", "-due_at")[:CHUNK]
            )
            tried += [look.pk for look in looks]
            for name, mine in _rounds(looks):
                _take(mine, feature_sets.named(name), graces, now, done)
        if len(looks) < CHUNK:
            return


def _rounds(looks: Sequence[StageLook]) -> list[tuple[str, list[StageLook]]]:
    """Return looks by feature set, in rounds in which no event comes twice; mostly one."""
    rounds: dict[tuple[str, int], list[StageLook]] = {}
    seen: dict[tuple[str, int], int] = {}
    for look in looks:
        number = seen.get((look.feature_set, look.event_id), 0)
        seen[look.feature_set, look.event_id] = number + 1
        rounds.setdefault((look.feature_set, number), []).append(look)
    return [(name, mine) for (name, _), mine in rounds.items()]


def _take(
    looks: Sequence[StageLook],
    feature_set: FeatureSet,
    graces: dict[tuple[int, bool], timedelta],
    now: datetime,
    done: Ticked,
) -> None:
    """Store the rows of open looks and mark them, inside the caller's transaction."""
    late = {
        look.pk: now > look.due_at + graces.get(_ladder_of(look), timedelta(0)) for look in looks
    }
    stamps = {look.event_id: Stamp(look.stage, look.due_at, late[look.pk]) for look in looks}
    rows, refused = _rows(list(stamps), feature_set, stamps, now)
    for look in looks:
        if look.event_id in refused:
            look.why = refused[look.event_id][:120]
            continue
        look.state = State.LATE if late[look.pk] else State.DONE
        look.rows, look.why = rows.get(look.event_id, 0), ""
        done.built += 1
        done.late += late[look.pk]
        done.rows += look.rows
    done.refused.update(refused)
    sql.mark_taken(looks=looks, now=now)


def _ladder_of(look: StageLook) -> tuple[int, bool]:
    competition = look.event.competition
    return competition.sport_id, competition.is_simulated


def _rows(
    event_ids: Sequence[int],
    feature_set: FeatureSet,
    stamps: dict[int, Stamp],
    now: datetime,
) -> tuple[dict[int, int], dict[int, str]]:
    """Store each event's rows; return how many, and why an event brought none."""
    parts, refused = asking.made_apart(
        event_ids=event_ids,
        feature_set=feature_set,
        as_of=dict.fromkeys(event_ids, now),
        now=now,
        statistics=asking.statistics_of(feature_set=feature_set),
    )
    counts: dict[int, int] = {}
    for made in parts:
        featuring.keep(made=made, feature_set=feature_set, stamps=stamps, now=now)
        counts.update(_counted(made.events()))
    return counts, refused


def _counted(events: Iterable[int]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for event in events:
        counts[event] = counts.get(event, 0) + 1
    return counts
