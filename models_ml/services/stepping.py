"""Training on what was known by a moment and trying it on what followed; registers nothing."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from models_ml.domain import feature_sets
from models_ml.domain.estimators.base import AfterRound
from models_ml.domain.examples import Examples
from models_ml.domain.folds import Span
from models_ml.models import Pipeline
from models_ml.services import cards, learning
from models_ml.services.cards import Scored
from monitoring.domain.progress import RunHandle


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """What an estimator said of the rows of a span, and from how many rows it had learned."""

    scored: Scored
    rows: Examples
    n_learned: int
    learned_until: datetime


def tried(
    *,
    pipeline: Pipeline,
    examples: Examples,
    span: Span,
    parameters: dict[str, Any],
    seed: int = 0,
    after_round: AfterRound | None = None,
) -> Tried:
    """Train as a version would have been when the span's first row was asked, and try it there.

    Learned from are the examples whose outcome was known by then.  The same examples, span,
    parameters and seed give the same figures.

    Raises:
        TooFew: fewer than are needed were known by then.
        NotEnoughToLearn: they are all alike.
        ValueError: nothing started in the span.
    """
    rows = examples.part((examples.starts >= span.begins) & (examples.starts < span.ends))
    if not len(rows):
        raise ValueError(f"nothing started from {moment(span.begins)} to {moment(span.ends)}")
    asked = int(rows.as_of.min())
    past = examples.part(examples.label_known_at <= asked)
    feature_set = feature_sets.named(pipeline.feature_set)
    learned = learning.learn(
        target=pipeline.target,
        examples=past,
        feature_set=feature_set,
        parameters=parameters,
        seed=seed,
        after_round=after_round,
    )
    scored = cards.scored(
        market_kind=pipeline.market_kind,
        estimator=learned.estimator,
        examples=rows,
        past=past,
        feature_set=feature_set,
    )
    return Tried(scored, rows, len(past), moment(asked))


def follow(progress: RunHandle | None) -> AfterRound | None:
    """Return what lets a run be called off between two rounds of a training."""
    if progress is None:
        return None

    def after_round(done: int, total: int) -> None:
        progress.raise_if_cancelled()
        progress.progress(done=done, total=total, message="training")

    return after_round


def moment(microseconds: int) -> datetime:
    """Return a moment in µs since 1970 as a time.

    >>> moment(1_000_000).isoformat()
    '1970-01-01T00:00:01+00:00'
    """
    return datetime.fromtimestamp(int(microseconds) / 1e6, tz=UTC)
