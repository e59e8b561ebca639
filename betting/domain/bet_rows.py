"""One row of a file of bets, read by a mapping.  Pure: cells in, what was told out.

Every cell is read; all that is wrong with a row is said at once.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from betting.domain.bet_mapping import BetSpec, Known, Moment, Pick, Race, Text
from betting.domain.recorded import CENT, LAY, BadBet, Terms, Wanted, check_terms

_NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,10})?", re.ASCII)
_CLOTH = re.compile(r"([0-9]{1,2})\.\s+(.+)", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,18}", re.ASCII)
LONGEST_REFERENCE, LONGEST_NAME, LONGEST_CELL = 120, 120, 500
_TURNED = {"WON": "LOST", "LOST": "WON", "HALF_WON": "HALF_LOST", "HALF_LOST": "HALF_WON"}
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class RaceTold:
    """A runner of a race as the publisher tells it; ids with their prefix."""

    sport: str
    country: str
    track: str
    day: date
    race: int
    market: str
    market_id: str
    runner_id: str
    runner: str
    number: int | None
    zone: str


@dataclass(frozen=True, slots=True)
class RowTold:
    """A bet as a file tells it.  ``stake`` is the backer's, ``told_stake`` what stood there."""

    row: int
    reference: str
    bankroll: str
    currency: str
    book: str
    selection: Wanted | RaceTold
    side: str
    price: Decimal
    stake: Decimal
    told_stake: Decimal
    is_liability: bool
    placed_at: datetime
    note: str = ""
    outcome: str = ""
    commission: Decimal | None = None
    profit: Decimal | None = None
    kept: Mapping[str, str] = field(default_factory=dict)


def read(cells: Mapping[str, str], *, spec: BetSpec, row: int, stem: str) -> RowTold | list[BadBet]:
    """Return what a row tells by a mapping, or everything that is wrong with it.

    ``stem``: the file's name without its ending; with the row's number, counted from 1, it is the
    reference of a bet that has none.
    """
    reader = _Reader(cells)
    side = reader.of("side", lambda: reader.text(spec.side)) or ""
    price = reader.of("price", lambda: reader.number(spec.price)) or Decimal(0)
    told_stake = reader.of("stake", lambda: reader.number(spec.stake.column)) or Decimal(0)
    is_liability = spec.stake.of_lays == "LIABILITY" and side == LAY
    stake = told_stake
    if not reader.problems:
        has_price = price != 0 or spec.without_price == "REFUSED"
        asked = (side, price if has_price else _NO_PRICE, told_stake, is_liability and has_price)
        stake = reader.of("stake", lambda: _stake(*asked)) or stake
    told = RowTold(
        row=row,
        reference=reader.of("reference", lambda: reader.reference(spec, row, stem)) or "",
        bankroll=reader.of("bankroll", lambda: reader.named(spec.bankroll.name, 60)) or "",
        currency=reader.of("currency", lambda: reader.currency(spec.bankroll.currency)) or "",
        book=reader.of("book", lambda: reader.named(spec.book, 30)) or "",
        selection=reader.selection(spec),
        side=side,
        price=price,
        stake=stake,
        told_stake=told_stake,
        is_liability=is_liability,
        placed_at=reader.of("placed_at", lambda: reader.moment(spec.placed_at)) or _NEVER,
        note=reader.of("note", lambda: reader.plain(spec.note, LONGEST_CELL)) or "",
        outcome=reader.of("outcome", lambda: reader.outcome(spec, side)) or "",
        commission=reader.of("commission", lambda: reader.commission(spec)),
        profit=reader.of("profit", lambda: reader.profit(spec)),
        kept={name: cells.get(name, "")[:LONGEST_CELL] for name in spec.keep if name in cells},
    )
    return reader.problems or told


_NEVER = datetime.min.replace(tzinfo=UTC)
_NO_PRICE = Decimal(2)  # any: a stake is held to its own terms where the price is none
_NOWHERE = Wanted("", "", "")


def _stake(side: str, price: Decimal, told: Decimal, is_liability: bool) -> Decimal:
    """Return the backer's stake in whole cents: of a lay told by its liability, what it stakes.

    >>> _stake("LAY", Decimal("4.46"), Decimal("1"), True)
    Decimal('0.29')
    >>> _stake("LAY", Decimal("272.26"), Decimal("1"), True)    # never less than a cent
    Decimal('0.01')
    """
    check_terms(Terms(side, price, Decimal(1)))
    if not is_liability:
        check_terms(Terms(side, price, told))
        return told.quantize(CENT)
    if told <= 0 or told != told.quantize(CENT):
        raise BadBet("stake", "whole cents above 0", told)
    stake = (told / (price - 1)).quantize(CENT, rounding=ROUND_HALF_UP)
    check_terms(Terms(side, price, max(stake, CENT)))
    return max(stake, CENT)


