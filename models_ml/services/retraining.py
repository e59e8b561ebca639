"""Training anew because something said so: a candidate is made and proposed, never promoted."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models_ml.models import ModelVersion, Pipeline
from models_ml.queries import drift as queries
from models_ml.services import in_turn, proposing, training
from models_ml.services.training import Trained
from monitoring.domain.progress import RunHandle
from monitoring.errors import Refused
from monitoring.models import TaskRun
from monitoring.services import running

TASK = "models_ml.tasks.train_again"
WORDS = 250


@dataclass(frozen=True, slots=True)
class Retrained:
    """A new candidate, its proposal, or why it has none."""

    version: ModelVersion
    proposal: int | None
    note: str = ""


def ask(*, version: ModelVersion, why: str, actor: str, now: datetime) -> TaskRun:
    """Ask for a training to replace a version; the same day's asking is one training."""
    return running.request_run(
        task=TASK,
        arguments={"pipeline": version.pipeline.code, "why": why[:WORDS]},
        trigger=TaskRun.Trigger.TASK,
        actor=actor,
        now=now,
        run_key=f"retrain:{version.pk}:{now:%Y-%m-%d}",
    )


def retrain(
    *,
    pipeline: Pipeline,
    why: str,
    actor: str,
    now: datetime,
    progress: RunHandle | None = None,
) -> Retrained:
    """Train a candidate for what serves a pipeline, and lay it before the two who approve.

    A run that is done again after its worker was lost finds the candidate it made.

    Raises:
        NotEnoughHistory, OneClassOnly, BadParameters, ClockBackwards: as training says.
        Cancelled: somebody asked for that; nothing is written.
    """
    run_id = progress.run_id if progress else None
    version = _made(pipeline, run_id) or training.train(
        pipeline=pipeline,
        until=now,
        parent=queries.in_production(pipeline=pipeline),
        reason=why[:WORDS],
        actor=actor,
        now=now,
        progress=progress,
    )
    if pipeline.is_simulated:
        return Retrained(version, None, "simulated versions are promoted as they are")
    try:
        proposal = proposing.propose(version_id=version.pk, actor=actor, reason=why, now=now)
    except Refused as no:
        return Retrained(version, None, str(no))
    return Retrained(version, proposal.pk)


def retrain_each(
    *,
    pipelines: Iterable[Pipeline],
    why: str,
    actor: str,
    now: datetime,
    progress: RunHandle | None = None,
) -> Trained:
    """Do so for several; one that is refused takes no other's turn.

    Raises:
        NothingTrained: there are pipelines, and each was refused.
    """
    made, refused = in_turn.each(
        pipelines,
        lambda row: retrain(pipeline=row, why=why, actor=actor, now=now, progress=progress),
    )
    return training.some([one.version for one in made], refused)


def summary(*, made: Retrained) -> dict[str, Any]:
    """Return what came of a training, as JSON can hold it."""
    return {
        **training.summary(version=made.version),
        "reason": made.version.reason,
        "parent": made.version.parent.number if made.version.parent else None,
        "proposal": made.proposal,
        "note": made.note,
    }


def _made(pipeline: Pipeline, run_id: uuid.UUID | None) -> ModelVersion | None:
    if run_id is None:
        return None
    rows = ModelVersion.objects.filter(pipeline=pipeline, run=run_id, replay=None)
    return rows.select_related("pipeline__sport", "parent").first()
