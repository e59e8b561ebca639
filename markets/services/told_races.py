"""Races that records of bets name and no source told of: made once, marked as told by them.

They come in by the one load path, under a source that nothing is read from, so the publisher's ids
lead a source that tells the same races later to the same events.
"""

from collections.abc import Sequence
from datetime import datetime

from markets.connectors.base import (
    ParsedBatch,
    ParsedCompetition,
    ParsedEvent,
    ParsedMarket,
    ParsedPerson,
)
from markets.connectors.betfair import codes
from markets.domain import told_races
from markets.domain.told_races import RaceKey, ToldRunner
from markets.models import Book, Event, SelectionAlias, Source
from markets.services import recording

CHUNK = 1_000  # races at a time
BET_FILES = "bet_files"

Key = tuple[str, str]  # market id, runner id


def selections(*, runners: Sequence[ToldRunner], namespace: str) -> dict[Key, int]:
    """Return the selections that the publisher's ids lead to; those unknown are left out."""
    keys = {(told.market_id, told.runner_id) for told in runners}
    rows = SelectionAlias.objects.filter(
        namespace=namespace,
        market_ref__in={market for market, _ in keys},
        ref__in={runner for _, runner in keys},
    ).values_list("market_ref", "ref", "selection_id")
    return {(market, ref): pk for market, ref, pk in rows if (market, ref) in keys}


def record(
    *, runners: Sequence[ToldRunner], namespace: str, told_by: str, now: datetime
) -> dict[Key, int]:
    """Make the races, markets and runners that are not known yet; return all their selections.

    ``told_by``: what the events keep of where they come from.
    """
    if namespace == codes.NAMESPACE:
        _ensure_books()
    known = selections(runners=runners, namespace=namespace)
    of_market = told_races.races(runners)
    missing: dict[RaceKey, list[ToldRunner]] = {}
    for told in runners:
        if (told.market_id, told.runner_id) not in known:
            missing.setdefault(of_market[told.market_id], []).append(told)
    keys = list(missing)
    for start in range(0, len(keys), CHUNK):
        chunk = {key: missing[key] for key in keys[start : start + CHUNK]}
        recording.record(
            batch=_batch(chunk, told_by=told_by, now=now), source=_source(namespace), now=now
        )
    return selections(runners=runners, namespace=namespace) if missing else known


def _ensure_books() -> None:
    """Make the exchange's books where they are missing: its bets are taken with them."""
    Book.objects.bulk_create(
        [
            Book(code=told.code, name=told.name, kind=told.kind, reference_rank=told.reference_rank)
            for told in codes.BOOKS
        ],
        ignore_conflicts=True,
    )


def _source(namespace: str) -> Source:
    """Return the source of what files of bets name: nothing is ever read from it."""
    code = BET_FILES if namespace == codes.NAMESPACE else f"{BET_FILES}_{namespace}"[:30]
    return Source.objects.get_or_create(
        code=code,
        defaults={
            "name": "Files of bets",
            "namespace": namespace,
            "is_enabled": False,
            "disabled_reason": "What files of bets name: there is nothing to read.",
            "creates_players": True,
        },
    )[0]


def _batch(missing: dict[RaceKey, list[ToldRunner]], *, told_by: str, now: datetime) -> ParsedBatch:
    """Return races with their markets and runners, as a connector would tell them."""
    events, markets = [], []
    competitions: dict[str, ParsedCompetition] = {}
    for number, (key, runners) in enumerate(missing.items(), start=1):
        first, nth = runners[0], key[-1]
        track = _track(first)
        competitions[track.code] = track
        ref = f"race-{number}"
        events.append(_event(first, nth, ref=ref, competition=track.code, told_by=told_by, now=now))
        by_market: dict[str, list[ToldRunner]] = {}
        for told in runners:
            by_market.setdefault(told.market_id, []).append(told)
        markets += [_market(ref, told) for told in by_market.values()]
    return ParsedBatch(events=events, markets=markets, competitions=list(competitions.values()))


def _track(told: ToldRunner) -> ParsedCompetition:
    country = told.country
    return ParsedCompetition(
        code=codes.track_code(country=country, venue=told.track, sport=told.sport),
        name=f"{told.track} ({country})" if country else told.track,
        country=country,
        sport=told.sport,
        time_zone=told.zone,
    )


def _event(
    told: ToldRunner, nth: int, *, ref: str, competition: str, told_by: str, now: datetime
) -> ParsedEvent:
    name = f"{told.track} {told.day} R{told.race}"
    starts_at = told_races.assumed_start(day=told.day, zone=told.zone, race=told.race, nth=nth)
    is_over = starts_at.date() < now.date()
    return ParsedEvent(
        ref=ref,
        competition=competition,
        season=str(told.day.year),
        starts_at=starts_at,
        status=Event.Status.FINISHED if is_over else Event.Status.SCHEDULED,
        round=f"R{told.race}",
        meeting_date=None if nth else told.day,
        race_number=None if nth else told.race,
        name=f"{name} ({told.market_id})" if nth else name,
        certainty=Event.Certainty.DATE,
        data={"told_by": told_by},
    )


def _market(ref: str, runners: Sequence[ToldRunner]) -> ParsedMarket:
    people: dict[str, ParsedPerson] = {}
    for told in runners:
        people.setdefault(
            told.runner_id,
            ParsedPerson(
                name=told.runner,
                id=told.runner_id,
                country=told.country,
                qualifier=told.country,
                number=told.number,
            ),
        )
    first = runners[0]
    return ParsedMarket(
        event_ref=ref, kind=first.market, id=first.market_id, runners=list(people.values())
    )
