"""What a pipeline may learn from: rows as of each event's own final stage, and what then came."""

from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from models_ml import queries
from models_ml.domain import asking, feature_sets, features, labels, players_v1
from models_ml.domain.boards import market_at_stage
from models_ml.domain.examples import Examples
from models_ml.domain.facts import Facts
from models_ml.domain.features import FeatureSet
from models_ml.domain.labels import Labels
from models_ml.models import Pipeline
from models_ml.queries import facts as told
from models_ml.queries import finals


def examples(*, pipeline: Pipeline, until: datetime, since: datetime | None = None) -> Examples:
    """Return every row whose answer is known at ``until``, in order of start.

    ``since`` cuts the rows returned, never the history they are made from.  A label is known
    since the version of the result that it is taken from.
    """
    feature_set = feature_sets.named(pipeline.feature_set)
    known = told.facts(sport_id=pipeline.sport_id, is_simulated=pipeline.is_simulated, until=until)
    if pipeline.statistic:
        known = players_v1.of_statistic(known, pipeline.statistic)
    minutes = finals.final_minutes(sport_id=pipeline.sport_id, is_simulated=pipeline.is_simulated)
    asked = asking.labelled(facts=known, grain=feature_set.grain, minutes=minutes)
    came = labels.labels(facts=known, asks=asked.asks, statistic=pipeline.statistic)
    chosen = _answered(feature_set, came)
    if since is not None:
        chosen &= came.starts >= features.microseconds(since)
    rows = np.flatnonzero(chosen)
    asked, came = asking.part(asked, rows), labels.part(came, rows)
    return _examples(pipeline, feature_set, known, asked, came, until)


def _answered(feature_set: FeatureSet, came: Labels) -> NDArray:
    """Tell which rows have the answer that their grain is asked for."""
    answer = {"MATCH": came.home, "RUNNER": came.winner, "PLAYER": came.figure}
    return ~np.isnan(answer[feature_set.grain])


def _examples(
    pipeline: Pipeline,
    feature_set: FeatureSet,
    known: Facts,
    asked: asking.Labelled,
    came: Labels,
    until: datetime,
) -> Examples:
    asks = asked.asks
    seen = replace(known, quotes=_quotes(feature_set, known, asks.event, pipeline, until))
    values = features.compute(feature_set=feature_set, facts=seen, asks=asks)
    market, market_line = market_at_stage(
        market_kind=pipeline.market_kind, values=values, names=feature_set.names, group=asks.event
    )
    closes = queries.closes(
        sport=pipeline.sport.code,
        market_kind=pipeline.market_kind,
        event_ids=asks.event.tolist(),
        participants=asks.participant.tolist(),
    )
    home, away = asking.sides(facts=known, events=asks.event)
    order = np.lexsort((asks.participant, asks.event, came.starts))
    found = Examples(
        event=asks.event,
        participant=asks.participant,
        group=asks.event,
        competition=came.competition,
        season=came.season,
        week=came.week,
        starts=came.starts,
        as_of=asks.as_of,
        label_known_at=asked.known_at,
        values=values,
        home=came.home,
        away=came.away,
        figure=came.figure,
        winner=came.winner,
        placed=came.placed,
        market=market,
        close=closes.probability,
        market_line=market_line,
        close_line=closes.line,
        home_side=home,
        away_side=away,
    )
    return found.part(order)


def _quotes(
    feature_set: FeatureSet, known: Facts, events: NDArray, pipeline: Pipeline, until: datetime
) -> told.Quotes:
    """Return the prices that the set may look at: of runners also those of earlier races."""
    wanted = np.unique(known.fixtures.event if feature_set.grain == "RUNNER" else events)
    quotes = told.quotes(event_ids=wanted, until=until)
    if not pipeline.statistic:
        return quotes
    return players_v1.of_statistic(replace(known, quotes=quotes), pipeline.statistic).quotes
