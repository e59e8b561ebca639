"""The one way into the tables: whatever a connector parsed, in one transaction."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db import transaction

from markets.connectors import garbage
from markets.connectors.base import ParsedBatch, Problem
from markets.connectors.columns import PriceColumns, PriceKey
from markets.domain import gates
from markets.models import Competition, Event, ParkedRow, Participant, Source, UnknownName
from markets.services import (
    cataloguing,
    describing,
    holding,
    joining,
    laddering,
    listing,
    naming,
    noticing,
    people,
    pricing,
    resulting,
    waiting,
)
from markets.services.accounting import Accounting, Waiting
from markets.services.cataloguing import Catalogue, Hearing
from markets.services.counts import Counts, NewsCounts
from markets.services.listing import PricedKeys
from markets.services.naming import Missing, Names
from markets.services.people import People
from monitoring.domain.progress import RunHandle
from monitoring.services import audit

TELL_AT_MOST = 100  # of one kind


@transaction.atomic
def record(
    *,
    batch: ParsedBatch,
    source: Source,
    now: datetime,
    fetched_at: datetime | None = None,
    look: waiting.Look | None = None,
    is_live: bool = False,
    progress: RunHandle | None = None,
) -> Counts:
    """Bring a parsed batch into the tables; recording it again changes nothing.

    What a load brought stands with its look or its run, not in the audit: prices move every few
    seconds.  A corrected result stands there, because money is moved again after it.

    What cannot be used (a price that contradicts the stored one) comes back among the counts'
    problems, and everything else is stored.  Records with a name or an event that nobody knows
    are parked with ``look``, the archived payload that they can be read from again; without one
    they are told alone.  ``fetched_at``: when the payload reached us, if that was before ``now``;
    ``is_live``: its prices should be those of now.

    Raises:
        monitoring.errors.Cancelled: somebody asked the run to stop; nothing is stored.
    """
    if progress is not None:
        progress.raise_if_cancelled()
    load = _Load(batch, source, now, fetched_at or now, is_live)
    with garbage.paused():
        load.run()
    if look is not None:
        waiting.park(
            accounting=load.accounting,
            look=look,
            source=source,
            fetched_at=load.fetched_at,
            now=now,
        )
    counts = load.counts
    counts.rows = load.accounting.rows()
    if counts.results.corrected:
        actor = progress.actor if progress is not None else f"source:{source.code}"
        audit.record(
            actor=actor,
            action="markets.correct_results",
            subject=source,
            at=now,
            corrected=counts.results.corrected,
        )
    return counts


@dataclass
class _Load:
    """One batch on its way into the tables."""

    batch: ParsedBatch
    source: Source
    now: datetime
    fetched_at: datetime
    is_live: bool

    def __post_init__(self) -> None:
        self.columns: PriceColumns = self.batch.all_prices()
        self.accounting = Accounting(self.batch, self.columns)
        self.counts = Counts(problems=list(self.batch.problems))

    def tell(self, field: str, message: str, record: int | None = None, /) -> None:
        self.counts.problems.append(Problem("", record or None, field, message[:500]))

    def run(self) -> None:
        known = naming.competitions(batch=self.batch, source=self.source)
        self._hold(known)
        names = naming.resolve(
            batch=self.batch,
            known=known,
            books=self.columns.book_codes() | {ladder.book for ladder in self.batch.ladders},
            source=self.source,
        )
        catalogue = self._events(names)
        ladder_keys = list(dict.fromkeys(map(laddering.key_of, self.batch.ladders)))
        keys = [*self.columns.keys, *ladder_keys]
        found = self._people(keys, catalogue, names)
        priced = self._markets(keys, catalogue, found)
        self._prices(priced, names)
        self._ladders(ladder_keys, priced, names)
        self._results(catalogue, found)
        self._notices(catalogue)
        self._tell_waiting()

    def _hold(self, known: dict[str, Competition]) -> None:
        """Let one load at a time touch a competition, those of events told by an id too."""
        codes = {competition.code for competition in known.values()}
        by_event, by_market = joining.known_ids(batch=self.batch, namespace=self.source.ids_of)
        if by_event or by_market:
            events = Event.objects.filter(pk__in={*by_event.values(), *by_market.values()})
            codes |= set(events.values_list("competition__code", flat=True).distinct())
        holding.hold(competitions=codes)

    def _events(self, names: Names) -> Catalogue:
        hearing = Hearing(
            self.batch,
            self.columns,
            self.source,
            self.fetched_at,
            self.accounting,
            self.tell,
            self.is_live,
        )
        ids = joining.known_ids(batch=self.batch, namespace=self.source.ids_of)
        catalogue = cataloguing.record_events(hearing=hearing, names=names, ids=ids)
        self.counts.events = catalogue.counts
        self.counts.event_ids = {ref: event.pk for ref, event in catalogue.events.items()}
        self.accounting.park_events(catalogue.waiting)
        codes = self.columns.book_codes() | {ladder.book for ladder in self.batch.ladders}
        self.accounting.park_books(
            {
                code: _unknown(Missing(UnknownName.Kind.BOOK, None, None, code[:120]))
                for code in codes - names.books.keys()
            }
        )
        return catalogue

    def _people(self, keys: list[PriceKey], catalogue: Catalogue, names: Names) -> People:
        found = people.resolve(batch=self.batch, keys=keys, catalogue=catalogue, source=self.source)
        if found.missing:
            self._park_people(keys, catalogue, found)
        return found

    def _park_people(self, keys: list[PriceKey], catalogue: Catalogue, found: People) -> None:
        """Park the records that name somebody unknown."""
        unknown = {who: _unknown(missing) for who, missing in found.missing.items()}
        by_key: dict[int, Waiting] = {}
        by_ladder: dict[PriceKey, Waiting] = {}
        for number, key in enumerate(keys):
            event = catalogue.events.get(key[0])
            for name in (key[4], key[7]):
                if event is None or (event.pk, name) not in unknown:
                    continue
                if number < len(self.columns.keys):
                    by_key[number] = unknown[event.pk, name]
                else:
                    by_ladder[key] = unknown[event.pk, name]
        self.accounting.park_keys(by_key)
        for ladder in self.batch.ladders if by_ladder else ():
            if laddering.key_of(ladder) in by_ladder:
                self.accounting.park(ladder.record, by_ladder[laddering.key_of(ladder)])
        for result in self.batch.results:
            event = catalogue.events.get(result.event_ref)
            if event is None:
                continue
            persons = [told.person for told in result.runners]
            persons += [told.person for told in result.statistics]
            for person in persons:
                missing = found.missing_of(event, person)
                if missing is not None and found.who(event, person) is None:
                    self.accounting.park(result.record, _unknown(missing))

    def _markets(self, keys: list[PriceKey], catalogue: Catalogue, found: People) -> PricedKeys:
        described = describing.describe(
            markets=self.batch.markets,
            catalogue=catalogue,
            people=found,
            accounting=self.accounting,
            tell=self.tell,
        )
        priced = listing.price_keys(
            keys=keys,
            events=catalogue.events,
            sides=catalogue.sides,
            who=_who(catalogue, found),
            tell=self.tell,
            questions=described.questions.values(),
            record_of=self._record_of,
        )
        describing.note(
            described=described,
            listed=priced.listed,
            namespace=self.source.ids_of,
            accounting=self.accounting,
        )
        return priced

    def _record_of(self, place: int) -> int | None:
        """Return the first record with a price of a key."""
        rows = np.flatnonzero(self.columns.key == place)
        return int(self.columns.record[rows[0]]) if rows.size else None

    def _prices(self, priced: PricedKeys, names: Names) -> None:
        n_keys = len(self.columns.keys)
        counts = pricing.record_prices(
            columns=self.columns,
            keys=PricedKeys(
                priced.selection[:n_keys],
                priced.event[:n_keys],
                priced.is_fresh[:n_keys],
                refused=priced.refused,
            ),
            books=names.books,
            fetched_at=self.fetched_at,
            tell=self.tell,
            is_live=self.is_live,
        )
        for problem in self.batch.problems:
            if why := gates.reason_told(problem.message):
                counts.refused[why] = counts.refused.get(why, 0) + 1
        self.counts.prices = counts
        if counts.changed_records is not None:
            self.accounting.load(counts.changed_records.tolist())

    def _ladders(self, keys: list[PriceKey], priced: PricedKeys, names: Names) -> None:
        if not keys:
            return
        n_keys = len(self.columns.keys)
        ids = priced.selection[n_keys:].tolist()
        counts = laddering.record_ladders(
            ladders=self.batch.ladders,
            selections=dict(zip(keys, ids, strict=True)),
            books=names.books,
            fetched_at=self.fetched_at,
            tell=self.tell,
        )
        self.accounting.load(counts.changed_records)
        told = Counter(map(laddering.key_of, self.batch.ladders)) if priced.refused else {}
        unasked = {
            why: sum(told[keys[place - n_keys]] for place in places if place >= n_keys)
            for why, places in priced.refused.items()
        }
        refused = Counter(self.counts.prices.refused)
        refused.update(counts.refused)
        refused.update(unasked)
        self.counts.prices.refused = dict(+refused)

    def _results(self, catalogue: Catalogue, found: People) -> None:
        counts = resulting.record_results(
            results=self.batch.results,
            events=catalogue.events,
            source=self.source,
            now=self.now,
            tell=self.tell,
            fetched_at=self.fetched_at,
            people=found.id_of,
        )
        self.counts.results = counts
        self.accounting.load(counts.changed_records)

    def _notices(self, catalogue: Catalogue) -> None:
        if not self.batch.notices:
            return
        counts = noticing.record_notices(
            notices=self.batch.notices,
            source=self.source,
            events=catalogue.events,
            now=self.now,
            fetched_at=self.fetched_at,
        )
        self.counts.notices = NewsCounts(counts.new, counts.changed, counts.unchanged)
        self.accounting.load(counts.changed_records)

    def _tell_waiting(self) -> None:
        """Tell each unknown name once, and each event that could not be told for certain."""
        told: dict[tuple[str, str], int] = {}
        for number, why in sorted(self.accounting.parked.items()):
            for missing in sorted(why.names, key=str):
                told.setdefault((missing.kind.lower(), missing.problem), number)
            if not why.names:
                told.setdefault((why.reason.lower(), why.detail), number)
        for (field, message), number in list(told.items())[:TELL_AT_MOST]:
            self.tell(field, message, number)
        if len(told) > TELL_AT_MOST:
            self.tell("", f"known names and events; {len(told) - TELL_AT_MOST} more are unknown")


def _unknown(missing: Missing) -> Waiting:
    return Waiting(ParkedRow.Reason.UNKNOWN_NAME, missing.name, {missing})


def _who(catalogue: Catalogue, found: People) -> Callable[[str, str], Participant | None]:
    def who(ref: str, name: str) -> Participant | None:
        event = catalogue.events.get(ref)
        return None if event is None else found.found.get((event.pk, name))

    return who
