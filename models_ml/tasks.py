"""The clocks of this room: foretell what is due, train what was asked for."""

from django.utils import timezone

from models_ml.services import (
    assessing,
    drifting,
    etl,
    evaluating,
    experimenting,
    hygiene,
    learning,
    pipelines,
    predicting,
    proposing,
    recent,
    rehearsing,
    rerunning,
    retraining,
    searching,
    training,
    walking,
)
from models_ml.services.store import verifying
from monitoring.domain.progress import RunHandle
from monitoring.recorded import recorded_task


@recorded_task(
    title="Build features and predict",
    permission="models_ml.add_prediction",
    singleton=True,
)
def predict_due(run: RunHandle) -> dict[str, object]:
    """Open the stages that are due and foretell every row that awaits it."""
    return {"predictions": predicting.predict_due(now=timezone.now())}


@recorded_task(
    title="Train a model",
    permission="models_ml.add_modelversion",
    arguments={
        "pipeline": "code of a pipeline, or the feature set of several",
        "seed": "whole number, 0 unless told",
        "calibration_weeks": "whole number, 8 unless told",
    },
    soft_time_limit=2400,
    time_limit=2700,
)
def train_pipeline(
    run: RunHandle,
    *,
    pipeline: str,
    seed: int = 0,
    calibration_weeks: int = learning.CALIBRATION_WEEKS,
) -> dict[str, object]:
    """Train a candidate on everything known by now."""
    now = timezone.now()
    trained = training.train_each(
        pipelines=pipelines.chosen(name=pipeline),
        until=now,
        seed=int(seed),
        calibration_weeks=int(calibration_weeks),
        actor=run.actor,
        now=now,
        progress=run,
    )
    return training.report(trained=trained)


@recorded_task(
    title="Train every served model anew",
    permission="models_ml.add_modelversion",
    singleton=True,
    soft_time_limit=2400,
    time_limit=2700,
)
def train_scheduled(run: RunHandle) -> dict[str, object]:
    """Train a candidate for each pipeline in production and propose it; promotes nothing."""
    trained = assessing.train_month(now=timezone.now(), actor=run.actor, progress=run)
    return training.report(trained=trained)


@recorded_task(
    title="Carry a search on",
    permission="models_ml.add_search",
    arguments={"search": "number of a search that was begun"},
    soft_time_limit=2400,
    time_limit=2700,
)
def train_search(run: RunHandle, *, search: int) -> dict[str, object]:
    """Ask for the next trials of a search, or train its candidate."""
    return searching.step(search_id=search, actor=run.actor, now=timezone.now(), progress=run)


@recorded_task(
    title="Try one choice of parameters",
    permission="models_ml.add_search",
    arguments={"trial": "number of the trial's row"},
    soft_time_limit=2400,
    time_limit=2700,
)
def train_trial(run: RunHandle, *, trial: int) -> dict[str, object]:
    """Train one trial of a search."""
    return searching.attempt(trial_id=trial, actor=run.actor, now=timezone.now(), progress=run)


@recorded_task(
    title="Fill the store",
    permission="models_ml.add_etlrun",
    arguments={
        "sport": "code of a sport; empty: every sport",
        "rebuild": "hold everything against the tables, and count what differs",
    },
    singleton=True,
    soft_time_limit=1500,
    time_limit=1800,
)
def run_etl(run: RunHandle, *, sport: str = "", rebuild: bool = False) -> dict[str, object]:
    """Bring the store of facts up to what the tables hold."""
    runs = etl.etl(
        now=timezone.now(), actor=run.actor, sport=sport or None, rebuild=rebuild, progress=run
    )
    return etl.report(runs=runs, damaged=verifying.damaged())


@recorded_task(
    title="Verify the store",
    permission="models_ml.add_etlrun",
    singleton=True,
    soft_time_limit=1500,
    time_limit=1800,
)
def verify_store(run: RunHandle) -> dict[str, object]:
    """Hash every file of the store anew; mark what is damaged."""
    return verifying.verify(now=timezone.now(), progress=run).told


@recorded_task(
    title="Look for drift",
    permission="models_ml.add_driftreport",
    arguments={"pipeline": "code of a pipeline; empty: every one that is served"},
    singleton=True,
    soft_time_limit=1500,
    time_limit=1800,
)
def drift_reports(run: RunHandle, *, pipeline: str = "") -> dict[str, object]:
    """Hold what serves against what it learned from."""
    found = drifting.report_each(
        now=timezone.now(), actor=run.actor, pipeline=pipeline, progress=run
    )
    return drifting.told(found=found)


@recorded_task(
    title="Decide whether to train anew",
    permission="models_ml.add_retraindecision",
    arguments={"pipeline": "code of a pipeline; empty: every one that is served"},
    singleton=True,
    soft_time_limit=1500,
    time_limit=1800,
)
def drift_decisions(run: RunHandle, *, pipeline: str = "") -> dict[str, object]:
    """Ask every rule of every pipeline, keep what it said, and ask for trainings."""
    found = assessing.assess_each(
        now=timezone.now(), actor=run.actor, pipeline=pipeline, progress=run
    )
    return assessing.told(found=found)


@recorded_task(
    title="Train anew and propose",
    permission="models_ml.add_modelversion",
    arguments={"pipeline": "code of a pipeline", "why": "kept with the candidate"},
    soft_time_limit=2400,
    time_limit=2700,
)
def train_again(run: RunHandle, *, pipeline: str, why: str) -> dict[str, object]:
    """Train a candidate in place of what serves, and lay it before those who approve."""
    made = retraining.retrain(
        pipeline=pipelines.chosen(name=pipeline)[0],
        why=why,
        actor=run.actor,
        now=timezone.now(),
        progress=run,
    )
    return retraining.summary(made=made)


