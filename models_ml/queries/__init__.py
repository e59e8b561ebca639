"""What models ask of the tables: as-of history, fixtures, what serves and what is due."""

from models_ml.queries.closes import closing_probabilities
from models_ml.queries.events import (
    CHUNK,
    EVENT_FIELDS,
    NO_MARKET,
    MarketView,
    Planned,
    competitions,
    market_at,
    market_at_stage,
    market_selections,
    outcomes,
    planned,
    result_versions,
)
from models_ml.queries.ladders import (
    GRACE,
    LOOK_BACK,
    due_stages,
    missed_stages,
    rows_to_predict,
    upcoming,
)
from models_ml.queries.serving import (
    ServingFigures,
    served_pipelines,
    serving_figures,
    serving_versions,
    versions,
)

__all__ = [
    "CHUNK",
    "EVENT_FIELDS",
    "GRACE",
    "LOOK_BACK",
    "NO_MARKET",
    "MarketView",
    "Planned",
    "ServingFigures",
    "closing_probabilities",
    "competitions",
    "due_stages",
    "market_at",
    "market_at_stage",
    "market_selections",
    "missed_stages",
    "outcomes",
    "planned",
    "result_versions",
    "rows_to_predict",
    "served_pipelines",
    "serving_figures",
    "serving_versions",
    "upcoming",
    "versions",
]
