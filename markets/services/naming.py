"""From a source's own names to our rows: competitions, seasons, sides of matches, books.

A name means what an operator or a league known by heart says it means, or what its source may
make.  It is never guessed: what is unknown waits for somebody to map it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from markets.connectors.base import ParsedBatch, ParsedCompetition, ParsedEvent
from markets.domain.teams import LEAGUES
from markets.models import (
    Book,
    Competition,
    CompetitionAlias,
    Participant,
    ParticipantAlias,
    Season,
    Source,
    Sport,
    UnknownName,
)
from markets.services import seeding_names

SPORTS = {
    "soccer": "Soccer",
    "american_football": "American football",
    "basketball": "Basketball",
    "horse_racing": "Horse racing",
    "greyhound_racing": "Greyhound racing",
    "tennis": "Tennis",
    "ice_hockey": "Ice hockey",
    "mma": "Mixed martial arts",
}
RACING = frozenset({"horse_racing", "greyhound_racing"})
#: Sports whose sides are persons.
OF_PERSONS = frozenset({"tennis", "boxing", "mma", "golf", "darts", "snooker", "cycling"})
LONGEST = 120


class Tell(Protocol):
    """Tells of something unusable: which field, what was expected, of which record."""

    def __call__(self, field: str, message: str, record: int | None = None, /) -> None: ...


class Missing(NamedTuple):
    """A name that stands for nobody yet: what an operator is asked to map."""

    kind: str
    sport_id: int | None
    competition_id: int | None
    name: str

    @property
    def problem(self) -> str:
        """Return what was expected instead."""
        if self.kind == UnknownName.Kind.PARTICIPANT:
            return f"a name that is mapped to a participant, not {self.name!r}"
        return f"a known {self.kind.lower()}, not {self.name!r}"


Side = tuple[int, str]  # competition, the source's name


@dataclass(slots=True)
class Names:
    """What the names of one batch stand for."""

    competitions: dict[str, Competition] = field(default_factory=dict)
    seasons: dict[tuple[int, str], int] = field(default_factory=dict)  # by competition and label
    participants: dict[Side, Participant] = field(default_factory=dict)
    books: dict[str, int] = field(default_factory=dict)

    def sides(self, event: ParsedEvent) -> tuple[Participant, Participant] | None:
        """Return both participants, or None where a name or the competition is unknown."""
        competition = self.competitions.get(event.competition)
        if competition is None:
            return None
        home = self.participants.get((competition.pk, event.home))
        away = self.participants.get((competition.pk, event.away))
        return None if home is None or away is None else (home, away)

    def missing(self, event: ParsedEvent) -> list[Missing]:
        """Return the names of an event that stand for nobody."""
        competition = self.competitions.get(event.competition)
        if competition is None:
            return [Missing(UnknownName.Kind.COMPETITION, None, None, event.competition[:LONGEST])]
        return [
            Missing(UnknownName.Kind.PARTICIPANT, competition.sport_id, competition.pk, name)
            for name in (event.home, event.away)
            if name and (competition.pk, name) not in self.participants
        ]


def kind_of_side(sport: str) -> str:
    """Return what the sides of a sport's events are."""
    return Participant.Kind.PLAYER if sport in OF_PERSONS else Participant.Kind.TEAM


