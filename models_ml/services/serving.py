"""Which version serves a pipeline, since when, and why it is that one."""

import threading
from collections import OrderedDict
from datetime import datetime, timedelta

from django.db import transaction

from models_ml import queries
from models_ml.models import ModelVersion, Pipeline, Proposal, ServingPeriod
from models_ml.queries import asked_now
from models_ml.services import loading
from models_ml.services.storing import DamagedArtefact
from monitoring.domain.findings import Severity
from monitoring.errors import Refused
from monitoring.services import audit, incidents

Stage, How = ModelVersion.Stage, ServingPeriod.How
STANDING_IN = "task:serve"  # who writes a period that nobody asked for
KEEP = 64  # versions as they stood when they were last read, by row and its mark
_kept: OrderedDict[tuple[int, str], ModelVersion] = OrderedDict()
_lock = threading.Lock()


class ClockBackwards(Refused):
    """The time given lies before what is recorded already."""


def serving_version(
    *, pipeline: Pipeline, now: datetime, standing: asked_now.ToServe | None = None
) -> ModelVersion | None:
    """Return the version that serves: production, else previous, else None.

    A damaged artefact on the way opens an incident, and the period of whoever steps in is
    recorded; so is the return of a version whose file was repaired.  A version that learned too
    long ago serves no more, and nobody steps in for it.  ``standing`` is what may serve, where
    the caller has just read it.
    """
    standing = standing or asked_now.to_serve(pipeline_id=pipeline.pk)
    by_stage = _versions(pipeline, standing)
    production = by_stage.get(Stage.PRODUCTION)
    if production is None:
        return None
    chosen = next(
        (v for v in (production, by_stage.get(Stage.PREVIOUS)) if v and _is_whole(v, now)), None
    )
    if standing.recorded != (chosen.pk if chosen else None):
        _note(pipeline, production, chosen, now)
    return None if chosen is None or _is_expired(chosen, standing.lasts, now) else chosen


def _versions(pipeline: Pipeline, standing: asked_now.ToServe) -> dict[str, ModelVersion]:
    """Return the versions by stage, as kept in this process unless their rows were written anew."""
    with _lock:
        found = {mark: _kept[mark] for mark in standing.versions.values() if mark in _kept}
    if missing := [pk for pk, mark in standing.versions.values() if (pk, mark) not in found]:
        marks = dict(standing.versions.values())
        for version in queries.serving_versions().filter(pk__in=missing):
            found[version.pk, marks[version.pk]] = version
        with _lock:
            _kept.update(found)
            while len(_kept) > KEEP:
                _kept.popitem(last=False)
    for version in found.values():
        version.pipeline = pipeline  # as it stands now
    return {stage: found[mark] for stage, mark in standing.versions.items() if mark in found}


def _is_expired(version: ModelVersion, lasts: timedelta | None, now: datetime) -> bool:
    if lasts is None or version.pipeline.is_simulated:
        return False
    return version.trained_until + lasts <= now


def forget() -> None:
    """Read every version anew from now on."""
    with _lock:
        _kept.clear()


def begin(
    *,
    version: ModelVersion,
    how: str,
    actor: str,
    now: datetime,
    reason: str = "",
    proposal: Proposal | None = None,
) -> ServingPeriod:
    """Write that a version serves from now on, inside the caller's transaction.

    The period before it ends; where that one began this very moment, nobody was ever served
    by it, and it gives its row.  The caller holds the pipeline's lock.

    Raises:
        ClockBackwards: the period that is open began later than now.
    """
    end(pipeline_id=version.pipeline_id, now=now)
    return ServingPeriod.objects.create(
        pipeline_id=version.pipeline_id,
        version=version,
        since=now,
        how=how,
        proposal=proposal,
        actor=actor,
        reason=reason,
    )


def end(*, pipeline_id: int, now: datetime) -> None:
    """Write that nothing serves a pipeline from now on.

    Raises:
        ClockBackwards: the period that is open began later than now.
    """
    latest = ServingPeriod.objects.filter(pipeline_id=pipeline_id).order_by("-since").first()
    if latest is None:
        return
    if now < latest.since or (latest.until is not None and now < latest.until):
        raise ClockBackwards(
            f"it is {now:%Y-%m-%d %H:%M:%S} here, but {latest.version} serves since"
            f" {latest.since:%Y-%m-%d %H:%M:%S}: set the clock right"
        )
    if latest.since == now:
        latest.delete()
    elif latest.until is None:
        latest.until = now
        latest.save(update_fields=["until"])


def _is_whole(version: ModelVersion, now: datetime) -> bool:
    try:
        loading.load(version=version)
    except (DamagedArtefact, loading.FeaturesChanged) as error:
        incidents.open_incident(
            kind="models_ml.artefact-damaged",
            severity=Severity.P1,
            summary=str(error),
            at=now,
            subject=audit.label(version),
        )
        return False
    return True


def _note(
    pipeline: Pipeline, production: ModelVersion, chosen: ModelVersion | None, now: datetime
) -> None:
    """Record a change of who serves that no promotion made."""
    wanted = chosen.pk if chosen else None
    with transaction.atomic():
        Pipeline.objects.select_for_update().get(pk=pipeline.pk)
        still = ModelVersion.objects.filter(pk=production.pk, stage=Stage.PRODUCTION).exists()
        if not still:
            return  # a promotion came first: the next call sees it
        _recall(production, now)
        if queries.open_version(pipeline=pipeline) == wanted:
            return  # nothing but what is recorded by now
        if chosen is None:
            end(pipeline_id=pipeline.pk, now=now)
        elif chosen.pk == production.pk:
            whole = f"{production} is whole again"
            begin(version=chosen, how=How.RESTORED, actor=STANDING_IN, now=now, reason=whole)
        else:
            damaged = f"{production} is damaged"
            begin(version=chosen, how=How.FALLBACK, actor=STANDING_IN, now=now, reason=damaged)


def _recall(production: ModelVersion, now: datetime) -> None:
    """Write since when a version serves that was promoted before periods were kept."""
    since = production.promoted_at
    if since is None or since > now:
        return
    if not ServingPeriod.objects.filter(pipeline_id=production.pipeline_id).exists():
        ServingPeriod.objects.create(
            pipeline_id=production.pipeline_id,
            version=production,
            since=since,
            how=How.PROMOTED,
            actor=STANDING_IN,
            reason="served before periods were kept",
        )
