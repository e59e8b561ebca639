"""Walk-forward: train on what was known, try it on the weeks that follow, go on from there.

Each step is a run of its own, so that several may work at once, one may be lost and done again,
and all of them may be called off; the last one to end puts the figures together.
"""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import numpy as np
from django.db import transaction

from models_ml import queries
from models_ml.domain import folds, pooling
from models_ml.domain.boards import Board
from models_ml.domain.estimators import NotEnoughToLearn
from models_ml.domain.examples import Examples
from models_ml.domain.features import microseconds
from models_ml.domain.folds import Span
from models_ml.models import Evaluation, Pipeline, WalkFold, WalkForward
from models_ml.services import cards, examples, in_turn, origins, stepping, training
from models_ml.services import pipelines as pipelines_
from models_ml.services.cards import CLOSE, MARKET, MODEL, Scored
from monitoring.domain.progress import RunHandle
from monitoring.errors import Refused
from monitoring.models import TaskRun
from monitoring.services import audit, running

STEP = "models_ml.tasks.train_fold"
STEP_WEEKS = {"WINNER": 1}  # by target; races come thick
STEP_WEEKS_ELSE = 4
LONGEST_STEP = 52
State, StepState = WalkForward.State, WalkFold.State


class NothingToWalk(Refused):
    """There is no span to try anything on, or the steps asked for cannot be."""


class WalkNotFound(Refused):
    """There is no such walk-forward."""


class WalkIsOver(Refused):
    """The walk-forward has ended: it cannot be called off, or gone on with."""


class CodeChanged(Refused):
    """The code is another one than the walk-forward began with."""


def begin(
    *,
    pipeline: Pipeline,
    until: datetime,
    since: datetime | None = None,
    step_weeks: int | None = None,
    seed: int = 0,
    parameters: Mapping[str, Any] | None = None,
    actor: str,
    now: datetime,
    rows: Examples | None = None,
) -> WalkForward:
    """Write down a walk-forward and its steps; none of them is done by this.

    Without ``since`` it begins a year before the last known event, but not before half of the
    history is past; from a Monday on, so that no week is cut.  ``rows``: the pipeline's examples
    known at ``until``, where they are at hand.

    Raises:
        NothingToWalk: no event lies in the span, or it takes too many steps.
        BadParameters: of the pipeline, or those given.
    """
    if until > now:
        raise NothingToWalk(f"until {until:%Y-%m-%d %H:%M} lies in the future")
    given = dict(pipeline.parameters if parameters is None else parameters)
    training.check_parameters(given)
    weeks = step_weeks or STEP_WEEKS.get(pipeline.target, STEP_WEEKS_ELSE)
    if not 1 <= weeks <= LONGEST_STEP:
        raise NothingToWalk(f"a step takes 1 to {LONGEST_STEP} weeks")
    if rows is None:
        rows = examples.examples(pipeline=pipeline, until=until)
    spans = _spans(pipeline, rows, since, until, weeks)
    with transaction.atomic():
        walk = WalkForward.objects.create(
            pipeline=pipeline,
            since=stepping.moment(spans[0].begins),
            until=until,
            step_weeks=weeks,
            seed=seed,
            parameters=given,
            code_version=origins.code_of(pipeline),
            actor=actor,
            began_at=now,
        )
        WalkFold.objects.bulk_create(
            WalkFold(
                walk=walk,
                number=number,
                begins=stepping.moment(span.begins),
                ends=stepping.moment(span.ends),
            )
            for number, span in enumerate(spans, start=1)
        )
        audit.record(
            actor=actor, action="models_ml.walk_forward", subject=walk, at=now, steps=len(spans)
        )
    return walk


def ask(*, walk_id: int, actor: str, now: datetime, parent: TaskRun | None = None) -> int:
    """Ask for a run of each step that waits and has none; return how many."""
    with transaction.atomic():
        walk = _held(walk_id)
        waiting = list(walk.folds.filter(state=StepState.WAITING).order_by("number"))
        live = set(
            TaskRun.objects.filter(
                pk__in=[fold.run for fold in waiting if fold.run], state__in=TaskRun.LIVE
            ).values_list("pk", flat=True)
        )
        asked = [fold for fold in waiting if fold.run not in live]
        for fold in asked:
            fold.run = running.request_run(
                task=STEP,
                arguments={"fold": fold.pk},
                trigger=running.trigger_of(actor) if parent is None else TaskRun.Trigger.TASK,
                actor=actor,
                now=now,
                parent=parent,
            ).pk
        WalkFold.objects.bulk_update(asked, ["run"])
    return len(asked)


