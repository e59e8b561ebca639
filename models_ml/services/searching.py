"""Searching for a pipeline's parameters: choice after choice, each held against unseen weeks.

What a candidate of the search will be tested on is cut away first, so no trial has seen it.  The
study lives in memory and is made anew from the rows of its trials: a search goes on after a
restart as if nothing had been, and the same seed asks for the same trials.  The first trial is what
stands today.  Trials run as tasks of their own, a few at once, or one by one in a command.
"""

import contextlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from models_ml.domain import estimators, feature_sets, spaces
from models_ml.domain.parameters import BadParameter
from models_ml.models import ModelVersion, Pipeline, Search, SearchTrial
from models_ml.services import studying, training, trying
from models_ml.services.training import BadParameters
from monitoring.domain.progress import RunHandle
from monitoring.errors import Cancelled, Refused
from monitoring.models import TaskRun, User
from monitoring.services import audit, running

TRIALS, AT_ONCE = 40, 2
STEP, TRIAL = "models_ml.tasks.train_search", "models_ml.tasks.train_trial"
State, TrialState = Search.State, SearchTrial.State


class NothingToSearch(Refused):
    """The pipeline's estimator has no parameters that a search could choose."""


class NothingFound(Refused):
    """Not one trial of a search came to an end."""


class SearchIsOver(Refused):
    """The search has ended, or goes on already: this cannot be done to it now."""


def begin(
    *,
    pipeline: Pipeline,
    trials: int = TRIALS,
    space: Mapping[str, Any] | None = None,
    until: datetime | None = None,
    seed: int = 0,
    actor: str,
    now: datetime,
) -> Search:
    """Write down a search; nothing is tried yet.

    Raises:
        BadParameters: the number of trials, the space, or the pipeline's own parameters.
        NothingToSearch: no parameter would change anything.
        SearchUnavailable: the library is not installed.
    """
    studying.library()
    chosen = checked(pipeline=pipeline, trials=trials, space=space)
    if until is not None and until > now:
        raise BadParameters(f"until {until:%Y-%m-%d %H:%M} lies in the future")
    with transaction.atomic():
        search = Search.objects.create(
            pipeline=pipeline,
            until=until or now,
            seed=seed,
            trials=trials,
            space=chosen,
            began_at=now,
            actor=actor,
        )
        audit.record(
            actor=actor,
            action="models_ml.search",
            subject=search,
            at=now,
            pipeline=pipeline.code,
            trials=trials,
            seed=seed,
        )
    return search


def checked(
    *, pipeline: Pipeline, trials: object = TRIALS, space: Mapping[str, Any] | None = None
) -> spaces.Space:
    """Return where a search for this pipeline would look.

    Raises:
        BadParameters, NothingToSearch: as ``begin``.
    """
    training.check_parameters(pipeline.parameters)
    kind = estimators.kind_of(
        target=pipeline.target, feature_set=feature_sets.named(pipeline.feature_set)
    )
    try:
        spaces.check_trials(trials)
        chosen = spaces.check(space) if space else spaces.default(kind)
    except BadParameter as error:
        raise BadParameters(str(error)) from error
    if not spaces.default(kind):
        raise NothingToSearch(f"{pipeline}: {kind} finds its one penalty by itself")
    return chosen


def start(*, user: User | None = None, actor: str, now: datetime, **wanted: Any) -> Search:
    """Begin a search and ask for the tasks that make it.

    Raises:
        BadParameters, NothingToSearch, SearchUnavailable: as ``begin``.
    """
    with transaction.atomic():
        search = begin(**wanted, actor=actor, now=now)
        return request(search=search, user=user, actor=actor, now=now)


def request(*, search: Search, user: User | None = None, actor: str, now: datetime) -> Search:
    """Ask for the tasks that carry a search on; returns it with its run."""
    with transaction.atomic():
        search = _locked(search.pk)
        run = running.request_run(
            task=STEP,
            arguments={"search": search.pk},
            trigger=running.trigger_of(actor),
            actor=actor,
            user=user,
            now=now,
        )
        search.run = run.pk
        search.save(update_fields=["run"])
    return search


