"""Markets and selections of a batch: made once, in bulk, and found by what they ask."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from markets.connectors.columns import PriceKey
from markets.domain import gates, kinds
from markets.models import Event, Participant
from markets.services import copying
from markets.services.naming import Tell

#: Returns whom a name means in an event, or None: (event_ref, name or "#<id>").
Who = Callable[[str, str], Participant | None]
Answer = tuple[str, int]  # role, the runner's participant id or 0


class MarketKey(NamedTuple):
    """What a market asks; ``line`` has two places, ``participant_id`` is whose total it is."""

    event_id: int
    kind: str
    period: str = "FULL"
    line: Decimal | None = None
    participant_id: int | None = None
    statistic: str = ""


@dataclass(frozen=True, slots=True)
class Runner:
    """A participant that is an answer; None: nothing was said, what is stored stays."""

    participant_id: int
    name: str
    number: int | None = None
    removed_at: datetime | None = None
    reduction: Decimal | None = None


@dataclass(slots=True)
class Question:
    """A market that must be there, with the runners that must be in it."""

    key: MarketKey
    home: str = ""
    away: str = ""
    who: str = ""  # whose total
    places: int | None = None
    place_fraction: str = ""
    runners: dict[int, Runner] = field(default_factory=dict)

    def answers(self) -> list[Answer]:
        if self.key.kind in kinds.RUNNER_KINDS:
            return [(kinds.RUNNER, participant_id) for participant_id in sorted(self.runners)]
        return [(role, 0) for role in kinds.ROLES[self.key.kind]]


@dataclass(slots=True)
class Listed:
    """The markets and selections of the events asked for; ``fresh`` ones were just made."""

    markets: dict[MarketKey, int] = field(default_factory=dict)
    selections: dict[MarketKey, dict[Answer, int]] = field(default_factory=dict)
    fresh: set[int] = field(default_factory=set)
    changed: set[int] = field(default_factory=set)  # selections of which more became known
    changed_markets: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True, eq=False)
class PricedKeys:
    """What price keys stand for, in their order; -1 where one stands for nothing (told already).

    ``is_fresh``: the selection was made in this transaction, so it has no history; ``refused``:
    which keys ask what no market can be asked, by the reason that their prices are counted under.
    """

    selection: NDArray[np.int64]
    event: NDArray[np.int64]
    is_fresh: NDArray[np.bool_]
    listed: Listed = field(default_factory=Listed)
    refused: dict[str, list[int]] = field(default_factory=dict)


_FIND = """
SELECT m.event_id, m.kind, m.period, m.line, m.participant_id, m.statistic, m.id,
       s.role, coalesce(s.participant_id, 0), s.id
FROM markets_market m LEFT JOIN markets_selection s ON s.market_id = m.id
WHERE m.event_id = ANY(%s)
"""
_ADD_MARKETS = """
INSERT INTO markets_market
    (event_id, kind, period, line, participant_id, statistic, places, place_fraction)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::numeric[], %s::bigint[], %s::text[],
    %s::smallint[], %s::text[])
ON CONFLICT DO NOTHING
RETURNING id
"""
_ADD_SELECTIONS = """
INSERT INTO markets_selection
    (market_id, role, participant_id, name, line, number, removed_at, reduction)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::text[], %s::numeric[],
    %s::smallint[], %s::timestamptz[], %s::numeric[])
ON CONFLICT DO NOTHING
RETURNING id
"""
_UPDATE_PLACES = """
UPDATE markets_market m SET places = coalesce(t.places, m.places),
    place_fraction = coalesce(nullif(t.place_fraction, ''), m.place_fraction)
FROM unnest(%s::bigint[], %s::smallint[], %s::text[]) AS t (id, places, place_fraction)
WHERE m.id = t.id AND (m.places, m.place_fraction) IS DISTINCT FROM
    (coalesce(t.places, m.places), coalesce(nullif(t.place_fraction, ''), m.place_fraction))
RETURNING m.id
"""
_REOPEN_CLOSES = """
UPDATE markets_event SET close_recorded_for = NULL
WHERE close_recorded_for IS NOT NULL AND id IN (SELECT m.event_id FROM markets_market m
    JOIN markets_selection s ON s.market_id = m.id WHERE s.id = ANY(%s))
"""
_UPDATE_RUNNERS = """
UPDATE markets_selection s SET number = coalesce(t.number, s.number),
    removed_at = coalesce(t.removed_at, s.removed_at),
    reduction = coalesce(t.reduction, s.reduction)
FROM unnest(%s::bigint[], %s::smallint[], %s::timestamptz[], %s::numeric[])
    AS t (id, number, removed_at, reduction)