class _Reader:
    """Reads cells, and keeps what is wrong with them."""

    def __init__(self, cells: Mapping[str, str]) -> None:
        self.cells = cells
        self.problems: list[BadBet] = []

    def of(self, name: str, read: Callable[[], _T]) -> _T | None:
        """Return what a reading finds; None where it is refused, which is kept."""
        try:
            return read()
        except BadBet as bad:
            self.problems.append(BadBet(bad.field or name, bad.expected, bad.found))
            return None

    def cell(self, column: str) -> str:
        return self.cells.get(column, "").strip()

    def text(self, text: Text) -> str:
        """Return a constant, or what a column says, translated."""
        if isinstance(text, str):
            return text
        found = self.cell(text.column) or self.cell(text.instead)
        if not text.map:
            return found
        if found not in text.map:
            raise BadBet("", f"one of {', '.join(text.map)}", found)
        return text.map[found]

    def plain(self, column: str, at_most: int) -> str:
        found = " ".join(self.cell(column).split()) if column else ""
        if len(found) > at_most or not found.isprintable():
            raise BadBet("", f"plain text of at most {at_most} characters", found)
        return found

    def named(self, text: Text, at_most: int) -> str:
        found = " ".join(self.text(text).split())
        if not found or len(found) > at_most or not found.isprintable():
            raise BadBet("", f"a name of at most {at_most} characters", found)
        return found

    def number(self, column: str) -> Decimal:
        found = self.cell(column)
        if _NUMBER.fullmatch(found) is None:
            raise BadBet("", "a plain number", found)
        return Decimal(found)

    def maybe(self, text: str) -> Decimal | None:
        if not text:
            return None
        if _NUMBER.fullmatch(text) is None:
            raise BadBet("", "a plain number, or nothing", text)
        return Decimal(text)

    def reference(self, spec: BetSpec, row: int, stem: str) -> str:
        told = self.plain(spec.reference, LONGEST_REFERENCE)
        number = f":{row}"
        return told or f"{stem[: LONGEST_REFERENCE - len(number)]}{number}"

    def currency(self, text: Text) -> str:
        found = self.text(text)
        if found and not (len(found) == 3 and found.isascii() and found.isupper()):
            raise BadBet("", "a currency code such as EUR, or nothing", found)
        return found

    def moment(self, moment: Moment) -> datetime:
        """Return a column's time in UTC."""
        found = self.cell(moment.column)
        try:
            read = (
                datetime.strptime(found, moment.format)  # noqa: DTZ007  # its zone comes below
                if moment.format
                else datetime.fromisoformat(found)
            )
            if moment.clock:
                read = datetime.combine(read.date(), time.fromisoformat(moment.clock))
            return _aware(read, moment.zone)
        except (ValueError, OverflowError) as bad:
            shape = moment.format or "2026-05-01T12:30+00:00"
            raise BadBet("", f"a time such as {shape}", found) from bad

    def outcome(self, spec: BetSpec, side: str) -> str:
        """Return how the bet ended: of a lay, the opposite of its selection."""
        if spec.outcome is None:
            return ""
        told = self.text(spec.outcome.told)
        if told not in {"", "PUSH", "VOID", *_TURNED}:
            raise BadBet("", f"one of PUSH, VOID, {', '.join(_TURNED)}", told)
        turned = spec.outcome.of == "SELECTION" and side == LAY
        return _TURNED.get(told, told) if turned else told

    def commission(self, spec: BetSpec) -> Decimal | None:
        """Return the share of the winnings that was taken."""
        if spec.commission is None:
            return None
        if (told := self.maybe(self.cell(spec.commission.column))) is None:
            return None
        share = told / 100 if spec.commission.unit == "PERCENT" else told
        if not 0 <= share < 1:
            raise BadBet("", "a share of the winnings from 0 to below 1", told)
        return share

    def profit(self, spec: BetSpec) -> Decimal | None:
        return None if spec.profit is None else self.maybe(self.text(spec.profit))

    def selection(self, spec: BetSpec) -> Wanted | RaceTold:
        chosen = spec.selection
        if isinstance(chosen, Known):
            return self._known(chosen)
        return self._race(chosen)

    def _known(self, known: Known) -> Wanted:
        moment = known.starts_at
        return Wanted(
            event=self.of("event", lambda: self.named(Pick(known.event), 250)) or "",
            market=self.of("market", lambda: self.named(known.market, 40)) or "",
            selection=self.of("selection", lambda: self.named(Pick(known.selection), 120)) or "",
            line=self.of("line", lambda: self.maybe(self.cell(known.line))),
            period=self.of("period", lambda: self.text(known.period)) or "FULL",
            about=self.of("about", lambda: self.plain(known.about, 160)) or "",
            competition=self.of("competition", lambda: self.plain(known.competition, 30)) or "",
            starts_at=self.of(
                "starts_at",
                lambda: self.moment(moment) if moment and self.cell(moment.column) else None,
            ),
        )

    def _race(self, race: Race) -> Wanted | RaceTold:
        found: dict[str, Any] = {
            "sport": self.of("sport", lambda: self.text(race.sport)),
            "country": self.of("country", lambda: self.text(race.country)),
            "track": self.of("track", lambda: self.named(Pick(race.track), 60)),
            "day": self.of("day", lambda: self.moment(race.day)),
            "race": self.of("race", lambda: self._whole(race.number, 99)),
            "market": self.of("market", lambda: self.text(race.market)),
            "market_id": self.of("market_id", lambda: self._whole(race.market_id, 10**18)),
            "runner_id": self.of("runner_id", lambda: self._whole(race.runner_id, 10**18)),
            "runner": self.of("runner", lambda: self.named(Pick(race.runner), LONGEST_NAME)),
        }
        if None in found.values():
            return _NOWHERE
        numbered = _CLOTH.fullmatch(found["runner"])
        local = found["day"].astimezone(ZoneInfo(race.day.zone))
        return RaceTold(
            **{
                **found,
                "day": local.date(),
                "market_id": f"{race.market_prefix}{found['market_id']}",
                "runner_id": str(found["runner_id"]),
                "runner": numbered[2] if numbered else found["runner"],
            },
            number=int(numbered[1]) if numbered else None,
            zone=race.day.zone,
        )

    def _whole(self, column: str, highest: int) -> int:
        found = self.cell(column)
        if _WHOLE.fullmatch(found) is None or not 0 < int(found) <= highest:
            raise BadBet("", f"a whole number from 1 to {highest}", found)
        return int(found)


def _aware(read: datetime, zone: str) -> datetime:
    return (read if read.tzinfo else read.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