# -- competitions ------------------------------------------------------------------
def competitions(*, batch: ParsedBatch, source: Source) -> dict[str, Competition]:
    """Return the competitions of a batch's events by what the source calls them.

    An alias of the source goes first; a code counts where the connector declares it or a league
    is known by heart.  What is missing is made where the source may.
    """
    names = {event.competition for event in batch.events if event.competition}
    if not names:
        return {}
    declared = {parsed.alias or parsed.code: parsed for parsed in batch.competitions}
    declared |= {parsed.code: parsed for parsed in batch.competitions}
    declared |= {code: _known_by_heart(code) for code in names & LEAGUES.keys() - declared.keys()}
    aliases = CompetitionAlias.objects.filter(source=source, alias__in=names)
    found = {row.alias: row.competition for row in aliases.select_related("competition__sport")}
    codes = {name: declared[name].code for name in sorted(names - found.keys()) if name in declared}
    standing = _by_code(codes.values())
    wanted = {code: declared[name] for name, code in codes.items() if code not in standing}
    if any(_may_make(parsed, source) for parsed in wanted.values()):
        _make([parsed for parsed in wanted.values() if _may_make(parsed, source)])
        standing = _by_code(codes.values())
    return found | {name: standing[code] for name, code in codes.items() if code in standing}


def _known_by_heart(code: str) -> ParsedCompetition:
    league = LEAGUES[code]
    return ParsedCompetition(
        code, league.name, league.country, sport=league.sport, time_zone=league.time_zone
    )


def _by_code(codes: Collection[str]) -> dict[str, Competition]:
    rows = Competition.objects.filter(code__in=set(codes)).select_related("sport")
    return {row.code: row for row in rows}


def _may_make(parsed: ParsedCompetition, source: Source) -> bool:
    """Say whether a source may bring a competition into being: whoever makes runners, tracks."""
    return (
        source.creates_names
        or parsed.code in LEAGUES
        or (source.creates_players and parsed.sport in RACING)
    )


def _make(wanted: Sequence[ParsedCompetition]) -> None:
    sports = ensure_sports({parsed.sport for parsed in wanted})
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
            for parsed in sorted(wanted, key=lambda parsed: parsed.code)
        ],
        ignore_conflicts=True,
    )


def ensure_sports(codes: Collection[str]) -> dict[str, int]:
    """Return the sports' ids by code; those that are missing are made."""
    Sport.objects.bulk_create(
        [
            Sport(code=code, name=SPORTS.get(code, code.replace("_", " ").capitalize()))
            for code in sorted(codes)
        ],
        ignore_conflicts=True,
    )
    return dict(Sport.objects.filter(code__in=codes).values_list("code", "pk"))


# -- the other names -----------------------------------------------------------------
def resolve(
    *,
    batch: ParsedBatch,
    known: Mapping[str, Competition],
    books: Collection[str],
    source: Source,
) -> Names:
    """Look up every name of a batch, and make what the source is allowed to make.

    ``known``: its competitions; ``books``: the codes that its prices come from.
    """
    events = [event for event in batch.events if event.competition in known]
    return Names(
        competitions=dict(known),
        seasons=_seasons(events, known),
        participants=_sides(events, known, source),
        books=_books(batch, books, source),
    )


def _seasons(
    events: Sequence[ParsedEvent], known: Mapping[str, Competition]
) -> dict[tuple[int, str], int]:
    """Return the seasons by competition and label; those of events that may be new are made."""
    wanted = {(known[event.competition].pk, event.season) for event in events if event.season}
    found = _stored_seasons(wanted)
    new = {
        (known[event.competition].pk, event.season)
        for event in events
        if event.season and event.starts_at is not None and not event.is_known_only
    }
    missing = sorted(new - found.keys())
    if not missing:
        return found
    Season.objects.bulk_create(
        [Season(competition_id=competition, label=label) for competition, label in missing],
        ignore_conflicts=True,
    )
    return _stored_seasons(wanted)


def _stored_seasons(wanted: Collection[tuple[int, str]]) -> dict[tuple[int, str], int]:
    rows = Season.objects.filter(
        competition__in={competition for competition, _ in wanted},
        label__in={label for _, label in wanted},
    )
    return {
        (competition, label): pk
        for competition, label, pk in rows.values_list("competition_id", "label", "pk")
    }