def step(
    *, fold_id: int, now: datetime, rows: Examples | None = None, progress: RunHandle | None = None
) -> WalkFold:
    """Do one step; one that is done, or whose walk-forward has ended, stays as it is.

    Raises:
        CodeChanged: its figures would not go together with those of the steps before it.
        Cancelled: somebody asked for that between two rounds; nothing is written.
    """
    fold = WalkFold.objects.select_related("walk__pipeline__sport").get(pk=fold_id)
    walk = fold.walk
    if fold.state != StepState.WAITING or walk.state != State.RUNNING:
        return fold
    _check_code(walk)
    if rows is None:
        rows = examples.examples(pipeline=walk.pipeline, until=walk.until)
    told: dict[str, Any] = {"finished_at": now}
    try:
        found = stepping.tried(
            pipeline=walk.pipeline,
            examples=rows,
            span=Span(microseconds(fold.begins), microseconds(fold.ends)),
            parameters=dict(walk.parameters),
            seed=walk.seed,
            after_round=stepping.follow(progress),
        )
    except NotEnoughToLearn as no:
        told |= {"state": StepState.REFUSED, "why": str(no)[:250]}
    else:
        told |= {"state": StepState.DONE, "n_learned": found.n_learned}
        told |= {"n": len(found.scored.board), "rows": _kept(found)}
    WalkFold.objects.filter(pk=fold_id, state=StepState.WAITING).update(**told)
    fold.refresh_from_db()
    return fold


def finish(*, walk_id: int, actor: str, now: datetime) -> WalkForward:
    """Put the figures together once no step waits any more; before that, and after, do nothing."""
    with transaction.atomic():
        walk = _held(walk_id)
        steps = list(walk.folds.order_by("number"))
        if walk.state != State.RUNNING or any(s.state == StepState.WAITING for s in steps):
            return walk
        done = [fold for fold in steps if fold.state == StepState.DONE]
        walk.finished_at = now
        if done:
            walk.state, walk.evaluation = State.DONE, _evaluation(walk, steps, actor, now)
        else:
            walk.state, walk.why = State.FAILED, steps[-1].why
        walk.save(update_fields=["state", "why", "evaluation", "finished_at"])
    return walk


def cancel(*, walk_id: int, actor: str, reason: str, now: datetime) -> WalkForward:
    """Call a walk-forward off; the steps that are done stay, and it may be gone on with.

    Raises:
        WalkIsOver: it has ended.
    """
    with transaction.atomic():
        walk = _held(walk_id)
        if walk.state != State.RUNNING:
            raise WalkIsOver(f"{walk} is {walk.get_state_display().lower()}")
        walk.state, walk.finished_at = State.CANCELLED, now
        walk.save(update_fields=["state", "finished_at"])
        live = TaskRun.objects.filter(
            pk__in=walk.folds.filter(state=StepState.WAITING, run__isnull=False).values("run"),
            state__in=TaskRun.LIVE,
        )
        for run_id in live.values_list("pk", flat=True):
            running.cancel_run(run_id=run_id, actor=actor, now=now)
        audit.record(
            actor=actor, action="models_ml.cancel_walk", subject=walk, at=now, reason=reason
        )
    return walk


def go_on(
    *, walk_id: int, actor: str, reason: str, now: datetime, pipeline: Pipeline | None = None
) -> WalkForward:
    """Take up a walk-forward that was called off or stands still; what is done is not repeated.

    Raises:
        WalkNotFound: there is none, or, where one is named, it is not this pipeline's.
        WalkIsOver: it has its figures, or could not have any.
        CodeChanged: begin a new one instead.
    """
    with transaction.atomic():
        walk = _held(walk_id)
        if pipeline is not None and walk.pipeline_id != pipeline.pk:
            raise WalkNotFound(f"{walk} is not of {pipeline}")
        if walk.state not in (State.RUNNING, State.CANCELLED):
            raise WalkIsOver(f"{walk} is {walk.get_state_display().lower()}")
        _check_code(walk)
        walk.state, walk.finished_at = State.RUNNING, None
        walk.save(update_fields=["state", "finished_at"])
        audit.record(
            actor=actor, action="models_ml.go_on_walk", subject=walk, at=now, reason=reason
        )
    return walk


