"""What a pipeline may learn from: rows as of each event's own final stage, and what then came."""

from datetime import datetime

import numpy as np

from models_ml import queries
from models_ml.domain import boosting, feature_sets, features, stages
from models_ml.domain.examples import Examples
from models_ml.domain.features import Match
from models_ml.domain.splitting import WEEK
from models_ml.models import Pipeline

THURSDAY = 3 * WEEK // 7  # 1970 began on one; weeks are to begin on Mondays


def examples(*, pipeline: Pipeline, until: datetime, since: datetime | None = None) -> Examples:
    """Return every match whose result is known at ``until``, in order of start.

    ``since`` cuts the rows returned, never the history they are made from.  A label is known
    since the version of the result that it is taken from.
    """
    feature_set = feature_sets.named(pipeline.feature_set)
    history = queries.result_versions(
        competition_ids=queries.competitions(pipeline=pipeline), until=until
    )
    labels = _labels(history)
    events = sorted(
        queries.planned(event_ids=labels).values(), key=lambda e: (e.starts_at, e.event_id)
    )
    events = [e for e in events if since is None or e.starts_at >= since]
    market = queries.market_at_stage(events=events, stage=stages.FINAL_STAGE)
    fixtures = [
        event.fixture(
            as_of=stages.opens_at(event.starts_at, stages.FINAL_STAGE, event.time_scale),
            market=market.get(event.event_id, queries.NO_MARKET),
        )
        for event in events
    ]
    rows = features.unfold(feature_set=feature_set, history=history, fixtures=fixtures)
    values = np.array(rows, dtype=float).reshape(-1, len(feature_set.features))
    told = [labels[event.event_id] for event in events]
    starts = np.array([f.starts_at for f in fixtures], dtype=np.int64)
    ids = np.array([e.event_id for e in events], dtype=np.int64)
    none = np.full(len(events), np.nan)
    return Examples(
        event=ids,
        participant=np.full(len(events), -1, dtype=np.int64),
        group=ids,
        competition=np.array([f.competition_id for f in fixtures], dtype=np.int64),
        season=np.array([f.season_id for f in fixtures], dtype=np.int64),
        week=(starts + THURSDAY) // WEEK,
        starts=starts,
        as_of=np.array([f.as_of for f in fixtures], dtype=np.int64),
        label_known_at=np.array([match.known_at for match in told], dtype=np.int64),
        values=values,
        home=np.array([match.home_score for match in told], dtype=float),
        away=np.array([match.away_score for match in told], dtype=float),
        figure=none,
        winner=none,
        placed=none,
        market=boosting.market_of(values, feature_set),
        close=np.full((len(events), len(boosting.CLASSES)), np.nan),
    )


def _labels(history: list[Match]) -> dict[int, Match]:
    """Return the newest version of each result, where it is final."""
    latest: dict[int, Match] = {}
    for match in history:
        if match.event_id not in latest or latest[match.event_id].version < match.version:
            latest[match.event_id] = match
    return {event_id: match for event_id, match in latest.items() if match.is_final}
