"""What a source tells of how an event ended, and where two tellings contradict each other.

Pure: no Django, no clock, no I/O.

Words
    telling        everything one source says of one event's end; what it leaves out is None
    part           outcome, half, periods, runners, statistics: who told a part last may correct it
    contradiction  both tell the same fact, and differently; silence contradicts nothing
    passing        a state that is no end: whatever is told after it replaces it
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

OUTCOME, HALF, PERIODS, RUNNERS, STATISTICS = "outcome", "half", "periods", "runners", "statistics"
PARTS = (OUTCOME, HALF, PERIODS, RUNNERS, STATISTICS)
#: What another source than the first may add to a result that it does not contradict.
ADDABLE = (PERIODS, RUNNERS, STATISTICS)
PASSING = frozenset({"INTERRUPTED", "WITHDRAWN"})

Pair = tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class Runner:
    """How one runner came in."""

    number: int | None = None
    position: int | None = None
    is_winner: bool | None = None
    is_placed: bool | None = None
    is_removed: bool = False
    reduction: Decimal | None = None  # %


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one player."""

    value: Decimal | None
    took_part: bool = True


@dataclass(frozen=True, slots=True)
class Telling:
    """One event's end.  ``runners`` by participant, ``statistics`` by participant and name."""

    status: str
    score: Pair = (None, None)
    half: Pair = (None, None)
    winner: str = ""
    had_overtime: bool | None = None
    periods: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    runners: Mapping[int, Runner] = field(default_factory=dict)
    statistics: Mapping[tuple[int, str], Figure] = field(default_factory=dict)

    def part(self, name: str) -> object:
        """Return what it tells of one part, to compare with ``==``."""
        if name == OUTCOME:
            return self.status, self.score, self.winner, self.had_overtime
        return getattr(self, name)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it; only what is told."""
        told: dict[str, Any] = {"status": self.status}
        for name in ("score", "half"):
            if getattr(self, name) != (None, None):
                told[name] = list(getattr(self, name))
        if self.winner:
            told["winner"] = self.winner
        if self.had_overtime is not None:
            told["had_overtime"] = self.had_overtime
        if self.periods:
            told["periods"] = {name: list(score) for name, score in sorted(self.periods.items())}
        if self.runners:
            told["runners"] = {
                str(key): _runner_json(row) for key, row in sorted(self.runners.items())
            }
        if self.statistics:
            told["statistics"] = [
                [key, name, _text(row.value), row.took_part]
                for (key, name), row in sorted(self.statistics.items())
            ]
        return told

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Telling":
        """Return what ``as_json`` made.

        >>> told = Telling("FINAL", (2, 1), runners={7: Runner(4, 1, True, reduction=Decimal(9))})
        >>> Telling.from_json(told.as_json()) == told
        True
        """
        return cls(
            status=told["status"],
            score=_pair(told.get("score")),
            half=_pair(told.get("half")),
            winner=told.get("winner", ""),
            had_overtime=told.get("had_overtime"),
            periods={name: tuple(score) for name, score in told.get("periods", {}).items()},
            runners={
                int(key): Runner(**{**row, "reduction": _number(row.get("reduction"))})
                for key, row in told.get("runners", {}).items()
            },
            statistics={
                (key, name): Figure(_number(value), took_part)
                for key, name, value, took_part in told.get("statistics", ())
            },
        )

    def digest(self) -> str:
        """Return the same text for the same telling, and another for any other."""
        if self.periods or self.runners or self.statistics:
            return _digest(self)
        return _score_digest(self.status, self.score, self.half, self.winner, self.had_overtime)


def _digest(telling: Telling) -> str:
    plain = json.dumps(telling.as_json(), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()


@lru_cache(maxsize=4_096)
def _score_digest(
    status: str, score: Pair, half: Pair, winner: str, had_overtime: bool | None
) -> str:
    """Most results are a score and nothing else, and there are few different ones."""
    return _digest(Telling(status, score, half, winner, had_overtime))


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Where two tellings differ; ``text`` says what was told, and what stands."""

    part: str
    text: str

    def __str__(self) -> str:
        return self.text


def contradictions(standing: Telling, told: Telling) -> list[Contradiction]:
    """Return every fact that both tell differently; what one leaves out is no contradiction.

    >>> [str(c) for c in contradictions(Telling("FINAL", (2, 1)), Telling("FINAL", (1, 2)))]
    ['score 1–2, not 2–1: the sides are exchanged']
    """
    return list(_contradictions(standing, told))


def adds(standing: Telling, told: Telling) -> list[str]:
    """Return the parts of which ``told`` knows something that ``standing`` leaves open.

    >>> adds(Telling("FINAL", (2, 1)), Telling("FINAL", (2, 1), half=(1, 0)))
    ['half']
    """
    both = completed(standing, told)
    return [name for name in PARTS if both.part(name) != standing.part(name)]


def with_details(
    telling: Telling,
    *,
    runners: Mapping[int, Runner],
    statistics: Mapping[tuple[int, str], Figure],
) -> Telling:
    return replace(telling, runners=runners, statistics=statistics)


