"""Every estimator there is: which one foretells a target, and how an artefact becomes one."""

from collections.abc import Callable
from functools import partial
from typing import Any

from models_ml.domain import artefacts
from models_ml.domain.artefacts import BadArtefact
from models_ml.domain.estimators import (
    figure,
    points,
    runners,
    scores,
    three_way,
    two_way,
)
from models_ml.domain.estimators.base import (
    AfterRound,
    Estimator,
    Fitted,
    NotEnoughToLearn,
    has,
)
from models_ml.domain.examples import Examples
from models_ml.domain.features import FeatureSet
from models_ml.domain.splitting import Split

__all__ = ["Estimator", "Fitted", "NotEnoughToLearn", "OtherColumns", "fit", "kind_of", "load"]

TARGETS = ("OUTCOME", "MARGIN", "TOTAL", "GOALS", "FIGURE", "WINNER")
_FITS: dict[str, Callable[..., Fitted]] = {
    three_way.KIND: three_way.fit,
    two_way.KIND: two_way.fit,
    points.MARGIN.kind: partial(points.fit, target=points.MARGIN),
    points.TOTAL.kind: partial(points.fit, target=points.TOTAL),
    scores.KIND: scores.fit,
    figure.KIND: figure.fit,
    runners.KIND: runners.fit,
}
_LOADS: dict[str, Callable[..., Estimator]] = {
    three_way.KIND: three_way.load,
    two_way.KIND: two_way.load,
    points.MARGIN.kind: points.load,
    points.TOTAL.kind: points.load,
    scores.KIND: scores.load,
    figure.KIND: figure.load,
    runners.KIND: runners.load,
}


class OtherColumns(ValueError):
    """The artefact was made of other columns than the feature set has now."""


def kind_of(*, target: str, feature_set: FeatureSet) -> str:
    """Return the kind of estimator that foretells a target.

    Raises:
        ValueError: no estimator does.
    """
    match target:
        case "OUTCOME":
            return three_way.KIND if has(feature_set, "market_draw") else two_way.KIND
        case "MARGIN" | "TOTAL" | "FIGURE":
            return target.lower()
        case "GOALS":
            return scores.KIND
        case "WINNER":
            return runners.KIND
    raise ValueError(f"no estimator foretells {target!r}; there are: {', '.join(TARGETS)}")


def fit(
    *,
    target: str,
    examples: Examples,
    split: Split,
    feature_set: FeatureSet,
    parameters: dict[str, Any],
    seed: int,
    after_round: AfterRound | None = None,
) -> Fitted:
    """Fit the estimator of a target.

    Same examples, split, parameters and seed: same bytes.

    Raises:
        NotEnoughToLearn: too few rows, or all alike.
    """
    kind = kind_of(target=target, feature_set=feature_set)
    return _FITS[kind](
        examples=examples, split=split, columns=feature_set,
        parameters=parameters, seed=seed, after_round=after_round,
    )  # fmt: skip


def load(*, content: bytes, feature_set: FeatureSet, calibration: dict[str, Any]) -> Estimator:
    """Return the estimator of an artefact whose hash has been checked already.

    Raises:
        BadArtefact: these bytes are no artefact, or one that lacks something.
        OtherColumns: it was made of other columns.
    """
    if artefacts.is_bare(content):
        try:
            return three_way.bare(content=content, columns=feature_set, calibration=calibration)
        except ValueError as error:
            raise BadArtefact("the trees cannot be loaded") from error
    artefact = artefacts.unpack(content)
    if artefact.features_sha256 != feature_set.sha256:
        raise OtherColumns(f"the artefact has other columns than {feature_set.name}")
    if artefact.kind not in _LOADS:
        raise BadArtefact(f"no estimator is of the kind {artefact.kind!r}")
    try:
        return _LOADS[artefact.kind](
            artefact=artefact, columns=feature_set, calibration=calibration
        )
    except (ValueError, KeyError, TypeError) as error:
        raise BadArtefact(f"the artefact cannot be loaded: {error}") from error