def _sides(
    events: Sequence[ParsedEvent], known: Mapping[str, Competition], source: Source
) -> dict[Side, Participant]:
    by_id = {competition.pk: competition for competition in known.values()}
    wanted = {
        (known[event.competition].pk, name)
        for event in events
        for name in (event.home, event.away)
        if name
    }
    if not wanted:
        return {}
    found = _by_alias(wanted, by_id, source)
    leagues = {
        by_id[pk].code: by_id[pk]
        for pk, name in wanted - found.keys()
        if by_id[pk].code in LEAGUES and name in LEAGUES[by_id[pk].code].by_name
    }
    for _, competition in sorted(leagues.items()):
        seeding_names.ensure_league(competition=competition, source=source)
    if leagues:
        found = _by_alias(wanted, by_id, source)
    missing = wanted - found.keys()
    if missing and source.creates_names:
        named = sorted({(by_id[pk].sport_id, name) for pk, name in missing})
        kinds = {row.sport_id: kind_of_side(row.sport.code) for row in by_id.values()}
        make_participants(
            [Participant(sport_id=sport, name=name, kind=kinds[sport]) for sport, name in named],
            source=source,
        )
        found = _by_alias(wanted, by_id, source)
    return found


def _by_alias(
    wanted: Collection[Side], competitions: Mapping[int, Competition], source: Source
) -> dict[Side, Participant]:
    """Return who is meant: an alias of the competition alone goes before one for everywhere."""
    rows = aliases(names={name for _, name in wanted}, source=source)
    found: dict[Side, Participant] = {}
    for pk, name in wanted:
        sport = competitions[pk].sport_id
        participant = rows.get((sport, pk, name)) or rows.get((sport, None, name))
        if participant is not None:
            found[pk, name] = participant
    return found


def aliases(
    *, names: Iterable[str], source: Source
) -> dict[tuple[int, int | None, str], Participant]:
    """Return whom a source's names mean, by sport, competition (None: everywhere) and name."""
    rows = ParticipantAlias.objects.filter(source=source, alias__in=list(names)).select_related(
        "participant"
    )
    return {(row.sport_id, row.competition_id, row.alias): row.participant for row in rows}


def text_of(*, name: str, qualifier: str = "") -> str:
    """Return how a name stands among the aliases: namesakes are told apart by it.

    >>> text_of(name="Ma Te Wa", qualifier="NZ"), text_of(name="Leeds")
    ('Ma Te Wa (NZ)', 'Leeds')
    """
    return (f"{name} ({qualifier})" if qualifier else name)[:LONGEST]


def make_participants(wanted: Sequence[Participant], *, source: Source) -> None:
    """Make those that are missing, each with its name as the source's alias for everywhere.

    In order of name, so that two loads that share clubs never wait in a circle.
    """
    wanted = sorted(wanted, key=lambda row: (row.sport_id, row.name, row.qualifier))
    Participant.objects.bulk_create(wanted, ignore_conflicts=True, batch_size=5_000)
    rows = Participant.objects.filter(
        sport__in={row.sport_id for row in wanted}, name__in={row.name for row in wanted}
    ).values_list("sport_id", "name", "qualifier", "pk")
    ids = {(sport, name, qualifier): pk for sport, name, qualifier, pk in rows}
    ParticipantAlias.objects.bulk_create(
        [
            ParticipantAlias(
                source=source,
                sport_id=row.sport_id,
                alias=text_of(name=row.name, qualifier=row.qualifier),
                participant_id=ids[row.sport_id, row.name, row.qualifier],
            )
            for row in wanted
        ],
        ignore_conflicts=True,
        batch_size=5_000,
    )


def _books(batch: ParsedBatch, codes: Collection[str], source: Source) -> dict[str, int]:
    found = _stored_books(codes)
    declared = {parsed.code: parsed for parsed in batch.books}
    new = [declared[code] for code in sorted(codes - found.keys()) if code in declared]
    if new and source.creates_books:
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
    return found


def _stored_books(codes: Collection[str]) -> dict[str, int]:
    return dict(Book.objects.filter(code__in=codes).values_list("code", "pk"))
