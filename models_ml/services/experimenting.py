"""Trying a change against what stands: proposed, scored on the same folds, reviewed by another."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from models_ml.domain import estimators, experiments, feature_sets, parameters, softmax
from models_ml.domain.estimators import losses, runners
from models_ml.domain.estimators.base import Estimator
from models_ml.domain.estimators.runners import Runners
from models_ml.domain.estimators.two_way import TwoWay
from models_ml.domain.examples import Examples
from models_ml.models import Experiment, Pipeline
from models_ml.services import approving, examples, learning, training
from monitoring.domain.progress import RunHandle
from monitoring.errors import Refused
from monitoring.services import audit

State, Kind = Experiment.State, Experiment.Kind
RUNNABLE = (State.PROPOSED, State.RUNNING, State.SCORED)
ARMS = ("incumbent", "candidate")


class ExperimentRefused(Refused):
    """This experiment cannot be proposed so, or cannot be taken further now."""


@dataclass(frozen=True, slots=True)
class _Fold:
    """One stretch of time that both arms are tested on, having learned from all before."""

    learned: Examples
    tested: Examples


def propose(
    *,
    name: str,
    hypothesis: str,
    pipeline: Pipeline,
    candidate: Mapping[str, Any],
    minimum_n: int = experiments.FLOOR,
    actor: str,
    now: datetime,
    user_id: int | None = None,
) -> Experiment:
    """Propose to try other parameters, or to leave features out, against what stands.

    ``candidate`` is the change alone: {"eta": 0.02}, or {"drop_features": ["rest_home"]}.
    ``user_id`` is the person who proposes, who then may not review.

    Raises:
        ExperimentRefused: no name, no hypothesis, or a change that changes nothing.
        BadParameters: the change is none that training would understand.
    """
    if not name.strip() or not hypothesis.strip():
        raise ExperimentRefused("a name and a hypothesis are needed")
    change = dict(candidate)
    if not change or experiments.applied(pipeline.parameters, change) == pipeline.parameters:
        raise ExperimentRefused("this changes nothing")
    if minimum_n < experiments.FLOOR:
        raise ExperimentRefused(f"{experiments.FLOOR} differences are the least")
    _check(pipeline, change)
    proposed_by = approving.person_of(user_id=user_id).actor if user_id else actor
    with transaction.atomic():
        experiment = Experiment.objects.create(
            name=name.strip()[:120],
            hypothesis=hypothesis.strip(),
            kind=Kind.FEATURES if parameters.DROP in change else Kind.PARAMETERS,
            pipeline=pipeline,
            incumbent=dict(pipeline.parameters),
            candidate=change,
            minimum_n=minimum_n,
            proposed_by=proposed_by,
            proposed_at=now,
        )
        _record("models_ml.propose_experiment", experiment, actor, now, candidate=change)
    return experiment


def run(
    *,
    experiment_id: int,
    actor: str,
    now: datetime,
    progress: RunHandle | None = None,
) -> Experiment:
    """Train both arms on the same folds and keep the paired difference; again is a new score.

    Raises:
        ExperimentRefused: there is none, it is decided, or what stands has changed since.
        NotEnoughHistory, OneClassOnly: too little is known for its folds.
        Cancelled: somebody asked for that; the score of before stays.
    """
    with transaction.atomic():
        experiment = _locked(experiment_id, *RUNNABLE)
        _check_incumbent(experiment)
        before = experiment.state
        experiment.state, experiment.began_at = State.RUNNING, now
        experiment.save(update_fields=["state", "began_at"])
    try:
        figures = _scored(experiment, now, progress)
    except BaseException:
        stands = State.SCORED if experiment.figures else State.PROPOSED
        Experiment.objects.filter(pk=experiment.pk, state=State.RUNNING).update(
            state=before if before != State.RUNNING else stands
        )
        raise
    with transaction.atomic():
        experiment = _locked(experiment_id, *RUNNABLE)
        experiment.state, experiment.scored_at = State.SCORED, now
        experiment.figures = figures
        experiment.save(update_fields=["state", "scored_at", "figures"])
        _record(
            "models_ml.score_experiment", experiment, actor, now, verdict=figures["verdict"],
            n=figures["n"],
        )  # fmt: skip
    return experiment


@transaction.atomic
def accept(
    *, experiment_id: int, user_id: int, review: str, actor: str, now: datetime
) -> Experiment:
    """Let the change in: the pipeline's next training has it.

    Raises:
        ExperimentRefused: it is not scored, too little speaks for it, what stands has changed
            since, no review, or the reviewer proposed it.
    """
    experiment = _reviewed(experiment_id, user_id, review, now)
    why = experiments.objection(experiment.figures, minimum_n=experiment.minimum_n)
    if why is not None:
        raise ExperimentRefused(why)
    pipeline = _check_incumbent(experiment)
    pipeline.parameters = experiments.applied(pipeline.parameters, experiment.candidate)
    training.check_parameters(pipeline.parameters)
    pipeline.save(update_fields=["parameters"])
    return _decided(experiment, State.ACCEPTED, actor, now)


@transaction.atomic
def reject(
    *, experiment_id: int, user_id: int, review: str, actor: str, now: datetime
) -> Experiment:
    """Turn the change down; what stands stays.

    Raises:
        ExperimentRefused: it is not scored, no review, or the reviewer proposed it.
    """
    experiment = _reviewed(experiment_id, user_id, review, now)
    return _decided(experiment, State.REJECTED, actor, now)


@transaction.atomic
def switch_off(*, experiment_id: int, reason: str, actor: str, now: datetime) -> Experiment:
    """Take an accepted change out again; other changes since then stay.

    Raises:
        ExperimentRefused: it is not accepted, or no reason.
    """
    if not reason.strip():
        raise ExperimentRefused("a reason is needed")
    experiment = _locked(experiment_id, State.ACCEPTED)
    pipeline = _pipeline(experiment)
    pipeline.parameters = experiments.taken_back(
        pipeline.parameters, experiment.incumbent, experiment.candidate
    )
    pipeline.save(update_fields=["parameters"])
    experiment.state, experiment.switched_off_at = State.SWITCHED_OFF, now
    experiment.save(update_fields=["state", "switched_off_at"])
    _record("models_ml.switch_off_experiment", experiment, actor, now, reason=reason.strip())
    return experiment


def summary(*, row: Experiment) -> dict[str, Any]:
    """Return an experiment with its score, as JSON can hold it."""
    return {
        "experiment": row.pk,
        "name": row.name,
        "kind": row.kind,
        "pipeline": row.pipeline.code if row.pipeline else None,
        "state": row.state,
        "incumbent": row.incumbent,
        "candidate": row.candidate,
        "minimum_n": row.minimum_n,
        "figures": row.figures,
        "proposed_by": row.proposed_by,
        "reviewed_by": row.reviewed_by,
        "review": row.review,
    }


def _scored(experiment: Experiment, now: datetime, progress: RunHandle | None) -> dict[str, Any]:
    pipeline = _pipeline(experiment, is_locking=False)
    stands, change = dict(experiment.incumbent), experiment.candidate
    told = {"incumbent": stands, "candidate": experiments.applied(stands, change)}
    folds = _folds(examples.examples(pipeline=pipeline, until=now))
    if not folds:
        raise training.NotEnoughHistory(f"{pipeline}: nothing is known to learn from")
    found: dict[str, list[NDArray]] = {arm: [] for arm in ARMS}
    weeks, shown = [], []
    for number, fold in enumerate(folds):
        for place, arm in enumerate(ARMS):
            if progress is not None:
                progress.raise_if_cancelled()
                done = len(ARMS) * number + place
                progress.progress(done=done, total=len(ARMS) * len(folds), message=arm)
            estimator = _learned(pipeline, fold, told[arm])
            found[arm].append(losses.log_losses(estimator, fold.tested))
        weeks.append(_weeks(estimator, fold.tested))
        shown.append(_shown(fold, found))
    figures = experiments.score(
        candidate=np.concatenate(found["candidate"]),
        incumbent=np.concatenate(found["incumbent"]),
        weeks=np.concatenate(weeks),
        minimum_n=experiment.minimum_n,
    )
    return {**figures, "folds": shown}


def _folds(rows: Examples) -> list[_Fold]:
    """Cut the last part of a history; what is learned was known before its fold was asked."""
    return [
        _Fold(
            rows.part(experiments.before(rows.label_known_at, rows.as_of, begin)),
            rows.part(np.arange(begin, end)),
        )
        for begin, end in experiments.folds(rows.starts)
    ]


def _learned(pipeline: Pipeline, fold: _Fold, told: dict[str, Any]) -> Estimator:
    try:
        return learning.learn(
            target=pipeline.target,
            examples=fold.learned,
            feature_set=feature_sets.named(pipeline.feature_set),
            parameters=told,
            seed=0,
        ).estimator
    except learning.TooFew as error:
        raise training.NotEnoughHistory(f"{pipeline}: {error}") from error
    except estimators.NotEnoughToLearn as error:
        raise training.OneClassOnly(f"{pipeline}: {error}") from error


def _weeks(estimator: Estimator, tested: Examples) -> NDArray:
    """Return the week of each loss."""
    match estimator:
        case TwoWay():
            return tested.week[tested.outcome != 1]
        case Runners():
            good = tested.part(runners.whole(tested))
            return good.week[softmax.starts_of(good.group)]
    return tested.week


def _shown(fold: _Fold, found: Mapping[str, list[NDArray]]) -> dict[str, Any]:
    first, second = found["candidate"][-1], found["incumbent"][-1]
    return {
        "learned": len(fold.learned),
        "from": _moment(fold.tested.starts[0]).isoformat(),
        "to": _moment(fold.tested.starts[-1]).isoformat(),
        "n": len(first),
        "candidate": float(first.mean()) if len(first) else None,
        "incumbent": float(second.mean()) if len(second) else None,
    }


def _check(pipeline: Pipeline, change: Mapping[str, Any]) -> None:
    training.check_parameters(change)
    feature_set = feature_sets.named(pipeline.feature_set)
    try:
        parameters.check_dropped(change, feature_set=feature_set)
    except parameters.BadParameter as error:
        raise training.BadParameters(str(error)) from error


def _check_incumbent(experiment: Experiment) -> Pipeline:
    """Return the pipeline, locked; its parameters are still those that were tried against."""
    pipeline = _pipeline(experiment)
    if pipeline.parameters != experiment.incumbent:
        raise ExperimentRefused(
            f"{pipeline} has other parameters than when this was proposed: propose it anew"
        )
    return pipeline


def _pipeline(experiment: Experiment, *, is_locking: bool = True) -> Pipeline:
    rows = Pipeline.objects.select_related("sport")
    rows = rows.select_for_update(of=("self",)) if is_locking else rows
    return rows.get(experiments=experiment)


def _locked(experiment_id: int, *states: str) -> Experiment:
    rows = Experiment.objects.select_for_update(of=("self",)).select_related("pipeline")
    found = rows.filter(pk=experiment_id).first()
    if found is None:
        raise ExperimentRefused(f"there is no experiment {experiment_id}")
    if found.pipeline is None or found.kind == Kind.STRATEGY:
        raise ExperimentRefused(f"{found} is of no pipeline")
    if found.state not in states:
        raise ExperimentRefused(f"{found} is {found.get_state_display().lower()}")
    return found


def _reviewed(experiment_id: int, user_id: int, review: str, now: datetime) -> Experiment:
    if not review.strip():
        raise ExperimentRefused("a review is needed")
    experiment = _locked(experiment_id, State.SCORED)
    reviewer = approving.person_of(user_id=user_id).actor
    if reviewer == experiment.proposed_by:
        raise ExperimentRefused(f"{reviewer} proposed it: another person reviews it")
    experiment.reviewed_by, experiment.reviewed_at = reviewer, now
    experiment.review = approving.short(review)
    return experiment


def _decided(experiment: Experiment, state: str, actor: str, now: datetime) -> Experiment:
    experiment.state = state
    experiment.save(update_fields=["state", "reviewed_by", "reviewed_at", "review"])
    _record(
        f"models_ml.{'accept' if state == State.ACCEPTED else 'reject'}_experiment",
        experiment,
        actor,
        now,
        reviewed_by=experiment.reviewed_by,
        review=experiment.review,
        candidate=experiment.candidate,
    )
    return experiment


def _record(
    action: str, experiment: Experiment, actor: str, now: datetime, **detail: object
) -> None:
    audit.record(actor=actor, action=action, subject=experiment, at=now, **detail)


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(int(microseconds) / 1e6, tz=UTC)
