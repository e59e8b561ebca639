"""The clocks of this room: foretell what is due, train what was asked for."""

from django.utils import timezone

from models_ml import queries
from models_ml.services import pipelines, predicting, training
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
    },
    soft_time_limit=2400,
    time_limit=2700,
)
def train_pipeline(run: RunHandle, *, pipeline: str, seed: int = 0) -> dict[str, object]:
    """Train a candidate on everything known by now."""
    now = timezone.now()
    trained = training.train_each(
        pipelines=pipelines.chosen(name=pipeline),
        until=now,
        seed=int(seed),
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
    """Train a candidate for each pipeline in production; promotes nothing."""
    now = timezone.now()
    trained = training.train_each(
        pipelines=queries.served_pipelines().select_related("sport"),
        until=now,
        actor=run.actor,
        now=now,
        progress=run,
    )
    return training.report(trained=trained)
