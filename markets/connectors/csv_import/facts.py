"""The facts of one record by a mapping: its event, prices and result."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from markets.connectors.base import ParsedEvent, ParsedMarket, ParsedPrice, ParsedResult
from markets.domain import mapped_cells, mapping
from markets.domain.mapped_cells import BadCell, Cells
from markets.domain.mapping import MARKS, MappingSpec
from markets.domain.mapping_spec import Pick, Price, Result

Tell = Callable[[str, str], None]
Group = tuple[object, ...]  # the prices that stand or fall together


@dataclass(frozen=True, slots=True)
class Told:
    """The event of a record, and the local day that it is told for."""

    event: ParsedEvent
    day: date | None


def teller(tell: Tell) -> Tell:
    """Return a teller that tells each thing once: a line is read for each of its prices."""
    told: set[tuple[str, str]] = set()

    def once(column: str, message: str) -> None:
        if (column, message) not in told:
            told.add((column, message))
            tell(column, message)

    return once


class Reader:
    """Reads records by one mapping.

    ``zone``: of times that the mapping gives none; ``until``: nothing was shown or known later.
    """

    def __init__(self, spec: MappingSpec, *, zone: str, until: datetime) -> None:
        self.spec, self.until = spec, until
        self.zone = spec.time.zone if spec.time is not None and spec.time.zone else zone
        self.tells_once = spec.runner is None and not any(
            isinstance(price.role, Pick)
            or isinstance(price.book, Pick)
            or (price.seen is not None and price.seen.column)
            for price in spec.prices
        )

    # -- event ---------------------------------------------------------------
    def event(self, cells: Cells, record: int) -> Told:
        """Return which event a record is about.

        Raises:
            BadCell: it does not say.
        """
        spec = self.spec
        start, day = None, None
        if spec.time is not None:
            start, day = mapped_cells.starts_at(cells, spec.time, zone=self.zone)
        ident = ""
        if spec.event is not None:
            text = cells.text(spec.event.column)
            if text:
                ident = f"{spec.event.prefix}{text}"[:80]
            elif mapping.is_by_id(spec):
                raise BadCell(spec.event.column, "the id of an event")
        if mapping.is_by_id(spec):
            event = ParsedEvent(ident, "", "", id=ident, is_known_only=True, record=record)
            return Told(event, day)
        return Told(self._described(cells, record, start=start, day=day, ident=ident), day)

    def _described(
        self, cells: Cells, record: int, *, start: datetime | None, day: date | None, ident: str
    ) -> ParsedEvent:
        """Return an event by its competition and sides, or its race."""
        spec = self.spec
        assert spec.competition is not None, "checked with the mapping"
        assert spec.season is not None, "checked with the mapping"
        competition = mapped_cells.picked(cells, spec.competition.code)
        season = mapped_cells.season(cells, spec.season, day=day)
        home, away, number = "", "", None
        if spec.sides is not None:
            home = mapped_cells.name(cells, spec.sides.home)
            away = mapped_cells.name(cells, spec.sides.away)
            if home == away:
                raise BadCell(spec.sides.away, f"another side than {home!r}")
        elif spec.race is not None:
            number = mapped_cells.score(cells, spec.race.number)
            if not number:
                raise BadCell(spec.race.number, "the number of a race")
        who = f"{home}|{away}" if number is None else f"race {number}"
        return ParsedEvent(
            f"{competition}|{season}|{who}|{start:%Y-%m-%dT%H:%M}",
            competition,
            season,
            home,
            away,
            starts_at=start,
            record=record,
            id=ident,
            round=cells.text(spec.round)[:20] if spec.round else "",
            meeting_date=day if number is not None else None,
            race_number=number,
            certainty=spec.time.certainty if spec.time is not None else "EXACT",
            is_neutral=self._is_neutral(cells),
            is_known_only=not spec.creates_events,
        )

    def _is_neutral(self, cells: Cells) -> bool:
        pick = self.spec.sides.neutral if self.spec.sides is not None else None
        if pick is None:
            return False
        text = cells.text(pick.column)
        return mapped_cells.flag(pick.column, pick.map.get(text, text))

    def with_data(self, cells: Cells, event: ParsedEvent, tell: Tell) -> ParsedEvent:
        """Return the event with what the mapping keeps beside it."""
        data: dict[str, object] = {}
        for datum in self.spec.data:
            try:
                value = mapped_cells.datum(cells, datum)
            except BadCell as wrong:
                tell(wrong.column, wrong.expected)
                continue
            if value is not None:
                data[datum.key] = value
        return replace(event, data=data) if data else event

    # -- markets and prices --------------------------------------------------
    def markets(self, cells: Cells, told: Told, tell: Tell) -> list[ParsedMarket]:
        """Return the market whose id the record tells."""
        ident = self.spec.market
        text = cells.text(ident.column) if ident is not None else ""
        if ident is None or not text:
            return []
        one = {price.kind: price for price in self.spec.prices}
        return [
            ParsedMarket(
                told.event.ref,
                kind,
                period=price.period,
                id=f"{ident.prefix}{text}"[:80],
                record=told.event.record,
            )
            for kind, price in one.items()
            if price.line is None and not price.of
        ]

    def prices(self, cells: Cells, told: Told, tell: Tell) -> list[ParsedPrice]:
        """Return a record's prices; one that cannot be used takes its market's others along."""
        spoiled: set[Group] = set()
        found: list[tuple[Group, ParsedPrice]] = []
        for price in self.spec.prices:
            try:
                read = self._price(cells, price, told)
            except BadCell as wrong:
                tell(wrong.column, wrong.expected)
                spoiled.add(_group(price))
                continue
            if read is not None:
                found.append((_group(price), read))
        return [price for group, price in found if group not in spoiled]

    def _price(self, cells: Cells, spec: Price, told: Told) -> ParsedPrice | None:
        value = mapped_cells.price(cells, spec)
        if value is None:
            return None
        event = told.event
        line: Decimal | None = None
        if spec.line is not None:
            line = mapped_cells.line(cells, spec.line)
        seen = mapped_cells.seen_at(
            cells, spec, start=event.starts_at, day=told.day, zone=self.zone
        )
        return ParsedPrice(
            event.ref,
            spec.kind,
            line,
            mapped_cells.picked(cells, spec.role),
            mapped_cells.picked(cells, spec.book),
            value,
            min(seen, self.until),
            period=spec.period,
            participant={"HOME": event.home, "AWAY": event.away}.get(spec.of, ""),
            runner=self._runner(cells),
            mark=MARKS[spec.mark],
            record=event.record,
        )

    def _runner(self, cells: Cells) -> str:
        """Return who runs: "#id", or the name."""
        spec = self.spec.runner
        if spec is None:
            return ""
        if spec.id and (text := cells.text(spec.id)):
            return f"#{text}"[:80]
        if spec.name:
            return mapped_cells.name(cells, spec.name)
        raise BadCell(spec.id, "the id of a runner")

    # -- result --------------------------------------------------------------
    def result(self, cells: Cells, told: Told, tell: Tell) -> ParsedResult | None:
        """Return the result; a record without a score is a fixture."""
        spec = self.spec.result
        if spec is None:
            return None
        try:
            home, away = (mapped_cells.score(cells, column) for column in (spec.home, spec.away))
            if home is None or away is None:
                if home is not None or away is not None:
                    raise BadCell(spec.away if away is None else spec.home, "a score of both sides")
                return None
            if home == away and not spec.can_be_drawn:
                raise BadCell(spec.home, f"a winner, not {home}:{away}; no result taken")
        except BadCell as wrong:
            tell(wrong.column, wrong.expected)
            return None
        return self._final(cells, told, (home, away), spec, tell)

    def _final(
        self, cells: Cells, told: Told, scores: tuple[int, int], spec: Result, tell: Tell
    ) -> ParsedResult:
        periods = dict(self._periods(cells, spec, tell))
        if periods and len(periods) < len([p for p in spec.periods if p != spec.overtime]):
            periods = {}
        if spec.adds_up and periods and _total(periods.values()) != scores:
            told_in = ":".join(str(score) for score in _total(periods.values()))
            final = ":".join(str(score) for score in scores)
            tell(spec.home, f"periods that add up to {final}, not to {told_in}; periods left out")
            periods = {}
        had_overtime = bool(sum(periods.get(spec.overtime, ()))) if periods else None
        half = [mapped for column in spec.half if (mapped := _or_none(cells, column)) is not None]
        start = told.event.starts_at
        known_at = self.until
        if start is not None:
            known_at = min(start + timedelta(hours=spec.known_after_hours), self.until)
        return ParsedResult(
            told.event.ref,
            "FINAL",
            home_score=scores[0],
            away_score=scores[1],
            home_score_half=half[0] if len(half) == 2 else None,
            away_score_half=half[1] if len(half) == 2 else None,
            known_at=known_at,
            periods=periods,
            had_overtime=had_overtime if spec.overtime else None,
            record=told.event.record,
        )

    def _periods(
        self, cells: Cells, spec: Result, tell: Tell
    ) -> Iterator[tuple[str, Sequence[int]]]:
        for period, columns in spec.periods.items():
            try:
                scores = [mapped_cells.score(cells, column) for column in columns]
            except BadCell as wrong:
                tell(wrong.column, wrong.expected)
                continue
            told = [score for score in scores if score is not None]
            if len(told) == 2:
                yield period, told


def _group(price: Price) -> Group:
    line = price.line and (price.line.column, price.line.value)
    book = price.book if isinstance(price.book, str) else price.book.column
    return price.kind, price.period, price.of, book, line, price.mark


def _total(pairs: Collection[Sequence[int]]) -> tuple[int, ...]:
    return tuple(sum(side) for side in zip(*pairs, strict=True))


def _or_none(cells: Cells, column: str) -> int | None:
    try:
        return mapped_cells.score(cells, column)
    except BadCell:
        return None
