"""Who is meant in an event: its sides, players, runners; by name, or by the publisher's id."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from markets.connectors.base import ParsedBatch, ParsedPerson
from markets.connectors.columns import PriceKey
from markets.models import Event, Participant, SelectionAlias, Source, UnknownName
from markets.services import naming
from markets.services.cataloguing import Catalogue
from markets.services.naming import LONGEST, OF_PERSONS, RACING, Missing

HOME, AWAY = "#HOME", "#AWAY"  # where a source names no side, but says which one it means

Who = tuple[int, str]  # event, the source's name or "#<id>"


@dataclass(slots=True)
class People:
    """Whom the names of a batch mean, by event; and the names that mean nobody."""

    found: dict[Who, Participant] = field(default_factory=dict)
    missing: dict[Who, Missing] = field(default_factory=dict)

    def who(self, event: Event, person: ParsedPerson) -> Participant | None:
        """Return who a person is in an event; None where nobody is known."""
        return next(
            (
                self.found[event.pk, text]
                for text in _texts(person)
                if (event.pk, text) in self.found
            ),
            None,
        )

    def id_of(self, event: Event, person: ParsedPerson) -> int | None:
        """Return the participant's id that a person has in an event."""
        found = self.who(event, person)
        return None if found is None else found.pk

    def missing_of(self, event: Event, person: ParsedPerson) -> Missing | None:
        """Return the name that somebody must map for a person to be known."""
        waits = (self.missing.get((event.pk, text)) for text in _texts(person))
        return next((name for name in waits if name is not None), None)


@dataclass(slots=True)
class _Wanted:
    """A name to be looked up, and what could be made of it."""

    event: Event
    text: str
    kind: str  # of participant
    person: ParsedPerson | None = None

    @property
    def alias(self) -> str:
        """Return how it stands among the source's names: by its name, else by its id."""
        if self.person is None or not self.person.name:
            return self.text
        return naming.text_of(name=self.person.name, qualifier=self.person.qualifier)


def _texts(person: ParsedPerson) -> Iterator[str]:
    if person.name:
        yield naming.text_of(name=person.name, qualifier=person.qualifier)
        yield person.name
    if person.id:
        yield f"#{person.id}"


def resolve(
    *,
    batch: ParsedBatch,
    keys: Iterable[PriceKey],
    catalogue: Catalogue,
    source: Source,
) -> People:
    """Look up everybody that a batch names in its events; make players and runners if allowed.

    ``keys``: of its prices and ladders.
    """
    people = People()
    wanted: dict[Who, _Wanted] = {}
    for want in _wanted(batch, keys, catalogue):
        standing = wanted.setdefault((want.event.pk, want.text), want)
        standing.person = standing.person or want.person
    if not wanted:
        return people
    _sides(wanted, batch, catalogue, people)
    _by_name(wanted, source, people)
    _make(wanted, source, people)
    _by_id(wanted, source, people)
    for who, want in wanted.items():
        if who not in people.found:
            sport = want.event.competition.sport_id
            people.missing[who] = Missing(
                UnknownName.Kind.PARTICIPANT, sport, None, want.alias[:LONGEST]
            )
    return people


def _wanted(
    batch: ParsedBatch, keys: Iterable[PriceKey], catalogue: Catalogue
) -> Iterator[_Wanted]:
    events = catalogue.events
    for market in batch.markets:
        event = events.get(market.event_ref)
        if event is None:
            continue
        sport = event.competition.sport.code
        if market.participant:
            yield _Wanted(event, market.participant, _asked(market.kind, market.participant))
        for person in market.runners:
            for text in _texts(person):
                yield _Wanted(event, text, _runner(market.kind, sport), person)
    for key in keys:
        event = events.get(key[0])
        if event is None:
            continue
        if key[4]:
            yield _Wanted(event, key[4], _asked(key[1], key[4]))
        if key[7]:
            yield _Wanted(event, key[7], _runner(key[1], event.competition.sport.code))
    for result in batch.results:
        event = events.get(result.event_ref)
        if event is None:
            continue
        sport = event.competition.sport.code
        for told in result.runners:
            for text in _texts(told.person):
                yield _Wanted(event, text, _runner("WIN", sport), told.person)
        for figure in result.statistics:
            for text in _texts(figure.person):
                yield _Wanted(event, text, Participant.Kind.PLAYER, figure.person)