def completed(standing: Telling, told: Telling) -> Telling:
    """Return what stands with what ``told`` knows beyond it; of a contradiction, what stands."""
    return Telling(
        status=standing.status,
        score=_filled(standing.score, told.score),
        half=_filled(standing.half, told.half),
        winner=standing.winner or told.winner,
        had_overtime=told.had_overtime if standing.had_overtime is None else standing.had_overtime,
        periods={**told.periods, **standing.periods},
        runners={
            **told.runners,
            **{k: _fuller(told, k, row) for k, row in standing.runners.items()},
        },
        statistics={**told.statistics, **standing.statistics},
    )


def corrected(standing: Telling, told: Telling) -> Telling:
    """Return what stands once ``told`` has replaced what it contradicts.

    Another state leaves nothing of the end before it.  A half-time score or periods that belong
    to another final score go with it, unless they are told again.
    """
    if told.status != standing.status:
        return told
    is_another_score = told.score != standing.score and None not in told.score
    return replace(
        completed(told, standing),
        half=told.half if is_another_score else _filled(told.half, standing.half),
        periods=told.periods if is_another_score else {**standing.periods, **told.periods},
    )


def _contradictions(standing: Telling, told: Telling) -> Iterator[Contradiction]:
    if told.status != standing.status:
        yield Contradiction(OUTCOME, f"{shown(told)}, not {shown(standing)}")
        return
    yield from _of_scores(standing, told)
    for name in sorted(standing.periods.keys() & told.periods.keys()):
        ours, theirs = standing.periods[name], told.periods[name]
        if tuple(ours) != tuple(theirs):
            yield Contradiction(PERIODS, f"{name} {_dashed(theirs)}, not {_dashed(ours)}")
    yield from _of_runners(standing.runners, told.runners)
    for key in sorted(standing.statistics.keys() & told.statistics.keys()):
        ours_, theirs_ = standing.statistics[key], told.statistics[key]
        if ours_.took_part != theirs_.took_part or _differ(ours_.value, theirs_.value):
            what = f"{key[1]} of participant {key[0]}"
            yield Contradiction(STATISTICS, f"{what}: {theirs_.value}, not {ours_.value}")


def _of_scores(standing: Telling, told: Telling) -> Iterator[Contradiction]:
    if any(map(_differ, standing.score, told.score)):
        text = f"score {_dashed(told.score)}, not {_dashed(standing.score)}"
        is_swapped = told.score == standing.score[::-1]
        yield Contradiction(OUTCOME, f"{text}: the sides are exchanged" if is_swapped else text)
    if any(map(_differ, standing.half, told.half)):
        yield Contradiction(HALF, f"half-time {_dashed(told.half)}, not {_dashed(standing.half)}")
    if standing.winner and told.winner and standing.winner != told.winner:
        yield Contradiction(OUTCOME, f"winner {told.winner}, not {standing.winner}")
    if _differ(standing.had_overtime, told.had_overtime):
        yield Contradiction(OUTCOME, "overtime" if told.had_overtime else "no overtime")


def _of_runners(
    standing: Mapping[int, Runner], told: Mapping[int, Runner]
) -> Iterator[Contradiction]:
    """Compare runner by runner; and the winners, where one tells of a runner the other lacks."""
    ours = {key for key, row in standing.items() if row.is_winner}
    theirs = {key for key, row in told.items() if row.is_winner}
    if ours and theirs and ours != theirs:
        yield Contradiction(RUNNERS, f"winner {_listed(theirs)}, not {_listed(ours)}")
    for key in sorted(standing.keys() & told.keys()):
        a, b = standing[key], told[key]
        for name in ("position", "is_placed", "is_removed", "reduction"):
            if _differ(getattr(a, name), getattr(b, name)):
                what = f"participant {key} {name.removeprefix('is_')}"
                yield Contradiction(
                    RUNNERS, f"{what}: {_plain(getattr(b, name))}, not {_plain(getattr(a, name))}"
                )


def _differ(ours: object, theirs: object) -> bool:
    return ours is not None and theirs is not None and ours != theirs


def _filled(ours: Pair, theirs: Pair) -> Pair:
    return (
        theirs[0] if ours[0] is None else ours[0],
        theirs[1] if ours[1] is None else ours[1],
    )


def _fuller(told: Telling, key: int, ours: Runner) -> Runner:
    theirs = told.runners.get(key)
    if theirs is None or theirs == ours:
        return ours
    names = ("number", "position", "is_winner", "is_placed", "reduction")
    known = {name: getattr(theirs if getattr(ours, name) is None else ours, name) for name in names}
    return replace(ours, **known)


def shown(telling: Telling) -> str:
    """Name a state with its score: "final 2–1", "abandoned"."""
    name = telling.status.lower()
    return name if None in telling.score else f"{name} {_dashed(telling.score)}"


def _dashed(score: tuple[int | None, ...]) -> str:
    return "–".join("?" if goals is None else str(goals) for goals in score)


def _listed(keys: set[int]) -> str:
    return " and ".join(f"participant {key}" for key in sorted(keys))


def _plain(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _pair(listed: list[int | None] | None) -> Pair:
    return (None, None) if listed is None else (listed[0], listed[1])


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format(value.normalize(), "f")


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _runner_json(row: Runner) -> dict[str, Any]:
    every = {
        "number": row.number,
        "position": row.position,
        "is_winner": row.is_winner,
        "is_placed": row.is_placed,
        "is_removed": row.is_removed or None,
        "reduction": _text(row.reduction),
    }
    return {name: value for name, value in every.items() if value is not None}
