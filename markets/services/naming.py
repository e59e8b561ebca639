"""From a source's own names to our rows: competitions, seasons, participants, books."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from markets.connectors.base import ParsedBatch, ParsedEvent
from markets.models import (
    Book,
    Competition,
    Participant,
    ParticipantAlias,
    Season,
    Source,
    Sport,
)

SPORTS = {"soccer": "Soccer"}

#: Tells of something unusable: (field, message).
Tell = Callable[[str, str], None]


@dataclass(slots=True)
class Names:
    """What the names of one batch stand for."""

    competitions: dict[str, Competition]
    seasons: dict[tuple[str, str], int]
    participants: dict[tuple[int, str], Participant]  # by sport and the source's name
    books: dict[str, int]

    def sides(self, event: ParsedEvent) -> tuple[Participant, Participant] | None:
        """Return both participants, or None where a name or the competition is unknown."""
        competition = self.competitions.get(event.competition)
        if competition is None:
            return None
        home = self.participants.get((competition.sport_id, event.home))
        away = self.participants.get((competition.sport_id, event.away))
        return None if home is None or away is None or home == away else (home, away)


def resolve(*, batch: ParsedBatch, source: Source, tell: Tell) -> Names:
    """Look up every name of a batch, and create what the source is allowed to create."""
    competitions = _competitions(batch, source, tell)
    known = [event for event in batch.events if event.competition in competitions]
    return Names(
        competitions=competitions,
        seasons=_seasons(known, competitions),
        participants=_participants(known, competitions, source, tell),
        books=_books(batch, source, tell),
    )


def _competitions(batch: ParsedBatch, source: Source, tell: Tell) -> dict[str, Competition]:
    codes = {event.competition for event in batch.events}
    found = Competition.objects.in_bulk(codes, field_name="code")
    missing = sorted(codes - set(found))
    declared = {parsed.code: parsed for parsed in batch.competitions}
    if source.creates_names and any(code in declared for code in missing):
        new = [declared[code] for code in missing if code in declared]
        sports = _sports({parsed.sport for parsed in new})
        Competition.objects.bulk_create(
            [
                Competition(
                    sport_id=sports[parsed.sport],
                    code=parsed.code,
                    name=parsed.name,
                    country=parsed.country,
                    time_zone=parsed.time_zone,
                    is_simulated=parsed.is_simulated,
                    time_scale=parsed.time_scale,
                )
                for parsed in new
            ],
            ignore_conflicts=True,
        )
        found = Competition.objects.in_bulk(codes, field_name="code")
    for code in sorted(codes - set(found)):
        tell("competition", f"a known competition, not {code!r}")
    return found


def _sports(codes: Collection[str]) -> dict[str, int]:
    Sport.objects.bulk_create(
        [Sport(code=code, name=SPORTS.get(code, code.title())) for code in sorted(codes)],
        ignore_conflicts=True,
    )
    return dict(Sport.objects.filter(code__in=codes).values_list("code", "pk"))


def _seasons(
    events: Sequence[ParsedEvent], competitions: dict[str, Competition]
) -> dict[tuple[str, str], int]:
    wanted = {(event.competition, event.season) for event in events}
    found = _stored_seasons(wanted)
    missing = sorted(wanted - set(found))
    if not missing:
        return found
    Season.objects.bulk_create(
        [Season(competition=competitions[code], label=label) for code, label in missing],
        ignore_conflicts=True,
    )
    return _stored_seasons(wanted)


def _stored_seasons(wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
    rows = Season.objects.filter(
        competition__code__in={code for code, _ in wanted}, label__in={label for _, label in wanted}
    )
    return {
        (code, label): pk
        for code, label, pk in rows.values_list("competition__code", "label", "pk")
    }


def _participants(
    events: Sequence[ParsedEvent],
    competitions: dict[str, Competition],
    source: Source,
    tell: Tell,
) -> dict[tuple[int, str], Participant]:
    wanted = {
        (competitions[event.competition].sport_id, name)
        for event in events
        for name in (event.home, event.away)
    }
    found = _by_alias(wanted, source)
    missing = sorted(wanted - set(found))
    if missing and source.creates_names:
        _create_participants(missing, source)
        found = _by_alias(wanted, source)
    for _, name in sorted(wanted - set(found)):
        tell("participant", f"a name that is mapped to a participant, not {name!r}")
    return found


def _by_alias(
    wanted: Collection[tuple[int, str]], source: Source
) -> dict[tuple[int, str], Participant]:
    rows = ParticipantAlias.objects.filter(
        source=source, alias__in={name for _, name in wanted}
    ).select_related("participant")
    return {(row.sport_id, row.alias): row.participant for row in rows}


def _create_participants(missing: Sequence[tuple[int, str]], source: Source) -> None:
    """Create in order of name, so that two loads that share clubs never wait in a circle."""
    Participant.objects.bulk_create(
        [Participant(sport_id=sport_id, name=name) for sport_id, name in missing],
        ignore_conflicts=True,
    )
    rows = Participant.objects.filter(name__in={name for _, name in missing})
    by_name = {(row.sport_id, row.name): row for row in rows}
    ParticipantAlias.objects.bulk_create(
        [
            ParticipantAlias(source=source, sport_id=key[0], alias=key[1], participant=by_name[key])
            for key in missing
        ],
        ignore_conflicts=True,
    )


def _books(batch: ParsedBatch, source: Source, tell: Tell) -> dict[str, int]:
    codes = {price.book for price in batch.prices}
    found = _stored_books(codes)
    declared = {parsed.code: parsed for parsed in batch.books}
    new = [declared[code] for code in sorted(codes - set(found)) if code in declared]
    if new and source.creates_names:
        Book.objects.bulk_create(
            [
                Book(
                    code=parsed.code,
                    name=parsed.name,
                    kind=parsed.kind,
                    reference_rank=parsed.reference_rank,
                    is_simulated=parsed.is_simulated,
                )
                for parsed in new
            ],
            ignore_conflicts=True,
        )
        found = _stored_books(codes)
    for code in sorted(codes - set(found)):
        tell("book", f"a known book, not {code!r}")
    return found


def _stored_books(codes: Collection[str]) -> dict[str, int]:
    return dict(Book.objects.filter(code__in=codes).values_list("code", "pk"))
