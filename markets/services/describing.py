"""Markets that a batch describes itself: their questions, their runners, the publisher's ids."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from markets.connectors.base import ParsedMarket
from markets.domain import kinds
from markets.models import MarketAlias, ParkedRow, SelectionAlias
from markets.services import listing
from markets.services.accounting import Accounting, Waiting
from markets.services.cataloguing import Catalogue
from markets.services.listing import Listed, MarketKey, Question, Runner
from markets.services.naming import Tell
from markets.services.people import People

_ADD_MARKET_REFS = """
INSERT INTO markets_marketalias (namespace, ref, market_id)
SELECT %s, * FROM unnest(%s::text[], %s::bigint[]) ON CONFLICT DO NOTHING
"""
_ADD_SELECTION_REFS = """
INSERT INTO markets_selectionalias (namespace, market_ref, ref, selection_id)
SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::bigint[]) ON CONFLICT DO NOTHING
"""


@dataclass(slots=True)
class Described:
    """The questions of a batch's markets; each told market with its key."""

    questions: dict[MarketKey, Question] = field(default_factory=dict)
    told: list[tuple[ParsedMarket, MarketKey]] = field(default_factory=list)
    #: The publisher's ids of runners with their participants, by market and its id.
    runners: dict[tuple[MarketKey, str], list[tuple[str, int]]] = field(default_factory=dict)


def describe(
    *,
    markets: Sequence[ParsedMarket],
    catalogue: Catalogue,
    people: People,
    accounting: Accounting,
    tell: Tell,
) -> Described:
    """Return what the markets ask; one whose event waits is left to it."""
    described = Described()
    for market in markets:
        key = _key(market, catalogue, people, accounting, tell)
        if key is None:
            continue
        home, away = catalogue.sides.get(key.event_id, ("", ""))
        question = described.questions.setdefault(key, Question(key, home=home, away=away))
        whose = people.found.get((key.event_id, market.participant))
        question.who = "" if whose is None else whose.name
        question.places = market.places or question.places
        question.place_fraction = market.place_fraction or question.place_fraction
        _add_runners(described, question, market, catalogue, people, accounting)
        described.told.append((market, key))
    return described


def _key(
    market: ParsedMarket,
    catalogue: Catalogue,
    people: People,
    accounting: Accounting,
    tell: Tell,
) -> MarketKey | None:
    event = catalogue.events.get(market.event_ref)
    if event is None:
        return None
    whose = people.found.get((event.pk, market.participant)) if market.participant else None
    if market.participant and whose is None:
        missing = people.missing.get((event.pk, market.participant))
        if missing is not None:
            accounting.park(
                market.record,
                Waiting(ParkedRow.Reason.UNKNOWN_NAME, missing.name, {missing}),
            )
        return None
    try:
        return listing.market_key(
            event_id=event.pk,
            kind=market.kind,
            period=market.period,
            line=market.line,
            participant_id=None if whose is None else whose.pk,
            statistic=market.statistic,
        )
    except (kinds.BadMarket, kinds.BadLine) as wrong:
        tell("market", str(wrong), market.record or None)
        return None


def _add_runners(
    described: Described,
    question: Question,
    market: ParsedMarket,
    catalogue: Catalogue,
    people: People,
    accounting: Accounting,
) -> None:
    """Add the runners that are known; the record waits for the others."""
    event = catalogue.events[market.event_ref]
    for person in market.runners:
        participant = people.who(event, person)
        if participant is None:
            missing = people.missing_of(event, person)
            if missing is not None:
                accounting.park(
                    market.record,
                    Waiting(ParkedRow.Reason.UNKNOWN_NAME, missing.name, {missing}),
                )
            continue
        if person.id and market.id:
            ids = described.runners.setdefault((question.key, market.id), [])
            ids.append((person.id, participant.pk))
        before = question.runners.get(participant.pk)
        question.runners[participant.pk] = Runner(
            participant.pk,
            participant.name,
            person.number if person.number is not None or before is None else before.number,
            person.removed_at or (before.removed_at if before else None),
            person.reduction if person.reduction is not None or not before else before.reduction,
        )


def note(*, described: Described, listed: Listed, namespace: str, accounting: Accounting) -> None:
    """Keep the publisher's ids of markets and runners, and say whose records brought news."""
    news = listed.fresh | listed.changed
    market_refs: dict[str, tuple[int, int]] = {}
    selection_refs: dict[tuple[str, str], tuple[int, int]] = {}
    for market, key in described.told:
        answers = listed.selections[key]
        if listed.markets[key] in listed.changed_markets or news & set(answers.values()):
            accounting.load([market.record])
        if market.id:
            market_refs.setdefault(market.id, (listed.markets[key], market.record))
        whole = market.id or market.part_of
        if not whole:
            continue
        for answer, role in market.answers:
            pk = answers.get((role, 0))
            if pk is not None:
                selection_refs.setdefault((whole, answer), (pk, market.record))
        for person, participant_id in described.runners.get((key, market.id), ()):
            pk = answers.get((kinds.RUNNER, participant_id))
            if pk is not None:
                selection_refs.setdefault((market.id, person), (pk, market.record))
    accounting.load(_note_markets(market_refs, namespace))
    accounting.load(_note_selections(selection_refs, namespace))


def _note_markets(refs: dict[str, tuple[int, int]], namespace: str) -> set[int]:
    """Keep the ids of markets that are new; return their records."""
    if not refs:
        return set()
    rows = MarketAlias.objects.filter(namespace=namespace, ref__in=refs)
    new = sorted(refs.keys() - set(rows.values_list("ref", flat=True)))
    if new:
        _execute(_ADD_MARKET_REFS, namespace, new, [refs[ref][0] for ref in new])
    return {refs[ref][1] for ref in new}


def _note_selections(refs: dict[tuple[str, str], tuple[int, int]], namespace: str) -> set[int]:
    if not refs:
        return set()
    rows = SelectionAlias.objects.filter(
        namespace=namespace, market_ref__in={market for market, _ in refs}
    )
    new = sorted(refs.keys() - set(rows.values_list("market_ref", "ref")))
    if new:
        markets, persons = zip(*new, strict=True)
        ids = [refs[ref][0] for ref in new]
        _execute(_ADD_SELECTION_REFS, namespace, list(markets), list(persons), ids)
    return {refs[ref][1] for ref in new}


def _execute(statement: str, namespace: str, *columns: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [namespace, *columns])