def step(
    *, search_id: int, actor: str, now: datetime, progress: RunHandle | None = None
) -> dict[str, Any]:
    """Ask for the next trials as tasks of their own, or make the candidate when all have been.

    Does nothing where trials are under way; those whose task is gone are asked for again.
    """
    with transaction.atomic():
        search = _locked(search_id)
        if search.state != State.RUNNING:
            return report(search=search)
        pending = _pending(search) or studying.ask(search=search, many=AT_ONCE)
        live = set(_live([trial.run for trial in pending if trial.run]))
        for trial in pending:
            if trial.run not in live:
                _request_trial(search, trial, actor=actor, now=now)
    if not pending:
        finish(search_id=search_id, actor=actor, now=now, progress=progress)
    return report(search=Search.objects.get(pk=search_id))


def attempt(
    *, trial_id: int, actor: str, now: datetime, progress: RunHandle | None = None
) -> dict[str, Any]:
    """Train one trial and write its worth; then let the search go on."""
    trial = trying.named(trial_id)
    if trial.state in trying.PENDING and trial.search.state == State.RUNNING:
        try:
            trying.attempt(
                trial=trial,
                known=trying.rows(trial.search),
                now=now,
                is_alone=True,
                progress=progress,
            )
        finally:
            _go_on(trial.search_id, actor=actor, now=now)
    return {"trial": trial.number, "state": trial.state, "value": trial.value}


def run(*, search_id: int, actor: str, now: datetime, progress: RunHandle | None = None) -> None:
    """Make every trial that is left, one after another, right here; ``finish`` comes next.

    Raises:
        Cancelled: somebody asked for that, or called the search off; what was tried is kept.
        NotEnoughHistory, OneClassOnly: there is nothing to search by.
    """
    rows = None
    while True:
        with transaction.atomic():
            search = _locked(search_id)
            if search.state != State.RUNNING:
                raise Cancelled(f"{search} was called off")
            pending = _pending(search) or studying.ask(search=search, many=1)
        if not pending:
            return
        rows = trying.rows(search) if rows is None else rows
        try:
            for trial in pending:
                trying.attempt(
                    trial=trying.named(trial.pk),
                    known=rows,
                    now=now,
                    is_alone=False,
                    progress=progress,
                )
                if progress is not None:
                    progress.progress(done=trial.number + 1, total=search.trials, message="trials")
        except Cancelled:
            _call_off(search_id, actor=actor, now=now)
            raise


def finish(
    *, search_id: int, actor: str, now: datetime, progress: RunHandle | None = None
) -> ModelVersion:
    """Train a candidate by the best parameters; the pipeline keeps its own.

    Raises:
        NothingFound: no trial came to an end.
        Cancelled: somebody asked for that.
    """
    search = Search.objects.select_related("pipeline__sport").get(pk=search_id)
    best = search.rows.filter(state=TrialState.DONE).order_by("value", "number").first()
    if best is None:
        trying.end(
            search=search, state=State.FAILED, now=now, best={"why": "no trial came to an end"}
        )
        raise NothingFound(f"{search}: no trial came to an end")
    told = {"number": best.number, "value": best.value, "parameters": best.parameters}
    try:
        version = training.train(
            pipeline=search.pipeline,
            until=search.until,
            seed=search.seed,
            actor=actor,
            now=now,
            search=search,
            found=best.parameters,
            progress=progress,
        )
    except Cancelled:
        _call_off(search_id, actor=actor, now=now)
        raise
    trying.end(search=search, state=State.DONE, now=now, best=told)
    return version


def cancel(*, search_id: int, actor: str, now: datetime, reason: str = "") -> Search:
    """Call a search off: finished trials are kept, and it can be taken up again.

    Raises:
        SearchIsOver: it has ended.
    """
    with transaction.atomic():
        search = _locked(search_id)
        if search.state != State.RUNNING:
            raise SearchIsOver(f"{search} is {search.get_state_display().lower()}")
        pending = _pending(search)
        for run_id in _live([search.run, *(trial.run for trial in pending)]):
            with contextlib.suppress(running.RunIsOver):
                running.cancel_run(run_id=run_id, actor=actor, now=now)
        search.rows.filter(state__in=trying.PENDING).update(state=TrialState.CANCELLED)
        search.state, search.finished_at = State.CANCELLED, now
        search.save(update_fields=["state", "finished_at"])
        audit.record(
            actor=actor,
            action="models_ml.cancel_search",
            subject=search,
            at=now,
            reason=reason,
        )
    return search


