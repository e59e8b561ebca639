"""What a rerun found: features and probabilities beside those of then, scores beside scores."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from markets.domain import kinds
from models_ml.domain import scoring
from models_ml.domain.estimators import Estimator, words
from models_ml.domain.examples import Examples
from models_ml.domain.features import microseconds
from models_ml.domain.scoring import intervals
from models_ml.models import FeatureRow, ModelVersion
from models_ml.services.questioning import Asked

SHOWN = 50  # differences between features
CHANGED = 20  # largest changes of a probability
NOTABLE = 0.01
Key = tuple[int, int]  # event and participant


@dataclass(frozen=True, slots=True)
class Rows:
    """What is foretold again: a row per event or participant, and the selections asked of it."""

    keys: list[Key]
    starts: NDArray  # µs
    as_of: NDArray  # µs
    values: NDArray  # (n, f)
    asked: Asked
    left_out: int  # events that nobody could be asked about

    @property
    def row_of(self) -> NDArray:
        """Return the row of each selection."""
        return self.asked.questions.row


@dataclass(frozen=True, slots=True)
class Said:
    version: ModelVersion
    estimator: Estimator
    probability: NDArray  # of each selection
    refund: NDArray
    is_seen: NDArray  # of each selection: the version may have learned how it ended


def compared(
    *, rows: Rows, stored: Mapping[Key, FeatureRow], names: Sequence[str]
) -> dict[str, Any]:
    """Hold features made anew against those that were stored."""
    equal, different, shown = 0, 0, []
    for key, again in zip(rows.keys, rows.values, strict=True):
        if key not in stored:
            continue
        was = np.array(stored[key].values, dtype=float)
        if was.shape == again.shape and np.array_equal(was, again, equal_nan=True):
            equal += 1
            continue
        different += 1
        if was.shape == again.shape:
            apart = ~((was == again) | (np.isnan(was) & np.isnan(again)))
            shown += [
                {"event": key[0], "participant": key[1], "feature": names[int(i)],
                 "stored": _number(was[i]), "again": _number(again[i])}
                for i in np.flatnonzero(apart)
            ]  # fmt: skip
    absent = len(rows.keys) - equal - different
    return {"equal": equal, "different": different, "absent": absent, "shown": shown[:SHOWN]}


def scores(said: Sequence[Said], labelled: Examples) -> dict[str, Any]:
    """Return each version's scores on what it never learned, and paired differences."""
    losses: list[dict[int, float]] = []
    cards: dict[str, Any] = {}
    kind, line = said[0].version.pipeline.market_kind, np.full(len(labelled), np.nan)
    if kind in kinds.LINE_KINDS and len(labelled):  # every version on the same lines
        line = words.half_lines(said[0].estimator, labelled, market_kind=kind)
    for one in said:
        clean = np.flatnonzero(labelled.starts >= microseconds(one.version.trained_until))
        spoken = words.words(
            one.estimator, labelled.part(clean), market_kind=kind, line=line[clean]
        )
        is_enough = len(spoken.row) > 1
        card = scoring.card(spoken.probabilities, spoken.outcomes) if is_enough else None
        cards[str(one.version.number)] = {
            "n": len(spoken.row), "in_sample": len(labelled) - len(clean), "card": card,
        }  # fmt: skip
        told = (
            scoring.log_losses(spoken.probabilities, spoken.outcomes) if is_enough else np.empty(0)
        )
        losses.append(dict(zip(clean[spoken.row].tolist(), told.tolist(), strict=False)))
    return {"versions": cards, "paired": _paired(said, losses, labelled.week)}


def _paired(
    said: Sequence[Said], losses: Sequence[Mapping[int, float]], weeks: NDArray
) -> list[dict[str, Any]]:
    """Return each two versions' difference; weeks are drawn whole, and so is each race."""
    found = []
    for (one, first), (other, second) in itertools.combinations(zip(said, losses, strict=True), 2):
        both = sorted(first.keys() & second.keys())
        if both:
            gaps = [first[row] - second[row] for row in both]
            pair = [one.version.number, other.version.number]
            told = intervals.paired(gaps, clusters=weeks[both])
            found.append({"versions": pair, **told.as_figures()})
    return found


def differences(
    *, rows: Rows, said: Sequence[Said], served: Mapping[int, tuple[float, int]]
) -> dict[str, Any]:
    """Return how far each version is from what was served, and each from the first."""
    was = np.array([served.get(one.selection_id, (np.nan, 0))[0] for one in rows.asked.answers])
    first = said[0]
    return {
        "served": {str(one.version.number): _apart(rows, was, one.probability) for one in said},
        "between": {
            f"{first.version.number}-{one.version.number}": _apart(
                rows, first.probability, one.probability
            )
            for one in said[1:]
        },
    }


def _apart(rows: Rows, before: NDArray, after: NDArray) -> dict[str, Any]:
    both = np.flatnonzero(np.isfinite(before) & np.isfinite(after))
    if not len(both):
        return {"n": 0, "mean": None, "largest": None, "notable": None, "changes": []}
    gaps = np.abs(after[both] - before[both])
    order = both[np.argsort(-gaps, kind="stable")][:CHANGED]
    asked = rows.asked.answers
    return {
        "n": len(both),
        "mean": float(gaps.mean()),
        "largest": float(gaps.max()),
        "notable": float((gaps > NOTABLE).mean()),
        "changes": [
            {"event": asked[i].event_id, "selection": asked[i].selection_id,
             "before": float(before[i]), "after": float(after[i])}
            for i in order
            if before[i] != after[i]
        ],
    }  # fmt: skip


def columns(
    *, rows: Rows, said: Sequence[Said], served: Mapping[int, tuple[float, int]]
) -> dict[str, Any]:
    """Return every selection as columns, the versions beside one another."""
    told = [served.get(one.selection_id) for one in rows.asked.answers]
    found: dict[str, Any] = {
        "event": [one.event_id for one in rows.asked.answers],
        "selection": [one.selection_id for one in rows.asked.answers],
        "participant": [one.of for one in rows.asked.answers],
        "line": [_number(one.line) for one in rows.asked.answers],
        "starts_at_us": rows.starts[rows.row_of],
        "as_of_us": rows.as_of[rows.row_of],
        "served": [one[0] if one else None for one in told],
        "served_version": [one[1] if one else None for one in told],
    }
    for one in said:
        number = one.version.number
        found[f"v{number}"] = one.probability
        found[f"v{number}_refund"] = one.refund
        found[f"v{number}_in_sample"] = one.is_seen
    return found


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
