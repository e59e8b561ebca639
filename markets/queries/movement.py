"""How prices moved before events that have started: by hours to the start, steam, divergence."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from django.db import connection
from numpy.typing import NDArray

from markets.domain import margins, movement
from markets.models import Event, Mark
from markets.queries import moved_lines
from markets.queries.closes import closes, fair_of, main_lines, winners
from markets.queries.events import event_start
from markets.queries.moves import (
    Divergence,
    Movement,
    OpenToClose,
    Steamed,
    Timing,
)
from markets.queries.prices import LONGEST_STANDING
from monitoring import thresholds

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

EVENTS_AT_MOST = 2_000
LISTED_AT_MOST = 50
_HOUR = 3_600_000_000


def movement_report(
    *,
    until: datetime,
    since: datetime | None = None,
    sport: str | None = None,
    competition: str | None = None,
    kinds: Collection[str] | None = None,
    is_simulated: bool = False,
    events_at_most: int = EVENTS_AT_MOST,
) -> Movement:
    """Report on the newest events that started in the window and have their closes recorded."""
    events = _events(until, since, sport, competition, is_simulated, events_at_most)
    if not events:
        return Movement(0, since, until)
    found = closes(event_ids=list(events), kinds=kinds)
    fair = fair_of(found)
    found = found[found["takes_bets"] & found["fair_probability"].notna()]
    everywhere = found
    found = _on_main_lines(found, list(events))
    if found.empty or fair.empty:
        return Movement(len(events), since, until)
    quotes = _Quotes.of(found, fair, events)
    history = _History.of(quotes)
    steam = _steam(quotes, history)
    names = {key: event.name for key, event in events.items()}
    reverse = moved_lines.reverse_moves(everywhere, found, names)
    starts = [event.start for event in events.values()]
    return Movement(
        events=len(events),
        since=min(starts),
        until=max(starts),
        open_to_close=list(_open_to_close(quotes)),
        timing=list(_timing(quotes, history)),
        steam_found=len(steam),
        steam=steam[:LISTED_AT_MOST],
        reverse_found=len(reverse),
        reverse=reverse[:LISTED_AT_MOST],
        divergence=list(_divergence(quotes)),
        reference=_counts(fair.drop_duplicates("market_id")["book_code"]),
    )


def _counts(books: pd.Series) -> dict[str, int]:
    return {str(book): int(n) for book, n in books.value_counts().items()}


@dataclass(frozen=True, slots=True)
class _Event:
    name: str
    sport: str
    start: datetime
    time_scale: float


def _events(
    until: datetime,
    since: datetime | None,
    sport: str | None,
    competition: str | None,
    is_simulated: bool,
    at_most: int,
) -> dict[int, _Event]:
    rows = Event.objects.filter(
        starts_at__lt=until,
        close_recorded_for__isnull=False,
        competition__is_simulated=is_simulated,
    )
    if since is not None:
        rows = rows.filter(starts_at__gte=since)
    if sport is not None:
        rows = rows.filter(competition__sport__code=sport)
    if competition is not None:
        rows = rows.filter(competition__code=competition)
    newest = rows.annotate(start=event_start()).order_by("-starts_at", "-pk")
    columns = ("pk", "name", "competition__sport__code", "start", "competition__time_scale")
    return {
        row[0]: _Event(row[1], row[2], row[3], row[4])
        for row in newest.values_list(*columns)[:at_most]
    }


def _on_main_lines(found: pd.DataFrame, event_ids: list[int]) -> pd.DataFrame:
    """Leave out lines that a book had moved away from: their last prices are no closes."""
    lines = main_lines(event_ids=event_ids, at_close=True)
    pairs = set(zip(lines["market_id"], lines["book_id"], strict=True))
    has_line = found["line"].notna()
    is_main = [pair in pairs for pair in zip(found["market_id"], found["book_id"], strict=True)]
    return found[~has_line | np.array(is_main, dtype=bool)]


@dataclass(frozen=True, slots=True)
class _Quotes:
    """The closes of whole markets, by market and book, beside the reference's probability."""

    rows: pd.DataFrame
    begins: Ints  # of each market and book
    sizes: Ints
    sums_to: Ints
    events: dict[int, _Event]

    @classmethod
    def of(cls, found: pd.DataFrame, fair: pd.DataFrame, events: dict[int, _Event]) -> "_Quotes":
        rows = found.sort_values(["market_id", "book_id", "selection_id"], kind="stable")
        reference = fair.set_index("selection_id")
        rows = rows.assign(
            reference=rows["selection_id"].map(reference["fair_probability"]),
            reference_book=rows["selection_id"].map(reference["book_code"]),
            sport=rows["event_id"].map({key: event.sport for key, event in events.items()}),
        )
        rows = rows[rows["reference"].notna()].reset_index(drop=True)
        keys = rows[["market_id", "book_id"]].to_numpy()
        edges = np.flatnonzero((keys[1:] != keys[:-1]).any(axis=1)) + 1
        begins = np.append(0, edges)[: len(rows)]
        sizes = np.diff(np.append(begins, len(rows)))
        first = rows.iloc[begins]
        return cls(rows, begins, sizes, winners(first["kind"], first["places"]), events)

    def fair(self, prices: Floats) -> Floats:
        """Take the margin off other prices of the same markets; NaN where one is missing."""
        return margins.remove(
            prices=prices, sizes=self.sizes, expected=self.sizes, sums_to=self.sums_to
        ).probability

    def groups(self) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
        """Return each sport's kinds, and which rows are theirs."""
        for (sport, kind), _ in self.rows.groupby(["sport", "kind"], sort=True):
            mine = (self.rows["sport"] == sport) & (self.rows["kind"] == kind)
            yield str(sport), str(kind), mine.to_numpy()