@recorded_task(
    title="Predict an interval again",
    permission="models_ml.add_rerun",
    arguments={
        "models": "versions of one pipeline, such as soccer-1x2:3,soccer-1x2:5",
        "since": "ISO date or time, UTC where it says no zone",
        "until": "the same; what started before it is run",
        "stage": "such as T-24h; empty: the last one",
    },
    soft_time_limit=1500,
    time_limit=1800,
)
def replay_interval(
    run: RunHandle, *, models: str, since: str, until: str, stage: str = ""
) -> dict[str, object]:
    """Foretell a past interval by chosen versions, and keep what differs."""
    pipeline, numbers = rerunning.named(models=models)
    row = rerunning.rerun(
        pipeline=pipeline,
        numbers=numbers,
        since=rerunning.moment(since),
        until=rerunning.moment(until),
        stage=stage,
        actor=run.actor,
        now=timezone.now(),
        progress=run,
    )
    return {"rerun": row.pk, "events": row.figures["events"]}


@recorded_task(
    title="Run an experiment",
    permission="models_ml.add_experiment",
    arguments={"experiment": "its number"},
    soft_time_limit=2400,
    time_limit=2700,
)
def train_experiment(run: RunHandle, *, experiment: int) -> dict[str, object]:
    """Train both arms of an experiment on the same folds, and score it."""
    row = experimenting.run(
        experiment_id=int(experiment), actor=run.actor, now=timezone.now(), progress=run
    )
    return experimenting.summary(row=row)


@recorded_task(
    title="Rehearse the next matchday",
    permission="models_ml.add_rehearsal",
    singleton=True,
)
def rehearse(run: RunHandle) -> dict[str, object]:
    """Make rows and predictions of the next matchday that feed nobody; remove the last ones."""
    return rehearsing.rehearse_each(actor=run.actor, now=timezone.now())


@recorded_task(
    title="Put away old versions and predictions",
    permission="models_ml.change_hygienepolicy",
    arguments={"is_dry_run": "only tell what would be put away"},
    singleton=True,
    soft_time_limit=1500,
    time_limit=1800,
)
def put_away(run: RunHandle, *, is_dry_run: bool = False) -> dict[str, object]:
    """Take what the hygiene policies let go: files of versions, predictions, rows, trials."""
    swept = hygiene.sweep(
        now=timezone.now(), actor=run.actor, is_dry_run=bool(is_dry_run), progress=run
    )
    return swept.told()


@recorded_task(
    title="Close proposals that waited too long",
    permission="models_ml.change_proposal",
    singleton=True,
)
def expire_proposals(run: RunHandle) -> dict[str, object]:
    """Close every open proposal that nobody decided in time."""
    return {"expired": proposing.expire(actor=run.actor, now=timezone.now())}


@recorded_task(
    title="Evaluate a version on later events",
    permission="models_ml.add_evaluation",
    arguments={
        "version": "its id",
        "since": "a day, 2026-01-31, not before its training ended; that moment unless told",
        "until": "a day; now unless told",
    },
    soft_time_limit=1500,
    time_limit=1800,
)
def evaluate_version(
    run: RunHandle, *, version: int, since: str = "", until: str = ""
) -> dict[str, object]:
    """Score a version on what started after its training, and keep the figures."""
    return evaluating.asked(
        version_id=int(version), since=since, until=until, actor=run.actor, now=timezone.now()
    )


@recorded_task(
    title="Score the predictions that were served",
    permission="models_ml.add_evaluation",
    arguments={"pipeline": "its code; every one that is served", "weeks": "looked back over"},
    soft_time_limit=1500,
    time_limit=1800,
)
def evaluate_recent(
    run: RunHandle, *, pipeline: str = "", weeks: int = recent.WEEKS
) -> dict[str, object]:
    """Hold the live predictions of the last weeks beside what came."""
    return recent.recent_of_each(
        pipelines=walking.pipelines_of(code=pipeline),
        weeks=int(weeks),
        actor=run.actor,
        now=timezone.now(),
        progress=run,
    )


@recorded_task(
    title="Walk forward",
    permission="models_ml.add_evaluation",
    arguments={
        "pipeline": "its code; every one that is served",
        "step_weeks": "of each step; 4, of races 1",
        "since": "a day, 2026-01-31; a year before the last known event",
        "seed": "whole number, 0 unless told",
    },
    max_attempts=1,
    soft_time_limit=1500,
    time_limit=1800,
)
def train_walk_forward(
    run: RunHandle, *, pipeline: str = "", step_weeks: int = 0, since: str = "", seed: int = 0
) -> dict[str, object]:
    """Write down the steps of a walk-forward and ask for a run of each."""
    return walking.begin_each(
        pipelines=walking.pipelines_of(code=pipeline),
        step_weeks=int(step_weeks) or None,
        since=evaluating.day(since),
        seed=int(seed),
        actor=run.actor,
        now=timezone.now(),
        run_id=run.run_id,
        progress=run,
    )


@recorded_task(
    title="One step of a walk-forward",
    permission="models_ml.add_evaluation",
    arguments={"fold": "id of the step"},
    soft_time_limit=1500,
    time_limit=1800,
)
def train_fold(run: RunHandle, *, fold: int) -> dict[str, object]:
    """Train on what was known before the step, try it there; the last one makes the figures."""
    done = walking.step(fold_id=int(fold), now=timezone.now(), progress=run)
    walk = walking.finish(walk_id=done.walk_id, actor=run.actor, now=timezone.now())
    return {"walk": walk.pk, "step": done.number, "n": done.n, "state": done.state}
