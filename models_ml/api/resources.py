"""The models' read side: pipelines, versions, what they saw and what they said."""

from models_ml import models
from monitoring.rest.resources import ReadOnlyResource, resource

TIME = ("gte", "lt")

RESOURCES: dict[str, type[ReadOnlyResource]] = {
    "pipelines": resource(
        models.Pipeline,
        fields=["id", "code", "market_kind", "feature_set", "is_simulated", "parameters"],
        texts={"sport": "sport.code"},
        filters={"code": ["exact"], "is_simulated": ["exact"]},
    ),
    "model-versions": resource(
        models.ModelVersion,
        fields=[
            "id",
            "number",
            "stage",
            "artefact_sha256",
            "features",
            "features_sha256",
            "parameters",
            "calibration",
            "metrics",
            "trained_from",
            "trained_until",
            "n_rows",
            "seed",
            "code_version",
            "trained_at",
            "promoted_at",
            "replay",
        ],
        texts={"is_simulated": "pipeline.is_simulated", "pipeline": "pipeline.code"},
        filters={"pipeline__code": ["exact"], "stage": ["exact"]},
    ),
    "feature-rows": resource(
        models.FeatureRow,
        fields=[
            "id",
            "event",
            "feature_set",
            "stage",
            "replay",
            "as_of",
            "values",
            "checksum",
            "made_at",
        ],
        texts={"is_simulated": "event.competition.is_simulated"},
        filters={"event": ["exact"], "stage": ["exact"], "replay": ["exact", "isnull"]},
    ),
    "predictions": resource(
        models.Prediction,
        fields=[
            "id",
            "event",
            "selection",
            "version",
            "feature_row",
            "probability",
            "market_probability",
            "as_of",
            "made_at",
        ],
        texts={"is_simulated": "event.competition.is_simulated", "role": "selection.role"},
        filters={
            "event": ["exact"],
            "selection": ["exact"],
            "version": ["exact"],
            "made_at": TIME,
            "feature_row__replay": ["isnull"],
        },
        orderings=["-made_at", "made_at", "-id", "id"],
    ),
    "replays": resource(
        models.Replay,
        fields=[
            "id",
            "competition",
            "season",
            "seed",
            "actor",
            "started_at",
            "finished_at",
            "figures",
        ],
        texts={"is_simulated": "competition.is_simulated"},
        filters={"competition": ["exact"], "season": ["exact"]},
    ),
}