def _open_to_close(quotes: _Quotes) -> Iterator[OpenToClose]:
    rows = quotes.rows
    moved = rows["fair_probability"].to_numpy() - quotes.fair(rows["opening_price"].to_numpy())
    value = rows["opening_price"].to_numpy() * rows["reference"].to_numpy() - 1
    event = rows["event_id"].to_numpy()
    is_opener = (rows["opening_exactness"] == "TRUE_OPENER").to_numpy()
    lines = moved_lines.shares(rows)
    for sport, kind, mine in quotes.groups():
        known = mine & np.isfinite(moved)
        yield OpenToClose(
            sport=sport,
            kind=kind,
            n=int(mine.sum()),
            events=int(np.unique(event[mine]).size),
            moved=float(np.abs(moved[known]).mean()) if known.any() else None,
            value=movement.mean_by_event(event=event[mine], value=value[mine]),
            beat=float((value[mine] > 0).mean()),
            true_openers=float(is_opener[mine].mean()),
            moved_lines=lines.get((sport, kind)),
        )


_HISTORY = """
SELECT selection_id, book_id, (extract(epoch FROM seen_at) * 1000000)::bigint, price::float8, mark
FROM markets_pricesnapshot
WHERE selection_id = ANY(%(selections)s) AND seen_at < %(until)s AND seen_at >= %(since)s
ORDER BY selection_id, book_id, seen_at
"""


@dataclass(frozen=True, slots=True)
class _History:
    """Every price shown before the start of the quotes' pairs, in order of pair and time."""

    quote: Ints  # the row of ``_Quotes``
    hours: Floats  # before the start, by the competition's own calendar
    price: Floats
    mark: Ints
    begins: Ints  # of each pair that has any
    pairs: Ints  # the quotes' rows that have any, one for each of ``begins``

    @classmethod
    def of(cls, quotes: _Quotes) -> "_History":
        rows = quotes.rows
        starts = rows["starts_at"]
        table = _read(rows["selection_id"].unique().tolist(), starts.max(), starts.min())
        pair = table[:, 0].astype(np.int64) * (1 << 20) + table[:, 1].astype(np.int64)
        wanted = (rows["selection_id"] * (1 << 20) + rows["book_id"]).to_numpy()
        order = np.argsort(wanted)
        place = np.searchsorted(wanted[order], pair)
        quote = order[np.minimum(place, order.size - 1)]
        start = starts.astype("datetime64[us, UTC]").astype("int64").to_numpy()
        scales = {key: event.time_scale for key, event in quotes.events.items()}
        scale = rows["event_id"].map(scales).to_numpy()
        hours = (start[quote] - table[:, 2].astype(np.int64)) / _HOUR * scale[quote]
        kept = (wanted[quote] == pair) & (hours > 0)
        quote, hours = quote[kept], hours[kept]
        price, mark = table[kept, 3].astype(np.float64), table[kept, 4].astype(np.int64)
        begins = np.flatnonzero(np.append(quote.size > 0, quote[1:] != quote[:-1]))[: quote.size]
        return cls(quote, hours, price, mark, begins, quote[begins])


