"""Results: the first telling is version 1; what its source tells differently later corrects it.

Another source may add what the first one left out.  Where it contradicts what stands, nothing is
overwritten: a dispute is opened (``contesting``), and the money of the event waits for a person.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from markets.connectors.base import ParsedPerson, ParsedResult
from markets.domain import tellings
from markets.domain.tellings import ADDABLE, OUTCOME, PASSING, Figure, Runner, Telling
from markets.models import Event, EventChange, Result, ResultDispute, Source
from markets.services import contesting, copying, result_versions
from markets.services.counts import ResultCounts
from markets.services.naming import Tell
from markets.services.result_versions import History, Version

STATUS = {
    Result.Status.FINAL: Event.Status.FINISHED,
    Result.Status.ABANDONED: Event.Status.ABANDONED,
    Result.Status.POSTPONED: Event.Status.POSTPONED,
    Result.Status.CANCELLED: Event.Status.CANCELLED,
    Result.Status.RETIRED: Event.Status.FINISHED,
    Result.Status.WALKOVER: Event.Status.FINISHED,
    Result.Status.INTERRUPTED: Event.Status.LIVE,
    Result.Status.WITHDRAWN: Event.Status.SCHEDULED,
}
#: Gives the participant that a source's person is in an event; None where nobody is known.
People = Callable[[Event, ParsedPerson], int | None]


class Recorded(ResultCounts):
    """The counts, and the numbers of the records that changed something."""

    def __init__(self) -> None:
        super().__init__()
        self.changed_records: set[int] = set()


def record_results(
    *,
    results: Sequence[ParsedResult],
    events: Mapping[str, Event],
    source: Source,
    now: datetime,
    tell: Tell,
    fetched_at: datetime | None = None,
    people: People | None = None,
) -> Recorded:
    """Append a version for each event whose result is new, told anew or completed.

    The world could know a first version, and what completes one, from the moment its source
    gives; a correction only from ``now`` on.  ``fetched_at``: when the telling reached us; one
    that is older than its own source's newest version is late and corrects nothing.  A result
    with a runner that ``people`` does not know is left out whole: without its winner it would
    say something else.
    """
    told: dict[int, list[tuple[ParsedResult, Telling]]] = defaultdict(list)
    by_id: dict[int, Event] = {}
    for parsed in results:
        event = events.get(parsed.event_ref)
        telling = None if event is None else telling_of(parsed, event=event, people=people)
        if event is not None and telling is not None:
            by_id[event.pk] = event
            told[event.pk].append((parsed, telling))
    if not told:
        return Recorded()
    heard = _Heard(source, now, fetched_at or now, tell)
    known = {
        event_id: {telling.digest() for _, telling in pairs} for event_id, pairs in told.items()
    }
    histories = result_versions.load(event_ids=told, known=known)
    disputes = contesting.load(event_ids=told)
    for event_id, pairs in sorted(told.items()):
        one = _Event(by_id[event_id], histories[event_id], disputes.get(event_id, []), heard)
        heard.events[event_id] = one
        for parsed, telling in pairs:
            one.hear(parsed, telling)
    heard.finish()
    return heard.counts


def telling_of(
    parsed: ParsedResult, *, event: Event, people: People | None = None
) -> Telling | None:
    """Return what a source tells, by our participants; None where a runner is nobody we know."""
    runners: dict[int, Runner] = {}
    for told in parsed.runners:
        key = None if people is None else people(event, told.person)
        if key is None:
            return None
        runners[key] = Runner(
            number=told.person.number,
            position=told.position,
            is_winner=told.is_winner,
            is_placed=told.is_placed,
            is_removed=told.is_removed,
            reduction=_two_places(told.person.reduction),
        )
    statistics: dict[tuple[int, str], Figure] = {}
    for figure in parsed.statistics:
        key = None if people is None else people(event, figure.person)
        if key is not None:
            value = _two_places(figure.value)
            statistics[key, figure.statistic] = Figure(value, figure.took_part)
    return Telling(
        status=parsed.status,
        score=(parsed.home_score, parsed.away_score),
        half=(parsed.home_score_half, parsed.away_score_half),
        winner=parsed.winner,
        had_overtime=parsed.had_overtime,
        periods={name: tuple(score) for name, score in parsed.periods.items()},
        runners=runners,
        statistics=statistics,
    )


def _two_places(value: Decimal | None) -> Decimal | None:
    """Round as the column does, or the next telling would differ from what it became."""
    return None if value is None else value.quantize(Decimal("0.01"))


@dataclass(slots=True)
class _Heard:
    """One source's tellings of one batch, and what came of them."""

    source: Source
    now: datetime
    fetched_at: datetime
    tell: Tell
    counts: Recorded = field(default_factory=Recorded)
    versions: list[Version] = field(default_factory=list)
    events: dict[int, "_Event"] = field(default_factory=dict)

    def finish(self) -> None:
        """Write the versions, the states of their events, and the disputes."""
        result_versions.store(versions=self.versions)
        follow(
            results=[version.row for version in self.versions],
            events={event_id: one.event for event_id, one in self.events.items()},
            source=self.source,
            now=self.now,
        )
        for one in self.events.values():
            one.settle_disputes()


