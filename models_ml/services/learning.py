"""From examples to an estimator with everything worth keeping of it; writes nothing."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_ml.domain import artefacts, estimators, softmax, splitting
from models_ml.domain import parameters as settings
from models_ml.domain.estimators import Estimator, Fitted, NotEnoughToLearn, statements, trees
from models_ml.domain.estimators.base import AfterRound
from models_ml.domain.estimators.runners import Runners
from models_ml.domain.estimators.three_way import ThreeWay
from models_ml.domain.examples import Examples
from models_ml.domain.features import FeatureSet
from models_ml.domain.scoring import diagram
from models_ml.domain.splitting import Split

MINIMUM = {"FIGURE": 200, "WINNER": 200}  # figures, races
MINIMUM_OF_MATCHES = 300
CALIBRATION_WEEKS = 8
GOLDEN = 5
EXPLAINED, DOTS, SHOWN = 2_000, 60, 15  # rows explained, dots of a feature, features with dots
PARTS = ("train", "validation", "calibration", "test")


class TooFew(NotEnoughToLearn):
    """Fewer rows are known than are needed."""


@dataclass(frozen=True, slots=True)
class Learned:
    """A fitted estimator, loaded from its own artefact, beside the parts it was made from."""

    fitted: Fitted
    estimator: Estimator
    examples: Examples
    split: Split

    @property
    def test(self) -> Examples:
        return self.examples.part(self.split.test)


def learn(
    *,
    target: str,
    examples: Examples,
    feature_set: FeatureSet,
    parameters: dict[str, Any],
    seed: int,
    calibration_weeks: int = CALIBRATION_WEEKS,
    after_round: AfterRound | None = None,
) -> Learned:
    """Fit, calibrate and load the estimator of a target.

    Columns named in ``drop_features`` are blank while it learns, so that no tree and no
    coefficient asks for them, and the estimator says the same whether they are known or not.

    Raises:
        TooFew: fewer than 300 matches, 200 races or 200 figures.
        NotEnoughToLearn: they are all alike.
    """
    races = target == "WINNER"
    n = len(softmax.starts_of(examples.group)) if races else len(examples)
    needed = MINIMUM.get(target, MINIMUM_OF_MATCHES)
    if n < needed:
        things = "races" if races else "figures" if target == "FIGURE" else "matches"
        raise TooFew(f"{n} {things} are known, {needed} are needed")
    split = splitting.purged(
        starts=examples.starts,
        as_of=examples.as_of,
        label_known_at=examples.label_known_at,
        calibration_weeks=calibration_weeks,
    )
    empty = [name for name in ("train", "test") if not len(getattr(split, name))]
    if empty:
        raise TooFew(f"{n} are known, but none of them could be used for {' and '.join(empty)}")
    told, dropped = settings.parted(parameters)
    fitted = estimators.fit(
        target=target, examples=_without(examples, dropped, feature_set), split=split,
        feature_set=feature_set, parameters=told, seed=seed, after_round=after_round,
    )  # fmt: skip
    estimator = estimators.load(
        content=fitted.content, feature_set=feature_set, calibration=fitted.calibration
    )
    return Learned(fitted, estimator, examples, split)


def _without(examples: Examples, dropped: list[str], feature_set: FeatureSet) -> Examples:
    if not dropped:
        return examples
    values = examples.values.copy()
    values[:, [feature_set.names.index(name) for name in dropped]] = np.nan
    return replace(examples, values=values)


def parts(learned: Learned) -> dict[str, dict[str, Any]]:
    """Return how many rows each part has, and its first and last start in µs."""
    found: dict[str, dict[str, Any]] = {}
    for name in PARTS:
        starts = learned.examples.starts[getattr(learned.split, name)]
        ends = (int(starts[0]), int(starts[-1])) if len(starts) else (None, None)
        found[name] = {"n": len(starts), "from": ends[0], "to": ends[1]}
    return found


def golden_values(learned: Learned) -> NDArray:
    """Return rows to be foretold again after each load: the last ones, and one that is empty."""
    test = learned.test
    if isinstance(learned.estimator, Runners):
        last = test.values[test.group == test.group[-1]]
    else:
        last = test.values[-GOLDEN + 1 :]
    return np.vstack([last, np.full((1, last.shape[1]), np.nan)])


def contributions(learned: Learned, names: list[str]) -> list[dict[str, Any]]:
    """Return each feature's mean |contribution| on the test part, the largest first.

    The first fifteen have ``points``: the contribution and the value's place among all, 0 to 1,
    None where it was not known, of rows spread evenly over the part.
    """
    test = learned.test
    keep = softmax.starts_of(test.group)[:EXPLAINED]
    last = keep[-1] if len(keep) == EXPLAINED else len(test)
    values, groups = test.values[:last], test.group[:last]
    if isinstance(learned.estimator, Runners):
        found = learned.estimator.explain_races(values, groups)
    else:
        found = learned.estimator.explain(values)
    sizes = np.abs(found[:, :-1]).mean(axis=0)
    order = np.argsort(-sizes, kind="stable")
    rows = np.unique(np.linspace(0, len(values) - 1, DOTS).astype(np.intp))
    told = []
    for rank, i in enumerate(order[sizes[order] > 0]):
        points: list[list[float | None]] = []
        if rank < SHOWN:
            places = _places(values[:, i])
            points = [[round(float(found[row, i]), 6), places[row]] for row in rows]
        told.append({"name": names[i], "mean_abs": float(sizes[i]), "points": points})
    return told


def gains(learned: Learned, names: list[str]) -> dict[str, float]:
    """Return each feature's share of what all splits of all trees won, the largest first.

    Empty where there are no trees.
    """
    artefact = artefacts.unpack(learned.fitted.content)
    won: dict[str, float] = {}
    for booster in artefact.boosters:
        for name, gain in trees.gains(artefact.booster(booster), names).items():
            won[name] = won.get(name, 0.0) + gain
    whole = sum(won.values()) or 1.0
    return {name: won[name] / whole for name in sorted(won, key=lambda name: (-won[name], name))}


def reliability(learned: Learned) -> dict[str, list[dict[str, float]]]:
    """Return the reliability diagram of the test part: what was said, what happened, by name.

    The market's stands beside the model's where both tell three outcomes.
    """
    curves = {"model": statements.statements(learned.estimator, learned.test)}
    if isinstance(learned.estimator, ThreeWay):
        market = learned.test.values[:, list(learned.estimator.columns.market)]
        quoted = ~np.isnan(market).any(axis=1)
        if quoted.any():
            curves["market"] = diagram.statements(market[quoted], learned.test.outcome[quoted])
    return {
        name: [asdict(point) for point in diagram.points_of(said, happened)]
        for name, (said, happened) in curves.items()
        if len(said)
    }


def _places(values: NDArray) -> list[float | None]:
    """Return each value's place among those known, 0 to 1.

    >>> _places(np.array([3.0, np.nan, 1.0, 2.0]))
    [1.0, None, 0.0, 0.5]
    """
    known = np.sort(values[~np.isnan(values)])
    most = max(len(known) - 1, 1)
    return [
        None if np.isnan(v) else round(float(np.searchsorted(known, v)) / most, 3) for v in values
    ]