def _call_off(search_id: int, *, actor: str, now: datetime) -> None:
    with contextlib.suppress(SearchIsOver):
        cancel(search_id=search_id, actor=actor, now=now)


def resume(
    *, search_id: int, user: User | None = None, actor: str, now: datetime, reason: str = ""
) -> Search:
    """Take a search up again, and ask for the tasks that make it.

    Raises:
        SearchIsOver: as ``reopen``.
    """
    with transaction.atomic():
        search = reopen(search_id=search_id, actor=actor, now=now, reason=reason)
        return request(search=search, user=user, actor=actor, now=now)


def reopen(*, search_id: int, actor: str, now: datetime, reason: str = "") -> Search:
    """Take a search up again where it stopped; no trial that ended is made again.

    Raises:
        SearchIsOver: it is done, or its tasks are under way.
    """
    with transaction.atomic():
        search = _locked(search_id)
        runs = [search.run, *search.rows.values_list("run", flat=True)]
        if search.state == State.DONE or (search.state == State.RUNNING and _live(runs)):
            raise SearchIsOver(f"{search} is {search.get_state_display().lower()}")
        search.rows.filter(state__in=[*trying.PENDING, TrialState.CANCELLED]).update(
            state=TrialState.WAITING, run=None
        )
        search.state, search.finished_at, search.best = State.RUNNING, None, {}
        search.save(update_fields=["state", "finished_at", "best"])
        audit.record(
            actor=actor,
            action="models_ml.resume_search",
            subject=search,
            at=now,
            reason=reason,
        )
    return search


def report(*, search: Search) -> dict[str, Any]:
    """Return how far a search is, as JSON can hold it."""
    states = list(search.rows.values_list("state", flat=True))
    versions = search.versions.order_by("pk").values_list("pk", flat=True)
    return {
        "search": search.pk,
        "pipeline": search.pipeline.code,
        "state": search.state,
        "trials": search.trials,
        "done": states.count(TrialState.DONE),
        "failed": states.count(TrialState.FAILED),
        "best": search.best,
        "versions": list(versions),
    }


def _go_on(search_id: int, *, actor: str, now: datetime) -> None:
    """Ask for the next step once no trial of this one is left; once, whoever is last."""
    with transaction.atomic():
        search = _locked(search_id)
        if search.state == State.RUNNING and not _pending(search):
            running.request_run(
                task=STEP,
                arguments={"search": search.pk},
                trigger=TaskRun.Trigger.TASK,
                actor=actor,
                now=now,
                parent=_parent(search),
                run_key=f"search:{search.run}:{search.rows.count()}",
            )


def _request_trial(search: Search, trial: SearchTrial, *, actor: str, now: datetime) -> None:
    run = running.request_run(
        task=TRIAL,
        arguments={"trial": trial.pk},
        trigger=TaskRun.Trigger.TASK,
        actor=actor,
        now=now,
        parent=_parent(search),
    )
    trial.run = run.pk
    trial.save(update_fields=["run"])


def _parent(search: Search) -> TaskRun | None:
    return TaskRun.objects.filter(pk=search.run).first() if search.run else None


def _live(runs: Iterable[Any]) -> list[Any]:
    known = [run for run in runs if run]
    found = TaskRun.objects.filter(pk__in=known, state__in=TaskRun.LIVE)
    return list(found.values_list("pk", flat=True))


def _pending(search: Search) -> list[SearchTrial]:
    return list(search.rows.filter(state__in=trying.PENDING).order_by("number"))


def _locked(search_id: int) -> Search:
    rows = Search.objects.select_for_update(of=("self",)).select_related("pipeline__sport")
    return rows.get(pk=search_id)
