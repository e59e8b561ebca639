"""From rows and selections to what an estimator is asked, and whether its answers are sound."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from markets.domain import kinds
from models_ml.domain.estimators import base
from models_ml.domain.estimators.base import Questions
from models_ml.domain.features import FeatureSet
from models_ml.domain.lines import Answers
from models_ml.queries.selections import Answer
from models_ml.services.asking import PLAYER, RUNNER, Subject
from monitoring.errors import Refused

TOLERANCE = 1e-4  # what a market's probabilities may differ by from what they sum to


class UnsoundAnswers(Refused):
    """An estimator said what can be no probabilities."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions about rows of values, each with the selection it is about.

    ``refused``: rows that no question is about, with the reason.
    """

    questions: Questions
    answers: list[Answer]
    refused: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.answers)


def _says_nothing(values: NDArray, subjects: Sequence[Subject], feature_set: FeatureSet) -> NDArray:
    """Return which rows know nothing that is needed; a race's rows only all together."""
    silent = feature_set.says_nothing(values)
    if feature_set.grain != RUNNER or not len(silent):
        return silent
    _, race = np.unique([subject.event_id for subject in subjects], return_inverse=True)
    return (np.bincount(race, weights=~silent) == 0)[race]


def asked(
    *,
    subjects: Sequence[Subject],
    values: NDArray,
    feature_set: FeatureSet,
    kind: str,
    answers: Mapping[int, Sequence[Answer]],
) -> Asked:
    """Return the questions that these rows can be asked: each answer of its event's markets."""
    silent = _says_nothing(values, subjects, feature_set)
    mine: list[tuple[int, Answer]] = []
    refused: dict[int, str] = {}
    for row, subject in enumerate(subjects):
        of_event = answers.get(subject.event_id, ())
        found = [(row, one) for one in of_event if _is_about(one, subject, feature_set.grain)]
        if not found:
            refused[row] = f"event {subject.event_id} has no such market yet"
        elif silent[row]:
            refused[row] = f"event {subject.event_id}: neither a market nor an earlier match"
        elif kind == "PLACE" and any(one.places is None for _, one in found):
            refused[row] = f"event {subject.event_id}: how many are placed is not known"
        else:
            mine += found
    is_races = feature_set.grain == RUNNER
    groups = np.array([subject.event_id for subject in subjects] if is_races else [])
    told = [one for _, one in mine]
    return Asked(
        base.questions(
            kind=kind,
            row=[row for row, _ in mine],
            place=[one.place for one in told],
            line=[one.line for one in told],
            side=[int(one.is_away) for one in told],
            places=[one.places or 0 for one in told],
            groups=groups,
        ),
        told,
        refused,
    )


def _is_about(answer: Answer, subject: Subject, grain: str) -> bool:
    if grain == RUNNER:
        return answer.of == subject.participant_id
    if grain == PLAYER:
        return (answer.of, answer.statistic) == (subject.participant_id, subject.statistic)
    return True


def check(asked: Asked, said: Answers) -> None:
    """Refuse answers that are no probabilities, or do not sum to what their market's must.

    Raises:
        UnsoundAnswers: and names the event.
    """
    p, refund = said
    good = np.isfinite(p) & (p > 0) & (p < 1) & np.isfinite(refund) & (refund >= 0) & (refund < 1)
    if not good.all():
        worst = int(np.flatnonzero(~good)[0])
        raise UnsoundAnswers(
            f"selection {asked.answers[worst].selection_id} of event"
            f" {asked.answers[worst].event_id}: P {p[worst]}, refund {refund[worst]}"
        )
    if not len(asked):
        return
    of_one_row = asked.questions.kind not in kinds.RUNNER_KINDS
    keys = [
        (one.market_id, int(row) if of_one_row else -1)
        for one, row in zip(asked.answers, asked.questions.row, strict=True)
    ]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    market = np.array([numbers[key] for key in keys], dtype=np.intp)
    sums, sizes = np.bincount(market, weights=p), np.bincount(market)
    first = np.full(len(numbers), -1)
    first[market[::-1]] = np.arange(len(market))[::-1]
    rows_of = dict(zip(*np.unique(asked.questions.groups, return_counts=True), strict=True))
    for place, (total, size) in enumerate(zip(sums.tolist(), sizes.tolist(), strict=True)):
        answer = asked.answers[int(first[place])]
        wanted = _sum_of(asked.questions.kind, answer, size, rows_of)
        if wanted is not None and abs(total - wanted) > TOLERANCE:
            raise UnsoundAnswers(
                f"event {answer.event_id}: a market's probabilities sum to {total:.6f},"
                f" not {wanted}"
            )


def _sum_of(kind: str, answer: Answer, size: int, rows_of: Mapping[int, int]) -> int | None:
    if kind in kinds.RUNNER_KINDS and rows_of.get(answer.event_id) != size:
        return None  # a runner that this market does not have
    wanted = kinds.sums_to(kind=kind, places=answer.places)
    return wanted if wanted is None else min(wanted, size)
