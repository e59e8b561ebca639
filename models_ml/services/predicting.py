"""Foretelling: from stored feature rows to probabilities, one per selection."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import structlog
from django.db import transaction
from django.db.models import Count
from numpy.typing import NDArray

from markets import queries as markets_queries
from models_ml import queries
from models_ml.domain import feature_sets
from models_ml.domain.features import FeatureSet
from models_ml.models import FeatureRow, ModelVersion, Pipeline, Prediction
from models_ml.queries import selections
from models_ml.queries.selections import Answer
from models_ml.services import answering, laddering, questioning, serving
from models_ml.services.asking import RUNNER, Subject
from models_ml.services.questioning import Asked, UnsoundAnswers
from monitoring.domain.findings import Severity
from monitoring.errors import Refused
from monitoring.services import audit, incidents

BATCH = 1000
UNSOUND = "models_ml.answers-unsound"
logger = structlog.get_logger(__name__)
serving_version = serving.serving_version


class PredictionRefused(Refused):
    """This version may not foretell these rows."""


@dataclass(frozen=True, slots=True)
class Foretold:
    """What a batch brought: predictions, and the rows that got none, by row, with the reason."""

    predictions: list[Prediction] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)


def predict(
    *, feature_rows: Sequence[FeatureRow], version: ModelVersion, now: datetime
) -> list[Prediction]:
    """Return a version's predictions for these rows, one per selection of its kind of market.

    Rows whose event has no such market yet, or that know nothing at all, bring none; see
    ``predict_batch`` for their reasons.

    Raises:
        PredictionRefused: the rows are of another feature set, another replay, not of whole
            races, or of events that the version may have learned from.
        UnsoundAnswers: the estimator says what can be no probabilities; nothing is stored.
        DamagedArtefact: the version's file is not what was written.
    """
    return predict_batch(feature_rows=feature_rows, version=version, now=now).predictions


def predict_batch(
    *, feature_rows: Sequence[FeatureRow], version: ModelVersion, now: datetime
) -> Foretold:
    """Foretell a batch; the same batch again returns the stored predictions."""
    if not feature_rows:
        return Foretold()
    feature_set = feature_sets.named(version.pipeline.feature_set)
    _may_foretell(feature_rows, version, feature_set)
    values, kind = matrix(feature_rows), version.pipeline.market_kind
    asked = questioning.asked(
        subjects=[Subject(row.event_id, row.participant_id, row.statistic) for row in feature_rows],
        values=values,
        feature_set=feature_set,
        kind=kind,
        answers=selections.answers(
            event_ids={row.event_id for row in feature_rows}, market_kind=kind
        ),
    )
    if len(asked):
        made = list(_made(feature_rows, version, asked, values, feature_set, now))
        with transaction.atomic():
            Prediction.objects.bulk_create(made, batch_size=BATCH, ignore_conflicts=True)
    refused = {feature_rows[place].pk: why for place, why in asked.refused.items()}
    usable = [row for row in feature_rows if row.pk not in refused]
    order = {one.selection_id: place for place, one in enumerate(asked.answers)}
    return Foretold(_stored(usable, version, order), refused)


def predict_due(*, now: datetime) -> int:
    """Take the looks that are due and foretell every live row that awaits it; count predictions.

    A pipeline whose production artefact is damaged is served by its previous version, and an
    incident says so.
    """
    laddering.tick(now=now)
    return foretell_waiting(now=now)


def foretell_waiting(*, now: datetime) -> int:
    """Foretell every live row that awaits it; return how many predictions were made."""
    made = sum(_predict_pipeline(one, now) for one in queries.waiting_pipelines(now=now))
    if made:
        answering.flush(now=now)
    return made


def _predict_pipeline(pipeline: Pipeline, now: datetime) -> int:
    version = serving_version(pipeline=pipeline, now=now)
    if version is None:
        return 0
    rows = list(queries.rows_to_predict(pipeline=pipeline, version=version, now=now)[:BATCH])
    if feature_sets.named(pipeline.feature_set).grain == RUNNER:
        rows = _whole_races(rows)
    try:
        foretold = predict_batch(feature_rows=rows, version=version, now=now)
    except UnsoundAnswers as error:
        incidents.open_incident(
            kind=UNSOUND, severity=Severity.P1, summary=f"{version}: {error}", at=now,
            subject=audit.label(version),
        )  # fmt: skip
        return 0
    if foretold.refused:
        logger.info("rows_without_prediction", pipeline=pipeline.code, n=len(foretold.refused))
    return len(foretold.predictions)


def _whole_races(rows: Sequence[FeatureRow]) -> list[FeatureRow]:
    """Return every row of the looks of one stage that these rows are of; others wait a tick."""
    if not rows:
        return []
    looks = {(row.event_id, row.stage) for row in rows if row.stage == rows[0].stage}
    found = FeatureRow.objects.filter(
        event_id__in={event_id for event_id, _ in looks},
        feature_set=rows[0].feature_set,
        replay__isnull=True,
        rehearsal__isnull=True,
    ).order_by("event_id", "participant_id", "pk")
    return [row for row in found if (row.event_id, row.stage) in looks]


def _may_foretell(
    rows: Sequence[FeatureRow], version: ModelVersion, feature_set: FeatureSet
) -> None:
    for row in rows:
        if row.feature_set != feature_set.name:
            raise PredictionRefused(f"{version} does not read rows of {row.feature_set}")
        if row.replay_id != version.replay_id and row.rehearsal_id is None:
            raise PredictionRefused(f"{version} and row {row.pk} are not of the same replay")
    latest = version.trained_until
    starts = queries.starts(event_ids={row.event_id for row in rows})
    learned = sorted(event_id for event_id, starts_at in starts.items() if starts_at < latest)
    if learned:
        raise PredictionRefused(
            f"{version} learned until {latest:%Y-%m-%d %H:%M} and may know the result of"
            f" event {learned[0]}"
        )
    if feature_set.grain == RUNNER:
        _are_whole(rows)


def _are_whole(rows: Sequence[FeatureRow]) -> None:
    """Refuse races of which a runner is missing: the others' chances would take its share."""
    given: dict[tuple[int, str], int] = {}
    for row in rows:
        key = (row.event_id, row.stage)
        given[key] = given.get(key, 0) + 1
    first = rows[0]
    kept_for: dict[str, Any] = {
        "replay_id": first.replay_id,
        "rehearsal_id": first.rehearsal_id,
    }
    stored = (
        FeatureRow.objects.filter(
            event_id__in={event_id for event_id, _ in given},
            feature_set=first.feature_set,
            **kept_for,
        )
        .values_list("event_id", "stage")
        .annotate(n=Count("pk"))
    )
    for event_id, stage, n in stored:
        if given.get((event_id, stage), n) != n:
            raise PredictionRefused(f"race {event_id} has {n} runners at {stage}, not all are here")