def _asked(kind: str, name: str) -> str:
    """Return what the participant is that a market asks about."""
    if kind != "PLAYER_TOTAL":
        return Participant.Kind.TEAM
    return Participant.Kind.PAIR if " & " in name else Participant.Kind.PLAYER


def _runner(kind: str, sport: str) -> str:
    """Return what the runners of a market are.

    >>> _runner("WIN", "horse_racing"), _runner("OUTRIGHT", "soccer"), _runner("OUTRIGHT", "golf")
    ('RUNNER', 'TEAM', 'PLAYER')
    """
    if sport in RACING:
        return Participant.Kind.RUNNER.value
    if kind == "PLAYER_LEADER" or sport in OF_PERSONS:
        return Participant.Kind.PLAYER.value
    return Participant.Kind.TEAM.value


def _sides(
    wanted: Mapping[Who, _Wanted], batch: ParsedBatch, catalogue: Catalogue, people: People
) -> None:
    """Find those that are a side of the event, under the name it has there or ours."""
    told: dict[Who, Participant] = {}
    for pk, (home, away) in catalogue.teams.items():
        told |= {(pk, home.name): home, (pk, away.name): away}
        told |= {(pk, HOME): home, (pk, AWAY): away}
    for parsed in batch.events:
        event = catalogue.events.get(parsed.ref)
        if event is not None and parsed.home and event.pk in catalogue.teams:
            home, away = catalogue.teams[event.pk]
            told |= {(event.pk, parsed.home): home, (event.pk, parsed.away): away}
    people.found |= {who: told[who] for who in wanted if who in told}


def _by_name(wanted: Mapping[Who, _Wanted], source: Source, people: People) -> None:
    """Find those whom an alias of the source means."""
    left = [want for who, want in wanted.items() if who not in people.found]
    if not left:
        return
    rows = naming.aliases(names={want.alias for want in left}, source=source)
    for want in left:
        competition, alias = want.event.competition, want.alias
        participant = rows.get((competition.sport_id, competition.pk, alias)) or rows.get(
            (competition.sport_id, None, alias)
        )
        if participant is not None:
            people.found[want.event.pk, want.text] = participant


def _make(wanted: Mapping[Who, _Wanted], source: Source, people: People) -> None:
    """Make those who may be made: players and runners, teams where the source makes names."""
    new: dict[tuple[int, str, str], Participant] = {}
    makes_people = source.creates_names or source.creates_players
    for who, want in wanted.items():
        is_person = want.kind != Participant.Kind.TEAM
        if who in people.found or want.alias.startswith("#"):
            continue
        if not (makes_people if is_person else source.creates_names):
            continue
        person = want.person if want.person and want.person.name else ParsedPerson(want.text)
        sport = want.event.competition.sport_id
        new[sport, person.name, person.qualifier] = Participant(
            sport_id=sport,
            name=person.name[:LONGEST],
            qualifier=person.qualifier[:40],
            kind=want.kind,
            country=person.country[:3],
        )
    if new:
        naming.make_participants(list(new.values()), source=source)
        _by_name(wanted, source, people)


def _by_id(wanted: Mapping[Who, _Wanted], source: Source, people: People) -> None:
    """Find those who are told by an id that an earlier telling of the event gave."""
    left = {
        who for who, want in wanted.items() if who not in people.found and want.text.startswith("#")
    }
    if not left:
        return
    rows = SelectionAlias.objects.filter(
        namespace=source.ids_of,
        ref__in={text[1:] for _, text in left},
        selection__market__event__in={pk for pk, _ in left},
        selection__participant__isnull=False,
    ).select_related("selection__market", "selection__participant")
    for row in rows:
        who = row.selection.market.event_id, f"#{row.ref}"
        if who in left and row.selection.participant is not None:
            people.found[who] = row.selection.participant
