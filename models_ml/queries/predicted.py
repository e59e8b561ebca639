"""What was said live of events: the predictions that are stored, question by question."""

from datetime import datetime

import numpy as np
import pandas as pd
from django.db.models.functions import Coalesce

from models_ml.models import Pipeline, Prediction

_COLUMNS = {
    "event": "event_id",
    "market": "selection__market_id",
    "line": "selection__market__line",
    "role": "selection__role",
    "participant": "participant",
    "probability": "probability",
    "quoted": "market_probability",
    "stage": "feature_row__stage",
    "as_of": "as_of",
    "version": "version__number",
}


def said_of(*, event_id: int, most: int) -> list[Prediction]:
    """Return the newest live predictions of an event, with what made them; one query."""
    rows = Prediction.objects.filter(
        event_id=event_id,
        version__replay__isnull=True,
        feature_row__replay__isnull=True,
        feature_row__rehearsal__isnull=True,
    ).select_related("selection__market__event", "version__pipeline", "feature_row")
    return list(rows.order_by("-as_of", "version_id", "selection_id")[:most])


def live_predictions(*, pipeline: Pipeline, since: datetime, until: datetime) -> pd.DataFrame:
    """Return the last word before the start on each question about events in [since, until).

    One row per answer: event, market, line (home's of a handicap, NaN without), role,
    participant (-1 without), probability, quoted (the market's beside it, NaN where there was
    none), stage, as_of, version (number).  Of one market all answers are of one moment and one
    version.  Rows of replays and rehearsals are none.  Takes one query.
    """
    rows = (
        Prediction.objects.filter(
            version__pipeline=pipeline,
            feature_row__replay__isnull=True,
            feature_row__rehearsal__isnull=True,
            event__starts_at__gte=since,
            event__starts_at__lt=until,
        )
        .annotate(
            participant=Coalesce("selection__participant_id", "selection__market__participant_id")
        )
        .values_list(*_COLUMNS.values())
    )
    found = pd.DataFrame.from_records(list(rows), columns=list(_COLUMNS))
    found["line"] = found["line"].astype(float)
    found["quoted"] = found["quoted"].astype(float)
    found["participant"] = found["participant"].fillna(-1).astype(np.int64)
    newest = ["market", "as_of", "version"]
    last = found.sort_values(newest).drop_duplicates("market", keep="last")[newest]
    return found.merge(last, on=newest).sort_values(["event", "market", "participant", "role"])