def _read(selections: list[int], until: datetime, earliest: datetime) -> NDArray[Any]:
    with connection.cursor() as cursor:
        since = earliest - LONGEST_STANDING
        cursor.execute(_HISTORY, {"selections": selections, "until": until, "since": since})
        return np.array(cursor.fetchall(), dtype=object).reshape(-1, 5)


def _timing(quotes: _Quotes, history: _History) -> Iterator[Timing]:
    rows, enough = quotes.rows, thresholds.whole(movement.ENOUGH)
    event = rows["event_id"].to_numpy()
    close, reference = rows["fair_probability"].to_numpy(), rows["reference"].to_numpy()
    prices = []
    for window in movement.WINDOWS:
        at = movement.in_window(begins=history.begins, hours=history.hours, window=window)
        shown = np.full(len(rows), np.nan)
        shown[history.pairs[at >= 0]] = history.price[at[at >= 0]]
        prices.append((window, shown, close - quotes.fair(shown), shown * reference - 1))
    for sport, kind, mine in quotes.groups():
        windows = []
        for window, shown, moved, value in prices:
            known = mine & np.isfinite(shown) & np.isfinite(moved)
            windows.append(
                movement.summarise(
                    window=window, event=event[known], moved=moved[known], value=value[known]
                )
            )
        yield Timing(sport, kind, windows, movement.advice(windows, enough=enough))


def _steam(quotes: _Quotes, history: _History) -> list[Steamed]:
    """Find the steam moves, the newest event's first.

    A price that a source calls the close has no time of its own, so it times nothing.
    """
    rule = movement.Steaming(
        books=thresholds.whole(movement.STEAM_BOOKS),
        hours=thresholds.value(movement.STEAM_HOURS),
        step=thresholds.value(movement.STEAM_STEP),
    )
    if history.quote.size < rule.books:
        return []
    change = np.diff(1 / history.price, prepend=np.nan)
    is_first = np.zeros(change.size, dtype=bool)
    is_first[history.begins] = True
    usable = np.flatnonzero(~is_first & (history.mark != Mark.CLOSE))
    rows = quotes.rows
    found = movement.steam(
        selection=rows["selection_id"].to_numpy()[history.quote[usable]],
        book=rows["book_id"].to_numpy()[history.quote[usable]],
        hours=history.hours[usable],
        change=change[usable],
        rule=rule,
    )
    return _named(found, rows, quotes.events)


def _named(
    found: Sequence[movement.Steam], rows: pd.DataFrame, events: dict[int, _Event]
) -> list[Steamed]:
    columns = (rows[name].tolist() for name in ("selection_id", "event_id", "kind", "name"))
    about = {selection: rest for selection, *rest in zip(*columns, strict=True)}
    moves = []
    for move in found:
        event_id, kind, name = about[move.selection]
        moves.append(
            Steamed(
                event_id=int(event_id),
                event=events[int(event_id)].name,
                kind=kind,
                selection_id=move.selection,
                selection=name,
                direction=move.direction,
                from_hours=move.from_hours,
                to_hours=move.to_hours,
                books=move.books,
                change=move.change,
            )
        )
    return sorted(moves, key=lambda move: events[move.event_id].start, reverse=True)


def _divergence(quotes: _Quotes) -> Iterator[Divergence]:
    rows = quotes.rows[quotes.rows["book_code"] != quotes.rows["reference_book"]]
    distance = rows["fair_probability"] - rows["reference"]
    worth = rows["price"] * rows["reference"] > 1
    for book, mine in rows.groupby("book_code", sort=True).groups.items():
        yield Divergence(
            book=str(book),
            n=len(mine),
            distance=float(distance.loc[mine].abs().mean()),
            bias=float(distance.loc[mine].mean()),
            worth=float(worth.loc[mine].mean()),
        )