def matrix(rows: Sequence[FeatureRow]) -> NDArray[np.float64]:
    """Return the rows' values, (n_rows, n_features), NaN where not known."""
    return np.array([row.values for row in rows], dtype=float)


def _made(
    rows: Sequence[FeatureRow],
    version: ModelVersion,
    asked: Asked,
    values: NDArray,
    feature_set: FeatureSet,
    now: datetime,
) -> Iterator[Prediction]:
    try:
        said = answering.answer(version=version, values=values, questions=asked.questions)
    except ValueError as error:
        raise PredictionRefused(f"{version}: {error}") from error
    questioning.check(asked, said)
    market = market_of(
        asked=asked,
        values=values,
        feature_set=feature_set,
        as_of={row.event_id: row.as_of for row in rows},
    )
    parts = zip(asked.questions.row, asked.answers, *said, market, strict=True)
    for place, answer, probability, refund, belief in parts:
        row = rows[place]
        yield Prediction(
            feature_row=row,
            version=version,
            event_id=row.event_id,
            selection_id=answer.selection_id,
            probability=float(probability),
            refund_probability=float(refund),
            market_probability=None if np.isnan(belief) else float(belief),
            as_of=row.as_of,
            made_at=now,
        )


def market_of(
    *,
    asked: Asked,
    values: NDArray,
    feature_set: FeatureSet,
    as_of: Mapping[int, datetime],
) -> NDArray[np.float64]:
    """Return the margin-free market's probability of each question, NaN where there was none.

    Where the row itself holds the market of this kind, it is that; else the reference of the
    very line, as of the row.
    """
    kind, names = asked.questions.kind, feature_set.names
    row, place = asked.questions.row, asked.questions.place
    if kind == "MATCH_ODDS":
        return np.asarray(values[:, list(feature_set.market)][row, place], dtype=np.float64)
    if kind == "WIN" and "market_win_log" in names:
        return np.exp(values[row, names.index("market_win_log")])
    if kind == "PLACE" and "market_place" in names:
        share = np.asarray(values[row, names.index("market_place")], dtype=np.float64)
        return np.minimum(share * asked.questions.places, 1.0)
    return _references(asked.answers, kind, as_of)


def _references(
    answers: Sequence[Answer], kind: str, as_of: Mapping[int, datetime]
) -> NDArray[np.float64]:
    events = list(dict.fromkeys(answer.event_id for answer in answers))
    moments = {event_id: as_of[event_id] for event_id in events}
    frame = markets_queries.reference_probabilities(event_ids=events, as_of=moments, kind=kind)
    fair = dict(zip(frame["selection_id"], frame["fair_probability"], strict=True))
    return np.array([fair.get(answer.selection_id, np.nan) for answer in answers], dtype=float)


def _stored(
    rows: Sequence[FeatureRow], version: ModelVersion, order: Mapping[int, int]
) -> list[Prediction]:
    place = {row.pk: index for index, row in enumerate(rows)}
    found = Prediction.objects.filter(feature_row__in=list(place), version=version)
    return sorted(
        found.select_related("selection"),
        key=lambda p: (place[p.feature_row_id], order.get(p.selection_id, p.selection_id)),
    )
