"""What models ask of the tables: as-of history, fixtures, what serves and what is due."""

from models_ml.queries.closes import Closes, closes
from models_ml.queries.events import starts
from models_ml.queries.ladders import (
    final_stage,
    ladder_of,
    ladders_in_use,
    looks_of,
    open_looks,
    rows_to_predict,
    stage_names,
    standing,
    waiting_pipelines,
)
from models_ml.queries.overlooked import LOOK_BACK, Overlooked, overlooked, taken_lately
from models_ml.queries.predicted import live_predictions, said_of
from models_ml.queries.serving import (
    ServingFigures,
    expires_at,
    expiries,
    is_expired,
    open_version,
    policy,
    served_at,
    served_pipelines,
    serving_figures,
    serving_versions,
    versions,
)

__all__ = [
    "LOOK_BACK",
    "Closes",
    "Overlooked",
    "ServingFigures",
    "closes",
    "expires_at",
    "expiries",
    "final_stage",
    "is_expired",
    "ladder_of",
    "ladders_in_use",
    "live_predictions",
    "looks_of",
    "open_looks",
    "open_version",
    "overlooked",
    "policy",
    "rows_to_predict",
    "said_of",
    "served_at",
    "served_pipelines",
    "serving_figures",
    "serving_versions",
    "stage_names",
    "standing",
    "starts",
    "taken_lately",
    "versions",
    "waiting_pipelines",
]