def begin_each(
    *,
    pipelines: Iterable[Pipeline],
    actor: str,
    now: datetime,
    run_id: uuid.UUID,
    progress: RunHandle | None = None,
    **told: Any,
) -> dict[str, Any]:
    """Begin a walk-forward of each pipeline and ask for its steps; one refused stops no other.

    Raises:
        NothingToWalk: each of them was refused.
    """
    parent = TaskRun.objects.filter(pk=run_id).first()

    def one(pipeline: Pipeline) -> dict[str, Any]:
        walk = begin(pipeline=pipeline, until=now, actor=actor, now=now, **told)
        steps = ask(walk_id=walk.pk, actor=actor, now=now, parent=parent)
        return {"id": walk.pk, "pipeline": pipeline.code, "steps": steps}

    walks, refused = in_turn.each(pipelines, one, progress=progress)
    if refused and not walks:
        raise NothingToWalk("; ".join(refused.values()))
    return {"walks": walks, "refused": refused}


def pipelines_of(*, code: str) -> list[Pipeline]:
    """Return the pipeline of a code, or, of none, every pipeline that is served.

    Raises:
        UnknownPipeline: no pipeline has this code.
    """
    if code:
        return pipelines_.chosen(name=code)[:1]
    return list(queries.served_pipelines().select_related("sport"))


def _spans(
    pipeline: Pipeline, rows: Examples, since: datetime | None, until: datetime, weeks: int
) -> list[Span]:
    begins = folds.monday(microseconds(since)) if since else folds.beginning(rows.starts)
    try:
        spans = folds.spans(
            starts=rows.starts, since=begins, until=microseconds(until), weeks=weeks
        )
    except ValueError as error:
        raise NothingToWalk(f"{pipeline}: {error}; begin later, or take longer steps") from error
    if not spans:
        raise NothingToWalk(
            f"{pipeline}: no known result from {stepping.moment(begins):%Y-%m-%d}"
            f" to {until:%Y-%m-%d}"
        )
    return spans


def _held(walk_id: int) -> WalkForward:
    walk = (
        WalkForward.objects.select_for_update(of=("self",))
        .select_related("pipeline")
        .filter(pk=walk_id)
        .first()
    )
    if walk is None:
        raise WalkNotFound(f"there is no walk-forward {walk_id}")
    return walk


def _check_code(walk: WalkForward) -> None:
    if walk.code_version != origins.code_of(walk.pipeline):
        raise CodeChanged(f"{walk} began with another code than this one: begin a new one")


def _kept(found: stepping.Tried) -> dict[str, Any]:
    scored = found.scored
    boards = {"board": scored.board, "closed": scored.closed}
    return {
        **{
            name: pooling.kept(board=board, examples=found.rows)
            for name, board in boards.items()
            if board is not None
        },
        "exact": scored.exact.tolist(),
        "learned_until": found.learned_until.isoformat(),
    }


def _evaluation(walk: WalkForward, steps: list[WalkFold], actor: str, now: datetime) -> Evaluation:
    done = [fold for fold in steps if fold.state == StepState.DONE]
    figures = _figures(done)
    return Evaluation.objects.create(
        pipeline=walk.pipeline,
        kind=Evaluation.Kind.WALK_FORWARD,
        since=walk.since,
        until=min(walk.until, steps[-1].ends),
        at=now,
        n=figures["n_all"],
        figures={
            **figures,
            "walk": walk.pk,
            "step_weeks": walk.step_weeks,
            "seed": walk.seed,
            "steps": [shown(fold=fold) for fold in steps],
        },
        actor=actor,
    )


def _figures(done: list[WalkFold]) -> dict[str, Any]:
    board, rows = pooling.pooled(parts=[fold.rows["board"] for fold in done])
    exact = np.concatenate([np.array(fold.rows["exact"], dtype=float) for fold in done])
    if "closed" not in done[0].rows:
        return cards.told(scored=Scored(board, None, exact), examples=rows)
    closed, late = pooling.pooled(parts=[fold.rows["closed"] for fold in done])
    return cards.told(scored=Scored(board, closed, exact), examples=rows, closed_examples=late)


def shown(*, fold: WalkFold) -> dict[str, Any]:
    """Return one step: when it was, how much it learned from, and each one's log loss in it."""
    told: dict[str, Any] = {
        "number": fold.number,
        "begins": fold.begins.isoformat(),
        "ends": fold.ends.isoformat(),
        "state": fold.state,
        "n": fold.n,
        "n_learned": fold.n_learned,
        "why": fold.why,
    }
    if fold.n:
        board, _ = pooling.pooled(parts=[fold.rows["board"]])
        told["log_loss"] = {name: _mean(board, name) for name in (MODEL, MARKET, CLOSE)}
    return told


def _mean(board: Board, name: str) -> float | None:
    mine = board.part(board.known(name))
    return float(mine.log_losses(name).mean()) if len(mine) else None
