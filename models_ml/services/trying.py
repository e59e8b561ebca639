"""One trial of a search: what it may learn from, what it is worth, what became of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from models_ml.domain import splitting
from models_ml.domain.estimators import losses
from models_ml.domain.estimators.base import AfterRound
from models_ml.domain.examples import Examples
from models_ml.models import Search, SearchTrial
from models_ml.services import examples, learning, training
from monitoring.domain.progress import RunHandle
from monitoring.errors import Cancelled, Refused
from monitoring.services import outcomes

State = SearchTrial.State
PENDING = (State.WAITING, State.RUNNING)


def named(trial_id: int) -> SearchTrial:
    """Return a trial with its search and pipeline."""
    return SearchTrial.objects.select_related("search__pipeline__sport").get(pk=trial_id)


def rows(search: Search) -> Examples:
    """Return what may be tried on: everything before what a candidate is tested on."""
    known = examples.examples(pipeline=search.pipeline, until=search.until)
    if not len(known):
        return known
    split = splitting.purged(
        starts=known.starts,
        as_of=known.as_of,
        label_known_at=known.label_known_at,
        calibration_weeks=learning.CALIBRATION_WEEKS,
    )
    return known.part(np.concatenate([split.train, split.validation, split.calibration]))


def attempt(
    *,
    trial: SearchTrial,
    known: Examples,
    now: datetime,
    is_alone: bool,
    progress: RunHandle | None = None,
) -> None:
    """Train one trial and write its worth, or what became of it.

    ``is_alone``: the run is this trial's own, and tells its rounds.

    Raises:
        NotEnoughHistory, OneClassOnly: there is nothing to search by; the search has failed.
        Cancelled: somebody asked for that.
    """
    _write(trial, State.RUNNING)
    pipeline = trial.search.pipeline
    try:
        learned = training.learn(
            pipeline=pipeline,
            known=known,
            own={**pipeline.parameters, **trial.parameters},
            seed=trial.search.seed,
            after_round=_follow(progress, is_alone=is_alone),
        )
        value = float(losses.log_losses(learned.estimator, learned.test).mean())
    except Refused as no:  # it would be said of every trial
        _write(trial, State.WAITING)
        end(search=trial.search, state=Search.State.FAILED, now=now, best={"why": str(no)})
        raise
    except outcomes.WORTH_ANOTHER_TRY:  # the task is tried again, and the trial with it
        raise
    except Cancelled:
        _write(trial, State.CANCELLED)
        raise
    except Exception:
        _write(trial, State.FAILED)
        raise
    _write(trial, State.DONE, value)


def _follow(progress: RunHandle | None, *, is_alone: bool) -> AfterRound | None:
    if progress is None:
        return None

    def after_round(done: int, total: int) -> None:
        progress.raise_if_cancelled()
        if is_alone:
            progress.progress(done=done, total=total, message="boosting")

    return after_round


def end(*, search: Search, state: str, now: datetime, best: Mapping[str, Any]) -> None:
    """End a search that is under way."""
    Search.objects.filter(pk=search.pk, state=Search.State.RUNNING).update(
        state=state, finished_at=now, best=dict(best)
    )


def _write(trial: SearchTrial, state: str, value: float | None = None) -> None:
    """Write a trial's state, unless the search was called off meanwhile."""
    trial.state, trial.value = state, value
    SearchTrial.objects.filter(pk=trial.pk, state__in=PENDING).update(state=state, value=value)