WHERE s.id = t.id AND (s.number, s.removed_at, s.reduction) IS DISTINCT FROM
    (coalesce(t.number, s.number), coalesce(t.removed_at, s.removed_at),
     coalesce(t.reduction, s.reduction))
RETURNING s.id
"""


_market_line = lru_cache(maxsize=4_096)(kinds.market_line)


def market_key(
    *,
    event_id: int,
    kind: str,
    period: str,
    line: Decimal | None,
    participant_id: int | None,
    statistic: str,
) -> MarketKey:
    """Return the key of a question as the tables hold it.

    Raises:
        kinds.BadMarket, kinds.BadLine: no market can ask that.
    """
    kinds.check_market(
        kind=kind, period=period, participant=participant_id is not None, statistic=statistic
    )
    line = _market_line(kind=kind, line=line)
    return MarketKey(event_id, kind, period, line, participant_id, statistic)


def price_keys(
    *,
    keys: Sequence[PriceKey],
    events: Mapping[str, Event],
    sides: Mapping[int, tuple[str, str]],
    who: Who,
    tell: Tell,
    questions: Iterable[Question] = (),
    record_of: Callable[[int], int | None] = lambda place: None,
) -> PricedKeys:
    """Find or make the selection of each key.

    ``questions`` are markets that the batch described itself, with their runners; they are made
    whether they have a price or not.  What no market can ask is told once, with its first record
    as ``record_of`` knows it by the key's place.
    """
    asked = {question.key: question for question in questions}
    reader = _Reader(events, sides, who, tell, record_of, asked)
    answers = [reader.answer(place, key) for place, key in enumerate(keys)]
    listed = ensure(questions=reader.questions.values())
    found = {id(q): (listed.selections[key], key.event_id) for key, q in reader.questions.items()}
    selection, event = np.full((2, len(keys)), -1, dtype=np.int64)
    at = [place for place, answer in enumerate(answers) if answer is not None]
    told = [answer for answer in answers if answer is not None]
    selection[at] = [found[id(question)][0][answer] for question, answer in told]
    event[at] = [found[id(question)][1] for question, _ in told]
    fresh = np.fromiter(listed.fresh, dtype=np.int64, count=len(listed.fresh))
    return PricedKeys(selection, event, np.isin(selection, fresh), listed, reader.refused)


@dataclass(slots=True)
class _Reader:
    """Reads price keys, asking about each name and each market once."""

    events: Mapping[str, Event]
    sides: Mapping[int, tuple[str, str]]
    who: Who
    tell: Tell
    record_of: Callable[[int], int | None]
    questions: dict[MarketKey, Question]
    known: dict[tuple[object, ...], Question | None] = field(default_factory=dict)
    refused: dict[str, list[int]] = field(default_factory=dict)  # places of keys, by the reason
    wrong: dict[tuple[object, ...], str] = field(default_factory=dict)  # what nobody can ask: why
    place: int = 0

    def answer(self, place: int, key: PriceKey) -> tuple[Question, Answer] | None:
        asked = key[:6]
        try:
            question = self.known[asked]
        except KeyError:
            self.place = place
            question = self.known[asked] = self._ask(*asked)
        if question is None:
            if asked in self.wrong:
                self.refused.setdefault(self.wrong[asked], []).append(place)
            return None
        role = key[6]
        if role not in kinds.roles_of(question.key.kind):
            self.tell("role", f"a role of {question.key.kind}, not {role!r}", self.record_of(place))
            self.refused.setdefault(gates.NO_MARKET, []).append(place)
            return None
        if role != kinds.RUNNER:
            return question, (role, 0)
        participant = self.who(key[0], key[7])
        if participant is None:
            return None
        question.runners.setdefault(participant.pk, Runner(participant.pk, participant.name))
        return question, (role, participant.pk)

    def _ask(
        self,
        ref: str,
        kind: str,
        period: str,
        line: Decimal | None,
        participant: str,
        statistic: str,
    ) -> Question | None:
        event = self.events.get(ref)
        if event is None:
            return None
        whose = self.who(ref, participant) if participant else None
        if participant and whose is None:
            return None
        try:
            key = market_key(
                event_id=event.pk,
                kind=kind,
                period=period,
                line=line,
                participant_id=None if whose is None else whose.pk,
                statistic=statistic,
            )
        except (kinds.BadMarket, kinds.BadLine) as wrong:
            is_line = isinstance(wrong, kinds.BadLine)
            what, why = ("line", gates.NO_LINE) if is_line else ("market", gates.NO_MARKET)
            self.wrong[ref, kind, period, line, participant, statistic] = why
            self.tell(what, str(wrong), self.record_of(self.place))
            return None
        question = self.questions.get(key)
        if question is None:
            home, away = self.sides.get(event.pk, ("", ""))
            name = "" if whose is None else whose.name
            question = self.questions[key] = Question(key, home=home, away=away, who=name)
        return question


def ensure(*, questions: Iterable[Question]) -> Listed:
    """Make the markets and selections that are missing; return those of all their events."""
    asked = {question.key: question for question in questions}
    event_ids = sorted({key.event_id for key in asked})
    if not event_ids:
        return Listed()
    listed = _find(event_ids)
    listed.changed_markets = _update_places(asked.values(), listed)
    listed.changed = _update_runners(asked.values(), listed)
    _add_markets([q for key, q in asked.items() if key not in listed.markets], listed)
    _add_selections(asked.values(), listed)
    return listed


def _find(event_ids: Sequence[int]) -> Listed:
    found = Listed()
    of_market: dict[int, dict[Answer, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [list(event_ids)])
        for *question, market_id, role, participant_id, pk in cursor.fetchall():
            answers = of_market.get(market_id)
            if answers is None:
                key = MarketKey(*question)
                found.markets[key] = market_id
                answers = of_market[market_id] = found.selections[key] = {}
            if pk is not None:
                answers[role, participant_id] = pk
    return found


def _add_markets(questions: Sequence[Question], listed: Listed) -> None:
    """Add in one order, so that two loads of one event never wait in a circle."""
    ordered = sorted(questions, key=_order)
    if not ordered:
        return
    made = _execute(_ADD_MARKETS, [(*q.key, q.places, q.place_fraction) for q in ordered])
    keys = [question.key for question in ordered]
    if len(made) == len(keys):
        listed.markets.update(zip(keys, made, strict=True))
        listed.selections.update((key, {}) for key in keys)
        return
    found = _find(sorted({key.event_id for key in keys}))
    listed.markets |= found.markets
    listed.selections |= found.selections


def _order(question: Question) -> tuple[object, ...]:
    key = question.key
    line = Decimal(0) if key.line is None else key.line
    return key.event_id, key.kind, key.period, line, key.participant_id or 0, key.statistic


def _add_selections(questions: Iterable[Question], listed: Listed) -> None:
    asked = [
        (question, answer)
        for question in questions
        for answer in question.answers()
        if answer not in listed.selections[question.key]
    ]
    if not asked:
        return
    made = _execute(
        _ADD_SELECTIONS, [_selection(listed.markets[q.key], q, answer) for q, answer in asked]
    )
    listed.fresh = set(made)
    if len(made) == len(asked):
        for (question, answer), pk in zip(asked, made, strict=True):
            listed.selections[question.key][answer] = pk
    else:
        listed.selections |= _find(sorted({q.key.event_id for q, _ in asked})).selections


def _selection(market_id: int, question: Question, answer: Answer) -> tuple[object, ...]:
    role, participant_id = answer
    runner = question.runners.get(participant_id)
    name = kinds.selection_name(
        role=role,
        home=question.home,
        away=question.away,
        line=question.key.line,
        who=question.who if runner is None else runner.name,
    )
    line = kinds.selection_line(kind=question.key.kind, role=role, line=question.key.line)
    said = (
        (None, None, None)
        if runner is None
        else (runner.number, runner.removed_at, runner.reduction)
    )
    return (market_id, role, participant_id or None, name, line, *said)


def _update_places(questions: Iterable[Question], listed: Listed) -> set[int]:
    """Write down how many places a market pays that was there before."""
    rows = [
        (listed.markets[question.key], question.places, question.place_fraction)
        for question in questions
        if (question.places or question.place_fraction) and question.key in listed.markets
    ]
    return set(_execute(_UPDATE_PLACES, rows)) if rows else set()


def _update_runners(questions: Iterable[Question], listed: Listed) -> set[int]:
    """Write down what became known of runners that were there before.

    Closes of their events are recorded anew: who does not run is no part of the margin.
    """
    rows = [
        (pk, runner.number, runner.removed_at, runner.reduction)
        for question in questions
        for runner in question.runners.values()
        if (
            pk := listed.selections.get(question.key, {}).get((kinds.RUNNER, runner.participant_id))
        )
        and (runner.number, runner.removed_at, runner.reduction) != (None, None, None)
    ]
    changed = set(_execute(_UPDATE_RUNNERS, rows)) if rows else set()
    if changed:
        with connection.cursor() as cursor:
            cursor.execute(_REOPEN_CLOSES, [sorted(changed)])
    return changed


def _execute(statement: str, rows: Sequence[tuple[object, ...]]) -> list[int]:
    """Run a statement on columns of values; return the ids of its rows, in their order."""
    with connection.cursor() as cursor:
        columns = [copying.as_any_array(column) for column in zip(*rows, strict=True)]
        cursor.execute(statement, columns)
        return [row[0] for row in cursor.fetchall()]
