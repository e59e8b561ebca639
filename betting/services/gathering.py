"""What deciding knows of each prediction beside its price, in one query however many there are."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd
from django.db.models import F
from django.db.models.functions import Coalesce

from betting.domain import strategies as programs
from betting.domain import windows
from betting.models import Strategy
from markets import queries as markets
from markets.domain import lineups
from models_ml.domain import feature_sets
from models_ml.models import Pipeline, Prediction

_FIELDS = {
    "prediction_id": F("pk"),
    "market_id": F("selection__market_id"),
    "sport_id": F("event__competition__sport_id"),
    "competition_id": F("event__competition_id"),
    "is_simulated": F("event__competition__is_simulated"),
    "replay_id": F("feature_row__replay_id"),
    "rehearsal_id": F("feature_row__rehearsal_id"),
    "stage": F("feature_row__stage"),
    "pipeline_id": F("version__pipeline_id"),
    "version_stage": F("version__stage"),
    "role": F("selection__role"),
    "kind": F("selection__market__kind"),
    "player_id": Coalesce("selection__market__participant_id", "selection__participant_id"),
    "feature_set": F("feature_row__feature_set"),
    "time_scale": F("event__competition__time_scale"),
    "starts_at": F("event__starts_at"),
    "started_at": F("event__started_at"),
    "status": F("event__status"),
    "refund": F("refund_probability"),
    "home_id": F("event__home_id"),
    "away_id": F("event__away_id"),
}


def predictions(*, ids: Sequence[int], strategy: Strategy, as_of: datetime) -> pd.DataFrame:
    """Return predictions in the order as-of, event, selection, with what lies around them.

    Of what the strategy's program asks for, the features stand as they were stored with the
    prediction, NaN where they were not known or another set was asked.  ``hours`` are left to
    the start, by the league's own clock.  Of markets about players ``starts`` tells whether the
    player is known to start: True, False, or None where nobody has told.
    """
    assert strategy.pipeline is not None  # what bets on predictions has one
    asked = programs.REGISTRY[strategy.code].features
    places = _places(strategy.pipeline, asked)
    fields = {**_FIELDS, **{name: F(f"feature_row__values__{at}") for name, at in places.items()}}
    columns = [*fields, "event_id", "selection_id", "probability", "as_of"]
    rows = Prediction.objects.filter(pk__in=ids).annotate(**fields).values_list(*columns)
    found = list(rows.order_by("as_of", "event", "selection"))
    frame = pd.DataFrame.from_records(found).set_axis(columns, axis="columns") if found else None
    if frame is None:
        return pd.DataFrame(columns=columns)
    is_of_set = frame["feature_set"] == strategy.pipeline.feature_set
    for name in asked:
        known = frame[name].to_numpy(dtype=float) if name in places else np.nan
        frame[name] = np.where(is_of_set, known, np.nan)
    if strategy.pipeline.market_kind in lineups.OF_PLAYERS:
        frame["starts"] = _starts(frame, as_of=as_of)
    return frame.assign(hours=_hours(frame, as_of=as_of))


def with_sizes(board: pd.DataFrame, *, as_of: datetime) -> pd.DataFrame:
    """Return quotes with the ``size`` on offer at each exchange's best price; one query.

    NaN at books, which tell none, and where the best offer is not the price that is quoted.
    """
    columns = ["selection_id", "book_id", "back_price", "back_size"]
    offers = markets.best_offers(selection_ids=board["selection_id"].tolist(), as_of=as_of)
    found = board.merge(offers[columns], how="left", on=["selection_id", "book_id"])
    is_quoted = found["back_price"] >= found["price"].astype(float)
    return found.assign(size=found["back_size"].where(is_quoted)).drop(columns=columns[2:])


def _places(pipeline: Pipeline, asked: Sequence[str]) -> dict[str, int]:
    """Return where features lie in the rows of a pipeline."""
    if not asked:
        return {}
    names = feature_sets.named(pipeline.feature_set).names
    return {name: names.index(name) for name in asked if name in names}


def _starts(frame: pd.DataFrame, *, as_of: datetime) -> pd.Series:
    """Return what is known by ``as_of`` of who starts; three queries, however many there are."""
    pairs = [
        None if pd.isna(player) else (event, int(player))
        for event, player in zip(frame["event_id"], frame["player_id"], strict=True)
    ]
    found = markets.starters(asked=[pair for pair in pairs if pair is not None], as_of=as_of)
    columns = ("event_id", "participant_id", "starts")
    told = {
        (event, player): bool(starts)
        for event, player, starts in zip(*(found[name] for name in columns), strict=True)
    }
    known = [told.get(pair) if pair is not None else None for pair in pairs]
    return pd.Series(known, index=frame.index, dtype=object)


def _hours(predictions: pd.DataFrame, *, as_of: datetime) -> list[float]:
    """Return the hours to each start by the clock of its own league."""
    columns = ("starts_at", "started_at", "time_scale")
    return [
        windows.hours_to(
            starts_at=starts_at,
            started_at=None if pd.isna(started_at) else started_at,
            as_of=as_of,
            time_scale=time_scale,
        )
        for starts_at, started_at, time_scale in zip(
            *(predictions[name] for name in columns), strict=True
        )
    ]