@dataclass(slots=True)
class _Event:
    """What stands of one event while a source is heard on it."""

    event: Event
    history: History
    disputes: list[ResultDispute]
    heard: _Heard
    against: tuple[Telling, list[tellings.Contradiction]] | None = None  # told, where it differs
    came_round: bool = False

    def hear(self, parsed: ParsedResult, telling: Telling) -> None:
        """Take one telling: a version, a dispute, or nothing new."""
        latest, counts = self.history.latest, self.heard.counts
        is_news = self._first(parsed, telling) if latest is None else self._next(parsed, telling)
        if not is_news:
            counts.unchanged += 1
            return
        counts.changed_records.add(parsed.record)
        if self.against is not None:
            counts.unchanged += 1
        elif latest is None:
            counts.new += 1
        elif self.history.latest is latest:
            counts.unchanged += 1  # a dispute is over, and no version more
        elif self.history.latest is not None and self.history.latest.row.only_adds:
            counts.completed += 1
        else:
            counts.corrected += 1

    def settle_disputes(self) -> None:
        """Open, change or close disputes by what stands now.  The versions are stored."""
        latest, source, now = self.history.latest, self.heard.source, self.heard.now
        if latest is None:
            return
        contesting.close_settled(
            disputes=self.disputes,
            standing=latest,
            came_round={source.pk} if self.came_round else set(),
            actor=f"source:{source.code}",
            now=now,
        )
        if self.against is not None:
            contesting.contest(
                dispute=self._open_dispute(),
                event=self.event,
                standing=latest,
                source=source,
                telling=self.against[0],
                found=self.against[1],
                now=now,
            )

    def _first(self, parsed: ParsedResult, telling: Telling) -> bool:
        if telling.status == Result.Status.WITHDRAWN:
            return False
        self._add(telling, known_at=parsed.known_at)
        return True

    def _next(self, parsed: ParsedResult, telling: Telling) -> bool:
        """Hold a telling against what stands; return whether anything comes of it."""
        assert self.history.latest is not None
        standing = self.history.latest.telling
        if self.history.latest.row.digest == telling.digest():
            return self._agree()
        is_own = self.history.owner(OUTCOME) == self.heard.source.pk
        if standing.status in PASSING and telling.status not in PASSING:
            self._add(telling, known_at=parsed.known_at)
            return True
        if telling.status in PASSING and not is_own:
            return telling.status == Result.Status.WITHDRAWN and self._agree()
        found = tellings.contradictions(standing, telling)
        if not found:
            return self._complete(parsed, standing, telling, is_own=is_own)
        owners = {self.history.owner(one.part) for one in found}
        if owners != {self.heard.source.pk}:
            return self._contradict(parsed, telling, found)
        if self._is_late():
            what = f"{tellings.shown(telling)} for {self.event}"
            text = f"news: {what} was told before version {self._number()}"
            self.heard.tell("result", text, parsed.record or None)
            return False
        self._add(tellings.corrected(standing, telling), known_at=None)
        return True

    def _agree(self) -> bool:
        """Say that nothing is told against what stands any more."""
        was = self.against is not None or self._open_dispute() is not None
        self.against, self.came_round = None, True
        return was

    def _complete(
        self, parsed: ParsedResult, standing: Telling, telling: Telling, *, is_own: bool
    ) -> bool:
        was = self._agree()
        added = tellings.adds(standing, telling)
        if not added or not (is_own or set(added) & set(ADDABLE)):
            return was
        self._add(tellings.completed(standing, telling), known_at=parsed.known_at, only_adds=True)
        return True

    def _contradict(
        self, parsed: ParsedResult, telling: Telling, found: list[tellings.Contradiction]
    ) -> bool:
        judged = contesting.is_judged(
            disputes=self.disputes,
            source_id=self.heard.source.pk,
            telling=telling,
            found=found,
            standing_before=contesting.standing_tellings(self.history.versions),
            overruled=self.history.overruled(self.heard.source.pk),
        )
        if judged:
            self._agree()
            return False
        dispute = self._open_dispute()
        if dispute is not None and self.heard.fetched_at < dispute.told_at:
            return False
        was = None if dispute is None else contesting.telling_of(dispute)
        self.against, self.came_round = (telling, found), False
        text = f"the result that stands for {self.event}: {found[0]}"
        self.heard.tell("result", text, parsed.record or None)
        return was != telling

    def _add(self, telling: Telling, *, known_at: datetime | None, only_adds: bool = False) -> None:
        latest, now = self.history.latest, self.heard.now
        version = result_versions.make(
            event_id=self.event.pk,
            telling=telling,
            before=latest.row if latest else None,
            source_id=self.heard.source.pk,
            known_at=min(known_at or now, now),
            recorded_at=now,
            only_adds=only_adds,
        )
        self.history.versions.append(version)
        self.heard.versions.append(version)
        self.against, self.came_round = None, True

    def _is_late(self) -> bool:
        last = self.history.last_heard(self.heard.source.pk)
        return last is not None and self.heard.fetched_at < last

    def _number(self) -> int:
        return 0 if self.history.latest is None else self.history.latest.row.version

    def _open_dispute(self) -> ResultDispute | None:
        source, state = self.heard.source, ResultDispute.State.OPEN
        of_source = (d for d in self.disputes if d.source_id == source.pk and d.state == state)
        return next(of_source, None)


def follow(
    *, results: Iterable[Result], events: Mapping[int, Event], source: Source | None, now: datetime
) -> None:
    """Give each event the state of its newest result, and write down what that changed."""
    changed: dict[str, list[int]] = defaultdict(list)
    written = []
    for row in results:
        event, status = events[row.event_id], STATUS[Result.Status(row.status)]
        if event.status != status:
            written.append(
                EventChange(
                    event=event,
                    source=source,
                    field="status",
                    before=event.status,
                    after=status,
                    known_at=now,
                )
            )
            event.status = status
            changed[status].append(event.pk)
    for now_so, event_ids in sorted(changed.items()):
        Event.objects.filter(pk__in=event_ids).update(status=now_so)
    copying.add_rows(written)
